"""The nightly run: pull from wearables' services, load what waits, compute what is due, score it, tell, publish."""

from __future__ import annotations

import logging
import os
import shutil
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from airflow.sdk import Asset, Param, dag, get_current_context, setup, task, teardown
from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowSkipException
from airflow.sdk.log import mask_secret

from cli import night, pulls
from cli.apps import PROVIDERS
from cli.settings import read_settings

log = logging.getLogger(__name__)

PUBLISHED = Asset(name="steadyline", uri="steadyline://published")
WRITER = "steadyline_writer"
"""A pool of one slot, since DuckDB has one writing process (docs/operate.md)."""
PATIENT_S = 600.0
"""Pulls load what they fetch outside of that pool: so long each waits for the others' writing."""


@task
def people(provider: str) -> list[str]:
    """List who is connected to a provider, but for who has to consent again."""
    return pulls.list_people(read_settings(os.environ), provider)


@task(map_index_template="{{ person }}")
def pull(participant: str, provider: str, run: dict[str, str]) -> None:
    """Pull one person's days from one provider; nothing of it goes into an XCom."""
    get_current_context()["person"] = participant  # type: ignore[typeddict-unknown-key]
    _, before = work(run)
    errand = pulls.Errand(participant, provider, before, instant(run), wait_s=PATIENT_S)
    outcome = pulls.pull_one(read_settings(os.environ), os.environ, errand, mask_secret)
    log.log(logging.WARNING if outcome.is_news else logging.INFO, outcome.line)
    if outcome.is_trouble:
        raise AirflowFailException(outcome.line)
    if outcome.state == "down":
        raise AirflowException(outcome.line)
    if outcome.state != "pulled":
        raise AirflowSkipException(outcome.line)


# One person's trouble, or one provider's, does not hold up the night.
@task(trigger_rule="all_done")
def tidy() -> int:
    """Once all pulls have ended, well or not: delete raw answers that are old; counts them."""
    return pulls.tidy(read_settings(os.environ), os.environ, now=datetime.now(UTC).replace(tzinfo=None))


@setup
@task
def begin() -> dict[str, str]:
    """Make the run's staging folder, and fix the run's day and instant."""
    context = get_current_context()
    after = context["dag_run"].run_after
    folder = night.begin_staging(read_settings(os.environ))
    before = context["params"]["date"] or after.date().isoformat()
    return {"staging": str(folder), "before": before, "now": after.isoformat()}


@task(pool=WRITER)
def load(run: dict[str, str]) -> int:
    """Load the inbox, and the export that was named, if one was; counts the loads."""
    settings, now = read_settings(os.environ), instant(run)
    waiting = night.load_inbox(settings, now=now)
    for folder in waiting:
        if folder.problem is not None:
            log.warning("inbox of %s: %s", folder.participant, folder.problem)
    given = get_current_context()["params"]
    if given["path"] is None:
        return len(waiting)
    who = {key: given[key] for key in ("participant", "timezone", "research")}
    night.load_export(settings, Path(given["path"]), now=now, **who)
    return len(waiting) + 1


@task
def plan() -> list[list[str]]:
    """Share the participants out into batches."""
    return night.plan_batches(read_settings(os.environ))


@task(map_index_template="{{ people }}")
def compute(batch: list[str], run: dict[str, str]) -> str | None:
    """Compute what is due for one batch of people."""
    get_current_context()["people"] = ", ".join(batch)  # type: ignore[typeddict-unknown-key]
    folder = night.compute_batch(read_settings(os.environ), *work(run), batch)
    return None if folder is None else str(folder)


@task(pool=WRITER)
def commit(folders: list[str | None], run: dict[str, str]) -> int:
    """Write the computed features; counts the participant-days."""
    staged = [Path(f) for f in folders if f is not None]
    return night.commit_stage(read_settings(os.environ), staged, now=instant(run)).partitions


@task(pool=WRITER)
def score(batches: list[list[str]], run: dict[str, str]) -> int:
    """Score what is due and write it; counts the participant-days."""
    settings = read_settings(os.environ)
    folder = night.score_people(settings, *work(run), everyone(batches))
    return night.commit_stage(settings, [folder], now=instant(run)).partitions


@task(pool=WRITER)
def effects(batches: list[list[str]], run: dict[str, str]) -> int:
    """Judge what people tried, where that is due, and write it; counts the participant-days."""
    settings = read_settings(os.environ)
    folder, unjudged = night.judge_effects(settings, *work(run), everyone(batches))
    written = night.commit_stage(settings, [folder], now=instant(run)).partitions
    if unjudged:
        raise AirflowFailException("\n".join(unjudged))
    return written


@task(pool=WRITER)
def insights(batches: list[list[str]], run: dict[str, str]) -> int:
    """Write the insights that are due; counts the participant-days."""
    settings = read_settings(os.environ)
    folder = night.write_daily(settings, *work(run), everyone(batches))
    return night.commit_stage(settings, [folder], now=instant(run)).partitions


@task(pool=WRITER, outlets=[PUBLISHED])
def publish(run: dict[str, str]) -> bool:
    """Publish the researchers' copy where anything in it changed."""
    return night.publish_copy(read_settings(os.environ), now=instant(run))


@teardown
@task
def end(run: dict[str, str]) -> None:
    """Remove the staging folder."""
    shutil.rmtree(run["staging"], ignore_errors=True)


@dag(
    dag_id="nightly",
    schedule="0 3 * * *",
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    tags=["steadyline"],
    default_args={"retries": 1, "retry_delay": timedelta(minutes=1)},
    params={
        "date": Param(None, type=["null", "string"], format="date", description="work the days before it"),
        "path": Param(None, type=["null", "string"], description="an export to load first"),
        "participant": Param(None, type=["null", "string"], description="whose export it is"),
        "timezone": Param(None, type=["null", "string"], description="where they live, for a new person"),
        "research": Param(default=False, type="boolean", description="they allow research tables"),
    },
    doc_md=__doc__,
)
def nightly() -> None:
    """Schedule only: every task is one call into `cli.night`."""
    run = begin()
    loaded, tidied = load(run), tidy()
    tidied >> loaded
    for provider in PROVIDERS:
        listed = people.override(task_id=f"people_{provider}")(provider)
        pulling = pull.override(task_id=f"pull_{provider}", pool=f"steadyline_{provider}")
        run >> listed
        pulling.partial(provider=provider, run=run).expand(participant=listed) >> tidied
    batches = plan()
    committed = commit(compute.partial(run=run).expand(batch=batches), run)
    loaded >> batches
    scored, ended = score(batches, run), end(run)
    committed >> scored >> insights(batches, run) >> publish(run) >> ended
    # Neither insights nor what is published read effects: an error in judging them holds up neither.
    scored >> effects(batches, run) >> ended


def instant(run: dict[str, str]) -> datetime:
    """Read the run's instant: UTC, naive, as the tables have it."""
    return datetime.fromisoformat(run["now"]).astimezone(UTC).replace(tzinfo=None)


def work(run: dict[str, str]) -> tuple[Path, date]:
    """Read what every verb takes: the staging folder and the day to stop before."""
    return Path(run["staging"]), date.fromisoformat(run["before"])


def everyone(batches: list[list[str]]) -> list[str]:
    """List the people of all batches."""
    return [person for batch in batches for person in batch]


nightly()

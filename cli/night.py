"""A night's work, step by step: what the DAGs schedule and what `steadyline nightly` runs in one go.

Each step takes the places and plain values and calls one verb of one stage; heavy imports happen in
the step that needs them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from cli.settings import Settings, make_places

if TYPE_CHECKING:
    from cli.post import Posted
    from cli.pulls import Outcome
    from ingest.inbox import Waiting
    from ingest.load import Progress
    from ingest.outcome import LoadReport
    from reports.weekly import WrittenWeeks
    from warehouse.commit import Committed

BATCH = 25
"""People a mapped task: several, since each task process pays its imports (4 s) once."""


@dataclass(frozen=True)
class Night:
    """What a night did: pulls, folders of the inbox, participant-days written a stage, whether it published.

    `unjudged` says whose effects could not be judged, and why.
    """

    pulls: tuple[Outcome, ...] = ()
    inbox: tuple[Waiting, ...] = ()
    written: dict[str, int] = field(default_factory=dict)
    published: bool = False
    unjudged: tuple[str, ...] = ()


def pull_everybody(
    settings: Settings,
    environ: Mapping[str, str],
    *,
    before: date,
    now: datetime,
    wait_s: float = 60.0,
    tell: Callable[[str], None] = lambda _: None,
) -> list[Outcome]:
    """Pull for everybody who is connected, and delete raw answers that are old."""
    from cli.pulls import pull_all, tidy

    outcomes = list(pull_all(settings, environ, before=before, now=now, wait_s=wait_s, tell=tell))
    tidy(settings, environ, now=now)
    return outcomes


def load_inbox(settings: Settings, *, now: datetime, wait_s: float = 60.0) -> list[Waiting]:
    """Load what waits in the inbox, and put it away."""
    from ingest.inbox import load_inbox as load_waiting
    from warehouse.staging import staging_folder

    make_places(settings)
    with staging_folder(settings.staging) as staging:
        return load_waiting(
            settings.inbox,
            settings.raw,
            warehouse=settings.warehouse,
            staging=staging,
            now=now,
            wait_s=wait_s,
        )


def load_export(
    settings: Settings,
    *paths: Path,
    now: datetime,
    participant: str | None = None,
    timezone: str | None = None,
    device: str | None = None,
    research: bool = False,
    wait_s: float = 60.0,
    progress: Progress | None = None,
) -> LoadReport:
    """Load files or folders of one person."""
    from ingest.load import load
    from warehouse.staging import staging_folder

    make_places(settings)
    with staging_folder(settings.staging) as staging:
        return load(
            list(paths),
            warehouse=settings.warehouse,
            staging=staging,
            participant=participant,
            timezone=timezone,
            device=device,
            research=research,
            now=now,
            wait_s=wait_s,
            progress=progress,
        )


def plan_batches(settings: Settings, *, wait_s: float = 60.0) -> list[list[str]]:
    """Share all participants out into batches; none where there is no warehouse yet."""
    from warehouse.status import list_participants

    people = list_participants(settings.warehouse, wait_s=wait_s)
    return [people[i : i + BATCH] for i in range(0, len(people), BATCH)]


def begin_staging(settings: Settings) -> Path:
    """Make a staging folder for one run; the run removes it when it ends."""
    from warehouse.staging import make_run_folder

    make_places(settings)
    return make_run_folder(settings.staging)


def compute_batch(settings: Settings, staging: Path, before: date, batch: Sequence[str]) -> Path | None:
    """Compute the features that are due for a batch of people; names the staged folder, if any."""
    from features.compute import compute

    model = settings.sleep_model if settings.sleep_model.is_file() else None
    return compute(settings.warehouse, staging, participants=batch, before=before, sleep_model=model)


def score_people(settings: Settings, staging: Path, before: date, people: Sequence[str]) -> Path | None:
    """Score the days that are due."""
    from models.score import score

    return score(settings.warehouse, staging, participants=people, before=before)


def judge_effects(
    settings: Settings, staging: Path, before: date, people: Sequence[str]
) -> tuple[Path | None, list[str]]:
    """Judge what people tried, on the Mondays that are due; also says whom an error left out."""
    from models.effect.judge import judge

    judged = judge(settings.warehouse, staging, participants=people, before=before)
    return judged.folder, [
        f"{who}: what they tried could not be judged ({error}). This is an error of Steadyline: their days stay due,"
        f" everybody else was judged. 'steadyline effect --participant {who}' shows where it is."
        for who, error in judged.failed.items()
    ]


def write_daily(settings: Settings, staging: Path, before: date, people: Sequence[str]) -> Path | None:
    """Write the insights that are due."""
    from reports.daily import write_insights

    return write_insights(settings.warehouse, staging, participants=people, before=before)


def commit_stage(
    settings: Settings, folders: Sequence[Path | None], *, now: datetime, wait_s: float = 60.0
) -> Committed:
    """Commit what a stage staged."""
    from warehouse.commit import commit

    return commit(settings.warehouse, [f for f in folders if f is not None], now=now, wait_s=wait_s)


def publish_copy(settings: Settings, *, now: datetime, wait_s: float = 60.0) -> bool:
    """Publish the researchers' copy, where anything in it changed."""
    from warehouse.publish import publish

    return publish(settings.warehouse, settings.published, now=now, group=settings.group, wait_s=wait_s)


def write_pages(
    settings: Settings,
    *,
    before: date,
    now: datetime,
    participants: Sequence[str] | None = None,
    of: date | None = None,
    out: Path | None = None,
    wait_s: float = 60.0,
) -> WrittenWeeks:
    """Write weekly pages, for everyone or for some, and beside them the months to look back on."""
    from reports.months import write_months
    from reports.weekly import write_week
    from warehouse.staging import staging_folder

    everyone = [person for batch in plan_batches(settings, wait_s=wait_s) for person in batch]
    people = everyone if participants is None else list(participants)
    with staging_folder(settings.staging) as staging:
        written = write_week(
            settings.warehouse, staging, out or settings.reports, participants=people, of=of, before=before
        )
        commit_stage(settings, [written.folder], now=now, wait_s=wait_s)
    write_months(settings.warehouse, out or settings.reports, participants=people, before=before)
    return written


def mail_pages(
    settings: Settings,
    environ: Mapping[str, str],
    *,
    before: date,
    now: datetime,
    participants: Sequence[str] | None = None,
    of: date | None = None,
    out: Path | None = None,
    wait_s: float = 60.0,
) -> Posted:
    """Mail the pages to those who asked for them, and the mails that still wait.

    Raises
    ------
    PostError
        If mails wait because no server can be used: its text is what `Posted.told` says.
    """
    from cli.post import PostError, post_weeks

    posted = post_weeks(
        settings,
        environ,
        before=before,
        now=now,
        participants=participants,
        of=of,
        out=out,
        wait_s=wait_s,
    )
    if posted.problem is not None:
        raise PostError("\n".join(posted.told))
    return posted


def watch_all(
    settings: Settings, environ: Mapping[str, str], *, before: date, wait_s: float = 60.0
) -> tuple[list[str], list[str]]:
    """Tell the operator what is news; gives the lines, and what kept them from being sent."""
    from cli.watch import watch

    return watch(settings, environ, before=before, wait_s=wait_s)


def run_night(
    settings: Settings,
    *,
    before: date,
    now: datetime,
    jobs: int = 1,
    environ: Mapping[str, str] | None = None,
    wait_s: float = 60.0,
    tell: Callable[[str], None] = lambda _: None,
) -> Night:
    """Do all that is due: pull (where an environment is given), load, compute, score, write, judge, publish."""
    from warehouse.staging import staging_folder

    pulls: list[Outcome] = []
    if environ is not None:
        pulls = pull_everybody(settings, environ, before=before, now=now, wait_s=wait_s, tell=tell)
    tell("loading the inbox")
    waiting = load_inbox(settings, now=now, wait_s=wait_s)
    batches = plan_batches(settings, wait_s=wait_s)
    people = [person for batch in batches for person in batch]
    written: dict[str, int] = {}
    with staging_folder(settings.staging) as staging:
        tell("computing features")
        folders = compute_all(settings, staging, batches, before, jobs)
        written["features"] = commit_stage(settings, folders, now=now, wait_s=wait_s).partitions
        tell("scoring")
        scored = score_people(settings, staging, before, people) if people else None
        written["models"] = commit_stage(settings, [scored], now=now, wait_s=wait_s).partitions
        tell("writing insights")
        insights = write_daily(settings, staging, before, people) if people else None
        written["reports"] = commit_stage(settings, [insights], now=now, wait_s=wait_s).partitions
        tell("judging what people tried")
        judged, unjudged = judge_effects(settings, staging, before, people) if people else (None, [])
        written["effects"] = commit_stage(settings, [judged], now=now, wait_s=wait_s).partitions
    tell("publishing")
    published = publish_copy(settings, now=now, wait_s=wait_s) if people else False
    return Night(tuple(pulls), tuple(waiting), written, published, tuple(unjudged))


def compute_all(
    settings: Settings, staging: Path, batches: Sequence[Sequence[str]], before: date, jobs: int
) -> list[Path | None]:
    """Compute all batches, `jobs` of them at a time."""
    if jobs <= 1 or len(batches) <= 1:
        return [compute_batch(settings, staging, before, batch) for batch in batches]
    n = len(batches)
    with ProcessPoolExecutor(max_workers=jobs) as pool:
        return list(pool.map(compute_batch, [settings] * n, [staging] * n, [before] * n, batches))

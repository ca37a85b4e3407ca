"""The weekly pages, after a night has published: of the last complete week with data, then the mails."""

from __future__ import annotations

import logging
import os
from datetime import UTC, date, datetime, timedelta

from airflow.sdk import Asset, Param, dag, get_current_context, task

from cli import night
from cli.settings import read_settings

log = logging.getLogger(__name__)

PUBLISHED = Asset(name="steadyline", uri="steadyline://published")


@dag(
    dag_id="weekly",
    schedule=[PUBLISHED],
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    tags=["steadyline"],
    default_args={"retries": 1, "retry_delay": timedelta(minutes=1)},
    params={
        "date": Param(None, type=["null", "string"], format="date", description="the week before this day")
    },
    doc_md=__doc__,
)
def weekly() -> None:
    """Schedule only."""

    @task(pool="steadyline_writer")
    def write_pages() -> int:
        """Write the page of everyone whose week is complete, leaving unchanged ones alone; counts them."""
        context = get_current_context()
        after = context["dag_run"].run_after
        given = context["params"]["date"]
        before = date.fromisoformat(given) if given else after.date()
        now = after.astimezone(UTC).replace(tzinfo=None)
        return len(night.write_pages(read_settings(os.environ), before=before, now=now).pages)

    @task
    def mail() -> dict[str, int]:
        """Mail the pages to those who asked for them; counts what was sent and what waits."""
        context = get_current_context()
        after = context["dag_run"].run_after
        given = context["params"]["date"]
        before = date.fromisoformat(given) if given else after.date()
        now = after.astimezone(UTC).replace(tzinfo=None)
        posted = night.mail_pages(read_settings(os.environ), os.environ, before=before, now=now)
        for line in posted.told[1:]:
            log.warning(line)
        return {"sent": posted.sent, "waiting": posted.waiting, "refused": len(posted.refused)}

    write_pages() >> mail()


weekly()

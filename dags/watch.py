"""The watch, every morning: data that stopped, streams that fell to nothing, consents and services that end."""

from __future__ import annotations

import logging
import os
from datetime import UTC, date, datetime, timedelta

from airflow.sdk import Param, dag, get_current_context, task
from airflow.sdk.exceptions import AirflowException

from cli import night
from cli.settings import read_settings

log = logging.getLogger(__name__)


@dag(
    dag_id="watch",
    schedule="0 6 * * *",
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    tags=["steadyline"],
    default_args={"retries": 1, "retry_delay": timedelta(minutes=10)},
    params={"date": Param(None, type=["null", "string"], format="date", description="look on this day")},
    doc_md=__doc__,
)
def watch() -> None:
    """Schedule only."""

    @task
    def tell() -> int:
        """Tell what is news; counts it. A notifier that does not work is a reason to try again."""
        context = get_current_context()
        given = context["params"]["date"]
        before = date.fromisoformat(given) if given else context["dag_run"].run_after.date()
        lines, problems = night.watch_all(read_settings(os.environ), os.environ, before=before)
        for line in lines:
            log.warning(line)
        if problems:
            raise AirflowException("; ".join(problems))
        return len(lines)

    tell()


watch()

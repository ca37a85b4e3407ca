"""docs/trace.md keeps its word: its queries run on the sample, and lead from the page to the record."""

from __future__ import annotations

import json
import re
import zipfile
from typing import Any

import pytest
from conftest import ROOT, Ran

from warehouse.status import query

Rows = list[dict[str, Any]]


@pytest.fixture(scope="module")
def answers(sample_run: Ran) -> list[Rows]:
    """What each query of the document gives on the sample, in order."""
    text = (ROOT / "docs" / "trace.md").read_text(encoding="utf-8")
    found = []
    for sql in re.findall(r"```sql\n(.*?)```", text, flags=re.DOTALL):
        names, rows = query(sample_run.settings.warehouse, sql)
        found.append([dict(zip(names, row, strict=True)) for row in rows])
    return found


def test_every_step_leads_to_the_next(answers: list[Rows], sample_run: Ran) -> None:
    week, parts, index, baseline, feature, again, *_ = answers
    page = (sample_run.settings.reports / week[0]["page_path"]).read_text(encoding="utf-8")
    assert week[0]["sentence"].split(":")[0] in page
    (part,) = (p for p in parts if p["feature"] == "rhr_night")
    assert index[0]["contributions"] == index[0]["latent"]
    assert (part["usual_lo"], part["usual_hi"]) == (baseline[0]["usual_lo"], baseline[0]["usual_hi"])
    assert part["value"] == feature[0]["value"]
    assert again[0]["bins"] == feature[0]["n_obs"]
    assert again[0]["rhr_night"] == pytest.approx(feature[0]["value"], abs=1e-6)


def test_the_record_that_a_row_names_is_in_the_file(answers: list[Rows]) -> None:
    records = answers[6]
    assert not any(
        answers[7:]
    )  # the sample tried nothing (tests/test_tried_pages.py asks them of somebody who did)
    assert len(records) > 5
    with zipfile.ZipFile(ROOT / "sample_data" / "fitbit" / "MyFitbitData.zip") as zipped:
        for row in records:
            with zipped.open(row["member_path"].split("!")[-1]) as member:
                record = json.load(member)[row["record"]]
            assert record["dateTime"] == f"{row['t_utc']:%m/%d/%y %H:%M:%S}"
            assert record["value"] == {"bpm": row["hr_bpm"], "confidence": row["confidence"]}

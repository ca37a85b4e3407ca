"""The export in IEEE 1752.1 and Open mHealth: what a point says, that it is valid, and that nothing vanishes."""

from __future__ import annotations

import csv
import json
import re
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from standard_rows import CLOCK, FIRST, SOURCE, hours, put, three_days, value, write_standard

from reports.export.moments import Aliases
from reports.export.omh import check_point, write_omh
from reports.export.omh_points import Point
from warehouse.aliases import Alias
from warehouse.errors import ExplainedError

STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(Z|[+-]\d\d:\d\d)")
NIGHT = {
    "time_interval": {
        "start_date_time": "2026-07-06T22:30:00+02:00",
        "end_date_time": "2026-07-07T06:30:00+02:00",
    }
}
DAY = {
    "time_interval": {
        "start_date_time": "2026-07-07T00:00:00+02:00",
        "end_date_time": "2026-07-08T00:00:00+02:00",
    }
}


def export(warehouse: Path, folder: Path, aliases: Aliases = None) -> list[tuple[str, int]]:
    return write_standard(write_omh, warehouse, folder, aliases)


def read(folder: Path, name: str = "p-one") -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / f"{name}.jsonl").read_text("utf-8").splitlines()]


def bodies(points: list[dict[str, Any]], schema: str) -> list[dict[str, Any]]:
    return [p["body"] for p in points if p["header"]["schema_id"]["name"] == schema]


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    base = tmp_path_factory.mktemp("omh")
    export(three_days(base), base / "out")
    return base / "out"


def test_a_night_is_told_in_four_schemas_with_local_time_and_offset(folder: Path) -> None:
    points = read(folder)

    def minutes(number: float) -> dict[str, Any]:
        return {"value": number, "unit": "min"}

    assert bodies(points, "sleep-episode") == [
        {
            "total_sleep_time": minutes(450),
            "light_sleep_duration": minutes(240),
            "deep_sleep_duration": minutes(90),
            "rem_sleep_duration": minutes(120),
            "number_of_awakenings": 2,
            # 450 of the 480 min from onset to wake, not of the 500 in bed.
            "sleep_efficiency_percentage": {"value": 93.75, "unit": "%"},
            "is_main_sleep": True,
            "wake_after_sleep_onset": minutes(30),
            "effective_time_frame": NIGHT,
        }
    ]
    assert bodies(points, "total-sleep-time") == [
        {"total_sleep_time": minutes(450), "is_main_sleep": True, "effective_time_frame": NIGHT}
    ]
    (summary,) = bodies(points, "sleep-stage-summary")
    assert summary["sleep_stage_summary"]["light_sleep_percentage"] == {"value": 53.33, "unit": "%"}
    assert summary["sleep_stage_summary"]["awake_duration"] == minutes(30)
    (bed,) = bodies(points, "time-in-bed")
    assert bed["time_in_bed"] == minutes(500)
    assert bed["effective_time_frame"]["time_interval"] == {
        "start_date_time": "2026-07-06T22:20:00+02:00",
        "end_date_time": "2026-07-07T06:40:00+02:00",
    }


def test_heart_rates_say_of_what_they_are(folder: Path) -> None:
    first, second, third, last = bodies(read(folder), "heart-rate")
    rate = {"value": 54.12, "unit": "beats/min"}
    assert first == {
        "heart_rate": rate,
        "temporal_relationship_to_physical_activity": "at rest",
        "temporal_relationship_to_sleep": "during sleep",
        "effective_time_frame": NIGHT,
    }
    # Half of the day at 60, half at 72.
    assert second["heart_rate"]["value"] == 66
    assert second["descriptive_statistic"] == "average"
    assert second["effective_time_frame"] == DAY
    assert third["heart_rate"]["value"] == 56
    assert "temporal_relationship_to_sleep" not in third
    assert last["heart_rate"]["value"] == 66


def test_a_median_is_said_to_be_one_and_the_vendors_one_value_is_not(folder: Path) -> None:
    (breaths,) = bodies(read(folder), "respiratory-rate")
    assert breaths == {
        "respiratory_rate": {"value": 14, "unit": "breaths/min"},
        "effective_time_frame": NIGHT,
    }
    (oxygen,) = bodies(read(folder), "oxygen-saturation")
    assert oxygen["descriptive_statistic"] == "median"
    assert oxygen["oxygen_saturation"] == {"value": 96, "unit": "%"}


def test_steps_are_of_the_local_day_and_workouts_of_their_time(folder: Path) -> None:
    points = read(folder)
    first, third = bodies(points, "step-count")
    assert first == {"step_count": {"value": 8000, "unit": "steps"}, "effective_time_frame": DAY}
    assert third["step_count"]["value"] == 3000
    run, dance = bodies(points, "physical-activity")
    assert run == {
        "activity_name": "run",
        "duration": {"value": 45, "unit": "min"},
        "base_movement_quantity": {"value": 3000, "unit": "steps"},
        "effective_time_frame": {
            "time_interval": {
                "start_date_time": "2026-07-07T18:00:00+02:00",
                "end_date_time": "2026-07-07T18:45:00+02:00",
            }
        },
    }
    assert dance["activity_name"] == "sword dance"
    assert "base_movement_quantity" not in dance
    modes = [
        p["header"]["modality"] for p in points if p["header"]["schema_id"]["name"] == "physical-activity"
    ]
    assert modes == ["sensed", "self-reported"]


def test_a_header_takes_its_time_from_the_data_and_its_id_from_what_is_said(folder: Path) -> None:
    points = read(folder)
    for point in points:
        frame = point["body"]["effective_time_frame"]["time_interval"]
        assert point["header"]["source_creation_date_time"] == frame["end_date_time"]
        assert all(STAMP.fullmatch(stamp) for stamp in frame.values())
    ids = [point["header"]["uuid"] for point in points]
    assert len(set(ids)) == len(ids)
    assert all(
        re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", i) for i in ids
    )


def test_a_changed_value_is_a_new_point_and_the_others_stay(tmp_path: Path) -> None:
    ids = []
    for steps in (8000.0, 8001.0):
        base = tmp_path / str(steps)
        base.mkdir()
        rows = [value(FIRST, "steps", steps), value(FIRST, "rhr_vendor", 56.0)]
        export(put(base, values=rows, hours=hours(FIRST)), base / "out")
        points = read(base / "out")
        ids.append({p["header"]["schema_id"]["name"]: p["header"]["uuid"] for p in points})
    assert ids[0]["step-count"] != ids[1]["step-count"]
    assert ids[0]["heart-rate"] == ids[1]["heart-rate"]


def test_no_name_of_a_device_and_nothing_that_stays_with_a_person_leaves(folder: Path) -> None:
    text = "".join(path.read_text("utf-8") for path in folder.iterdir())
    assert not re.search("Ann|4711|Ring of", text)
    assert "oura-1" in text
    assert not any("felt_stress" in path.read_text("utf-8") for path in folder.glob("*.jsonl"))
    told = {row["measure"]: row["reason"] for row in rows(folder / "omitted.csv")}
    assert told["felt_stress"] == told["cycle_start"] == "stays with the person"


def test_quality_has_a_row_for_each_point_of_a_feature(folder: Path) -> None:
    points = read(folder)
    graded = {row["uuid"]: row for row in rows(folder / "quality.csv")}
    of_features = [p for p in points if p["header"]["schema_id"]["name"] != "physical-activity"]
    assert set(graded) == {p["header"]["uuid"] for p in of_features}
    (low,) = (p for p in points if p["header"]["schema_id"]["name"] == "oxygen-saturation")
    assert graded[low["header"]["uuid"]] == {
        "uuid": low["header"]["uuid"],
        "quality": "low",
        "coverage": "0.3",
        "final": "true",
    }
    steps = [p for p in points if p["header"]["schema_id"]["name"] == "step-count"]
    # The third day ends with the last heart rate: it may still change.
    assert [graded[p["header"]["uuid"]]["final"] for p in steps] == ["true", "false"]


def test_what_is_missing_is_listed_with_its_reason(folder: Path) -> None:
    told = {(r["person"], r["measure"]): (r["days"], r["reason"]) for r in rows(folder / "omitted.csv")}
    assert told["p-one", "tst_min"] == ("1", "no data")
    assert told["p-one", "hr_mean_day"] == ("1", "no data")
    assert told["", "rmssd_night"][1].startswith("no published schema")
    assert told["", "skin_temp_night"][1].startswith("skin temperature is not body temperature")
    assert told["", "body_stress_signal"][1].startswith("no published schema")
    assert told["", "signal.beat"][1].startswith("raw signals")


def test_de_identified_times_are_moved_and_have_no_offset(tmp_path: Path) -> None:
    written = export(three_days(tmp_path), tmp_path / "out", {"p-one": Alias("s-77", -21)})
    assert [name for name, _ in written] == ["omitted.csv", "quality.csv", "s-77.jsonl"]
    points = read(tmp_path / "out", "s-77")
    (sleep,) = bodies(points, "total-sleep-time")
    assert sleep["effective_time_frame"]["time_interval"] == {
        "start_date_time": "2026-06-15T22:30:00Z",
        "end_date_time": "2026-06-16T06:30:00Z",
    }
    assert not bodies(points, "physical-activity")
    told = {row["measure"]: row["reason"] for row in rows(tmp_path / "out" / "omitted.csv")}
    assert told["signal.workout"].startswith("when somebody exercised")
    text = "".join(path.read_text("utf-8") for path in (tmp_path / "out").iterdir())
    assert not re.search(r"p-one|in-07|ix-07|2026-07-0|\+02:00|Ann", text)


def test_ids_do_not_join_a_de_identified_export_to_the_other(tmp_path: Path) -> None:
    warehouse = three_days(tmp_path)
    export(warehouse, tmp_path / "one")
    export(warehouse, tmp_path / "two", {"p-one": Alias("s-77", 0)})
    ids = [
        {p["header"]["uuid"] for p in read(tmp_path / f, n)} for f, n in (("one", "p-one"), ("two", "s-77"))
    ]
    assert not ids[0] & ids[1]


def test_a_person_without_an_alias_cannot_slip_through(tmp_path: Path) -> None:
    with pytest.raises(KeyError):
        export(three_days(tmp_path), tmp_path / "out", {"p-two": Alias("s-1", 7)})


def test_the_night_of_the_change_of_clocks_keeps_both_offsets_or_its_length(tmp_path: Path) -> None:
    # 25 October 2026 in Berlin: asleep 23:00 (+02:00) to 06:00 (+01:00), 8 h by the sun; 22:00 by the clock at wake.
    day = date(2026, 10, 25)
    clock = {"onset_clock_h": -2.0, "wake_clock_h": 6.0, "offset_onset_min": 120.0, "offset_wake_min": 60.0}
    rows = [value(day, name, number) for name, number in {**clock, "tst_min": 450.0}.items()]
    # The local day has 25 hours: from 22:00 UTC the day before to 23:00 UTC.
    midnight = datetime(2026, 10, 24, 22)
    clocks = [
        {
            **row,
            "hour_utc": midnight + timedelta(hours=k),
            "offset_min": 120 if k < 3 else 60,
            "worn_min": 60.0,
        }
        for k, row in enumerate([*hours(day), hours(day)[0]])
    ]
    warehouse = put(tmp_path, values=[*rows, value(day, "steps", 100.0)], hours=clocks)
    export(warehouse, tmp_path / "plain")
    points = read(tmp_path / "plain")
    assert bodies(points, "total-sleep-time")[0]["effective_time_frame"]["time_interval"] == {
        "start_date_time": "2026-10-24T23:00:00+02:00",
        "end_date_time": "2026-10-25T06:00:00+01:00",
    }
    assert bodies(points, "step-count")[0]["effective_time_frame"]["time_interval"] == {
        "start_date_time": "2026-10-25T00:00:00+02:00",
        "end_date_time": "2026-10-26T00:00:00+01:00",
    }
    export(warehouse, tmp_path / "moved", {"p-one": Alias("s-77", 7)})
    moved = bodies(read(tmp_path / "moved", "s-77"), "total-sleep-time")[0]
    assert moved["effective_time_frame"]["time_interval"] == {
        "start_date_time": "2026-10-31T22:00:00Z",
        "end_date_time": "2026-11-01T06:00:00Z",
    }
    # A day of 25 hours would tell which one it is.
    steps = bodies(read(tmp_path / "moved", "s-77"), "step-count")[0]
    assert steps["effective_time_frame"]["time_interval"] == {
        "start_date_time": "2026-11-01T00:00:00Z",
        "end_date_time": "2026-11-02T00:00:00Z",
    }


def test_an_estimated_window_is_told_of_no_sleep(tmp_path: Path) -> None:
    told = {**CLOCK, "window_estimated": 1.0, "rhr_night": 55.0}
    values = [value(FIRST, name, number, quality="low") for name, number in told.items()]
    values.append(value(FIRST, "tst_min", None, reason="the sleep window is estimated from heart rate"))
    export(put(tmp_path, values=values, hours=hours(FIRST, worn=0)), tmp_path / "out")
    assert [p["header"]["schema_id"]["name"] for p in read(tmp_path / "out")] == ["heart-rate"]
    told_rows = rows(tmp_path / "out" / "omitted.csv")
    assert ("tst_min", "the sleep window is estimated from heart rate") in {
        (row["measure"], row["reason"]) for row in told_rows if row["person"]
    }


def test_a_length_of_a_log_is_not_called_time_in_bed(tmp_path: Path) -> None:
    values = [value(FIRST, n, x) for n, x in {**CLOCK, "tst_min": 450.0, "tib_min": 480.0}.items()]
    values.append(value(FIRST, "se", None, reason="no true time in bed from this device"))
    export(put(tmp_path, values=values), tmp_path / "out")
    assert not bodies(read(tmp_path / "out"), "time-in-bed")


def test_the_same_tables_give_the_same_bytes(tmp_path: Path) -> None:
    warehouse = three_days(tmp_path)
    files = []
    for name in ("one", "two"):
        export(warehouse, tmp_path / name)
        files.append({path.name: path.read_bytes() for path in (tmp_path / name).iterdir()})
    assert files[0] == files[1]


def test_an_invalid_point_stops_the_export_with_one_sentence() -> None:
    schema = {"namespace": "omh", "name": "heart-rate", "version": "2.0"}
    header = {"uuid": "x", "schema_id": schema, "source_creation_date_time": "2026-07-07T06:30:00Z"}
    body = {"heart_rate": {"value": 54, "unit": "bpm"}, "effective_time_frame": NIGHT}
    with pytest.raises(
        ExplainedError, match=r"p-one\.jsonl, line 3 .*heart_rate/unit: 'bpm'.*nothing was exported"
    ):
        check_point(Point(header, body, None, None, None), "p-one.jsonl, line 3")


def test_devices_are_numbered_by_first_use(tmp_path: Path) -> None:
    later = FIRST + timedelta(days=1)
    values = [
        value(FIRST, "steps", 5.0, source="oura/zoe's ring"),
        value(later, "steps", 6.0, source="oura/a new ring"),
        value(later, "rhr_vendor", 50.0, source=SOURCE),
    ]
    export(put(tmp_path, values=values, hours=[*hours(FIRST), *hours(later)]), tmp_path / "out")
    sheets = {
        p["body"]["step_count"]["value"]: p["header"]["external_datasheets"][1]["datasheet_reference"]
        for p in read(tmp_path / "out")
        if p["header"]["schema_id"]["name"] == "step-count"
    }
    assert sheets[5].endswith("#oura-2")
    assert sheets[6].endswith("#oura-3")

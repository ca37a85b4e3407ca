"""Free segments: what is measured in them, whose are exported, and how the file appears."""

from __future__ import annotations

import csv
import dataclasses
import json
import math
import stat
import statistics
import subprocess
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from signal_rows import NOW, day_rows, fill, instant, load_rows, offset_min
from tachograms import swing

from features import compute, segment_export, segment_measures
from features.segment_export import SCHEMA, choose_people, measure_segments, write_rows
from features.segment_measures import FEATURES, Beating
from features.segments import (
    Instance,
    SegmentError,
    read_segments,
)
from features.sleep import Totals
from features.work import to_day
from warehouse.commit import commit
from warehouse.staging import stage
from warehouse.store import open_warehouse

P, Q = "p-aaaaaa", "p-bbbbbb"
STREAM = {"participant": P, "source": "made", "device": "unknown"}
FIRST, DAYS = date(2020, 3, 27), 12
RAISED = date(2020, 4, 6)
BEATS_ON, SKIN_ON = date(2020, 4, 2), date(2020, 4, 4)
GAP_ON, COARSE_ON = date(2020, 4, 1), date(2020, 3, 31)

MORNING = "day_parts:\n  - name: m\n    start: 09:00\n    length: 6 h\n"


def beat_rows(day: date) -> list[dict[str, object]]:
    """An hour of beats from 15:00, with a strap off for some of it and an hour of nothing after."""
    rr_ms, end_s = swing(3, (0.1, 30.0), (0.25, 20.0), span_s=3600.0)
    kept = (end_s < 1500) | (end_s > 2100) & (end_s % 300 < 210) | (end_s > 3000)
    start = instant(day, 15)
    return [
        {
            **STREAM,
            "t_utc": start + timedelta(seconds=float(t)),
            "offset_min": offset_min(start),
            "rr_ms": float(r),
            "gap_before": False,
        }
        for r, t in zip(rr_ms[kept], end_s[kept], strict=True)
    ]


def skin_rows(day: date) -> dict[str, list[dict[str, object]]]:
    """Two hours of skin conductance from 21:00, a response every half minute, of a warm and quiet wrist."""
    start, rng = instant(day, 21), np.random.default_rng(4)
    stamp = {**STREAM, "device": "wrist", "offset_min": offset_min(start)}
    t = np.arange(0, 7200, 0.25)
    level = 2 + 0.3 * np.exp(-(((t % 30) - 10) ** 2) / 4)
    eda = [
        {**stamp, "t_utc": start + timedelta(seconds=float(a)), "eda_us": float(v)}
        for a, v in zip(t, level, strict=True)
    ]
    moved = rng.normal(0, 0.015, (7200, 3)) + np.array([0, 0, 1])
    return {
        "signal.eda": eda,
        "signal.acceleration": [
            {**stamp, "t_utc": start + timedelta(seconds=i), "x_g": x, "y_g": y, "z_g": z}
            for i, (x, y, z) in enumerate(moved.tolist())
        ],
        "signal.vital": [
            {
                **stamp,
                "vital": "skin_temperature",
                "t_utc": start + timedelta(minutes=i),
                "value": 33.0,
                "unit": "Cel",
            }
            for i in range(120)
        ],
    }


def with_gap(rows: dict[str, list[dict[str, object]]]) -> dict[str, list[dict[str, object]]]:
    """A day on which the device lay about from 13:00 to 15:20: no heart rate, and steps listed as none."""
    low, high = instant(GAP_ON, 13), instant(GAP_ON, 15 + 1 / 3)
    heart, steps = (
        [row for row in rows[table] if not low <= row["t_utc"] < high]  # type: ignore[operator]
        for table in ("signal.heart_rate", "signal.steps")
    )
    stamp = {**STREAM, "offset_min": offset_min(low), "span_s": 60, "steps": 0}
    steps += [{**stamp, "t_utc": low + timedelta(minutes=i)} for i in range(140)]
    return rows | {"signal.heart_rate": heart, "signal.steps": steps}


def with_coarse_steps(rows: dict[str, list[dict[str, object]]]) -> dict[str, list[dict[str, object]]]:
    """A day whose steps from 12:00 to 18:00 came as totals of a quarter of an hour."""
    low, high = instant(COARSE_ON, 12), instant(COARSE_ON, 18)
    fine = [row for row in rows["signal.steps"] if not low <= row["t_utc"] < high]  # type: ignore[operator]
    starts = [low + timedelta(minutes=m) for m in range(0, 360, 15)]
    coarse = [
        {**STREAM, "t_utc": t, "offset_min": offset_min(t), "span_s": 900, "steps": 1800 if i % 3 else 0}
        for i, t in enumerate(starts)
    ]
    return rows | {"signal.steps": fine + coarse}


def event_rows() -> list[dict[str, object]]:
    at = instant(BEATS_ON, 15.5)
    return [
        {**STREAM, "event": "mindful", "t_utc": t, "offset_min": offset_min(t)}
        for t in (at, at - timedelta(days=900))
    ]


def compute_all(warehouse: Path) -> None:
    folder = compute.compute(
        warehouse, warehouse.parent / "staging", participants=[P, Q], before=date(2021, 1, 1)
    )
    assert folder is not None
    commit(warehouse, [folder], now=NOW)


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A person of 12 days over the change of clocks, and another who allowed research; only looked at."""
    path = tmp_path_factory.mktemp("segments") / "w.duckdb"
    days = [FIRST + timedelta(days=i) for i in range(DAYS)]
    parts = [day_rows(P, d, rise_bpm=8.0 if d == RAISED else 0.0) for d in days]
    changed = {GAP_ON: with_gap, COARSE_ON: with_coarse_steps}
    parts = [changed.get(d, dict)(part) for d, part in zip(days, parts, strict=True)]
    parts += [{"signal.beat": beat_rows(BEATS_ON)}, skin_rows(SKIN_ON), {"signal.event": event_rows()}]
    parts.append(day_rows(Q, days[4], seed=9))
    load_rows(path, participants=[P, Q], parts=parts)
    with stage(path.parent / "staging", "ingest", method_version="made-1") as staged:
        stamp = {"number": 1, "granted": True, "version": "1", "since_utc": NOW.replace(tzinfo=None)}
        allowed = [
            {"participant": Q, "purpose": "research", **stamp},
            {"participant": P, "purpose": "mail", **stamp},
        ]
        staged.add("meta.consent", fill("meta.consent", allowed))
    commit(path, [staged.folder], now=NOW)
    compute_all(path)
    return path


WANTED = """
day_parts:
  - {name: day, start: "00:00", length: 24 h}
  - {name: to six, start: "00:00", length: 6 h}
  - {name: to noon, start: "06:00", length: 6 h}
  - {name: to 18, start: "12:00", length: 6 h}
  - {name: to midnight, start: "18:00", length: 6 h}
  - {name: sleep, start: "12:00", length: 24 h}
  - {name: hour, start: "15:00", length: 60 min}
  - {name: minutes, start: "15:01", length: 6 min}
  - {name: evening, start: "21:00", length: 3 h}
around_events:
  - {name: practice, event: mindful, from: -30 min, to: 30 min}
"""
Rows = dict[tuple[str, date, str], dict[str, Any]]


@pytest.fixture(scope="module")
def rows(warehouse: Path) -> Rows:
    """Rows of the person by segment, date and feature."""
    (table,) = measure_segments(warehouse, read_segments(WANTED, file="s"), participant=P)
    assert table.schema == SCHEMA
    return {(r["segment"], r["day"], r["feature"]): r for r in table.to_pylist()}


def ask(warehouse: Path, sql: str, *given_: object) -> list[tuple[Any, ...]]:
    with open_warehouse(warehouse, read_only=True) as con:
        return con.execute(sql, list(given_)).fetchall()


def days_of(rows: Rows, segment: str) -> list[date]:
    return sorted({day for name, day, _ in rows if name == segment})


def test_every_instance_has_every_feature_with_a_value_or_a_reason_never_both(rows: Rows) -> None:
    instances = {(segment, day) for segment, day, _ in rows}
    assert len(rows) == len(instances) * len(FEATURES)
    assert len(days_of(rows, "day")) == DAYS + 1  # The last night ends on a day of its own.
    for row in rows.values():
        assert (row["value"] is None) != (row["reason"] is None), row
        assert row["value"] is None or math.isfinite(row["value"])
        assert row["coverage"] is None or 0 <= row["coverage"] <= 1
        assert row["unit"] == {f.name: f.unit for f in FEATURES}[row["feature"]]


SAME = (
    "worn_min",
    "steps",
    "mvpa_min",
    "sedentary_min",
    "yield_minutes",
    "yield_hours",
    "wear_minutes",
    "wear_hours",
)


def test_the_whole_day_has_the_values_of_the_day(rows: Rows, warehouse: Path) -> None:
    stored = ask(
        warehouse,
        "select day, feature, value from feature.value where participant = ? and value is not null"
        " and feature in (select unnest(?)) and day >= ?",
        P,
        [*SAME, "scr_rate"],
        FIRST,
    )
    assert len(stored) > len(SAME) * DAYS
    for day, feature, value in stored:
        assert rows["day", day, feature]["value"] == value, (day, feature)
    assert rows["evening", SKIN_ON, "scr_rate"]["value"] == pytest.approx(2.0, abs=0.1)
    assert rows["evening", SKIN_ON, "scr_rate"]["source"] == "made/wrist"
    assert rows["evening", BEATS_ON, "scr_rate"]["reason"] == "no data"


def test_the_parts_of_a_day_add_up_to_it_also_when_it_has_25_hours(rows: Rows) -> None:
    for day in days_of(rows, "day")[:-1]:
        for feature in ("worn_min", "steps", "mvpa_min", "sedentary_min"):
            parts = [
                rows[name, day, feature]["value"] for name in ("to six", "to noon", "to 18", "to midnight")
            ]
            # A part asleep throughout has no waking minutes to count; cadence is null where steps are coarse.
            assert sum(v or 0 for v in parts) == (rows["day", day, feature]["value"] or 0), (day, feature)
    assert rows["to 18", GAP_ON, "worn_min"]["value"] == 220
    long = rows["to six", date(2020, 4, 5), "worn_min"]
    assert (long["value"], long["end_utc"] - long["start_utc"]) == (420, timedelta(hours=7))


def test_steps_of_a_quarter_of_an_hour_are_steps_and_no_cadence(rows: Rows) -> None:
    told = {feature: rows["to 18", COARSE_ON, feature] for feature in ("steps", "mvpa_min", "sedentary_min")}
    assert told["steps"]["value"] == 16 * 1800
    # 120 a minute if they were shared out: but nobody counted them by the minute.
    assert told["mvpa_min"]["reason"] == "steps were not counted by the minute"
    # The eight quarters without a step are known in every minute.
    assert (told["sedentary_min"]["value"], told["sedentary_min"]["n_obs"]) == (120, 120)
    assert rows["to noon", COARSE_ON, "mvpa_min"]["reason"] is None


def test_a_rhythm_too_uneven_keeps_its_heart_rate_and_loses_its_variability() -> None:
    def told(uneven: float) -> dict[str, Any]:
        values = {name: np.array([40.0, 60.0]) for name in segment_measures.BEATS}
        some = Beating(np.array([0, 300]), np.array([2, 2]), np.full(2, uneven), values)
        return segment_measures.measure_windows(some, of=4)

    for uneven, reason in ((0.1, None), (0.2, "too uneven to use")):
        measures = told(uneven)
        assert (measures["rmssd_ms"].reason, measures["sdnn_ms"].reason) == (reason, reason)
        assert (measures["mean_hr_bpm"].value, measures["mean_hr_bpm"].coverage) == (50.0, 0.5)


def test_minutes_asleep_from_noon_to_noon_are_those_of_the_night(rows: Rows, warehouse: Path) -> None:
    stored = ask(
        warehouse,
        "select day - 1, value from feature.value where participant = ? and feature = 'tst24_min' and value > 0",
        P,
    )
    assert len(stored) == DAYS
    for day, value in stored:
        assert rows["sleep", day, "asleep_min"]["value"] == value
    assert rows["hour", FIRST, "asleep_min"]["value"] == 0
    # The last sleep ends at 06:14 of a day that has nothing else.
    last = rows["to noon", FIRST + timedelta(days=DAYS), "asleep_min"]
    assert (last["value"], last["n_obs"], last["quality"]) == (14, 14, "low")
    assert rows["to 18", FIRST + timedelta(days=DAYS), "asleep_min"]["reason"] == "no data"


def test_heart_rate_is_told_from_the_minutes_recorded(rows: Rows) -> None:
    heart = [
        r["hr_bpm"]
        for r in day_rows(P, FIRST)["signal.heart_rate"]
        if instant(FIRST, 15) <= r["t_utc"] < instant(FIRST, 16)  # type: ignore[operator]
    ]
    told = {f: rows["hour", FIRST, f] for f in ("hr_mean", "hr_min", "hr_max", "hr_sd", "hr_median")}
    expected = (statistics.mean, min, max, statistics.stdev, statistics.median)
    assert [told[f]["value"] for f in told] == pytest.approx([e(heart) for e in expected], abs=1e-6)  # type: ignore[operator]
    assert {(r["n_obs"], r["coverage"]) for r in told.values()} == {(60, 1.0)}


def test_heart_rate_above_expected_shows_a_raised_day_and_waits_for_a_fit(rows: Rows) -> None:
    raised, usual = (rows["to 18", RAISED - timedelta(days=d), "ahr_mean"]["value"] for d in (0, 1))
    assert raised - usual == pytest.approx(8, abs=0.3)
    assert usual == pytest.approx(0, abs=0.7)
    assert rows["to 18", FIRST, "ahr_mean"]["reason"] == "fewer than 5 days before it"
    assert rows["to six", RAISED, "ahr_mean"]["reason"] == "asleep throughout"
    short = rows["minutes", RAISED, "ahr_mean"]
    assert short["reason"] == f"too few still waking minutes: {short['n_obs']} of 15"


def test_variability_is_of_the_windows_that_lie_wholly_in_the_segment(rows: Rows, warehouse: Path) -> None:
    for name, low, high in (("hour", 15, 16), ("practice", 15, 16), ("to 18", 12, 18)):
        start, end = instant(BEATS_ON, low), instant(BEATS_ON, high)
        stored = ask(
            warehouse,
            "select quality, rmssd_ms, sdnn_ms, mean_hr_bpm from feature.window"
            " where start_utc >= ? and start_utc + interval 5 minutes <= ?",
            start,
            end,
        )
        told = {f.name: rows[name, BEATS_ON, f.name] for f in FEATURES}
        quality = [row[0] for row in stored]
        # Of the hour 25 min are whole, then 10 without a beat, 15 at 70 %, and 10 whole again.
        assert (quality.count("good"), quality.count("fair")) == (7, 3)
        assert (told["windows_good"]["value"], told["windows_fair"]["value"]) == (7, 3)
        for place, feature in ((1, "rmssd_ms"), (2, "sdnn_ms"), (3, "mean_hr_bpm")):
            known = [row[place] for row in stored if row[0] and row[place] is not None]
            assert told[feature]["value"] == pytest.approx(statistics.median(known), abs=1e-6)
            assert told[feature]["n_obs"] == len(known) == (7 if feature == "sdnn_ms" else 10)
            assert told[feature]["coverage"] == pytest.approx(len(known) / (12 * (high - low)), abs=1e-6)
    # 15:01 to 15:07 holds no stretch from :00 or :05; other days hold no beats.
    assert (
        rows["minutes", BEATS_ON, "rmssd_ms"]["reason"] == "no stretch of 5 minutes of the clock lies in it"
    )
    assert rows["hour", FIRST, "windows_good"]["reason"] == "no beats from this device"


def test_an_event_long_before_the_data_is_there_and_told_nothing(rows: Rows) -> None:
    early, _ = days_of(rows, "practice")
    assert early == BEATS_ON - timedelta(days=900)
    assert {rows["practice", early, f.name]["reason"] for f in FEATURES} == {"no data"}


@pytest.mark.parametrize("segment", ["hour", "to midnight"])
def test_windows_of_a_changed_day_wait_until_they_are_computed(
    segment: str, warehouse: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "w.duckdb"
    copy.write_bytes(warehouse.read_bytes())
    more = [{**row, "rr_ms": 700.0} for row in beat_rows(BEATS_ON)[:50]]
    load_rows(copy, participants=[P], parts=[{"signal.beat": more}], export=1)
    (table,) = measure_segments(copy, read_segments(WANTED, file="s"), participant=P)
    reasons = {
        row["day"]: row["reason"]
        for row in table.to_pylist()
        if (row["segment"], row["feature"]) == (segment, "rmssd_ms")
    }
    wait = "windows of these days are not computed yet: run 'steadyline nightly'"
    assert {day for day, reason in reasons.items() if reason == wait} == {
        BEATS_ON + timedelta(days=d) for d in (-1, 0, 1)
    }


def test_a_sleep_of_which_only_the_total_is_known_counts_whole_or_not_at_all(
    warehouse: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    caught: list[segment_measures.Prepared] = []
    made = segment_export.prepare

    def catch(*args: Any, **words: Any) -> segment_measures.Prepared:
        caught.append(made(*args, **words))
        return caught[-1]

    monkeypatch.setattr(segment_export, "prepare", catch)
    list(measure_segments(warehouse, read_segments(WANTED, file="s"), participant=P))
    prepared = caught[0]
    log = prepared.person.nights[to_day(BEATS_ON)].logs[0]
    total = dataclasses.replace(log, totals=Totals(tst_min=400.0))
    told = dataclasses.replace(prepared, totals=(total,))
    start, end = log.onset_s // 60, log.wake_s // 60
    whole = segment_measures.measure_segment(told, Instance("whole", start - 60, end + 60, 0))["asleep_min"][
        0
    ]
    part = segment_measures.measure_segment(told, Instance("part", start - 60, end - 60, 0))["asleep_min"][0]
    beside = segment_measures.measure_segment(told, Instance("beside", end, end + 60, 0))["asleep_min"][0]
    assert whole.value == pytest.approx(400)
    assert (part.value, part.reason) == (None, "only totals of the sleep from this device")
    assert beside.value == 0


# --- the export --------------------------------------------------------------------------------


def test_what_a_person_called_their_device_stays_with_them(warehouse: Path, tmp_path: Path) -> None:
    copy = tmp_path / "w.duckdb"
    copy.write_bytes(warehouse.read_bytes())
    with open_warehouse(copy) as con:
        con.execute("update meta.stream set device = 'Kim''s watch' where device = 'unknown'")
    segments = read_segments("day_parts: [{name: day, start: '00:00', length: 24 h}]", file="s")
    sources = {
        participant: {
            row["source"]
            for table in measure_segments(copy, segments, participant=participant)
            for row in table.to_pylist()
            if row["source"] is not None
        }
        for participant in (None, Q)
    }
    assert sources == {None: {"made/device 1"}, Q: {"made/Kim's watch"}}


def test_only_those_who_allowed_research_are_exported_unasked(warehouse: Path) -> None:
    segments = read_segments(MORNING, file="s")
    tables = list(measure_segments(warehouse, segments))
    assert [table["participant"].unique().to_pylist() for table in tables] == [[Q]]
    assert choose_people({P: False, Q: True}, P) == [P]
    with pytest.raises(SegmentError, match=r"Nobody here allowed research.*--participant"):
        choose_people({P: False}, None)
    with pytest.raises(SegmentError, match="There is no participant x: 'steadyline status'"):
        choose_people({P: False}, "x")


def test_of_everyone_no_segment_tells_a_single_minute(warehouse: Path, tmp_path: Path) -> None:
    chain = "".join(f"  - {{name: p{k}, start: '09:0{k}', length: 1 h}}\n" for k in range(9))
    segments = read_segments(f"day_parts:\n{chain}", file="s")
    with pytest.raises(SegmentError, match=r"^Segment 'p1' begins or ends between two steps of 5 min"):
        write_rows(measure_segments(warehouse, segments), tmp_path / "out.csv")
    assert list(tmp_path.iterdir()) == []
    assert len(list(measure_segments(warehouse, segments, participant=P))) == 1  # their own copy


def test_a_segment_does_not_depend_on_what_else_is_asked_for(warehouse: Path, rows: Rows) -> None:
    alone = "day_parts:\n  - {name: to noon, start: '06:00', length: 6 h, on: [mon]}\n"
    (table,) = measure_segments(warehouse, read_segments(alone, file="s"), participant=P)
    found = table.to_pylist()
    assert {row["day"] for row in found} == {date(2020, 3, 30), date(2020, 4, 6)}
    assert found == [rows["to noon", row["day"], row["feature"]] for row in found]


def test_the_warehouse_is_only_read(warehouse: Path) -> None:
    before = warehouse.read_bytes()
    list(measure_segments(warehouse, read_segments(WANTED, file="s"), participant=P))
    assert warehouse.read_bytes() == before


@pytest.mark.parametrize("name", ["out.csv", "out.parquet"])
def test_an_export_is_whole_private_and_the_same_in_both_forms(
    name: str, warehouse: Path, rows: Rows, tmp_path: Path
) -> None:
    segments = read_segments(WANTED, file="s")
    assert write_rows(measure_segments(warehouse, segments, participant=P), tmp_path / name) == (1, len(rows))
    assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == [name]
    expected = list(rows.values())
    if name.endswith("parquet"):
        assert pq.read_table(tmp_path / name).to_pylist() == expected
        return
    with (tmp_path / name).open(newline="", encoding="utf-8") as file:
        read = list(csv.DictReader(file))
    assert [float(row["value"]) if row["value"] else None for row in read] == [
        row["value"] for row in expected
    ]
    assert read[0]["start_utc"] == "2020-03-26 13:00:00Z"
    assert [row["reason"] or None for row in read] == [row["reason"] for row in expected]


def test_an_export_cut_short_leaves_nothing_and_an_old_file_as_it_was(
    warehouse: Path, tmp_path: Path
) -> None:
    target = tmp_path / "out.csv"

    def broken() -> Iterator[pa.Table]:
        yield SCHEMA.empty_table()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_rows(broken(), target)
    assert list(tmp_path.iterdir()) == []
    tables = measure_segments(warehouse, read_segments(MORNING, file="s"))
    with pytest.raises(SegmentError, match=r"out\.csv is there already: give --out a name"):
        write_rows(tables, target, release=lambda _: nullcontext(target.write_text("meanwhile")))
    assert [path.name for path in tmp_path.iterdir()] == ["out.csv"]
    with pytest.raises(SegmentError, match=r"out\.csv is there already"):
        write_rows(broken(), target)
    assert target.read_text(encoding="utf-8") == "meanwhile"
    with pytest.raises(SegmentError, match=r"neither \.csv nor \.parquet"):
        write_rows(broken(), tmp_path / "out.xlsx")


def test_the_command_measures_tells_and_explains(
    warehouse: Path, tmp_path: Path, steadyline: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    file = tmp_path / "s.yaml"
    file.write_text(MORNING, encoding="utf-8")

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        asked = ("--warehouse", str(warehouse), "features", "--segments", str(file), *words)
        return steadyline(*asked, var=tmp_path / "var", COLUMNS="80")

    shown = run("--participant", P)
    assert shown.returncode == 0, shown.stderr
    assert "hr_median" in shown.stdout
    assert max(map(len, shown.stdout.splitlines())) <= 88
    written = run("--out", str(tmp_path / "out.csv"))
    assert written.stdout.endswith(f"out.csv: {len(FEATURES) * 2} rows of 1 person\n")
    again = run("--out", str(tmp_path / "out.csv"))
    assert (again.returncode, len(again.stderr.splitlines())) == (1, 1)
    assert "is there already" in again.stderr
    assert len(json.loads(run("--json").stdout)) == len(FEATURES) * 2
    assert run().returncode == 0
    left = "select participant, format, times from meta.released order by all"
    assert ask(warehouse, left) == [(Q, name, 1) for name in ("csv", "json", "screen")]
    file.write_text(MORNING.replace("09:00", "9"), encoding="utf-8")
    refused = run()
    assert refused.returncode == 1
    assert refused.stderr.startswith("s.yaml, line 3: 'start' cannot be '9'; expected a local clock time")
    assert len(refused.stderr.strip().splitlines()) == 1

"""Google Takeout of Fitbit in all its layouts: what comes through, by which clock, and what is refused."""

from __future__ import annotations

import io
import json
import random
import shutil
import zipfile
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fitbit_export import (
    SAMPLE,
    hashes_of,
    heart_record,
    load_into,
    rows_of,
    sleep_log,
    vendor_json,
    write_folder,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.clock import MINUTE_US
from ingest.context import Reading
from ingest.export import walk
from ingest.files import fitbit_takeout
from ingest.files.fitbit_takeout.stillness import weigh_steps
from ingest.files.fitbit_takeout.verdict import Pulse, Rests, Verdict, judge_clock
from ingest.registry import claim
from ingest.source import Batch, Export, Member, Rejected, Remark

FIXTURE = Path(__file__).parent / "fixtures" / "takeout"
ZONE = "Europe/Berlin"
WRITTEN = datetime(2026, 11, 1)
PA = "Takeout/Google Health/Physical Activity_GoogleData/"
HF = "Takeout/Google Health/Health Fitness Data_GoogleData/"
OLD = "Takeout/Fitbit/"
Rows = dict[str, list[dict[str, Any]]]


class Found:
    """What a source gave: rows by table, refusals, remarks, complete spans."""

    def __init__(self, files: Mapping[str, str | bytes], zone: str = ZONE, fresh: str = "") -> None:
        members = [member(path, content) for path, content in files.items()]
        assert all(fitbit_takeout.claims(m) for m in members)
        kept = [m for m in members if fitbit_takeout.stream(m.name)]
        self.members = tuple(sorted(kept, key=lambda m: (m.name, m.path)))
        places = tuple(i for i, m in enumerate(self.members) if m.name.startswith(fresh))
        export = Export("x.zip", self.members, places, WRITTEN)
        self.rows: Rows = {}
        self.refused: list[dict[str, Any]] = []
        self.remarks: list[str] = []
        self.complete: list[Any] = []
        self.read_bytes = 0
        for found in fitbit_takeout.read(export, Reading(zone, self.count)):
            if isinstance(found, Batch):
                self.rows.setdefault(found.table, []).extend(found.rows.to_pylist())
                self.complete += found.complete
            elif isinstance(found, Rejected):
                self.refused += found.rows.to_pylist()
            elif isinstance(found, Remark):
                self.remarks.append(found.text)

    def count(self, size: int) -> None:
        self.read_bytes += size

    def of(self, table: str, *names: str) -> list[Any]:
        """Some columns of a table's rows, in order of the first."""
        picked = [tuple(row.get(name) for name in names) for row in self.rows.get(f"signal.{table}", [])]
        return sorted(picked, key=str)

    def values(self) -> list[str]:
        """All rows without where they came from, to compare."""
        return sorted(
            str((table, sorted((k, str(v)) for k, v in row.items() if k not in ("member", "record"))))
            for table, rows in self.rows.items()
            for row in rows
        )


def member(path: str, content: str | bytes) -> Member:
    data = content.encode() if isinstance(content, str) else content
    return Member(path, len(data), WRITTEN, lambda: io.BytesIO(data))


def fixture(layout: str) -> dict[str, bytes]:
    root = FIXTURE / layout
    return {p.relative_to(root).as_posix(): p.read_bytes() for p in sorted(root.rglob("*")) if p.is_file()}


def nights(first: str, count: int, *, offset_h: float = 2, bpm: tuple[int, int] = (75, 50)) -> dict[str, str]:
    """Heart-rate JSON of local days: slow from 23:00 to 07:00 by the local clock, stamped in UTC."""
    files = {}
    for number in range(count):
        day = datetime.fromisoformat(first) + timedelta(days=number)
        records = [
            heart_record(
                day + timedelta(minutes=m, seconds=3) - timedelta(hours=offset_h),
                bpm[1] if m < 7 * 60 or m >= 23 * 60 else bpm[0],
            )
            for m in range(1440)
        ]
        files[f"Takeout/Google Health/Global Export Data/heart_rate-{day:%Y-%m-%d}.json"] = vendor_json(
            records
        )
    return files


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text)


# --- what comes through --------------------------------------------------------------------------


def test_the_newer_layout_comes_through() -> None:
    found = Found(fixture("newer"))
    assert found.refused == []
    assert found.of("heart_rate", "t_utc", "offset_min", "hr_bpm", "confidence", "device") == [
        (utc("2026-10-20T10:00:00"), 120, 71.0, None, "Pixel Watch 3"),
        (utc("2026-10-20T10:00:05"), 120, 72.5, None, "Pixel Watch 3"),
        (utc("2026-10-26T10:00:00"), 60, 80.0, None, "Pixel Watch 3"),  # winter time since the 25th
    ]
    assert found.of("steps", "t_utc", "span_s", "steps", "device") == [
        (utc("2026-10-20T10:00:00"), 60, 29, "Pixel Watch 3"),
        (utc("2026-10-20T10:00:00"), 60, 31, "MobileTrack"),  # the phone by itself, not summed
        (utc("2026-10-20T10:01:00"), 60, 12, None),
    ]
    midnight = [utc("2026-10-18T22:00:00") + timedelta(days=d) for d in range(4)]  # of 19 to 22 October
    assert found.of("vital", "vital", "t_utc", "value", "unit") == [
        ("respiration", midnight[1], 15.6, "/min"),
        ("respiration", utc("2026-10-20T05:10:00"), 15.8, "/min"),
        ("respiration", utc("2026-10-21T05:10:00"), 14.6, "/min"),  # thousandths, as the column says
        ("resting_heart_rate", midnight[1], 57.25, "/min"),
        ("skin_temperature", midnight[1], 34.25, "Cel"),
        ("skin_temperature", midnight[2], 34.5, "Cel"),
        ("skin_temperature_deviation", midnight[2], 0.375, "Cel"),
        ("spo2", utc("2026-10-20T01:05:00"), 96.4, "%"),
        ("spo2_night", midnight[1], 95.7, "%"),
    ]
    assert found.of("hrv_sample", "hrv", "t_utc", "span_s", "value_ms") == [
        ("rmssd_5min", utc("2026-10-19T23:05:00"), 300, 41.5),  # 01:05Z is 01:05 in Berlin
        ("rmssd_deep", midnight[1], None, 44.4),
        ("rmssd_night", midnight[1], None, 38.2),
        ("rmssd_night", midnight[2], None, 36.0),
    ]
    assert found.of("vendor_score", "score", "t_utc", "value", "label") == [
        ("readiness", midnight[1], 74.0, "high"),
        ("readiness", midnight[2], 68.0, None),
        ("sleep_score", utc("2026-10-20T05:00:00"), 81.5, None),
    ]
    assert found.of(
        "workout", "t_utc", "end_utc", "offset_min", "activity", "detected", "hr_mean_bpm", "steps"
    ) == [
        (utc("2026-10-20T16:00:00"), utc("2026-10-20T16:30:00"), 120, "outdoor walk", True, 104.0, 3100),
        (utc("2026-10-21T16:00:00"), utc("2026-10-21T17:00:00"), 120, "bike", False, None, None),
    ]


def test_the_sleeps_of_the_newer_layout_have_their_own_offset_and_their_wakes_cut_out() -> None:
    found = Found(fixture("newer"), zone="Asia/Tokyo")
    assert found.of(
        "sleep_episode",
        "episode",
        "t_utc",
        "end_utc",
        "offset_min",
        "end_offset_min",
        "scoring",
        "vendor_main",
    ) == [
        (f"700000000000000000{n}", utc(start), utc(end), 120, 120, scoring, None)
        for n, start, end, scoring in (
            (1, "2026-10-18T21:00:00", "2026-10-19T05:00:00", "stages"),
            (2, "2026-10-19T21:00:00", "2026-10-20T05:00:00", "stages"),
            (3, "2026-10-20T21:00:00", "2026-10-21T05:00:00", "stages"),
            (4, "2026-10-21T12:00:00", "2026-10-21T13:00:00", "classic"),
        )
    ]
    assert found.of("sleep_stage", "t_utc", "end_utc", "stage", "offset_min", "episode") == [
        (utc(start), utc(end), stage, 120, "7000000000000000002")
        for start, end, stage in (
            ("2026-10-19T21:00:00", "2026-10-19T22:30:00", "light"),
            ("2026-10-19T22:30:00", "2026-10-19T22:32:00", "wake"),
            ("2026-10-19T22:32:00", "2026-10-19T23:00:00", "light"),
            ("2026-10-19T23:00:00", "2026-10-20T02:00:00", "deep"),
            ("2026-10-20T02:00:00", "2026-10-20T05:00:00", "rem"),
        )
    ]
    revision = int((utc("2026-10-20T05:20:00") - datetime(1970, 1, 1)).total_seconds())
    assert {row["revision"] for row in found.rows["signal.sleep_stage"]} == {revision}
    # Offsets beside sleeps show where the wearer was: a heart rate on those days is Berlin's.
    assert {row["offset_min"] for row in found.rows["signal.vital"] if "2026-10-20" in str(row["t_utc"])} == {
        120
    }


def test_the_older_layout_comes_through() -> None:
    found = Found(fixture("older"))
    assert found.refused == []
    midnight = [utc("2026-09-14T22:00:00") + timedelta(days=d) for d in range(2)]
    assert found.of("hrv_sample", "hrv", "t_utc", "span_s", "value_ms", "coverage") == [
        ("rmssd_5min", utc("2026-09-15T00:10:00"), 300, 35.5, 0.95),
        ("rmssd_night", midnight[0], None, 33.25, None),
    ]
    assert found.of("vital", "vital", "t_utc", "value", "unit") == [
        ("respiration", midnight[0], 15.4, "/min"),
        ("respiration", utc("2026-09-15T05:05:00"), 15.2, "/min"),
        ("skin_temperature", utc("2026-09-14T21:10:00"), 33.75, "Cel"),
        ("spo2", utc("2026-09-15T01:00:00"), 97.2, "%"),
        ("spo2_night", midnight[0], 95.5, "%"),
    ]
    assert found.of("vendor_score", "score", "t_utc", "value", "label") == [
        ("readiness", midnight[0], 61.0, "med"),
        ("sleep_score", utc("2026-09-15T05:00:00"), 84.0, None),
        ("stress_score", midnight[0], 78.0, None),
    ]
    # The stress journal's instants are right, its offset (+09:00) is not the wearer's.
    assert found.of("eda", "t_utc", "offset_min", "eda_us") == [
        (utc("2026-10-20T03:00:00"), 120, 2.75),
        (utc("2026-10-20T03:01:00"), 120, 2.5),
    ]
    assert found.of("checkin", "scale", "t_utc", "offset_min", "label", "value") == [
        ("mood", utc("2026-10-20T03:30:00.500"), 120, "calm", None)
    ]
    assert found.of("event", "event", "t_utc", "end_utc", "app", "amount") == [
        ("eda_scan", utc("2026-10-21T18:00:00"), utc("2026-10-21T18:02:00"), "Fitbit", 2.0),
        ("mindful", utc("2026-10-20T18:00:00"), utc("2026-10-20T18:10:00"), "Fitbit", 10.0),
    ]


# --- layouts: roots, languages, split zips ---------------------------------------------------------


def moved(files: Mapping[str, bytes], old: str, new: str) -> dict[str, bytes]:
    return {path.replace(old, new): data for path, data in files.items()}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("Takeout/Google Health", "Takeout/Fitbit"),
        ("Takeout/Google Health", "MyFitbitData/Ada"),
        ("Physical Activity_GoogleData", "Körperliche Aktivität_GoogleData"),
        ("Takeout/Google Health/Health Fitness Data_GoogleData", "Gesundheit und Fitness"),
    ],
)
def test_members_are_known_by_base_name_in_any_folder(old: str, new: str) -> None:
    assert Found(moved(fixture("newer"), old, new)).values() == Found(fixture("newer")).values()


def test_a_csv_outside_the_exports_folders_is_known_by_its_header() -> None:
    good = member("x/heart_rate_2026-10-01.csv", "timestamp,beats per minute\n")
    other = member("x/heart_rate_2026-10-01.csv", "time,bpm\n")
    assert fitbit_takeout.claims(good)
    assert not fitbit_takeout.claims(other)
    assert not fitbit_takeout.claims(member("x/weight.csv", "Date,Weight (kg)\n"))
    assert not fitbit_takeout.claims(member("x/README.txt", "hello"))
    assert fitbit_takeout.claims(member("Takeout/Fitbit/Biometrics/README.txt", "hello"))


@pytest.mark.parametrize("layout", ["newer", "older"])
def test_each_name_fits_one_stream(layout: str) -> None:
    for path in fixture(layout):
        name = Path(path).name
        fits = [s for s in fitbit_takeout.STREAMS if s.pattern.fullmatch(name)]
        assert len(fits) <= 1
        assert fitbit_takeout.claims(member(path, b""))


def write_parts(place: Path, files: Mapping[str, bytes], parts: int) -> list[Path]:
    paths = []
    for part in range(parts):
        name = f"takeout-20261101T000000Z-{part + 1:03d}.zip" if parts > 1 else "takeout-20261101T000000Z.zip"
        with zipfile.ZipFile(place / name, "w", zipfile.ZIP_DEFLATED) as made:
            for path in sorted(files)[part::parts]:
                made.writestr(zipfile.ZipInfo(path, (2026, 11, 1, 0, 0, 0)), files[path])
        paths.append(place / name)
    return paths


@pytest.mark.parametrize("layout", ["newer", "older"])
def test_an_export_loads_the_same_whole_in_parts_and_twice(layout: str, tmp_path: Path) -> None:
    files = fixture(layout)
    hashes = []
    for number, parts in enumerate((1, 3)):
        place = tmp_path / str(number)
        place.mkdir()
        paths = write_parts(place, files, parts)
        report = load_into(place, *paths, timezone=ZONE)
        assert (report.refused, report.unclaimed) == (0, ())
        once = hashes_of(place)
        load_into(place, *reversed(paths), timezone=ZONE)
        assert hashes_of(place) == once
        hashes.append({t: h for t, h in once.items() if t.startswith("signal.")})
    assert hashes[0] == hashes[1]


# --- which clock ------------------------------------------------------------------------------------


def made_nights(count: int, offset_min: int, *, local: bool, seed: int = 1) -> tuple[Pulse, Rests]:
    """Heart rates with a night's dip, and the nights stamped by one of the clocks."""
    rng = np.random.default_rng(seed)
    minutes = np.arange((count + 2) * 1440)
    start = np.array([(d + 1) * 1440 + 23 * 60 + rng.integers(-60, 60) for d in range(count)])  # UTC
    end = start + 480 + rng.integers(-45, 45, count)
    asleep = ((minutes >= start[:, None]) & (minutes < end[:, None])).any(axis=0)
    bpm = np.where(asleep, 55.0, 72.0) + rng.normal(0, 8, minutes.size)
    shift = offset_min if local else 0
    offsets = np.full(count, float(offset_min))
    pulse = Pulse(minutes * MINUTE_US, bpm, ())
    return pulse, Rests((start + shift) * MINUTE_US, (end + shift) * MINUTE_US, offsets)


@pytest.mark.parametrize("offset_min", [-480, -60, 60, 120, 330, 660])
@pytest.mark.parametrize("local", [True, False])
def test_the_clock_of_stamps_is_told_by_the_slower_heart(offset_min: int, local: bool) -> None:
    pulse, rests = made_nights(20, offset_min, local=local)
    verdict = judge_clock(pulse, rests)
    assert verdict.local is local
    assert verdict.votes >= 0.75 * verdict.nights >= 0.75 * 18
    faster = judge_clock(Pulse(pulse.t_us, 200 - pulse.bpm, ()), rests, quickens=True)
    assert faster == verdict  # exercise: the same with the heart upside down


def test_the_clock_is_not_told_by_a_flat_heart_few_nights_or_no_offset() -> None:
    pulse, rests = made_nights(20, 120, local=True)
    flat = Pulse(pulse.t_us, np.full(pulse.bpm.size, 60.0), ())
    assert judge_clock(flat, rests) == Verdict(None)
    few = Rests(rests.start_us[:2], rests.end_us[:2], rests.offset_min[:2])
    assert judge_clock(pulse, few) == Verdict(None, 2, 2)
    assert judge_clock(pulse, Rests(rests.start_us, rests.end_us, np.zeros(20))) == Verdict(None)
    torn = Pulse(pulse.t_us[::3], pulse.bpm[::3], ())  # a third of the minutes is too little
    assert judge_clock(torn, rests) == Verdict(None)
    both = [made_nights(10, 120, local=local) for local in (True, False)]
    mixed = Rests(
        *(np.concatenate([getattr(r, f) for _, r in both]) for f in ("start_us", "end_us", "offset_min"))
    )
    assert judge_clock(both[0][0], mixed).local is None  # half of the nights against the other half


SLEEPS = [(f"2026-10-{d}", f"2026-10-{d + 1}") for d in range(10, 18)]


def sleeps_csv(*, local: bool) -> str:
    """UserSleeps of 23:00 to 07:00 in Berlin, stamped +0000 by the local clock or in UTC."""
    hours = ("23:00:00", "07:00:00") if local else ("21:00:00", "05:00:00")
    head = "sleep_id,sleep_type,start_utc_offset,sleep_start,end_utc_offset,sleep_end,sleep_last_updated\n"
    rows = (
        f"{n},STAGES,+02:00,{a} {hours[0]}+0000,+02:00,{b} {hours[1]}+0000,{b} 06:00:00+0000"
        for n, (a, b) in enumerate(SLEEPS)
    )
    return head + "\n".join(rows) + "\n"


@pytest.mark.parametrize("local", [True, False])
def test_sleeps_stamped_as_utc_are_read_by_the_clock_that_heart_rates_show(local: bool) -> None:
    files = {HF + "UserSleeps_2026-10-01.csv": sleeps_csv(local=local)} | nights("2026-10-10", 9)
    found = Found(files, zone="Asia/Tokyo")
    expected = [(utc(f"{a}T21:00:00"), utc(f"{b}T05:00:00"), 120, False) for a, b in SLEEPS]
    assert found.of("sleep_episode", "t_utc", "end_utc", "offset_min", "tz_assumed") == expected
    clock = "the local clock" if local else "UTC"
    said = [r for r in found.remarks if r.startswith(f"Stamps read as {clock}, because heart rates")]
    assert len(said) == 1
    assert "sleeps (Google's CSV, 8 of 8)" in said[0]
    assert len(found.complete) == 10  # the heart-rate files and the sleeps: looked at before, read once
    assert found.read_bytes == sum(m.size_bytes for m in found.members)


def test_without_heart_rates_sleeps_are_local_as_others_found_and_flagged() -> None:
    found = Found({HF + "UserSleeps_2026-10-01.csv": sleeps_csv(local=True)})
    assert found.of("sleep_episode", "t_utc", "tz_assumed")[0] == (utc("2026-10-10T21:00:00"), True)
    (remark,) = found.remarks
    assert remark == (
        "Stamps that the export could not confirm, read as others found them and flagged as assumed:"
        " sleeps (Google's CSV) as the local clock."
    )


@pytest.mark.parametrize("local", [True, False])
@pytest.mark.parametrize(
    ("name", "header", "table"),
    [
        (
            "heart_rate_variability_2026-10-01.csv",
            "timestamp,root mean square of successive differences milliseconds",
            "hrv_sample",
        ),
        ("oxygen_saturation_2026-10-01.csv", "timestamp,oxygen saturation percentage", "vital"),
    ],
)
def test_samples_of_sleep_stamped_z_are_read_by_the_clock_that_heart_rates_show(
    name: str, header: str, table: str, local: bool
) -> None:
    hour = 23 if local else 21
    first = [datetime.fromisoformat(a) + timedelta(hours=hour) for a, _ in SLEEPS]
    stamps = [start + timedelta(minutes=m) for start in first for m in range(0, 480, 5)]
    text = header + "\n" + "".join(f"{t:%Y-%m-%dT%H:%M:%SZ},90.5\n" for t in stamps)
    found = Found({PA + name: text} | nights("2026-10-10", 9))
    assert found.of(table, "t_utc")[0] == (utc("2026-10-10T21:00:00"),)
    assert {row["tz_assumed"] for row in found.rows[f"signal.{table}"]} == {False}


def test_the_real_exports_sleep_is_local_and_would_be_read_as_utc_if_it_were() -> None:
    (container,) = walk([SAMPLE])
    wanted = [m for m in container.members if m.name.startswith(("heart_rate-", "sleep-"))]
    files = {m.path: m.read() for m in wanted}
    as_is = Found(files, zone="Australia/Sydney", fresh="sleep-")
    assert not any("Stamps read" in remark for remark in as_is.remarks)

    def shift(stamp: str) -> str:
        hours = 11 if stamp < "2020-04-05T03" else 10
        return (datetime.fromisoformat(stamp) - timedelta(hours=hours)).isoformat(timespec="milliseconds")

    for path in [p for p in files if "sleep-" in p]:
        logs = json.loads(files[path])
        for log in logs:
            log["startTime"], log["endTime"] = shift(log["startTime"]), shift(log["endTime"])
            for level in [*log["levels"]["data"], *log["levels"].get("shortData", [])]:
                level["dateTime"] = shift(level["dateTime"])
        files[path] = json.dumps(logs).encode()
    in_utc = Found(files, zone="Australia/Sydney", fresh="sleep-")
    assert any(r.startswith("Stamps read as UTC") and "sleep (JSON, " in r for r in in_utc.remarks)
    change = {"26606164143"}  # the night in which the clocks went back: an hour of it is there twice
    columns = ("episode", "t_utc", "end_utc", "offset_min")
    both = [[r for r in f.of("sleep_episode", *columns) if r[0] not in change] for f in (as_is, in_utc)]
    assert len(both[0]) == 127
    assert both[0] == both[1]


def test_sleep_offsets_of_a_journey_move_all_streams() -> None:
    """Nights in Tokyo (+09:00) by the offsets of UserSleeps; the person's zone is Berlin."""
    head = "sleep_id,sleep_type,start_utc_offset,sleep_start,end_utc_offset,sleep_end,sleep_last_updated\n"
    rows = "".join(
        f"{d},STAGES,+09:00,2026-10-{d} 23:00:00+0000,+09:00,2026-10-{d + 1} 07:00:00+0000,\n"
        for d in (12, 13, 14)
    )
    samples = "timestamp,beats per minute\n2026-10-13T22:00:00Z,60.0\n2026-10-20T22:00:00Z,60.0\n"
    found = Found({HF + "UserSleeps_1.csv": head + rows, PA + "heart_rate_2026-10-13.csv": samples})
    assert found.of("heart_rate", "t_utc", "offset_min", "tz_assumed") == [
        (utc("2026-10-13T22:00:00"), 540, False),
        (utc("2026-10-20T22:00:00"), 120, True),
    ]
    assert any("+7 h off Europe/Berlin" in r for r in found.remarks)


PMDATA = Path(__file__).parent.parent.parent / "shared" / "data" / "pmdata"


@pytest.mark.shared
@pytest.mark.parametrize(
    ("person", "logs", "scores"), [("p01", 155, 150), ("p02", 158, 138), ("p03", 84, 74)]
)
def test_real_sleep_scores_that_say_utc_stand_at_the_local_ends_of_their_sleeps(
    person: str, logs: int, scores: int
) -> None:
    (container,) = walk([PMDATA / person])
    found = Found(
        {m.path: m.read() for m in container.members if fitbit_takeout.claims(m)}, zone="Europe/Oslo"
    )
    ends = {t for (t,) in found.of("sleep_episode", "end_utc")}
    stamps = [t for (t,) in found.of("vendor_score", "t_utc")]
    assert (len(found.rows["signal.sleep_episode"]), len(stamps)) == (logs, scores)
    # One score has no log; in the night in which the clocks change a log runs on, the score does not.
    assert len(set(stamps) - ends) <= 2
    assert found.refused == []


def test_files_without_a_date_are_known_by_their_first_record() -> None:
    log = sleep_log("2026-10-10T23:00:00", "2026-10-11T07:00:00", [("2026-10-10T23:00:00", "light", 28_800)])
    log["startTime"] = "2026-10-10 23:00:00"
    found = Found({"p01/sleep.json": json.dumps([log])})
    assert found.of("sleep_episode", "t_utc", "end_utc") == [
        (utc("2026-10-10T21:00:00"), utc("2026-10-11T05:00:00"))
    ]
    walked = {"logId": 5, "activityName": "Walk", "startTime": "2026-10-11 10:00:00", "duration": 60_000}
    walked |= {"lastModified": "10/11/26 10:30:00", "averageHeartRate": 90, "steps": 100, "logType": "manual"}
    assert Found({"p01/exercise.json": json.dumps([walked])}).of("workout", "t_utc", "activity") == [
        (utc("2026-10-11T10:00:00"), "walk")
    ]
    assert not fitbit_takeout.claims(member("p01/sleep.json", '[{"bedtime_start": "2026"}]'))


def minutes(stamps: list[datetime], counts: list[int]) -> str:
    """Steps as studies share them: all minutes of a person in one file, stamped anew."""
    return json.dumps([{"dateTime": str(t), "value": str(n)} for t, n in zip(stamps, counts, strict=True)])


def walked_days(shift_h: int, count: int = 6) -> dict[str, str]:
    """Nights from 23:00 to 07:00 in Berlin's summer, and steps in all other hours, stamped so many hours off."""
    logs, stamps = [], []
    for number in range(count):
        day = datetime(2026, 7, 10) + timedelta(days=number)
        night = [f"{day + timedelta(hours=h):%Y-%m-%dT%H:%M:%S}" for h in (-1, 7)]
        logs.append(sleep_log(night[0], night[1], [(night[0], "light", 28_800)], logId=number))
        stamps += [day + timedelta(hours=h + shift_h, minutes=m) for h in range(7, 23) for m in (1, 30, 59)]
    steps = minutes(stamps, [40] * len(stamps))
    return {"p01/fitbit/sleep.json": json.dumps(logs), "p01/fitbit/steps.json": steps}


@pytest.mark.parametrize(("shift_h", "said", "nights"), [(-2, "UTC", 6), (0, "the local clock", 5)])
def test_the_clock_of_steps_in_one_file_is_told_by_sleep(shift_h: int, said: str, nights: int) -> None:
    found = Found(walked_days(shift_h))
    rows = found.of("steps", "t_utc", "offset_min", "span_s", "steps")
    assert (len(rows), min(rows)) == (6 * 48, (utc("2026-07-10T05:01:00"), 120, 60, 40))
    assert found.refused == []
    (remark,) = found.remarks
    assert remark.startswith(f"Stamps read as {said}, because so fewer steps fall into sleep")
    assert remark.endswith(f": steps in one file (JSON, {nights} of {nights}).")


def test_steps_in_one_file_without_sleep_are_utc_as_others_found_and_flagged() -> None:
    files = walked_days(-2)
    del files["p01/fitbit/sleep.json"]
    for found in (Found(files), Found(walked_days(-2, count=2))):  # two nights are no majority
        assert min(found.of("steps", "t_utc", "tz_assumed")) == (utc("2026-07-10T05:01:00"), True)
        assert [
            r for r in found.remarks if "could not confirm" in r and "steps in one file (JSON) as UTC" in r
        ]


def test_nights_that_tell_both_ways_leave_the_clock_of_steps_open() -> None:
    t_us = np.arange(4, dtype=np.int64) * 24 * 60 * MINUTE_US
    early, late = t_us, t_us + 2 * 60 * MINUTE_US

    def judge(fall_into: list[np.ndarray]) -> Verdict:
        stamps = np.sort(np.concatenate(fall_into))
        steps = np.full(stamps.size, 30)
        hour = 60 * MINUTE_US
        # Sleeps as stamped last an hour from `late`, two hours ahead of UTC.
        return weigh_steps(stamps, steps, late, late + hour, np.full(4, 2 * hour), local=True)

    because = "so fewer steps fall into sleep"
    assert judge([early]) == Verdict(True, 4, 4, because)
    assert judge([late]) == Verdict(False, 4, 4, because)
    assert judge([late[:3], early[3:]]) == Verdict(False, 4, 3, because)
    assert judge([late[:2], early[2:]]) == Verdict(None, 4, 2, because)
    assert judge([late[:2]]) == Verdict(None, 2, 2, because)
    assert judge([late, early]) == Verdict(None, 0, 0, because)


@pytest.mark.parametrize(
    "text",
    [
        '[{"date": "2026-07-10", "steps": 100}]',
        '[{"dateTime": "2026-07-10T10:00:00Z", "value": 12}]',
        '[{"dateTime": "2026-07-10 10:00:00", "value": {"count": 12}}]',
        '{"data": [{"dateTime": "2026-07-10 10:00:00", "value": "12"}]}',
        "[]",
        "",
    ],
)
def test_steps_of_somebody_else_are_nobodys(text: str) -> None:
    assert not fitbit_takeout.claims(member("export/steps.json", text))


def test_steps_in_one_file_are_claimed_by_one_source_in_either_spelling() -> None:
    for stamp in ("2026-07-10 10:00:00", "07/10/26 10:00:00"):
        text = json.dumps([{"dateTime": stamp, "value": "12"}, {"dateTime": stamp, "value": "3"}], indent=1)
        found = claim([member("p01/steps.json", text)])
        assert list(found.by_source) == ["fitbit_takeout"]
        (_, last) = Found({"p01/steps.json": "\ufeff" + text}).of("steps", "t_utc", "steps")
        assert last == (utc("2026-07-10T10:00:00"), 3)


def test_sleep_that_arrives_later_settles_the_clock_of_steps_and_leaves_no_row_behind(tmp_path: Path) -> None:
    files = walked_days(0)
    steps = {"p01/fitbit/steps.json": files["p01/fitbit/steps.json"]}
    first = write_folder(tmp_path / "first", steps, WRITTEN)
    both = write_folder(tmp_path / "both", files, WRITTEN)
    seen = []
    for number, order in enumerate([(first, both), (both, first)]):
        for path in order:
            load_into(tmp_path / str(number), path, timezone=ZONE)
        seen.append({n: h for n, h in hashes_of(tmp_path / str(number)).items() if n.startswith("signal")})
    assert seen[0] == seen[1]
    counted = rows_of(tmp_path / "0", "select count(*), min(t_utc) from signal.steps")
    assert counted == [(6 * 48, utc("2026-07-10T05:01:00"))]


# --- one encoding a stream ----------------------------------------------------------------------------

HR_CSV = "timestamp,beats per minute\n"


def test_of_two_encodings_one_is_read() -> None:
    both = {
        PA + "heart_rate_2026-10-01.csv": HR_CSV + "2026-10-12T10:00:00Z,99.0\n",
        HF + "UserSleeps_1.csv": sleeps_csv(local=True),
        "Takeout/Google Health/Global Export Data/sleep-2026-10-01.json": vendor_json(
            [
                sleep_log(
                    "2026-10-10T23:00:00", "2026-10-11T07:00:00", [("2026-10-10T23:00:00", "light", 28_800)]
                )
            ]
        ),
    } | nights("2026-10-10", 3)
    found = Found(both)
    assert len(found.rows["signal.heart_rate"]) == 3 * 1440
    assert 99.0 not in {row["hr_bpm"] for row in found.rows["signal.heart_rate"]}
    assert found.of("sleep_episode", "episode") == [("1",)]
    for family in ("heart rate", "sleep"):
        said = f"The export holds {family} twice, as JSON and as Google's CSV: JSON was read, Google's CSV left out."
        assert said in found.remarks


def test_the_encoding_that_reaches_further_is_read() -> None:
    months = [f"2026-{m:02d}" for m in range(4, 10)]
    csv = {PA + f"heart_rate_{m}-01.csv": HR_CSV + f"{m}-12T10:00:00Z,99.0\n" for m in months}
    found = Found(csv | nights("2026-04-10", 1))
    assert found.of("heart_rate", "t_utc") == [(utc(f"{m}-12T10:00:00"),) for m in months]
    assert "Google's CSV was read, JSON left out." in found.remarks[0]
    older = Found({p: t for p, t in csv.items() if p < PA + "heart_rate_2026-06"} | nights("2026-09-10", 1))
    assert older.remarks[0].endswith("left out, though 2 months are only there (2026-04 to 2026-05).")


@pytest.mark.parametrize("json_is_newer", [True, False])
def test_parts_in_two_encodings_loaded_apart_hold_each_night_once(
    json_is_newer: bool, tmp_path: Path
) -> None:
    """Nights of both parts are those of the newer one, in whatever order they come."""
    days = range(1, 20)
    logs = [
        sleep_log(
            f"2026-10-{d:02d}T23:00:00",
            f"2026-10-{d + 1:02d}T07:00:00",
            [(f"2026-10-{d:02d}T23:00:00", "light", 28_800)],
            logId=100 + d,
        )
        for d in days
    ]
    parts = {
        "csv": ({HF + "UserSleeps_2026-10-01.csv": sleeps_csv(local=True)}, 0 if json_is_newer else 9),
        "json": ({OLD + "Global Export Data/sleep-2026-10-01.json": vendor_json(logs)}, 5),
    }
    found = []
    for order in (("csv", "json"), ("json", "csv")):
        place = tmp_path / order[0]
        for name in order:
            files, minute = parts[name]
            folder = write_folder(place / name, files, datetime(2026, 11, 1, 0, minute))
            load_into(place, folder, timezone=ZONE)
        found.append(rows_of(place, "select episode, t_utc from signal.sleep_episode order by t_utc"))
    assert found[0] == found[1]
    assert len({t_utc for _, t_utc in found[0]}) == len(found[0]) == len(days)
    assert sum(len(episode) == 1 for episode, _ in found[0]) == (0 if json_is_newer else len(SLEEPS))


@pytest.mark.parametrize("empty", ["[]", "no data", "", "timestamp,beats per minute\n"])
def test_an_encoding_without_records_is_none(empty: str) -> None:
    day = "Takeout/Google Health/Global Export Data/heart_rate-2026-10-12.json"
    found = Found({PA + "heart_rate_2026-10-01.csv": HR_CSV + "2026-10-12T10:00:00Z,99.0\n", day: empty})
    assert found.of("heart_rate", "hr_bpm") == [(99.0,)]


# --- columns, sentinels, refusals ----------------------------------------------------------------------


def test_an_unknown_column_is_said_and_the_rest_is_read() -> None:
    text = "timestamp,beats per minute,wrist,data source\n2026-10-12T10:00:00Z,61.0,left,Charge 6\n"
    found = Found({PA + "heart_rate_2026-10-01.csv": text, PA + "heart_rate_2026-11-01.csv": text})
    assert found.of("heart_rate", "device") == [("Charge 6",)] * 2
    assert found.remarks == ["Columns of heart rate that are not known and were not read: 'wrist' (2 files)."]
    assert found.complete == []  # a device of its own name: nothing of the export's label is withdrawn


@pytest.mark.parametrize("layout", ["newer", "older"])
def test_a_column_that_vanished_is_refused_by_its_name(layout: str) -> None:
    files = fixture(layout)
    refused = 0
    for path in files:
        found = fitbit_takeout.find_stream(Path(path).name)
        for name in found.needed if found else ():
            spelled = next(s for s in found.columns[name] if s.encode() in files[path].split(b"\n")[0])
            changed = files[path].replace(spelled.encode(), b"gone", 1)
            if spelled.encode() in changed.split(b"\n")[0].replace(b"minutes_", b""):
                continue  # the spelling is also a part of another column's name
            (row,) = Found({path: changed}).refused
            assert (row["stream"], row["place"]) == ("file", "header")
            assert f"expected a column '{found.columns[name][0]}'" in row["reason"]
            refused += 1
    assert refused >= 18


@pytest.mark.parametrize(
    ("path", "header", "cells"),
    [
        (PA + "daily_resting_heart_rate.csv", "timestamp,beats per minute", ["0", "0.0", "", "NaN", "-1"]),
        (
            PA + "oxygen_saturation_2026-10-01.csv",
            "timestamp,oxygen saturation percentage",
            ["50.0", "50", "0"],
        ),
        (OLD + "Daily Readiness Score - 2026-10-01.csv", "date,readiness_score_value", ["0", "-1", "null"]),
        (OLD + "Heart Rate Variability Details - 2026-10-12.csv", "timestamp,rmssd", ["0.0", "", "nan"]),
        (OLD + "Computed Temperature - 2026-10-01.csv", "sleep_start,nightly_temperature", ["NaN", "0.0"]),
        (OLD + "Stress Journal/CEDA Data 1.csv", "timestamp,eda_level_real", ["", "NaN"]),
    ],
)
def test_what_stands_for_nothing_is_missing_and_not_refused(path: str, header: str, cells: list[str]) -> None:
    body = "".join(f"2026-10-{n + 10}T00:00:00,{cell}\n" for n, cell in enumerate(cells))
    found = Found({path: f"{header}\n{body}"})
    assert found.refused == []
    assert found.values() == []


@pytest.mark.parametrize(
    ("cell", "stamp", "reason"),
    [
        ("inf", "2026-10-12T10:00:00Z", "expected a heart rate"),
        ("seventy", "2026-10-12T10:00:00Z", "expected a heart rate"),
        ("", "2026-10-12T10:00:00Z", "expected a heart rate"),
        ("7", "2026-10-12T10:00:00Z", "outside 20 to 250"),
        ("61", "1970-01-01T00:00:00Z", "before 2007-01-01"),
        ("61", "2099-01-01T00:00:00Z", "dated after 2026-11-02"),
        ("61", "2026-02-30T10:00:00Z", "none that the calendar has"),
        ("61", "", "none that the calendar has"),
        ("61", "2026-10-12T10:00:00+99:00", "none that the calendar has"),
    ],
)
def test_a_bad_sample_is_refused_with_its_place_and_the_good_ones_kept(
    cell: str, stamp: str, reason: str
) -> None:
    text = HR_CSV + f"2026-10-12T09:00:00Z,60.0\n{stamp},{cell}\n2026-10-12T11:00:00Z,62.0\n"
    found = Found({PA + "heart_rate_2026-10-01.csv": text})
    assert found.of("heart_rate", "hr_bpm") == [(60.0,), (62.0,)]
    (row,) = found.refused
    assert (row["stream"], row["place"], row["record"], row["member"]) == (
        "signal.heart_rate",
        "record 1",
        1,
        0,
    )
    assert reason in row["reason"]
    assert repr(cell).strip("'") in row["raw"]
    assert found.complete == []


def test_decimal_commas_are_read_and_rows_of_another_width_refused() -> None:
    text = 'timestamp,value\n2026-10-12T01:00:00Z,"97,5"\n2026-10-12T01:01:00Z,97,5\n'
    found = Found({OLD + "Minute SpO2 - 2026-10-12.csv": text})
    assert found.of("vital", "value") == [(97.5,)]
    assert [row["reason"] for row in found.refused] == ["expected 2 cells, found 3"]


def test_stages_that_no_sleep_can_have_are_refused() -> None:
    path = HF + "UserSleepStages_2026-10-01.csv"
    text = fixture("newer")[path].decode()
    bad = text.splitlines()[1].replace("LIGHT", "SNOOZE")
    ends_early = text.splitlines()[3].replace("04:00:00+0000,DERIVED", "00:30:00+0000,DERIVED")
    far = (
        text.splitlines()[1]
        .replace("2026-10-19 23", "2026-09-19 23")
        .replace("2026-10-20 01", "2026-09-20 01")
    )
    found = Found({path: "\n".join([text.strip(), bad, ends_early, far.replace("0002,", "0009,", 1)]) + "\n"})
    assert [(r["record"], r["reason"].partition(":")[0]) for r in found.refused] == [
        (4, "a sleep stage that is not known"),
        (5, "ends before it starts"),
    ]
    assert len(found.rows["signal.sleep_stage"]) == 6
    together = Found({path: f"{text.strip()}\n{far}\n"})
    assert {r["reason"] for r in together.refused} == {
        "stages of one sleep that are more than 48 hours apart"
    }


# --- any state of the bytes --------------------------------------------------------------------------

READABLE = [
    (path, data)
    for layout in ("newer", "older")
    for path, data in fixture(layout).items()
    if fitbit_takeout.stream(Path(path).name)
]


@settings(deadline=None, max_examples=80)
@given(st.sampled_from(READABLE), st.floats(0, 1))
def test_a_file_cut_at_any_byte_keeps_its_whole_records(file: tuple[str, bytes], share: float) -> None:
    path, data = file
    cut = data[: int(share * len(data))]
    found = Found({path: cut})
    whole_lines = cut.rpartition(b"\n")[0] + b"\n"
    if b"\n" in cut:
        kept = Found({path: whole_lines}).values()
        stages = "UserSleepStages" in path  # a stage that is lost changes what lies around it
        assert stages or set(kept) <= set(found.values())
    for row in found.refused:
        assert row["reason"]
        assert row["place"]


@settings(deadline=None, max_examples=60)
@given(
    st.sampled_from(READABLE),
    st.sampled_from(["bom", "crlf", "utf-16", "nul", "shuffle", "twice", "blank"]),
    st.randoms(),
)
def test_other_bytes_for_the_same_records_give_the_same_rows(
    file: tuple[str, bytes], how: str, rng: random.Random
) -> None:
    path, data = file
    head, *lines = data.decode().strip().split("\n")
    match how:
        case "bom":
            changed = b"\xef\xbb\xbf" + data
        case "crlf":
            changed = data.replace(b"\n", b"\r\n")
        case "utf-16":
            changed = data.decode().encode("utf-16")
        case "nul":
            changed = data + b"\0\0\0"
        case "blank":
            changed = b"\n\n" + data + b"\n\n"
        case "shuffle":
            changed = "\n".join([head, *rng.sample(lines, len(lines))]).encode()
        case _:
            changed = "\n".join([head, *lines, *lines]).encode()
    assert set(Found({path: changed}).values()) == set(Found({path: data}).values())


@pytest.mark.parametrize(
    "content", [b"", b"\0\0\0", b"no data", b"\n", b"{}", b"\xff\xfe", b"PK\x03\x04", b'"', b"," * 2000]
)
@pytest.mark.parametrize("path", [path for path, _ in READABLE])
def test_nothing_and_rubbish_are_no_crash(path: str, content: bytes) -> None:
    found = Found({path: content})
    assert found.values() == []
    assert len(found.refused) <= 1
    assert len(Found({path: READABLE_HEAD[path]}).refused) == 0


READABLE_HEAD = {path: data.split(b"\n")[0] + b"\n" for path, data in READABLE}


def test_a_line_of_a_million_letters_is_one_refusal() -> None:
    text = HR_CSV + "2026-10-12T09:00:00Z,60.0\n" + "x" * 1_000_000 + ",60\n2026-10-12T11:00:00Z,62.0\n"
    found = Found({PA + "heart_rate_2026-10-01.csv": text})
    assert found.of("heart_rate", "hr_bpm") == [(60.0,), (62.0,)]
    assert len(found.refused) == 1
    assert len(found.refused[0]["raw"]) <= 1024


def test_a_load_says_what_was_found_and_keeps_what_is_unknown(tmp_path: Path) -> None:
    shutil.copytree(FIXTURE / "newer", tmp_path / "export")
    (tmp_path / "export" / "Takeout" / "Google Health" / "surprise.csv").write_text("a,b\n1,2\n")
    report = load_into(tmp_path, tmp_path / "export", timezone=ZONE)
    assert [u.path for u in report.unclaimed] == ["Takeout/Google Health/surprise.csv"]
    assert dict(report.rows)["signal.sleep_stage"] == 5
    how = dict(rows_of(tmp_path, "select member, zone_how from meta.source_file where rows > 0"))
    assert how["steps_2026-10-01.csv"] == "export"  # the offsets beside sleeps show that day's
    assert how["UserSleeps_2026-10-01.csv"] == "assumed"  # their clock could not be tested
    assert rows_of(tmp_path, "select count(*) from meta.complete where stream = 'signal.sleep_stage'") == [
        (1,)
    ]

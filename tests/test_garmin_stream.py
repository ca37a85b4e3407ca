"""Garmin's health stream: values by kind, beats held near their arrival, gaps where beats are missing."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
from fitbit_export import hashes_of, load_into, write_folder
from hypothesis import given, settings
from hypothesis import strategies as st
from source_reading import Found, fixture, member, read_members

from ingest.files import garmin_stream
from ingest.files.garmin_stream import chain_beats

DATA = fixture("garmin_stream")["data.csv"]
START = datetime(2019, 10, 16, 10, 8, 58)


def read(data: bytes) -> Found:
    return read_members(garmin_stream, {"data.csv": data})


def at(second: float) -> datetime:
    return START + timedelta(milliseconds=round(second * 1000))


def test_values_come_through_by_kind_with_the_offset_of_their_stamp() -> None:
    found = read(DATA)
    assert found.refused == []
    hearts = found.of("heart_rate", "t_utc", "hr_bpm", "offset_min", "tz_assumed")
    assert len(hearts) == 16
    assert hearts[0] == (at(2.511), 79.0, 120, False)
    scores = found.of("vendor_score", "t_utc", "score", "value")
    assert scores[0] == (at(3.096), "stress_level", 7.0)
    assert len(scores) == 7
    (remark,) = found.remarks
    assert remark.endswith("left out: ASCENT (2), CALORIES (3), INTENSITY_MINUTES (2), STEPS (2).")


def test_beats_follow_their_intervals_until_one_is_missing() -> None:
    beats = read(DATA).of("beat", "t_utc", "rr_ms", "gap_before", "sensor")
    assert len(beats) == 28
    assert beats[:5] == [
        (at(0.808), 821.0, True, "ppg"),
        (at(0.808 + 0.848), 848.0, False, "ppg"),
        (at(0.808 + 0.848 + 0.771), 771.0, False, "ppg"),
        (at(0.808 + 0.848 + 0.771 + 0.696), 696.0, False, "ppg"),
        # 724 ms on it would be at 3.847; it came at 5.032.
        (at(5.032), 724.0, True, "ppg"),
    ]
    # The watch was away for nine minutes.
    assert (at(556.268), 784.0, True, "ppg") in beats


def test_a_late_bundle_is_no_gap_and_a_late_start_is_set_right() -> None:
    stamps = np.array([1000, 2150, 3010, 3990]) * 1000
    t_us, gap = chain_beats(stamps, np.array([1000.0, 1000, 1000, 1000]))
    assert (t_us // 1000).tolist() == [1000, 2000, 3000, 4000]
    assert gap.tolist() == [True, False, False, False]
    # The first came 400 ms late: the second shows it.
    t_us, gap = chain_beats(np.array([1400, 2000, 3000]) * 1000, np.array([1000.0, 1000, 1000]))
    assert (t_us // 1000).tolist() == [1400, 2000, 3000]
    assert gap.tolist() == [True, False, False]


def test_what_is_not_measurable_is_none_and_what_is_odd_is_refused_by_its_line() -> None:
    odd = [
        "2019-10-16T12:09:00.000+02:00;HEART_RATE;-1.0",
        "2019-10-16T12:09:01.000+02:00;STRESS;-2.0",
        "2019-10-16T12:09:02.000+02:00;HEART_RATE;900",
        "2019-10-16T12:09:03.000+02:00;HEART_RATE_VARIABILITY;nan",
        "2019-10-16T12:09:04.000;HEART_RATE;60",
        "1970-01-01T00:00:00.000+02:00;HEART_RATE;60",
        "2099-01-01T00:00:00.000+02:00;HEART_RATE;60",
        "2019-10-16T12:09:05.000+02:00;HEART_RATE;61,5",
    ]
    found = read("\r\n".join(odd).encode())
    assert [h[0] for h in found.of("heart_rate", "hr_bpm")] == [61.5]
    assert sorted((record, reason[:24]) for _, record, reason in found.refused) == [
        (2, "heart rate (value) outsi"),
        (3, "expected an interval in "),
        (4, "expected a line such as "),
        (5, "dated before 2014-01-01,"),
        (6, "dated after 2024-08-02T0"),
    ]


def test_it_claims_files_by_their_first_two_lines() -> None:
    assert garmin_stream.claims(member("anything.csv", DATA))
    assert garmin_stream.claims(member("anything.txt", b"\xef\xbb\xbf" + DATA))
    for other in (
        b"",
        b"a;b;c\n",
        b"2019-10-16T12:08:58.041+02:00;MOOD;2\n",
        b"2019-10-16T12:08:58;STEPS;2\n",
    ):
        assert not garmin_stream.claims(member("data.csv", other))


@settings(deadline=None, max_examples=30)
@given(st.integers(0, len(DATA)))
def test_a_file_cut_anywhere_keeps_its_whole_lines(cut: int) -> None:
    whole, found = read(DATA), read(DATA[:cut])
    complete = DATA[:cut].count(b"\n")
    kept = sum(len(rows) for rows in found.rows.values())
    expected = sum(row["record"] < complete for rows in whole.rows.values() for row in rows)
    assert kept - expected in (0, 1)  # the cut may fall behind a digit
    assert len(found.refused) <= 1


def test_it_loads_the_same_twice(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "e", {"data.csv": DATA}, datetime(2024, 8, 1))
    report = load_into(tmp_path, folder, timezone="Europe/Zurich")
    assert (report.refused, report.unclaimed) == (0, ())
    before = hashes_of(tmp_path)
    assert not load_into(tmp_path, folder, timezone="Europe/Zurich").changed
    assert hashes_of(tmp_path) == before

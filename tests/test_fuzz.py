"""The fuzzer's own ground: every seed is read, every fault found stays mended, the checks see what is wrong."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from fuzz.inputs import FORMATS, Input, read_input, seeds
from fuzz.mutation import make_mutator
from fuzz.target import EXPORTED, take
from source_reading import check_batch, check_refusals

from ingest.source import REJECTED, Batch, Span

APPLE = "apple_health_export/Exportieren.xml"
SAMSUNG_HRV = "jsons/com.samsung.health.hrv/a/aaaaaaaa-2222-3333-4444-555555555555.binning_data.json"
HEAD = b'<?xml version="1.0"?><HealthData locale="de_DE">'
STEPS = (
    b'<Record type="HKQuantityTypeIdentifierStepCount" sourceName="p" unit="count" startDate="20[]-05-02 09:00:00'
    b' +0200" endDate="2024-05-02 09:10:00 +0200" value="850"/>'
)
FOUND = {
    "an interval as long as the universe": Input(
        "alone", "rr_text", "2018-06-26 07-00-00 rest.txt", b"800\n" * 9 + b"1e300\n800\n"
    ),
    "UTF-16 that lost a byte": Input(
        "alone", "empatica", "e4/EDA.csv", b"\xff\xfe" + "1560279825.00\n4.0\n1\n".encode("utf-16-le")[1:]
    ),
    "a window that ends in 2100": Input(
        "among", "samsung_health", SAMSUNG_HRV,
        b'[{"start_time": 1719874800000, "end_time": 4102444800000, "sdnn": 61.5, "rmssd": 40.25}]',
    ),
    "more NULs than a kilobyte holds as signs": Input("alone", "apple_health", APPLE, HEAD + b"<Record \0" * 200),
    "a century of no digits": Input("alone", "apple_health", APPLE, HEAD + STEPS + b"</HealthData>"),
    "half a character in a stamp": Input(
        "alone", "oura", "api/sleep.json",
        rb'[{"id": "n", "type": "sleep", "bedtime_start": "\ud800", "bedtime_end": "2024-05-02T06:00:00+02:00"}]',
    ),
    "an interval spelled in a thousand brackets": Input(
        "alone", "rr_text", "2008-02-09 09-28-17.hrm",
        b"[Params]\nDate=20080209\nStartTime=09:28:17.0\nInterval=" + b"[" * 1000 + b"\n[HRData]\n800\n",
    ),
    "text before the root": Input("alone", "apple_health", APPLE, b"<!DOCTYPE HealthData [" + b"\xff" * 900),
}  # fmt: skip
"""Inputs on which a source once failed, cut to what matters."""


@pytest.mark.parametrize("format_name", FORMATS)
def test_every_seed_is_claimed_and_keeps_the_contract(format_name: str) -> None:
    for seed in seeds(format_name):
        assert read_input(seed.write()) == seed
        assert take(seed.write()) == 0, seed.path


@pytest.mark.parametrize("name", FOUND)
def test_what_was_found_stays_mended(name: str) -> None:
    assert take(FOUND[name].write()) == 0


def test_an_input_of_no_fixture_is_passed_over() -> None:
    assert [read_input(data) for data in (b"", b"alone\tx\ty\nz", b"\xff\n", b"alone\tdiary")] == [None] * 4


@pytest.mark.parametrize("format_name", FORMATS)
def test_changes_are_many_keep_the_first_line_and_are_the_same_for_the_same_dice(format_name: str) -> None:
    whole = seeds(format_name)
    mutate = make_mutator(whole, binary=format_name == "fit", change_bytes=lambda body, _: body[::-1])
    data = whole[0].write()
    made = [mutate(data, 1 << 14, seed) for seed in range(300)]
    assert made == [mutate(data, 1 << 14, seed) for seed in range(300)]
    assert len(set(made)) > 200
    assert all(read_input(one) is not None and len(one) <= 1 << 14 for one in made)


# --- the checks themselves ---------------------------------------------------------------------


def beats(**changed: pa.Array) -> pa.Table:
    """Two good beats, but for some columns."""
    columns = {
        "member": pa.array([0, 0], pa.int32()),
        "record": pa.array([0, 1], pa.int64()),
        "t_utc": pa.array([datetime(2024, 5, 1, 8), datetime(2024, 5, 1, 8, 0, 1)], pa.timestamp("us")),
        "offset_min": pa.array([120, 120], pa.int16()),
        "rr_ms": pa.array([800.0, None], pa.float32()),
        "gap_before": pa.array([True, False]),
        "tick_ms": pa.nulls(2, pa.float32()),
        "sensor": pa.nulls(2, pa.string()),
        "tz_assumed": pa.array([True, True]),
    }
    return pa.table({**columns, **changed})


def test_a_good_batch_passes() -> None:
    check_batch(Batch("signal.beat", beats(), (Span(0, "signal.beat", 1, 2),)), 1, EXPORTED)


@pytest.mark.parametrize(
    "changed",
    [
        {"member": pa.array([0, 1], pa.int32())},
        {"member": pa.array([0, 0], pa.int64())},
        {"record": pa.array([0, None], pa.int64())},
        {"record": pa.array([0, -1], pa.int64())},
        {"t_utc": pa.array([datetime(2024, 5, 1), None], pa.timestamp("us"))},
        {"t_utc": pa.array([datetime(2024, 5, 1), datetime(1980, 5, 1)], pa.timestamp("us"))},
        {"t_utc": pa.array([datetime(2024, 5, 1), datetime(2027, 5, 1)], pa.timestamp("us"))},
        {"offset_min": pa.array([120, None], pa.int16())},
        {"offset_min": pa.array([120, 900], pa.int16())},
        {"rr_ms": pa.array([800.0, np.nan], pa.float32())},
        {"rr_ms": pa.array([800.0, np.inf], pa.float32())},
        {"rr_ms": pa.array(["800", "x"])},
        {"tz_assumed": pa.array([True, None])},
    ],
)
def test_a_bad_batch_is_seen(changed: dict[str, Any]) -> None:
    with pytest.raises((AssertionError, pa.ArrowInvalid)):
        check_batch(Batch("signal.beat", beats(**changed)), 1, EXPORTED)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Batch("signal.beat", beats().drop_columns(["sensor"])),
        lambda: Batch("signal.beat", beats(), (Span(1, "signal.beat", 1, 2),)),
        lambda: Batch("signal.beat", beats(), (Span(0, "signal.beat", 2, 1),)),
    ],
)
def test_a_batch_that_lacks_a_column_or_is_complete_where_it_cannot_be_is_seen(
    make: Callable[[], Batch],
) -> None:
    with pytest.raises(AssertionError):
        check_batch(make(), 1, EXPORTED)


@pytest.mark.parametrize(
    "changed",
    [
        {"member": 1},
        {"place": ""},
        {"reason": None},
        {"reason": "x" * 700},
        {"raw": None},
        {"raw": "é" * 600},
    ],
)
def test_a_refusal_that_does_not_say_what_and_where_is_seen(changed: dict[str, Any]) -> None:
    good = {"member": 0, "stream": "file", "record": None, "place": "line 1", "reason": "why", "raw": "x"}
    check_refusals(pa.Table.from_pylist([good], schema=REJECTED), 1)
    with pytest.raises(AssertionError):
        check_refusals(pa.Table.from_pylist([good | changed], schema=REJECTED), 1)

"""Oura's sleep documents: episodes, stages, and the series of heart rate and RMSSD inside them."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ingest.source import (
    MISSING,
    Batch,
    Clock,
    Flags,
    Instants,
    Moments,
    Rejected,
    Remark,
    Stretches,
    check_end,
    check_instants,
    lay_out_episodes,
    lay_out_stages,
    place_stamps,
    read_cell,
    refuse_rows,
    spans,
    take_quantity,
    write_cell,
)

from .layout import (
    BREATH,
    FIRST_US,
    FIVE_MIN_S,
    HEART,
    HRV,
    ITEM,
    ITEMS_MAX,
    NIGHT_HRV,
    PHASES,
    RMSSD,
    SLEEP_MAX_H,
    TYPES,
    Reading,
    take_checked,
)


def read_sleeps(rows: pa.Table, reading: Reading) -> Iterator[Batch | Rejected | Remark]:
    """Sleep documents: episodes, stages, and the series inside them."""
    kinds = np.array([str(text or "").strip().lower() for text in rows["type"].to_pylist()], dtype=np.str_)
    start, end = (place_stamps(rows[name], reading.clock) for name in ("bedtime_start", "bedtime_end"))
    checks = [
        (~np.isin(kinds, list(TYPES)), f"a type of sleep that is not known: expected {', '.join(TYPES)}"),
        *check_instants(start.t_us, FIRST_US, reading.latest_us),
        *check_end(start.t_us, end.t_us, SLEEP_MAX_H),
    ]
    deleted = kinds == "deleted"
    keep, rejected = refuse_rows(rows, [(bad & ~deleted, why) for bad, why in checks], "signal.sleep_episode")
    yield rejected
    if deleted.any():
        yield Remark(f"{int(deleted.sum())} sleeps that the wearer deleted were left out.")
    keep &= ~deleted
    rows, kinds, start, end = rows.filter(pa.array(keep)), kinds[keep], start.filter(keep), end.filter(keep)
    yield from read_series(rows, reading)
    slept = np.array([TYPES[kind] is not None for kind in kinds.tolist()], dtype=np.bool_)
    rows, kinds, start, end = (
        rows.filter(pa.array(slept)),
        kinds[slept],
        start.filter(slept),
        end.filter(slept),
    )
    main = kinds == "long_sleep"
    span_s = (end.t_us - start.t_us) / 1e6
    nights, at = rows.filter(pa.array(main)), Moments(start.t_us, start.offset_min, start.assumed, span_s)
    yield from take_quantity(nights, NIGHT_HRV, at.filter(main))
    # A night's values belong to the date of its final wake.
    yield from take_quantity(nights, BREATH, end.filter(main))
    yield from lay_out_sleeps(rows, main, start, end, reading.clock, whole=not rejected.rows.num_rows)


def lay_out_sleeps(
    rows: pa.Table, main: Flags, start: Moments, end: Moments, clock: Clock, *, whole: bool
) -> Iterator[Batch | Rejected]:
    """Episodes and their stages; complete if no sleep of the member was refused."""
    parts, staged, unknown = read_phases(rows, start.t_us)
    wrong = [(unknown, f"a sleep phase that is not known: expected {', '.join(PHASES)}")]
    episode = pc.coalesce(rows["id"].combine_chunks(), rows["bedtime_start"].combine_chunks())
    rows = rows.append_column("episode", episode)
    yield refuse_rows(rows, wrong, "signal.sleep_stage")[1]
    complete = spans("signal.sleep_episode", rows, start.t_us, end.t_us) if whole else ()
    episodes = lay_out_episodes(rows, start, end, staged=staged, main=pa.array(main), in_bed=True)
    yield Batch("signal.sleep_episode", episodes, complete)
    complete = spans("signal.sleep_stage", rows, start.t_us, end.t_us) if whole and not unknown.any() else ()
    yield Batch("signal.sleep_stage", lay_out_stages(rows, parts, start, end, clock), complete)


def read_phases(rows: pa.Table, start_us: Instants) -> tuple[Stretches, Flags, Flags]:
    """Hypnograms as stretches, which sleeps have one, and which have one with an unknown digit."""
    logs, starts, ends, stages = [], [], [], []
    unknown = np.zeros(rows.num_rows, dtype=np.bool_)
    staged = np.zeros(rows.num_rows, dtype=np.bool_)
    fine, coarse = rows["sleep_phase_30_sec"].to_pylist(), rows["sleep_phase_5_min"].to_pylist()
    for i, (half, five) in enumerate(zip(fine, coarse, strict=True)):
        epoch_us, text = (30_000_000, half) if half and half.strip() else (FIVE_MIN_S * 1_000_000, five or "")
        digits = text.strip()
        unknown[i] = bool(set(digits) - set(PHASES))
        staged[i] = bool(digits) and not unknown[i]
        for run in re.finditer(r"(.)\1*", digits) if staged[i] else ():
            logs.append(i)
            starts.append(int(start_us[i]) + run.start() * epoch_us)
            ends.append(int(start_us[i]) + run.end() * epoch_us)
            stages.append(PHASES[run[1]])
    log, start, end = (np.array(values, dtype=np.int64) for values in (logs, starts, ends))
    return Stretches(log, start, end, np.array(stages, dtype="U8")), staged, unknown


def read_series(rows: pa.Table, reading: Reading) -> Iterator[Batch | Rejected]:
    """Heart rate and RMSSD every five minutes, out of the lists inside sleep documents."""
    for name in ("heart_rate", "hrv"):
        found, odd = unroll(rows, name)
        table = HEART if name == "heart_rate" else HRV
        expected = f"expected {name} to have a timestamp, an interval in seconds and a list of items"
        yield refuse_rows(rows.select(["member", "record", name]), [(odd, expected)], table)[1]
        when = place_stamps(found["timestamp"], reading.clock)
        step_us = (found["interval"].to_numpy() * found["number"].to_numpy() * 1e6).astype(np.int64)
        t_us = np.where(when.t_us == MISSING, MISSING, when.t_us + step_us)
        offset, assumed = reading.clock.of_utc(np.where(t_us == MISSING, 0, t_us))
        at = Moments(t_us, offset, assumed, found["interval"].to_numpy())
        if name == "heart_rate":
            yield from take_checked(found, ITEM, at, reading.latest_us)
        else:
            # RMSSD of another length would be another kind of value.
            five = found["interval"].to_numpy() == FIVE_MIN_S
            odd_length = (~five, "expected an interval of 300 s in hrv")
            yield from take_checked(found, RMSSD, at, reading.latest_us, odd_length)


def unroll(rows: pa.Table, name: str) -> tuple[pa.Table, Flags]:
    """Lists inside documents, one row an item that is there, and where the column holds no such list."""
    out: list[dict[str, object]] = []
    odd = np.zeros(rows.num_rows, dtype=np.bool_)
    columns = (rows["member"].to_pylist(), rows["record"].to_pylist(), rows[name].to_pylist())
    for i, (member, record, text) in enumerate(zip(*columns, strict=True)):
        if text is None or not text.strip() or text.strip().lower() in ("null", "none"):
            continue
        series = read_cell(text)
        items, interval = series_of(series)
        odd[i] = items is None
        stamp = series.get("timestamp") if isinstance(series, dict) else None
        head = {"member": member, "record": record, "timestamp": write_cell(stamp), "interval": interval}
        out += [
            {**head, "number": number, "value": write_cell(value)}
            for number, value in enumerate(items or ())
            if value is not None
        ]
    return pa.Table.from_pylist(out, schema=SERIES), odd


def series_of(series: object) -> tuple[list[object] | None, float]:
    """The items and interval of a series; None where it is none."""
    if not isinstance(series, dict):
        return None, 0.0
    items, interval = series.get("items"), series.get("interval")
    if not isinstance(items, list) or not isinstance(interval, int | float) or len(items) > ITEMS_MAX:
        return None, 0.0
    return (items, float(interval)) if 1 <= interval <= 3600 else (None, 0.0)


SERIES = pa.schema(
    [
        ("member", pa.int32()),
        ("record", pa.int64()),
        ("timestamp", pa.string()),
        ("interval", pa.float64()),
        ("number", pa.int64()),
        ("value", pa.string()),
    ]
)

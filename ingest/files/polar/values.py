"""Polar's heart rate, steps, nightly values and training sessions."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ingest.source import (
    MINUTE_US,
    MISSING,
    Batch,
    Clock,
    Instants,
    Moments,
    Rejected,
    Span,
    check_end,
    check_instants,
    dig,
    instants,
    lay_out,
    parse_zoned,
    place_days,
    place_local,
    read_numbers,
    refuse_rows,
    take_quantity,
    write_cell,
)

from .layout import FIRST_US, HEART, NIGHTLY, SLEEP_SCORE, STEPS, STEPS_DAY, TIME, WORKOUT_MAX_H, File
from .records import Cells, DiffersError, add_times, cell_at, gather, need


def read_days(records: tuple[object, ...], file: File) -> Iterator[Batch | Rejected]:
    """Continuous heart rate: days of a device, samples by second of the day."""

    def each(record: object) -> list[Cells]:
        date = need(record, "date", str)
        samples = need(record, "samples", list)
        return [
            {"date": date, "seconds": cell_at(s, "secondsFromDayStart"), "value": cell_at(s, "heartRate")}
            for s in samples
        ]

    rows, refused = gather(records, file, ("date", "seconds", "value"), each)
    yield from refused
    local_us = add_times(rows["date"], read_numbers(rows["seconds"])[0])
    when = place_local(local_us, file.clock)
    no_rate = np.asarray(rows["value"].is_null().to_numpy(), dtype=np.bool_)
    checks = [
        *check_instants(when.t_us, FIRST_US, file.latest_us),
        (no_rate, "expected the key heartRate in samples"),
    ]
    yield from take_whole(take_quantity(rows, HEART, when, checks), local_us, file, whole=not refused)


def take_whole(
    found: Iterator[Batch | Rejected], local_us: Instants, file: File, *, whole: bool
) -> Iterator[Batch | Rejected]:
    """Give a member's rows with the time that they are all of, if nothing of it was refused.

    The span reaches to where the zone alone would have put them: rows of an older export lie there, if
    that did not yet hold the sleeps which prove another offset.
    """
    for part in found:
        if isinstance(part, Rejected):
            whole &= not part.rows.num_rows
            yield part
        elif whole and part.rows.num_rows:
            local_us = local_us[local_us != MISSING]
            both = np.concatenate([place_local(local_us, clock).t_us for clock in (file.clock, file.zone)])
            span = Span(file.member, part.table, int(both.min()), int(both.max()))
            yield Batch(part.table, part.rows, (span,))
        else:
            yield part


def read_steps(records: tuple[object, ...], file: File) -> Iterator[Batch | Rejected]:
    """Steps of single minutes; a file with another pace is not as documented."""

    def each(record: object) -> list[Cells]:
        date = need(record, "date", str)
        samples = need(record, "samples.steps", list)
        seconds = [second_of(need(sample, "localTime", str)) for sample in samples]
        pace = np.diff(np.unique(seconds)).min(initial=np.inf)
        if samples and pace != 60:
            raise DiffersError(
                f"expected steps of single minutes in samples.steps, found one every {pace:g} s"
            )
        return [
            {"date": date, "seconds": str(second), "value": cell_at(sample, "value")}
            for second, sample in zip(seconds, samples, strict=True)
        ]

    rows, refused = gather(records, file, ("date", "seconds", "value"), each)
    yield from refused
    local_us = add_times(rows["date"], read_numbers(rows["seconds"])[0])
    when = place_local(local_us, file.clock)
    minutes = Moments(when.t_us, when.offset_min, when.assumed, np.full(rows.num_rows, 60.0))
    found = take_quantity(rows, STEPS, minutes, check_instants(when.t_us, FIRST_US, file.latest_us))
    yield from take_whole(found, local_us, file, whole=not refused)
    yield from read_totals(records, file)


def read_totals(records: tuple[object, ...], file: File) -> Iterator[Batch | Rejected]:
    """The steps of dates, where a summary has them; what else is wrong with a record is said with its minutes."""

    def each(record: object) -> list[Cells]:
        date = dig(record, "date")
        total = write_cell(dig(record, "summary", "stepCount"))
        return [{"date": date, "total": total}] if isinstance(date, str) and total is not None else []

    rows, _ = gather(records, file, ("date", "total"), each)
    when = place_days(rows["date"], file.clock)
    yield from take_quantity(rows, STEPS_DAY, when, check_instants(when.t_us, FIRST_US, file.latest_us))


def second_of(text: str) -> float:
    """The second of the day of a local time such as 08:15:00 or 2024-05-01T08:15:00.000."""
    found = TIME.fullmatch(text)
    if found is None:
        raise DiffersError("expected a time such as 08:15:00 in samples.steps.localTime")
    return int(found[1]) * 3600 + int(found[2]) * 60 + float(found[3] or 0)


def read_scores(records: tuple[object, ...], file: File) -> Iterator[Batch | Rejected]:
    """Sleep scores by night."""

    def each(record: object) -> list[Cells]:
        return [
            {
                "night": need(record, "night", str),
                "sleepScore": write_cell(need(record, "sleepScoreResult.sleepScore", object)),
            }
        ]

    rows, refused = gather(records, file, ("night", "sleepScore"), each)
    yield from refused
    when = place_days(rows["night"], file.clock)
    yield from take_quantity(rows, SLEEP_SCORE, when, check_instants(when.t_us, FIRST_US, file.latest_us))


def read_nightly(records: tuple[object, ...], file: File) -> Iterator[Batch | Rejected]:
    """Nightly Recharge: RMSSD, respiration and the vendor's ratings, by the date of the night."""
    optional = ("meanNightlyRecoveryRmssd", "ansStatus", "ansRate", "recoveryIndicator")

    def each(record: object) -> list[Cells]:
        interval = need(record, "meanNightlyRecoveryRespirationInterval", object)
        # Milliseconds from breath to breath; 0 is none.
        breaths = repr(60_000 / interval) if isinstance(interval, int | float) and interval > 0 else None
        others = {key: cell_at(record, key) for key in optional}
        return [{"night": need(record, "night", str), "breaths": breaths, **others}]

    rows, refused = gather(records, file, ("night", "breaths", *optional), each)
    yield from refused
    when = place_days(rows["night"], file.clock)
    keep, rejected = refuse_rows(rows, check_instants(when.t_us, FIRST_US, file.latest_us), file.table)
    yield rejected
    for quantity in NIGHTLY:
        yield from take_quantity(rows.filter(pa.array(keep)), quantity, when.filter(keep))


def read_sessions(records: tuple[object, ...], file: File) -> Iterator[Batch | Rejected]:
    """Training sessions."""
    names = ("workout", "start", "end", "offset", "hr_bpm", "modified")

    def each(record: object) -> list[Cells]:
        return [
            {
                "workout": need(record, "identifier.id", str),
                "start": need(record, "startTime", str),
                "end": need(record, "stopTime", str),
                "offset": cell_at(record, "timezoneOffsetMinutes"),
                "hr_bpm": cell_at(record, "hrAvg"),
                "modified": cell_at(record, "modified"),
            }
        ]

    rows, refused = gather(records, file, names, each)
    yield from refused
    offset, odd_offset = read_numbers(rows["offset"])
    start, end = (shift_local(rows[name], offset, file.clock) for name in ("start", "end"))
    hr_bpm, no_number = read_numbers(rows["hr_bpm"])
    checks = check_instants(start.t_us, FIRST_US, file.latest_us)
    checks += check_end(start.t_us, end.t_us, WORKOUT_MAX_H)
    checks += [
        (odd_offset | (np.abs(offset) > 840), "expected minutes from UTC in timezoneOffsetMinutes"),
        (no_number, "expected a number in hrAvg"),
        ((hr_bpm != 0) & ((hr_bpm < 20) | (hr_bpm > 250)), "heart rate outside 20 to 250 a minute"),
    ]
    keep, rejected = refuse_rows(rows, checks, file.table)
    yield rejected
    rows, start, hr_bpm = rows.filter(pa.array(keep)), start.filter(keep), hr_bpm[keep]
    changed_us = parse_zoned(rows["modified"]).t_us
    columns = {
        "workout": rows["workout"],
        "t_utc": instants(start.t_us),
        "offset_min": pa.array(start.offset_min),
        "end_utc": instants(end.t_us[keep]),
        "activity": pa.nulls(rows.num_rows, pa.string()),
        "detected": pa.nulls(rows.num_rows, pa.bool_()),
        "hr_mean_bpm": pa.array(hr_bpm, mask=~(hr_bpm > 0)),
        "steps": pa.nulls(rows.num_rows, pa.int32()),
        "revision": pa.array(changed_us // 1_000_000, mask=changed_us == MISSING),
        "tz_assumed": pa.array(start.assumed),
    }
    yield Batch(file.table, lay_out(rows, columns))


def shift_local(column: pa.ChunkedArray, offset: npt.NDArray[np.float64], clock: Clock) -> Moments:
    """Local stamps as moments, by the offset given beside them, else by the clock."""
    local_us = parse_zoned(column).t_us
    by_clock = place_local(local_us, clock)
    known = np.isfinite(offset) & (np.abs(offset) <= 840) & (local_us != MISSING)
    minutes = np.where(known, offset, 0).astype(np.int16)
    t_us = np.where(known, local_us - minutes.astype(np.int64) * MINUTE_US, by_clock.t_us)
    return Moments(
        t_us, np.where(known, minutes, by_clock.offset_min).astype(np.int16), by_clock.assumed & ~known
    )

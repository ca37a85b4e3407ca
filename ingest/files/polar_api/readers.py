"""Polar's sleeps, nights, heart rates, steps and training sessions."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ingest.source import (
    MINUTE_US,
    MISSING,
    Batch,
    Clock,
    Instants,
    Moments,
    Rejected,
    Remark,
    Stretches,
    check_end,
    check_instants,
    instants,
    lay_out,
    lay_out_episodes,
    lay_out_stages,
    parse_zoned,
    place_days,
    place_local,
    read_numbers,
    refuse_rows,
    spans,
    sub_records,
    take_quantity,
    to_float,
)

from .layout import (
    DAY_US,
    EPISODE,
    FIRST_US,
    FIVE_MIN_S,
    HRV,
    MINUTE_STEPS,
    NIGHTLY,
    RATE,
    RMSSD,
    SLEEP_MAX_H,
    SLEEP_SCORE,
    STAGE,
    STAGES,
    STEPS_DAY,
    WORKOUT,
    WORKOUT_MAX_H,
    Setting,
)

HOUR_US = 60 * MINUTE_US
TIME = re.compile(r"(?:\d{4}-\d\d-\d\dT)?([01]\d|2[0-3]):([0-5]\d)(?::([0-5]\d(?:\.\d+)?))?")
DURATION = re.compile(r"PT(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?")
Part = Batch | Rejected | Remark


# --- time ---------------------------------------------------------------------------------------


def read_edges(column: pa.ChunkedArray) -> Moments:
    """Stamps that must carry their offset; one without is none."""
    zoned = parse_zoned(column)
    t_us = np.where(zoned.naive, MISSING, zoned.t_us)
    return Moments(t_us, zoned.offset_min, np.zeros(t_us.size, dtype=np.bool_))


def list_nights(rows: pa.Table) -> dict[str, int]:
    """Start of each night on the local clock, cut to its minute, by its date."""
    edges = read_edges(rows["start"])
    local_us = edges.t_us + edges.offset_min.astype(np.int64) * MINUTE_US
    dates = rows["date"].to_pylist()
    return {
        dates[i]: int(local_us[i] // MINUTE_US * MINUTE_US)
        for i in np.flatnonzero(edges.t_us != MISSING).tolist()
    }


def time_us(text: object) -> int | None:
    """The time of day of a text such as 01:23 or 2026-10-28T01:23:45, in microseconds; None for none."""
    found = TIME.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        return None
    return int(found[1]) * HOUR_US + int(found[2]) * MINUTE_US + round(float(found[3] or 0) * 1e6)


def count_on(start_us: int, times: list[int]) -> list[int]:
    """Times of day as times of the local clock: each the first at or after the one before, from a start on."""
    found: list[int] = []
    at = start_us
    for time in times:
        day = (at - time + DAY_US - 1) // DAY_US
        place = day * DAY_US + time
        # A clock that is put back shows an hour twice: a step back of less than one is no day.
        back = place - DAY_US
        place = back if found and at - back < HOUR_US else place
        found.append(place)
        at = place
    return found


def unfold_clock(local_us: Instants, clock: Clock) -> Moments:
    """Times of a local clock in the order in which they were: what goes back is of the second of two hours."""
    when = place_local(local_us, clock)
    good = local_us != MISSING
    later_us = np.where(good, when.t_us, 0) + HOUR_US
    offset = clock.of_utc(later_us)[0]
    twice = good & (offset == when.offset_min - 60)
    if not twice.any():
        return when
    night = np.where(twice, local_us // DAY_US, -1)
    second = np.zeros(local_us.size, dtype=np.bool_)
    for one in np.unique(night[twice]):
        mine = night == one
        back = np.diff(local_us[mine], prepend=local_us[mine][:1]) < 0
        second[mine] = np.cumsum(back) > 0
    return Moments(
        np.where(second, later_us, when.t_us), np.where(second, offset, when.offset_min), when.assumed
    )


def parse_cell(text: str | None) -> object:
    """A list or object that a page had in a field; None for anything else."""
    try:
        return json.loads(text or "null")
    except ValueError:
        return None


def check_times(when: Moments, setting: Setting) -> list[tuple[npt.NDArray[np.bool_], str]]:
    """What may be wrong with instants."""
    return check_instants(when.t_us, FIRST_US, setting.latest_us)


# --- nights -------------------------------------------------------------------------------------


def read_sleeps(rows: pa.Table, setting: Setting) -> Iterator[Part]:
    """Nights with their stages, and Polar's score of them."""
    start, end = read_edges(rows["start"]), read_edges(rows["end"])
    checks = [*check_times(start, setting), *check_end(start.t_us, end.t_us, SLEEP_MAX_H)]
    keep, rejected = refuse_rows(rows, checks, EPISODE)
    yield rejected
    rows, start, end = rows.filter(pa.array(keep)), start.filter(keep), end.filter(keep)
    rows = rows.append_column("episode", rows["date"])
    parts, odd = read_hypnograms(rows, start, end, setting)
    wrong = [(odd, "expected times of day with codes 0 to 5 in hypnogram")]
    yield refuse_rows(rows.select(["member", "record", "hypnogram"]), wrong, STAGE)[1]
    staged = np.isin(np.arange(rows.num_rows), parts.log)
    main = pa.nulls(rows.num_rows, pa.bool_())
    whole = not rejected.rows.num_rows
    episodes = lay_out_episodes(rows, start, end, staged=staged, main=main, in_bed=None)
    yield Batch(EPISODE, episodes, spans(EPISODE, rows, start.t_us, end.t_us) if whole else ())
    stages = lay_out_stages(rows, parts, start, end, setting.clock)
    certain = whole and not odd.any()
    yield Batch(STAGE, stages, spans(STAGE, rows, start.t_us, end.t_us) if certain else ())
    yield from take_quantity(rows, SLEEP_SCORE, place_days(rows["date"], setting.clock))


def read_hypnograms(
    rows: pa.Table, start: Moments, end: Moments, setting: Setting
) -> tuple[Stretches, npt.NDArray[np.bool_]]:
    """Changes of stage as stretches, each up to the next or to the end of its night, and which are not as expected."""
    logs, starts, stops, stages = [], [], [], []
    odd = np.zeros(rows.num_rows, dtype=np.bool_)
    for i, text in enumerate(rows["hypnogram"].to_pylist()):
        found = parse_cell(text)
        if not isinstance(found, dict) or not found:
            odd[i] = text not in (None, "{}", "null")
            continue
        times, codes = [time_us(key) for key in found], list(found.values())
        known = [time for time in times if time is not None]
        if len(known) < len(times) or not all(isinstance(c, int) and c in STAGES for c in codes):
            odd[i] = True
            continue
        offset_us = int(start.offset_min[i]) * MINUTE_US
        begun_us = int(start.t_us[i]) + offset_us
        local_us = np.array(count_on(begun_us // MINUTE_US * MINUTE_US, known), dtype=np.int64)
        edges = [*unfold_clock(local_us, setting.clock).t_us.tolist(), int(end.t_us[i])]
        # Minutes are whole: the first change lies up to a minute before the night's own start.
        for code, left, right in zip(codes, edges, edges[1:], strict=False):
            if left < right:
                logs.append(i)
                starts.append(left)
                stops.append(right)
                stages.append(STAGES[code])
    log, left_us, right_us = (np.array(values, dtype=np.int64) for values in (logs, starts, stops))
    return Stretches(log, left_us, right_us, np.array(stages, dtype="U8")), odd


def read_nights(rows: pa.Table, setting: Setting) -> Iterator[Part]:
    """Nightly Recharge: HRV, respiration and Polar's ratings by the date of the night, HRV of its five minutes."""
    when = place_days(rows["date"], setting.clock)
    keep, rejected = refuse_rows(rows, check_times(when, setting), HRV)
    yield rejected
    rows, when = rows.filter(pa.array(keep)), when.filter(keep)
    for quantity in NIGHTLY:
        yield from take_quantity(rows, quantity, when)
    found, lost = unroll_night(rows, setting)
    if lost:
        yield Remark(
            f"HRV samples of nights whose sleep was not given were left out ({lost}): their day is not known."
        )
    at = unfold_clock(found["local_us"].to_numpy(), setting.clock)
    five = Moments(at.t_us, at.offset_min, at.assumed, np.full(found.num_rows, FIVE_MIN_S))
    yield from take_quantity(found, RMSSD, five, check_times(five, setting))


def unroll_night(rows: pa.Table, setting: Setting) -> tuple[pa.Table, int]:
    """Samples by time of day, one row each, and how many nights had to be left out."""
    out: list[tuple[int, int, int, float]] = []
    lost = 0
    columns = (rows[name].to_pylist() for name in ("member", "record", "date", "samples"))
    for member, record, date, text in zip(*columns, strict=True):
        found = parse_cell(text)
        pairs = [(time_us(k), to_float(v)) for k, v in found.items()] if isinstance(found, dict) else []
        known = [(time, value) for time, value in pairs if time is not None]
        start_us = setting.nights.get(date)
        if start_us is None:
            lost += bool(known)
            continue
        places = count_on(start_us, [time for time, _ in known])
        out += [(member, record, t, value) for t, (_, value) in zip(places, known, strict=True)]
    return table_of(out), lost


def table_of(found: list[tuple[int, int, int, float]]) -> pa.Table:
    """Values at times of the local clock as rows."""
    members, records, local, values = zip(*found, strict=True) if found else ((), (), (), ())
    return pa.table(
        {
            "member": pa.array(members, pa.int32()),
            "record": pa.array(records, pa.int64()),
            "local_us": pa.array(local, pa.int64()),
            "value": pa.array(values, pa.float64()),
        }
    )


# --- days ---------------------------------------------------------------------------------------


def unroll_days(rows: pa.Table, time: str, value: str) -> pa.Table:
    """Samples of dates, one row each: their time of the local clock, MISSING for none, and their value."""
    out: list[tuple[int, int, int, float]] = []
    midnight = parse_zoned(pc.binary_join_element_wise(rows["date"].combine_chunks(), "00:00:00", "T")).t_us
    columns = (rows[name].to_pylist() for name in ("member", "record", "samples"))
    for i, (member, record, text) in enumerate(zip(*columns, strict=True)):
        for sample in sub_records(parse_cell(text)):
            at = time_us(sample.get(time))
            missing = at is None or midnight[i] == MISSING
            place = MISSING if missing else int(midnight[i]) + (at or 0)
            out.append((member, record, place, to_float(sample.get(value))))
    return table_of(out)


def read_heart(rows: pa.Table, setting: Setting) -> Iterator[Part]:
    """Heart rates of day and night."""
    found = unroll_days(rows, "sample_time", "heart_rate")
    when = unfold_clock(found["local_us"].to_numpy(), setting.clock)
    yield from take_quantity(found, RATE, when, check_times(when, setting))


def read_steps(rows: pa.Table, setting: Setting) -> Iterator[Part]:
    """Steps of minutes, and of dates; an answer with another pace says how long its spans are."""
    length_ms, _ = read_numbers(rows["interval_ms"])
    known = (length_ms > 0) & (length_ms <= 3_600_000)
    wrong = [
        (
            ~known & pc.is_valid(rows["samples"]).to_numpy(),
            "expected milliseconds, up to an hour, in interval_ms",
        )
    ]
    keep, rejected = refuse_rows(rows, wrong, MINUTE_STEPS.table)
    yield rejected
    good, length_ms = rows.filter(pa.array(keep)), length_ms[keep]
    found = unroll_days(good, "timestamp", "steps")
    when = unfold_clock(found["local_us"].to_numpy(), setting.clock)
    by_record = dict(zip(good["record"].to_pylist(), length_ms.tolist(), strict=True))
    span_s = np.array([by_record[record] / 1000 for record in found["record"].to_pylist()])
    spanned = Moments(when.t_us, when.offset_min, when.assumed, span_s)
    yield from take_quantity(found, MINUTE_STEPS, spanned, check_times(when, setting))
    midnight = place_days(rows["date"], setting.clock)
    yield from take_quantity(rows, STEPS_DAY, midnight, check_times(midnight, setting))


def read_exercises(rows: pa.Table, setting: Setting) -> Iterator[Part]:
    """Training sessions: local starts with their offset in minutes."""
    offset, odd = read_numbers(rows["offset"])
    start = shift_local(rows["start"], offset, setting.clock)
    seconds = np.array([seconds_of(text) for text in rows["duration"].to_pylist()], dtype=np.float64)
    missing = (start.t_us == MISSING) | np.isnan(seconds)
    end_us = np.where(missing, MISSING, start.t_us + (np.nan_to_num(seconds) * 1e6).astype(np.int64))
    bpm, no_number = read_numbers(rows["bpm"])
    checks = [
        *check_times(start, setting),
        (np.isnan(seconds), "expected a duration such as PT1H30M"),
        *check_end(start.t_us, end_us, WORKOUT_MAX_H),
        (odd | (np.abs(offset) > 840), "expected minutes from UTC in start_time_utc_offset"),
        (no_number, "expected a number in heart_rate.average"),
        ((bpm != 0) & ((bpm < 20) | (bpm > 250)), "heart rate outside 20 to 250 a minute"),
    ]
    keep, rejected = refuse_rows(rows, checks, WORKOUT)
    yield rejected
    rows, start, bpm = rows.filter(pa.array(keep)), start.filter(keep), bpm[keep]
    sport = pc.utf8_lower(pc.replace_substring(pc.coalesce(rows["sport"], rows["sport_group"]), "_", " "))
    columns = {
        "workout": rows["id"],
        "t_utc": instants(start.t_us),
        "offset_min": pa.array(start.offset_min),
        "end_utc": instants(end_us[keep]),
        "activity": sport,
        "detected": pa.nulls(rows.num_rows, pa.bool_()),
        "hr_mean_bpm": pa.array(bpm, mask=~(bpm > 0)),
        "steps": pa.nulls(rows.num_rows, pa.int32()),
        "revision": pa.nulls(rows.num_rows, pa.int64()),
        "tz_assumed": pa.array(start.assumed),
    }
    yield Batch(WORKOUT, lay_out(rows, columns))


def seconds_of(text: str | None) -> float:
    """Seconds of a duration such as PT1H30M; NaN for none."""
    found = DURATION.fullmatch(text or "")
    if found is None or text == "PT":
        return np.nan
    return int(found[1] or 0) * 3600 + int(found[2] or 0) * 60 + float(found[3] or 0)


def shift_local(column: pa.ChunkedArray, offset: npt.NDArray[np.float64], clock: Clock) -> Moments:
    """Local stamps as moments, by the offset given beside them, else by the clock."""
    local_us = parse_zoned(column).t_us
    by_clock = place_local(local_us, clock)
    known = np.isfinite(offset) & (np.abs(offset) <= 840) & (local_us != MISSING)
    minutes = np.where(known, offset, by_clock.offset_min).astype(np.int16)
    t_us = np.where(known, local_us - minutes.astype(np.int64) * MINUTE_US, by_clock.t_us)
    return Moments(t_us, minutes, by_clock.assumed & ~known)


READERS: Mapping[str, Callable[[pa.Table, Setting], Iterator[Part]]] = {
    "sleep": read_sleeps,
    "nightly-recharge": read_nights,
    "continuous-heart-rate": read_heart,
    "activity-samples": read_steps,
    "exercises": read_exercises,
}

"""WHOOP's API v2: its answers as a pull keeps them, one page a file, all of one pull in a zip.

A file is called `whoop_<kind>_<days asked for>_….json`; `ingest.files.whoop` reads the account export, which says the
same in other words.

Time: stamps are instants of UTC, and each record names the offset that held. A recovery names its sleep: its values
stand at that sleep's end, HRV at its start. Where no sleeps are granted they stand at the moment at which WHOOP made
them, shortly after the wake, with the offset of the person's zone (flagged).

Sleeps have no stages, only minutes of each. Scores of records that WHOOP has not scored yet are left out, and so is
the strain of a cycle that is still running.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ingest.source import (
    MISSING,
    About,
    Batch,
    Check,
    Context,
    Export,
    Flags,
    Instants,
    Member,
    Midnights,
    Moments,
    Rejected,
    Remark,
    check_end,
    check_instants,
    constant,
    instants,
    lay_out,
    parse_page,
    parse_zoned,
    peek,
    read_numbers,
    refuse_one,
    refuse_rows,
    settle_clock,
    spans,
    take_quantity,
    to_us,
)

from .layout import (
    ASLEEP,
    CYCLE_MAX_H,
    DAY_US,
    EPISODE,
    FIRST_US,
    HR_MAX_BPM,
    HR_MIN_BPM,
    KINDS,
    MINUTES,
    MS_MIN,
    NEED,
    NIGHT,
    NIGHT_HRV,
    RECOVERY,
    SCORED,
    SLEEP_MAX_H,
    STRAIN,
    VITAL,
    WORKOUT,
    WORKOUT_MAX_H,
    Kind,
    find_kind,
)

NAME = "whoop_api"
METHOD_VERSION = "whoop_api-1"
ABOUT = About(
    device="WHOOP strap, through WHOOP's API",
    layouts="answers that a pull keeps: a zip a pull with `whoop_sleep_…`, `whoop_recovery_…`, `whoop_cycle_…` and"
    " `whoop_workout_….json`, a page a file",
    signals="nightly HRV (RMSSD), resting heart rate, respiration, SpO2, skin temperature; sleeps and naps without"
    " stages, their minutes by stage as vitals; workouts; recovery, strain, sleep scores, sleep need and debt as vendor"
    " scores",
    zone="instants of UTC; each record names its own offset, which is taken as proven",
    quirks="no heart rate, no steps and no hypnogram; what WHOOP has not scored yet comes with a later pull; the strain"
    " of a running cycle is left out",
    how_to_export="Nothing to export: connect the account, and every night pulls. Kept answers lie below"
    " `var/raw/<participant>/whoop` and can be loaded again.",
)
OFFSET = re.compile(r"(?:([+-])(\d{2}):?(\d{2}))|Z")
MAX_OFFSET_MIN = 14 * 60
Sleeps = dict[str, tuple[int, int, int]]
"""Start and end (microseconds of UTC) and offset (minutes) of sleeps, by WHOOP's identifier."""


def claims(member: Member) -> bool:
    """Whether the member is a kept answer, by its name and its first byte."""
    return find_kind(member.name) is not None and peek(member).lstrip()[:1] == b"{"


def stream(name: str) -> str | None:
    """The main table that a file of that base name feeds."""
    kind = find_kind(name)
    return None if kind is None else kind.table


def read(export: Export, context: Context) -> Iterator[Batch | Rejected | Remark]:
    """Read the fresh members of an export, kind by kind; the sleeps of all members say when recoveries were."""
    latest_us = to_us(export.exported_utc) + DAY_US
    kinds = [find_kind(member.name) for member in export.members]
    fresh = set(export.fresh)
    sleeps: Sleeps = {}
    for kind in KINDS:
        for i in [place for place, found in enumerate(kinds) if found is kind]:
            if i not in fresh and kind.name != "sleep":
                continue
            page = parse_page(i, export.members[i].read(), "records", kind.fields, kind.needed)
            if kind.name == "sleep":
                sleeps |= list_sleeps(page.rows)
            if i in fresh:
                for wrong in page.wrong:
                    stream_name = kind.table if wrong.record is not None else "file"
                    yield refuse_one(i, stream_name, wrong.record, wrong.place, wrong.reason, wrong.raw)
                yield from read_page(page.rows, kind, latest_us, sleeps, context.zone, whole=not page.wrong)


def read_page(
    rows: pa.Table, kind: Kind, latest_us: int, sleeps: Sleeps, zone: str, *, whole: bool
) -> Iterator[Batch | Rejected | Remark]:
    """Read the records of one page."""
    if kind.name == "recovery":
        yield from read_recoveries(rows, sleeps, zone, latest_us)
        return
    offset, unknown = read_offsets(rows["offset"])
    start_us, end_us = (parse_zoned(rows[name]).t_us for name in ("start", "end"))
    hours = {"sleep": SLEEP_MAX_H, "workout": WORKOUT_MAX_H, "cycle": CYCLE_MAX_H}[kind.name]
    ends = check_end(start_us, end_us, hours)
    checks: list[Check] = [
        (unknown, "expected an offset such as -05:00 in timezone_offset"),
        *check_instants(start_us, FIRST_US, latest_us),
        # A cycle that is still running has no end.
        *(ends[1:] if kind.name == "cycle" else ends),
    ]
    keep, rejected = refuse_rows(rows, checks, kind.table)
    yield rejected
    rows, offset, start_us, end_us = rows.filter(pa.array(keep)), offset[keep], start_us[keep], end_us[keep]
    start, end = at(start_us, offset), at(end_us, offset)
    if kind.name == "cycle":
        done = (end_us != MISSING) & scored(rows)
        yield from take_quantity(rows.filter(pa.array(done)), STRAIN, start.filter(done))
    elif kind.name == "workout":
        yield from read_workouts(rows, start, end)
    else:
        yield from read_sleeps(rows, start, end, whole=whole and not rejected.rows.num_rows)


# --- time ---------------------------------------------------------------------------------------


def at(
    t_us: Instants, offset_min: npt.NDArray[np.int16], span_s: npt.NDArray[np.float64] | None = None
) -> Moments:
    """Instants with their proven offsets."""
    return Moments(t_us, offset_min, np.zeros(t_us.size, dtype=np.bool_), span_s)


def read_offsets(column: pa.ChunkedArray) -> tuple[npt.NDArray[np.int16], Flags]:
    """Offsets in minutes, and where there is none."""
    known: dict[str | None, int] = {}
    for text in column.unique().to_pylist():
        found = OFFSET.fullmatch(text or "")
        if found is not None:
            sign, hours, minutes = found.groups()
            offset = (int(hours or 0) * 60 + int(minutes or 0)) * (-1 if sign == "-" else 1)
            if abs(offset) <= MAX_OFFSET_MIN:
                known[text] = offset
    texts = column.to_pylist()
    offsets = np.array([known.get(text, 0) for text in texts], dtype=np.int16)
    return offsets, np.array([text not in known for text in texts], dtype=np.bool_)


def list_sleeps(rows: pa.Table) -> Sleeps:
    """When sleeps were, by WHOOP's identifier."""
    offset, unknown = read_offsets(rows["offset"])
    start_us, end_us = (parse_zoned(rows[name]).t_us for name in ("start", "end"))
    good = ~unknown & (start_us != MISSING) & (end_us > start_us)
    names = rows["id"].to_pylist()
    return {
        names[i]: (int(start_us[i]), int(end_us[i]), int(offset[i])) for i in np.flatnonzero(good).tolist()
    }


def scored(rows: pa.Table) -> Flags:
    """Which records have their final scores."""
    return np.array([state == SCORED for state in rows["state"].to_pylist()], dtype=np.bool_)


def revisions(rows: pa.Table) -> pa.Array:
    """When each record was last changed, in milliseconds since 1970; null where that is not said."""
    t_us = parse_zoned(rows["updated"]).t_us
    return pa.array(np.where(t_us == MISSING, 0, t_us) // 1000, mask=t_us == MISSING)


# --- readers ------------------------------------------------------------------------------------


def read_sleeps(rows: pa.Table, start: Moments, end: Moments, *, whole: bool) -> Iterator[Batch | Rejected]:
    """Sleeps and naps as episodes without stages; WHOOP's minutes and scores at their end."""
    nap = np.array([text == "true" for text in rows["nap"].to_pylist()], dtype=np.bool_)
    columns = {
        "episode": rows["id"],
        "t_utc": instants(start.t_us),
        "offset_min": pa.array(start.offset_min),
        "end_utc": instants(end.t_us),
        "end_offset_min": pa.array(end.offset_min),
        "scoring": pa.nulls(rows.num_rows, pa.string()),
        "vendor_main": pc.if_else(pc.is_valid(rows["nap"]), pa.array(~nap), pa.scalar(None, pa.bool_())),
        "in_bed": pa.nulls(rows.num_rows, pa.bool_()),
        "tz_assumed": constant(value=False, count=rows.num_rows),
        "revision": revisions(rows),
    }
    complete = spans(EPISODE, rows, start.t_us, end.t_us) if whole else ()
    yield Batch(EPISODE, lay_out(rows, columns), complete)
    parts = {name: read_numbers(rows[name])[0] for name in (*ASLEEP, *NEED)}
    for name, sums in (("asleep", ASLEEP), ("need", NEED)):
        total = np.sum([parts[part] for part in sums], axis=0) * MS_MIN
        rows = rows.append_column(name, pa.array(total, mask=np.isnan(total)))
    final = scored(rows)
    for quantities, chosen in ((MINUTES, final), (NIGHT, final & ~nap)):
        for quantity in quantities:
            yield from take_quantity(rows.filter(pa.array(chosen)), quantity, end.filter(chosen))


def read_recoveries(
    rows: pa.Table, sleeps: Sleeps, zone: str, latest_us: int
) -> Iterator[Batch | Rejected | Remark]:
    """What a recovery says of its night."""
    rows = rows.filter(pa.array(scored(rows)))
    names = rows["sleep"].to_pylist()
    known = np.array([name in sleeps for name in names], dtype=np.bool_)
    if sleeps and not known.all():
        # Its sleep is outside the days of this pull, and with it comes again in another one.
        yield Remark(f"{int((~known).sum())} recoveries whose sleep was not given were left out.")
        rows, known = rows.filter(pa.array(known)), known[known]
        names = rows["sleep"].to_pylist()
    if sleeps:
        found = np.array([sleeps[name] for name in names], dtype=np.int64).reshape(-1, 3)
        offset, span_s = found[:, 2].astype(np.int16), (found[:, 1] - found[:, 0]) / 1e6
        begun, woken = at(found[:, 0], offset, span_s), at(found[:, 1], offset)
    else:
        none = np.zeros(0, dtype=np.int64)
        made_us = parse_zoned(rows["created"]).t_us
        clock = settle_clock(zone, Midnights(none, none, none))
        offset, assumed = clock.of_utc(np.where(made_us == MISSING, 0, made_us))
        begun = woken = Moments(made_us, offset, assumed)
    checks = check_instants(woken.t_us, FIRST_US, latest_us)
    keep, rejected = refuse_rows(rows, checks, VITAL)
    yield rejected
    rows, begun, woken = rows.filter(pa.array(keep)), begun.filter(keep), woken.filter(keep)
    for quantity, when in ((NIGHT_HRV, begun), *((quantity, woken) for quantity in RECOVERY)):
        yield from take_quantity(rows, quantity, when)


def read_workouts(rows: pa.Table, start: Moments, end: Moments) -> Iterator[Batch | Rejected]:
    """Workouts; who found them, the person or the strap, is not said."""
    bpm, no_number = read_numbers(rows["bpm"])
    outside = (bpm != 0) & ((bpm < HR_MIN_BPM) | (bpm > HR_MAX_BPM))
    checks = [
        (no_number, "expected a number in average_heart_rate"),
        (outside, "heart rate outside 20 to 250 a minute"),
    ]
    keep, rejected = refuse_rows(rows, checks, WORKOUT)
    yield rejected
    rows, start, end, bpm = rows.filter(pa.array(keep)), start.filter(keep), end.filter(keep), bpm[keep]
    columns = {
        "workout": rows["id"],
        "t_utc": instants(start.t_us),
        "offset_min": pa.array(start.offset_min),
        "end_utc": instants(end.t_us),
        "activity": pc.utf8_lower(rows["sport"].combine_chunks()),
        "detected": pa.nulls(rows.num_rows, pa.bool_()),
        "hr_mean_bpm": pa.array(bpm, mask=~(bpm > 0)),
        "steps": pa.nulls(rows.num_rows, pa.int32()),
        "revision": revisions(rows),
        "tz_assumed": constant(value=False, count=rows.num_rows),
    }
    yield Batch(WORKOUT, lay_out(rows, columns))

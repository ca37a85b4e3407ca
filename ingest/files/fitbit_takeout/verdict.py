"""Which clock a stream's stamps show: UTC, as some say of themselves, or the local one.

A stamp is a hypothesis. Heart rates are known to be UTC, and a heart is slower in sleep: of the two
readings of a night's stamps the one with the slower heart is right. One night may mislead, so nights
vote, and without a clear majority nothing is said.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ingest.source import (
    MINUTE_US,
    MISSING,
    US_STAMP,
    Clock,
    Context,
    Export,
    Flags,
    Instants,
    Records,
    Remark,
    numbers,
    parse_stamps,
    read_numbers,
)

from .layout import DAY_US, HR_MAX_BPM, HR_MIN_BPM, JSON, Rests, Stream, name_day, read_stamps
from .uncounted import uncount

MIN_NIGHTS = 3
MIN_SHARE = 0.75
"""Fewer nights, or a smaller majority, and the heart rates say nothing."""
MIN_DIFFERENCE_BPM = 0.5
"""Two readings of a night that differ by less are the same to a wrist sensor: that night does not vote."""
MIN_COVERAGE = 0.5
"""Share of a night's minutes that need a heart rate, in either reading."""
ANCHORS = 20
"""Nights that are looked at, spread over the export: a vote needs no more, and reading them is quick."""
ANCHOR_MONTHS = 4
"""Monthly files of heart rates that are looked at."""


@dataclass(frozen=True)
class Pulse:
    """Mean heart rates of single minutes, in order of time (UTC), and the days that were looked at."""

    t_us: Instants
    bpm: npt.NDArray[np.float64]
    days: tuple[int, ...]


@dataclass(frozen=True)
class Verdict:
    """What is said of stamps: local clock, UTC, or nothing (None); of `nights` that voted, how many for it, and why."""

    local: bool | None
    nights: int = 0
    votes: int = 0
    because: str = "heart rates fit that reading"


def judge_clock(pulse: Pulse, rests: Rests, *, quickens: bool = False) -> Verdict:
    """Test whether stamps are UTC or local: the heart is slower in sleep when they are read rightly.

    Parameters
    ----------
    pulse
        Heart rates, whose instants are known.
    rests
        Times of sleep as stamped, with the offset from UTC (minutes) that held there.
    quickens
        True for times of exercise, in which the heart is faster.
    """
    shift_us = (np.nan_to_num(rests.offset_min) * MINUTE_US).astype(np.int64)
    as_utc = mean_between(pulse, rests.start_us, rests.end_us)
    as_local = mean_between(pulse, rests.start_us - shift_us, rests.end_us - shift_us)
    slower_if_local = (as_local - as_utc) if quickens else (as_utc - as_local)
    votes = slower_if_local[np.abs(np.nan_to_num(slower_if_local)) >= MIN_DIFFERENCE_BPM]
    for_local = int((votes > 0).sum())
    most = max(for_local, votes.size - for_local)
    if votes.size < MIN_NIGHTS or most < MIN_SHARE * votes.size:
        return Verdict(None, int(votes.size), most)
    return Verdict(for_local == most, int(votes.size), most)


def mean_between(pulse: Pulse, start_us: Instants, end_us: Instants) -> npt.NDArray[np.float64]:
    """Mean heart rate from each start to its end; NaN where too few minutes have one."""
    total = np.concatenate([[0.0], np.cumsum(pulse.bpm)])
    first, last = (np.searchsorted(pulse.t_us, edge) for edge in (start_us, end_us))
    count = last - first
    minutes = (end_us - start_us) / MINUTE_US
    covered = (count > 0) & (count >= MIN_COVERAGE * minutes)
    means = (total[last] - total[first]) / np.maximum(count, 1)
    return np.where(covered, means, np.nan)


def read_pulse(export: Export, context: Context, streams: Sequence[Stream]) -> Pulse | None:
    """Read the heart rates of some days spread over the export; None if it has none."""
    found: list[tuple[Instants, npt.NDArray[np.float64]]] = []
    days: list[int] = []
    for stream in streams:
        named = sorted(
            (day, i)
            for i, member in enumerate(export.members)
            if stream.pattern.fullmatch(member.name) and (day := name_day(member.name)) is not None
        )
        if not named:
            continue
        # A night read wrongly reaches into the days beside it.
        reach, most = (1, ANCHORS) if stream.encoding == JSON else (0, ANCHOR_MONTHS)
        chosen = spread(len(named), most)
        near = sorted({j for i in chosen for j in range(i - reach, i + reach + 1) if 0 <= j < len(named)})
        places = [named[j][1] for j in near]
        found += [
            minute_means(*heart_rates(records, stream))
            for records in read_records(stream, uncount(export, places), places, context)
        ]
        days += [named[j][0] for j in (chosen if reach else near)]
    if not found:
        return None
    t_us, bpm = (np.concatenate(parts) for parts in zip(*found, strict=True))
    order = np.argsort(t_us, kind="stable")
    return Pulse(t_us[order], bpm[order], tuple(sorted(set(days))))


def spread(count: int, most: int) -> list[int]:
    """At most `most` places of `count`, evenly spread, first and last among them."""
    return sorted({int(i) for i in np.linspace(0, count - 1, min(count, most)).round()})


def read_records(
    stream: Stream, export: Export, members: Sequence[int], context: Context
) -> Iterator[Records]:
    """Read members of a stream by the way of its encoding."""
    if stream.encoding == JSON:
        yield from context.read_json(export, members, stream.table, stream.fields)
    else:
        yield from context.read_csv(export, members, stream.table, stream.columns, needed=stream.needed)


def heart_rates(records: Records, stream: Stream) -> tuple[Instants, npt.NDArray[np.float64]]:
    """Instants and heart rates of the records that have possible ones."""
    rows = records.rows
    if stream.encoding == JSON:
        t_us, bpm = parse_stamps(rows["stamp"], US_STAMP), numbers(rows["hr_bpm"])
    else:
        t_us, bpm = read_stamps(rows["stamp"]), read_numbers(rows["hr_bpm"])[0]
    good: Flags = (t_us != MISSING) & (bpm >= HR_MIN_BPM) & (bpm <= HR_MAX_BPM)
    return t_us[good], bpm[good]


def minute_means(t_us: Instants, bpm: npt.NDArray[np.float64]) -> tuple[Instants, npt.NDArray[np.float64]]:
    """Means of single minutes, in order."""
    minute, place = np.unique(t_us // MINUTE_US, return_inverse=True)
    mean = np.bincount(place, weights=bpm) / np.maximum(np.bincount(place), 1)
    return minute * MINUTE_US, mean


def judge_stream(
    stream: Stream, export: Export, context: Context, clock: Clock, pulse: Pulse | None
) -> Verdict:
    """Judge the stamps of one stream by the members that lie near the days whose heart rates are known."""
    if pulse is None or stream.rests is None:
        return Verdict(None)
    members = near_members(stream, export, pulse.days)
    found = [
        stream.rests(records.rows)
        for records in read_records(stream, uncount(export, members), members, context)
        if records.rows.num_rows
    ]
    if not found:
        return Verdict(None)
    start_us = np.concatenate([r.start_us for r in found])
    end_us = np.concatenate([r.end_us for r in found])
    stated = np.concatenate([r.offset_min for r in found])
    good = (start_us != MISSING) & (end_us != MISSING)
    start_us, end_us, stated = start_us[good], end_us[good], stated[good]
    offset = np.where(np.isfinite(stated), stated, clock.of_local(start_us)[0])
    return judge_clock(pulse, Rests(start_us, end_us, offset), quickens=stream.quickens)


def near_members(stream: Stream, export: Export, days: Iterable[int]) -> list[int]:
    """The fresh members of a stream that hold these days, as their names tell: each begins with its date."""
    places = [i for i in export.fresh if stream.pattern.fullmatch(export.members[i].name)]
    named = sorted((day, i) for i in places if (day := name_day(export.members[i].name)) is not None)
    begins = [day for day, _ in named]
    chosen = {i for i in places if name_day(export.members[i].name) is None}
    for day in days:
        found = int(np.searchsorted(begins, day, side="right")) - 1
        if named:
            chosen.add(named[max(found, 0)][1])
    return sorted(chosen)


def rest_of_points(rows: pa.Table) -> Rests:
    """Nights out of stamps of samples that are taken in sleep only: runs without a gap of two hours."""
    t_us = np.sort(read_stamps(rows["stamp"]))
    t_us = t_us[t_us != MISSING]
    if t_us.size == 0:
        return Rests(t_us, t_us, np.zeros(0))
    breaks = np.flatnonzero(np.diff(t_us) > DAY_US // 12)
    start_us = t_us[np.concatenate([[0], breaks + 1])]
    end_us = t_us[np.concatenate([breaks, [t_us.size - 1]])]
    long = end_us - start_us >= DAY_US // 24
    return Rests(start_us[long], end_us[long], np.full(int(long.sum()), np.nan))


def remark_on_verdicts(judged: Sequence[tuple[Stream, Verdict]]) -> Iterator[Remark]:
    """Say which clock the stamps of which streams were read by, and why."""
    said = {True: "the local clock", False: "UTC"}
    shown: dict[tuple[bool, str], list[str]] = {}
    for stream, verdict in judged:
        if verdict.local is not None and (stream.suspect or stream.local is not verdict.local):
            told = f"{stream.name} ({stream.encoding}, {verdict.votes} of {verdict.nights})"
            shown.setdefault((not verdict.local, verdict.because), []).append(told)
    for (utc, because), streams in sorted(shown.items()):
        yield Remark(
            f"Stamps read as {said[not utc]}, because {because} (times that fit): {', '.join(streams)}."
        )
    unknown = [
        f"{stream.name} ({stream.encoding}) as {said[stream.local]}"
        for stream, verdict in judged
        if verdict.local is None and stream.suspect
    ]
    if unknown:
        yield Remark(
            "Stamps that the export could not confirm, read as others found them and flagged as assumed:"
            f" {', '.join(unknown)}."
        )

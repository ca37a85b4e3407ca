"""Values laid out by person, day and feature, so that any day's window is a slice."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from models.baseline import NO_SEGMENT, Flag, Real, Whole, latest
from models.bridges import Others
from models.parameters import Parameters, Prior
from models.priors import choose_prior, find_bands, find_kinds, load_devices
from models.segments import Era, name_segments

HOURS = 24


@dataclass(frozen=True)
class Work:
    """Participant-days to score: place of the person in `people`, day in days since 1970.

    Ordered by person and day; the days of a person follow each other without gaps.
    """

    people: pa.Array
    person: Whole
    day: Whole


@dataclass(frozen=True)
class Grid:
    """All values needed, one row a day and a column a feature, each person's days in one block.

    A person's block starts so many days before the first one scored as are looked at, at row `offset`
    for the day `first`. `worn_s` (rows, 24) is waking wear in each hour of the local clock, in seconds.
    `segments` names the segments, and `sources` the source/device of each, sorted by their numbers
    in `segment_ids`; `kinds` says where each device is worn and `bands` the age band of each person,
    as places in DEVICE_KINDS and AGE_BANDS. `others` are the values of devices worn beside those
    that count; None where there is none.
    """

    value: Real
    se: Real
    low: Flag
    segment: Whole
    worn_s: Real
    offset: Whole
    first: Whole
    segment_ids: Whole
    segments: pa.Array
    sources: pa.Array
    kinds: Whole
    bands: Whole
    others: Others | None


def read_work(work: pa.Table) -> Work:
    """Take the participant-days that have features out of the table of work."""
    rows = work.filter(work["has_features"])
    person = rows["participant"].combine_chunks().dictionary_encode()
    return Work(person.dictionary, whole(person.indices), days_of(rows["day"]))


def fill_grid(
    work: Work,
    values: pa.Table,
    others: pa.Table | None,
    hours: pa.Table | None,
    settings: pa.Table,
    eras: Sequence[Era],
    parameters: Parameters,
    reach_days: int,
) -> Grid:
    """Lay the values and the hours of wear out by person and day, from `reach_days` before the first.

    `hours` is None where nobody looks at wear: then it is 0. `others` are values of other devices.
    """
    people = np.arange(len(work.people))
    starts = np.searchsorted(work.person, people)
    ends = np.searchsorted(work.person, people, side="right") - 1
    first = work.day[starts] - reach_days
    length = work.day[ends] - first + 1
    offset = np.concatenate([[0], np.cumsum(length)[:-1]])
    rows = int(length.sum())

    def find_rows(table: pa.Table) -> Whole:
        person = places(table["participant"], work.people)
        return offset[person] + days_of(table["day"]) - first[person]

    def find_places(table: pa.Table) -> tuple[Whole, Whole]:
        return find_rows(table), places(table["feature"], pa.array(parameters.features))

    shape = (rows, len(parameters.features))
    named, sources, place = name_values(values, eras)
    numbers = number_segments(named)
    at = find_places(values)
    laid = lay_values(values, numbers[place], at, shape)
    beside = None
    if others is not None and others.num_rows:
        names, _, which = name_values(others, eras)
        beside = lay_values(others, number_segments(names)[which], find_places(others), shape)
    se = np.full(shape, np.nan)
    se[at] = values["se"].cast(pa.float64()).to_numpy()
    worn_s = np.zeros((rows, HOURS))
    if hours is not None:
        worn_s[find_rows(hours), whole(hours["hour"])] = hours["seconds"].to_numpy()
    order = np.argsort(numbers)
    sources = sources.take(order)
    return Grid(
        laid.value,
        se,
        laid.low,
        laid.segment,
        worn_s,
        offset,
        first,
        numbers[order],
        named.take(order),
        sources,
        find_kinds(sources.to_pylist(), load_devices()),
        find_bands(work.people, settings),
        beside,
    )


def lay_values(table: pa.Table, segment: Whole, at: tuple[Whole, Whole], shape: tuple[int, int]) -> Others:
    """Lay values, their segments and whether they are of low quality at their rows and columns."""
    laid = Others(
        np.full(shape, np.nan), np.full(shape, NO_SEGMENT, dtype=np.int64), np.zeros(shape, dtype=bool)
    )
    laid.value[at] = table["value"].to_numpy()
    laid.segment[at] = segment
    laid.low[at] = pc.equal(table["quality"], "low").fill_null(fill_value=False).to_numpy()
    return laid


def prior_of(segment: Whole, work: Work, grid: Grid, parameters: Parameters) -> Prior:
    """Prior of each case and feature: by the person's age band and the device that they wore last.

    `segment` (cases, features, days) are those of the window and of the day scored.
    """
    return choose_prior(parameters.priors, grid.bands[work.person], kinds_of(latest(segment), grid))


def kinds_of(segment: Whole, grid: Grid) -> Whole:
    """Where the device of each segment is worn, as a place in DEVICE_KINDS; 0 for NO_SEGMENT."""
    place = np.minimum(np.searchsorted(grid.segment_ids, segment), max(grid.segment_ids.size - 1, 0))
    known = np.append(grid.kinds, 0)[place]
    return np.where(segment == NO_SEGMENT, 0, known)


def name_values(values: pa.Table, eras: Sequence[Era]) -> tuple[pa.Array, pa.Array, Whole]:
    """Name the segment of each value: distinct names, the source/device of each, and each value's place.

    Only values of a device that `eras` lists are looked at one by one.
    """
    source = values["source"].fill_null("unknown").combine_chunks().dictionary_encode()
    names, place = source.dictionary.to_pylist(), whole(source.indices)
    listed = {era.device for era in eras}
    known = np.array([name.partition("/")[2] in listed for name in names], dtype=bool)
    rows = np.flatnonzero(known[place]) if names else np.array([], dtype=np.int64)
    if rows.size == 0:
        return source.dictionary, source.dictionary, place
    some = values.take(pa.array(rows))
    own = [names[k] for k in place[rows]]
    segments = name_segments(own, some["feature"].to_pylist(), days_of(some["day"]).tolist(), eras)
    distinct = {(name, name): k for k, name in enumerate(names)}
    place = place.copy()
    place[rows] = [distinct.setdefault(pair, len(distinct)) for pair in zip(segments, own, strict=True)]
    named, sources = zip(*distinct, strict=True)
    return pa.array(named, pa.string()), pa.array(sources, pa.string()), place


def number_segments(names: pa.Array) -> Whole:
    """Give each segment a number that depends on its name only, never on what else is there."""
    digests = [hashlib.sha256(name.encode()).digest() for name in names.to_pylist()]
    return np.array([int.from_bytes(digest[:7], "big") + 1 for digest in digests], dtype=np.int64)


def name_numbers(segment: Whole, ids: Whole, names: pa.Array) -> pa.Array:
    """Names (segments or sources) by the numbers of segments; null for NO_SEGMENT."""
    place = np.minimum(np.searchsorted(ids, segment), max(ids.size - 1, 0))
    return names.take(pa.array(place, mask=np.asarray(segment == NO_SEGMENT)))


def places(column: pa.ChunkedArray, among: pa.Array) -> Whole:
    """Place of each text among the distinct ones, all of which are there."""
    return whole(pc.index_in(column, value_set=among))


def days_of(column: pa.ChunkedArray) -> Whole:
    """Days since 1970 of a column of dates."""
    return whole(column.cast(pa.int32()))


def whole(column: pa.Array | pa.ChunkedArray) -> Whole:
    """Make an array of a column of whole numbers."""
    return np.array(column, dtype=np.int64)

"""Features over free segments of time, person by person, as an export: the warehouse is only read.

A person's minutes are laid out whole, as the nightly stage lays them out, so that a segment's numbers do
not depend on which other segments are asked for. Windows of five minutes are those of `feature.window`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet

from features import gather, read, recordings, segments
from features.catalog import METHOD_VERSION
from features.electrodermal import Spans
from features.five_minutes import FiveMinutes
from features.hrv.quality import QUALITIES
from features.person import Person
from features.recordings import floats
from features.rows import instants, rounded
from features.segment_measures import FEATURES, Prepared, measure_segment, prepare
from features.segments import AroundEvent, Event, Instance, Segment, SegmentError
from warehouse.device_names import Names, read_device_names
from warehouse.publish import PUBLISHED
from warehouse.store import Connection, open_warehouse

UTC_S = pa.timestamp("s", "UTC")
SCHEMA = pa.schema(
    [
        ("participant", pa.string()),
        ("segment", pa.string()),
        ("day", pa.date32()),
        ("start_utc", UTC_S),
        ("end_utc", UTC_S),
        ("feature", pa.string()),
        ("value", pa.float64()),
        ("unit", pa.string()),
        ("n_obs", pa.int64()),
        ("coverage", pa.float64()),
        ("quality", pa.string()),
        ("reason", pa.string()),
        ("source", pa.string()),
        ("method_version", pa.string()),
    ]
)
"""One row a feature of an instance; exactly one of value and reason is null."""

SUFFIXES = (".csv", ".parquet")


def measure_segments(
    warehouse: str | Path, wanted: Sequence[Segment], *, participant: str | None = None, wait_s: float = 60.0
) -> Iterator[pa.Table]:
    """Measure every instance of every segment of each person, one table of `SCHEMA` a person.

    Parameters
    ----------
    warehouse : str or Path
        As `warehouse.store.open_warehouse` takes it; only read.
    wanted : sequence of Segment
        From `segments.read_segments`.
    participant : str or None
        One person, whose own copy it is; None for everyone who allows research: then all edges are on steps
        of five minutes.
    wait_s : float
        Seconds to wait while another process holds the warehouse.

    Raises
    ------
    SegmentError
        If there is no such person, or nobody who allowed research; or of everyone, if an edge of a segment is
        on no step.
    """
    shared = participant is None
    if shared:
        segments.check_shared(wanted)
    with open_warehouse(warehouse, read_only=True, wait_s=wait_s) as con:
        con.begin()  # who allows it and their rows are read as they stand at one instant
        names = read_device_names(con, PUBLISHED) if shared else {}
        for person in choose_people(read.find_people(con), participant):
            found = _measure_person(con, person, wanted, shared=shared)
            if found.num_rows:
                yield rename_devices(found, person, names)


def rename_devices(rows: pa.Table, participant: str, names: Names) -> pa.Table:
    """Rows with the names of devices that others get, as in the published tables."""
    shown = [name and names.get((participant, name), name) for name in rows["source"].to_pylist()]
    place = rows.column_names.index("source")
    return rows.set_column(place, SCHEMA.field("source"), pa.array(shown, pa.string()))


def choose_people(people: Mapping[str, bool], participant: str | None) -> list[str]:
    """The one asked for, else those who allowed research."""
    if participant is not None:
        if participant not in people:
            raise SegmentError(
                f"There is no participant {participant}: 'steadyline status' lists those there are."
            )
        return [participant]
    allowed = [person for person, allows in people.items() if allows]
    if not allowed:
        raise SegmentError(
            "Nobody here allowed research, so nobody is exported unasked: name a person with --participant."
        )
    return allowed


def _measure_person(
    con: Connection, participant: str, wanted: Sequence[Segment], *, shared: bool
) -> pa.Table:
    """Rows of one person; none where no device recorded anything."""
    days = read.find_days_with_data(con, participant)
    if days is None:
        return SCHEMA.empty_table()
    margin = segments.margin_days(wanted)
    axis = (days[0] - margin, days[1] + margin)
    person = gather.make_people(read.read_signals(con, [participant], [axis]), [axis])[0]
    words = sorted({s.event for s in wanted if isinstance(s, AroundEvent)})
    events = [Event(**row) for row in read.read_events(con, participant, words).to_pylist()]
    instances = segments.find_instances(
        wanted, person.clock, days, zones=person.zones, events=events, shared=shared
    )
    recorded = read.find_recorded(con, [participant], [axis])
    sensors = {sensor for sensor, people in recorded.items() if participant in people}
    every_day = range(days[0], days[1] + 1)
    prepared = prepare(
        person,
        every_day,
        fives=take_windows(read.read_windows(con, participant)),
        not_computed=_find_not_computed(con, participant, every_day)
        if sensors & {"beat", "pulse_wave"}
        else [],
        skins=_measure_skins(con, participant, person, every_day) if "eda" in sensors else {},
    )
    return make_rows(participant, prepared, instances)


def _find_not_computed(con: Connection, participant: str, days: range) -> list[int]:
    """Days whose windows are missing, of an older method, or due: those of a changed day and beside it."""
    kept = read.read_kept(con, [participant]).get(participant, {})
    due = read.read_due(con, [participant])[0].get(participant, set())
    touched = {day + beside for day in due for beside in (-1, 0, 1)}
    return [day for day in days if not kept.get(day, False) or day in touched]


def take_windows(rows: pa.Table) -> dict[str, FiveMinutes]:
    """Windows by stream, from rows as `read.read_windows` gives them."""
    found = {}
    for stream in rows["stream"].unique().to_pylist():
        some = rows.filter(pc.equal(rows["stream"], stream))
        quality = pa.array(QUALITIES, pa.string())
        names = [name for name in some.column_names if name.endswith(("_ms", "_bpm"))]
        coverage, artefact, uneven = (floats(some, name) for name in ("coverage", "artefact", "uneven"))
        found[stream] = FiveMinutes(
            np.asarray(some["start_s"].to_numpy(), np.int64),
            np.asarray(pc.index_in(some["quality"], value_set=quality).to_numpy(), np.int64),
            some["reason"].to_pylist(),
            coverage,
            artefact,
            uneven,
            {name: floats(some, name) for name in names},
            some["sensor"].to_pylist(),
            np.asarray(some["derived"].to_pylist(), np.bool_),
        )
    return found


def _measure_skins(
    con: Connection, participant: str, person: Person, days: range
) -> dict[int, dict[str, Spans]]:
    """Skin conductance by the minute, by local day and stream, as the nightly stage reads it."""
    streams = read.find_days(con, participant, recordings.utc_days_of(tuple(days)), "eda")
    skins: dict[int, dict[str, Spans]] = {}
    for day in days:
        span_us = recordings.local_span_us(person, day)
        if span_us is None:
            continue
        for stream in sorted(
            {name for beside in recordings.UTC_DAYS for name in streams.get(day + beside, {})}
        ):
            parts = read.read_skin(con, participant, stream, span_us)
            if parts[0].num_rows:
                skins.setdefault(day, {})[stream] = recordings.measure_skin(*parts)
    return skins


def make_rows(participant: str, prepared: Prepared, instances: Sequence[Instance]) -> pa.Table:
    """Rows of one person: every feature of every instance."""
    each = [measure_segment(prepared, instance) for instance in instances]
    flat = [values[feature.name] for values in each for feature in FEATURES]
    times = len(FEATURES)

    def repeated(values: Sequence[int]) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        return np.repeat(np.asarray(values, np.int64), times)

    columns = {
        "participant": pa.repeat(pa.scalar(participant), len(flat)),
        "segment": pa.array([one.segment for one in instances for _ in FEATURES], pa.string()),
        "day": pa.array(repeated([one.day for one in instances]).astype(np.int32)).cast(pa.date32()),
        "start_utc": _utc(60 * repeated([one.start_min for one in instances])),
        "end_utc": _utc(60 * repeated([one.end_min for one in instances])),
        "feature": pa.array([feature.name for _ in instances for feature in FEATURES], pa.string()),
        "value": pa.array([rounded(m.value) for m, _ in flat], pa.float64()),
        "unit": pa.array([feature.unit for _ in instances for feature in FEATURES], pa.string()),
        "n_obs": pa.array([m.n_obs for m, _ in flat], pa.int64()),
        "coverage": pa.array([rounded(m.coverage) for m, _ in flat], pa.float64()),
        "quality": pa.array([m.quality for m, _ in flat], pa.string()),
        "reason": pa.array([m.reason for m, _ in flat], pa.string()),
        "source": pa.array([stream for _, stream in flat], pa.string()),
        "method_version": pa.repeat(pa.scalar(METHOD_VERSION), len(flat)),
    }
    return pa.table(columns, schema=SCHEMA)


def _utc(second: np.ndarray[tuple[int], np.dtype[np.int64]]) -> pa.Array:
    return instants(second).cast(pa.timestamp("s")).cast(UTC_S)


def check_target(target: Path) -> None:
    """Refuse a file that is there already or could not be written, before anything is measured."""
    if target.suffix not in SUFFIXES:
        raise SegmentError(
            f"{target} is neither .csv nor .parquet: give --out a name that ends in one of them."
        )
    if target.exists() or target.is_symlink():
        raise SegmentError(f"{target} is there already: give --out a name that is not there yet.")
    if not target.parent.is_dir():
        raise SegmentError(f"There is no folder {target.parent} for {target.name}: make it and run again.")


def write_rows(
    tables: Iterator[pa.Table],
    target: Path,
    *,
    release: Callable[[list[str]], AbstractContextManager[None]] = lambda _: nullcontext(),
) -> tuple[int, int]:
    """Write the rows as CSV or Parquet, as the name of the file says; how many people and rows.

    The file appears whole or not at all, and only its owner may read it: it tells of people's days. It
    appears inside `release` of the people in it (`warehouse.consent.releasing`, where it is for others).

    Raises
    ------
    ConsentChangedError
        If one of them took research back meanwhile: nothing appears.
    SegmentError
        If the file is there already, or cannot be written.
    """
    check_target(target)
    fresh = target.with_name(f".{target.name}.new")
    people: list[str] = []
    rows = 0
    try:
        fresh.unlink(missing_ok=True)
        with os.fdopen(os.open(fresh, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
            writer = pa.csv.CSVWriter if target.suffix == ".csv" else pa.parquet.ParquetWriter
            with writer(file, SCHEMA) as out:
                for table in tables:
                    out.write_table(table)
                    people += table["participant"].unique().to_pylist()
                    rows += table.num_rows
        with release(people):
            check_target(target)
            fresh.rename(target)
    except OSError as error:
        raise SegmentError(f"Could not write {target} ({error}): check the folder and run again.") from error
    finally:
        fresh.unlink(missing_ok=True)
    return len(people), rows

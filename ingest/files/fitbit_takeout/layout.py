"""What a stream of this export is, how its stamps are put into UTC, and limits that many streams share."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ingest.source import (
    MINUTE_US,
    MISSING,
    Bad,
    Batch,
    Clock,
    Field,
    Flags,
    Instants,
    Moments,
    Records,
    Rejected,
    parse_zoned,
    to_utc,
)

HR_MIN_BPM, HR_MAX_BPM = 20.0, 250.0
"""Beyond these no wrist sensor measures a heart: slower is asystole, faster than any human sinus rhythm."""
STEPS_MAX = 1000
"""Steps in one minute; sprinters make about 300."""
DAY_US = 1440 * MINUTE_US
FIRST_US = int(np.datetime64("2007-01-01", "us").astype(np.int64))
"""Fitbit was founded in 2007: nothing of it is older."""
SLEEP_MAX_H, WORKOUT_MAX_H = 48, 72

JSON, OLDER, GOOGLE = "JSON", "the older CSV", "Google's CSV"
"""Encodings of one stream, in the order in which they are chosen."""


@dataclass(frozen=True)
class Setting:
    """How the stamps of one stream are read in one export.

    `local` says that they show the local clock, whatever zone is written beside them; `sure` that the
    export shows this, or that nothing speaks against it.
    """

    clock: Clock
    latest_us: int
    """The latest instant that may occur."""
    local: bool = True
    sure: bool = True


@dataclass(frozen=True)
class Rests:
    """Times in which the wearer should have slept, as stamped; `offset_min` is NaN where none is stated."""

    start_us: Instants
    end_us: Instants
    offset_min: npt.NDArray[np.float64]


@dataclass(frozen=True)
class Stream:
    """Files of one kind: how they are named, the table they feed, how they are read.

    JSON streams have `fields`, CSV streams `columns` (our name → spellings), of which the `needed` ones
    must be there; `unused` are known ones that are left out. Streams of one `family` hold the same in
    several encodings. `local` is the documented rule for the stamps; `suspect` says that they name a
    zone which may not be theirs, or that somebody may have rewritten them; `rests` are the times to test
    against heart rates, in which the heart is slower (or faster, if `quickens`). `mark` stands at the
    beginning of files of JSON whose name many might use.
    """

    name: str
    pattern: re.Pattern[str]
    table: str
    read: Callable[[Records, Setting], Iterator[Batch | Bad | Rejected]]
    encoding: str = JSON
    family: str = ""
    fields: tuple[Field, ...] = ()
    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    needed: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()
    local: bool = True
    suspect: bool = False
    rests: Callable[[pa.Table], Rests] | None = None
    mark: re.Pattern[bytes] = re.compile(b"")
    quickens: bool = False


@dataclass(frozen=True)
class Placed:
    """Stamps put into UTC, with the offset that held and whether it was assumed."""

    t_us: Instants
    offset_min: npt.NDArray[np.int16]
    assumed: Flags

    @property
    def moments(self) -> Moments:
        """The same for `measure`."""
        return Moments(self.t_us, self.offset_min, self.assumed)


def place(stamp_us: Instants, setting: Setting, stated_min: npt.NDArray[np.float64] | None = None) -> Placed:
    """Put stamps into UTC; an offset that is stated beside a stamp counts more than the clock's.

    A stamp that is MISSING stays so.
    """
    absent = stamp_us == MISSING
    stamp_us = np.where(absent, 0, stamp_us)
    offset, assumed = setting.clock.of_local(stamp_us) if setting.local else setting.clock.of_utc(stamp_us)
    if stated_min is not None:
        said = np.isfinite(stated_min)
        offset = np.where(said, np.nan_to_num(stated_min), offset).astype(np.int16)
        assumed = assumed & ~said
    t_us = to_utc(stamp_us, offset) if setting.local else stamp_us
    return Placed(np.where(absent, MISSING, t_us), offset, assumed | (not setting.sure))


def on_local_clock(stamp_us: Instants, setting: Setting) -> Instants:
    """Stamps as the local clock showed them."""
    if setting.local:
        return stamp_us
    offset = setting.clock.of_utc(np.where(stamp_us == MISSING, 0, stamp_us))[0]
    return np.where(stamp_us == MISSING, MISSING, stamp_us + offset.astype(np.int64) * MINUTE_US)


def by_date(setting: Setting) -> Setting:
    """The setting for dates, which are the local calendar's whatever zone is written behind them."""
    return replace(setting, local=True, sure=True)


def read_stamps(column: pa.ChunkedArray | pa.Array) -> Instants:
    """Stamps as they stand: UTC where they carry an offset or Z, else as the local clock; MISSING for none."""
    return parse_zoned(column).t_us


def maybe_dated(names: str) -> re.Pattern[str]:
    """Names of JSON files with the date they begin with, or with none, as some put all of a person in one."""
    return re.compile(rf"(?:{names})(?:-\d{{4}}-\d{{2}}-\d{{2}})?\.json")


def dated(names: str, ending: str = "json") -> re.Pattern[str]:
    """Names of files that carry the date they begin with."""
    return re.compile(rf"(?:{names})-\d{{4}}-\d{{2}}-\d{{2}}\.{ending}")


def google(names: str) -> re.Pattern[str]:
    """Names of Google's CSV files: with a date, a month, a number, or none."""
    return re.compile(rf"(?:{names})(?:_[-\d]+)?\.csv")


def older(names: str) -> re.Pattern[str]:
    """Names of the older CSV files, such as `Daily Heart Rate Variability Summary - 2020-11-(15).csv`."""
    return re.compile(rf"(?:{names})(?:[ _-]+[-\d() ]+)?\.csv")


def name_day(name: str) -> int | None:
    """The day since 1970 that a file name gives (the first of its month where it gives only that)."""
    found = re.search(r"(\d{4})-(\d{2})(?:-\(?(\d{2}))?", name)
    if found is None:
        return None
    try:
        return int(np.datetime64(f"{found[1]}-{found[2]}-{found[3] or '01'}", "D").astype(np.int64))
    except ValueError:
        return None

"""Felt stress: what a person said of a local day, as it was said, whatever was worn."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pyarrow as pa

from features.measure import NO_CHECKIN, found, missing
from features.night_signals import From


@dataclass(frozen=True)
class Said:
    """Felt stress of a local day with the streams it is from, and a digest of the answers."""

    felt: From
    mark: bytes


def gather_said(checkins: pa.Table) -> dict[int, Said]:
    """Local day → what was said of it.

    Parameters
    ----------
    checkins : day, stream, value
        A person's answers, 0 to 10, in order of day, stream and time.
    """
    day = checkins["day"].to_numpy()
    edges = [0, *(np.flatnonzero(np.diff(day)) + 1).tolist(), len(day)]
    some = [checkins.slice(a, b - a) for a, b in pairwise(edges) if b > a]
    return {int(part["day"][0].as_py()): _gather_day(part) for part in some}


def _gather_day(checkins: pa.Table) -> Said:
    """The mean of one day's answers; each weighs the same, whichever app it came from."""
    values: list[float] = checkins["value"].to_pylist()
    streams: list[str] = checkins["stream"].to_pylist()
    mean = math.fsum(values) / len(values)
    # Nobody knows how many answers would be all of them.
    measure = found(mean, n_obs=len(values), coverage=None)
    mark = hashlib.sha256(repr(list(zip(streams, values, strict=True))).encode()).digest()
    return Said((measure, ", ".join(sorted(set(streams)))), mark)


def measure_felt(said: Said | None) -> From:
    """`felt_stress` of a local day; missing where nothing was said."""
    return (missing(NO_CHECKIN), None) if said is None else said.felt

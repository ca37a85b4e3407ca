"""Rows of `model.baseline`, `model.contribution` and `model.index_day`, from arrays."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from models.baseline import NO_SEGMENT, STATES, Baseline, Whole
from models.grid import Grid, Work, name_numbers
from models.index import Day, Index, explain_missing, judge_quality, name_levels, show_numbers
from models.parameters import Parameters
from models.wear_profile import WearCheck

WORN_OTHERWISE = "worn at other hours than usual"


@dataclass(frozen=True)
class Cases:
    """Participant-days that were scored together, and all that was found; shapes as their modules say.

    `state` is a place in STATES, `hashes` and `sources` one text a case.
    """

    work: Work
    day: Day
    baseline: Baseline
    index: Index
    state: Whole
    wear: WearCheck
    hashes: pa.Array
    sources: pa.Array


def tabulate_baseline(cases: Cases, grid: Grid, parameters: Parameters) -> pa.Table:
    """Rows of model.baseline, for features with a value on the day or in its window."""
    baseline = cases.baseline
    at = np.nonzero(baseline.segment != NO_SEGMENT)
    return pa.table(
        key_columns(cases.work, at[0])
        | {
            "feature": name_features(at[1], parameters),
            "segment": name_numbers(baseline.segment[at], grid.segment_ids, grid.segments),
            "n_obs": baseline.days[at],
            "n_effective": baseline.effective[at],
            "phi": baseline.phi[at],
            "mean": baseline.mean[at],
            "scale": baseline.scale[at],
            "kappa": baseline.kappa[at],
            "nu": baseline.nu[at],
            "usual_lo": baseline.usual_lo[at],
            "usual_hi": baseline.usual_hi[at],
            "state": name_states(baseline.state[at]),
            "source": name_numbers(baseline.segment[at], grid.segment_ids, grid.sources),
        }
        | provenance(cases.hashes.take(at[0]), parameters)
    )


def tabulate_contributions(cases: Cases, grid: Grid, parameters: Parameters) -> pa.Table:
    """Rows of model.contribution, for the features that entered an index."""
    baseline, index = cases.baseline, cases.index
    at = np.nonzero(index.entered)
    return pa.table(
        key_columns(cases.work, at[0])
        | {
            "feature": name_features(at[1], parameters),
            "value": cases.day.value[at],
            "usual_lo": baseline.usual_lo[at],
            "usual_hi": baseline.usual_hi[at],
            "z": index.z[at],
            "coefficient": index.coefficient[at],
            "contribution": index.contribution[at],
            "source": name_numbers(baseline.segment[at], grid.segment_ids, grid.sources),
        }
        | provenance(cases.hashes.take(at[0]), parameters)
    )


def tabulate_index(cases: Cases, parameters: Parameters) -> pa.Table:
    """Rows of model.index_day, one for every participant-day, with or without an index.

    A day worn at other hours than usual keeps its index, of low quality and with that as its reason.
    """
    index, day, wear = cases.index, cases.day, cases.wear
    none = np.isnan(index.index)
    otherwise = (wear.differs & ~none).tolist()
    quality = judge_quality(index, day, cases.state, parameters.index)
    reason = explain_missing(day, cases.baseline, index, parameters)
    return pa.table(
        key_columns(cases.work, np.arange(none.size))
        | {name: getattr(index, name) for name in ("index", "lo80", "hi80", "lo95", "hi95")}
        | {
            "latent": index.latent,
            "latent_sd": index.latent_sd,
            "level": pa.array(name_levels(index.index, parameters.levels), pa.string()),
            "state": name_states(cases.state),
            "show_number": pa.array(show_numbers(index, parameters.index), mask=none),
            "n_obs": np.count_nonzero(index.entered, axis=-1),
            "coverage": index.coverage,
            "wear_distance": wear.distance,
            "wear_differs": pa.array(wear.differs, mask=np.isnan(wear.distance)),
            "quality": override(quality, otherwise, "low"),
            "reason": override(reason, otherwise, WORN_OTHERWISE),
            "source": cases.sources,
        }
        | provenance(cases.hashes, parameters)
    )


def hash_rows(arrays: Sequence[np.ndarray]) -> pa.Array:
    """Hash what each case was made of: arrays whose first axis is the case."""
    parts = [np.ascontiguousarray(a).reshape(len(a), -1).view(np.uint8) for a in arrays]
    inputs = np.concatenate(parts, axis=1)
    return pa.array([hashlib.sha256(case).hexdigest()[:16] for case in inputs], pa.string())


def override(texts: Sequence[str | None], where: list[bool], text: str) -> pa.Array:
    """Put one text in the places marked."""
    return pa.array([text if here else own for own, here in zip(texts, where, strict=True)], pa.string())


def key_columns(work: Work, case: Whole) -> dict[str, pa.Array]:
    """Participant and day of each row, given its case."""
    days = pa.array(work.day[case].astype(np.int32)).cast(pa.date32())
    return {"participant": work.people.take(pa.array(work.person[case])), "day": days}


def provenance(hashes: pa.Array, parameters: Parameters) -> dict[str, pa.Array]:
    """Version and hash of each row."""
    versions = pa.array([parameters.method_version]).take(pa.array(np.zeros(len(hashes), dtype=np.int64)))
    return {"method_version": versions, "input_hash": hashes}


def name_features(place: Whole, parameters: Parameters) -> pa.Array:
    """Names of features by their places; null for places below 0."""
    names = pa.array(parameters.features)
    return names.take(pa.array(np.maximum(place, 0), mask=np.asarray(place < 0)))


def name_states(state: Whole) -> pa.Array:
    """Names of states by their places in STATES."""
    return pa.array(STATES).take(pa.array(state))


def name_sources(segment: Whole, grid: Grid) -> pa.Array:
    """Names of all sources of a case (cases, features), joined; null where there is none.

    Few combinations exist: the loop is over them, not over the cases.
    """
    distinct, which = np.unique(np.sort(segment, axis=-1), axis=0, return_inverse=True)
    names = []
    for row in distinct:
        there = np.unique(row[row != NO_SEGMENT])
        sources = name_numbers(there, grid.segment_ids, grid.sources).to_pylist()
        names.append(", ".join(sorted(set(sources))) or None)
    return pa.array(names, pa.string()).take(pa.array(which.reshape(-1)))


def date_column(days: Whole, none: int) -> pa.Array:
    """Dates of days since 1970; null where a day is `none`."""
    missing = np.asarray(days == none)
    return pa.array(np.where(missing, 0, days).astype(np.int32), mask=missing).cast(pa.date32())

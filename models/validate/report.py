"""The report of a validation: one document of plain values, from which the page is made too."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from models.validate import gates
from models.validate.gates import PUBLISHED, Published, Result, judge
from models.validate.splits import SEED
from models.validate.trial import CLOCKS, DRAWS, MODEL, Trial

METHOD = "validate-1"
DIGITS = 4
FREE_LIVING = ("pmdata", "lifesnaps", "own")


@dataclass(frozen=True)
class Report:
    """All that was found on one data set; `versions` are those of the libraries that decide numbers."""

    dataset: str
    people: int
    verdict: str
    gates: tuple[Result, ...]
    trials: tuple[Trial, ...]
    published: tuple[Published, ...]
    notes: tuple[str, ...]
    extra: Mapping[str, Mapping[str, float | None]]
    versions: Mapping[str, str]
    method: str = METHOD
    seed: int = SEED
    draws: int = DRAWS


def make_report(
    dataset: str,
    people: int,
    trials: Sequence[Trial],
    *,
    notes: Sequence[str],
    extra: Mapping[str, Mapping[str, float | None]],
    versions: Mapping[str, str],
) -> Report:
    """Put together what was found, with the gates' outcomes and the published numbers."""
    results = judge(dataset, tuple(trials))
    return Report(
        dataset,
        people,
        give_verdict(dataset, people, results, tuple(trials)),
        results,
        tuple(trials),
        tuple(p for p in PUBLISHED if p.dataset == dataset),
        tuple(notes),
        extra,
        versions,
    )


def give_verdict(dataset: str, people: int, results: Sequence[Result], trials: Sequence[Trial]) -> str:
    """Say in plain words what follows."""
    ran = [t for t in trials if t.schemes]
    if not ran:
        return "Nothing could be tried on this data: " + "; ".join(t.reason for t in trials) + "."
    if not results:
        return f"There is no gate for {dataset}. {compare(ran[0])} No claim is made."
    needed = max(r.gate.people for r in results)
    if people < needed:
        return f"{capital(gates.TOO_FEW)} ({people} of {needed}). {compare(ran[0])} No claim is made."
    failed = [r for r in results if r.outcome != gates.PASSED]
    if not failed:
        return f"All {len(results)} gates are passed. {compare(ran[0])}"
    if dataset in FREE_LIVING:
        return (
            "Nothing here follows feelings better than a person's own earlier answers do."
            " The index may be called a body signal only."
        )
    names = "; ".join(f"{r.gate.task}, {r.gate.protocol}, {r.gate.variant}: {r.gate.bound}" for r in failed)
    return f"{len(failed)} of {len(results)} gates are not passed ({names}). No claim is made of these."


def compare(trial: Trial) -> str:
    """Say what the model and the best clock reached in a trial."""
    metric = "balanced_accuracy" if trial.classes else "mae"
    words = metric.replace("_", " ")
    model = trial.score(MODEL, metric).value
    clocks = [v for v in (trial.score(c, metric).value for c in CLOCKS) if v is not None]
    if model is None:
        return ""
    better = max(clocks) if trial.classes and clocks else (min(clocks) if clocks else None)
    clock = "" if better is None else f", a clock alone {better:.3f}"
    return f"{capital(trial.task)}, {trial.protocol}: {words} {model:.3f}{clock}."


def capital(text: str) -> str:
    """The text with a capital at its beginning."""
    return text[:1].upper() + text[1:]


def to_document(report: Report) -> dict[str, Any]:
    """The report as plain values, numbers to four digits: equal reports give equal bytes."""
    document = dataclasses.asdict(report)
    rounded: dict[str, Any] = round_all(document)
    return rounded


def round_all(value: Any) -> Any:
    """Numbers to four digits after the point, all the way down."""
    if isinstance(value, float):
        return round(value, DIGITS)
    if isinstance(value, Mapping):
        return {key: round_all(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [round_all(inner) for inner in value]
    return value


def to_json(document: Mapping[str, Any]) -> str:
    """The document as JSON."""
    return json.dumps(document, ensure_ascii=False, indent=1, allow_nan=False) + "\n"

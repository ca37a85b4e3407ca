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
TITLES = {
    "wesad": "WESAD, wrist",
    "exam_stress": "Wearable Exam Stress",
    "pmdata": "PMData",
    "lifesnaps": "LifeSnaps",
    "sleep_accel": "Sleep-Accel, heart rate alone",
    "swell_kw": "SWELL-KW",
    "own": "a table of one's own",
}
SEES_THE_BODY = (MODEL, "shuffled labels")
LISTED = 2
"""So many trials in which a baseline does better are named in the verdict, the rest counted."""


@dataclass(frozen=True)
class Report:
    """All that was found on one data set.

    `needed` is how many people the whole set has, 0 where there is no gate; `versions` are those of the
    libraries that decide numbers.
    """

    dataset: str
    people: int
    title: str
    needed: int
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
        TITLES.get(dataset, dataset),
        max((r.gate.people for r in results), default=0),
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
    found = " ".join([compare(ran[0], free_living=dataset in FREE_LIVING), *name_beaten(ran)])
    if not results:
        return f"There is no gate for {dataset}. {found} No claim is made."
    needed = max(r.gate.people for r in results)
    if people < needed:
        return f"{capital(gates.TOO_FEW)} ({people} of {needed}). {found} No claim is made."
    failed = [r for r in results if r.outcome != gates.PASSED]
    if not failed:
        return f"All {len(results)} gates are passed. {found}"
    if dataset in FREE_LIVING:
        return (
            "Nothing here follows feelings better than a person's own earlier answers do."
            f" The index may be called a body signal only. {found}"
        )
    names = "; ".join(f"{r.gate.task}, {r.gate.protocol}, {r.gate.variant}: {r.gate.bound}" for r in failed)
    return (
        f"{len(failed)} of {len(results)} gates are not passed ({names}). No claim is made of these. {found}"
    )


def compare(trial: Trial, *, free_living: bool) -> str:
    """Say what the model reached in a trial, and what it has to beat: a clock, or the label's own past."""
    metric = trial.main_metric
    model = trial.score(MODEL, metric).value
    if model is None:
        return ""
    past = trial.score("label only", metric).value
    if free_living and past is not None:
        rival = f", the person's own earlier answers alone {past:.3f}"
    else:
        clocks = [v for v in (trial.score(c, metric).value for c in CLOCKS) if v is not None]
        best = (max(clocks) if trial.classes else min(clocks)) if clocks else None
        rival = "" if best is None else f", a clock alone {best:.3f}"
    words = "balanced accuracy" if trial.classes else "mean absolute error"
    return f"{capital(trial.task)}, {trial.protocol}: {words} {model:.3f}{rival}."


def name_beaten(trials: Sequence[Trial]) -> list[str]:
    """Name the trials in which a guess that sees no body does as well as the model or better: a sentence or none."""
    beaten = [(trial, *best_baseline(trial)) for trial in trials]
    lost = [
        (trial, name, said, model)
        for trial, name, said, model in beaten
        if said is not None and model is not None and (said >= model if trial.classes else said <= model)
    ]
    if not lost:
        return []
    names = [
        f"{trial.task}, {trial.protocol}, {trial.variant} ({name} {said:.3f}, the model {model:.3f})"
        for trial, name, said, model in lost
    ]
    more = "" if len(names) <= LISTED else f"; and {len(names) - LISTED} more"
    return [
        f"In {len(lost)} of {len(trials)} trials a guess that sees no body does as well or better: "
        + "; ".join(names[:LISTED])
        + more
        + "."
    ]


def best_baseline(trial: Trial) -> tuple[str, float | None, float | None]:
    """The baseline that does best by the main metric, what it reached, and what the model reached."""
    metric = trial.main_metric
    scores = {s.name: trial.score(s.name, metric).value for s in trial.schemes if s.name not in SEES_THE_BODY}
    known = {name: value for name, value in scores.items() if value is not None}
    model = trial.score(MODEL, metric).value
    if not known:
        return "", None, model
    best = (max if trial.classes else min)(known, key=lambda name: known[name])
    return best, known[best], model


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

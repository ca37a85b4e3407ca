"""Tables of the model card, made from where the numbers stand: parameters, simulations, reports.

The card holds each between `<!-- begin NAME -->` and `<!-- end NAME -->`; what lies between is replaced.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from models.parameters import Parameters
from models.validate.gates import TOO_FEW
from models.validate.page import METRICS, number
from models.validate.trial import MODEL

SHOWN_DAYS = (5, 7, 10, 14, 21, 28, 49, 60, 61, 64, 67, 74, 90, 120)
"""Of the days that were simulated, those in the table; the drawing has all."""

NOT_ASKED = "A dash: it could not be asked; the report says why."
PARTS = {
    "baseline": "the baseline",
    "index": "the index",
    "levels": "its words",
    "alerts": "alerts",
    "shifts": "level shifts",
    "agreement": "agreement with answers",
}


def fill(card: str, blocks: Mapping[str, str]) -> str:
    """The card with each block in its place.

    Raises
    ------
    ValueError
        If the card has no place, or two, for a block.
    """
    for name, block in blocks.items():
        begin, end = f"<!-- begin {name} -->", f"<!-- end {name} -->"
        if card.count(begin) != 1 or card.count(end) != 1:
            raise ValueError(
                f"the model card has no single place for {name}: expected {begin} and {end} once"
            )
        before, _, rest = card.partition(begin)
        card = f"{before}{begin}\n{block.strip()}\n{end}{rest.partition(end)[2]}"
    return card


def lay(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    cells = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in cells)


def lay_features(p: Parameters) -> str:
    """Features of the index: what share each has, which way it counts, and the prior for everyone."""
    rows = [
        [
            f"`{name}`",
            p.domain[f],
            number(float(p.weight[f])),
            "more is more load" if p.direction[f] > 0 else "less is more load",
            "yes" if p.gate[f] else "",
            " / ".join(f"{v[f]:g}" for v in (p.prior_mean, p.prior_within, p.prior_between)),
        ]
        for f, name in enumerate(p.features)
    ]
    head = (
        "feature",
        "domain",
        "weight",
        "direction",
        "needed",
        "prior: mean / SD within / SD between people",
    )
    words = (
        f"Method `{p.method_version}`. Needed: without any of these there is no index. Priors are in the"
        " feature's unit ([features](features.md)), those of an age band or a device beside them in"
        " `models/priors.csv`, each with its source."
    )
    return f"{lay(head, rows)}\n\n{words}"


def lay_choices(p: Parameters) -> str:
    """Every other number that somebody chose, by what it is for."""
    rows = []
    for group, title in PARTS.items():
        values = vars(getattr(p, group))
        rows.append([title, ", ".join(f"{name} {value:.10g}" for name, value in values.items())])
    return lay(("for", "numbers, as `models/parameters.toml` names them"), rows)


def lay_calibration(found: Mapping[str, Any]) -> str:
    """What `benchmarks/calibration.py` found: coverage, evenness, alerts and moves, as four tables."""
    head = f"Method `{found['method']}`; {found['people']} simulated people a world and φ."
    parts = [
        head,
        "**Coverage by day: 80 % band / 95 % band, φ = 0; then φ = .4**",
        lay_coverage(found["bands"]),
    ]
    rows = [
        [world, name_phi(phi), number(t["usual_share"]), write_p(t["ks_p"]), f"{t['scores']}"]
        for world, by_phi in found["bands"].items()
        for phi, t in by_phi.items()
    ]
    parts += [
        "**Evenness of ordinary days, one a person, day 63** (.68 of them belong between 16 and 84)",
        lay(("world", "", "share in 16–84", "KS p", "people"), rows),
    ]
    rows = [
        [
            world,
            name_phi(phi),
            f"{t['a_year']:.1f}",
            f"{t['nights_red_a_year']:.1f}",
            number(t["planted_told"]),
            number(t["causes_right"]),
        ]
        for world, by_phi in found["alerts"].items()
        for phi, t in by_phi.items()
    ]
    head_of = (
        "world",
        "",
        "alerts a year without cause",
        "NightSignal's reds",
        "planted weeks told",
        "causes right",
    )
    parts += ["**Alerts**", lay(head_of, rows)]
    rows = [
        [
            world,
            name_phi(phi),
            f"{t['false_a_year']:.2f}",
            number(t["step_told"]),
            number(t["rise_told"]),
            f"{t['rise_weeks']:.0f}",
        ]
        for world, by_phi in found["moves"].items()
        for phi, t in by_phi.items()
    ]
    head_of = (
        "world",
        "",
        "moves a year without cause",
        "step told",
        "slow rise told",
        "weeks until, median",
    )
    return "\n\n".join([*parts, "**Level shifts**", lay(head_of, rows)])


def name_phi(phi: str) -> str:
    """φ = .4 of '0.4'."""
    return f"φ = {phi.removeprefix('0') or '0'}"


def write_p(p: float) -> str:
    """A p value in two digits; of tiny ones only that they are."""
    return "< .001" if p < 0.001 else number(p)


def lay_coverage(bands: Mapping[str, Any]) -> str:
    """Coverage by day, a column a world and φ."""
    columns = [(world, phi) for world, by_phi in bands.items() for phi in by_phi]
    by_day = {
        (column, int(day)): f"{number(lo)} / {number(hi)}"
        for column in columns
        for day, lo, hi, _ in bands[column[0]][column[1]]["by_day"]
    }
    rows = [
        [f"{day}"] + ["; ".join(by_day[(world, phi), day] for phi in bands[world]) for world in bands]
        for day in SHOWN_DAYS
    ]
    return lay(("day", *bands), rows)


def lay_report(document: Mapping[str, Any]) -> str:
    """A report of `steadyline validate`: verdict, main score of all in each trial, gates, published numbers."""
    ran = [t for t in document["trials"] if t["schemes"]]
    parts = [f"> {document['verdict']}"]
    if ran:
        parts += [f"**{capital(caption(document))}**", lay_trials(ran), NOT_ASKED]
    gates = [
        [
            f"{r['gate']['task']}; {r['gate']['protocol']}; {r['gate']['variant']}",
            f"{r['gate']['metric'].replace('_', ' ')}, {r['gate']['bound'].replace('_', ' ')}",
            number(r["gate"]["at_least"]),
            number(r["reached"]),
            r["outcome"],
        ]
        for r in document["gates"]
    ]
    if gates:
        parts.append(lay(("gate", "number", "at least", "reached", "outcome"), gates))
    published = [
        [p["what"], p["protocol"], p["number"], f"{p['source']} [{p['tag']}]"] for p in document["published"]
    ]
    if published:
        parts.append(lay(("published", "protocol", "number", "source"), published))
    return "\n\n".join(parts)


def caption(document: Mapping[str, Any]) -> str:
    """Whether a table is a gate result."""
    few = document["people"] < document["needed"]
    return f"{TOO_FEW} ({document['people']} of {document['needed']})" if few else "on the whole set"


def lay_trials(trials: Sequence[Mapping[str, Any]]) -> str:
    """Main score of the model and of every baseline, a column a trial."""
    names = [s["name"] for s in trials[0]["schemes"]]
    head = [f"{t['task']}: {t['protocol']}, {t['variant']} ({METRICS[main_metric(t)]})" for t in trials]
    rows = [
        [f"**{name}**" if name == MODEL else name, *(main_score(t, name) for t in trials)] for name in names
    ]
    return lay(("", *head), rows)


def main_metric(trial: Mapping[str, Any]) -> str:
    """The score that a trial is judged by: of stages of sleep κ, of classes balanced accuracy, of numbers MAE."""
    if not trial["classes"]:
        return "mae"
    return "kappa" if "awake" in trial["classes"] or "REM" in trial["classes"] else "balanced_accuracy"


def main_score(trial: Mapping[str, Any], name: str) -> str:
    """A scheme's main score with its interval over people, where there is one."""
    scores = next(s["scores"] for s in trial["schemes"] if s["name"] == name)
    found = scores.get(main_metric(trial))
    if found is None or found["value"] is None:
        return "–"
    interval = "" if found["lo95"] is None else f" [{number(found['lo95'])}, {number(found['hi95'])}]"
    return number(found["value"]) + interval


def capital(words: str) -> str:
    """The words with a capital at their beginning."""
    return words[:1].upper() + words[1:]

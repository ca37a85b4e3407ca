"""The report as one page: light, without scripts, complete without a network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from models.validate.gates import TOO_FEW
from models.validate.trial import MODEL

METRICS: dict[str, str] = {
    "balanced_accuracy": "balanced accuracy",
    "macro_f1": "macro-F1",
    "mcc": "MCC",
    "kappa": "κ",
    "accuracy": "accuracy",
    "auroc": "AUROC",
    "auprc": "AUPRC",
    "prevalence": "prevalence",
    "brier": "Brier",
    "ece": "calibration error",
    "mae": "MAE",
    "within_spearman": "ρ within people",
    "lift_over_person_mean": "user lift",
    "lift_over_label_only": "lift over label only",
}
"""Columns in order; those that nothing has are left out."""

STYLE = """
:root{color-scheme:light dark;--ink:#1b1f23;--paper:#fff;--faint:#57606a;--line:#d0d7de;--mark:#eef4f1;--accent:#2f5d50}
@media (prefers-color-scheme:dark){:root{--ink:#e6e8ea;--paper:#15181b;--faint:#a4acb4;--line:#3a4149;--mark:#1f2b27;
--accent:#8fc7b4}}
body{font:16px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper);max-width:75rem;margin:2rem auto;
padding:0 1rem}
h1{font-size:1.6rem}h2{font-size:1.25rem;margin-top:2.5rem}h3{font-size:1rem;margin-top:2rem}
.verdict{border-left:.3rem solid var(--accent);background:var(--mark);padding:.8rem 1rem;font-size:1.05rem}
.wide{overflow-x:auto}table{border-collapse:collapse;font-size:.85rem;margin:.6rem 0}
caption{text-align:left;font-weight:600;padding:.3rem 0}th,td{padding:.3rem .6rem;border-bottom:1px solid var(--line);
text-align:right;white-space:nowrap;vertical-align:top}th:first-child{min-width:10rem}
th:first-child,.why,.text td,.text th{text-align:left}.text td,.text th{white-space:normal}
th{font-weight:500}thead th{color:var(--faint)}.why,small{color:var(--faint);font-weight:400}
tr.model td,tr.model th{background:var(--mark);font-weight:600}
dt{font-weight:600}dd{margin:0 0 .3rem 1rem}summary{cursor:pointer;min-height:24px}
svg{border:1px solid var(--line)}circle{fill:var(--accent)}line{stroke:var(--faint)}
"""
SIZE = 220
MEANINGS: dict[str, str] = {
    "balanced accuracy": "mean of the shares found of each class; guessing gives 1 over the number of classes",
    "macro-F1": "mean over classes of the harmonic mean of precision and recall",
    "MCC": "Matthews' correlation of called and true classes; 0 is chance",
    "κ": "Cohen's agreement beyond chance",
    "AUROC": "chance that a true one is ranked above a false one; 0.5 is chance. Where people are left out one"
    " by one the majority comes out under it: whoever has many true rows leaves fewer to the others",
    "AUPRC": "average precision; chance is the prevalence beside it",
    "Brier": "mean squared error of the probability; less is better",
    "calibration error": "distance of stated probability and what came true; less is better",
    "MAE": "mean absolute error; less is better",
    "ρ within people": "mean over people of Spearman's correlation within each",
    "user lift": "how much smaller a person's error is than when only their own mean is known",
    "lift over label only": "the same, when only their own earlier answers are known: a claim of following"
    " feelings needs an interval above 0 here",
}
SPREAD = ("balanced_accuracy", "mae", "within_spearman", "lift_over_person_mean", "lift_over_label_only")
BOUNDS = {
    "value": "",
    "lo95": ", low end of its interval",
    "worst_tenth": ", person at the bad tenth",
    "above the clocks": ", above the best clock",
}
VARIANTS = {"all": "all inputs"}
NO_GROUPS = (
    "Nothing is told by sex, age, device or skin tone: the table does not say them. What fails in one of these"
    " groups would not be seen here."
)
LEGEND = (
    "Brackets: 95 % interval from {draws:,} draws of whole people (none from fewer than five). After the bar: the"
    " person at the bad tenth. A class is called when it is likelier than its share in the training data,"
    " a stage of sleep when it is likelier than the root of that share."
)


def render_page(document: Mapping[str, Any]) -> str:
    """Render a report's document (`report.to_document`); equal documents give equal bytes."""
    title = f"Validation on {document['title']}"
    few = mark_few(document)
    parts = [
        '<!doctype html><html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{escape(title)}</title><style>{STYLE}</style></head><body><main>",
        f"<h1>{escape(title)}</h1>",
        f'<p class="verdict">{escape(document["verdict"])}</p>',
        f"<p>{count_people(document)} {escape(LEGEND.format(draws=document['draws']))}</p>",
        f"<p>{escape(NO_GROUPS)}</p>",
        list_notes(document["notes"]),
        "<h2>Gates</h2>",
        lay_gates(document["gates"]),
        "<h2>Published numbers</h2>",
        lay_published(document["published"]),
        "<h2>Ours</h2>",
        lay_meanings(),
        *[lay_trial(trial, few) for trial in document["trials"]],
        lay_extra(document["extra"]),
        f"<p><small>{escape(say_versions(document))}</small></p></main></body></html>\n",
    ]
    return "\n".join(parts)


def list_notes(notes: Sequence[str]) -> str:
    """Things to know, as a list."""
    if not notes:
        return ""
    return "<ul>" + "".join(f"<li>{escape(note)}</li>" for note in notes) + "</ul>"


def lay_table(caption: str, head: Sequence[str], rows: Sequence[Sequence[str]], *, marked: int = -1) -> str:
    """A table of text; the row of that number is marked, and one without its cells says why over them all."""
    # What scrolls sideways has to be reached by the keyboard too.
    lines = [f'<div class="wide" tabindex="0" role="region" aria-label="{escape(caption)}">']
    lines.append(f"<table{'' if marked >= 0 else ' class=text'}>")
    lines.append(f"<caption>{escape(caption)}</caption><thead><tr>")
    lines += [f'<th scope="col">{escape(name)}</th>' for name in head]
    lines.append("</tr></thead><tbody>")
    for number, (first, *rest) in enumerate(rows):
        kind = ' class="model"' if number == marked else ""
        if len(rest) < len(head) - 1:
            cells = f'<td class="why" colspan="{len(head) - 1}">{escape(" ".join(rest))}</td>'
        else:
            cells = "".join(f"<td>{escape(cell)}</td>" for cell in rest)
        lines.append(f'<tr{kind}><th scope="row">{escape(first)}</th>{cells}</tr>')
    lines.append("</tbody></table></div>")
    return "".join(lines)


def lay_gates(results: Sequence[Mapping[str, Any]]) -> str:
    """The gates, what was reached and what follows."""
    if not results:
        return "<p>There is none for this data.</p>"
    rows = []
    for result in results:
        gate = result["gate"]
        what = f"{gate['metric'].replace('_', ' ')}{BOUNDS[gate['bound']]}"
        where = f"{gate['task']}; {gate['protocol']}; {VARIANTS.get(gate['variant'], gate['variant'])}"
        rows.append([where, what, number(gate["at_least"]), number(result["reached"]), result["outcome"]])
    return lay_table("Bounds fixed beforehand", ("trial", "number", "at least", "reached", "outcome"), rows)


def lay_published(found: Sequence[Mapping[str, Any]]) -> str:
    """Numbers of others, with how they were got."""
    if not found:
        return "<p>None is known that was got in a comparable way.</p>"
    tags = {"V": "read", "R": "recalled, not read again", "M": "measured for this project"}
    rows = [[p["what"], p["protocol"], p["number"], p["source"], tags[p["tag"]]] for p in found]
    return lay_table("Beside ours", ("what", "protocol", "number", "source", "how sure"), rows)


def count_people(document: Mapping[str, Any]) -> str:
    """How many people there are, of how many the whole set has."""
    of = f" of the {document['needed']} of the whole set" if document["needed"] else ""
    return f"{document['people']} people{of}."


def mark_few(document: Mapping[str, Any]) -> str:
    """What every table of too few people says of itself; '' where there are enough, or no gate."""
    return TOO_FEW if document["people"] < document["needed"] else ""


def lay_meanings() -> str:
    """What the columns mean."""
    items = "".join(f"<dt>{escape(name)}</dt><dd>{escape(words)}</dd>" for name, words in MEANINGS.items())
    return f"<details><summary>What the columns mean</summary><dl>{items}</dl></details>"


def lay_trial(trial: Mapping[str, Any], few: str = "") -> str:
    """One trial: a table of the model and all baselines, the spread over people, and its calibration."""
    name = f"{trial['task']}: {trial['protocol']}, {VARIANTS.get(trial['variant'], trial['variant'])}"
    if not trial["schemes"]:
        return f"<h3>{escape(name)}</h3><p>Not run: {escape(trial['reason'])}.</p>"
    used = [m for m in METRICS if any(m in s["scores"] for s in trial["schemes"])]
    rows = []
    for scheme in trial["schemes"]:
        if scheme["scores"]:
            rows.append([scheme["name"], *(show(scheme["scores"].get(m)) for m in used)])
        else:
            rows.append([scheme["name"], f"none: {scheme['reason']}"])
    caption = f"{trial['people']} people, {trial['rows']:,} rows asked in {trial['folds']} folds"
    table = lay_table(join_words(caption, few), ("", *(METRICS[m] for m in used)), rows, marked=0)
    return f"<h3>{escape(name)}</h3>{table}{lay_spread(trial, few)}{lay_reliability(trial['reliability'])}"


def join_words(*words: str) -> str:
    """What is not empty, apart by semicolons."""
    return "; ".join(word for word in words if word)


def lay_spread(trial: Mapping[str, Any], few: str) -> str:
    """How the model's scores differ from person to person."""
    scores = next(s["scores"] for s in trial["schemes"] if s["name"] == MODEL)
    rows = [
        [METRICS[m], *(number(scores[m][k]) for k in ("worst_tenth", "middle_person", "best_tenth"))]
        for m in SPREAD
        if m in scores and scores[m]["middle_person"] is not None
    ]
    if not rows:
        return ""
    head = ("", "bad tenth", "middle person", "good tenth")
    table = lay_table(join_words("The model, person by person", few), head, rows, marked=len(rows))
    return f"<details><summary>Spread over people</summary>{table}</details>"


def lay_reliability(bins: Sequence[Mapping[str, float]]) -> str:
    """Stated probability against what came true, as a drawing and as a table."""
    if not bins:
        return ""
    dots = "".join(
        f'<circle cx="{b["stated"] * SIZE:.1f}" cy="{(1 - b["came_true"]) * SIZE:.1f}" r="4"/>' for b in bins
    )
    drawing = (
        f'<svg role="img" width="{SIZE}" height="{SIZE}" viewBox="-6 -6 {SIZE + 12} {SIZE + 12}">'
        "<title>Stated probability (across) against the share that came true (up); the line is perfect</title>"
        f'<line x1="0" y1="{SIZE}" x2="{SIZE}" y2="0"/>{dots}</svg>'
    )
    rows = [[f"{b['stated']:.3f}", f"{b['came_true']:.3f}", f"{b['rows']:,}"] for b in bins]
    table = lay_table("Calibration of the model", ("stated", "came true", "rows"), rows)
    return f"<details><summary>Calibration</summary>{drawing}{table}</details>"


def lay_extra(extra: Mapping[str, Mapping[str, float | None]]) -> str:
    """Other numbers, by what they are about."""
    parts = [
        lay_table(title, ("what", "number"), [[name, number(value)] for name, value in values.items()])
        for title, values in extra.items()
    ]
    return "<h2>Besides</h2>" + "".join(parts) if parts else ""


def show(value: Mapping[str, Any] | None) -> str:
    """Write a score: .912 [.860, .950] | .870."""
    if value is None or value["value"] is None:
        return "–"
    text = number(value["value"])
    if value["lo95"] is not None:
        text += f" [{number(value['lo95'])}, {number(value['hi95'])}]"
    if value["worst_tenth"] is not None:
        text += f" | {number(value['worst_tenth'])}"
    return text


def number(value: float | None) -> str:
    """Three digits after the point, without a leading zero; a dash for none."""
    if value is None:
        return "–"
    text = f"{value:.3f}"
    text = "0.000" if float(text) == 0 else text
    return text.replace("0.", ".", 1) if abs(value) < 1 else text


def say_versions(document: Mapping[str, Any]) -> str:
    """Method, seed and libraries, in a line."""
    libraries = ", ".join(f"{name} {version}" for name, version in document["versions"].items())
    return f"{document['method']}, seed {document['seed']}; {libraries}"

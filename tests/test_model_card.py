"""The model card says what the parameters, the simulations and the reports say, and nothing older."""

from __future__ import annotations

import json
import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from cli.docs import model_card
from models import acute, sleepwake
from models.parameters import load_parameters
from models.validate import report
from models.validate.card import fill
from models.validate.page import render_page
from models.validate.report import to_json
from models.validate.simulation import fingerprint

DOCS = Path(__file__).resolve().parent.parent / "docs"
CARD = (DOCS / "model-card.md").read_text(encoding="utf-8")
WORDS = re.sub(r"\s+", " ", re.sub(r"<!-- begin.*?<!-- end", "", CARD, flags=re.DOTALL))
P = load_parameters()
FIGURES = sorted((DOCS / "figures").glob("*.svg"))


def short(value: float) -> str:
    return f"{value:g}".removeprefix("0")


def test_its_tables_are_those_of_the_parameters_the_simulation_and_the_reports() -> None:
    assert model_card(CARD, DOCS) == CARD, "the model card is older than what it is made of: run `make docs`"


def test_its_simulation_was_made_with_the_parameters_of_today() -> None:
    made = json.loads((DOCS / "figures" / "calibration.json").read_text(encoding="utf-8"))
    assert made["parameters"] == fingerprint(P), "run `python benchmarks/calibration.py`, then `make docs`"


def test_what_its_sentences_say_of_the_parameters_is_so() -> None:
    """Each phrase is made of the parameter and has to stand in the card."""
    b, i, a, s, g = P.baseline, P.index, P.alerts, P.shifts, P.agreement
    share = {d: sum(w for w, of in zip(P.weight, P.domain, strict=True) if of == d) for d in P.domain}
    kappa = (P.prior_within / P.prior_between) ** 2
    for phrase in (
        f"night {share['night']:.2f}, sleep {share['sleep']:.2f}, waking {share['waking']:.2f}".replace(
            "0.", "."
        ),
        f"{b.usual_lo * 100:.0f} to {b.usual_hi * 100:.0f} is the usual",
        f"from {P.levels.higher} on a day is called higher, from {P.levels.much_higher} on much higher",
        f"down to {P.levels.calmer} calmer, down to {P.levels.much_calmer} much calmer",
        f"the person's {b.window_days} days before it",
        f"no index before {b.learning_days} days, and it is provisional under {b.settled_days}",
        f"where the 80 % band is wider than {i.number_width:g}",
        f"A prior of a mean weighs as {short(round(kappa.min(), 1))} to {kappa.max():g} days",
        f"that of a spread as {b.prior_df:g}",
        f"features correlated at {short(i.correlation_target)}",
        f"over {short(a.allowance)} a day that passes {a.threshold:g}, with features of {a.groups} domains",
        f"then {a.silent_days} days of silence",
        f"({a.night_red_bpm:g} beats on two nights",
        f"at a probability of {short(s.probability)}) or a slow move over {s.slow_weeks} weeks",
        f"check-ins from {g.least_checkins} on",
        f"Personal weights are tried from {g.weights_pairs} on",
        f"compared with the last {b.window_days} days",
        f"Under {b.settled_days} days the usual is rough",
    ):
        assert phrase in WORDS, phrase


def test_every_version_in_use_is_in_its_list() -> None:
    for version in (P.method_version, acute.METHOD, sleepwake.METHOD, report.METHOD):
        assert f"`{version}`" in CARD, f"say in the card's list of versions what {version} changed"


def test_every_table_of_too_few_people_says_so() -> None:
    for name in ("wesad", "pmdata", "sleep_accel"):
        block = re.search(rf"<!-- begin {name} -->(.*?)<!-- end {name} -->", CARD, re.DOTALL)
        document = json.loads((DOCS / "validation" / f"{name}.json").read_text(encoding="utf-8"))
        assert block
        assert document["people"] < document["needed"]
        assert block.group(1).lower().count("not a gate result: too few people") >= 2  # verdict and table
        assert "label only" in block.group(1)
        assert "shuffled labels" in block.group(1)


def test_the_reports_beside_it_are_those_that_the_program_would_write_today() -> None:
    for path in sorted((DOCS / "validation").glob("*.json")):
        text = path.read_text(encoding="utf-8")
        document = json.loads(text)
        assert to_json(document) == text, path.name
        assert render_page(document) == path.with_suffix(".html").read_text(encoding="utf-8"), path.name
        assert document["method"] == report.METHOD


def test_what_it_points_at_is_there() -> None:
    targets = re.findall(r"\]\(([^)#]+)\)", CARD)
    assert {f"figures/{path.name}" for path in FIGURES} <= set(targets)
    for target in targets:
        assert (DOCS / target).is_file(), target
    for test in re.findall(r"`(?:tests/)?(test_\w+\.py)`", CARD):
        assert (DOCS.parent / "tests" / test).is_file(), test


@pytest.mark.parametrize("path", FIGURES, ids=lambda path: path.stem)
def test_a_figure_is_small_says_what_it_shows_and_loads_nothing(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    root = ET.fromstring(text)
    kinds = {child.tag.removeprefix("{http://www.w3.org/2000/svg}"): child for child in root}
    assert kinds["title"].text
    assert len(kinds["desc"].text or "") > 60
    assert len(text) < 20_000
    assert not re.search(r"<script|<image|@import|url\(", text)
    assert "http" not in text.replace("http://www.w3.org/2000/svg", "")
    # Series differ in line or in shape, not in colour alone.
    assert "stroke-dasharray:6 3" in text
    assert 'class="b"' in text or 'class="db"' in text


def test_a_card_without_a_place_for_a_table_is_refused() -> None:
    assert (
        fill("<!-- begin a -->old\nold<!-- end a -->", {"a": "new"})
        == "<!-- begin a -->\nnew\n<!-- end a -->"
    )
    with pytest.raises(ValueError, match="no single place for b"):
        fill("<!-- begin a --><!-- end a -->", {"b": "x"})

"""No sentence that a person or a researcher can read claims to know feelings or health.

A claim is let through where the sentence denies it before it is made ("does not know feelings"), or where
it is one of ALLOWED, each of which says why.
"""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import click
import pytest
import typer

from cli.main import app

ROOT = Path(__file__).resolve().parent.parent
STATES = (
    r"(?:stressed|under stress|anxious|depressed|relaxed|calm|happy|sad|angry|worried|tense|tired|exhausted|lonely"
    r"|burn(?:ed|t)[ -]?out|ill|sick|unwell|healthy|unhealthy|low|down)"
)
INNER = r"(?:stress|moods?|feelings?|emotions?|health|mental states?|well-?being|illness(?:es)?|anxiety|diseases?)"
CLAIMS = re.compile(
    "|".join(
        (
            rf"\byou(?:'re|’re| are| were| seem| look| feel| felt| have been)(?: \w+)? {STATES}\b",
            r"\bhow (?:you|they|a person|people) (?:really |truly )?(?:feel|feels|felt)\b",
            rf"\b(?:your|a person's|their|people's) {INNER}\b",
            rf"\b(?:detect|measure|know|tell|predict|read|recogni[sz]e|infer|reveal|show|follow)s? (?:\w+ )?{INNER}\b",
            r"\bdiagnos\w*",
            r"\bdepress\w*",
            r"\b(?:un)?healthy\b",
            r"\b(?:mental )?disorders?\b",
            r"\bburn-?out\b",
            r"\banxiety\b",
        )
    ),
    re.IGNORECASE,
)
QUESTION = re.compile(r"\bdoes (?:it|the index|this person's index) follow\b", re.IGNORECASE)
"""What agreement with check-ins is there to ask."""

DENIED = re.compile(
    r"\b(?:not|never|no|nor|neither|nothing|nobody|cannot|without|\w+n['’]t)\b", re.IGNORECASE
)
SAID = re.compile(r"\b(?:said|says?|asks?|asked)\b", re.IGNORECASE)
WHOSE = re.compile(r"how|their|people's", re.IGNORECASE)
"""What people said themselves is theirs to say."""

ALLOWED = {
    "trust how you feel": "it tells people to believe themselves and not the number",
    "this number went with how you feel": "said only after the person's own check-ins showed it",
    "this signal has gone with how you feel": "said only after the person's own check-ins showed it",
    "you told us how you felt": "it repeats what the person said",
    "if you feel low or worried": "a reason to see a doctor, of the person's own feeling; no sensor is asked",
    "how much stress do you feel right now": "a question",
    "a claim of following feelings": "it says what such a claim would need",
    "any model that claims to follow feelings must beat": "it says what such a claim would need",
}


class Words(HTMLParser):
    """The words of a template, without its tags, styles and attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.inside: list[str] = []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        if tag in ("style", "script"):
            self.inside.append(tag)
        if tag in ("p", "li", "h1", "h2", "h3", "td", "th", "dt", "dd"):
            self.found.append("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag in ("style", "script") and self.inside:
            self.inside.pop()

    def handle_data(self, data: str) -> None:
        if not self.inside:
            self.found.append(data)


def strings(value: Any) -> Iterator[str]:
    """Every text in a TOML document."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from strings(inner)


def help_texts(command: click.Command, name: str = "steadyline") -> Iterator[tuple[str, str]]:
    """What --help says of a command, its options and the commands below it."""
    yield name, command.help or ""
    for parameter in command.params:
        yield f"{name} {parameter.name}", getattr(parameter, "help", None) or ""
    for below, inner in getattr(command, "commands", {}).items():
        yield from help_texts(inner, f"{name} {below}")


def join_lines(text: str) -> str:
    """Lines of a paragraph belong together; those of tables and lists do not."""
    return re.sub(r"\n\s*(?![\s|#>*-])", " ", re.sub(r"\n\s*\n", "\n\n", text))


def pages() -> Iterator[tuple[str, str]]:
    """Where words stand, and the words."""
    for path in [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]:
        text = re.sub(r"```.*?```", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
        yield path.name, join_lines(text).replace("|", "\n")
    for path in (ROOT / "reports" / "locale").glob("*.toml"):
        for text in strings(tomllib.loads(path.read_text(encoding="utf-8"))):
            yield path.name, text
    for path in [*(ROOT / "reports" / "templates").glob("*"), *(ROOT / "docs").rglob("*.html")]:
        words = Words()
        words.feed(path.read_text(encoding="utf-8") if path.suffix != ".css" else "")
        yield path.name, "".join(words.found)
    for path in (ROOT / "docs").rglob("*.svg"):
        yield path.name, re.sub(r"<style>.*?</style>|<[^>]*>", "\n", path.read_text(encoding="utf-8"))
    yield from help_texts(typer.main.get_command(app))
    for room in ("cli", "models", "reports", "dags"):
        for path in (ROOT / room).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value:
                    yield f"{path.relative_to(ROOT)}:{node.lineno}", join_lines(node.value)


def find_claims(text: str) -> Iterator[str]:
    """Sentences that claim what nobody here can know."""
    for sentence in re.split(r"(?<=[.!?:;])\s+|\n\s*\n|\n(?=[-*#>])|\n(?=\s*\n)|\n", text):
        for found in CLAIMS.finditer(sentence):
            before = sentence[: found.start()]
            said = WHOSE.match(found.group()) and SAID.search(before)
            let_through = DENIED.search(before) or QUESTION.search(sentence) or said
            if not let_through and not any(words in sentence.lower() for words in ALLOWED):
                yield f"{found.group()!r} in {sentence.strip()!r}"


def test_no_sentence_claims_to_know_feelings_or_health() -> None:
    wrong = [f"{where}: {claim}" for where, text in pages() for claim in find_claims(text)]
    assert not wrong, "\n".join(wrong)


def test_every_kind_of_page_is_looked_at() -> None:
    seen = {where for where, _ in pages()}
    assert {"README.md", "design.md", "model-card.md", "en.toml", "weekly.html.jinja"} <= seen
    assert {"steadyline validate", "steadyline validate out", "wesad.html", "coverage.svg"} <= seen
    assert any(where.startswith("models/validate/report.py") for where in seen)


def test_what_is_let_through_is_still_there() -> None:
    everything = "\n".join(re.sub(r"\s+", " ", text).lower() for _, text in pages())
    assert not [words for words in ALLOWED if words not in everything]


@pytest.mark.parametrize(
    "claim",
    [
        "You are stressed today.",
        "You're very anxious this week.",
        "It seems you have been under stress.",
        "The index measures stress.",
        "It shows how you really feel.",
        "This may be a sign of depression.",
        "Your mood was better on Monday.",
        "A healthy night.",
        "The app diagnoses sleep problems.",
        "It detects burnout early. It does not share data.",
        "Your health improved; that is not a joke.",
        "The score knows how you feel.",
    ],
)
def test_a_claim_is_caught(claim: str) -> None:
    assert list(find_claims(claim))


@pytest.mark.parametrize(
    "sentence",
    [
        "It does not know feelings or health.",
        "This page is about your body, not your feelings.",
        "Nothing here is a diagnosis.",
        "For you, this number does not follow how you feel.",
        "If the two differ, trust how you feel.",
        "What a person said of how they felt.",
        "Apple Health and Health Connect are read.",
    ],
)
def test_what_is_denied_is_no_claim(sentence: str) -> None:
    assert not list(find_claims(sentence))

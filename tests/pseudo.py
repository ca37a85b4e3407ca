"""Catalogues made from the English one: a language with accents on every letter, and one from right to left."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from reports.catalogue import Argument, Parts, load_language, parse, write_catalogue

ACCENTED = str.maketrans(
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "áƀćďéƒğĥíĵķĺɱńóƥʠŕśťúṽŵẋýźÁɃĆĎÉƑĞĤÍĴĶĹṀŃÓƤɊŔŚŤÚṼŴẊÝŹ",
)
HEBREW = str.maketrans(
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "אבצדהפגחיטקלמנוספרשתעזחכיזאבצדהפגחיטקלמנוספרשתעזחכיז",
)
ACCENTS, RIGHT_TO_LEFT = "el", "he"
"""Greek and Hebrew, for which babel writes days and months without a Latin letter."""


def accent(message: str) -> str:
    """A message with accents, 40 % longer and in brackets, its arguments and plurals as they were."""
    parts = parse(message)
    letters = count_letters(parts)
    padding = (" ẋẋẋẋẋẋ" * letters)[: round(0.4 * letters) - 2] if letters > 5 else ""
    return f"[{write_message(parts, lambda text: text.translate(ACCENTED))}{padding.rstrip()}]"


def count_letters(parts: Parts) -> int:
    """How long the texts of a message are, of a plural the form `other`."""
    return sum(
        len(part) if isinstance(part, str) else count_letters(part.forms["other"])
        for part in parts
        if not isinstance(part, Argument)
    )


def to_hebrew(message: str) -> str:
    """A message in Hebrew letters: no words, but the right shapes on the right side."""
    return write_message(parse(message), lambda text: text.translate(HEBREW))


def write_message(parts: Parts, change: Callable[[str], str]) -> str:
    """A parsed message as it is written in a catalogue, its texts changed."""
    texts = []
    for part in parts:
        if isinstance(part, str):
            texts.append(change(part))
        elif isinstance(part, Argument):
            texts.append(f"{{{part.name}}}")
        else:
            forms = (f"{name} {{{write_message(form, change)}}}" for name, form in part.forms.items())
            texts.append(f"{{{part.name}, plural, {' '.join(forms)}}}")
    return "".join(texts)


def write_pseudo(folder: Path) -> None:
    """Write both catalogues into a folder."""
    english = load_language().messages
    for code, change in ((ACCENTS, accent), (RIGHT_TO_LEFT, to_hebrew)):
        entries = [(key, english[key], change(english[key])) for key in sorted(english)]
        (folder / f"{code}.po").write_bytes(write_catalogue(entries, code))

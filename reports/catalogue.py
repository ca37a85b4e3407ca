"""The catalogue of messages: English by key, other languages as PO files, plurals as ICU writes them.

`locale/en.toml` holds every message in English by its key. Another language is `locale/<code>.po`: its
context is the key, its id the English text, and `locale/messages.pot` is the empty form of it. A message
holds arguments, `{weekday}`, and plurals, `{n, plural, one {a day} other {{n} days}}`, and nothing else of
ICU: what is more than that is refused, so that a slip is not printed.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any, TypeAlias

from babel import Locale, UnknownLocaleError
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po, write_po
from babel.numbers import format_decimal

ENGLISH_FILE = Path(__file__).parent / "locale" / "en.toml"
LOCALES = ENGLISH_FILE.parent
ENGLISH = "en"
HEADER = """# Messages of Steadyline: context is the key, plural forms are ICU's (reports/catalogue.py).
msgid ""
msgstr ""
"Language: {code}\\n"
"MIME-Version: 1.0\\n"
"Content-Type: text/plain; charset=utf-8\\n"
"Content-Transfer-Encoding: 8bit\\n"

"""
BRACE = re.compile(r"[{}]")
ARGUMENT = re.compile(r"\s*([a-z][a-z0-9_]*)\s*(?:(\})|,\s*plural\s*,)")
FORM = re.compile(r"\s*(zero|one|two|few|many|other)\s*\{")
CLOSE = re.compile(r"\s*\}")


class MessageError(ValueError):
    """A message that cannot be read, or does not say what the English one says."""


@dataclass(frozen=True)
class Argument:
    """A place that a value fills."""

    name: str


@dataclass(frozen=True)
class Plural:
    """Forms of which the whole number `name` chooses one, by CLDR's category."""

    name: str
    forms: Mapping[str, Parts]


Parts: TypeAlias = tuple["str | Argument | Plural", ...]


@dataclass(frozen=True)
class Language:
    """A language: its babel locale and its messages by dotted key; and how its reader has hours and degrees.

    `hours` is 12 or 24; `units` metric or us (warehouse.preferences).
    """

    locale: Locale
    messages: Mapping[str, str]
    hours: int = 24
    units: str = "metric"

    @property
    def direction(self) -> str:
        """Where lines begin: ltr or rtl."""
        return str(self.locale.text_direction)


def load_language(code: str = ENGLISH) -> Language:
    """The language for a code such as en, de or pt_BR; English where there is no catalogue for it.

    A territory that has no catalogue of its own (en_US) takes that of its language, with its own dates.
    """
    return read_language(code, LOCALES)


@cache
def read_language(code: str, folder: Path) -> Language:
    """Read a language from the catalogues in a folder."""
    english, locale = read_english(ENGLISH_FILE)
    for name in (code, code.split("_", 1)[0]):
        path = folder / f"{name}.po"
        if path.exists():
            return Language(
                find_locale(code) or Locale.parse(name), english | read_translation(path, english)
            )
        if name == ENGLISH and code != ENGLISH:
            return Language(find_locale(code) or locale, english)
    return Language(locale, english)


def has_language(code: str) -> bool:
    """Whether there is a catalogue for a code: what is asked for is what is given."""
    return load_language(code).locale.language == code.split("_", 1)[0]


def find_locale(code: str) -> Locale | None:
    """The locale of a code, None where CLDR knows none."""
    try:
        return Locale.parse(code)
    except (UnknownLocaleError, ValueError):
        return None


@cache
def read_english(path: Path) -> tuple[dict[str, str], Locale]:
    """The English messages by dotted key, and their locale."""
    tree = tomllib.loads(path.read_text(encoding="utf-8"))
    about = tree.pop("language")
    return flatten(tree), Locale.parse(about["code"])


def flatten(tree: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Dotted keys of a nested table.

    Raises
    ------
    MessageError
        If a value is not a text.
    """
    flat: dict[str, str] = {}
    for key, value in tree.items():
        if isinstance(value, dict):
            flat |= flatten(value, f"{prefix}{key}.")
        elif isinstance(value, str):
            flat[f"{prefix}{key}"] = value
        else:
            raise MessageError(f"message {prefix}{key} is {value!r}: expected a text")
    return flat


def read_translation(path: Path, english: Mapping[str, str]) -> dict[str, str]:
    """The messages of a PO file that translate what the English says now; the rest stays English."""
    with path.open("rb") as file:
        catalogue = read_po(file)
    found: dict[str, str] = {}
    for message in catalogue:
        key, text = message.context, message.string
        if key is None or english.get(key) != message.id or message.fuzzy:
            continue
        if isinstance(text, str) and text:
            found[key] = text
    return found


def say(language: Language, key: str, /, **values: object) -> str:
    """Render the message `key`; plural forms are chosen by the whole number that they name.

    Raises
    ------
    KeyError
        If the catalogue has no such message, or the message names a value that was not given.
    """
    return render(parse(language.messages[key]), language, values)


def render(parts: Parts, language: Language, values: Mapping[str, object]) -> str:
    """Fill the arguments of a parsed message."""
    texts = []
    for part in parts:
        if isinstance(part, str):
            texts.append(part)
        elif isinstance(part, Argument):
            texts.append(write_value(language, values[part.name]))
        else:
            n = values[part.name]
            if not isinstance(n, int):
                raise TypeError(f"plural forms are chosen by a whole number: {part.name} is {n!r}")
            form = part.forms.get(language.locale.plural_form(n), part.forms["other"])
            texts.append(render(form, language, values))
    return "".join(texts)


def write_value(language: Language, value: object) -> str:
    """A text as it is, a whole number in the language's own way."""
    if isinstance(value, int):
        return str(format_decimal(value, locale=language.locale))
    return str(value)


@cache
def parse(message: str) -> Parts:
    """Read a message: texts, arguments and plurals in order.

    Raises
    ------
    MessageError
        If braces do not fit, an argument is not a plain name, or a plural has no form `other`.
    """
    parts, at = read_parts(message, 0)
    if at < len(message):
        raise MessageError(f"{message!r} has a '}}' too many at {at}")
    return parts


def read_parts(text: str, at: int) -> tuple[Parts, int]:
    """Read up to the closing brace that belongs to an earlier one, or the end."""
    parts: list[str | Argument | Plural] = []
    while at < len(text) and text[at] != "}":
        if text[at] == "{":
            part, at = read_argument(text, at + 1)
            parts.append(part)
        else:
            brace = BRACE.search(text, at)
            end = brace.start() if brace else len(text)
            parts.append(text[at:end])
            at = end
    return tuple(parts), at


def read_argument(text: str, at: int) -> tuple[Argument | Plural, int]:
    """Read what follows an opening brace, its closing brace included."""
    head = ARGUMENT.match(text, at)
    if head is None:
        raise MessageError(f"{text!r} has a '{{' at {at - 1} that is neither {{name}} nor {{n, plural, …}}")
    if head[2]:
        return Argument(head[1]), head.end()
    forms: dict[str, Parts] = {}
    at = head.end()
    while form := FORM.match(text, at):
        if form[1] in forms:
            raise MessageError(f"{text!r} has two forms '{form[1]}'")
        forms[form[1]], at = read_parts(text, form.end())
        at += 1
    close = CLOSE.match(text, at)
    if close is None or "other" not in forms:
        raise MessageError(f"{text!r} has a plural without a form 'other', or without an end")
    return Plural(head[1], forms), close.end()


def name_arguments(parts: Parts) -> frozenset[str]:
    """The names of all values that a message may take."""
    names: set[str] = set()
    for part in parts:
        if isinstance(part, Argument):
            names.add(part.name)
        elif isinstance(part, Plural):
            names |= {part.name}.union(*(name_arguments(form) for form in part.forms.values()))
    return frozenset(names)


def check_translation(messages: Mapping[str, str], english: Mapping[str, str]) -> list[str]:
    """What a translation lacks before it can ship: messages missing or not readable, values left out or made up."""
    problems = [f"{key}: not translated" for key in english if key not in messages]
    for key, message in messages.items():
        if key not in english:
            problems.append(f"{key}: no such message")
            continue
        try:
            named, expected = name_arguments(parse(message)), name_arguments(parse(english[key]))
        except MessageError as error:
            problems.append(f"{key}: {error}")
            continue
        if named != expected:
            problems.append(f"{key}: names {sorted(named)}, the English one {sorted(expected)}")
    return problems


def make_template(messages: Mapping[str, str]) -> bytes:
    """The empty form of a translation (messages.pot): every key with its English text, in order of keys."""
    return write_catalogue((key, messages[key], "") for key in sorted(messages))


def write_catalogue(entries: Iterable[tuple[str, str, str]], code: str = "") -> bytes:
    """A PO file of (key, English, translation) in the language `code`; equal entries give equal bytes."""
    catalogue = Catalog()
    for key, english, translation in entries:
        catalogue.add(english, translation, context=key)
    file = BytesIO()
    # A header of babel's own names its version, and places for names of people.
    write_po(file, catalogue, width=100, omit_header=True)
    return HEADER.format(code=code).encode() + file.getvalue()

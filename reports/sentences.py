"""Every sentence, rendered from values by one catalogue of messages (reports/locale/*.toml)."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from babel import Locale
from babel.dates import format_date, format_interval, format_time
from babel.lists import format_list
from babel.numbers import format_decimal

from reports.insights import LOOK_BACK_DAYS, Insight, Other, cause_group

LOCALES = Path(__file__).parent / "locale"
CYCLE = LOOK_BACK_DAYS + 1
DIGITS = {"temp_dev": 1, "sleep_frag": 1, "resp_night": 1, "ahr_day": 1}
SIGNED = {"ahr_day", "temp_dev"}
GAPS = {"sleep_short", "cpd"}
"""Features in hours, told as the distance from the middle of usual."""


@dataclass(frozen=True)
class Language:
    """A language: its babel locale, its direction, and its messages by dotted key."""

    locale: Locale
    direction: str
    messages: dict[str, str | dict[str, str]]


@cache
def load_language(code: str = "en") -> Language:
    """Read the catalogue of a language; its file names its locale and its direction."""
    tree = tomllib.loads((LOCALES / f"{code}.toml").read_text(encoding="utf-8"))
    about = tree["language"]
    return Language(Locale.parse(about["code"]), about["direction"], flatten(tree))


def flatten(tree: dict[str, Any], prefix: str = "") -> dict[str, str | dict[str, str]]:
    """Dotted keys of a nested table; a table with an `other` is a message in its plural forms."""
    flat: dict[str, str | dict[str, str]] = {}
    for key, value in tree.items():
        if isinstance(value, dict) and "other" not in value:
            flat |= flatten(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat


def say(language: Language, key: str, /, **values: object) -> str:
    """Render the message `key`; plural forms are chosen by `n`.

    Raises
    ------
    KeyError
        If the catalogue has no such message, or the message names a value that was not given.
    """
    message = language.messages[key]
    if isinstance(message, dict):
        n = values["n"]
        if not isinstance(n, int):
            raise TypeError(f"message {key} has plural forms: its n is a whole number, not {n!r}")
        message = message.get(language.locale.plural_form(n), message["other"])
    return message.format(**values)


def told_features(language: Language) -> tuple[str, ...]:
    """The features that the catalogue has a sentence for, in order of name."""
    keys = (key.split(".") for key in language.messages if key.startswith("insight."))
    return tuple(sorted({key[1] for key in keys if len(key) == 3 and key[1] not in ("index", "ordinary")}))


def tell(language: Language, insight: Insight) -> str:
    """The sentences of one insight: what was seen, then what else could have done it."""
    main = say(language, message_key(insight), **insight_values(language, insight))
    if insight.kind not in ("index", "feature"):
        return main
    return f"{main} {tell_others(language, insight)}"


def message_key(insight: Insight) -> str:
    """Which message tells this insight."""
    if insight.kind == "ordinary":
        return f"insight.ordinary.{insight.day.toordinal() % CYCLE}"
    if insight.kind not in ("index", "feature"):
        return f"insight.{insight.kind}"
    side = "more" if insight.direction > 0 else "less"
    unsure = insight.kind == "index" and sure_key(insight.certainty) == "cannot_tell"
    return f"insight.{insight.feature or 'index'}.{side}{'_unsure' if unsure else ''}"


def insight_values(language: Language, insight: Insight) -> dict[str, object]:
    """The values that the message of an insight may name, formatted."""
    seen = say(language, "sure.seen", n=insight.seen) if insight.seen else ""
    values: dict[str, object] = {"weekday": weekday(language, insight.day), "seen": seen}
    if insight.certainty is not None:
        values["sure"] = say(language, f"sure.{sure_key(insight.certainty)}")
    if insight.kind == "feature" and insight.feature is not None:
        values |= feature_values(language, insight.feature, insight.value, insight.usual_lo, insight.usual_hi)
    elif insight.value is not None:
        values["value"] = number(language, insight.value)
    return values


def feature_values(
    language: Language, feature: str, value: float | None, lo: float | None, hi: float | None
) -> dict[str, object]:
    """A value and its usual range as a person reads them: hours as a gap, log values as they were."""
    if value is None or lo is None or hi is None:
        return {}
    if feature in GAPS:
        return {"gap": hours(language, abs(value - (lo + hi) / 2))}
    if feature == "ln_rmssd_night":
        value, lo, hi = math.exp(value), math.exp(lo), math.exp(hi)
    digits = apart_digits(value, lo, hi, DIGITS.get(feature, 0))
    texts = [number(language, x, digits=digits, signed=feature in SIGNED) for x in (value, lo, hi)]
    return dict(zip(("value", "lo", "hi"), texts, strict=True))


def apart_digits(value: float, lo: float, hi: float, digits: int) -> int:
    """Decimals to show, more if rounding would put a value that is outside its range inside it."""
    for more in range(digits, digits + 2):
        shown, first, last = round(value, more), round(lo, more), round(hi, more)
        if first <= shown <= last and not lo <= value <= hi:
            continue
        return more
    return digits + 2


def sure_key(probability: float | None) -> str:
    """The uncertainty word: at least .90 very likely, at least .66 likely, else we cannot tell."""
    if probability is None or probability < 0.66:
        return "cannot_tell"
    return "very_likely" if probability >= 0.90 else "likely"


def tell_others(language: Language, insight: Insight) -> str:
    """Other explanations: what the tables know of, else everyday causes, other ones each day."""
    return tell_causes(language, cause_group(insight), insight.day, insight.others, turn=insight.turn)


def name_other(language: Language, other: Other) -> str:
    """One other explanation that the tables know of."""
    activity = f"activity.{(other.activity or '').lower()}"
    named = say(language, activity if activity in language.messages else "activity.exercise")
    return say(language, f"other.{other.kind}", weekday=weekday(language, other.day), activity=named)


def tell_causes(
    language: Language, group: str, day: date, known: Sequence[Other] = (), *, turn: int = 0
) -> str:
    """What else could have done it: what is known, and everyday causes in turn.

    The causes start one further each day, so that no seven days in a row name the same ones; on one
    day the first to speak of a group (`turn` 0) names three, the next two others, the last another one.
    """
    start = day.toordinal() + (0, 3, 5)[turn]
    count = 1 if known else (3, 2, 1)[turn]
    causes = [say(language, f"cause.{group}.{(start + k) % CYCLE}") for k in range(count)]
    named = [name_other(language, other) for other in known]
    text = format_list([*named, *causes], style="or", locale=language.locale)
    return capital(say(language, "other.again" if turn and not known else "other.can", causes=text))


def capital(text: str) -> str:
    """The text with a capital first letter."""
    return text[:1].upper() + text[1:]


def number(language: Language, value: float, *, digits: int = 0, signed: bool = False) -> str:
    """A number in the language's own way, rounded; with its sign where zero is the middle."""
    pattern = "0" + ("." + "0" * digits if digits else "")
    rounded = round(value, digits) + 0.0
    sign = f"+{pattern};−{pattern}" if signed and rounded else f"{pattern};−{pattern}"
    return format_decimal(rounded, format=sign, locale=language.locale)


def hours(language: Language, value_h: float) -> str:
    """A length of time given in hours, such as 1 h 40 min; to 5 minutes, since a watch knows no better."""
    return minutes(language, 5 * round(value_h * 12))


def minutes(language: Language, value_min: float) -> str:
    """A length of time given in minutes, such as 7 h 10 min."""
    h, m = divmod(round(value_min), 60)
    key = "unit.hours_minutes" if h and m else "unit.hours" if h else "unit.minutes"
    return say(language, key, h=number(language, h), m=number(language, m))


def weekday(language: Language, day: date, *, width: str = "EEEE") -> str:
    """The name of a day: Tuesday, or Tue with width `EEE`."""
    return format_date(day, width, locale=language.locale)


def day_list(language: Language, days: Sequence[date]) -> str:
    """Days in a row of words: Monday, Tuesday and Thursday."""
    return format_list([weekday(language, day) for day in days], locale=language.locale)


def clock(language: Language, hour: float) -> str:
    """A time of day from hours after midnight, which may be negative or beyond 24: 22:40."""
    time = (datetime(2000, 1, 1) + timedelta(minutes=round(hour * 60) % 1440)).time()  # noqa: DTZ001
    return format_time(time, "HH:mm", locale=language.locale)


def day_range(language: Language, monday: date) -> str:
    """The days of a week: 13–19 July 2020; a month or a year is named twice only if it changes."""
    text: str = format_interval(monday, monday + timedelta(days=6), "yMMMMd", locale=language.locale)
    return text

"""Sentences and their pieces, rendered from values by the catalogue of messages (reports/catalogue.py)."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from functools import lru_cache

from babel import Locale
from babel.dates import format_date, format_interval, format_skeleton, format_time
from babel.lists import format_list
from babel.numbers import format_decimal

from reports.catalogue import Language, say
from reports.insights import LOOK_BACK_DAYS, Insight, Other, cause_group, name_kind

CYCLE = LOOK_BACK_DAYS + 1
DIGITS = {"temp_dev": 1, "sleep_frag": 1, "resp_night": 1, "ahr_day": 1}
SIGNED = {"ahr_day", "temp_dev"}
GAPS = {"sleep_short", "cpd"}
"""Features in hours, told as the distance from the middle of usual."""
FAHRENHEIT = 1.8
"""Degrees Fahrenheit in a difference of one degree Celsius."""
NAME_LENGTH = 60
BIDI = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


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
    value, lo, hi = (as_read(language, feature, x) for x in (value, lo, hi))
    digits = apart_digits(value, lo, hi, DIGITS.get(feature, 0))
    texts = [number(language, x, digits=digits, signed=feature in SIGNED) for x in (value, lo, hi)]
    return {**dict(zip(("value", "lo", "hi"), texts, strict=True)), "degree": degree(language)}


def as_read(language: Language, feature: str, value: float) -> float:
    """A value on the scale that a person reads: logarithms undone, differences of degrees in their own."""
    if feature == "ln_rmssd_night":
        return math.exp(value)
    return value * FAHRENHEIT if feature == "temp_dev" and language.units == "us" else value


def degree(language: Language) -> str:
    """The sign of a degree of temperature."""
    return "°F" if language.units == "us" else "°C"


def level_values(language: Language, feature: str, start: float, end: float) -> dict[str, object]:
    """Two levels of a feature, written with as many decimals as tell them apart; hours as their distance."""
    if feature in GAPS:
        return {"gap": hours(language, abs(end - start))}
    start, end = (as_read(language, feature, x) for x in (start, end))
    digits = DIGITS.get(feature, 0)
    digits += start != end and round(start, digits) == round(end, digits)
    texts = [number(language, x, digits=digits, signed=feature in SIGNED) for x in (start, end)]
    return {**dict(zip(("start", "end"), texts, strict=True)), "degree": degree(language)}


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
    kind = other.kind.removesuffix("_eve")
    return say(language, f"other.{kind}", weekday=weekday(language, other.day), activity=named)


def tell_causes(
    language: Language, group: str, day: date, known: Sequence[Other] = (), *, turn: int = 0
) -> str:
    """What else could have done it, beside an insight: what is known, and everyday causes in turn."""
    text = list_causes(language, group, day, known, turn=turn)
    return capital(say(language, "other.again" if turn and not known else "other.can", causes=text))


ALIKE = {
    "whole": {"ill": 0, "heat": 1, "alcohol": 2, "travel": 3, "medicine": 5, "workout": 6},
    "night": {"alcohol": 1, "heat": 2, "warm_night": 2, "ill": 3, "workout": 4, "travel": 5},
    "still": {"heat": 1, "ill": 3},
    "sleep": {"heat": 3, "warm_night": 3, "travel": 5},
    "calm": {},
}
"""Which everyday cause says again what is known already."""


def list_causes(
    language: Language, group: str, day: date, known: Sequence[Other] = (), *, turn: int = 0
) -> str:
    """Causes joined by "or": what is known, then everyday ones.

    The causes start one further each day, so that no seven days in a row name the same ones; on one
    day the first to speak of a group (`turn` 0) names three, the next two others, the last another one.
    Beside what is known stands one that does not say the same; in the place of one that does, the third
    after it, so that no two days in a row have it.
    """
    start = day.toordinal() + (0, 3, 5)[turn]
    said = {ALIKE[group].get(name_kind(other).split("_", 1)[0]) for other in known}
    said |= {ALIKE[group].get(name_kind(other)) for other in known}
    while known and start % CYCLE in said:
        start += 3
    count = 1 if known else (3, 2, 1)[turn]
    causes = [say(language, f"cause.{group}.{(start + k) % CYCLE}") for k in range(count)]
    named = [name_other(language, other) for other in known]
    return str(format_list([*named, *causes], style="or", locale=language.locale))


def capital(text: str) -> str:
    """The text with a capital first letter."""
    return text[:1].upper() + text[1:]


def number(language: Language, value: float, *, digits: int = 0, signed: bool = False) -> str:
    """A number in the language's own way, rounded; with its sign where zero is the middle."""
    pattern = "0" + ("." + "0" * digits if digits else "")
    rounded = round(value, digits) + 0.0
    sign = f"+{pattern};−{pattern}" if signed and rounded else f"{pattern};−{pattern}"
    text = format_number(rounded, sign, language.locale)
    # In a line from right to left a sign would go to the far side of its number.
    return f"\u200e{text}" if language.direction == "rtl" and not text[0].isdigit() else text


@lru_cache(maxsize=4096)
def format_number(value: float, pattern: str, locale: Locale) -> str:
    """A number by a pattern of CLDR; a week says the same few hundred again and again."""
    return str(format_decimal(value, format=pattern, locale=locale))


@lru_cache(maxsize=4096)
def format_day(day: date, pattern: str, locale: Locale) -> str:
    """A day by a pattern of CLDR."""
    return str(format_date(day, pattern, locale=locale))


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
    return format_day(day, width, language.locale)


def day_list(language: Language, days: Sequence[date]) -> str:
    """Days in a row of words: Monday, Tuesday and Thursday."""
    return format_list([weekday(language, day) for day in days], locale=language.locale)


def clock(language: Language, hour: float) -> str:
    """A time of day from hours after midnight, which may be negative or beyond 24: 22:40, or 10:40 pm."""
    return format_time(time_of(hour), "h:mm a" if language.hours == 12 else "HH:mm", locale=language.locale)


def full_hour(language: Language, hour: int) -> str:
    """A whole hour, as short as it can be: 21:00, or 9 pm."""
    return format_time(time_of(hour), "h a" if language.hours == 12 else "HH:mm", locale=language.locale)


def time_of(hour: float) -> time:
    """The time of day so many hours after midnight."""
    return (datetime(2000, 1, 1) + timedelta(minutes=round(hour * 60) % 1440)).time()  # noqa: DTZ001


def month(language: Language, day: date, beside: date) -> str:
    """The month of a day: April, with its year where that is not the year of the other day."""
    same = day.year == beside.year
    return str(format_skeleton("MMMM" if same else "yMMMM", day, locale=language.locale))


def own_word(text: str) -> str:
    """A word that a person or an export gave: short, on one line, and apart from the text around it."""
    plain = " ".join(BIDI.sub("", text).split())
    clipped = plain if len(plain) <= NAME_LENGTH else f"{plain[: NAME_LENGTH - 1]}…"
    return f"\u2068{clipped}\u2069"


def day_range(language: Language, monday: date) -> str:
    """The days of a week: 13–19 July 2020; a month or a year is named twice only if it changes."""
    text: str = format_interval(monday, monday + timedelta(days=6), "yMMMMd", locale=language.locale)
    return text

"""The words of what a person tried: verdicts with their ranges, why one cannot be told, plans; gentle: no numbers."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from babel.dates import format_date, format_interval, format_skeleton

from reports import sentences
from reports.catalogue import Language, say
from reports.charts import Course, choose_ticks, draw_course, find_ends
from reports.read_tried import Effect, EffectDay
from reports.tried import Coming, Finding, Tried, is_over
from reports.week import WEEK_DAYS, monday_of
from reports.words import Cells, and_list
from warehouse.plans import CARE

DIGITS = {"index": 0, "felt_stress": 1, "ln_rmssd": 0}
LEAST_SHOWN = 0.05
"""An end of a range that is further from zero than this is not written as zero."""
INDEX_TICKS = (84.0, 50.0, 16.0)
"""Upper end, middle and lower end of usual."""
READ_AS: dict[str, tuple[Callable[[float], float], Callable[[float], float]]] = {
    "tst_min": (lambda minutes: minutes / 60, lambda hours: hours * 60),
    "ln_rmssd": (math.exp, math.log),
}
"""How a scale is read: minutes in hours, a logarithm as what it is one of; and the way back."""
GONE = (
    "no_outcome",
    "few_days_after",
    "few_days_with",
    "few_days_without",
    "many_days_missing",
    "wear_changed",
)
"""What is missing for an answer, and cannot come back once the days that are looked at are over."""
PLAN_TELLS = ("few_days_before", "device_changed")
"""Reasons that a plan, drawn from here on, would get round."""


@dataclass(frozen=True)
class Picture:
    """The days of a verdict drawn, with all its texts.

    `scale` names what is drawn, `ticks` are the labels beside it, `bar` names the days that the bar
    marks; `start` is empty where no start is marked.
    """

    course: Course
    title: str
    desc: str
    scale: str
    ticks: tuple[str, ...]
    bar: str
    dates: tuple[str, str]
    start: str
    legend: tuple[str, ...]
    table: Cells


@dataclass(frozen=True)
class TriedCard:
    """A verdict in words: its title, the verdict itself (empty where it cannot be told), sentences, a soft aside."""

    title: str
    verdict: str
    body: str
    aside: str
    picture: Picture | None = None


@dataclass(frozen=True)
class PlanCard:
    """The coming week of all plans: a line a plan."""

    title: str
    lines: tuple[str, ...]
    note: str


@dataclass(frozen=True)
class TriedWords:
    """All that a page says of what was tried; empty, or None, where there is nothing to say."""

    plan: PlanCard | None
    cards: tuple[TriedCard, ...]
    earlier: str
    notes: str


def put_in_words(tried: Tried, language: Language, *, gentle: bool = False) -> TriedWords | None:
    """Put what was tried into words; None where there is nothing to say. `gentle`: no number and no picture."""
    if tried.is_empty:
        return None
    cards = [tell_finding(finding, language, gentle=gentle) for finding in tried.findings]
    return TriedWords(
        plan=plan_card(tried, language, gentle=gentle) if tried.coming else None,
        cards=tuple(say_once(cards, language)),
        earlier=earlier_sentence(tried.earlier, language),
        notes=" ".join(tell_notes(tried.findings, language, gentle=gentle)),
    )


def say_once(cards: Sequence[TriedCard], language: Language) -> list[TriedCard]:
    """The cards with what stands on the page once: a reason told above, the key to the pictures."""
    told: set[str] = set()
    again = []
    for card in cards:
        picture = card.picture
        if picture is not None:
            picture = replace(picture, legend=tuple(text for text in picture.legend if text not in told))
            told.update(picture.legend)
        body = say(language, "effect.again") if card.body in told else card.body
        aside = "" if card.aside in told else card.aside
        told |= {card.body, card.aside}
        again.append(replace(card, body=body, aside=aside, picture=picture))
    return again


def tell_finding(finding: Finding, language: Language, *, gentle: bool) -> TriedCard:
    """One verdict."""
    effect = finding.effect
    what = name_tried(effect.event, effect.app, language)
    title = start_large(say(language, f"effect.title.{effect.question}", what=what))
    if effect.verdict == "cannot_tell":
        return TriedCard(
            title, "", why_sentence(effect, language), help_sentence(effect, language, gentle=gentle)
        )
    if gentle:
        return TriedCard(title, "", gentle_sentence(effect, language), "")
    body = [difference_sentence(effect, language), *doubt_sentences(effect, language)]
    return TriedCard(
        title,
        say(language, f"effect.verdict.{effect.verdict}"),
        " ".join(body),
        " ".join([how_sentence(effect, language), *also_sentence(finding, language)]),
        draw_picture(finding, language) if finding.days else None,
    )


def name_tried(event: str, app: str, language: Language) -> str:
    """What was tried: a known thing by its name, an own word as it is; with its app or provider.

    A change of habit is called by its word, which stands where others have an app.
    """
    if event == "change" and app.strip():
        return sentences.own_word(app)
    key = f"effect.name.{event}"
    what = say(language, key) if key in language.messages else sentences.own_word(event)
    return say(language, "effect.with_app", what=what, app=sentences.own_word(app)) if app.strip() else what


def start_large(text: str) -> str:
    """The text with a capital first letter, a person's own word too."""
    mark = text[: text.startswith("\u2068")]
    return mark + sentences.capital(text[len(mark) :])


def why_sentence(effect: Effect, language: Language) -> str:
    """Why it cannot be told; not "yet" where nothing can come any more."""
    what = name_tried(effect.event, effect.app, language)
    reason, over = effect.reason or "no_outcome", is_gone(effect)
    why = say(
        language, f"effect.{'over' if over and reason == 'few_days_after' else 'why'}.{reason}", what=what
    )
    return say(language, "effect.over.cannot_tell" if over else "effect.cannot_tell", why=why)


def is_gone(effect: Effect) -> bool:
    """Whether what is missing cannot come back, since all days that are looked at are over."""
    return effect.needed is None and is_over(effect) and (effect.reason or "no_outcome") in GONE


def help_sentence(effect: Effect, language: Language, *, gentle: bool = False) -> str:
    """What would make it tellable: how many days, where that is known."""
    reason = effect.reason or "no_outcome"
    gone = is_gone(effect)
    if effect.needed is not None and not gentle and f"effect.more.{reason}" in language.messages:
        return say(language, f"effect.more.{reason}", n=effect.needed)
    if gone:
        texts = [say(language, "effect.over.missing")]
    elif is_over(effect) and reason == "no_variation":
        texts = [say(language, "effect.over.same")]
    else:
        texts = [say(language, f"effect.help.{reason}")]
    if effect.event not in CARE and (gone or reason in PLAN_TELLS):
        texts.append(
            say(language, "effect.help.plan_given_up" if effect.question == "plan" else "effect.over.plan")
        )
    return " ".join(texts)


def when_words(effect: Effect, language: Language) -> str:
    """The days that are compared with the others."""
    return say(language, f"effect.when.{effect.question}")


def gentle_sentence(effect: Effect, language: Language) -> str:
    """The verdict in words alone."""
    return say(language, f"effect.{effect.outcome}.words_{effect.verdict}", when=when_words(effect, language))


def difference_sentence(effect: Effect, language: Language) -> str:
    """The difference and its range in the person's own units; without an estimate, the verdict in words."""
    if effect.effect is None or effect.lo is None or effect.hi is None:
        return gentle_sentence(effect, language)
    numbers = [as_read(effect.outcome, x) for x in (effect.effect, effect.lo, effect.hi)]
    effect_text, lo, hi = write_amounts(effect.outcome, numbers, language)
    side = "lower" if numbers[0] < 0 else "higher"
    if numbers[1] * numbers[2] > 0:
        lo, hi = (hi, lo) if numbers[0] < 0 else (lo, hi)
        key = side
    else:
        key = "open_same" if is_zero(effect_text) else f"open_{side}"
    return say(
        language,
        f"effect.{effect.outcome}.{key}",
        when=when_words(effect, language),
        effect=effect_text,
        lo=lo,
        hi=hi,
    )


def as_read(outcome: str, difference: float) -> float:
    """A difference as a person reads it: of a logarithm, in percent."""
    return 100 * math.expm1(difference) if outcome == "ln_rmssd" else difference


def write_amounts(outcome: str, differences: Sequence[float], language: Language) -> list[str]:
    """Sizes without their sign, with one decimal more where an end that is not zero would read as zero."""
    if outcome == "tst_min":
        return [sentences.minutes(language, abs(x)) for x in differences]
    digits = DIGITS[outcome]
    digits += any(abs(x) >= LEAST_SHOWN and round(abs(x), digits) == 0 for x in differences[1:])
    return [sentences.number(language, abs(x), digits=digits) for x in differences]


def is_zero(text: str) -> bool:
    """Whether an amount reads as nothing."""
    return not any(c.isdigit() and int(c) for c in text)


def doubt_sentences(effect: Effect, language: Language) -> list[str]:
    """What takes from a verdict: that a small change can hide or that checks disagree, and that it is early."""
    texts = []
    if effect.verdict == "no_clear_change":
        texts.append(say(language, "effect.unsteady" if effect.taken_back else "effect.hidden"))
    return [*texts, say(language, "effect.early")] if effect.early else texts


def how_sentence(effect: Effect, language: Language) -> str:
    """On how many days it rests, and which."""
    counts = {"without": effect.days_without, "with_it": effect.days_with, "sessions": effect.sessions}
    return say(
        language,
        f"effect.how.{effect.question}",
        range=write_range(effect.first, effect.last, language),
        **counts,
    )


def write_range(first: date | None, last: date | None, language: Language) -> str:
    """The first and the last day that were looked at."""
    if first is None or last is None:
        return ""
    return str(format_interval(first, last, "yMMMMd", locale=language.locale))


def also_sentence(finding: Finding, language: Language) -> list[str]:
    """The exploratory outcomes in one soft line, if there are any."""
    items = [
        say(
            language,
            "effect.also_item",
            outcome=say(language, f"effect.outcome.{effect.outcome}"),
            verdict=say(language, f"effect.word.{effect.verdict}"),
        )
        for effect in finding.also
    ]
    what = name_tried(finding.effect.event, finding.effect.app, language)
    return [say(language, "effect.also", what=what, list=and_list(items, language))] if items else []


def earlier_sentence(earlier: Sequence[Effect], language: Language) -> str:
    """What was told in earlier weeks, in one line."""
    items = [
        say(
            language,
            "effect.earlier_item",
            what=name_tried(effect.event, effect.app, language),
            verdict=say(language, f"effect.word.{effect.verdict}"),
        )
        for effect in earlier
    ]
    return say(language, "effect.earlier", list=and_list(items, language)) if items else ""


def tell_notes(findings: Sequence[Finding], language: Language, *, gentle: bool) -> list[str]:
    """What holds for all that was found, each once: what it does not say, its ranges, that it is no advice."""
    found = [f.effect for f in findings if f.effect.verdict != "cannot_tell"]
    ranged = {(e.question, e.early) for e in found if e.lo is not None and not gentle}
    asked = {question for question, _ in ranged}
    keys = {
        "went": any(effect.question != "plan" for effect in found),
        "drawn": any(effect.question == "plan" for effect in found),
        "allowed_start": "since_start" in asked,
        "range_start": ("since_start", False) in ranged,
        "range_start_early": ("since_start", True) in ranged,
        "allowed": "after_sessions" in asked,
        "range": bool({("after_sessions", False), ("plan", False)} & ranged),
        "range_early": ("after_sessions", True) in ranged,
        "kind": any(is_harder(effect) for effect in found),
        "treatment": bool(findings),
    }
    return [say(language, f"effect.{key}") for key, holds in keys.items() if holds]


def is_harder(effect: Effect) -> bool:
    """Whether a verdict goes the way that nobody hopes for: more load, less sleep, less variation of the heart."""
    unwished = {"index": "likely_higher", "felt_stress": "likely_higher"}
    return effect.verdict == unwished.get(effect.outcome, "likely_lower")


def plan_card(tried: Tried, language: Language, *, gentle: bool) -> PlanCard:
    """The coming week of all plans."""
    title = (
        say(language, "plan.title_words")
        if gentle
        else say(language, "plan.title", range=sentences.day_range(language, tried.monday))
    )
    lines = tuple(plan_line(coming, language) for coming in tried.coming)
    return PlanCard(title, lines, say(language, "plan.missed"))


def plan_line(coming: Coming, language: Language) -> str:
    """Which days of a plan are with it and which without, and whether it begins or ends."""
    sides = {"with": coming.days_with, "without": coming.days_without}
    full = len(coming.days_with) + len(coming.days_without) == WEEK_DAYS
    kind = next((name for name, days in sides.items() if len(days) == 0), None)
    other = {"with": "without", "without": "with"}
    key = "some" if kind is None else f"all_{other[kind]}" if full else other[kind]
    line = say(
        language,
        f"plan.{key}",
        what=name_tried(coming.plan.event, coming.plan.app, language),
        with_it=sentences.day_list(language, coming.days_with),
        without=sentences.day_list(language, coming.days_without),
    )
    marks = [
        say(language, f"plan.{name}", weekday=sentences.weekday(language, day))
        for name, day in (("begins", coming.begins), ("ends", coming.ends))
        if day is not None
    ]
    return start_large(" ".join([line, *marks]))


def draw_picture(finding: Finding, language: Language) -> Picture:
    """The days of a verdict: a dot each, and what was expected without it."""
    effect, days = finding.effect, finding.days
    outcome, began = effect.outcome, effect.start if effect.question == "since_start" else None
    values, expected = [day.value for day in days], [expected_of(day) for day in days]
    ticks = mark_scale(outcome, *find_ends(values, expected), language)
    course = draw_course(
        values,
        expected,
        [day.with_it for day in days],
        ticks=[place for place, _ in ticks],
        probit=outcome == "index",
        mirror=language.direction == "rtl",
    )
    legend = [
        f"effect.legend.{effect.question}",
        *["effect.legend_night"] * (outcome != "felt_stress"),
        "effect.legend_band",
        f"effect.legend_bar.{effect.question}",
    ]
    legend += ["effect.legend_steps"] * (outcome == "index")
    legend += ["effect.legend_gap"] * any(value is None for value in values)
    what = name_tried(effect.event, effect.app, language)
    return Picture(
        course=course,
        title=start_large(say(language, "effect.picture", what=what)),
        desc=describe_days(effect, days, language),
        scale=say(language, f"effect.scale.{outcome}"),
        ticks=tuple(text for _, text in ticks),
        bar=say(language, f"effect.side.{effect.question}.bar"),
        dates=(short_day(days[0].date, language), short_day(days[-1].date, language)),
        start="" if began is None else say(language, "effect.began", day=short_day(began, language)),
        legend=tuple(say(language, key) for key in legend),
        table=tabulate_weeks(effect, days, language),
    )


def expected_of(day: EffectDay) -> tuple[float, float, float] | None:
    """What was expected of a day with its band; None where that is not known."""
    if day.expected is None or day.expected_lo is None or day.expected_hi is None:
        return None
    return day.expected, day.expected_lo, day.expected_hi


def describe_days(effect: Effect, days: Sequence[EffectDay], language: Language) -> str:
    """What the picture shows, in means."""
    known = [day for day in days if day.value is not None]
    with_it = [day for day in known if day.with_it]
    means = {
        "without": mean([day.value for day in known if not day.with_it]),
        "with_it": mean([day.value for day in with_it]),
        "expected": mean([day.expected for day in with_it]),
    }
    sides = {side: say(language, f"effect.side.{effect.question}.{side}") for side in ("without", "with")}
    return say(
        language,
        "effect.desc",
        side_without=sides["without"],
        side_with=sides["with"],
        first=format_date(days[0].date, "long", locale=language.locale),
        last=format_date(days[-1].date, "long", locale=language.locale),
        **{name: write_level(effect.outcome, value, language) for name, value in means.items()},
    )


def tabulate_weeks(effect: Effect, days: Sequence[EffectDay], language: Language) -> Cells:
    """The days of a picture week by week: means of days without it and with it, and what was expected of them all."""
    sides = (f"side.{effect.question}.without", f"side.{effect.question}.with")
    head = tuple(say(language, f"effect.{name}") for name in ("col_week", *sides, "col_expected"))
    rows = []
    first = monday_of(days[0].date)
    while first <= days[-1].date:
        last = first + timedelta(days=WEEK_DAYS)
        known = [day for day in days if first <= day.date < last and day.value is not None]
        means = (
            mean([day.value for day in known if not day.with_it]),
            mean([day.value for day in known if day.with_it]),
            mean([day.expected for day in known]),
        )
        cells = ("" if m is None else write_level(effect.outcome, m, language) for m in means)
        rows.append((short_day(first, language), *cells))
        first = last
    return Cells(head, tuple(rows), ("",) * len(rows))


def mean(values: Sequence[float | None]) -> float | None:
    """The mean of the values that there are; None of none."""
    known = [value for value in values if value is not None]
    return math.fsum(known) / len(known) if known else None


def write_level(outcome: str, value: float | None, language: Language) -> str:
    """A level of an outcome in its unit; a dash where there is none."""
    if value is None:
        return "–"
    if outcome == "tst_min":
        return sentences.minutes(language, value)
    shown = math.exp(value) if outcome == "ln_rmssd" else value
    return say(
        language,
        f"effect.value.{outcome}",
        value=sentences.number(language, shown, digits=DIGITS[outcome]),
    )


def mark_scale(outcome: str, low: float, high: float, language: Language) -> list[tuple[float, str]]:
    """The labels of a picture's scale, each with its place: those of the sheet for the index, else round numbers."""
    if outcome == "index":
        return [(x, sentences.number(language, x)) for x in INDEX_TICKS]
    to_read, to_place = READ_AS.get(outcome, (float, float))
    shown, digits = choose_ticks(to_read(low), to_read(high))
    return [(to_place(x), sentences.number(language, x, digits=digits)) for x in shown]


def short_day(day: date, language: Language) -> str:
    """A day without its year: 2 Jun."""
    return str(format_skeleton("MMMd", day, locale=language.locale))

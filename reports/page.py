"""The weekly page: values of a week to one self-contained HTML document."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from reports import charts, sentences
from reports.sentences import Language, say
from reports.week import SAME_SLEEP_MIN, Mark, Night, Week, Went

HERE = Path(__file__).parent
HINTS = 5
FRESH_DAYS = 180
SOURCE_LENGTH = 60
FEELINGS = ("calm", "fine", "mixed", "heavy", "very_heavy")


@dataclass(frozen=True)
class HelpLine:
    """A line that a person can call (help_lines.csv); empty text where there is none."""

    country: str
    name: str
    phone: str
    text: str
    hours: str
    language: str
    url: str
    verified_on: str


@dataclass(frozen=True)
class Card:
    """A thing that is said in a title and a line, with something softer beside it."""

    title: str
    body: str
    aside: str


def render_page(
    week: Week, told: Sequence[tuple[date, str]], lines: Sequence[HelpLine], language: Language
) -> str:
    """Render the page of a week; equal values give equal bytes.

    `told` are the sentences of its days (report.insight), `lines` the help lines to show.
    """
    page = environment().get_template("weekly.html.jinja")
    return page.render(
        week=week,
        language=language,
        t=lambda key, **values: say(language, key, **values),
        title=say(language, "page.title", range=sentences.day_range(language, week.monday)),
        dates=sentences.day_range(language, week.monday),
        sentence=week_sentence(week, language),
        after=after_sentence(week, language),
        strip=charts.draw_strip(week.marks),
        strip_rows=[strip_row(mark, language) for mark in week.marks],
        strip_legend=strip_legend(week, language),
        told=by_day(told),
        went=[went_card(went, language) for went in week.went],
        raster=charts.draw_raster(week.nights, week.sleep),
        raster_rows=[raster_row(night, language) for night in week.nights],
        sleep_text=sleep_sentences(week, language),
        hint=hint_card(week, language),
        certain=certain_sentences(week, language),
        sources=[clip(source) for source in week.sources],
        lines=lines,
        feelings=FEELINGS,
        weekday=lambda day, width: sentences.weekday(language, day, width=width),
        clock=lambda hour: sentences.clock(language, hour),
        minutes=lambda value: sentences.minutes(language, value),
    )


@cache
def environment() -> Environment:
    """The template engine: everything is escaped, and a name that is missing is an error."""
    return Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def clip(text: str) -> str:
    """At most 60 characters of a name that an export gave."""
    return text if len(text) <= SOURCE_LENGTH else f"{text[: SOURCE_LENGTH - 1]}…"


def week_sentence(week: Week, language: Language) -> str:
    """The one sentence of the week."""
    days = sentences.day_list(language, week.high)
    if week.story == "learning":
        n = week.usual_days
        return say(language, "story.learning", n=n) if 0 < n < 5 else say(language, "story.started")
    if week.story == "calm":
        days = sentences.day_list(language, week.calm)
    return say(language, f"story.{week.story}", days=days, calm=sentences.day_list(language, week.calm))


def after_sentence(week: Week, language: Language) -> str:
    """What follows the one sentence: how it went on, last week, and a kind word."""
    parts = []
    if week.story in ("heavy", "harder", "mixed") and week.back:
        parts.append(say(language, "after.back", weekday=sentences.weekday(language, week.back)))
    if week.story in ("heavy", "harder", "mixed", "one") and week.last_week_high is not None:
        parts.append(last_sentence(len(week.high), week.last_week_high, language))
    kind = "heavy" if week.story in ("harder", "mixed") else week.story
    parts.append(say(language, f"after.{kind}"))
    return " ".join(parts)


def last_sentence(now: int, last: int, language: Language) -> str:
    """How many harder days the week before had."""
    if last == now:
        return say(language, "last.same", n=last)
    return say(language, "last.days", n=last) if last else say(language, "last.none")


def strip_legend(week: Week, language: Language) -> str:
    """How to read the strip: only what is on it."""
    keys = ["legend"]
    if week.scored_days:
        keys.append("legend_band")
    if week.high or week.calm:
        keys.append("legend_out")
    if any(mark.state == "learning" for mark in week.marks):
        keys.append("legend_learning")
    return " ".join(say(language, f"strip.{key}") for key in keys)


def by_day(told: Sequence[tuple[date, str]]) -> list[tuple[date, str]]:
    """The sentences of each day in one paragraph."""
    days = sorted({day for day, _ in told})
    return [(day, " ".join(text for d, text in told if d == day)) for day in days]


def strip_row(mark: Mark, language: Language) -> dict[str, str]:
    """One day of the strip in words and numbers, for its description and its table."""
    day = sentences.weekday(language, mark.day)
    if mark.index is None:
        word = say(language, f"strip.{mark.state}")
        return {"day": day, "word": word, "number": "", "between": ""}
    word = say(language, f"level.{mark.level or 'usual'}")
    if not mark.show_number:
        return {"day": day, "word": word, "number": say(language, "strip.no_number"), "between": ""}
    shown = sentences.number(language, mark.index)
    between = ""
    if mark.lo80 is not None and mark.hi80 is not None:
        lo, hi = (sentences.number(language, x) for x in (mark.lo80, mark.hi80))
        between = say(language, "strip.between", lo=lo, hi=hi)
    return {"day": day, "word": word, "number": shown, "between": between}


def raster_row(night: Night, language: Language) -> dict[str, str]:
    """One night in words, for the raster's description and its table."""
    day = sentences.weekday(language, night.day)
    if night.onset_h is None or night.wake_h is None:
        return {"day": day, "start": "", "end": "", "slept": say(language, "sleep.absent")}
    slept = "" if night.tst_min is None else sentences.minutes(language, night.tst_min)
    start, end = (sentences.clock(language, h) for h in (night.onset_h, night.wake_h))
    return {"day": day, "start": start, "end": end, "slept": slept}


def went_card(went: Went, language: Language) -> Card:
    """What went with the week, on the day it was furthest out, and what else could have done it."""
    side = "more" if went.direction > 0 else "less"
    values = sentences.feature_values(language, went.feature, went.value, went.usual_lo, went.usual_hi)
    body = say(language, f"went.{went.feature}.body", weekday=sentences.weekday(language, went.day), **values)
    aside = sentences.tell_causes(language, went.causes, went.day, went.others, turn=went.turn)
    return Card(say(language, f"went.{went.feature}.{side}"), body, aside)


def sleep_sentences(week: Week, language: Language) -> list[str]:
    """Sleep in at most four sentences: how long, beside usual, beside last week, how steady."""
    sleep = week.sleep
    if sleep.mean_min is None:
        return []
    texts = [mean_sentence(sleep.mean_min, sleep.usual_min, language)]
    if sleep.last_week_min is not None:
        gap = nearest_5(sleep.mean_min) - nearest_5(sleep.last_week_min)
        key = "last_same" if abs(gap) < SAME_SLEEP_MIN else "last_more" if gap > 0 else "last_less"
        texts.append(say(language, f"sleep.{key}", gap=sentences.minutes(language, abs(gap))))
    if sleep.steadiness is not None:
        texts.append(say(language, f"sleep.{('less_steady', 'steady', 'steadier')[sleep.steadiness + 1]}"))
    if sleep.first_onset_h is not None and sleep.last_onset_h is not None:
        first, last = (sentences.clock(language, h) for h in (sleep.first_onset_h, sleep.last_onset_h))
        if first != last:
            texts.append(say(language, "sleep.bedtimes", first=first, last=last))
    return texts


def nearest_5(value_min: float) -> int:
    """Minutes to the nearest 5: a mean of guesses is no finer."""
    return 5 * round(value_min / 5)


def mean_sentence(mean_min: float, usual_min: float | None, language: Language) -> str:
    """Mean sleep a night beside this person's usual."""
    shown = sentences.minutes(language, nearest_5(mean_min))
    if usual_min is None:
        return say(language, "sleep.mean", mean=shown)
    gap = nearest_5(mean_min) - nearest_5(usual_min)
    key = "mean_usual" if abs(gap) < SAME_SLEEP_MIN else "mean_more" if gap > 0 else "mean_less"
    usual = sentences.minutes(language, nearest_5(usual_min))
    return say(language, f"sleep.{key}", mean=shown, usual=usual, gap=sentences.minutes(language, abs(gap)))


def hint_card(week: Week, language: Language) -> Card | None:
    """The hint whose turn it is; none in a week with too little wear."""
    if week.story == "thin":
        return None
    turn = (week.monday.toordinal() // 7) % HINTS
    return Card(*(say(language, f"hint.{turn}.{part}") for part in ("title", "body", "source")))


def certain_sentences(week: Week, language: Language) -> list[str]:
    """How sure the page is: wear, how real the days outside usual are, and what usual rests on."""
    texts = [say(language, "certain.worn", days=week.valid_days, nights=week.valid_nights)]
    if week.story in ("heavy", "harder", "one", "mixed"):
        texts.extend(real_sentences("higher", week.high_certainty, language))
    elif week.story == "calm":
        texts.extend(real_sentences("calmer", week.calm_certainty, language))
    key = "learning" if week.story == "learning" and week.usual_days < 5 else week.state
    if week.usual_days or key == "learning":
        texts.append(say(language, f"certain.{key}", n=week.usual_days))
    return texts


def real_sentences(side: str, certainties: Sequence[float], language: Language) -> list[str]:
    """How likely the days outside usual are real: the best word, and for how many of them it holds."""
    words = [sentences.sure_key(c) for c in certainties]
    best = sentences.sure_key(max(certainties))
    count, of = words.count(best), len(words)
    if best == "cannot_tell":
        return [say(language, f"certain.{side}_unsure", n=of)]
    sure = say(language, f"sure.{best}")
    if count == of:
        first = say(language, f"certain.{side}", n=of, sure=sure)
    else:
        first = say(language, f"certain.{side}_some", n=count, of=of, sure=sure)
    why = say(language, "certain.why_one" if of == 1 else "certain.why")
    return [first, why, say(language, "certain.meaning")]


def read_help_lines(path: Path = HERE / "help_lines.csv") -> list[HelpLine]:
    """Read every help line, verified or not."""
    with path.open(encoding="utf-8", newline="") as file:
        return [HelpLine(**row) for row in csv.DictReader(file)]


def fresh_lines(lines: Sequence[HelpLine], week_end: date) -> list[HelpLine]:
    """The lines that someone checked no longer than 180 days before the week ended; the rest stay hidden."""
    oldest = (week_end - timedelta(days=FRESH_DAYS)).isoformat()
    return [line for line in lines if line.verified_on and line.verified_on >= oldest]

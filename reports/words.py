"""The words of a weekly page, part by part, from the values of the week: with numbers (reports/gentle.py: without)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from babel.lists import format_list

from reports import sentences
from reports.catalogue import Language, say
from reports.insights import Insight
from reports.read import CheckIn, Shift
from reports.week import SAME_SLEEP_MIN, Lasting, Mark, Night, Week, Went

FEELINGS = ("calm", "fine", "mixed", "heavy", "very_heavy")
"""The words of the question, from 0 to 10 of felt stress in fifths."""
DASH = "–"
GAP_LETTERS = 4
"""Longer words than this do not fit into a day's column on a narrow phone: a dash stands there."""


@dataclass(frozen=True)
class Card:
    """A thing that is said in a title and a line, with something softer beside it."""

    title: str
    body: str
    aside: str


@dataclass(frozen=True)
class Cells:
    """A table: its columns' names and its rows; the first cell of a row names it, with a note below."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Words:
    """All that a page says of a week; empty, or None, where there is nothing to say.

    `strip_desc` and `raster_desc` say in sentences what the charts show; `lasting_parts` are the lines of
    the card `lasting`.
    """

    said: str
    sentence: str
    after: str
    strip_legend: str
    strip_gaps: tuple[tuple[str, ...], ...]
    strip_desc: str
    strip_table: Cells
    noted: str
    told: tuple[str, ...]
    lasting: Card | None
    lasting_parts: tuple[str, ...]
    went_heading: str
    went: tuple[Card, ...]
    no_went: str
    sleep: tuple[str, ...]
    raster_legend: str
    raster_desc: str
    raster_table: Cells
    certain: tuple[str, ...]
    """Paragraphs."""


def put_in_words(week: Week, insights: Sequence[Insight], language: Language) -> Words:
    """Put a week into words and numbers; `insights` are those of its days (reports.week.tell_days)."""
    rows = [strip_row(mark, language) for mark in week.marks]
    return Words(
        said=said_sentence(week.said, language),
        sentence=week_sentence(week, language),
        after=after_sentence(week, language),
        strip_legend=strip_legend(week, language),
        strip_gaps=tuple(gap_words(mark, language) for mark in week.marks),
        strip_desc=describe_days(rows, language),
        strip_table=strip_table(week, rows, language),
        noted=noted_sentence(week, language),
        told=by_day([(insight.day, sentences.tell(language, insight)) for insight in insights]),
        lasting=None if week.lasting is None else lasting_card(week.lasting, language),
        lasting_parts=() if week.lasting is None else lasting_parts(week.lasting, language),
        went_heading=went_heading(week, language),
        went=tuple(went_card(went, language) for went in week.went),
        no_went=no_went(week, language),
        sleep=tuple(sleep_sentences(week, language)),
        raster_legend=raster_legend(week, language),
        raster_desc=" ".join(describe_night(night, language) for night in week.nights),
        raster_table=raster_table(week.nights, language),
        certain=paragraphs(
            certain_sentences(week, language),
            usual_sentences(week, language),
            moved_sentences(week, language),
            [trust_sentence(week, language)],
        ),
    )


def said_sentence(said: Sequence[tuple[date, CheckIn]], language: Language) -> str:
    """What the person said of how they felt, in their own words."""
    if not said:
        return ""
    places = dict.fromkeys((day, checkin.scale) for day, checkin in said)
    texts = [
        say_checkins(day, [c for d, c in said if (d, c.scale) == (day, scale)], language)
        for day, scale in places
    ]
    line = say(language, "said.line", list=and_list(texts, language))
    scaled = any(checkin.scale in ("felt_stress", "felt_week") for _, checkin in said)
    return f"{line} {say(language, 'said.scale')}" if scaled else line


def say_checkins(day: date, checkins: Sequence[CheckIn], language: Language) -> str:
    """The answers of one day on one scale: words, or numbers of it."""
    weekday = sentences.weekday(language, day)
    words = [sentences.own_word(c.label) for c in checkins if c.label is not None]
    if words:
        quoted = and_list([say(language, "said.own", word=word) for word in words], language)
        return say(language, "said.word", word=quoted, weekday=weekday)
    values = [c.value for c in checkins if c.value is not None]
    shown = [sentences.number(language, value, digits=int(value % 1 != 0)) for value in values]
    return say(language, f"said.{checkins[0].scale}", value=and_list(shown, language), weekday=weekday)


def and_list(texts: Sequence[str], language: Language) -> str:
    """Texts in a row of words: a, b and c."""
    return str(format_list(list(texts), locale=language.locale))


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
    """What follows the one sentence: last week, how it went on, and a kind word."""
    parts = []
    if week.story in ("heavy", "harder", "mixed") and week.back:
        parts.append(say(language, "after.back", weekday=sentences.weekday(language, week.back)))
    lasting = week.story == "ordinary" and week.lasting is not None
    kind = "heavy" if week.story in ("harder", "mixed") else week.story
    parts.append(say(language, f"after.{'lasting' if lasting else kind}"))
    if week.story in ("heavy", "harder", "mixed", "one") and week.last_week_high is not None:
        # Where the kind word is about the days themselves, nothing stands between them and it.
        place = len(parts) if week.story == "one" else 0
        parts.insert(place, last_sentence(len(week.high), week.last_week_high, language))
    return " ".join(parts)


def last_sentence(now: int, last: int, language: Language) -> str:
    """How many harder days the week before had."""
    if last == now:
        return say(language, "last.same", n=last)
    return say(language, "last.days", n=last) if last else say(language, "last.none")


def strip_legend(week: Week, language: Language, *, band: str = "strip.legend_band") -> str:
    """How to read the strip: only what is on it."""
    keys = ["strip.legend"]
    if week.scored_days:
        keys.append(band)
    if week.high or week.calm:
        keys.append("strip.legend_out")
    if any(mark.state == "learning" for mark in week.marks):
        keys.append("strip.legend_learning")
    if any(mark.index is None and gap_words(mark, language) == (DASH,) for mark in week.marks):
        keys.append("strip.legend_gap")
    if week.noted:
        keys.append("strip.legend_noted")
    return " ".join(say(language, key) for key in keys)


def gap_words(mark: Mark, language: Language) -> tuple[str, ...]:
    """What stands in the column of a day without an index, a word a line; empty where a shape stands there."""
    if mark.index is not None or mark.state == "learning":
        return ()
    words = tuple(say(language, f"strip.{mark.state}").split())
    return words if max(map(len, words)) <= GAP_LETTERS else (DASH,)


def strip_row(mark: Mark, language: Language) -> tuple[str, ...]:
    """One day of the strip: its name, a word, its number, and between which numbers it lies."""
    day = sentences.weekday(language, mark.day)
    if mark.index is None:
        return day, say(language, f"strip.{mark.state}"), "", ""
    word = say(language, f"level.{mark.level or 'usual'}")
    if not mark.show_number:
        return day, word, say(language, "strip.no_number"), ""
    between = ""
    if mark.lo80 is not None and mark.hi80 is not None:
        lo, hi = (sentences.number(language, x) for x in (mark.lo80, mark.hi80))
        between = say(language, "strip.between", lo=lo, hi=hi)
    return day, word, sentences.number(language, mark.index), between


def describe_days(rows: Sequence[tuple[str, ...]], language: Language) -> str:
    """What the strip shows, a sentence a day."""
    return " ".join(say(language, "strip.desc", day=row[0], word=row[1]) for row in rows)


def strip_table(week: Week, rows: Sequence[tuple[str, ...]], language: Language) -> Cells:
    """The strip as a table, with what was noted beside the day that it was on."""
    columns = ("day", "word", "number", "between")[: len(rows[0])]
    head = tuple(say(language, f"strip.col_{name}") for name in columns)
    notes = (", ".join(name_event(kind, language) for kind in noted_on(week, m.day)) for m in week.marks)
    return Cells(head, tuple(rows), tuple(notes))


def noted_on(week: Week, day: date) -> list[str]:
    """The kinds of event of a day."""
    return [kind for kind, days in week.noted if day in days]


def name_event(kind: str, language: Language) -> str:
    """The name of a kind of event; an own word as it is."""
    key = f"event.{kind}"
    return say(language, key) if key in language.messages else sentences.own_word(kind)


def noted_sentence(week: Week, language: Language) -> str:
    """What was noted on which days."""
    items = [
        say(language, "noted.item", what=name_event(kind, language), days=sentences.day_list(language, days))
        for kind, days in week.noted
    ]
    return say(language, "noted.line", list=and_list(items, language)) if items else ""


def by_day(told: Sequence[tuple[date, str]]) -> tuple[str, ...]:
    """The sentences of each day in one paragraph."""
    days = sorted({day for day, _ in told})
    return tuple(" ".join(text for d, text in told if d == day) for day in days)


def lasting_card(lasting: Lasting, language: Language) -> Card:
    """An alert: how long signals have been away from usual, and what else does that."""
    key = "lasting.nights" if lasting.by_night else "lasting.days"
    title = say(language, key, n=lasting.days, weekday=sentences.weekday(language, lasting.day))
    causes = sentences.list_causes(language, "whole", lasting.day, lasting.others)
    return Card(title, say(language, "lasting.note"), say(language, "other.card", causes=causes))


def lasting_parts(lasting: Lasting, language: Language) -> tuple[str, ...]:
    """The features behind an alert, each as it was on its last day out."""
    return tuple(
        say(
            language,
            f"lasting.{part.feature}",
            weekday=sentences.weekday(language, day),
            **sentences.feature_values(language, part.feature, part.value, part.usual_lo, part.usual_hi),
        )
        for day, part in lasting.parts
    )


def paragraphs(*groups: Sequence[str]) -> tuple[str, ...]:
    """Groups of sentences as paragraphs, without the empty ones."""
    return tuple(" ".join(group) for group in groups if group)


def went_heading(week: Week, language: Language) -> str:
    """The heading over what went with the week."""
    return say(language, f"went.heading_{('none', 'one', 'two')[len(week.went)]}")


def no_went(week: Week, language: Language) -> str:
    """What is said where nothing is named."""
    if week.went:
        return ""
    ordinary = "nothing" if week.lasting is None else "lasting"
    key = {"thin": "thin", "learning": "learning", "ordinary": ordinary}.get(week.story, "no_parts")
    return say(language, f"went.{key}")


def went_card(went: Went, language: Language) -> Card:
    """What went with the week, on the day it was furthest out, and what else could have done it."""
    values = sentences.feature_values(language, went.feature, went.value, went.usual_lo, went.usual_hi)
    body = say(language, f"went.{went.feature}.body", weekday=sentences.weekday(language, went.day), **values)
    return Card(went_title(went, language), body, went_aside(went, language))


def went_title(went: Went, language: Language) -> str:
    """What a feature did."""
    return say(language, f"went.{went.feature}.{'more' if went.direction > 0 else 'less'}")


def went_aside(went: Went, language: Language) -> str:
    """What else could have done it."""
    causes = sentences.list_causes(language, went.causes, went.day, went.others, turn=went.turn)
    return say(language, "other.card", causes=causes)


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
        texts.append(steady_sentence(sleep.steadiness, language))
    if sleep.first_onset_h is not None and sleep.last_onset_h is not None:
        first, last = (sentences.clock(language, h) for h in (sleep.first_onset_h, sleep.last_onset_h))
        if first != last:
            texts.append(say(language, "sleep.bedtimes", first=first, last=last))
    return texts


def steady_sentence(steadiness: int, language: Language) -> str:
    """How steady the times of sleep were beside usual."""
    return say(language, f"sleep.{('less_steady', 'steady', 'steadier')[steadiness + 1]}")


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


def raster_legend(week: Week, language: Language) -> str:
    """How to read the raster, and how well a watch knows sleep."""
    usual = week.sleep.usual_onset_h is not None and week.sleep.usual_wake_h is not None
    return " ".join(
        say(language, key) for key in ("sleep.legend" if usual else "sleep.legend_plain", "sleep.doubt")
    )


def raster_table(nights: Sequence[Night], language: Language) -> Cells:
    """The raster as a table."""
    head = tuple(say(language, f"sleep.col_{name}") for name in ("night", "from", "to", "slept"))
    return Cells(head, tuple(raster_row(night, language) for night in nights), ("",) * len(nights))


def raster_row(night: Night, language: Language) -> tuple[str, ...]:
    """One night: its day, when sleep began and ended, how long it was."""
    day = sentences.weekday(language, night.day)
    if night.onset_h is None or night.wake_h is None:
        return day, "", "", say(language, "sleep.absent")
    start, end = (sentences.clock(language, h) for h in (night.onset_h, night.wake_h))
    return day, start, end, "" if night.tst_min is None else sentences.minutes(language, night.tst_min)


def describe_night(night: Night, language: Language) -> str:
    """One night of the raster in a sentence."""
    day, start, end, slept = raster_row(night, language)
    key = "desc" if start and slept else "desc_times" if start else "desc_absent"
    return say(language, f"sleep.{key}", day=day, start=start, end=end, slept=slept)


def certain_sentences(week: Week, language: Language) -> list[str]:
    """How sure the page is: wear, and how real the days outside usual are."""
    texts = [say(language, "certain.worn", days=week.valid_days, nights=week.valid_nights)]
    if week.story in ("heavy", "harder", "one", "mixed"):
        texts.extend(real_sentences("higher", week.high_certainty, language))
    elif week.story == "calm":
        texts.extend(real_sentences("calmer", week.calm_certainty, language))
    return texts


def usual_sentences(week: Week, language: Language) -> list[str]:
    """What usual rests on."""
    key = "learning" if week.story == "learning" and week.usual_days < 5 else week.state
    if week.usual_days or key == "learning":
        return [say(language, f"certain.{key}", n=week.usual_days)]
    return []


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


def moved_sentences(week: Week, language: Language) -> list[str]:
    """What of usual has moved, from where to where and since when, and that this is no alarm."""
    texts = [moved_sentence(shift, week.monday, language) for shift in week.moved]
    return [*texts, say(language, "moved.note")] if texts else []


def moved_sentence(shift: Shift, monday: date, language: Language) -> str:
    """One usual that has moved."""
    side = "more" if shift.end > shift.start else "less"
    values = sentences.level_values(language, shift.feature, shift.start, shift.end)
    return say(
        language,
        f"moved.{shift.feature}.{side}",
        month=sentences.month(language, shift.since, monday),
        **values,
    )


def trust_sentence(week: Week, language: Language) -> str:
    """Whether the number follows how this person feels; of people at large where that was not asked."""
    agreement = week.agreement
    if agreement is None or not agreement.checkins:
        return say(language, "certain.trust")
    return say(language, f"agreement.{agreement.verdict}", n=agreement.checkins, needed=agreement.needed)

"""The words of a weekly page for gentle mode: the same week without any number, and without alerts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

from reports import sentences, words
from reports.catalogue import Language, say
from reports.insights import GROUPS, Insight
from reports.read import CheckIn
from reports.week import SAME_SLEEP_MIN, Night, Week, Went
from reports.words import FEELINGS, Card, Cells, Words

SAME_NIGHT_MIN = 60.0
"""Within this, one night is called as long as usual: single nights differ by more than weeks do."""
MOST_DAYS = 4


def put_in_words(week: Week, insights: Sequence[Insight], language: Language) -> Words:
    """Put a week into words alone; see reports.words.put_in_words."""
    week = replace(week, lasting=None)
    rows = [words.strip_row(mark, language)[:2] for mark in week.marks]
    return replace(
        words.put_in_words(week, (), language),
        said=said_sentence(week.said, language),
        sentence=week_sentence(week, language),
        after=after_sentence(week, language),
        strip_legend=words.strip_legend(week, language, band="gentle.legend_band"),
        strip_table=words.strip_table(week, rows, language),
        told=words.by_day([(i.day, tell(language, i)) for i in insights if i.rank == 1]),
        went=went_cards(week.went, language),
        sleep=tuple(sleep_sentences(week, language)),
        raster_desc=" ".join(describe_night(night, week, language) for night in week.nights),
        raster_table=raster_table(week, language),
        certain=words.paragraphs(
            certain_sentences(week, language),
            moved_sentences(week, language),
            [trust_sentence(week, language)],
        ),
    )


def week_sentence(week: Week, language: Language) -> str:
    """The one sentence of the week."""
    return say(language, "story.started") if week.story == "learning" else words.week_sentence(week, language)


def said_sentence(said: Sequence[tuple[date, CheckIn]], language: Language) -> str:
    """What the person said of how they felt: a word where there is one, else that there was an answer."""
    texts = dict.fromkeys(say_checkin(day, checkin, language) for day, checkin in said)
    return say(language, "gentle.said_line", list=words.and_list(list(texts), language)) if texts else ""


def say_checkin(day: date, checkin: CheckIn, language: Language) -> str:
    """One answer without its number."""
    weekday = sentences.weekday(language, day)
    if checkin.label is not None and not any(c.isdigit() for c in checkin.label):
        return words.say_checkins(day, [checkin], language)
    if checkin.scale in ("felt_stress", "felt_week") and checkin.value is not None:
        word = say(language, f"felt.{FEELINGS[min(max(int(checkin.value // 2), 0), 4)]}")
        return say(language, "said.word", word=word, weekday=weekday)
    return say(language, "gentle.answered", weekday=weekday)


def after_sentence(week: Week, language: Language) -> str:
    """What follows the one sentence: how it went on, and a kind word."""
    parts = []
    if week.story in ("heavy", "harder", "mixed") and week.back:
        parts.append(say(language, "after.back", weekday=sentences.weekday(language, week.back)))
    kind = "heavy" if week.story in ("harder", "mixed") else week.story
    parts.append(say(language, "gentle.one" if kind == "one" else f"after.{kind}"))
    return " ".join(parts)


def tell(language: Language, insight: Insight) -> str:
    """The first thing that is worth saying of a day, as far as it needs no number."""
    if insight.kind == "learning":
        return say(language, "gentle.learning", weekday=sentences.weekday(language, insight.day))
    if insight.kind == "feature":
        return sentences.tell(language, replace(insight, kind="ordinary", feature=None))
    return sentences.tell(language, replace(insight, seen=0))


def went_cards(went: Sequence[Went], language: Language) -> tuple[Card, ...]:
    """What went with the week, and on which day most of all; a day is named once."""
    bodies: list[str] = []
    for one in went:
        by_day = GROUPS.get(one.feature) == "still"
        body = say(
            language,
            "gentle.card_day" if by_day else "gentle.card_night",
            weekday=sentences.weekday(language, one.day),
        )
        again = say(language, "gentle.card_day_same" if by_day else "gentle.card_night_same")
        bodies.append(again if body in bodies else body)
    return tuple(
        Card(words.went_title(one, language), body, words.went_aside(one, language))
        for one, body in zip(went, bodies, strict=True)
    )


def sleep_sentences(week: Week, language: Language) -> list[str]:
    """How long sleep was beside usual, and how steady."""
    sleep = week.sleep
    texts = []
    if sleep.mean_min is not None and sleep.usual_min is not None:
        key = compare(sleep.mean_min, sleep.usual_min, SAME_SLEEP_MIN)
        texts.append(say(language, f"gentle.{key}"))
    if sleep.mean_min is not None and sleep.steadiness is not None:
        texts.append(words.steady_sentence(sleep.steadiness, language))
    return texts


def compare(value_min: float, usual_min: float, same_min: float) -> str:
    """Whether a length of sleep was usual, more or less."""
    gap = value_min - usual_min
    return "usual" if abs(gap) < same_min else "more" if gap > 0 else "less"


def night_word(night: Night, week: Week, language: Language) -> str:
    """How long one night was, in words."""
    if night.onset_h is None or night.wake_h is None:
        return say(language, "sleep.absent")
    if night.tst_min is None or week.sleep.usual_min is None:
        return say(language, "gentle.night_slept")
    return say(language, f"gentle.night_{compare(night.tst_min, week.sleep.usual_min, SAME_NIGHT_MIN)}")


def describe_night(night: Night, week: Week, language: Language) -> str:
    """One night in a sentence."""
    day = sentences.weekday(language, night.day)
    return say(language, "gentle.night_desc", day=day, slept=night_word(night, week, language))


def raster_table(week: Week, language: Language) -> Cells:
    """The nights in words."""
    head = tuple(say(language, f"sleep.col_{name}") for name in ("night", "slept"))
    rows = ((sentences.weekday(language, n.day), night_word(n, week, language)) for n in week.nights)
    return Cells(head, tuple(rows), ("",) * len(week.nights))


def certain_sentences(week: Week, language: Language) -> list[str]:
    """How sure the page is, in words."""
    least = min(week.valid_days, week.valid_nights)
    worn = "all" if least == 7 else "most" if least >= MOST_DAYS else "some" if week.valid_days else "none"
    texts = [say(language, f"gentle.worn_{worn}")]
    if week.story in ("heavy", "harder", "one", "mixed"):
        texts.append(real_sentence("higher", week.high_certainty, language))
    elif week.story == "calm":
        texts.append(real_sentence("calmer", week.calm_certainty, language))
    return [*texts, say(language, f"gentle.state_{week.state}")]


def real_sentence(side: str, certainties: Sequence[float], language: Language) -> str:
    """How likely what was outside usual is real."""
    best = sentences.sure_key(max(certainties))
    if best == "cannot_tell":
        return say(language, "gentle.cannot_tell")
    return say(language, f"gentle.{side}", sure=say(language, f"sure.{best}"))


def moved_sentences(week: Week, language: Language) -> list[str]:
    """What of usual has moved, and since when."""
    texts = [
        say(
            language,
            f"moved.{shift.feature}.words_{'more' if shift.end > shift.start else 'less'}",
            month=sentences.month(language, shift.since, shift.since),
        )
        for shift in week.moved
    ]
    return [*texts, say(language, "moved.note")] if texts else []


def trust_sentence(week: Week, language: Language) -> str:
    """Whether the signal follows how this person feels."""
    agreement = week.agreement
    if agreement is None or not agreement.checkins:
        return say(language, "certain.trust")
    return say(language, f"gentle.{agreement.verdict}")

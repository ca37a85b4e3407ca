"""The words of a page: kind, easy, never twice, and never at odds with the tables."""

from __future__ import annotations

import re
import warnings
from collections import Counter
from collections.abc import Iterable
from datetime import date, timedelta
from itertools import pairwise

import pytest
from build_pages import MANNERS, PLANS, pages, read_body, read_texts, warehouse
from build_weeks import MONDAY
from hypothesis import given, settings
from hypothesis import strategies as st
from pseudo import ACCENTS, RIGHT_TO_LEFT

from reports.catalogue import load_language
from reports.sentences import DIGITS, GAPS, feature_values, level_values, told_features
from reports.wishes import choose_language
from warehouse.store import open_warehouse

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it imports pkg_resources, which warns of itself
    import textstat

ENGLISH = load_language()
TRANSLATED = (ACCENTS, RIGHT_TO_LEFT)
READ = sorted(name for name in PLANS) + sorted(
    f"{name}-{manner}" for name in PLANS for manner in MANNERS if manner not in TRANSLATED
)
FORBIDDEN = (
    r"\b(failed|fail|failure|poor|bad|worse|diagnos\w*|must|should|disorder|illness|anxiety|depress\w*|stressed|"
    r"caused you|abnormal|warning|danger signs?|score)\b"
)
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
NUMBER = r"[−+]?\d+(?:\.\d+)?"


@pytest.mark.parametrize("name", READ)
def test_words_are_kind_and_easy(name: str) -> None:
    body = read_body(pages()[name])
    assert re.findall(FORBIDDEN, " ".join(body), re.IGNORECASE) == []
    assert textstat.flesch_kincaid_grade(" ".join(finished(body))) <= 6


def finished(texts: Iterable[str]) -> list[str]:
    """Texts that each end in a stop, as they do for who reads them."""
    return [text if text[-1] in ".!?:" else f"{text}." for text in texts]


@pytest.mark.parametrize("part", ["page", "felt", "story", "after", "went", "lasting", "moved", "agreement"])
def test_every_message_of_the_page_is_kind(part: str) -> None:
    for key, message in ENGLISH.messages.items():
        if key.startswith(f"{part}."):
            assert not re.search(FORBIDDEN, message, re.IGNORECASE), key


@pytest.mark.parametrize("name", READ)
def test_no_sentence_is_on_a_page_twice(name: str) -> None:
    said = Counter(
        sentence
        for text in read_body(pages()[name])
        for sentence in re.split(r"(?<=[.!?]) ", text)
        if len(sentence.split()) > 3
    )
    assert [sentence for sentence, count in said.items() if count > 1] == []


def query(sql: str) -> list[tuple]:
    with open_warehouse(warehouse(), read_only=True) as con:
        return con.execute(sql).fetchall()


def shown(text: str) -> float:
    return float(text.replace("−", "-").replace("+", ""))


RANGES = {
    "rhr_night": rf"({NUMBER}) a minute in the night to (\w+), where ({NUMBER}) to ({NUMBER}) is",
    "sleep_frag": rf"({NUMBER}) stirs an hour in the night to (\w+), where ({NUMBER}) to ({NUMBER}) is",
    "ahr_day": rf"({NUMBER}) a minute on (\w+), next to .*?\. ({NUMBER}) to ({NUMBER}) is",
    "arousal_min": rf"({NUMBER}) minutes an hour on (\w+), where ({NUMBER}) to ({NUMBER}) is",
}
UP = r"faster|more broken|longer|Sleep by .* less|less sleep"


def test_what_went_with_a_week_is_what_the_table_says() -> None:
    table = {
        (who, day, feature): values
        for who, day, feature, *values in query(
            "select participant, day, feature, value, usual_lo, usual_hi from model.contribution"
        )
    }
    found = 0
    for name in PLANS:
        body = read_body(pages()[name])
        for feature, pattern in RANGES.items():
            for title, text in pairwise(body):
                if not (match := re.fullmatch(pattern + " your usual.", text)):
                    continue
                day = MONDAY + timedelta(days=WEEKDAYS.index(match[2]))
                values = [shown(match[k]) for k in (1, 3, 4)]
                assert values == pytest.approx(table[name, day, feature], abs=0.51), text
                assert (values[0] > values[2]) == bool(re.search(UP, title)), title
                found += 1
    assert found >= 5


def test_every_insight_says_the_values_of_its_row() -> None:
    rows = query(
        "select feature, direction, value, usual_lo, usual_hi, text from report.insight where kind = 'feature'"
    )
    assert len(rows) > 50
    for feature, direction, value, lo, hi, text in rows:
        if feature in GAPS:
            continue
        numbers = re.search(rf"({NUMBER}) [a-z].*?where ({NUMBER}) to ({NUMBER}) is your usual", text)
        assert numbers, text
        said = [shown(numbers[k]) for k in (1, 2, 3)]
        assert said == pytest.approx([value, lo, hi], abs=0.51), text
        assert (said[0] > said[2]) - (said[0] < said[1]) == direction, text


values = st.floats(-80, 80, allow_nan=False)


@settings(deadline=None, max_examples=150)
@given(st.sampled_from([f for f in told_features(ENGLISH) if f not in GAPS]), values, values, values)
def test_a_value_is_said_on_the_side_of_its_range_that_it_is_on(
    feature: str, value: float, a: float, b: float
) -> None:
    if feature == "ln_rmssd_night":
        value, a, b = (abs(x) / 20 for x in (value, a, b))
    lo, hi = min(a, b), max(a, b)
    said = feature_values(ENGLISH, feature, value, lo, hi)
    number, first, last = (shown(str(said[key])) for key in ("value", "lo", "hi"))
    # Values that lie closer together than a hundredth are alike for everybody who reads them.
    if min(abs(value - lo), abs(value - hi)) > 0.02 or feature == "ln_rmssd_night":
        inside = lo <= value <= hi
        assert inside <= (first <= number <= last)
        assert inside or feature == "ln_rmssd_night" or not first <= number <= last


@pytest.mark.parametrize(
    ("feature", "start", "end", "said"),
    [
        ("rhr_night", 54.6, 59.8, {"start": "55", "end": "60"}),
        ("rhr_night", 54.6, 55.3, {"start": "54.6", "end": "55.3"}),  # both are 55
        ("ln_rmssd_night", 3.4, 3.7, {"start": "30", "end": "40"}),  # e to the power
        ("sleep_short", 0.5, 1.25, {"gap": "45 min"}),
        ("temp_dev", -0.1, 0.35, {"start": "−0.1", "end": "+0.3", "degree": "°C"}),
    ],
)
def test_a_usual_that_moved_is_told_in_its_unit(
    feature: str, start: float, end: float, said: dict[str, str]
) -> None:
    told = level_values(ENGLISH, feature, start, end)
    assert {key: told[key] for key in said} == said


def test_differences_of_temperature_are_in_the_degrees_of_the_person() -> None:
    american = choose_language({"units": "us"})
    told = feature_values(american, "temp_dev", 0.5, -0.2, 0.3)
    assert told == {"value": "+0.9", "lo": "−0.4", "hi": "+0.5", "degree": "°F"}
    assert feature_values(ENGLISH, "temp_dev", 0.5, -0.2, 0.3)["value"] == "+0.5"


CONSTANTS = {
    "of 7": "days of a week",
    "4 times in 5": "what the band holds: 80 %",
    "0 to 100": "the scale of the index",
    "9 times in 10": "what the words mean",
    "2 times in 3": "what the words mean",
    "of the 6 days before": "how far novelty looks back",
    "of 10": "the scale of felt stress",
    "0 is calm and 10 is": "the scale of felt stress",
}


def test_every_number_on_a_page_has_its_row_in_a_table() -> None:
    """See docs/trace.md: each number is looked for among what SQL gives for it."""
    known = trace_numbers("lasting", MONDAY)
    numbers = 0
    for tags, text in read_texts(pages()["lasting"]):
        if "details.numbers" not in tags and "p.said" not in tags:
            continue
        if tags[-1].startswith("bdi") or ("svg.chart" in tags and tags[-1].startswith("text.tick")):
            continue
        told = text
        for constant in CONSTANTS:
            told = told.replace(constant, "")
        for number in re.findall(r"[−+]?\d+(?:[.:]\d+)?", told):
            assert number in known, (number, text)
            numbers += 1
    assert numbers > 100


def trace_numbers(who: str, monday: date) -> set[str]:
    """Every number that the tables give for a week, as a page would write it."""
    week = f"participant = '{who}' and day between '{monday}' and '{monday + timedelta(days=6)}'"
    first, last = monday - timedelta(days=42), monday - timedelta(days=1)
    before = f"participant = '{who}' and day between '{first}' and '{last}'"
    known = {str((monday + timedelta(days=k)).day) for k in range(7)}
    for row in query(f'select "index", lo80, hi80 from model.index_day where {week} and "index" is not null'):
        known |= {f"{x:.0f}" for x in row}
    for feature, *row in query(
        f"select feature, value, usual_lo, usual_hi from model.contribution where {week}"
    ):
        if feature in GAPS:
            known |= lengths(5 * round(abs(row[0] - (row[1] + row[2]) / 2) * 12))
        known |= {
            f"{x:{sign}.{DIGITS.get(feature, 0) + more}f}".replace("-", "−")
            for x in row for more in (0, 1) for sign in ("", "+")
        }  # fmt: skip
    slept = query(f"select feature, value from feature.value where {week} and feature like '%_clock_h'")
    known |= {f"{round(h * 60) % 1440 // 60:02d}:{round(h * 60) % 1440 % 60:02d}" for _, h in slept}
    for (length,) in query(f"select value from feature.value where {week} and feature = 'tst_min'"):
        known |= lengths(round(length))
    known |= trace_means(week, before, f"{monday - timedelta(days=7)}")
    for sql in (
        f"select sum(value) from feature.value where {week} and feature = 'valid_day'",
        f"select sum(value) from feature.value where {week} and feature = 'valid_night'",
        f"select count(*) from model.index_day where {week} and level in ('higher', 'much_higher')",
        f"select max(n_obs) from model.baseline where {week}",
        f"select value from signal.checkin where participant = '{who}'",
        f"select day - since_day + 1 from model.alert where {week} and alert",
        f"select checkins from model.agreement where participant = '{who}'",
        f"select unnest([start, \"end\"]) from model.shift where participant = '{who}' and shifted",
        # How many days have the best word of certainty, and on how many of six a thing was seen.
        "select unnest(range(1, 4))",
    ):
        known |= {f"{x:.0f}" for (x,) in query(sql)} | {f"{x:.1f}" for (x,) in query(sql)}
    return known


def trace_means(week: str, before: str, last_monday: str) -> set[str]:
    """Mean sleep of a week, usual sleep, last week's, and the gaps between them."""
    tst = "from feature.value where feature = 'tst_min'"
    ((mean,),) = query(f"select avg(value) {tst} and {week}")
    ((usual,),) = query(f"select median(value) {tst} and {before}")
    ((last,),) = query(f"select avg(value) {tst} and {before} and day >= '{last_monday}'")
    rounded = [5 * round(x / 5) for x in (mean, usual, last)]
    return set().union(*map(lengths, rounded), *(lengths(abs(rounded[0] - x)) for x in rounded[1:]))


def lengths(minutes: int) -> set[str]:
    """Hours and minutes of a length."""
    return {str(minutes // 60), str(minutes % 60)}


@pytest.mark.parametrize("name", sorted(PLANS))
def test_the_days_in_words_are_those_of_the_insights(name: str) -> None:
    told = query(
        f"select string_agg(text, ' ' order by rank) from report.insight where participant = '{name}'"
        f" and day between '{MONDAY}' and '{MONDAY + timedelta(days=6)}' group by day order by day"
    )
    body = read_body(pages()[name])
    assert [text for (text,) in told if text not in body] == []
    assert len(told) == 7

"""`steadyline effect`: what can be answered comes first, then the verdict; what was chosen by hand is exploratory."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from effect_people import day_of, draw_body, effect_hashes, feature_rows, judge_due, load_events, put_features
from score_rows import ask

from cli.effect import CHOSEN, LOOKS, OUTCOMES, UNITS, is_chosen, list_numbers, small
from cli.look import print_table

Run = Callable[..., CompletedProcess[str]]
START, DAYS = 63, 125
PRACTICE = [("mindful", "Headspace", d) for d in range(START, DAYS) if d % 2]
WEEKLY = [("therapy", "BetterHelp", d) for d in range(3, DAYS, 7)]
BEFORE = day_of(DAYS)


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One who began with Headspace and was calmer from then on, with therapy on each Thursday."""
    warehouse = tmp_path_factory.mktemp("effect") / "w.duckdb"
    load_events(warehouse, "p-one", [*PRACTICE, *WEEKLY])
    put_features(
        warehouse, feature_rows("p-one", draw_body(DAYS, {START: -1.2}), names=("rhr_night", "ahr_day"))
    )
    judge_due(warehouse, ["p-one"], DAYS)
    return warehouse


@pytest.fixture(scope="module")
def tell(warehouse: Path, steadyline: Run) -> Callable[..., CompletedProcess[str]]:
    def run(*words: str, who: str = "p-one") -> CompletedProcess[str]:
        wanted = ["--participant", who, "--date", BEFORE.isoformat(), *words]
        return steadyline(
            "effect", *wanted, var=warehouse.parent, STEADYLINE_WAREHOUSE=str(warehouse), COLUMNS="200"
        )

    return run


def test_it_says_first_what_can_be_answered_then_the_verdict_its_numbers_and_its_checks(tell: Run) -> None:
    done = tell("--event", "Headspace")
    assert done.returncode == 0, done.stderr
    told = [
        "Mindful time with Headspace: before and since",
        "Can the days answer it? Yes, for good. We looked at",
        "Likely lower. Since then, your body stress signal was about",
        "index, numbers",
        "points of 100",
        "probability below -.2 SD",
        "checks: they can only take a verdict back",
        "share of made-up starts as large",
        "exploratory, allowed for their number (q)",
        "says what went with it and not why",
        "None of this is a reason to change a treatment",
        LOOKS,
    ]
    places = [done.stdout.find(text) for text in told]
    assert -1 not in places
    assert places == sorted(places)
    assert CHOSEN not in done.stdout
    assert not re.search("[\u2066-\u2069]", done.stdout)
    assert "BetterHelp" not in done.stdout


def test_what_cannot_be_told_says_why_and_what_would_help(tell: Run) -> None:
    done = tell("--event", "therapy")
    assert done.returncode == 0, done.stderr
    assert "Can the days answer it? Not yet (same weekday)." in done.stdout
    assert "therapy with BetterHelp was always on the same weekday" in done.stdout
    assert "There is no need to move" in done.stdout
    assert "numbers" not in done.stdout


def test_it_says_what_the_table_says_and_writes_nothing(tell: Run, warehouse: Path) -> None:
    before = effect_hashes(warehouse)
    told = json.loads(tell("--event", "headspace", "--json").stdout)
    assert effect_hashes(warehouse) == before
    (now,) = [row for row in told["effect"] if row["primary_outcome"]]
    stored = ask(
        warehouse,
        "select verdict, effect, lo, hi, days_without, days_with from model.effect where primary_outcome"
        " and event = 'mindful' order by day desc limit 1",
    )
    assert [
        tuple(now[name] for name in ("verdict", "effect", "lo", "hi", "days_without", "days_with"))
    ] == stored
    assert len(told["effect_day"]) == START + 42
    assert {row["outcome"]: row["chosen"] for row in told["effect"]} == {
        "index": False, "felt_stress": False, "ln_rmssd": False, "tst_min": False,
    }  # fmt: skip


def test_an_outcome_of_ones_own_choice_is_exploratory_and_says_so(tell: Run) -> None:
    done = tell("--event", "Headspace", "--outcome", "tst_min")
    assert done.returncode == 0, done.stderr
    assert "tst_min, numbers" in done.stdout
    assert re.search(r"difference with it \(\d\d % interval\) +│ .*│ min\n", done.stdout)
    assert "you slept about" in done.stdout
    assert CHOSEN in done.stdout


def test_only_the_outcome_that_a_plan_named_is_none_of_ones_own_choice() -> None:
    row = {"question": "plan", "event": "mindful", "app": "Calm", "outcome": "tst_min"}
    planned = {("mindful", "Calm", "tst_min")}
    assert not is_chosen(row, "tst_min", planned)
    assert not is_chosen(row, None, set())
    assert is_chosen(row, "tst_min", set())
    assert is_chosen({**row, "question": "since_start"}, "tst_min", planned)
    assert not is_chosen({**row, "outcome": "index"}, "index", set())


def test_small_probabilities_keep_digits_that_count() -> None:
    assert [small(p) for p in (0.000123, 0.0449, 0.5, None)] == ["0.00012", "0.045", "0.5", None]


def test_each_number_of_a_verdict_is_a_row_with_its_unit() -> None:
    row = {
        "outcome": "tst_min", "early": False, "effect": 31.0, "lo": 4.0, "hi": 58.0, "effect_sd": 0.6,
        "lo_sd": 0.1, "hi_sd": 1.1, "p_value": 0.0021, "p_lower": None, "p_inside": None, "p_higher": None,
    }  # fmt: skip
    assert [list(line.values()) for line in list_numbers(row)] == [
        ["difference with it (95 % interval)", 31.0, 4.0, 58.0, "min"],
        ["the same in usual ups and downs", 0.6, 0.1, 1.1, "SD"],
        ["by chance alone as much (p)", "0.0021", None, None, "0 to 1"],
    ], "a plan that was drawn has no such probabilities"
    early = list_numbers(row | {"early": True, "outcome": "index", "p_lower": 0.0449})
    assert early[0]["what"] == "difference with it (99 % interval)"
    assert early[0]["unit"] == "points of 100"
    assert early[3] == {
        "what": "probability below -.2 SD", "value": "0.045", "low": None, "high": None, "unit": "0 to 1",
    }  # fmt: skip


def test_in_a_terminal_of_80_columns_no_number_is_folded(capsys: pytest.CaptureFixture[str]) -> None:
    widest = dict.fromkeys(("effect", "lo", "hi", "effect_sd", "lo_sd", "hi_sd"), -123.456)
    chances = dict.fromkeys(("p_value", "p_lower", "p_inside", "p_higher"), 1.2e-05)
    print_table("", list_numbers({"outcome": "index", "early": True} | widest | chances), empty="")
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    assert set(UNITS) == set(OUTCOMES)


@pytest.mark.parametrize(
    ("words", "who", "said"),
    [
        ((), "nobody", "There is no participant nobody"),
        (("--event", "juggling"), "p-one", "There is no juggling in what p-one noted before"),
        (("--outcome", "mood"), "p-one", "There is no outcome 'mood': there are index, felt_stress"),
    ],
)
def test_what_is_not_there_is_one_clear_sentence(
    tell: Run, words: tuple[str, ...], who: str, said: str
) -> None:
    done = tell(*words, who=who)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(said)
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_day_before_anything_was_noted_is_told(warehouse: Path, steadyline: Run) -> None:
    early = (day_of(START) - timedelta(days=60)).isoformat()
    words = ["--participant", "p-one", "--event", "Headspace", "--date", early]
    done = steadyline("effect", *words, var=warehouse.parent, STEADYLINE_WAREHOUSE=str(warehouse))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("There is no Headspace in what p-one noted before")

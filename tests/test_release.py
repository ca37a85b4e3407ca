"""What stops a release: help lines that nobody called of late, learn cards that nobody compared of late."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from cli.release import check_cards, check_lines, main
from reports.cards import read_facts
from reports.page import HelpLine, read_help_lines

TODAY = date(2026, 11, 23)
LINE = HelpLine("AU", "Line", "13", "", "", "en", "", "2026-05-27")


def test_a_line_stops_a_release_181_days_after_it_was_verified() -> None:
    assert check_lines([LINE], TODAY).stops == []  # 180 days before
    (stop,) = check_lines([LINE], TODAY + timedelta(days=1)).stops
    assert stop == "help line AU Line was verified on 2026-05-27, over 180 days ago: call it again."


@pytest.mark.parametrize("verified_on", ["2026-11-24", "last week", "2026-13-01"])
def test_a_day_that_cannot_be_stops_it_too(verified_on: str) -> None:
    (stop,) = check_lines([replace(LINE, verified_on=verified_on)], TODAY).stops
    assert verified_on in stop


def test_a_line_that_nobody_verified_is_told_and_stops_nothing() -> None:
    found = check_lines([replace(LINE, verified_on="")], TODAY)
    assert found.stops == []
    assert "never verified, so pages hide it" in found.notes[0]


def test_a_card_stops_a_release_two_years_after_it_was_reviewed() -> None:
    fact = replace(read_facts()[0], reviewed_on=date(2024, 11, 23))
    assert check_cards([fact], TODAY).stops == []
    assert len(check_cards([fact], TODAY + timedelta(days=1)).stops) == 1
    assert len(check_cards([replace(fact, reviewed_on=TODAY + timedelta(days=1))], TODAY).stops) == 1


def test_what_ships_passes_on_its_day_and_not_for_ever(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["2026-11-23"]) == 0
    told = capsys.readouterr()
    assert told.out.endswith("nothing stops a release on 2026-11-23\n")
    assert told.out.count("never verified") == sum(not line.verified_on for line in read_help_lines())
    assert main(["2029-01-01"]) == 1
    assert "stops a release: learn card watch was last compared" in capsys.readouterr().err

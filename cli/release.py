"""What is looked at before a release, and not by the tests, which know no clock: `make release-check`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reports.cards import Fact
    from reports.page import HelpLine

REVIEW_DAYS = 730
"""A learn card is compared with its source again after two years."""


@dataclass(frozen=True)
class Found:
    """What was found: what stops a release, and what is only to be known."""

    stops: list[str]
    notes: list[str]


def check_lines(lines: Sequence[HelpLine], today: date) -> Found:
    """Check the help lines: one that was verified over 180 days ago stops a release.

    A line that nobody verified is hidden by the page, as a stale one is: it is told, and stops nothing.
    """
    from reports.page import FRESH_DAYS

    stops, notes = [], []
    for line in lines:
        who = f"help line {line.country} {line.name}"
        if not line.verified_on:
            notes.append(f"{who} was never verified, so pages hide it: call it, then enter the day.")
            continue
        try:
            verified = date.fromisoformat(line.verified_on)
        except ValueError:
            stops.append(f"{who} has verified_on '{line.verified_on}': expected a date such as 2026-11-23.")
            continue
        if verified > today:
            stops.append(f"{who} was verified on {verified}, which is yet to come.")
        elif today - verified > timedelta(days=FRESH_DAYS):
            stops.append(f"{who} was verified on {verified}, over {FRESH_DAYS} days ago: call it again.")
    return Found(stops, notes)


def check_cards(facts: Sequence[Fact], today: date) -> Found:
    """Check the learn cards: one that was reviewed over two years ago stops a release."""
    oldest = today - timedelta(days=REVIEW_DAYS)
    stops = [
        f"learn card {fact.name} was last compared with {fact.url} on {fact.reviewed_on}: compare it again."
        for fact in facts
        if not oldest <= fact.reviewed_on <= today
    ]
    return Found(stops, [])


def main(words: Sequence[str]) -> int:
    """Check everything; exit code 1 where something stops a release. A date may be given instead of today."""
    from cli.nightly import utc_now
    from reports.cards import read_facts
    from reports.page import read_help_lines

    today = date.fromisoformat(words[0]) if words else utc_now().date()
    found = [check_lines(read_help_lines(), today), check_cards(read_facts(), today)]
    for note in (note for one in found for note in one.notes):
        print(f"note: {note}")  # noqa: T201
    stops = [stop for one in found for stop in one.stops]
    for stop in stops:
        print(f"stops a release: {stop}", file=sys.stderr)  # noqa: T201
    if not stops:
        print(f"nothing stops a release on {today}")  # noqa: T201
    return 1 if stops else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

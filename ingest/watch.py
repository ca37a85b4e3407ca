"""What an operator should hear of: data that stopped, streams that fell to nothing, consents and services that end.

Pure functions of what is known of connections and of what came; what was told before decides what is told now.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from ingest.connections import Connection
from ingest.live.sunsets import Sunset
from warehouse.freshness import Came

MISSING_DAYS = 3
"""So many whole days without anything are missing data."""
EARLIER_DAYS = 14
EARLIER_LEAST = 10
"""A stream or a field that came on so many of 14 days, and then on none of three, fell to nothing."""
EXPIRY_DAYS = 3
SUNSET_DAYS = 60
AGAIN_DAYS = 2
"""What goes on is told again after so many days."""
LONGEST_DAYS = 14
"""What has gone on for longer is told no more: `steadyline status` still shows it."""
EVERYBODY = ""


@dataclass(frozen=True)
class Finding:
    """One thing to hear of: whose it is ('' for the installation), its name, what it is, and since when."""

    participant: str
    key: str
    text: str
    since: date
    repeats: bool = False
    """Told again while it lasts, instead of once."""


def find_all(
    connections: Sequence[Connection],
    came: Sequence[Came],
    last: Mapping[str, datetime],
    sunsets: Iterable[Sunset],
    before: date,
) -> list[Finding]:
    """Find all there is to hear of on a day, in order; nothing of it depends on what was told before.

    Parameters
    ----------
    came
        What came on the days before `before`, at least `MISSING_DAYS + EARLIER_DAYS` of them.
    last
        The last instant (UTC) that a device of each person recorded anything at.
    before
        The day on which this is asked; that day itself is not over and does not count.
    """
    found = [
        *find_ended(connections, before),
        *find_expiring(connections, before),
        *find_stuck(connections, before),
        *find_missing(connections, last, before),
        *find_drift(came, before),
        *find_sunsets(connections, sunsets, before),
    ]
    return sorted(found, key=lambda one: (one.participant, one.key))


def find_ended(connections: Iterable[Connection], before: date) -> Iterator[Finding]:
    """Connections that only the person can mend."""
    for one in connections:
        if one.needs_reconsent:
            since = before if one.note.failed is None else one.note.failed.date()
            yield Finding(
                one.participant,
                f"consent {one.provider}",
                f"{one.provider} has to be connected again: {one.note.error or 'the consent ended'}",
                since,
            )


def find_expiring(connections: Iterable[Connection], before: date) -> Iterator[Finding]:
    """Consents that end within days, or ended just now."""
    for one in connections:
        ends = one.note.expires
        if (
            ends is not None
            and not one.needs_reconsent
            and ends.date() <= before + timedelta(days=EXPIRY_DAYS)
        ):
            verb = "ended" if ends.date() < before else "ends"
            yield Finding(
                one.participant,
                f"expiry {one.provider} {ends:%Y-%m-%d}",
                f"the consent at {one.provider} {verb} on {ends:%Y-%m-%d}: the person connects again",
                before,
            )


def find_stuck(connections: Iterable[Connection], before: date) -> Iterator[Finding]:
    """Connections of which no pull ended well for days, whoever's fault that is."""
    for one in connections:
        done, failed = one.note.succeeded, one.note.failed
        if one.needs_reconsent or done is None or failed is None or failed < done:
            continue
        if done.date() < before - timedelta(days=MISSING_DAYS):
            yield Finding(
                one.participant,
                f"pull {one.provider}",
                f"no pull from {one.provider} ended well since {done:%Y-%m-%d}: {one.note.error or 'no reason kept'}",
                done.date(),
                repeats=True,
            )


def find_missing(
    connections: Iterable[Connection], last: Mapping[str, datetime], before: date
) -> Iterator[Finding]:
    """People whose pulls end well and bring nothing: a phone that no longer syncs, a device that lies in a drawer."""
    pulled: dict[str, datetime] = {}
    for one in connections:
        if not one.needs_reconsent and one.note.succeeded is not None:
            pulled[one.participant] = max(one.note.succeeded, pulled.get(one.participant, one.note.succeeded))
    for participant, done in sorted(pulled.items()):
        newest = last.get(participant)
        if newest is None:
            text = "connected, but nothing was ever recorded: is the app on the phone set up?"
            yield Finding(participant, "missing", text, done.date())
        elif newest.date() < before - timedelta(days=MISSING_DAYS):
            days = (before - newest.date()).days - 1
            text = f"nothing recorded for {days} days, since {newest:%Y-%m-%d}: does the device still sync?"
            yield Finding(participant, "missing", text, newest.date(), repeats=True)


def find_drift(came: Sequence[Came], before: date) -> Iterator[Finding]:
    """Streams and fields that came day by day and then no more, while the rest of their source goes on."""
    recent = [before - timedelta(days=n) for n in range(1, MISSING_DAYS + 1)]
    earlier = {min(recent) - timedelta(days=n) for n in range(1, EARLIER_DAYS + 1)}
    days: dict[tuple[str, str, str], set[date]] = defaultdict(set)
    alive: dict[tuple[str, str], set[date]] = defaultdict(set)
    for one in came:
        alive[one.participant, one.source].add(one.day)
        days[one.participant, one.source, one.stream].add(one.day)
        for field, count in one.filled.items():
            if count:
                days[one.participant, one.source, f"{one.stream}:{field}"].add(one.day)
    for (participant, source, name), seen in sorted(days.items()):
        stream, _, field = name.partition(":")
        goes_on = alive[participant, source] if not field else days[participant, source, stream]
        if len(seen & earlier) < EARLIER_LEAST or seen & set(recent) or not goes_on >= set(recent):
            continue
        what = f"the field {field} of {stream}" if field else stream
        text = f"{what} from {source} fell to nothing after {max(seen):%Y-%m-%d}, while the rest goes on"
        yield Finding(participant, f"drift {source} {name}", text, max(seen))


def find_sunsets(
    connections: Iterable[Connection], sunsets: Iterable[Sunset], before: date
) -> Iterator[Finding]:
    """Services in use that a vendor turns off soon, or has turned off."""
    used = {one.provider for one in connections}
    for one in sunsets:
        if one.provider in used and one.day <= before + timedelta(days=SUNSET_DAYS):
            over = "past" if one.day <= before else "ahead"
            text = f"{one.provider}, {one.day}: {one.what}; {one.do}"
            yield Finding(EVERYBODY, f"sunset {one.provider} {one.day} {over}", text, before)


def choose_news(found: Iterable[Finding], told: Mapping[str, date], before: date) -> list[Finding]:
    """Choose what to tell on a day: what is new, and what goes on and was last told two days ago or longer.

    Parameters
    ----------
    told
        When each finding was last told, by `name_finding`.
    """
    chosen = []
    for one in found:
        last = told.get(name_finding(one))
        goes_on = one.repeats and (before - one.since).days <= LONGEST_DAYS
        if last is None or (goes_on and (before - last).days >= AGAIN_DAYS):
            chosen.append(one)
    return chosen


def name_finding(one: Finding) -> str:
    """What a finding is remembered by."""
    return f"{one.participant} {one.key}"


def list_dates(
    connections: Iterable[Connection], sunsets: Iterable[Sunset]
) -> list[dict[str, str | date | None]]:
    """The calendar: consents that end, and services that vendors turn off, in the order of their dates."""
    rows: list[tuple[date, str, str | None, str]] = [
        (one.note.expires.date(), one.provider, one.participant, "the consent ends")
        for one in connections
        if one.note.expires is not None
    ]
    rows += [(one.day, one.provider, None, f"{one.what}; {one.do}") for one in sunsets]
    return [
        {"day": day, "provider": provider, "participant": who, "what": what}
        for day, provider, who, what in sorted(rows, key=lambda row: (row[0], row[1], row[2] or ""))
    ]

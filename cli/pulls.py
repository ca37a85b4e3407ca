"""Pulls: for each connection, ask its provider for the days that are new, and load them; no trouble stops others."""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from cli.look import AsJson, Wait, print_json, print_table
from cli.nightly import Day, day_or_today, utc_now
from cli.settings import Settings, make_places, read_settings
from warehouse.errors import ExplainedError

if TYPE_CHECKING:
    from ingest.connections import Connection, Held
    from ingest.live.client import Bucket
    from ingest.pull import Pulled
    from ingest.vault import Vault

KEEP = "STEADYLINE_KEEP_ANSWERS_DAYS"
KEEP_DAYS = 90
"""So long raw answers are kept where nothing else is set."""
UNFORESEEN = (ArithmeticError, AttributeError, LookupError, OSError, TypeError, ValueError)
"""What an answer of a shape that nobody foresaw, or a disk, can raise."""
State = Literal["pulled", "needs_reconsent", "offline", "waiting", "busy", "down", "refused"]


@dataclass(frozen=True)
class Errand:
    """One pull to do: for whom, where, up to the day before `before`, of at least so many `days`."""

    participant: str
    provider: str
    before: date
    now: datetime
    days: int | None = None
    wait_s: float = 60.0


@dataclass(frozen=True)
class Outcome:
    """What became of one pull, in one line that names no secret and nothing measured."""

    participant: str
    provider: str
    state: State
    line: str
    news: bool = True
    """False for what was told before: that only the person can help is told once."""

    @property
    def is_news(self) -> bool:
        """Whether an operator is to read it."""
        return self.news and self.state != "pulled"

    @property
    def is_trouble(self) -> bool:
        """Whether an operator has to look, since neither time nor the person will mend it."""
        return self.state == "refused"


def add_to(app: typer.Typer) -> None:
    """Add this group's command."""
    app.command()(pull)


def pull(
    participant: Annotated[
        str | None, typer.Option(help="One person. Else: everyone who is connected.")
    ] = None,
    days: Annotated[
        int | None,
        typer.Option(min=1, max=3660, help="At least so many days. Else: what is new, and 14 days."),
    ] = None,
    day: Day = None,
    wait: Wait = 60.0,
    as_json: AsJson = False,
) -> None:
    """Fetch what wearables' own services have, for everyone who is connected, and load it."""
    from rich.console import Console

    settings = read_settings(os.environ)
    if participant is not None and not list_known(settings, participant):
        raise ExplainedError(f"{participant} is connected to no provider: 'steadyline connect' does that.")
    with Console(stderr=True).status("starting") as shown:
        told = list(
            pull_all(
                settings,
                os.environ,
                before=day_or_today(day),
                now=utc_now(),
                participant=participant,
                days=days,
                wait_s=wait,
                tell=shown.update,
            )
        )
    rows = [
        {"participant": o.participant, "provider": o.provider, "state": o.state, "what": o.line} for o in told
    ]
    if as_json:
        print_json(rows)
    else:
        print_table("pulled", rows, empty="nobody is connected, or all of them have to consent again")
    if any(outcome.is_trouble for outcome in told):
        raise typer.Exit(1)


def list_known(settings: Settings, participant: str | None = None) -> list[Connection]:
    """List connections; none where there is no vault. Needs no key."""
    from cli.keys import FileKeys
    from ingest.connections import list_connections
    from ingest.vault import open_vault

    if not settings.vault.exists():
        return []
    return list_connections(open_vault(settings.vault, FileKeys(settings.vault_key)), participant)


def list_people(settings: Settings, provider: str) -> list[str]:
    """List whom to pull for at a provider, in order: not who has to consent again. Needs no key."""
    known = list_known(settings)
    return [one.participant for one in known if one.provider == provider and not one.needs_reconsent]


def pull_all(
    settings: Settings,
    environ: Mapping[str, str],
    *,
    before: date,
    now: datetime,
    participant: str | None = None,
    days: int | None = None,
    wait_s: float = 60.0,
    tell: Callable[[str], None] = lambda _: None,
) -> Iterator[Outcome]:
    """Pull for everybody, or for one person, who is then asked for even if they have to consent again.

    A provider that cannot be reached is not tried for the next person.
    """
    unreachable: set[str] = set()
    for one in list_known(settings, participant):
        if one.provider in unreachable or (one.needs_reconsent and participant is None):
            continue
        tell(f"pulling {one.provider} for {one.participant}")
        errand = Errand(one.participant, one.provider, before, now, days, wait_s)
        outcome = pull_one(settings, environ, errand)
        if outcome.state == "offline":
            unreachable.add(one.provider)
        yield outcome


def pull_one(
    settings: Settings,
    environ: Mapping[str, str],
    errand: Errand,
    conceal: Callable[[str], None] = lambda _: None,
) -> Outcome:
    """Pull one person's days from one provider, load them, and note how it went.

    Parameters
    ----------
    conceal
        Told every secret that is about to be used.
    """
    from cli.apps import outside
    from cli.keys import open_store
    from ingest.connections import NEEDS_RECONSENT, note_success, read_held
    from ingest.live.oauth import plain

    make_places(settings)
    vault = open_store(settings, environ)
    told_before = False
    try:
        held, entry = read_held(vault, errand.participant, errand.provider)
        told_before = entry.note.status == NEEDS_RECONSENT
        if held.not_before is not None and held.not_before > plain(outside().now()):
            words = f"it asked to wait until {held.not_before:%Y-%m-%d %H:%M} UTC"
            return tell(errand, "waiting", words, news=False)
        done = ask(settings, environ, vault, held, errand, conceal)
        note_success(vault, errand.participant, errand.provider, errand.now, done.last_day)
    except ExplainedError as error:
        trouble = error
    except UNFORESEEN as error:
        trouble = ExplainedError(f"Something unforeseen came: {name_place(error)}.")
    else:
        return tell(errand, "pulled", describe(done))
    return note(vault, errand, trouble, told_before=told_before)


def ask(
    settings: Settings,
    environ: Mapping[str, str],
    vault: Vault,
    held: Held,
    errand: Errand,
    conceal: Callable[[str], None],
) -> Pulled:
    """Ask the provider, keep what it answers, and load it."""
    from cli.apps import outside, place_provider, read_app
    from ingest.connections import StoredTokens
    from ingest.live.client import open_http
    from ingest.live.providers import load_module, make_client
    from ingest.pull import holding
    from ingest.pull import pull as pull_days
    from warehouse.staging import staging_folder
    from warehouse.status import list_participants

    who, last_day = errand.participant, errand.before - timedelta(days=1)
    provider = place_provider(errand.provider, environ)
    module, app, world = load_module(provider.name), read_app(provider, environ, vault), outside()
    enrolled = who in list_participants(settings.warehouse, wait_s=errand.wait_s)
    with (
        holding(settings.staging, f"{who}-{provider.name}"),
        staging_folder(settings.staging) as staging,
        open_http() as http,
    ):
        tokens = StoredTokens(vault, provider, app, who, world, http, conceal)
        client = make_client(provider, tokens, world, http, (app_limit(provider.name),))
        return pull_days(
            module,
            client,
            participant=who,
            first_day=choose_first(last_day, held.reached, errand.days),
            last_day=last_day,
            raw=settings.raw,
            warehouse=settings.warehouse,
            staging=staging,
            now=errand.now,
            timezone=None if enrolled else held.timezone,
            wait_s=errand.wait_s,
        )


@cache
def app_limit(provider: str) -> Bucket:
    """What all people of an app may ask for together; one for this process."""
    from ingest.live.providers import load_module

    limit: Bucket = load_module(provider).app_limit()
    return limit


def choose_first(last_day: date, reached: date | None, days: int | None) -> date:
    """The first day to ask for: two weeks, more where there was an outage or more was asked for."""
    from ingest.pull import WINDOW_DAYS, first_to_ask

    wanted = last_day - timedelta(days=(days or WINDOW_DAYS) - 1)
    return wanted if reached is None else min(wanted, first_to_ask(last_day, reached, date.min))


def note(vault: Vault, errand: Errand, trouble: ExplainedError, *, told_before: bool) -> Outcome:
    """Note what kept a pull from ending well, and put it in one line."""
    from ingest.connections import note_trouble
    from ingest.live.client import RateLimitedError
    from ingest.vault_file import VaultError

    state = judge(trouble)
    until = trouble.until if isinstance(trouble, RateLimitedError) else None
    if state != "busy":
        # Without its key the vault cannot be told; whoever reads the line is.
        with suppress(VaultError):
            note_trouble(
                vault,
                errand.participant,
                errand.provider,
                errand.now,
                str(trouble),
                needs_reconsent=state == "needs_reconsent",
                not_before=until,
            )
    words = str(trouble).rstrip(".")
    if state == "needs_reconsent":
        words += f": 'steadyline connect {errand.provider} --participant {errand.participant}'"
    return tell(errand, state, words, news=not (told_before and state == "needs_reconsent"))


def judge(trouble: ExplainedError) -> State:
    """What kind of trouble it is."""
    from ingest.live.client import (
        NeedsReconsentError,
        OfflineError,
        ProviderDownError,
        RateLimitedError,
    )
    from ingest.pull import BusyError

    kinds: tuple[tuple[type[ExplainedError], State], ...] = (
        (NeedsReconsentError, "needs_reconsent"),
        (OfflineError, "offline"),
        (ProviderDownError, "down"),
        (RateLimitedError, "waiting"),
        (BusyError, "busy"),
    )
    return next((state for kind, state in kinds if isinstance(trouble, kind)), "refused")


def tell(errand: Errand, state: State, words: str, *, news: bool = True) -> Outcome:
    """An outcome with its line."""
    line = f"{errand.participant}, {errand.provider}: {words}"
    return Outcome(errand.participant, errand.provider, state, line, news=news)


def describe(done: Pulled) -> str:
    """What a pull did, in a few words."""
    rows = sum(count for report in done.reports for _, count in report.rows)
    refused = sum(report.refused for report in done.reports)
    words = f"{done.first_day} to {done.last_day}, {done.answers} answers with {rows} rows"
    words += f", {refused} records refused" if refused else ""
    return words + "".join(f"; {gap.what}: {gap.reason}" for gap in done.not_given)


def name_place(error: Exception) -> str:
    """What was raised and where, without its text, which may hold what a provider sent."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    why = error.strerror if isinstance(error, OSError) and error.strerror else type(error).__name__
    return f"{why} in {Path(last.filename).name}, line {last.lineno}"


def tidy(settings: Settings, environ: Mapping[str, str], *, now: datetime) -> int:
    """Delete raw answers that are older than STEADYLINE_KEEP_ANSWERS_DAYS (90), but each provider's last.

    Raises
    ------
    ExplainedError
        If the setting is no number of days.
    """
    from ingest.pull import forget_answers

    text = environ.get(KEEP, str(KEEP_DAYS))
    if not text.isascii() or not text.isdigit() or int(text) > 36_600:
        raise ExplainedError(f"{KEEP} is a number of days, such as {KEEP_DAYS}.")
    return forget_answers(settings.raw, now - timedelta(days=int(text)))

"""The watch: what an operator should hear of, told once, in the log and by whatever else was set up for it."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import date, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from cli.settings import Settings, make_places

if TYPE_CHECKING:
    from ingest.watch import Finding

WEBHOOK, MAIL = "STEADYLINE_WATCH_WEBHOOK", "STEADYLINE_WATCH_MAIL"
INSTALLATION = "_"
"""The folder of what is nobody's; no pseudonym begins so."""
FILE = "told.json"
WEBHOOK_S = 10.0


def look(settings: Settings, *, before: date, wait_s: float = 60.0) -> list[Finding]:
    """Find all there is to hear of; changes nothing, needs no key and no network."""
    from cli.pulls import list_known
    from ingest.live.sunsets import read_sunsets
    from ingest.watch import EARLIER_DAYS, MISSING_DAYS, find_all
    from warehouse.freshness import Came, read_came, read_last
    from warehouse.store import open_warehouse, warehouse_exists

    came: list[Came] = []
    last: dict[str, datetime] = {}
    if warehouse_exists(settings.warehouse):
        with open_warehouse(settings.warehouse, read_only=True, wait_s=wait_s) as con:
            came = read_came(con, before - timedelta(days=MISSING_DAYS + EARLIER_DAYS), before)
            last = read_last(con)
    return find_all(list_known(settings), came, last, read_sunsets(), before)


def describe(settings: Settings, *, before: date, wait_s: float = 60.0) -> dict[str, list[dict[str, Any]]]:
    """Lay out connections, dates ahead, and what there is to hear of, for `steadyline status`."""
    from cli.pulls import list_known
    from ingest.live.sunsets import read_sunsets
    from ingest.watch import list_dates

    known = list_known(settings)
    return {
        "connections": [
            {
                "participant": one.participant,
                "provider": one.provider,
                "status": one.note.status,
                "last pull": one.note.succeeded,
                "last trouble": one.note.failed,
                "what": one.note.error,
            }
            for one in known
        ],
        "calendar": list_dates(known, read_sunsets()),
        "to look at": [
            {"participant": one.participant or "all", "since": one.since, "what": one.text}
            for one in look(settings, before=before, wait_s=wait_s)
        ],
    }


def watch(
    settings: Settings, environ: Mapping[str, str], *, before: date, wait_s: float = 60.0
) -> tuple[list[str], list[str]]:
    """Tell what is news, and remember that it was told; gives the lines, and what kept them from being sent.

    What could not be sent is told again the next time.
    """
    from ingest.watch import choose_news, name_finding

    make_places(settings)
    found = look(settings, before=before, wait_s=wait_s)
    told = read_told(settings)
    news = choose_news(found, told, before)
    lines = [f"{one.participant or 'all'}: {one.text}" for one in news]
    problems = send(settings, environ, lines) if lines else []
    if not problems:
        told |= {name_finding(one): before for one in news}
    # What is over is forgotten, so that it is told when it comes back.
    write_told(settings, found, told)
    return lines, problems


def read_told(settings: Settings) -> dict[str, date]:
    """Read what was told when; a file that cannot be read was never told."""
    found: dict[str, date] = {}
    for path in sorted(settings.watch.glob(f"*/{FILE}")):
        with suppress(OSError, ValueError):
            held = json.loads(path.read_text(encoding="utf-8"))
            who = "" if path.parent.name == INSTALLATION else path.parent.name
            found |= {f"{who} {key}": date.fromisoformat(day) for key, day in held.items()}
    return found


def write_told(settings: Settings, found: Iterable[Finding], told: Mapping[str, date]) -> None:
    """Keep what was told of what still is, a file a person."""
    from ingest.watch import name_finding

    held: dict[str, dict[str, str]] = {}
    for one in found:
        day = told.get(name_finding(one))
        if day is not None:
            held.setdefault(one.participant or INSTALLATION, {})[one.key] = day.isoformat()
    for folder in sorted(settings.watch.iterdir()) if settings.watch.exists() else ():
        if folder.name not in held:
            shutil.rmtree(folder, ignore_errors=True)
    for name, days in held.items():
        write_whole(settings.watch / name / FILE, json.dumps(days, sort_keys=True))


def write_whole(path: Path, text: str) -> None:
    """Write a file that appears whole, readable by its owner only."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
    Path(name).replace(path)


def send(settings: Settings, environ: Mapping[str, str], lines: Sequence[str]) -> list[str]:
    """Send lines by every way that is set up; gives what went wrong, in words without an address."""
    problems = []
    if environ.get(WEBHOOK):
        problems.append(post(environ[WEBHOOK], lines))
    if environ.get(MAIL):
        problems.append(mail(settings, environ, environ[MAIL], lines))
    return [problem for problem in problems if problem is not None]


def post(url: str, lines: Sequence[str]) -> str | None:
    """Post lines to a webhook, as `{"text": …}`, which chat servers take; says what went wrong, if anything."""
    import httpx

    from cli.smtp import LOOPBACK
    from ingest.live.oauth import unlogged

    place = urlsplit(url)
    if place.scheme != "https" and not (place.scheme == "http" and place.hostname in LOOPBACK):
        return f"{WEBHOOK} begins with https://; http:// is only for a server on this machine"
    try:
        # Its address is a secret: whoever has it can post.
        with unlogged():
            answer = httpx.post(url, json={"text": "\n".join(lines)}, timeout=WEBHOOK_S)
    except httpx.HTTPError:
        return "the webhook could not be reached"
    return None if answer.is_success else f"the webhook answered with {answer.status_code}"


def mail(settings: Settings, environ: Mapping[str, str], to: str, lines: Sequence[str]) -> str | None:
    """Mail lines to the operator; says what went wrong, if anything."""
    from cli.keys import open_store
    from cli.post import find_server
    from cli.smtp import connect, explain, give, hang_up
    from reports.mail import check_address
    from warehouse.errors import ExplainedError

    message = EmailMessage()
    message["Subject"] = f"Steadyline: {len(lines)} to look at"
    message.set_content("\n".join(lines))
    smtp = None
    try:
        server = find_server(open_store(settings, environ), environ)
        if server is None:
            return f"{MAIL} is set, and no mail server is (STEADYLINE_SMTP_HOST)"
        message["From"], message["To"] = server.sender, check_address(to)
        smtp = connect(server)
        answer = give(smtp, message, server.sender.addr_spec, to)
    except ExplainedError as error:
        return str(error)
    except OSError as error:
        return f"the mail server cannot be used ({explain(error)})"
    finally:
        hang_up(smtp)
    return None if answer.result == "sent" else f"the mail was not taken ({answer.code})"

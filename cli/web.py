"""One person's own pages on loopback: what `steadyline serve` runs.

Every request is checked for Host and token, and what changes anything for Origin as well, in constant
time. Pages are read from disk and answers go to the inbox: the warehouse is not touched.
"""

from __future__ import annotations

import hmac
import os
import re
import stat
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socketserver import TCPServer
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl
from zoneinfo import ZoneInfo

from cli.nightly import utc_now
from cli.settings import Settings
from cli.spool import (
    KEY,
    WEEK_TIME,
    Row,
    check_row,
    date_now,
    keep,
    list_kept,
    make_checkin,
    make_event,
    make_key,
    name_answer,
)
from warehouse.errors import ExplainedError

if TYPE_CHECKING:
    from reports.catalogue import Language
    from reports.served import Kept, Visit

LOOPBACK = "127.0.0.1"
MOST_BODY_BYTES = 64 * 1024
MOST_PAGE_BYTES = 1024 * 1024
MOST_FIELDS = 10
MOST_KEPT = 20
PATIENCE_S = 10.0
"""How long a request may take to arrive."""
PAGE = re.compile(r"(\d{4}-W\d\d)\.html", re.ASCII)
CALENDAR = "index.html"
"""The page of months, beside those of weeks."""
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'self';"
    " frame-ancestors 'none'; base-uri 'none'",
    # Not no-referrer: a browser would then send forms with the origin 'null', which could not be checked.
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


@dataclass(frozen=True)
class Site:
    """Whose pages are served, from where, and the token that opens them."""

    settings: Settings
    participant: str
    folder: Path
    zone: str
    token: str
    language: Language
    numbers: bool = True

    @property
    def base(self) -> str:
        """The path that every address begins with."""
        return f"/{self.token}"


@dataclass(frozen=True)
class Reply:
    """What is sent back."""

    status: int
    html: str = ""
    headers: dict[str, str] = field(default_factory=dict)


class Refused(Exception):  # noqa: N818 - a refusal is an answer
    """A request that is not answered as asked; `trusted` once host and token were right."""

    def __init__(self, status: HTTPStatus, *, trusted: bool = True) -> None:
        super().__init__(status.phrase)
        self.status = status
        self.trusted = trusted


class PageServer(ThreadingHTTPServer):
    """A server on loopback for one site; each request has a thread, so that a slow one holds up nobody."""

    daemon_threads = True

    def __init__(self, site: Site, port: int) -> None:
        self.site = site
        super().__init__((LOOPBACK, port), Handler)

    def server_bind(self) -> None:
        """Bind without asking the network for this machine's name."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = LOOPBACK, int(self.server_address[1])

    @property
    def hosts(self) -> tuple[str, ...]:
        """What a browser calls this server."""
        return f"{LOOPBACK}:{self.server_port}", f"localhost:{self.server_port}"

    @property
    def address(self) -> str:
        """The address to open."""
        return f"http://{LOOPBACK}:{self.server_port}{self.site.base}/"

    def handle_error(self, request: object, client_address: object) -> None:  # noqa: ARG002 - as socketserver
        """Say what kind of error it was: nothing of the request, which is private, and no trace."""
        error = sys.exception()
        if not isinstance(error, ConnectionError | TimeoutError):
            tell(f"A request could not be answered: {type(error).__name__}.")


class Handler(BaseHTTPRequestHandler):
    """One request: read it, check it, answer it."""

    server: PageServer
    timeout = PATIENCE_S

    def do_GET(self) -> None:
        """Show a page."""
        self.respond()

    def do_HEAD(self) -> None:
        """Show a page without its body."""
        self.respond()

    def do_POST(self) -> None:
        """Keep an answer."""
        self.respond()

    def respond(self) -> None:
        """Check and answer the request."""
        try:
            path = self.check()
            reply = self.keep_answer(path) if self.command == "POST" else show_page(self.server.site, path)
        except Refused as refused:
            self.refuse(refused.status, trusted=refused.trusted)
        except ExplainedError as error:
            tell(str(error))
            self.refuse(HTTPStatus.INSUFFICIENT_STORAGE)
        except (ConnectionError, TimeoutError):
            raise
        except Exception as error:  # noqa: BLE001 - the page says so in words, whatever it was
            tell(f"A request could not be answered: {type(error).__name__}.")
            self.refuse(HTTPStatus.INTERNAL_SERVER_ERROR)
        else:
            self.send(reply)

    def check(self) -> str:
        """Check host, token and, for what changes anything, origin; give the path after the token."""
        hosts = self.headers.get_all("Host") or []
        if len(hosts) != 1 or not same_as_any(hosts[0], self.server.hosts):
            raise Refused(HTTPStatus.FORBIDDEN, trusted=False)
        token, _, path = self.path.partition("?")[0].removeprefix("/").partition("/")
        if not same_as_any(token, (self.server.site.token,)):
            raise Refused(HTTPStatus.NOT_FOUND, trusted=False)
        if self.command == "POST":
            origins = self.headers.get_all("Origin") or []
            if len(origins) != 1 or not same_as_any(origins[0], (f"http://{hosts[0]}",)):
                raise Refused(HTTPStatus.FORBIDDEN)
        return path

    def keep_answer(self, path: str) -> Reply:
        """Read the form that was sent, and keep what it says."""
        if path not in ("checkin", "tags"):
            # A page that can be seen cannot be written; what is not there is not there.
            show_page(self.server.site, path)
            raise Refused(HTTPStatus.METHOD_NOT_ALLOWED)
        if self.headers.get_content_type() != "application/x-www-form-urlencoded":
            raise Refused(HTTPStatus.UNSUPPORTED_MEDIA_TYPE)
        fields = read_form(self.read_body())
        return (keep_checkin if path == "checkin" else keep_tag)(self.server.site, fields, utc_now())

    def read_body(self) -> bytes:
        """Read the body, as long as it says it is, within limits of size and time."""
        lengths = self.headers.get_all("Content-Length") or []
        if (
            len(lengths) != 1
            or not re.fullmatch("[0-9]{1,15}", lengths[0])
            or self.headers["Transfer-Encoding"]
        ):
            raise Refused(HTTPStatus.LENGTH_REQUIRED)
        left = int(lengths[0])
        if left > MOST_BODY_BYTES:
            self.read_some(min(left, 16 * MOST_BODY_BYTES))  # so that the browser hears the answer
            raise Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        body = self.read_some(left)
        if len(body) < left:
            raise Refused(HTTPStatus.BAD_REQUEST)
        return body

    def read_some(self, left: int) -> bytes:
        """Read that many bytes; fewer if the sender stops."""
        parts = []
        until = time.monotonic() + PATIENCE_S
        try:
            while left > 0:
                self.connection.settimeout(max(until - time.monotonic(), 0.001))
                part = self.rfile.read1(left)
                if not part:
                    break
                parts.append(part)
                left -= len(part)
        except TimeoutError as error:
            raise Refused(HTTPStatus.REQUEST_TIMEOUT) from error
        self.connection.settimeout(PATIENCE_S)
        return b"".join(parts)

    def refuse(self, status: int, *, trusted: bool = True) -> None:
        """Say in words why not; the way home only to those who have the token."""
        from reports.served import render_message

        site = self.server.site
        html = render_message(site.language, status, home=site.base if trusted else "")
        allow = {"Allow": "GET, HEAD, POST"} if status == HTTPStatus.METHOD_NOT_ALLOWED else {}
        self.send(Reply(status, html, allow))

    def send(self, reply: Reply) -> None:
        """Send a reply with the headers that all replies have."""
        body = reply.html.encode()
        self.send_response(reply.status)
        headers = {"Content-Type": "text/html; charset=utf-8", "Content-Length": str(len(body))}
        for name, value in (headers | HEADERS | reply.headers).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:  # noqa: ARG002
        """Answer what http.server itself cannot read: in words, as everything else."""
        known = {
            HTTPStatus.NOT_IMPLEMENTED: HTTPStatus.METHOD_NOT_ALLOWED,
            HTTPStatus.REQUEST_URI_TOO_LONG: HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
            HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE: HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
        }
        self.refuse(known.get(HTTPStatus(code), HTTPStatus.BAD_REQUEST), trusted=False)

    def version_string(self) -> str:
        """Name the server and no version."""
        return "steadyline"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - named by http.server
        """Log nothing: an address holds the token."""


# --- pages ----------------------------------------------------------------------------------------


def show_page(site: Site, path: str) -> Reply:
    """Answer the path after the token; what is not one of the person's pages is not there."""
    from reports import served

    visit = make_visit(site, utc_now())
    if path == "":
        weeks, calendar = list_weeks(site.folder), read_page(site.folder, CALENDAR) is not None
        return Reply(200, served.render_home(visit, weeks, waiting(site), calendar=calendar))
    if path == "tags":
        return Reply(200, served.render_tags(visit, waiting(site)))
    named = PAGE.fullmatch(path)
    html = read_page(site.folder, path) if named or path == CALENDAR else None
    if html is None:
        raise Refused(HTTPStatus.NOT_FOUND)
    if named is None:
        return Reply(200, served.frame(html, visit))
    said = list_kept(site.settings, site.participant, week=named[1])
    return Reply(200, served.add_form(html, visit, named[1], said[0]["value"] if said else ""))


def make_visit(site: Site, now: datetime) -> Visit:
    """What a page needs to know, with a new key for its question."""
    from reports.served import Visit

    today = now.replace(tzinfo=UTC).astimezone(ZoneInfo(site.zone)).date()
    return Visit(site.language, site.base, make_key(now), today, site.numbers)


def list_weeks(folder: Path) -> list[str]:
    """List the weeks that have a page: plain files of the person's folder, no links."""
    if folder.is_symlink() or not folder.is_dir():
        return []
    files = (path for path in folder.iterdir() if path.is_file() and not path.is_symlink())
    return sorted(named[1] for path in files if (named := PAGE.fullmatch(path.name)))


def read_page(folder: Path, name: str) -> str | None:
    """Read one page of the folder; None if it is not there, or is no plain file in that very folder."""
    plain = os.O_RDONLY | os.O_NOFOLLOW
    with suppress(OSError):
        inside = os.open(folder, plain | os.O_DIRECTORY)
        try:
            # Not to wait at a pipe.
            handle = os.open(name, plain | os.O_NONBLOCK, dir_fd=inside)
        finally:
            os.close(inside)
        with os.fdopen(handle, "rb") as file:
            if stat.S_ISREG(os.fstat(handle).st_mode):
                return file.read(MOST_PAGE_BYTES).decode("utf-8", "replace")
    return None


def waiting(site: Site) -> list[Kept]:
    """The last answers that wait for the next night, in the person's own time; of two to one moment the later."""
    moments: dict[tuple[str | None, ...], Row] = {}
    for row in list_kept(site.settings, site.participant):
        moments.setdefault((row.get("scale"), row.get("event"), row.get("date"), row.get("time")), row)
    answers = (read_answer(row, site.zone) for row in moments.values())
    return [kept for kept in answers if kept is not None][:MOST_KEPT]


def read_answer(row: Row, zone: str) -> Kept | None:
    """An answer as it is shown; None if it cannot be read."""
    from reports.served import Kept

    with suppress(ValueError, KeyError):
        day, hour = local_time(row["date"], row["time"], zone)
        if "scale" in row:
            return Kept(day, hour, row["scale"], row["value"])
        return Kept(day, hour, row["event"], row["app"])
    return None


def local_time(day: str, clock: str, zone: str) -> tuple[date, float | None]:
    """The local day, and the hour of it if there is one, of what the diary has as date and time."""
    if not clock:
        return date.fromisoformat(day), None
    moment = datetime.fromisoformat(f"{day}T{clock}")
    if moment.tzinfo is not None:
        moment = moment.astimezone(ZoneInfo(zone))
    return moment.date(), moment.hour + moment.minute / 60


# --- answers --------------------------------------------------------------------------------------


def read_form(body: bytes) -> dict[str, str]:
    """Read a form: each field once.

    Raises
    ------
    Refused
        If it is no form, or has a field twice, or too many.
    """
    try:
        pairs = parse_qsl(
            body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=MOST_FIELDS
        )
    except ValueError as error:
        raise Refused(HTTPStatus.BAD_REQUEST) from error
    fields = dict(pairs)
    if len(fields) != len(pairs) or not KEY.fullmatch(fields.get("key", "")):
        raise Refused(HTTPStatus.BAD_REQUEST)
    return fields


def keep_checkin(site: Site, fields: dict[str, str], now: datetime) -> Reply:
    """Keep a felt-stress check-in of now, or of the week whose page it was tapped on."""
    from reports.served import last_day

    week = fields.get("week", "")
    sunday = last_day(week) if week else None
    if (week and week not in list_weeks(site.folder)) or not re.fullmatch(
        "[0-9]|10", fields.get("value", "")
    ):
        raise Refused(HTTPStatus.BAD_REQUEST)
    when = date_now(now) if sunday is None else (sunday.isoformat(), WEEK_TIME)
    row = make_checkin(when, "felt_week" if week else "felt_stress", fields["value"])
    try:
        check_row(row, now)
    except ExplainedError as error:
        raise Refused(HTTPStatus.BAD_REQUEST) from error
    keep(site.settings, site.participant, name_answer(row, fields["key"], week), row)
    return go_to(f"{site.base}/{week}.html#felt" if week else f"{site.base}/#kept")


def keep_tag(site: Site, fields: dict[str, str], now: datetime) -> Reply:
    """Keep a tag; the form again, as it was filled in, if it does not fit together."""
    from reports.served import TAGS, render_tags

    day, clock, until = (fields.get(name, "").strip() for name in ("date", "time", "until"))
    row = make_event((day, clock), fields.get("event", ""), app=fields.get("app", ""), end=until)
    ahead = day > make_visit(site, now).today.isoformat()
    try:
        check_row(row, now)
    except ExplainedError:
        fits = False
    else:
        fits = fields.get("event") in TAGS and not ahead
    if not fits:
        again = render_tags(make_visit(site, now), waiting(site), given=fields, problem=True)
        return Reply(HTTPStatus.UNPROCESSABLE_ENTITY, again)
    keep(site.settings, site.participant, name_answer(row, fields["key"]), row)
    return go_to(f"{site.base}/tags#kept")


def go_to(address: str) -> Reply:
    """Send the browser on to a page, so that a reload sends nothing again."""
    return Reply(HTTPStatus.SEE_OTHER, headers={"Location": address})


def same_as_any(given: str, expected: Sequence[str]) -> bool:
    """Whether a text is one of the expected ones, in a time that tells nothing of them."""
    # A sum does not stop at the first that fits.
    return bool(sum(hmac.compare_digest(given.encode("utf-8", "replace"), one.encode()) for one in expected))


def tell(text: str) -> None:
    """Tell the person at the terminal."""
    sys.stderr.write(f"{text}\n")

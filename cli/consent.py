"""Where a consent comes back: one request to this machine, or an address that is pasted."""

from __future__ import annotations

import hmac
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from socketserver import TCPServer
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

from warehouse.errors import ExplainedError

if TYPE_CHECKING:
    from ingest.live.oauth import App, Question
    from ingest.live.providers import Provider

HOST = "127.0.0.1"
WAIT_S = 300.0
READ_S = 5.0
"""Who connects and says nothing is not waited for longer."""
MOST_CHARACTERS = 8192
THANKS = b"""<!doctype html><html lang="en"><meta charset="utf-8"><title>Steadyline</title>
<p>Thank you. You can close this page and go back to the terminal, which says how it went.</p></html>"""
HEADERS = {
    "Content-Type": "text/html; charset=utf-8",
    "Content-Length": str(len(THANKS)),
    "Content-Security-Policy": "default-src 'none'",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "Connection": "close",
}


class ConsentError(ExplainedError):
    """No consent came back, or not this one."""


class Listener(TCPServer):
    """Takes one answer to a question, then no more; `found` is its parameters."""

    allow_reuse_address = True
    state = ""
    found: dict[str, str] | None = None

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.server_address[1])

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: a browser that hangs up is no trouble, and what it sent may be a secret."""


class Handler(BaseHTTPRequestHandler):
    """One request of the browser."""

    server: Listener
    timeout = READ_S
    server_version, sys_version = "Steadyline", ""

    def do_GET(self) -> None:
        """Take the answer; whatever has not the state of the question is none."""
        path = urlsplit(self.path)
        given = dict(parse_qsl(path.query))
        if path.path != "/" or not is_state(given, self.server.state):
            self.send_error(404)
            return
        self.server.found = given
        self.send_response(200)
        for name, value in HEADERS.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(THANKS)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        """Log nothing: the address holds the code."""


def is_state(given: dict[str, str], state: str) -> bool:
    """Whether an answer is that of the question with this state."""
    return bool(state) and hmac.compare_digest(given.get("state", "").encode(), state.encode())


@contextmanager
def listening(port: int) -> Iterator[Listener]:
    """Listen on this machine only, on a port that is free (0) or on the one that is registered.

    Raises
    ------
    ConsentError
        If the port is in use.
    """
    try:
        server = Listener((HOST, port), Handler)
    except OSError as error:
        raise ConsentError(
            f"Port {port} of this machine is in use ({error.strerror}): end what uses it, or connect --headless."
        ) from error
    with server:
        yield server


def wait_for_answer(server: Listener, question: Question, wait_s: float = WAIT_S) -> str:
    """Wait for the browser to come back, and give the code that it brings.

    Raises
    ------
    ConsentError
        If none comes in time, or the person did not agree.
    """
    server.state = question.state
    deadline = time.monotonic() + wait_s
    while server.found is None:
        left = deadline - time.monotonic()
        if left <= 0:
            raise ConsentError(
                f"Nobody came back from the consent page within {wait_s:.0f} s: nothing was kept; connect again,"
                " with --headless if the browser is on another machine."
            )
        server.timeout = left
        server.handle_request()
    return read_code(server.found)


def read_pasted(text: str, question: Question) -> str:
    """The code in the address that a browser ended at.

    Raises
    ------
    ConsentError
        If it is another address, or the person did not agree.
    """
    given = dict(parse_qsl(urlsplit(text.strip()[:MOST_CHARACTERS]).query))
    if not is_state(given, question.state):
        raise ConsentError(
            "This is not the address that this consent ends at: paste the whole address that the browser shows"
            " afterwards, from http to its end; nothing was kept."
        )
    return read_code(given)


def read_code(given: dict[str, str]) -> str:
    """The code in an answer."""
    if given.get("code"):
        return given["code"]
    if given.get("error") == "access_denied":
        raise ConsentError("The person did not agree: nothing was kept.")
    raise ConsentError(
        "The provider sent the person back without a consent: nothing was kept; connect again."
    )


def choose_redirect(provider: Provider, app: App) -> tuple[str | None, int | None]:
    """Where consent comes back to, and the port to listen on.

    No address means any port of this machine; no port, that the address is another machine's and is pasted.

    Raises
    ------
    ConsentError
        If the provider wants one that is registered, and none is.
    """
    if app.redirect is None:
        if provider.redirect == "loopback":
            return None, 0
        raise ConsentError(
            f"{provider.label} sends people back to a registered address only: register one (docs/connect.md) and"
            f" set STEADYLINE_{provider.name.upper()}_REDIRECT, or keep it with 'steadyline vault app"
            f" {provider.name}'."
        )
    place = urlsplit(app.redirect)
    local = place.scheme == "http" and place.hostname in (HOST, "localhost") and place.path in ("", "/")
    return app.redirect, (place.port or 80) if local else None

"""The mail server: where it is, and what it says. Its words are never kept, since they name addresses."""

from __future__ import annotations

import smtplib
import socket
import ssl
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import parseaddr
from typing import Literal

from reports.mail import AddressError, check_address
from warehouse.errors import ExplainedError

PREFIX = "STEADYLINE_SMTP_"
PORTS = {"starttls": 587, "tls": 465, "none": 25}
LOOPBACK = ("localhost", "127.0.0.1", "::1")
TIMEOUT_S = 30.0

Connection = smtplib.SMTP
Result = Literal["sent", "later", "never", "lost", "down"]


class MailServerError(ExplainedError):
    """The mail server is described in a way that cannot be used."""


@dataclass(frozen=True)
class Server:
    """A mail server, how to speak to it, and whom its mails are from."""

    host: str
    port: int
    tls: str
    sender: Address
    user: str | None = None
    password: str | None = field(default=None, repr=False)

    @property
    def place(self) -> str:
        """The server, in words."""
        return f"{self.host}:{self.port}"


@dataclass(frozen=True)
class Answer:
    """What became of a mail, with the server's code or a few words of ours.

    'later': not now; 'never': not to this address; 'lost': the connection broke, and the mail may have
    been taken; 'down': nothing can be sent to anybody through this server now.
    """

    result: Result
    code: str = ""


def read_server(environ: Mapping[str, str], password: str | None) -> Server | None:
    """Read STEADYLINE_SMTP_HOST, _PORT, _TLS, _USER, _PASSWORD and _FROM; None where there is no host.

    `password` is the one in the vault, for where the environment has none.

    Raises
    ------
    MailServerError
        If a value cannot be used, or the mails would cross a network in the clear.
    """
    given = {key.removeprefix(PREFIX): value for key, value in environ.items() if key.startswith(PREFIX)}
    host = given.get("HOST")
    if not host:
        return None
    tls = given.get("TLS", "starttls")
    if tls not in PORTS or (tls == "none" and host not in LOOPBACK):
        raise MailServerError(
            f"{PREFIX}TLS is starttls (where it is not set) or tls; none only for a server on this machine."
        )
    port = given.get("PORT", str(PORTS[tls]))
    if not port.isascii() or not port.isdigit() or not 0 < int(port) < 65536:
        raise MailServerError(f"{PREFIX}PORT is a number from 1 to 65535.")
    user, secret = given.get("USER"), given.get("PASSWORD") or password
    if user and not secret:
        raise MailServerError(
            f"{PREFIX}USER has no password: set {PREFIX}PASSWORD, or keep it with 'steadyline vault password'."
        )
    return Server(host, int(port), tls, read_sender(given.get("FROM", "")), user or None, secret)


def read_sender(text: str) -> Address:
    """Read whom mails are from: you@example.org, or Name <you@example.org>."""
    name, address = parseaddr(text)
    try:
        checked = check_address(address)
    except AddressError:
        checked = ""
    if not checked or not text.isprintable():
        raise MailServerError(f"{PREFIX}FROM is an address such as steadyline@example.org: set it.")
    return Address(name, addr_spec=checked)


def connect(server: Server) -> smtplib.SMTP:
    """Connect and log in; TLS with its certificate checked, before anything is said.

    Raises
    ------
    OSError
        Whatever keeps it from that, among them `smtplib.SMTPException`: `explain` has the words.
    """
    # The sender's domain, not this machine's name, which smtplib would tell.
    domain = server.sender.domain
    if server.tls == "tls":
        context = ssl.create_default_context()
        smtp: smtplib.SMTP = smtplib.SMTP_SSL(
            server.host, server.port, domain, timeout=TIMEOUT_S, context=context
        )
    else:
        smtp = smtplib.SMTP(server.host, server.port, domain, timeout=TIMEOUT_S)
    try:
        if server.tls == "starttls":
            smtp.starttls(context=ssl.create_default_context())
        if server.user and server.password:
            smtp.login(server.user, server.password)
    except BaseException:
        smtp.close()
        raise
    return smtp


def give(smtp: smtplib.SMTP, message: EmailMessage, sender: str, to: str) -> Answer:
    """Hand a message to the server, and say what became of it."""
    try:
        smtp.send_message(message, sender, [to])
    except smtplib.SMTPRecipientsRefused as error:
        code = next(iter(error.recipients.values()))[0]
        return Answer(for_later(code), f"{code} at the address")
    except smtplib.SMTPSenderRefused as error:
        return Answer("down", f"{error.smtp_code} at the sender")
    except smtplib.SMTPDataError as error:
        return Answer(for_later(error.smtp_code), f"{error.smtp_code} at the mail")
    except OSError as error:
        return Answer("lost", explain(error))
    return Answer("sent", "250")


def for_later(code: int) -> Result:
    """Whether a code is for now (4xx) or for good (5xx)."""
    return "never" if 500 <= code < 600 else "later"


def explain(error: OSError) -> str:
    """What went wrong with the connection, in a few words of ours."""
    known: tuple[tuple[type[OSError], str], ...] = (
        (ssl.SSLCertVerificationError, "its certificate is not trusted"),
        (ssl.SSLError, "it speaks no TLS there"),
        (socket.gaierror, "there is no host of that name"),
        (ConnectionRefusedError, "connection refused"),
        (TimeoutError, "no answer in time"),
        (smtplib.SMTPNotSupportedError, "it offers no STARTTLS or no login"),
    )
    for kind, words in known:
        if isinstance(error, kind):
            return words
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return f"login refused, {error.smtp_code}"
    if isinstance(error, smtplib.SMTPResponseException):
        return f"code {error.smtp_code}"
    return "the connection broke"


def hang_up(smtp: smtplib.SMTP | None) -> None:
    """End the connection, if there is one."""
    if smtp is not None and smtp.sock is not None:
        with suppress(OSError):
            smtp.quit()
        smtp.close()

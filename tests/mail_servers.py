"""Mail servers on the loopback, and an installation with people who want mails: what tests of the post use."""

from __future__ import annotations

import hashlib
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from cli.keys import FileKeys
from cli.post import keep_address
from cli.settings import Settings
from ingest.vault import Vault, open_vault
from warehouse.preferences import write_preferences
from warehouse.store import open_warehouse

MONDAY = date(2026, 7, 13)
BEFORE = date(2026, 7, 20)
NOW = datetime(2026, 7, 20, 3, 0)
LOGIN = ("post", "planted-smtp-password-31")
PAGE = """<!doctype html><html lang="en"><head><title>Your week</title><style>p{{}}</style></head><body><main>
<h1>Your week</h1><p>{words}</p><fieldset><label>calm</label></fieldset></main></body></html>"""


@dataclass
class Post:
    """A mail server's desk: answers as scripted (else it takes everything), and keeps what it took.

    `die_after` breaks that many connections after a mail was taken and before that is answered.
    """

    recipients: list[str] = field(default_factory=list)
    mails: list[str] = field(default_factory=list)
    die_after: int = 0
    taken: list[tuple[str, bytes]] = field(default_factory=list)
    logins: list[tuple[bytes, bytes]] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    on_taken: Callable[[], None] | None = None

    async def handle_EHLO(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        session.host_name = hostname
        self.lines.append(hostname)
        return responses

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        reply = self.recipients.pop(0) if self.recipients else "250 OK"
        if reply.startswith("250"):
            envelope.rcpt_tos.append(address)
        return reply.replace("ADDRESS", address)

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        reply = self.mails.pop(0) if self.mails else "250 OK"
        if reply.startswith("250"):
            assert isinstance(envelope.content, bytes)
            self.taken.append((envelope.rcpt_tos[0], envelope.content))
            if self.on_taken is not None:
                self.on_taken()
        if self.die_after:
            self.die_after -= 1
            assert server.transport is not None
            server.transport.abort()
        return reply

    def authenticate(
        self, server: SMTP, session: Session, envelope: Envelope, kind: str, data: object
    ) -> AuthResult:
        assert isinstance(data, LoginPassword)
        self.logins.append((data.login, data.password))
        return AuthResult(success=(data.login.decode(), data.password.decode()) == LOGIN, handled=False)

    @property
    def messages(self) -> list[EmailMessage]:
        """What was taken, parsed."""
        parsed = [message_from_bytes(content, policy=default) for _, content in self.taken]
        return [m for m in parsed if isinstance(m, EmailMessage)]

    @property
    def people(self) -> list[str]:
        """To whom."""
        return [to for to, _ in self.taken]


@dataclass(frozen=True)
class Running:
    """A server that runs: where, and what to set so that mails go there."""

    post: Post
    port: int
    tls: str

    @property
    def environ(self) -> dict[str, str]:
        """The settings of an operator."""
        names = {
            "HOST": "localhost",
            "PORT": str(self.port),
            "TLS": self.tls,
            "FROM": "Steadyline <post@example.org>",
        }
        return {f"STEADYLINE_SMTP_{name}": value for name, value in names.items()}


@contextmanager
def run_server(
    post: Post, tls: str = "none", context: ssl.SSLContext | None = None, **more: Any
) -> Iterator[Running]:
    """Run a server on a free port until the test is done with it."""
    port = free_port()
    kinds: dict[str, dict[str, Any]] = {
        # The server knows of no TLS but STARTTLS when it decides whether to offer a login.
        "tls": {"ssl_context": context, "auth_require_tls": False},
        "starttls": {"tls_context": context, "require_starttls": True},
        "none": {},
    }
    controller = Controller(post, hostname="localhost", port=port, **kinds[tls], **more)
    controller.start()
    try:
        yield Running(post, port, tls)
    finally:
        controller.stop()


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def make_certificate(folder: Path) -> tuple[Path, ssl.SSLContext]:
    """A certificate for localhost that signs itself, and a server's context with it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    names = x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))])
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
    certificate = builder.add_extension(names, critical=False).sign(key, SHA256())
    path, key_path = folder / "certificate.pem", folder / "key.pem"
    path.write_bytes(certificate.public_bytes(Encoding.PEM))
    key_path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(path, key_path)
    return path, context


def vault_of(settings: Settings) -> Vault:
    """The installation's vault, its key in the file."""
    return open_vault(settings.vault, FileKeys(settings.vault_key))


def enrol(settings: Settings, who: str, address: str | None, **wishes: str) -> None:
    """Add a person with these settings, an address, and a page of the week."""
    with open_warehouse(settings.warehouse) as con:
        con.execute("insert into meta.participant values (?, 'Europe/Berlin', ?)", [who, NOW])
    write_preferences(settings.warehouse, who, wishes, now=NOW)
    write_page(settings, who, f"An ordinary week for {who}’s body.")
    if address is not None:
        keep_address(vault_of(settings), who, address)


def write_page(settings: Settings, who: str, words: str, monday: date = MONDAY) -> None:
    """Write a person's page and its row, as the weekly run does."""
    year, week, _ = monday.isocalendar()
    path = Path(f"{hashlib.sha256(who.encode()).hexdigest()[:8]}/{year}-W{week:02d}.html")
    html = PAGE.format(words=words).encode()
    (settings.reports / path).parent.mkdir(parents=True, exist_ok=True)
    (settings.reports / path).write_bytes(html)
    row = (who, monday, path.stem, str(path), hashlib.sha256(html).hexdigest())
    with open_warehouse(settings.warehouse) as con:
        con.execute("delete from report.week where participant = ? and day = ?", [who, monday])
        con.execute(
            "insert into report.week (participant, day, iso_week, page_path, page_sha256) values (?, ?, ?, ?, ?)",
            row,
        )

"""The mail of a week: the words of its page as plain text and as HTML that mail programs leave alone.

The plain text alone is a complete report. The subject names the week and nothing that was measured,
since it is what others see on a locked screen.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from babel.dates import format_date

from reports.catalogue import Language, say
from reports.markup import Node, read_body, write_html
from reports.page import environment
from reports.plain import write_text
from warehouse.errors import ExplainedError

CHARTS = ("strip.legend", "sleep.legend", "gentle.legend", "effect.legend", "effect.see")
"""Sentences that explain a drawing, which a mail does not have."""
PAGE_ONLY = ("page.kept", "page.as_table")

LOCAL = re.compile(r"(?=.{1,64}$)[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
DOMAIN = re.compile(r"([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")


class AddressError(ExplainedError):
    """A text that is no mail address."""


@dataclass(frozen=True)
class Mail:
    """A mail that has no sender and no recipient yet.

    `name` is what its Message-ID has before the @: a resend has the same. `written` is UTC, naive.
    """

    subject: str
    text: str = field(repr=False)
    html: str = field(repr=False)
    name: str
    written: datetime


def write_mail(page: str, monday: date, language: Language, *, name: str, written: datetime) -> Mail:
    """Write the mail of the week that starts on `monday` from its page; equal pages give equal mails."""
    body = read_body(page, exchange(language))
    body.children.append(Node("p", {}, [say(language, "mail.why")]))
    subject = say(language, "mail.subject", range=short_range(language, monday))
    html = (
        environment()
        .get_template("mail.html.jinja")
        .render(language=language, title=subject, body=write_html(body))
    )
    return Mail(subject, write_text(body), html, name, written)


def exchange(language: Language) -> dict[str, str]:
    """What a mail says instead of sentences that hold for a page only."""
    left_out = {
        text: ""
        for key, text in language.messages.items()
        if (key.startswith(CHARTS) or key in PAGE_ONLY) and "{" not in text
    }
    return left_out | {say(language, "strip.legend_band"): say(language, "mail.between")}


def short_range(language: Language, monday: date) -> str:
    """The days of a week without their year, months in full: 13–19 July."""
    sunday = monday + timedelta(days=6)
    first, last = language.locale.interval_formats["MMMd"]["d" if monday.month == sunday.month else "M"]
    texts = (
        format_date(day, re.sub("MMM+", "MMMM", part), locale=language.locale)
        for day, part in ((monday, first), (sunday, last))
    )
    return "".join(texts)


def check_address(address: str) -> str:
    """Check that a text is one plain mail address, and give it with its domain in ASCII.

    Raises
    ------
    AddressError
        If it is not. The sentence does not repeat it.
    """
    local, _, domain = address.strip().rpartition("@")
    try:
        ascii_domain = domain.encode("idna").decode().lower()
    except UnicodeError:
        ascii_domain = ""
    checked = f"{local}@{ascii_domain}"
    if LOCAL.fullmatch(local) is None or DOMAIN.fullmatch(ascii_domain) is None or len(checked) > 254:
        raise AddressError("That is not a mail address: expected one such as you@example.org.")
    return checked


def build_message(mail: Mail, *, sender: Address, to: str) -> EmailMessage:
    """The message to hand to a mail server: the same bytes whenever the same mail goes to the same person.

    Raises
    ------
    ValueError
        If an address cannot stand in a header.
    """
    message = EmailMessage(policy=SMTP)
    message["From"] = sender
    message["To"] = Address(addr_spec=to)
    message["Subject"] = mail.subject
    message["Date"] = format_datetime(mail.written.replace(tzinfo=UTC))
    message["Message-ID"] = f"<{mail.name}@{sender.domain}>"
    # Answering machines keep quiet (RFC 3834).
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(mail.text, cte="quoted-printable")
    message.add_alternative(mail.html, subtype="html", cte="quoted-printable")
    message.set_boundary(f"=_{hashlib.sha256(mail.name.encode()).hexdigest()[:32]}")
    return message

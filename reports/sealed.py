"""A page that is closed with a passphrase, and opens itself in a browser, offline.

AES-256-GCM with a key by PBKDF2-HMAC-SHA256, as WebCrypto has them. Whoever holds the file can try
passphrases for as long as they like: its strength is all there is, so short ones are refused. The file
is the only one of Steadyline's in which a script may run, and its policy allows that one script only.
"""

from __future__ import annotations

import base64
import hashlib
import unicodedata

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC

from reports.catalogue import Language, say
from reports.page import HERE, environment
from warehouse.errors import ExplainedError

ITERATIONS = 1_000_000
"""OWASP asks for 600,000 of PBKDF2-HMAC-SHA256 (2023); a phone of 2020 needs about 2 s for these."""
SALT_BYTES = 16
NONCE_BYTES = 12
FEWEST_CHARACTERS = 12
FEWEST_DIFFERENT = 5
PAD_BYTES = 16_384
"""The page is filled up to a multiple of this: the size of a file must not tell what kind of week it was."""
SCRIPT = HERE / "templates" / "sealed.js"


class PassphraseError(ExplainedError):
    """A passphrase that is too easy to guess, or easily mistyped."""


def seal_page(page: bytes, passphrase: str, *, salt: bytes, nonce: bytes, language: Language) -> bytes:
    """Give an HTML document that shows `page` to whoever knows the passphrase.

    `salt` (16 bytes) and `nonce` (12 bytes) are random and fresh for each call.

    Raises
    ------
    PassphraseError
        If the passphrase is too short, too plain, or begins or ends with a space.
    """
    check_passphrase(passphrase)
    if len(salt) != SALT_BYTES or len(nonce) != NONCE_BYTES:
        raise ValueError(f"a salt has {SALT_BYTES} bytes and a nonce {NONCE_BYTES}")
    script = SCRIPT.read_text(encoding="utf-8")
    closed = AESGCM(derive_key(passphrase, salt)).encrypt(nonce, pad(page), None)
    html = (
        environment()
        .get_template("sealed.html.jinja")
        .render(
            language=language,
            t=lambda key, **values: say(language, key, **values),
            script=script,
            script_hash=as_text(hashlib.sha256(script.encode()).digest()),
            iterations=ITERATIONS,
            salt=as_text(salt),
            nonce=as_text(nonce),
            closed=as_text(closed),
        )
    )
    return html.encode()


def check_passphrase(passphrase: str) -> None:
    """Check that a passphrase is long enough, and that no space at its ends can get lost.

    Raises
    ------
    PassphraseError
        If it is not.
    """
    if passphrase != passphrase.strip() or not passphrase.isprintable():
        raise PassphraseError(
            "The passphrase begins or ends with a space, or holds a character that nobody can type:"
            " leave that out."
        )
    if len(passphrase) < FEWEST_CHARACTERS or len(set(passphrase)) < FEWEST_DIFFERENT:
        raise PassphraseError(
            f"The passphrase is easy to guess: take {FEWEST_CHARACTERS} characters or more, such as four"
            " or five words that have nothing to do with each other."
        )


def derive_key(passphrase: str, salt: bytes) -> bytes:
    """The 32 bytes of the key; letters with accents count the same however a keyboard makes them (NFC)."""
    kdf = PBKDF2HMAC(algorithm=SHA256(), length=32, salt=salt, iterations=ITERATIONS)
    return kdf.derive(unicodedata.normalize("NFC", passphrase).encode())


def pad(page: bytes) -> bytes:
    """The page with white space after it."""
    return page + b"\n" * (-len(page) % PAD_BYTES)


def as_text(content: bytes) -> str:
    """Bytes in Base64."""
    return base64.b64encode(content).decode()

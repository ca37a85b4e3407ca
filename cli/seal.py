"""Pages closed with a passphrase: where that comes from, and where they lie."""

from __future__ import annotations

import getpass
import secrets
import sys
from collections.abc import Iterable
from pathlib import Path

from warehouse.errors import ExplainedError

FOLDER = "sealed"
"""Below a person's own folder, so that erasing the person erases these too."""


def ask_passphrase() -> str:
    """Ask for a passphrase twice on a terminal, else take one line of standard input.

    It is never an argument, which others on the machine could see.

    Raises
    ------
    PassphraseError
        If it is too easy to guess.
    ExplainedError
        If it was not typed the same twice.
    """
    from reports.sealed import check_passphrase

    if not sys.stdin.isatty():
        passphrase = sys.stdin.readline().rstrip("\r\n")
        check_passphrase(passphrase)
        return passphrase
    passphrase = getpass.getpass("Passphrase: ")
    check_passphrase(passphrase)
    if getpass.getpass("The same again: ") != passphrase:
        raise ExplainedError("The two passphrases differ: run the command again.")
    return passphrase


def seal_pages(pages: Iterable[Path], passphrase: str) -> list[Path]:
    """Write each page closed with the passphrase, in a folder beside it; names the new files."""
    from reports.catalogue import load_language
    from reports.sealed import NONCE_BYTES, SALT_BYTES, seal_page
    from reports.weekly import write_private

    sealed = []
    for page in pages:
        path = page.parent / FOLDER / page.name
        salt, nonce = secrets.token_bytes(SALT_BYTES), secrets.token_bytes(NONCE_BYTES)
        content = seal_page(page.read_bytes(), passphrase, salt=salt, nonce=nonce, language=load_language())
        write_private(path, content)
        sealed.append(path)
    return sealed

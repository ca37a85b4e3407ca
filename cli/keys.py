"""Where the key of the vault is kept: the environment, the system's keyring, or a file."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from cli.settings import Settings

if TYPE_CHECKING:
    from keyring.backend import KeyringBackend

    from ingest.vault import KeySource, Vault

VARIABLE = "STEADYLINE_VAULT_KEY"
SERVICE = "steadyline"
KEYRINGS = tuple(
    f"keyring.backends.{name}" for name in ("SecretService", "kwallet", "libsecret", "macOS", "Windows")
)
"""Only these: others keep what they are given in plain text, or nowhere."""


@dataclass(frozen=True)
class EnvironmentKeys:
    """Keys in a variable, newest first, with commas or spaces between."""

    text: str = field(repr=False)
    place: str = VARIABLE
    writable: bool = False

    def read(self) -> tuple[str, ...]:
        """Give the keys."""
        return tuple(self.text.replace(",", " ").split())

    def write(self, keys: Iterable[str]) -> None:
        """Refuse: a process cannot change where its environment comes from."""
        raise NotImplementedError(f"{self.place} cannot be written")


@dataclass(frozen=True)
class KeyringKeys:
    """Keys in the keyring of the system, one a line, under the name of the vault's path."""

    ring: KeyringBackend = field(repr=False)
    account: str
    place: str = "the system's keyring"
    writable: bool = True

    def read(self) -> tuple[str, ...]:
        """Give the keys; none where the keyring has none or is closed."""
        from keyring.errors import KeyringError

        try:
            return tuple((self.ring.get_password(SERVICE, self.account) or "").split())
        except KeyringError:
            return ()

    def write(self, keys: Iterable[str]) -> None:
        """Keep these keys instead."""
        from keyring.errors import KeyringError

        from ingest.vault_file import VaultError

        try:
            self.ring.set_password(SERVICE, self.account, "\n".join(keys))
        except KeyringError:
            refused = True
        else:
            refused = False
        if refused:
            raise VaultError(f"The system's keyring did not take the key: open it, or set {VARIABLE}.")


@dataclass(frozen=True)
class FileKeys:
    """Keys in a file that only its owner may read, one a line, newest first."""

    path: Path
    writable: bool = True

    @property
    def place(self) -> str:
        """The file."""
        return str(self.path)

    def read(self) -> tuple[str, ...]:
        """Give the keys; none where there is no file.

        Raises
        ------
        VaultError
            If others than its owner may read the file, or it cannot be read.
        """
        from ingest.vault_file import VaultError

        try:
            with self.path.open(encoding="ascii") as file:
                mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
                if mode & 0o077:
                    raise VaultError(
                        f"Others can read the vault's key ({self.path} has mode {mode:o}): run"
                        f" 'chmod 600 {self.path}', then 'steadyline vault rotate' if anyone may have."
                    )
                return tuple(file.read().split())
        except FileNotFoundError:
            return ()
        except (OSError, UnicodeDecodeError):
            raise VaultError(f"The vault's key in {self.path} cannot be read: its owner runs this.") from None

    def write(self, keys: Iterable[str]) -> None:
        """Keep these keys instead; the file appears whole or not at all."""
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle, name = tempfile.mkstemp(prefix=".vault-key-", dir=self.path.parent)
        try:
            with os.fdopen(handle, "w", encoding="ascii") as file:
                file.write("".join(f"{key}\n" for key in keys))
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(self.path)
            sync_folder(self.path.parent)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise


def sync_folder(folder: Path) -> None:
    """Make sure that a name that was just given is on the disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def choose_keys(settings: Settings, environ: Mapping[str, str], ring: KeyringBackend | None) -> KeySource:
    """Where the key is, or is to be kept: the environment, the keyring, else a file.

    A key file that is there already is used where the keyring has no key of this vault: an installation
    on which a keyring appears later keeps its key.
    """
    if environ.get(VARIABLE):
        return EnvironmentKeys(environ[VARIABLE])
    file = FileKeys(settings.vault_key)
    if ring is None:
        return file
    keys = KeyringKeys(ring, str(settings.vault))
    return keys if keys.read() or not settings.vault_key.exists() else file


def usable_keyring(ring: KeyringBackend | None = None) -> KeyringBackend | None:
    """The system's own keyring if there is one that keeps secrets; never a plain-text or a null one."""
    import keyring

    chosen = keyring.get_keyring() if ring is None else ring
    several: list[KeyringBackend] = [chosen, *getattr(chosen, "backends", ())]
    for one in several:
        if type(one).__module__.startswith(KEYRINGS):
            return one
    return None


def open_store(settings: Settings, environ: Mapping[str, str]) -> Vault:
    """Open the installation's vault; nothing is made before the first write."""
    from ingest.vault import open_vault

    ring = None if environ.get(VARIABLE) else usable_keyring()
    return open_vault(settings.vault, choose_keys(settings, environ, ring))

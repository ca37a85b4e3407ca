"""The vault: nothing readable in its file, nothing lost between processes, nothing lost with a kill."""

from __future__ import annotations

import os
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import keyring.backends.fail
import keyring.backends.null
import pytest
from conftest import ROOT
from cryptography.fernet import Fernet
from keyring.backend import KeyringBackend
from keyring.errors import KeyringError

from cli.keys import EnvironmentKeys, FileKeys, KeyringKeys, choose_keys, open_store, usable_keyring
from cli.settings import Settings, read_settings
from ingest.vault import ChangedMeanwhileError, Note, Vault, WrongKeyError, make_key, open_vault
from ingest.vault_file import VaultError

SECRET = "planted-refresh-token-7Qx"
NOW = datetime(2026, 3, 1, 3, 0)
ROW = ("p-a", "token", "oura")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return read_settings({"STEADYLINE_VAR": str(tmp_path / "var")})


@pytest.fixture
def vault(settings: Settings) -> Vault:
    return file_vault(settings)


def file_vault(settings: Settings) -> Vault:
    return open_vault(settings.vault, FileKeys(settings.vault_key))


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def bytes_below(folder: Path) -> bytes:
    return b"".join(p.read_bytes() + str(p).encode() for p in sorted(folder.rglob("*")) if p.is_file())


def test_what_is_written_comes_back_and_no_byte_of_it_is_in_any_file(vault: Vault) -> None:
    note = Note("active", expires=NOW, error=f"the server said {SECRET} is\n old")
    version = vault.write(*ROW, {"refresh": SECRET, "scopes": ["daily"]}, compare_version=0, note=note)
    entry = vault.read(*ROW)
    assert entry is not None
    assert entry.value == {"refresh": SECRET, "scopes": ["daily"]}
    assert (entry.version, entry.note.status, entry.note.expires) == (version, "active", NOW)
    assert entry.note.error == "the server said … is old"
    assert SECRET.encode() not in bytes_below(vault.path.parent)
    assert b"p-a" in vault.path.read_bytes(), "the search is blind"
    assert vault.read("p-b", "token", "oura") is None


def test_no_secret_is_in_a_repr_or_an_error(vault: Vault, settings: Settings) -> None:
    vault.write(*ROW, {"refresh": SECRET}, compare_version=0)
    key = settings.vault_key.read_text().strip()
    vault.check()
    other = open_vault(vault.path, EnvironmentKeys(make_key()))
    with pytest.raises(WrongKeyError):
        other.check()
    with pytest.raises(WrongKeyError) as told:
        other.read(*ROW)
    shown = repr([vault, vault.read(*ROW), other, other.source, told.value, told.value.__cause__])
    for secret in (SECRET, key, *other.source.read()):
        assert secret not in shown


def test_nothing_is_made_before_the_first_write(vault: Vault) -> None:
    vault.check()
    assert vault.read(*ROW) is None
    assert vault.list_participant("p-a") == []
    assert vault.list_kind("token") == []
    assert vault.delete_participant("p-a") == 0
    assert not vault.path.parent.exists()


def test_files_are_closed_to_others_and_an_open_key_is_refused(vault: Vault, settings: Settings) -> None:
    old = os.umask(0)
    try:
        vault.write(*ROW, {}, compare_version=0)
        with vault.hold("queue"):
            pass
        vault.rotate()
    finally:
        os.umask(old)
    assert {mode(p) for p in settings.var.iterdir()} == {0o600}
    assert mode(settings.var) == 0o700
    vault.path.chmod(0o644)
    vault.read(*ROW)
    assert mode(vault.path) == 0o600
    settings.vault_key.chmod(0o640)
    with pytest.raises(VaultError, match=r"Others can read the vault's key .* has mode 640"):
        vault.read(*ROW)


@pytest.mark.parametrize("key", ["short", "x" * 44, "ä" * 44])
def test_what_is_no_key_is_told_without_showing_it(vault: Vault, key: str) -> None:
    odd = open_vault(vault.path, EnvironmentKeys(key))
    with pytest.raises(VaultError, match="What is in STEADYLINE_VAULT_KEY is not a key") as told:
        odd.write(*ROW, {}, compare_version=0)
    assert key not in str(told.value)


def test_a_lost_or_a_wrong_key_is_one_clear_sentence_and_never_a_new_key(
    vault: Vault, settings: Settings
) -> None:
    vault.write(*ROW, {"refresh": SECRET}, compare_version=0)
    settings.vault_key.unlink()
    for attempt in (
        lambda: vault.read(*ROW),
        lambda: vault.write("p-b", "token", "x", {}, compare_version=0),
    ):
        with pytest.raises(WrongKeyError, match=r"There is no key for .*vault.db in .*vault.key: put back"):
            attempt()
    assert not settings.vault_key.exists()
    settings.vault_key.write_text(make_key())
    settings.vault_key.chmod(0o600)
    with pytest.raises(WrongKeyError, match=r"The key in .*vault.key does not open .*vault.db: put back"):
        vault.rotate()
    assert vault.delete_participant("p-a") == 1, "erasing a person needs no key"


def test_a_row_is_written_only_at_the_version_that_was_read(vault: Vault) -> None:
    first = vault.write(*ROW, {"n": 1}, compare_version=0)
    second = vault.write(*ROW, {"n": 2}, compare_version=first)
    for stale in (0, first):
        with pytest.raises(ChangedMeanwhileError):
            vault.write(*ROW, {"n": 9}, compare_version=stale)
        with pytest.raises(ChangedMeanwhileError):
            vault.mark(*ROW, Note("x"), compare_version=stale)
    third = vault.mark(*ROW, Note("asleep"), compare_version=second)
    entry = vault.read(*ROW)
    assert entry is not None
    assert (entry.value, entry.note.status, entry.version) == ({"n": 2}, "asleep", third)
    assert vault.delete(*ROW)
    assert not vault.delete(*ROW)
    with pytest.raises(ChangedMeanwhileError):
        vault.write(*ROW, {"n": 9}, compare_version=third)
    assert vault.write(*ROW, {"n": 1}, compare_version=0) > third, "a version must never come twice"


def test_a_value_cannot_be_moved_to_another_row(vault: Vault) -> None:
    vault.write(*ROW, {"refresh": SECRET}, compare_version=0)
    with closing(sqlite3.connect(vault.path)) as db:
        db.execute("update entry set participant = 'p-b'")
        db.commit()
    with pytest.raises(VaultError, match="changed by something else"):
        vault.read("p-b", "token", "oura")


def test_an_erased_person_leaves_no_byte_and_others_stay(vault: Vault) -> None:
    for who in ("p-planted-1", "p-planted-12"):
        for name in ("oura", "whoop"):
            vault.write(who, "token", name, {"pad": "x" * 5000}, compare_version=0)
    token = raw_value(vault, "p-planted-1")
    assert token[:200] in vault.path.read_bytes()
    assert vault.delete_participant("p-planted-1") == 2
    content = bytes_below(vault.path.parent)
    assert token[:200] not in content
    assert b"p-planted-1" not in content.replace(b"p-planted-12", b"")
    assert [r.name for r in vault.list_participant("p-planted-12")] == ["oura", "whoop"]


def raw_value(vault: Vault, who: str) -> bytes:
    with closing(sqlite3.connect(vault.path)) as db:
        (value,) = db.execute("select value from entry where participant = ?", (who,)).fetchone()
    return bytes(value)


COUNT = """
import sys
from pathlib import Path
from cli.keys import FileKeys
from ingest.vault import ChangedMeanwhileError, open_vault

vault = open_vault(Path(sys.argv[1]), FileKeys(Path(sys.argv[2])))
mine = sys.argv[3]
done = 0
while done < 40:
    entry = vault.read("p-a", "token", "shared")
    before = [] if entry is None else entry.value["seen"]
    try:
        version = 0 if entry is None else entry.version
        vault.write("p-a", "token", "shared", {"seen": [*before, f"{mine}{done}"]}, compare_version=version)
        done += 1
    except ChangedMeanwhileError:
        pass
"""


def start(script: str, *words: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", script, *map(str, words)]
    return subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)


def test_two_processes_that_write_at_once_lose_nothing_even_from_the_first_moment(
    vault: Vault, settings: Settings
) -> None:
    running = [start(COUNT, settings.vault, settings.vault_key, mine) for mine in ("a", "b")]
    for process in running:
        _, said = process.communicate(timeout=60)
        assert process.returncode == 0, said
    entry = vault.read("p-a", "token", "shared")
    assert entry is not None
    assert sorted(entry.value["seen"]) == sorted(f"{mine}{n}" for mine in "ab" for n in range(40))
    order = [word for word in entry.value["seen"] if word.startswith("a")]
    assert order == [f"a{n}" for n in range(40)]


def test_a_process_that_writes_while_keys_rotate_loses_nothing(vault: Vault, settings: Settings) -> None:
    process = start(COUNT, settings.vault, settings.vault_key, "a")
    while process.poll() is None:
        if vault.path.exists():
            vault.rotate()
    assert process.stderr is not None
    assert process.returncode == 0, process.stderr.read()
    process.stderr.close()
    vault.rotate()
    assert len(settings.vault_key.read_text().split()) == 1
    entry = vault.read("p-a", "token", "shared")
    assert entry is not None
    assert len(entry.value["seen"]) == 40


ROTATE_AND_DIE = """
import os, signal, sys
from pathlib import Path
from cli.keys import FileKeys
from ingest.vault import open_vault

vault, fatal, calls = open_vault(Path(sys.argv[1]), FileKeys(Path(sys.argv[2]))), int(sys.argv[3]), 0

def count(frame, event, arg):
    global calls
    ours = frame.f_code.co_filename.endswith(("/vault.py", "/vault_file.py", "/keys.py"))
    if ours or event == "c_call" and getattr(arg, "__name__", "") in ("execute", "replace", "rename", "fsync"):
        calls += 1
        if calls == fatal:
            os.kill(os.getpid(), signal.SIGKILL)

sys.setprofile(count)
vault.rotate()
sys.setprofile(None)
sys.stderr.write(str(calls))
"""


def test_a_rotation_killed_at_any_moment_leaves_every_row_readable(vault: Vault, settings: Settings) -> None:
    for k in range(3):
        vault.write(f"p-{k}", "token", "oura", {"n": k}, compare_version=0)
    whole = start(ROTATE_AND_DIE, settings.vault, settings.vault_key, 0)
    calls = int(whole.communicate(timeout=60)[1])
    assert calls > 60
    for fatal in range(1, calls, max(1, calls // 24)):
        dying = start(ROTATE_AND_DIE, settings.vault, settings.vault_key, fatal)
        dying.communicate(timeout=60)
        assert dying.returncode == -signal.SIGKILL
        for k in range(3):
            entry = vault.read(f"p-{k}", "token", "oura")
            assert entry is not None, f"killed at call {fatal}"
            assert entry.value == {"n": k}
    before = settings.vault_key.read_text().split()
    assert vault.rotate() == 3
    (now,) = settings.vault_key.read_text().split()
    assert now not in before
    for old in before:
        with pytest.raises(WrongKeyError):
            open_vault(vault.path, EnvironmentKeys(old)).read("p-0", "token", "oura")


def test_a_key_in_the_environment_is_rotated_by_putting_a_new_one_first(vault: Vault) -> None:
    old, new = make_key(), make_key()
    first = open_vault(vault.path, EnvironmentKeys(old))
    first.write(*ROW, {"refresh": SECRET}, compare_version=0)
    with pytest.raises(VaultError, match="put a new key before the old one there"):
        first.rotate()
    assert open_vault(vault.path, EnvironmentKeys(f"{new}, {old}")).rotate() == 1
    entry = open_vault(vault.path, EnvironmentKeys(new)).read(*ROW)
    assert entry is not None
    assert entry.value == {"refresh": SECRET}
    with pytest.raises(WrongKeyError):
        first.write("p-b", "token", "oura", {}, compare_version=0)


def test_a_lock_keeps_others_out_and_goes_with_its_process(vault: Vault) -> None:
    held = start(
        "import sys, os, time; from pathlib import Path; from ingest.vault import open_vault\n"
        "with open_vault(Path(sys.argv[1]), None).hold('queue'):\n"
        "    sys.stderr.write('held\\n'); sys.stderr.flush(); time.sleep(60)",
        vault.path,
    )
    assert held.stderr is not None
    assert held.stderr.readline() == "held\n"
    with (
        pytest.raises(VaultError, match=r"Another run is at work \(queue\)"),
        vault.hold("queue", wait_s=0.1),
    ):
        pass
    with vault.hold("token-oura", wait_s=0):
        pass
    held.kill()
    held.communicate()
    with vault.hold("queue", wait_s=5):
        pass
    with pytest.raises(ValueError, match="a lock is named by"), vault.hold("../p"):
        pass


def test_threads_of_one_process_wait_for_each_other_too(vault: Vault) -> None:
    failures: list[BaseException] = []

    def add() -> None:
        try:
            for _ in range(15):
                with vault.hold("token-x"):
                    entry = vault.read("p", "token", "x")
                    n, version = (0, 0) if entry is None else (entry.value["n"], entry.version)
                    vault.write("p", "token", "x", {"n": n + 1}, compare_version=version)
        except BaseException as error:  # noqa: BLE001 - told to the test below
            failures.append(error)

    threads = [threading.Thread(target=add) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    entry = vault.read("p", "token", "x")
    assert entry is not None
    assert entry.value == {"n": 45}


def test_a_file_that_is_no_vault_is_one_sentence(vault: Vault) -> None:
    vault.path.parent.mkdir()
    vault.path.write_bytes(b"not a database, and long enough to be looked at" * 100)
    with pytest.raises(VaultError, match="could not be used"):
        vault.read(*ROW)


@dataclass
class Ring(KeyringBackend):
    """A keyring in memory that says it is the desktop's."""

    kept: dict[tuple[str, str], str] = field(default_factory=dict)
    closed: bool = False
    priority = 5

    def get_password(self, service: str, username: str) -> str | None:
        if self.closed:
            raise KeyringError
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        if self.closed:
            raise KeyringError
        self.kept[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        del self.kept[service, username]


Ring.__module__ = "keyring.backends.SecretService"


def test_the_key_comes_from_the_environment_then_the_keyring_then_the_file(settings: Settings) -> None:
    ring = Ring()
    given = choose_keys(settings, {"STEADYLINE_VAULT_KEY": make_key()}, ring)
    assert isinstance(given, EnvironmentKeys)
    in_ring = choose_keys(settings, {}, ring)
    assert isinstance(in_ring, KeyringKeys)
    vault = open_vault(settings.vault, in_ring)
    vault.write(*ROW, {"refresh": SECRET}, compare_version=0)
    assert list(ring.kept) == [("steadyline", str(settings.vault))]
    assert not settings.vault_key.exists()
    assert vault.rotate() == 1
    assert open_vault(settings.vault, choose_keys(settings, {}, ring)).read(*ROW) is not None
    ring.closed = True
    with pytest.raises(WrongKeyError, match="There is no key"):
        vault.read(*ROW)
    assert isinstance(choose_keys(settings, {}, None), FileKeys)


def test_a_keyring_that_appears_later_does_not_hide_the_key_file(settings: Settings) -> None:
    file_vault(settings).write(*ROW, {"refresh": SECRET}, compare_version=0)
    chosen = choose_keys(settings, {}, Ring())
    assert open_vault(settings.vault, chosen).read(*ROW) is not None


class Chained(Ring):
    priority = 10
    backends: Iterable[KeyringBackend] = ()


def test_only_a_keyring_of_the_system_is_used() -> None:
    plain = type("PlaintextKeyring", (Ring,), {"__module__": "keyrings.alt.file"})()
    for other in (keyring.backends.fail.Keyring(), keyring.backends.null.Keyring(), plain):
        assert usable_keyring(other) is None
    ring, chain = Ring(), Chained()
    chain.backends = (plain, ring)
    assert usable_keyring(ring) is ring
    assert usable_keyring(chain) is ring


def test_without_a_keyring_the_key_is_a_file_made_at_first_use(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keyring, "get_keyring", keyring.backends.null.Keyring)
    open_store(settings, {}).write(*ROW, {}, compare_version=0)
    assert mode(settings.vault_key) == 0o600
    Fernet(settings.vault_key.read_text().strip())


NO_KEYRING = {"PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring"}


def test_the_commands_make_rotate_and_list(
    settings: Settings, steadyline: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    def run(*words: str, **more: str) -> str:
        done = steadyline("vault", *words, var=settings.var, **NO_KEYRING, **more)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    assert run("rotate") == "there is no vault yet: nothing to rotate"
    assert run("status") == "vault: nothing is kept"
    file_vault(settings).write(*ROW, {"refresh": SECRET}, compare_version=0, note=Note("active"))
    before = settings.vault_key.read_text()
    assert run("rotate") == "1 rows encrypted with the new key"
    assert settings.vault_key.read_text() != before
    old, new = settings.vault_key.read_text().strip(), run("key")
    settings.vault_key.unlink()
    told = run("rotate", STEADYLINE_VAULT_KEY=f"{new},{old}")
    assert told == "1 rows encrypted with the new key; take the old key out of STEADYLINE_VAULT_KEY now"
    assert open_vault(settings.vault, EnvironmentKeys(new)).read(*ROW) is not None
    doctor = steadyline("doctor", "--json", var=settings.var, **NO_KEYRING)
    assert "There is no key for" in doctor.stdout
    doctor = steadyline("doctor", "--json", var=settings.var, **NO_KEYRING, STEADYLINE_VAULT_KEY=new)
    assert '"opened by the key in STEADYLINE_VAULT_KEY"' in doctor.stdout
    listed = run("status")
    assert "oura" in listed
    assert SECRET not in listed

"""Checks of an installation, for `steadyline doctor`."""

from __future__ import annotations

import os
import shutil
import stat
import sys
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from zoneinfo import available_timezones

from cli.settings import Settings

FREE_GB = 1.0


@dataclass(frozen=True)
class Check:
    """One thing looked at: whether it is well, what was found, and what to do if not."""

    name: str
    ok: bool
    found: str
    advice: str


def run_checks(settings: Settings) -> list[Check]:
    """Look at everything that a run needs."""
    return [
        check_python(),
        *(check_package(name) for name in ("duckdb", "pyarrow", "apache-airflow")),
        check_zones(),
        check_private(settings.var),
        check_disk(settings.var),
        check_warehouse(settings.warehouse),
        check_vault(settings),
    ]


def check_python() -> Check:
    """Python 3.11 or 3.12."""
    found = f"{sys.version_info.major}.{sys.version_info.minor}"
    return Check("Python", found in ("3.11", "3.12"), found, "install Python 3.11 or 3.12 and run make again")


def check_package(name: str) -> Check:
    """A package that runs need."""
    try:
        return Check(name, ok=True, found=version(name), advice="")
    except PackageNotFoundError:
        return Check(name, ok=False, found="not installed", advice="run make again")


def check_zones() -> Check:
    """The time zone database."""
    count = len(available_timezones())
    return Check("time zones", count > 400, str(count), "install the package tzdata")


def check_private(var: Path) -> Check:
    """The data folder is closed to others."""
    if not var.exists():
        return Check("data folder", ok=True, found=f"{var} is made by the first load", advice="")
    mode = stat.S_IMODE(var.stat().st_mode)
    return Check("data folder", mode & 0o077 == 0, f"{var} has mode {mode:o}", f"chmod 700 {var}")


def check_disk(var: Path) -> Check:
    """Enough room to work in."""
    place = next(p for p in (var, *var.parents) if p.exists())
    free = shutil.disk_usage(place).free / 1e9
    return Check(
        "free disk", free > FREE_GB, f"{free:.1f} GB", f"free at least {FREE_GB:.0f} GB on the disk of {var}"
    )


def check_warehouse(url: str) -> Check:
    """The warehouse opens, if there is one."""
    from warehouse.status import list_participants
    from warehouse.store import WarehouseError, warehouse_exists

    if not warehouse_exists(url):
        return Check("warehouse", ok=True, found="none yet: the first load makes it", advice="")
    try:
        return Check(
            "warehouse", ok=True, found=f"{len(list_participants(url, wait_s=2.0))} people", advice=""
        )
    except WarehouseError as error:
        return Check(
            "warehouse", ok=False, found=str(error), advice="end the other process, or restore the file"
        )


def check_vault(settings: Settings) -> Check:
    """The key at hand opens the vault, if there is one."""
    from cli.keys import open_store
    from ingest.vault_file import VaultError

    if not settings.vault.exists():
        return Check("vault", ok=True, found="none yet: the first address makes it", advice="")
    try:
        store = open_store(settings, os.environ)
        store.check()
    except VaultError as error:
        return Check("vault", ok=False, found=str(error), advice="put its key back (docs/operate.md)")
    return Check("vault", ok=True, found=f"opened by the key in {store.source.place}", advice="")

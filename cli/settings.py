"""Where everything lies: read once from the environment, then passed on as arguments."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Settings:
    """The places of one installation.

    Everything lies below `var`, which only its owner may read, unless the environment says otherwise.
    """

    var: Path
    warehouse: str
    published: Path
    group: bool

    @property
    def inbox(self) -> Path:
        """Files that wait to be loaded by the next run, a folder a participant."""
        return self.var / "inbox"

    @property
    def raw(self) -> Path:
        """Files that were loaded from the inbox, kept as they came, a folder a participant."""
        return self.var / "raw"

    @property
    def staging(self) -> Path:
        """Where runs stage what they are about to commit."""
        return self.var / "staging"

    @property
    def reports(self) -> Path:
        """The weekly pages, a folder a participant."""
        return self.var / "reports"

    @property
    def vault(self) -> Path:
        """What must stay secret, encrypted: addresses, mails on their way, tokens."""
        return self.var / "vault.db"

    @property
    def vault_key(self) -> Path:
        """Its key, where neither the environment nor a keyring has it."""
        return self.var / "vault.key"

    @property
    def sleep_model(self) -> Path:
        """Coefficients that find sleep windows in heart rate, where the operator put them; none are shipped."""
        return self.var / "models" / "sleepwake.json"

    @property
    def watch(self) -> Path:
        """What was told to the operator, so that it is told once, a folder a participant."""
        return self.var / "watch"

    @property
    def airflow(self) -> Path:
        """Home of the embedded Airflow: its metadata and logs."""
        return self.var / "airflow"


def read_settings(environ: Mapping[str, str]) -> Settings:
    """Read STEADYLINE_VAR, STEADYLINE_WAREHOUSE and STEADYLINE_PUBLISH_TO; each has a default.

    A published file goes elsewhere, and is readable by the group, only where STEADYLINE_PUBLISH_TO says so.
    """
    var = Path(environ.get("STEADYLINE_VAR", "var")).absolute()
    elsewhere = environ.get("STEADYLINE_PUBLISH_TO")
    return Settings(
        var=var,
        warehouse=environ.get("STEADYLINE_WAREHOUSE", str(var / "steadyline.duckdb")),
        published=Path(elsewhere).absolute() if elsewhere else var / "published" / "steadyline.duckdb",
        group=elsewhere is not None,
    )


def make_places(settings: Settings) -> None:
    """Make `var` and what is below it, closed to others."""
    for folder in (settings.var, settings.inbox, settings.raw, settings.staging, settings.reports):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    settings.var.chmod(0o700)

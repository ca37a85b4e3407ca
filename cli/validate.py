"""The command that proves what the models can do on a public data set, or on one's own table."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from cli.datasets.tables import DataSet
    from models.validate.table import Table
    from models.validate.trial import Trial

LIBRARIES = ("numpy", "scipy", "scikit-learn", "neurokit2")


class Dataset(StrEnum):
    """Sets that there is an adapter for."""

    wesad = "wesad"
    exam_stress = "exam_stress"
    pmdata = "pmdata"
    lifesnaps = "lifesnaps"
    sleep_accel = "sleep_accel"
    swell_kw = "swell_kw"
    own = "own"


def add_to(app: typer.Typer) -> None:
    """Add this group's command."""
    app.command()(validate)


def validate(
    dataset: Annotated[Dataset, typer.Argument(help="Which data set; 'own' is a CSV or Parquet table.")],
    path: Annotated[Path, typer.Argument(exists=True, help="Where it lies.")],
    out: Annotated[Path, typer.Option(help="Folder for the report; made where it is not there.")],
    train: Annotated[
        bool,
        typer.Option("--train", help="Also train a model on the whole set and save it beside the report."),
    ] = False,
) -> None:
    """Try the models on a data set under an honest protocol, and write a report (HTML and JSON)."""
    from models.validate.page import render_page
    from models.validate.plans import PLANS
    from models.validate.report import make_report, to_document, to_json
    from models.validate.trial import run_trial

    name = dataset.value
    found = read_dataset(name, path)
    trials = [run_trial(plan, say=tell) for plan in PLANS[name](found.table)]
    extra = measure_besides(name, found.table)
    report = make_report(
        name, len(found.table.people), trials, notes=found.notes, extra=extra, versions=list_versions()
    )
    document = to_document(report)
    out.mkdir(parents=True, exist_ok=True)
    (out / f"{name}.json").write_text(to_json(document), encoding="utf-8")
    (out / f"{name}.html").write_text(render_page(document), encoding="utf-8")
    for trial in trials:
        print_trial(trial)
    typer.echo(report.verdict)
    typer.echo(f"Written: {out / name}.html and {out / name}.json")
    if train:
        for written in train_model(name, found, out):
            typer.echo(f"Trained: {written}")


def tell(text: str) -> None:
    """Say how far it is, beside the output."""
    typer.echo(text, err=True)


def read_dataset(name: str, path: Path) -> DataSet:
    """Read a data set by its adapter."""
    from importlib import import_module

    adapter: Any = import_module(f"cli.datasets.{name}")
    found: DataSet = adapter.read(path)
    return found


def list_versions() -> dict[str, str]:
    """Versions of what decides the numbers."""
    from importlib.metadata import version

    return {name: version(name) for name in LIBRARIES}


def measure_besides(name: str, table: Table) -> dict[str, dict[str, float | None]]:
    """Numbers that only one data set has: nights for sleep."""
    if name != "sleep_accel":
        return {}
    from models.validate.sleep import measure_nights

    return measure_nights(table)


def train_model(name: str, found: DataSet, out: Path) -> list[Path]:
    """Train on the whole set what can be trained on it, and save it."""
    from models import acute, sleepwake
    from models.validate.sleep import train_sleepwake

    if name == "sleep_accel":
        path = out / "sleepwake.json"
        sleepwake.save(train_sleepwake(found.table), path)
        return [path]
    if name not in ("wesad", "exam_stress", "swell_kw"):
        raise acute.AcuteError(f"there is no model to train on {name}: leave --train out")
    from models.validate.table import relabel

    table = (
        relabel(found.table, {0: 0, 1: 1, 2: 0}, ("not stressed", "stressed"))
        if name == "wesad"
        else found.table
    )
    fitted = acute.train_on(table)
    card = acute.make_card(fitted, table, found.notes, list_versions())
    return list(acute.save_acute(fitted, card, out))


def print_trial(trial: Trial) -> None:
    """Print what the model and each baseline reached, in one table."""
    from cli.look import print_table
    from models.validate.page import METRICS, number

    title = f"{trial.task}: {trial.protocol}, {trial.variant} ({trial.people} people, {trial.rows:,} rows)"
    if not trial.schemes:
        typer.echo(f"{title}: not run, {trial.reason}\n")
        return
    shown = (
        "balanced_accuracy",
        "macro_f1",
        "mcc",
        "kappa",
        "auroc",
        "brier",
        "ece",
        "mae",
        "lift_over_label_only",
    )
    used = [m for m in shown if any(m in scheme.scores for scheme in trial.schemes)]
    rows = []
    for scheme in trial.schemes:
        scores = {METRICS[m]: number(scheme.scores[m].value) if m in scheme.scores else "" for m in used}
        rows.append({"": scheme.name + (f": {scheme.reason}" if scheme.reason else "")} | scores)
    print_table(title, rows, empty="")

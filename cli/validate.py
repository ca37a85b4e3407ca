"""The command that proves what the models can do on a public data set, or on one's own table."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from cli.datasets.tables import DataSet
    from models.validate.table import Table
    from models.validate.trial import Scheme, Trial

LIBRARIES = ("numpy", "scipy", "scikit-learn", "neurokit2")
COLUMNS = {
    "balanced_accuracy": "balanced",
    "macro_f1": "F1",
    "mcc": "MCC",
    "kappa": "κ",
    "auroc": "AUROC",
    "brier": "Brier",
    "ece": "ECE",
    "mae": "MAE",
    "lift_over_person_mean": "user lift",
    "lift_over_label_only": "label lift",
}
"""What is printed of the scores, and its short name; the report has all."""

INTERVALS = ("balanced_accuracy", "kappa", "mae", "lift_over_label_only")


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
    trained: Annotated[
        Path | None,
        typer.Option(exists=True, help="Also ask the detector that --train saved there from another set."),
    ] = None,
) -> None:
    """Try the models on a data set under an honest protocol, and write a report (HTML and JSON)."""
    from models.validate.page import mark_few, render_page
    from models.validate.plans import PLANS
    from models.validate.report import make_report, to_document, to_json
    from models.validate.trial import run_trial

    name = dataset.value
    found = read_dataset(name, path)
    trials = [run_trial(plan, say=tell) for plan in PLANS[name](found.table)]
    if trained is not None:
        trials.append(ask_trained(found.table, trained))
    extra = measure_besides(name, found.table)
    report = make_report(
        name, len(found.table.people), trials, notes=found.notes, extra=extra, versions=list_versions()
    )
    document = to_document(report)
    out.mkdir(parents=True, exist_ok=True)
    (out / f"{name}.json").write_text(to_json(document), encoding="utf-8")
    (out / f"{name}.html").write_text(render_page(document), encoding="utf-8")
    for trial in trials:
        print_trial(trial, few=mark_few(document))
    typer.echo(report.verdict)
    typer.echo(f"Written: {out / name}.html and {out / name}.json")
    if train:
        for written in train_model(name, path, found, out):
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


def train_model(name: str, path: Path, found: DataSet, out: Path) -> list[Path]:
    """Train on the whole set what can be trained on it, and save it."""
    from models import acute

    if name == "sleep_accel":
        from cli.datasets.sleep_accel import train_windows
        from warehouse.sleep_model import write_sleep_model

        written = out / "sleepwake.json"
        model = train_windows(path)
        write_sleep_model(model, written)
        error = model.error
        typer.echo(
            f"Nights left out once, {error.nights}: onset off by {error.onset_mae_min:.0f} min,"
            f" final wake by {error.wake_mae_min:.0f} min, sleep time by {error.tst_mae_min:.0f} min (mean)"
        )
        return [written]
    if name not in ("wesad", "exam_stress", "swell_kw"):
        raise acute.AcuteError(f"there is no model to train on {name}: leave --train out")
    table = take_two_classes(found.table)
    fitted = acute.train_on(table)
    card = acute.make_card(fitted, table, found.notes, list_versions())
    return list(acute.save_acute(fitted, card, out))


def take_two_classes(table: Table) -> Table:
    """The table with the two classes of a detector: of WESAD, stress against all else."""
    from models.validate.plans import STRESS
    from models.validate.table import relabel

    return relabel(table, {0: 0, 1: 1, 2: 0}, STRESS) if table.name == "wesad" else table


def ask_trained(table: Table, folder: Path) -> Trial:
    """Ask the detector that --train saved in a folder, which has learned from another set.

    Raises
    ------
    AcuteError
        If it has learned from this very set, or asks for features that this set does not have.
    """
    import numpy as np

    from models.acute import AcuteError, load_acute
    from models.validate.trial import ask_saved

    predict, card = load_acute(folder)
    if card["trained_on"] == table.name:
        raise AcuteError(f"the detector in {folder.name} has learned from {table.name}: ask it another set")
    if list(table.features) != card["features"]:
        raise AcuteError(
            f"the detector in {folder.name} reads other features than {table.name} has:"
            f" {len(card['features'])} of {card['trained_on']}; ask a set of the same band"
        )
    two = take_two_classes(table)
    share = np.array(card["share"])
    return ask_saved(" or ".join(reversed(two.classes)), card["trained_on"], two, predict, share)


def print_trial(trial: Trial, few: str) -> None:
    """Print what the model and each baseline reached, in one table; `few` says if it is no gate result."""
    from cli.look import print_table

    title = f"{trial.task}: {trial.protocol}, {trial.variant} ({trial.people} people, {trial.rows:,} rows)"
    if not trial.schemes:
        typer.echo(f"{title}: not run, {trial.reason}\n")
        return
    used = [m for m in COLUMNS if any(m in scheme.scores for scheme in trial.schemes)]
    rows = [
        {"": scheme.name} | {COLUMNS[m]: write(scheme, m) for m in used}
        for scheme in trial.schemes
        if scheme.scores
    ]
    typer.echo(f"{title}; {few}" if few else title)
    print_table("", rows, empty="")
    for reason, names in list_reasons(trial).items():
        typer.echo(f"Not asked: {', '.join(names)} ({reason}).")
    typer.echo("")


def write(scheme: Scheme, metric: str) -> str:
    """A score with its interval over people, where there is one."""
    from models.validate.page import number

    value = scheme.scores.get(metric)
    if value is None:
        return ""
    interval = "" if value.lo95 is None else f" [{number(value.lo95)}, {number(value.hi95)}]"
    return number(value.value) + (interval if metric in INTERVALS else "")


def list_reasons(trial: Trial) -> dict[str, list[str]]:
    """Baselines that could not be asked, by why."""
    found: dict[str, list[str]] = {}
    for scheme in trial.schemes:
        if scheme.reason:
            found.setdefault(scheme.reason, []).append(scheme.name)
    return found

"""An Empatica E4 session, read by ingest's own source, in minutes measured by features.

Used by the data sets that were recorded with that band.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

    from features.acute import Recording
    from features.beats import Beats
    from models.validate.table import Floats

TICK_MS = 1000 / 64
PULSE_HZ = 64.0


def read_session(folder: Path) -> tuple[Recording, float, str]:
    """Read one folder of E4 files.

    Returns
    -------
    recording : Recording
        Times in seconds of UTC since 1970.
    started_s : float
        When the band was switched on.
    beats_from : str
        'pulse wave' where there is one, else 'the device'.

    Raises
    ------
    DataSetError
        Where the folder holds no E4 file.
    """
    import numpy as np

    from cli.datasets.tables import DataSetError
    from features.acute import Recording

    tables = read_tables(folder)
    if not tables:
        raise DataSetError(
            f"{folder.name}: no file of an Empatica E4 here; expected EDA.csv, TEMP.csv and others"
        )
    wave = take_stream(tables, "signal.pulse_wave", "bvp")
    beats, beats_from = find_wrist_beats(tables, wave)
    axes = [take_stream(tables, "signal.acceleration", axis) for axis in ("x_g", "y_g", "z_g")]
    recording = Recording(
        heart_rate=take_stream(tables, "signal.heart_rate", "hr_bpm"),
        eda=take_stream(tables, "signal.eda", "eda_us"),
        temperature=take_stream(tables, "signal.vital", "value"),
        acceleration=(axes[0][0], np.column_stack([values for _, values in axes])),
        beats=beats,
    )
    starts = [t[0] for t, _ in (recording.eda, recording.temperature, wave, recording.heart_rate) if len(t)]
    return recording, float(min(starts)), beats_from


def read_tables(folder: Path) -> dict[str, pa.Table]:
    """Rows of each signal table that ingest's source reads from a folder."""
    import pyarrow as pa

    from ingest.context import Reading
    from ingest.export import walk
    from ingest.files import empatica
    from ingest.source import Batch, Export

    parts: dict[str, list[pa.Table]] = {}
    for container in walk([folder]):
        members = tuple(member for member in container.members if empatica.claims(member))
        if not members:
            continue
        newest = max(member.modified_utc for member in members)
        export = Export(container.root, members, tuple(range(len(members))), newest)
        for found in empatica.read(export, Reading("UTC", lambda _size: None)):
            if isinstance(found, Batch):
                parts.setdefault(found.table, []).append(found.rows)
    return {name: pa.concat_tables(rows) for name, rows in parts.items()}


def take_stream(tables: dict[str, pa.Table], name: str, column: str) -> tuple[Floats, Floats]:
    """Times in seconds and values of a column, in order of time; empty where the table is absent."""
    import numpy as np

    if name not in tables:
        return np.empty(0), np.empty(0)
    rows = tables[name]
    t_s = rows["t_utc"].to_numpy().astype("datetime64[us]").astype(np.int64) / 1e6
    value = rows[column].to_numpy().astype(np.float64)
    order = np.argsort(t_s, kind="stable")
    return t_s[order], value[order]


def find_wrist_beats(tables: dict[str, pa.Table], wave: tuple[Floats, Floats]) -> tuple[Beats, str]:
    """Beats from the pulse wave where there is one, else those that the device wrote."""
    import numpy as np

    from features.beats import Beats
    from features.peaks import find_beats

    if len(wave[0]):
        return find_beats(*wave, rate_hz=PULSE_HZ, sensor="ppg"), "pulse wave"
    t_s, rr_ms = take_stream(tables, "signal.beat", "rr_ms")
    _, gap = take_stream(tables, "signal.beat", "gap_before")
    return Beats(t_s, rr_ms, gap.astype(np.bool_), TICK_MS), "the device"

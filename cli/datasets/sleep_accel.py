"""Sleep-Accel (Walch 2019, doi:10.1093/sleep/zsz180): Apple Watch heart rate beside polysomnography.

Files <id>_heartrate.txt and <id>_labeled_sleep.txt, seconds from the start of the polysomnogram and
value, apart by comma or space. Motion is not used. Stages: −1 unscored, 0 wake, 1 to 4 NREM, 5 REM.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from cli.datasets.tables import DataSet, DataSetError, Part, join_parts

if TYPE_CHECKING:
    from models.validate.table import Floats

NAME = "sleep_accel"
CLASSES = ("wake", "NREM", "REM")
STAGES = {0: 0.0, 1: 1.0, 2: 1.0, 3: 1.0, 4: 1.0, 5: 2.0}
LABELS = "_labeled_sleep.txt"


def read(path: Path) -> DataSet:
    """Read all nights below a path."""
    from models.sleepwake import CLOCK, FEATURES

    parts = []
    for labels in sorted(path.rglob(f"*{LABELS}")):
        person = labels.name.removesuffix(LABELS)
        beats = sorted(path.rglob(f"{person}_heartrate.txt"))
        if not beats:
            raise DataSetError(
                f"{labels.name}: no {person}_heartrate.txt beside it; fetch both folders of the set"
            )
        parts.append(lay_night(person, read_pairs(beats[0]), read_pairs(labels)))
    notes = (
        (
            "Heart rate alone, of the night itself; levels are relative to that night, which is over when it is"
            " scored. The hour of the clock is not in the set: the clock is hours since the recording began."
        ),
    )
    return DataSet(join_parts(NAME, FEATURES + CLOCK, CLASSES, parts), notes)


def read_pairs(path: Path) -> Floats:
    """Seconds and value, (n, 2)."""
    import numpy as np

    text = path.read_text(encoding="utf-8").replace(",", " ")
    return np.array(text.split(), np.float64).reshape(-1, 2)


def lay_night(person: str, rate: Floats, stages: Floats) -> Part:
    """Epochs of one night."""
    import numpy as np

    from models.sleepwake import EPOCH_S, measure_clock, measure_epochs

    start_s = stages[0, 0] + EPOCH_S * np.arange(len(stages))
    if not np.allclose(stages[:, 0], start_s):
        raise DataSetError(f"{person}{LABELS}: expected one row every 30 s")
    label = np.array([STAGES.get(int(stage), np.nan) for stage in stages[:, 1].tolist()])
    x = np.column_stack(
        [measure_epochs(rate[:, 0], rate[:, 1], float(start_s[0]), len(stages)), measure_clock(len(stages))]
    )
    since_min = (start_s - start_s[0]) / 60
    return Part(person, x, label, start_s, start_s + EPOCH_S, since_min, np.full(len(stages), np.nan))

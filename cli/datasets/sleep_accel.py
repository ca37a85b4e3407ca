"""Sleep-Accel (Walch 2019, doi:10.1093/sleep/zsz180): Apple Watch heart rate beside polysomnography.

Files <id>_heartrate.txt and <id>_labeled_sleep.txt, seconds from the start of the polysomnogram and
value, apart by comma or space. Motion is not used. Stages: −1 unscored, 0 wake, 1 to 4 NREM, 5 REM.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cli.datasets.tables import DataSet, DataSetError, Part, join_parts

if TYPE_CHECKING:
    from models.validate.table import Floats
    from warehouse.sleep_model import SleepModel

NAME = "sleep_accel"
CLASSES = ("wake", "NREM", "REM")
STAGES = {0: 0.0, 1: 1.0, 2: 1.0, 3: 1.0, 4: 1.0, 5: 2.0}
LABELS = "_labeled_sleep.txt"
LEAST_NIGHTS = 3


@dataclass(frozen=True, eq=False)
class Recording:
    """One night: (n, 2) seconds and heart rate, and (k, 2) seconds and stage, a row every 30 s."""

    person: str
    rate: Floats
    stages: Floats


def read(path: Path) -> DataSet:
    """Read all nights below a path."""
    from models.sleepwake import CLOCK
    from warehouse.sleep_model import FEATURES

    parts = [lay_night(one) for one in read_nights(path)]
    notes = (
        (
            "Heart rate alone, of the night itself; levels are relative to that night, which is over when it is"
            " scored. The hour of the clock is not in the set: the clock is hours since the recording began."
        ),
    )
    return DataSet(join_parts(NAME, FEATURES + CLOCK, CLASSES, parts), notes)


def read_nights(path: Path) -> list[Recording]:
    """The nights below a path, in order of person."""
    import numpy as np

    from warehouse.sleep_model import EPOCH_S

    found = []
    for labels in sorted(path.rglob(f"*{LABELS}")):
        person = labels.name.removesuffix(LABELS)
        beats = sorted(path.rglob(f"{person}_heartrate.txt"))
        if not beats:
            raise DataSetError(
                f"{labels.name}: no {person}_heartrate.txt beside it; fetch both folders of the set"
            )
        one = Recording(person, read_pairs(beats[0]), read_pairs(labels))
        if not np.allclose(one.stages[:, 0], one.stages[0, 0] + EPOCH_S * np.arange(len(one.stages))):
            raise DataSetError(f"{person}{LABELS}: expected one row every 30 s")
        found.append(one)
    return found


def read_pairs(path: Path) -> Floats:
    """Seconds and value, (n, 2)."""
    import numpy as np

    text = path.read_text(encoding="utf-8").replace(",", " ")
    return np.array(text.split(), np.float64).reshape(-1, 2)


def lay_night(one: Recording, *, minutes: bool = False) -> Part:
    """Epochs of one night; with `minutes` from the means of whole minutes, as nights are estimated."""
    import numpy as np

    from features.sleep_window import mean_minutes, measure_epochs
    from models.sleepwake import measure_clock
    from warehouse.sleep_model import EPOCH_S

    start_s, epochs = one.stages[:, 0], len(one.stages)
    t_s, hr_bpm = mean_minutes(*one.rate.T) if minutes else one.rate.T
    label = np.array([STAGES.get(int(stage), np.nan) for stage in one.stages[:, 1].tolist()])
    x = np.column_stack([measure_epochs(t_s, hr_bpm, float(start_s[0]), epochs), measure_clock(epochs)])
    since_min = (start_s - start_s[0]) / 60
    return Part(one.person, x, label, start_s, start_s + EPOCH_S, since_min, np.full(epochs, np.nan))


def train_windows(path: Path) -> SleepModel:
    """The model that finds sleep windows, from all nights, with the error of each night left out once."""
    from dataclasses import replace

    from features.sleep_window import mean_minutes, tell_asleep
    from models.sleepwake import CLOCK, summarise_windows
    from models.validate.sleep import train_sleepwake
    from warehouse.sleep_model import FEATURES

    nights = read_nights(path)
    parts = [lay_night(one, minutes=True) for one in nights]
    table = join_parts(NAME, FEATURES + CLOCK, CLASSES, parts)
    if len(table.people) < LEAST_NIGHTS:
        raise DataSetError(f"{NAME}: {LEAST_NIGHTS} nights are needed to say how far a window is off")
    told = []
    for one, part in zip(nights, parts, strict=True):
        model = train_sleepwake(table.take(table.participant != one.person))
        times = mean_minutes(*one.rate.T)
        called = tell_asleep(model, *times, float(part.start_s[0]), len(part.label))
        told.append((part.label > 0, called))
    return replace(train_sleepwake(table), error=summarise_windows(told))

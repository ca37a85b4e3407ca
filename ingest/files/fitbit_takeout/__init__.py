"""Fitbit and Google Health export: Google Takeout in all its layouts, and the older site export.

Folders differ between the years of the export and between languages (`Takeout/Fitbit`, `Takeout/Google
Health`, `MyFitbitData`, `user-site-export`), so members are recognised by base name; a CSV outside these
folders also by its header.

Time: heart rates are UTC in JSON and CSV; a heart-rate JSON file holds one local day, so its first and
last stamps show which offset held at the midnights around it (without JSON, the offsets that stand beside
Google's sleeps do). What is stamped otherwise is tested against heart rates (`verdict`).

A stream that is there in several encodings is read in one of them (`encodings`).
"""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow.compute as pc

from ingest.source import (
    About,
    Bad,
    Batch,
    Context,
    Export,
    Member,
    Records,
    Rejected,
    Remark,
    lay_refusals,
    to_us,
)

from .clocks import find_clock, remark_on_zone
from .encodings import choose_encodings, is_chosen, remark_on_choices
from .json_streams import STEPS_OF_ONE
from .known import STREAMS, find_stream, is_known
from .layout import DAY_US, Setting, Stream
from .stillness import judge_steps
from .verdict import Verdict, judge_stream, read_pulse, read_records, remark_on_verdicts

NAME = "fitbit_takeout"
METHOD_VERSION = "fitbit_takeout-2"
ABOUT = About(
    device="Fitbit, Google Pixel Watch",
    layouts="Google Takeout (`Takeout/Fitbit`, `Takeout/Google Health`) and `MyFitbitData`, split zips too: JSON of"
    " `Global Export Data`; CSV of `Physical Activity_GoogleData`, `Health Fitness Data_GoogleData` and the older"
    " folders of scores, HRV, SpO2, temperature, stress journal, mindfulness; JSON with all of a person in one file,"
    " as studies share it (`sleep.json`, `steps.json`, `exercise.json`, `resting_heart_rate.json`)",
    signals="heart rate with confidence, sleep with stages and short wakes, steps, resting heart rate, exercise,"
    " HRV (5 min, night, deep sleep), SpO2 (minutes, nights), respiration, skin temperature and its deviation,"
    " stress score, readiness, sleep score, continuous skin conductance, logged moods, mindfulness sessions",
    zone="heart rate, steps and exercise are UTC; a heart-rate JSON file holds one local day and so shows the offset,"
    " without JSON the offsets beside `UserSleeps` do, else the person's zone (flagged). `UserSleeps`, Google's HRV"
    " and `sleep_score.csv` say UTC but were local where it could be checked: each is tested against heart rates,"
    " `steps.json` against sleep, in which hardly a step falls, and the load says what was found",
    quirks="sleep logs repeat in neighbouring files (the later wins); 0 and -1 are none, SpO2 50.0 too;"
    " heart rates of confidence 0 are kept but never count as worn; `estimated_oxygen_variation` is no SpO2;"
    " the column of milli-breaths holds breaths; steps of phone and watch overlap in CSV and are kept apart;"
    " a stream in two encodings is read once; quick scans of skin conductance are events `eda_scan`",
    how_to_export="Open the Fitbit or Google account's data page, ask for a copy of the Fitbit data (Google Takeout:"
    " select Fitbit or Google Health only), wait for the mail, download the zip or all its parts, and load them as"
    " they are.",
)


def claims(member: Member) -> bool:
    """Whether the member is a file of this export."""
    return is_known(member)


def stream(name: str) -> str | None:
    """The table that a file of that base name feeds; None for one that is known and left out."""
    found = find_stream(name)
    return None if found is None else found.table


def read(export: Export, context: Context) -> Iterator[Batch | Rejected | Remark]:
    """Read the fresh members of an export, stream by stream."""
    clock = find_clock(export, context)
    yield from remark_on_zone(clock, context.zone)
    chosen = choose_encodings(STREAMS, export.members)
    yield from remark_on_choices(chosen)
    todo = [(row, fresh) for row, fresh in sort_fresh(export) if fresh and is_chosen(row, chosen)]
    testable = any(row.rests for row, _ in todo)
    hearts = [row for row in STREAMS if row.table == "signal.heart_rate" and is_chosen(row, chosen)]
    pulse = read_pulse(export, context, hearts) if testable else None
    judged: list[tuple[Stream, Verdict]] = []
    for row, fresh in todo:
        if row.name == STEPS_OF_ONE:
            verdict = judge_steps(row, export, context, clock, judged)
        else:
            verdict = judge_stream(row, export, context, clock, pulse)
        judged.append((row, verdict))
        local = row.local if verdict.local is None else verdict.local
        sure = verdict.local is not None or not row.suspect
        setting = Setting(clock, to_us(export.exported_utc) + DAY_US, local, sure)
        for records in read_records(row, export, fresh, context):
            context.count_unknown(row.name, records.ignored, row.unused)
            yield from read_batch(row, records, setting, export, context)
    yield from remark_on_verdicts(judged)
    yield from context.tell_unknown()


def sort_fresh(export: Export) -> list[tuple[Stream, list[int]]]:
    """Every stream with the positions of its members that are to be read."""
    by_pattern: dict[str, list[int]] = {row.pattern.pattern: [] for row in STREAMS}
    for i in export.fresh:
        found = find_stream(export.members[i].name)
        if found is not None:
            by_pattern[found.pattern.pattern].append(i)
    return [(row, by_pattern[row.pattern.pattern]) for row in STREAMS]


def read_batch(
    row: Stream, records: Records, setting: Setting, export: Export, context: Context
) -> Iterator[Batch | Rejected]:
    """Read one batch of records; spans are complete only in members of which nothing was refused."""
    spoilt = set(records.broken["member"].to_pylist())
    if records.broken.num_rows:
        yield Rejected(records.broken)
    batches = []
    for found in row.read(records, setting):
        if isinstance(found, Batch):
            batches.append(found)
        elif found.rows.num_rows:
            spoilt |= set(pc.unique(found.rows["member"]).to_pylist())
            yield found if isinstance(found, Rejected) else with_raw(found, row.table, export, context)
    for batch in batches:
        whole = tuple(span for span in batch.complete if span.member not in spoilt)
        yield Batch(batch.table, batch.rows, whole)


def with_raw(bad: Bad, table: str, export: Export, context: Context) -> Rejected:
    """Complete refusals of JSON records with their place and their text."""
    wanted: dict[int, list[int]] = {}
    for member, record in zip(bad.rows["member"].to_pylist(), bad.rows["record"].to_pylist(), strict=True):
        wanted.setdefault(member, []).append(record)
    raw = context.raw_records(export, wanted)
    rows = [
        {
            **row,
            "stream": table,
            "place": f"record {row['record']}",
            "raw": raw.get((row["member"], row["record"]), ""),
        }
        for row in bad.rows.to_pylist()
    ]
    return Rejected(lay_refusals(rows))

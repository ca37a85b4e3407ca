"""Garmin Connect as JSON: answers of its API as somebody recorded them, and the files of the account export.

A document of the API is known by the keys that it begins with, whatever it is called; a file of the
export (folder DI_CONNECT) by its name. The export was not seen in a real file: its layout is as several
public readers of it agree on, and a record that lacks a column that is needed is refused with its name.

Time, as recorded answers show: whatever has a GMT and a Local stamp (text, or milliseconds of a clock
that is read as if it were UTC) proves its offset. Of a day with a change of clocks both ends are given;
the person's zone says which holds, if it agrees with one of them. Values of a date alone are put at its
local midnight. An HRV reading is stamped at the end of its five minutes: the first comes five minutes
after sleep began, the last at its end.

A recording of answers (YAML, as VCR keeps them: `recordings`) is read answer by answer; what is asked of
other services than are used here is left out and counted.

A day's steps are a total: they are kept as the vital `steps_day`, 0 being none. So are the vendor's own
minutes of a sleep (`tst_min`, `deep_min`, …), at its end, for nights of which no stages are there.

Profile and device numbers, names and places are not read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from ingest.source import (
    MINUTE_US,
    About,
    Batch,
    Clock,
    Context,
    Documents,
    Export,
    Member,
    Midnights,
    Rejected,
    Remark,
    check_instants,
    instants,
    parse_documents,
    peek,
    refuse_one,
    refuse_rows,
    settle_clock,
    to_us,
)

from .documents import Kind, find_answer_kind, find_export_kind
from .recordings import is_recording, parse_recording
from .rows import Found

NAME = "garmin_connect"
METHOD_VERSION = "garmin_connect-2"
ABOUT = About(
    device="Garmin watches, by way of Garmin Connect",
    layouts="recorded API answers (hrv, dailyHeartRate, dailyStress, dailySleepData, dailySummaryChart,"
    " trainingreadiness, bodyBattery events, weight, daily lists of HRV, steps, stress and sleep scores), each a JSON"
    " file or in a VCR recording (YAML); account export: `*_sleepData.json`, `UDSFile_*.json`,"
    " `*_healthStatusData.json`, `TrainingReadinessDTO_*.json`",
    signals="five-minute and nightly RMSSD, heart rate, resting heart rate, stress level and daily stress, body"
    " battery, sleep with stages, naps and score, respiration, SpO2, skin temperature deviation, steps of quarter"
    " hours, a day's steps and a sleep's minutes by stage (as vitals), weight, readiness; not workouts (these are in"
    " FIT)",
    zone="GMT and Local stamps of the same moment prove the offset; dates alone take the person's zone (flagged)",
    quirks="stress -1 and -2 are not measurable; body battery null is none; nights of the export have no stages;"
    " the export's intraday data are in its FIT files",
    how_to_export="On garmin.com open Account, Data Management, Export Your Data; wait for the mail; load the zip"
    " as it is: the zips inside it, which hold the FIT files, are read too.",
)

DAY_US = 1440 * MINUTE_US
FIRST_US = int(np.datetime64("2008-01-01", "us").astype(np.int64))
"""Garmin Connect opened in 2008."""
BATCH_ROWS = 400_000
OFFSET_MAX_MIN = 14 * 60
"""No zone is further from UTC."""
EMPTY = (b"", b"null", b"[]", b"{}")
"""Bodies of answers that hold nothing: there was nothing on that day."""


def claims(member: Member) -> bool:
    """Whether the member is a document of Connect, by its name or the keys that it begins with, or a recording."""
    head = peek(member)
    if member.name.lower().endswith(".json"):
        return find_export_kind(member.name, head) is not None
    return is_recording(member.name, head)


def stream(name: str) -> str | None:
    """The table that most rows of such a file feed; answers of the API are not known by their name."""
    return "signal.sleep_episode" if name.endswith("_sleepData.json") else "signal.vendor_score"


def read(export: Export, context: Context) -> Iterator[Batch | Rejected | Remark]:
    """Read the fresh documents, one after the other, into batches of many."""
    none = np.zeros(0, dtype=np.int64)
    clock = settle_clock(context.zone, Midnights(none, none, none))
    latest_us = to_us(export.exported_utc) + DAY_US
    waiting: dict[str, list[pa.Table]] = {}
    unused: Counter[str] = Counter()
    for member in export.fresh:
        for found in read_member(member, export.members[member], clock, latest_us, unused):
            if isinstance(found, Rejected):
                yield found
                continue
            parts = waiting.setdefault(found.table, [])
            parts.append(found.rows)
            if sum(part.num_rows for part in parts) > BATCH_ROWS:
                yield join_batch(found.table, waiting.pop(found.table))
    for table, parts in waiting.items():
        yield join_batch(table, parts)
    if unused:
        services = ", ".join(f"{name} ({count})" for name, count in sorted(unused.items()))
        yield Remark(f"Recorded answers of kinds that are not used here were left out: {services}.")


def join_batch(table: str, parts: list[pa.Table]) -> Batch:
    """Put rows of many documents below each other."""
    return Batch(table, pa.concat_tables(parts, promote_options="default"))


def read_member(
    place: int, member: Member, clock: Clock, latest_us: int, unused: Counter[str]
) -> Iterator[Batch | Rejected]:
    """Read one file; `unused` counts answers that nobody reads, by service."""
    data = member.read()
    kind = find_export_kind(member.name, peek(member))
    if not member.name.lower().endswith(".json"):
        yield from read_recording(place, data, clock, latest_us, unused)
    elif kind is not None:
        file = File(place, stream(member.name) or "file", clock, latest_us)
        yield from read_document(file, kind, parse_documents(data, kind.key))


def read_recording(
    place: int, data: bytes, clock: Clock, latest_us: int, unused: Counter[str]
) -> Iterator[Batch | Rejected]:
    """Read the answers of a recording; records are numbered through."""
    recording = parse_recording(data)
    first = 0
    for number, answer in enumerate(recording.answers):
        kind = find_answer_kind(answer.asked, answer.body[:1024]) if answer.method == "GET" else None
        file = File(place, "signal.vendor_score", clock, latest_us, first, f"answer {number}, ")
        if answer.problem:
            yield refuse_one(place, file.table, None, f"answer {number}", answer.problem, "")
        elif kind is not None:
            documents = parse_documents(answer.body, kind.key)
            yield from read_document(file, kind, documents)
            first += len(documents.records)
        elif answer.body.strip() not in EMPTY:
            unused[answer.asked.split("/")[1][:40] if "/" in answer.asked else "?"] += 1
    if recording.reason:
        name = "signal.vendor_score" if recording.answers else "file"
        yield refuse_one(place, name, None, recording.place, recording.reason, "")


@dataclass(frozen=True)
class File:
    """A member, and what the readers of its records share; `first` is the number of its first record."""

    member: int
    table: str
    clock: Clock
    latest_us: int
    first: int = 0
    within: str = ""
    """Where in the file its document is."""


def read_document(file: File, kind: Kind, documents: Documents) -> Iterator[Batch | Rejected]:
    """Read one document; what stands where it breaks is not kept, as profile numbers may be in it."""
    if documents.reason:
        name = file.table if documents.records else "file"
        where = f"{file.within}{documents.place}"
        yield refuse_one(file.member, name, None, where, documents.reason, "")
    for number, record in enumerate(documents.records, start=file.first):
        lacks = missing(record, kind.needed)
        if lacks:
            yield refuse_one(file.member, file.table, number, f"record {number}", lacks, "")
            continue
        if isinstance(record, dict):
            for found in kind.read(record, file.clock):
                yield from finish(found, file.member, number, file.clock, file.latest_us)


def missing(record: object, needed: tuple[str, ...]) -> str:
    """What a record lacks; nothing where it has all that is needed, if only as null."""
    if not isinstance(record, dict):
        return f"expected a record with {', '.join(needed)}, found none"
    lacks = [name for name in needed if name not in record]
    here = ", ".join(sorted(map(str, record))[:12])
    return f"expected a column {', '.join(lacks)}; the record has {here[:300]}" if lacks else ""


def finish(
    found: Found, member: int, number: int, clock: Clock, latest_us: int
) -> Iterator[Batch | Rejected]:
    """Part good rows from bad ones, and give the good ones their offset."""
    count = found.t_us.size
    if not count:
        return
    where = {"member": pa.repeat(pa.scalar(member, pa.int32()), count)}
    where["record"] = pa.repeat(pa.scalar(number, pa.int64()), count)
    rows = pa.table({**where, "t_utc": instants(found.t_us), **found.columns})
    checks = [*check_instants(found.t_us, FIRST_US, latest_us), *found.checks]
    # Stamps that are none, or beyond the calendar, cannot be shown.
    shown = [name for name in rows.column_names if not pa.types.is_timestamp(rows[name].type)]
    keep, rejected = refuse_rows(rows.select(shown), checks, found.table)
    if not keep.all():
        yield rejected
        rows = rows.filter(pa.array(keep))
    if rows.num_rows:
        own = found.offset_min[keep]
        known = np.abs(own) <= OFFSET_MAX_MIN
        offset, assumed = clock.of_utc(found.t_us[keep])
        offset = np.where(known, np.where(known, own, 0), offset).astype(np.int16)
        rows = rows.append_column("offset_min", pa.array(offset))
        yield Batch(found.table, rows.append_column("tz_assumed", pa.array(assumed & ~known)))

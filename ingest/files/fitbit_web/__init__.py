"""Fitbit Web API: its answers as a script recorded them before it was switched off, one answer a file.

A file lies in the folder of its account by the path that was asked for, `A1B2C3/sleep/date/2026-10-25.json`, with the
API's version before it or not, packed (`.json.gz`) or not. What is in it says what it is, so that a file of a sure
kind may lie anywhere.

Time: stamps are local, without an offset. They take the zone of the account's own profile where that was recorded,
else the person's (flagged). An hour that clocks repeat is told apart by the order of values, in a sleep by its
duration: a log is stamped by the clock at its start, or as clocks change.
"""

from __future__ import annotations

from collections.abc import Iterator
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa

from ingest.source import (
    About,
    Batch,
    Clock,
    Context,
    Export,
    Member,
    Midnights,
    Moments,
    Quantity,
    Rejected,
    Remark,
    check_instants,
    constant,
    dig,
    parse_documents,
    place_days,
    refuse_one,
    settle_clock,
    sub_records,
    take_quantity,
    to_float,
    to_us,
)

from .layout import (
    ADDRESS,
    BPM,
    BREATHS,
    COUNT,
    COUNT_DAY,
    DAY_US,
    FIRST_US,
    HEART,
    MEANS,
    OXYGEN,
    OXYGEN_NIGHT,
    RESTING,
    RMSSD,
    RMSSD_DEEP,
    RMSSD_NIGHT,
    SKIN,
    Series,
    is_answer,
    place_in_order,
    unpack,
)
from .sleep import read_sleep

NAME = "fitbit_web"
METHOD_VERSION = "fitbit_web-1"
ABOUT = About(
    device="Fitbit, through the Web API that was switched off on 2 November 2026",
    layouts="recorded answers, a folder an account, by the path asked for: `activities/heart/date/…/1d/1sec.json`,"
    " `activities/steps/date/…`, `sleep/date/…`, `hrv/date/…`, `spo2/date/…`, `br/date/…`, `temp/skin/date/…`,"
    " `profile.json`; packed as `.json.gz` too",
    signals="heart rate (single values, or means of minutes as a device of their own), steps by the minute and by the"
    " day (as a vital), sleep with stages and short wakes or by the minute, HRV (5 min, night, deep sleep), SpO2"
    " (minutes, nights), respiration, skin temperature deviation, resting heart rate",
    zone="stamps are local without an offset: the zone of the account's profile where it was recorded, else the"
    " person's (flagged either way)",
    quirks="0 steps of a minute are left out, as they were listed of a watch in a drawer too; values every 5 or 15"
    " minutes are left out; SpO2 50.0 and 0 are none; stages win over version 1's minutes of the same log; files of"
    " several accounts at once are refused; active zone minutes, devices and weights are left out",
    how_to_export="The API is gone: load what a script recorded before. New data come through `steadyline connect"
    " google_health`, or an account export (fitbit_takeout). docs/fitbit.md tells how an old script goes on.",
)
PARTS = ("fullSleepSummary", "breathingRate")
LEFT_OUT = frozenset(
    {"activities-active-zone-minutes", "activities", "weight", "fat", "body-weight", "user", "battery"}
)
"""Keys of answers that are known and not read."""
FIVE_MIN_S, MINUTE_S = 300.0, 60.0
Found = Iterator[Batch | Rejected | Remark]


def claims(member: Member) -> bool:
    """Whether the member is a recorded answer, by where it lies or by how it begins."""
    return is_answer(member)


def stream(name: str) -> str | None:
    """The table that a file feeds first; it may feed several."""
    return HEART if name.lower().endswith((".json", ".json.gz")) else None


def read(export: Export, context: Context) -> Found:
    """Read the fresh answers of one account."""
    accounts = sorted({name for member in export.members if (name := name_account(member)) is not None})
    if len(accounts) > 1:
        for i in export.fresh:
            reason = (
                f"answers of {len(accounts)} accounts lie here: load the folder of each account by itself"
            )
            yield refuse_one(i, "file", None, "file", reason, "")
        return
    zone = find_zone(export) or context.zone
    if zone != context.zone:
        yield Remark(f"The account's own profile says {zone}: its local times are read with that zone.")
    none = np.zeros(0, dtype=np.int64)
    clock = settle_clock(zone, Midnights(none, none, none))
    latest_us = to_us(export.exported_utc) + DAY_US
    coarse = 0
    for i in export.fresh:
        reader = Reader(i, clock, latest_us)
        yield from reader.read(export.members[i])
        coarse += reader.coarse
    if coarse:
        yield Remark(f"Answers with values every 5 or 15 minutes were left out: {coarse}.")


def name_account(member: Member) -> str | None:
    """The account in whose folder an answer lies; None where its path does not say."""
    found = ADDRESS.fullmatch(member.path)
    return None if found is None or "/" not in member.path else found["account"] or ""


def find_zone(export: Export) -> str | None:
    """The zone in a recorded profile; None where there is none that is known."""
    for member in export.members:
        if member.name.lower().startswith("profile.json"):
            data = unpack(member.read())
            found = parse_documents(data or b"", "").records
            name = dig(found[0], "user", "timezone") if found else None
            try:
                return ZoneInfo(name).key if isinstance(name, str) else None
            except (KeyError, ValueError, OSError):
                return None
    return None


class Reader:
    """Reads one answer."""

    def __init__(self, member: int, clock: Clock, latest_us: int) -> None:
        self.member, self.clock, self.latest_us = member, clock, latest_us
        self.count = 0
        """Values so far: the next one's number."""
        self.coarse = 0
        """Whether values every 5 or 15 minutes were left out."""

    def read(self, member: Member) -> Found:
        """Read what is in an answer, whatever its name is."""
        data = unpack(member.read())
        if data is None:
            yield self.refuse("a packed file that is damaged or too large: record the answer again")
            return
        found = parse_documents(data, "")
        if found.reason:
            yield refuse_one(self.member, "file", None, found.place, found.reason, found.raw)
        answers = [record for record in found.records if isinstance(record, dict)]
        if any(dig(record, "value", "avg") is not None or "minutes" in record for record in answers):
            yield from self.read_oxygen(answers)
            return
        for answer in answers:
            yield from self.read_answer(answer)

    def refuse(self, reason: str) -> Rejected:
        """Refuse the file."""
        return refuse_one(self.member, "file", None, "file", reason, "")

    def read_answer(self, answer: dict[str, object]) -> Found:
        """Read an answer that is an object."""
        keys = {key.removesuffix("-intraday") for key in answer} - {"summary", "goals"}
        if "sleep" in keys and isinstance(answer["sleep"], list):
            yield from read_sleep(answer["sleep"], self.member, self.clock, self.latest_us)
        elif "activities-heart" in keys:
            yield from self.read_heart(answer)
        elif "activities-steps" in keys:
            yield from self.read_steps(answer)
        elif "hrv" in keys:
            yield from self.read_variability(sub_records(answer["hrv"]))
        elif "br" in keys:
            yield from self.read_breaths(sub_records(answer["br"]))
        elif "tempSkin" in keys:
            skin = Series()
            for one in sub_records(answer["tempSkin"]):
                skin.add(one.get("dateTime"), dig(one, "value", "nightlyRelative"))
            yield from self.take_days(skin, SKIN)
        elif "errors" in keys:
            yield self.refuse("an error of the Web API was recorded here, and no answer")
        elif keys and not keys & LEFT_OUT and not any(key.startswith("activities-") for key in keys):
            yield self.refuse("an answer that is not known: docs/sources.md lists what is read")

    # --- kinds ---------------------------------------------------------------------------------

    def read_heart(self, answer: dict[str, object]) -> Found:
        """Heart rates of a day, and resting heart rates."""
        days = sub_records(answer.get("activities-heart"))
        resting = Series()
        for one in days:
            resting.add(one.get("dateTime"), dig(one, "value", "restingHeartRate"))
        yield from self.take_days(resting, RESTING)
        values, step_s = self.read_dataset(answer, "heart")
        if step_s in (1, 60):
            for found in self.take(values, BPM, place_in_order(values.stamps, self.clock)):
                yield label(found, MEANS) if step_s == 60 else found

    def read_steps(self, answer: dict[str, object]) -> Found:
        """Steps of days, and by the minute."""
        totals = Series()
        for one in sub_records(answer.get("activities-steps")):
            totals.add(one.get("dateTime"), one.get("value"))
        yield from self.take_days(totals, COUNT_DAY)
        values, step_s = self.read_dataset(answer, "steps")
        if step_s == 60:
            yield from self.take(values, COUNT, place_in_order(values.stamps, self.clock, MINUTE_S))

    def read_dataset(self, answer: dict[str, object], what: str) -> tuple[Series, int]:
        """Values of one day, and the seconds from one to the next; 0 where there are none."""
        day = next((one.get("dateTime") for one in sub_records(answer.get(f"activities-{what}"))), None)
        within = answer.get(f"activities-{what}-intraday")
        entries = sub_records(dig(within, "dataset"))
        unit = {"second": 1, "minute": 60}.get(str(dig(within, "datasetType")), 0)
        step = to_float(dig(within, "datasetInterval"))
        step_s = unit * int(step) if step > 0 else 0
        if entries and step_s > 60:
            self.coarse = 1
        values = Series()
        if 0 < step_s <= 60:
            for one in entries:
                values.add(f"{day}T{one.get('time')}", one.get("value"))
        return values, step_s if values.values else 0

    def read_variability(self, nights: list[dict[str, object]]) -> Found:
        """RMSSD of nights, and of every five minutes."""
        whole, deep = Series(), Series()
        for night in nights:
            whole.add(night.get("dateTime"), dig(night, "value", "dailyRmssd"))
            deep.add(night.get("dateTime"), dig(night, "value", "deepRmssd"))
            minutes = Series()
            for one in sub_records(night.get("minutes")):
                share = to_float(dig(one, "value", "coverage"))
                known = share if 0 <= share <= 1 else None
                minutes.add(one.get("minute"), dig(one, "value", "rmssd"), known)
            when = place_in_order(minutes.stamps, self.clock, FIVE_MIN_S)
            first = self.count
            for found in self.take(minutes, RMSSD, when):
                yield with_coverage(found, minutes, first)
        yield from self.take_days(whole, RMSSD_NIGHT)
        yield from self.take_days(deep, RMSSD_DEEP)

    def read_oxygen(self, nights: list[dict[str, object]]) -> Found:
        """Oxygen saturation of nights, and of minutes."""
        means = Series()
        for night in nights:
            means.add(night.get("dateTime"), dig(night, "value", "avg"))
            minutes = Series()
            for one in sub_records(night.get("minutes")):
                minutes.add(one.get("minute"), one.get("value"))
            yield from self.take(minutes, OXYGEN, place_in_order(minutes.stamps, self.clock))
        yield from self.take_days(means, OXYGEN_NIGHT)

    def read_breaths(self, nights: list[dict[str, object]]) -> Found:
        """Breaths a minute of nights."""
        breaths = Series()
        for night in nights:
            rate = dig(night, "value", "breathingRate")
            breaths.add(night.get("dateTime"), dig(night, "value", *PARTS) if rate is None else rate)
        yield from self.take_days(breaths, BREATHS)

    # --- rows ----------------------------------------------------------------------------------

    def take_days(self, values: Series, quantity: Quantity) -> Iterator[Batch | Rejected]:
        """Values of days as rows; where a day has none, there is none."""
        kept = Series()
        for stamp, value in zip(values.stamps, values.values, strict=True):
            if value is not None:
                kept.add(stamp, value)
        yield from self.take(kept, quantity, place_days(pa.array(kept.stamps, pa.string()), self.clock))

    def take(self, values: Series, quantity: Quantity, when: Moments) -> Iterator[Batch | Rejected]:
        """Values as rows."""
        if values.values:
            checks = check_instants(when.t_us, FIRST_US, self.latest_us)
            rows = values.rows(self.member, self.count)
            self.count += rows.num_rows
            yield from take_quantity(rows, quantity, when, checks)


def label(found: Batch | Rejected, device: str) -> Batch | Rejected:
    """Rows with the name of a device."""
    if isinstance(found, Rejected):
        return found
    return Batch(found.table, found.rows.append_column("device", constant(device, found.rows.num_rows)))


def with_coverage(found: Batch | Rejected, values: Series, first: int) -> Batch | Rejected:
    """Rows with the share of beats that the vendor names beside each value, of which the first has that number."""
    if isinstance(found, Rejected):
        return found
    places = pa.array(found.rows["record"].to_numpy() - first)
    shares = pa.array(values.more, pa.float64()).take(places)
    place = found.rows.column_names.index("coverage")
    return Batch(found.table, found.rows.set_column(place, "coverage", shares))

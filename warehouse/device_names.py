"""Names of devices as others get them: makers and models stay, what a person called theirs and serials go.

A device is called whatever an export or `--device` says, so that `Kim's watch` or `Polar H10 8A1B2C3D` may
stand in every row. Such a name leaves as `device 1`, numbered for each person and source in order of first
use: devices stay apart, and one is the same in all tables. The warehouse keeps the names themselves.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date

from warehouse.schema import Table
from warehouse.store import Connection

NAMING = ("source", "segment")
"""Columns of results that name devices as 'source/device': several with commas between, a segment with its @era."""
WORDS = """
    unknown watch ring band strap chest phone tablet sensor scale mat bike wrist arm finger made via
    fitbit blaze charge flex inspire ionic luxe one sense surge versa zip pixel google health fit
    apple iphone ipad ipod airpods pedometer series nike
    garmin approach descent edge enduro epix fenix fēnix forerunner hrm dual instinct quatix swim tactix tri
    venu vivoactive vívoactive vivofit vívofit vivomove vívomove vivosmart vívosmart solar sport crossover
    oura whoop polar vantage ignite grit pacer unite loop stride
    withings scanwatch steel pulse move sleep analyzer body horizon
    samsung galaxy gear classic active
    empatica embrace embraceplus
    amazfit bip stratos verge zepp huami xiaomi redmi smart balance
    suunto race peak vertical wahoo tickr coros pace apex vertix movesense bittium faros zephyr
    huawei kubios elite logger ecg ppg plus ultra pro lite se hr
    com android apps app mobile fitbitmobile ouraring shealth sec
"""
VOCABULARY = frozenset(WORDS.split())
"""Words of makers, models and apps that are no name of a person: `verity`, `mi` or `max` only beside another."""
BESIDE = re.compile(
    r"\bpro max\b|\bverity(?= sense\b)|\bmi (?=band|watch|fit|smart)|\bgen (?=\d)|(?<=\d) gen\b"
)
MODEL = re.compile(r"(?=\w*\d)\w{1,3}|sm-[a-z]\d{3,4}[a-z]{0,2}|ii|iii|iv|\d(?:st|nd|rd|th)")
"""A short number of a model (H10, 245, 7X), Samsung's (SM-R870), or a Roman one."""
SERIES = re.compile(r"(?<=[^\W\d])\d{1,2}$")
"""A number at a word's end: Watch4."""
PART = re.compile(r"[\s_/.,()+]+")
ERA = re.compile(r"@[^@/]*$")
SOURCE = re.compile(r"[a-z0-9_]+")

Names = Mapping[tuple[str, str], str]
"""Person and name as the warehouse has it → name as others get it; only of names that differ."""


def is_plain(device: str) -> bool:
    """Whether a device's name tells a maker or a model and nothing else.

    >>> [is_plain(name) for name in ("Fitbit Charge 6", "Apple Watch", "Kim's Watch", "Polar H10 8A1B2C3D")]
    [True, True, False, False]
    """
    folded = BESIDE.sub("pro ", device.casefold())
    words = [word for word in PART.split(folded) if word]
    return bool(words) and all(map(_is_known, words))


def _is_known(word: str) -> bool:
    if MODEL.fullmatch(word):
        return True
    parts = [SERIES.sub("", part) for part in word.split("-")]
    return all(part in VOCABULARY or MODEL.fullmatch(part) for part in parts)


def name_devices(used: Iterable[tuple[str, str, date | None]], streams: Iterable[tuple[str, str]]) -> Names:
    """Give every name that is not plain the one that others get.

    Parameters
    ----------
    used : iterable of (person, name, day)
        What stands in the columns `NAMING`, and the first day of it; days are compared, None comes last.
    streams : iterable of (person, 'source/device')
        Every stream, each the name of one device.
    """
    found: dict[str, dict[str, date | None]] = {}
    single: dict[str, set[str]] = {}
    for person, name in streams:
        found.setdefault(person, {}).setdefault(name, None)
        single.setdefault(person, set()).add(name)
    for person, name, day in used:
        known = found.setdefault(person, {})
        before = known.get(name)
        known[name] = day if before is None else before if day is None else min(before, day)
    shown: dict[tuple[str, str], str] = {}
    for person, names in found.items():
        shown |= {(person, name): new for name, new in _name(names, single.get(person, set())).items()}
    return shown


def _name(names: Mapping[str, date | None], single: set[str]) -> dict[str, str]:
    """The names of one person that change; `single` are those of one device for certain."""
    sources = sorted({name.partition("/")[0] for name in (*single, *names)}, key=len, reverse=True)
    fit = "|".join(re.escape(source) for source in sources if SOURCE.fullmatch(source))
    several = re.compile(rf", (?=(?:{fit})/)") if fit else None
    lists = {name: [name] if name in single or several is None else several.split(name) for name in names}
    parts = {part for listed in lists.values() for part in listed}
    eras = {part: ERA.sub("", part) for part in parts if part not in single and ERA.sub("", part) in parts}
    first: dict[str, date] = {}
    for name, listed in lists.items():
        for part in listed:
            device, day = eras.get(part, part), names[name] or date.max
            first[device] = min(day, first.get(device, day))
    numbers: dict[str, int] = {}
    new: dict[str, str] = {}
    for device in sorted(first, key=lambda name: (first[name], name)):
        source, _, own = device.partition("/")
        plain_source = SOURCE.fullmatch(source) is not None and bool(own)
        if not (plain_source and is_plain(own)):
            source = source if plain_source else "other"
            numbers[source] = numbers.get(source, 0) + 1
            new[device] = f"{source}/device {numbers[source]}"
    told = {part: new.get(part, part) for part in parts}
    told |= {part: told[base] + part.removeprefix(base) for part, base in eras.items()}
    joined = {name: ", ".join(sorted(told[part] for part in listed)) for name, listed in lists.items()}
    return {name: text for name, text in joined.items() if text != name}


def hold_device_names(con: Connection, tables: Sequence[Table]) -> None:
    """Hold the names that differ (`read_device_names`) in the temporary table `shown_device`.

    Its columns are participant, name, shown.
    """
    names = read_device_names(con, tables)
    con.execute(
        "create or replace temp table shown_device as select unnest(?::varchar[]) as participant,"
        " unnest(?::varchar[]) as name, unnest(?::varchar[]) as shown",
        [[person for person, _ in names], [name for _, name in names], [*names.values()]],
    )


def read_device_names(con: Connection, tables: Sequence[Table]) -> Names:
    """Read the names of everybody's devices, and give those that differ as others get them.

    Parameters
    ----------
    con : connection
        A warehouse.
    tables : sequence of Table
        All results that may leave: numbers follow the first use in any of them, so that they are the same
        whichever are written.
    """
    reads = [
        f'select participant, "{column}" as name, day from {table.full_name} where "{column}" is not null'
        for table in tables
        for column in naming_columns(table)
    ]
    used = con.execute(
        f"select participant, name, min(day) from ({' union all '.join(reads)}) group by all order by all"
    ).fetchall()
    streams = con.execute(
        "select distinct participant, source || '/' || device from meta.stream order by all"
    ).fetchall()
    return name_devices(used, streams)


def naming_columns(table: Table) -> list[str]:
    """List the columns of a result that name devices."""
    return [c.name for c in table.columns if c.name in NAMING and table.kind == "result"]


def shown_sql(name: str, participant: str = "t.participant") -> str:
    """Write the SQL of a name as others get it, from that of 'source/device' as the warehouse has it."""
    found = f"select s.shown from shown_device s where s.participant = {participant} and s.name = {name}"
    return f"coalesce(({found}), {name})"

"""Where a record comes from, and when by the local clock: device names and zones out of Apple's texts."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ingest.source import Clock, Flags, Instants, Midnights, settle_clock

from .shape import Rows

ADDRESS = re.compile(r"\A<<HKDevice: [^>]*>, ")
PART = re.compile(r"(?:^|, )(name|manufacturer|model|hardware|firmware|software|localIdentifier):")
OWN_NAMES = ("Apple Watch", "iPhone", "iPad", "iPod")
"""How Apple's own devices are named, also inside names such as `Kim's Apple Watch`."""
FIXED_ZONE = re.compile(r"(?:GMT|UTC)(?:([+-])(\d{1,2}):?(\d{2})?)?")
LONGEST_NAME = 80

Offsets = npt.NDArray[np.int16]


def tidy(text: str) -> str:
    """A name without the odd spaces of iOS and without line breaks."""
    return " ".join(text.split())[:LONGEST_NAME]


def split_device(text: str) -> dict[str, str]:
    """Part a device's text into name, manufacturer, model, hardware, software and the like.

    A value may hold commas (`hardware:Watch6,2`), so only the known words part them.
    """
    text = ADDRESS.sub("", text).removesuffix(">")
    cuts = [*PART.finditer(text)]
    ends = [*(cut.start() for cut in cuts), len(text)][1:]
    return {cut[1]: text[cut.end() : end].strip() for cut, end in zip(cuts, ends, strict=False)}


@lru_cache(maxsize=4096)
def name_device(source: str, version: str, device: str) -> str | None:
    """The name of what recorded something, the same in every export of it.

    Apple's own devices go by their kind, `Apple Watch`, never by the name that a person gave them.
    What an app wrote with or without a device is kept apart from what the device wrote by itself:
    `iPhone (Pedometer)`, `AutoSleep`. None where nothing is said.
    """
    parts = split_device(device)
    name = tidy(parts.get("name", "")) or tidy(f"{parts.get('manufacturer', '')} {parts.get('model', '')}")
    app = tidy(source)
    kind = find_own(name or app)
    if kind is None:
        return name or app or None
    # The system signs with its own version, an app with the app's.
    by_itself = not app or find_own(app) is not None or version == parts.get("software")
    return kind if by_itself else f"{kind} ({app})"


def find_own(name: str) -> str | None:
    """Which of Apple's own devices a name is of."""
    return next((own for own in OWN_NAMES if own in name), None)


def name_devices(rows: Rows, words: Sequence[str]) -> pa.DictionaryArray:
    """The device of each row; null where the export names none."""
    texts = ["", *words]
    columns = np.stack([rows[name].astype(np.int64) + 1 for name in ("source", "version", "device")])
    size = len(texts)
    combined = (columns[0] * size + columns[1]) * size + columns[2]
    different, place = np.unique(combined, return_inverse=True)
    names = [
        name_device(texts[c // size // size], texts[c // size % size], texts[c % size])
        for c in different.tolist()
    ]
    known = sorted({name for name in names if name is not None})
    number = {name: i for i, name in enumerate(known)}
    codes = np.array([number.get(name or "", -1) for name in names], np.int32)[place]
    indices = pa.array(np.maximum(codes, 0), mask=codes < 0)
    return pa.DictionaryArray.from_arrays(indices, pa.array(known, pa.string()))


@lru_cache(maxsize=256)
def zone_clock(zone: str) -> Clock:
    """The clock of an IANA zone."""
    none = np.zeros(0, np.int64)
    return settle_clock(zone, Midnights(none, none, none))


def find_clock(zone: str) -> Clock | int | None:
    """What the name of a zone in a record says: a clock, a fixed offset in minutes, or nothing known."""
    fixed = FIXED_ZONE.fullmatch(zone)
    if fixed:
        minutes = int(fixed[2] or 0) * 60 + int(fixed[3] or 0)
        return -minutes if fixed[1] == "-" else minutes
    try:
        return zone_clock(zone)
    except (KeyError, ValueError, OSError):
        return None


def settle_offsets(
    t_us: Instants, zones: npt.NDArray[np.int32], words: Sequence[str], home: str
) -> tuple[Offsets, Flags]:
    """Offsets in minutes, and where they are assumed from the person's zone.

    A record's own zone stands where it names one. Its stamp does not help: Apple writes all stamps
    with the offset of the phone at the time of the export.
    """
    offset, assumed = zone_clock(home).of_utc(t_us)
    for zone in np.unique(zones[zones >= 0]).tolist():
        here = zones == zone
        found = find_clock(words[zone])
        if found is None:
            continue
        offset[here] = found.of_utc(t_us[here])[0] if isinstance(found, Clock) else found
        assumed[here] = False
    return offset, assumed

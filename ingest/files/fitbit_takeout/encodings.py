"""Which of several encodings of the same stream is read: one an export, never both."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa

from ingest.source import MISSING, US_DATE, Member, Remark, parse_days

from .layout import GOOGLE, JSON, OLDER, Stream, name_day

Chosen = dict[str, dict[str, set[int]]]
"""Family → encoding → months since 1970; the encoding that is read comes first."""
ORDER = (JSON, OLDER, GOOGLE)
"""JSON has the vendor's confidence and its reconciled steps; the older CSV has fewer false stamps."""
MONTHS_MORE = 2
"""A later encoding is read instead where it has more than this many months more."""
ISO_DAY = re.compile(rb"\b(\d{4}-\d{2}-\d{2})[T ,\"]")
US_DAY = re.compile(rb"\b(\d{2}/\d{2}/\d{2})[ \"]")


def choose_encodings(streams: Sequence[Stream], members: Sequence[Member]) -> Chosen:
    """The encodings of each family that are there with data: encoding → months, the one to read first."""
    held = months_held(streams, members)
    chosen: Chosen = {}
    for family in dict.fromkeys(s.family for s in streams if s.family):
        months = {encoding: held[family, encoding] for encoding in ORDER if held.get((family, encoding))}
        best = next(iter(months), None)
        for encoding, found in months.items():
            if best is not None and len(found) > len(months[best]) + MONTHS_MORE:
                best = encoding
        if best is not None:
            chosen[family] = {best: months[best], **months}
    return chosen


def is_chosen(stream: Stream, chosen: Chosen) -> bool:
    """Whether a stream is of the encoding that is read; all are where none has data."""
    there = chosen.get(stream.family)
    return not there or next(iter(there)) == stream.encoding


def remark_on_choices(chosen: Chosen) -> Iterator[Remark]:
    """Say of which streams another encoding was left unread."""
    for family, months in chosen.items():
        read, *others = months
        for other in others:
            only = sorted(months[other] - months[read])
            lost = f", though {len(only)} months are only there ({span_of(only)})" if only else ""
            yield Remark(
                f"The export holds {family} twice, as {read} and as {other}: {read} was read, {other} left out{lost}."
            )


def span_of(months: Sequence[int]) -> str:
    """The first and last month, as years and months."""
    first, last = (np.datetime64(month, "M") for month in (months[0], months[-1]))
    return str(first) if first == last else f"{first} to {last}"


def months_held(streams: Sequence[Stream], members: Sequence[Member]) -> dict[tuple[str, str], set[int]]:
    """Months since 1970 of which there are data, by family and encoding.

    Taken from the names of members that have records, and from the first and last records of others.
    """
    held: dict[tuple[str, str], set[int]] = {}
    for member in members:
        stream = next((s for s in streams if s.pattern.fullmatch(member.name)), None)
        if stream is None or not stream.family:
            continue
        edges = member.digest.head + b"\n" + member.digest.tail
        named = name_day(member.name)
        months = held.setdefault((stream.family, stream.encoding), set())
        if named is None:
            days = days_inside(edges)
            months |= set(range(month_of(min(days)), month_of(max(days)) + 1)) if days else set()
        elif ISO_DAY.search(edges) or US_DAY.search(edges):
            months.add(month_of(named))
    return held


def days_inside(edges: bytes) -> list[int]:
    """Days that stand in the first and last kilobyte of a member; none where it has no records."""
    iso = parse_days(texts(ISO_DAY.findall(edges)), ("YYYY-MM-DD",))
    american = parse_days(texts(US_DAY.findall(edges)), US_DATE)
    days = np.concatenate([iso, american])
    return [int(day) for day in days[days != MISSING] if day > 0]


def texts(found: Sequence[bytes]) -> pa.Array:
    """Bytes of digits as a column of text."""
    return pa.array([text.decode() for text in found], pa.string())


def month_of(day: int) -> int:
    """The month since 1970 of a day since 1970."""
    return int(np.datetime64(day, "D").astype("datetime64[M]").astype(np.int64))

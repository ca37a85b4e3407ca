"""Members that are looked at before they are read: what is read of them counts as no progress."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ingest.source import Export


def uncount(export: Export, places: Sequence[int]) -> Export:
    """The export with these members said to be of no size, which is all that progress knows of them."""
    members = list(export.members)
    for i in places:
        members[i] = replace(members[i], size_bytes=0)
    return replace(export, members=tuple(members))

"""Answers of the Web API that were recorded, asked through the package itself, without a network.

The answer to `https://api.fitbit.com/1.2/user/-/sleep/date/2026-10-25.json` lies in the folder of the person as
`1.2/sleep/date/2026-10-25.json`, or without the version as `sleep/date/2026-10-25.json`; either may be packed
(`.json.gz`). The same files are an export that `steadyline load` takes (`ingest.files.fitbit_web`).
"""

from __future__ import annotations

import io
import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import fitbit
import requests
from requests.adapters import BaseAdapter

from ingest.live.client import LiveError

from .calls import MoreCalls
from .paths import ADDRESS

MAX_BYTES = 1 << 28
GZIP = 16 + zlib.MAX_WBITS


class ReplayAdapter(BaseAdapter):
    """Answers requests from files; it opens no connection."""

    def __init__(self, folder: Path, user: str) -> None:
        super().__init__()
        self.folder, self.user = folder / user, user

    def send(self, request: requests.PreparedRequest, *_: object, **__: object) -> requests.Response:
        """Answer a request: with what was recorded, or that nothing was."""
        body = self.find(request) if request.method == "GET" else None
        answer = requests.Response()
        answer.request, answer.url = request, request.url or ""
        answer.headers["Content-Type"] = "application/json"
        answer.status_code = 404 if body is None else 200
        answer.raw = io.BytesIO(missing(request) if body is None else body)
        return answer

    def close(self) -> None:
        """Nothing is open."""

    def find(self, request: requests.PreparedRequest) -> bytes | None:
        """The recorded answer to a request; None if there is none."""
        address = urlsplit(request.url or "")
        found = ADDRESS.fullmatch(address.path)
        if found is None or address.query or found[2] not in ("-", self.user):
            return None
        return next((read_packed(path) for path in self.places(found[1], found[3])), None)

    def places(self, version: str, rest: str) -> Iterator[Path]:
        """Files that may hold an answer, and are there; none outside of the person's folder."""
        root = self.folder.resolve()
        for name in (f"{version}/{rest}.json", f"{rest}.json"):
            for ending in ("", ".gz"):
                path = (root / f"{name}{ending}").resolve()
                if path.is_relative_to(root) and path.is_file():
                    yield path


class ArchiveFitbit(MoreCalls, fitbit.Fitbit):  # type: ignore[misc]  # the package has no types
    """A `fitbit.Fitbit` that asks a folder."""


def open_archive(folder: Path, user: str) -> fitbit.Fitbit:
    """Open the recorded answers of one person, `folder/user/…`, as a `fitbit.Fitbit`.

    What was not recorded is not found (`fitbit.exceptions.HTTPNotFound`).

    Raises
    ------
    LiveError
        If there is no such folder.
    """
    if not user or Path(user).name != user or not (folder / user).is_dir():
        raise LiveError(
            f"There is no folder {user[:40]!r} with recorded answers in {folder}: name one that is there."
        )
    archive = ArchiveFitbit("recorded", "recorded")
    for prefix in ("https://", "http://"):
        archive.client.session.mount(prefix, ReplayAdapter(folder, user))
    return archive


def read_packed(path: Path) -> bytes:
    """The bytes of a file, unpacked where it is packed.

    Raises
    ------
    LiveError
        If it is damaged, or larger than an answer can be.
    """
    data = path.read_bytes()
    if path.suffix != ".gz":
        return data
    unpack = zlib.decompressobj(GZIP)
    try:
        found = unpack.decompress(data, MAX_BYTES)
    except zlib.error:
        raise LiveError(f"{path.name} is no gzip file, though its name says so: record it again.") from None
    if not unpack.eof:
        raise LiveError(f"{path.name} breaks off, or is larger than {MAX_BYTES >> 20} MB: record it again.")
    return found


def missing(request: requests.PreparedRequest) -> bytes:
    """What is said where nothing was recorded."""
    path = urlsplit(request.url or "").path[:200]
    error = {"errorType": "not_found", "message": f"No answer to {path} was recorded."}
    return json.dumps({"errors": [error], "success": False}).encode()

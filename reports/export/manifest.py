"""What made an export, so that it can be made again: code, methods, parameters, inputs, libraries, files.

No path, no name of a machine and no clock: the same inputs give the same bytes.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from platform import python_version
from typing import Any

PACKAGE = "steadyline"
BLOCK = 1 << 20


def describe_code(root: Path) -> dict[str, Any]:
    """Describe the code: its version, its git commit where it lies in a checkout, and its libraries."""
    return {
        "version": version(PACKAGE),
        "commit": find_commit(root),
        "python": python_version(),
        "libraries": find_libraries(),
    }


def find_commit(root: Path) -> str | None:
    """Find the commit that a checkout stands on; None where there is none, or it cannot be told."""
    git = root / ".git"
    try:
        head = (git / "HEAD").read_text(encoding="utf-8").strip()
        if not head.startswith("ref: "):
            return head
        name = head.removeprefix("ref: ")
        if (git / name).is_file():
            return (git / name).read_text(encoding="utf-8").strip()
        packed = (git / "packed-refs").read_text(encoding="utf-8")
    except OSError:
        return None
    found = re.search(rf"^([0-9a-f]+) {re.escape(name)}$", packed, re.MULTILINE)
    return found[1] if found else None


def find_libraries() -> dict[str, str]:
    """Find the versions of the libraries that the package says it needs and that are installed."""
    found = {}
    for line in requires(PACKAGE) or []:
        name = re.split(r"[^A-Za-z0-9._-]", line, maxsplit=1)[0]
        if "extra ==" not in line:
            try:
                found[name] = version(name)
            except PackageNotFoundError:  # needed on another system only
                continue
    return dict(sorted(found.items(), key=lambda item: item[0].lower()))


def hash_file(path: Path) -> str:
    """Hash the bytes of a file with SHA-256."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
    return digest.hexdigest()


def describe_files(folder: Path, rows: Mapping[str, int]) -> dict[str, dict[str, Any]]:
    """Describe every file of a folder: rows where they are counted, bytes, hash."""
    return {
        path.relative_to(folder).as_posix(): {
            "rows": rows.get(path.relative_to(folder).as_posix()),
            "bytes": path.stat().st_size,
            "sha256": hash_file(path),
        }
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def write_manifest(folder: Path, manifest: Mapping[str, Any]) -> None:
    """Write manifest.json."""
    text = json.dumps(manifest, ensure_ascii=False, indent=1, sort_keys=True)
    write_private(folder / "manifest.json", text + "\n")


def write_private(path: Path, text: str) -> None:
    """Write a text that only its owner may read."""
    path.touch(mode=0o600)
    path.write_text(text, encoding="utf-8", newline="\n")

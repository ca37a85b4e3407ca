"""Fake services for tests: each a process of its own on this machine, ended by its own handle."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TESTS = Path(__file__).resolve().parents[1]
DEADLINE_S = 20


@dataclass(frozen=True)
class Server:
    """A running server and where it listens."""

    url: str
    process: subprocess.Popen[str]

    def tell(self, what: str, **values: Any) -> Any:
        """Ask the server itself, beside the service that it plays: `truth`, `log`, `reset`, `late`, `faults`."""
        request = urllib.request.Request(f"{self.url}/__test/{what}", data=json.dumps(values).encode())
        with urllib.request.urlopen(request, timeout=DEADLINE_S) as answer:
            return json.load(answer)


@contextmanager
def running(module: str, *words: str) -> Iterator[Server]:
    """Start a server on a free port of this machine; it says where it listens and is ended afterwards."""
    command = [sys.executable, "-m", f"servers.{module}", *words]
    process = subprocess.Popen(command, cwd=TESTS, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        assert url.startswith("http://127.0.0.1:"), f"{module} did not start"
        yield Server(url, process)
    finally:
        process.terminate()
        process.wait(timeout=DEADLINE_S)
        if process.stdout is not None:
            process.stdout.close()

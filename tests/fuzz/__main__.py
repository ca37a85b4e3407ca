"""Fuzz: the inputs of this commit in every format, or `python -m fuzz csv 300` new ones of one for so many seconds.

`python -m fuzz var/fuzz/crash-…` reads an input again that was found. Ends with 1 where one failed.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa

ROOT = Path(__file__).resolve().parent.parent.parent
FOLDER = ROOT / "var" / "fuzz"
RUNS = 500
"""Inputs of each format where no time is given, up to 131 of them seeds: a minute or two in all."""
FORMATS = ("xml", "json", "csv", "fit")
MAX_BYTES = 1 << 15
SLOW_S = 20
"""An input that takes longer than this hangs: the longest good ones take a second."""
MAX_MB = 2048
COMPILED = re.compile(r"^from \S+ import .*\b(compiled|njit)\b", re.MULTILINE)
"""What numba compiles cannot be instrumented; it is checked for places out of bounds instead."""
NOISE = re.compile(r"^(#\d+\t|INFO|NEW_FUNC|WARNING: no interesting|.*Instrumenting)")


def main(words: list[str]) -> int:
    """Fuzz what was asked for; returns the exit code."""
    warnings.simplefilter("error")  # as in tests: a number that does not fit its column is a fault
    if words and words[0] not in FORMATS:
        return replay(Path(words[0]))
    if words[1:2] == ["here"]:
        return fuzz(words[0], Path(words[2]), words[3:])
    FOLDER.mkdir(parents=True, exist_ok=True)
    if len(words) == 2:
        return watch(words[0], FOLDER / "corpus" / words[0], [f"-max_total_time={words[1]}"])
    with tempfile.TemporaryDirectory(dir=FOLDER) as empty:
        same = [f"-runs={RUNS}", f"-seed={find_seed()}"]
        return max(watch(name, Path(empty) / name, same) for name in words or FORMATS)


def find_seed() -> int:
    """A number of the commit: what is found in one is found in it by everybody, and the next one looks elsewhere."""
    command = ["git", "-C", str(ROOT), "rev-parse", "--short=7", "HEAD"]
    found = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    return int(found[:7] or "1", 16)


def watch(name: str, corpus: Path, bounds: Sequence[str]) -> int:
    """Fuzz a format in a process of its own, and say in a line how it went, or what was found."""
    command = [sys.executable, "-m", "fuzz", name, "here", str(corpus), *bounds]
    environ = os.environ | {
        "NUMBA_BOUNDSCHECK": "1", "NUMBA_CACHE_DIR": str(FOLDER / "numba"), "PYTHONHASHSEED": "0",
    }  # fmt: skip
    began = time.monotonic()
    done = subprocess.run(command, env=environ, capture_output=True, text=True, errors="replace", check=False)
    (FOLDER / f"{name}.log").write_text(done.stderr + done.stdout, encoding="utf-8")
    runs = re.findall(r"^#(\d+)\t.*?cov: (\d+)(?:.*?corp: (\d+))?", done.stderr, re.MULTILINE)
    count, coverage, corpus = runs[-1] if runs else ("0", "0", "0")
    good = done.returncode == 0 and int(count) > 0
    seconds = time.monotonic() - began
    words = f"{int(count):,} inputs in {seconds:.0f} s, {coverage} branches seen, {corpus or 0} inputs kept"
    say(f"{name}: {words}" if good else f"{name}: FAILED after {words}")
    if good:
        return 0
    lines = [line for line in (done.stderr + done.stdout).splitlines() if not NOISE.match(line)]
    say("\n".join(lines[-60:]))
    for found in re.findall(r"Test unit written to (\S+)", done.stderr):
        say(f"\nread it again: PYTHONPATH=tests {sys.executable} -m fuzz {found}")
    return 1


def fuzz(name: str, corpus: Path, bounds: Sequence[str]) -> int:
    """Fuzz a format in this process, which the fuzzer ends at its bounds."""
    import atheris  # noqa: PLC0415 - it must be there before what it instruments

    with atheris.instrument_imports(include=["ingest", "garmin_fit_sdk"], exclude=find_compiled()):
        from .inputs import seeds  # noqa: PLC0415
        from .mutation import make_mutator  # noqa: PLC0415
        from .target import take  # noqa: PLC0415

    pa.set_cpu_count(1)
    corpus.mkdir(parents=True, exist_ok=True)
    whole = seeds(name)
    for number, seed in enumerate(whole):
        take(seed.write())
        (corpus / f"seed-{number:03}").write_bytes(seed.write())
    options = [
        *bounds, f"-max_len={MAX_BYTES}", f"-timeout={SLOW_S}", f"-rss_limit_mb={MAX_MB}",
        f"-artifact_prefix={FOLDER}/", "-len_control=0", "-reload=0", "-print_final_stats=1",
    ]  # fmt: skip

    def change_bytes(body: bytes, most: int) -> bytes:
        changed: bytes = atheris.Mutate(body, most)  # looked up when called: before, it is another
        return changed

    mutate = make_mutator(whole, binary=name == "fit", change_bytes=change_bytes)
    atheris.Setup([sys.argv[0], *options, str(corpus)], take, custom_mutator=mutate)
    atheris.Fuzz()
    return 0


def find_compiled() -> list[str]:
    """Modules of ingest that numba compiles."""
    paths = [p for p in (ROOT / "ingest").rglob("*.py") if COMPILED.search(p.read_text(encoding="utf-8"))]
    return sorted(".".join(path.relative_to(ROOT).with_suffix("").parts) for path in paths)


def replay(path: Path) -> int:
    """Read an input that was found; its fault is raised again."""
    from .target import take  # noqa: PLC0415

    take(path.read_bytes())
    say(f"{path}: no fault")
    return 0


def say(text: str) -> None:
    """Print a line."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""FIT files read into rows, against the vendor's own decoder on the same bytes in the same process.

Ours decodes (with the same SDK, asked for raw values), checks the checksum, settles clocks, sums and
intervals, and lays all out as checked tables; the baselines only decode: as the SDK does by itself
(`Decoder.read()`), and asked for raw values as we ask it. Rounds alternate, the fastest of each counts.

Run: python benchmarks/fit.py [FILE…] [--rounds 5] [--json]      without files: a day of wellness, made
"""

from __future__ import annotations

import argparse
import io
import json
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from garmin_fit_sdk import Decoder, Encoder, Stream

from ingest.files import garmin_fit
from ingest.source import Batch, Export, Member

START = datetime(2026, 3, 1, tzinfo=UTC)
EXPORTED = datetime(2026, 11, 1)  # noqa: DTZ001 - naive UTC, as everywhere


class Asked:
    """The only thing of a context that FIT needs."""

    zone = "UTC"


def make_day() -> bytes:
    """A day of heart rate and stress every minute, steps every other, respiration, and 50,000 beats."""
    encoder = Encoder()
    encoder.write_mesg({"mesg_num": 0, "type": 32, "manufacturer": 1, "product": 3992})
    encoder.write_mesg({"mesg_num": 103, "timestamp": START})
    for minute in range(1440):
        now = START + timedelta(minutes=minute)
        low = (int(now.timestamp()) - 631_065_600) & 0xFFFF
        encoder.write_mesg({"mesg_num": 55, "timestamp_16": low, "heart_rate": 50 + minute % 60})
        encoder.write_mesg({"mesg_num": 227, "stress_level_time": now, "stress_level_value": minute % 100})
        encoder.write_mesg({"mesg_num": 297, "timestamp": now, "respiration_rate": 14.5})
        if minute % 2:
            encoder.write_mesg({"mesg_num": 55, "timestamp": now, "activity_type": 6, "cycles": minute * 20})
        for second in range(0, 60, 12):
            stamp = {"timestamp": now + timedelta(seconds=second), "timestamp_ms": 0}
            encoder.write_mesg({"mesg_num": 290, **stamp, "time": [857] * 14})
    return bytes(encoder.close())


def read_ours(files: list[bytes]) -> int:
    """Read files into checked rows; returns how many."""
    members = tuple(
        Member(f"{n}.fit", len(data), EXPORTED, lambda data=data: io.BytesIO(data))  # type: ignore[misc]
        for n, data in enumerate(files)
    )
    export = Export("benchmark", members, tuple(range(len(members))), EXPORTED)
    found = garmin_fit.read(export, Asked())  # type: ignore[arg-type]
    return sum(batch.rows.num_rows for batch in found if isinstance(batch, Batch))


def decode(files: list[bytes], *, raw: bool) -> int:
    """Decode files and no more; returns how many messages there are."""
    options = (
        {
            "apply_scale_and_offset": False,
            "convert_datetimes_to_dates": False,
            "convert_types_to_strings": False,
            "expand_sub_fields": False,
            "expand_components": False,
            "merge_heart_rates": False,
        }
        if raw
        else {}
    )
    count = 0
    for data in files:
        messages, errors = Decoder(Stream.from_byte_array(bytearray(data))).read(**options)
        assert not errors, errors
        count += sum(len(kind) for kind in messages.values())
    return count


def fastest(rounds: int, works: dict[str, Callable[[], int]]) -> dict[str, float]:
    """The least seconds of each work, all taking turns."""
    least = dict.fromkeys(works, float("inf"))
    for _ in range(rounds):
        for name, work in works.items():
            start = time.perf_counter()
            work()
            least[name] = min(least[name], time.perf_counter() - start)
    return least


def main() -> None:
    """Measure, and print what was measured."""
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("files", nargs="*", type=Path)
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--json", action="store_true", help="print one line of JSON")
    asked = options.parse_args()
    files = [path.read_bytes() for path in asked.files] or [make_day()]
    works: dict[str, Callable[[], int]] = {
        "ours": lambda: read_ours(files),
        "sdk": lambda: decode(files, raw=False),
        "sdk_raw": lambda: decode(files, raw=True),
    }
    least = fastest(asked.rounds, works)
    result = {
        "bytes": sum(map(len, files)),
        "messages": works["sdk_raw"](),
        "rows": works["ours"](),
        "ours_s": round(least["ours"], 3),
        "sdk_s": round(least["sdk"], 3),
        "ratio_to_sdk": round(least["ours"] / least["sdk"], 2),
        "ratio_to_sdk_raw": round(least["ours"] / least["sdk_raw"], 2),
    }
    if asked.json:
        print(json.dumps(result))
    else:
        print(f"{result['bytes']:,} bytes, {result['messages']:,} messages into {result['rows']:,} rows:")
        print(
            f"{least['ours']:.3f} s, {result['ratio_to_sdk']} times the SDK's own decode ({least['sdk']:.3f} s),"
        )
        print(f"{result['ratio_to_sdk_raw']} times its decode of raw values, checksum included.")


if __name__ == "__main__":
    main()

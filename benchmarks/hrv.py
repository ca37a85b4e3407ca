"""Heart rate variability of a day's windows, against NeuroKit2 and hrv-analysis in the same process.

A synthetic recording of 24 hours (94,000 beats). Ours measures all of its windows at once, the peers
one window after the other, as they are made to; of theirs a sample of windows is timed. Rounds
alternate, the fastest of each counts. Compiled loops are compiled (or read from disk) beforehand and
that time is told apart. A peer that is not installed is named as missing.

The sum that is compared with NeuroKit2 is: time domain with triangular index and TINN, Poincaré, Welch
at 4 Hz, sample entropy, and the short exponent of fluctuation; once with Welch as the catalogue has it
("together"), once with NeuroKit2's own settings for it, which give its very numbers ("same").

Run: python benchmarks/hrv.py [--rounds 5] [--json]
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
import numpy.typing as npt

from features.beats import Beats, Cleaned, clean
from features.hrv.continuity import couple
from features.hrv.engine import measure_windows
from features.hrv.entropy import count_alike
from features.hrv.fluctuation import fit_exponents
from features.hrv.nonlinear import LEAST_BEATS, SHORT_BOX, TOLERANCE
from features.hrv.poincare import measure_poincare
from features.hrv.spectrum import CATALOGUE, NEUROKIT2, measure_spectrum
from features.hrv.time_domain import measure_time
from features.windows import Windows, aligned, sliding

Floats = npt.NDArray[np.float64]
Works = dict[str, Callable[[], object]]

N_BEATS = 94_000
SAMPLE = 8
"""Windows that the peers are timed on."""


def make_day(seed: int = 7) -> Beats:
    """A day of beats: slower by night, breathing, slow waves and noise, quantised to 1 ms."""
    random = np.random.default_rng(seed)
    beat = np.arange(N_BEATS)
    mean = 920 + 130 * np.sin(2 * np.pi * beat / N_BEATS)
    slow = np.convolve(random.normal(0, 1, N_BEATS + 19), np.ones(20) / 20, mode="valid")
    rr = mean + 35 * np.sin(beat * 1.4 + np.cumsum(random.normal(0, 0.05, N_BEATS))) + 120 * slow
    rr = np.round(rr + random.normal(0, 12, N_BEATS))
    return Beats(np.cumsum(rr) / 1000, rr, np.zeros(N_BEATS, bool), 1.0)


def measure_entropy(cleaned: Cleaned, windows: Windows) -> Floats:
    """Sample entropy of the windows that allow it."""
    train = couple(cleaned, windows)
    chosen = np.flatnonzero(train.whole(LEAST_BEATS))
    grown, kept = count_alike(train.rr_ms, train.joined, train.first[chosen], train.stop[chosen], TOLERANCE)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.log(grown / kept)


def measure_alpha(cleaned: Cleaned, windows: Windows) -> Floats:
    """The short exponent, NeuroKit2's way, of the windows that allow it."""
    train = couple(cleaned, windows)
    chosen = np.flatnonzero(train.whole(LEAST_BEATS))
    low, high = (np.full(chosen.size, box) for box in SHORT_BOX)
    return fit_exponents(train.rr_ms, train.first[chosen], train.stop[chosen], low, high, True)  # noqa: FBT003


def ours(cleaned: Cleaned, windows: Windows) -> Works:
    """Each part over all windows."""
    return {
        "time": lambda: (measure_time(cleaned, windows), measure_poincare(cleaned, windows)),
        "welch": lambda: measure_spectrum(cleaned, windows, settings=CATALOGUE),
        "welch_same": lambda: measure_spectrum(cleaned, windows, settings=NEUROKIT2),
        "lomb": lambda: measure_spectrum(cleaned, windows, method="lomb", settings=NEUROKIT2),
        "entropy": lambda: measure_entropy(cleaned, windows),
        "dfa": lambda: measure_alpha(cleaned, windows),
    }


def sample(beats: Beats, windows: Windows) -> list[tuple[Floats, Floats]]:
    """Intervals and times of some windows, spread over the day."""
    chosen = np.linspace(1, len(windows) - 2, SAMPLE).astype(int)
    pieces = [slice(windows.first[w], windows.stop[w]) for w in chosen]
    return [(beats.rr_ms[piece], beats.end_s[piece]) for piece in pieces]


def with_neurokit(pieces: list[tuple[Floats, Floats]]) -> Works:
    """NeuroKit2's parts over sampled windows, told where the beats are so that it needs no peaks."""
    import neurokit2 as nk  # noqa: PLC0415
    from neurokit2.hrv.hrv_nonlinear import _hrv_nonlinear_poincare  # noqa: PLC0415

    def each(measure: Callable[[dict[str, Floats]], object]) -> Callable[[], object]:
        return lambda: [measure({"RRI": rr, "RRI_Time": end_s}) for rr, end_s in pieces]

    boxes = np.arange(SHORT_BOX[0], SHORT_BOX[1] + 1)
    return {
        "time": each(lambda beats: (nk.hrv_time(beats), _hrv_nonlinear_poincare(beats["RRI"], out={}))),
        "welch": each(lambda beats: nk.hrv_frequency(beats, interpolation_rate=4, normalize=False)),
        "lomb": each(
            lambda beats: nk.hrv_frequency(beats, psd_method="lomb", interpolation_rate=None, normalize=False)
        ),
        "entropy": each(
            lambda beats: nk.entropy_sample(
                beats["RRI"], delay=1, dimension=2, tolerance=TOLERANCE * np.std(beats["RRI"], ddof=1)
            )
        ),
        "dfa": each(lambda beats: nk.fractal_dfa(beats["RRI"], multifractal=False, scale=boxes)),
    }


def with_hrvanalysis(pieces: list[tuple[Floats, Floats]]) -> Works:
    """hrv-analysis's parts over sampled windows."""
    import hrvanalysis as hrv  # noqa: PLC0415

    if not hasattr(np, "trapz"):  # it calls NumPy by a name that 2.4 no longer has
        setattr(np, "trapz", np.trapezoid)  # noqa: B010 - not the name as an attribute: it is gone

    def each(*measures: Callable[[list[float]], object]) -> Callable[[], object]:
        lists = [rr.tolist() for rr, _ in pieces]
        return lambda: [[measure(rr) for measure in measures] for rr in lists]

    return {
        "time": each(
            hrv.get_time_domain_features, hrv.get_geometrical_features, hrv.get_poincare_plot_features
        ),
        "welch": each(lambda rr: hrv.get_frequency_domain_features(rr, method="welch")),
        "lomb": each(lambda rr: hrv.get_frequency_domain_features(rr, method="lomb")),
    }


def fastest(rounds: int, works: Works) -> dict[str, float]:
    """The least milliseconds of each work, all taking turns, each twice: the first finds its memory cold."""
    least = dict.fromkeys(works, float("inf"))
    for _ in range(rounds):
        for name, work in [each for each in works.items() for _ in range(2)]:
            start = time.perf_counter()
            work()
            least[name] = min(least[name], (time.perf_counter() - start) * 1000)
    return least


def time_days(beats: Beats, rounds: int) -> list[dict[str, float | str]]:
    """Milliseconds for the whole day on three grids: the parts together, and the table of everything."""
    grids = {
        "300/300": aligned(beats.end_s),
        "180/60": sliding(beats.end_s, span_s=180, step_s=60),
        "180/10": sliding(beats.end_s, span_s=180, step_s=10),
    }
    days: list[dict[str, float | str]] = []
    for grid, windows in grids.items():
        parts = [
            part for name, part in ours(clean(beats), windows).items() if name not in ("welch_same", "lomb")
        ]
        works: Works = {
            "parts": lambda parts=parts: (clean(beats), [part() for part in parts]),  # type: ignore[misc]
            "table": lambda windows=windows: measure_windows(beats, windows),  # type: ignore[misc]
        }
        least = fastest(rounds, works)
        days.append(
            {
                "grid": grid,
                "windows": len(windows),
                "parts_ms": round(least["parts"], 1),
                "table_ms": round(least["table"], 1),
            }
        )
    return days


def compare(beats: Beats, rounds: int) -> tuple[list[dict[str, float | str | None]], list[str]]:
    """Milliseconds a window of every part, ours and the peers', and which peers are missing."""
    windows = aligned(beats.end_s)
    works: dict[str, Works] = {"ours": ours(clean(beats), windows)}
    missing = []
    pieces = sample(beats, windows)
    for peer, load in {"neurokit2": with_neurokit, "hrv-analysis": with_hrvanalysis}.items():
        try:
            works[peer] = load(pieces)
        except ImportError:
            missing.append(peer)
    flat = {f"{who} {name}": work for who, parts in works.items() for name, work in parts.items()}
    least = fastest(rounds, flat)
    counts = {"ours": len(windows), "neurokit2": SAMPLE, "hrv-analysis": SAMPLE}
    per = {key: took / counts[key.split()[0]] for key, took in least.items()}
    for who in ("neurokit2", "hrv-analysis"):
        if who in works:
            per[f"{who} welch_same"] = per[f"{who} welch"]
    for total, welch in (("together", "welch"), ("same", "welch_same")):
        for who in ("ours", "neurokit2"):
            if who in works:
                per[f"{who} {total}"] = sum(
                    per[f"{who} {part}"] for part in ("time", welch, "entropy", "dfa")
                )
    rows = []
    for name in ("time", "welch", "welch_same", "lomb", "entropy", "dfa", "together", "same"):
        mine = per[f"ours {name}"]
        row: dict[str, float | str | None] = {"what": name, "ours_ms": round(mine, 4)}
        for peer in ("neurokit2", "hrv-analysis"):
            theirs = per.get(f"{peer} {name}")
            row[f"{peer}_ms"] = round(theirs, 3) if theirs else None
            row[f"ratio_to_{peer}"] = round(theirs / mine, 1) if theirs else None
        rows.append(row)
    return rows, missing


def show(
    result: dict[str, object], rows: list[dict[str, float | str | None]], days: list[dict[str, float | str]]
) -> None:
    """Print the tables."""
    print(f"milliseconds a 5-minute window; {result['beats']:,} beats; first call {result['warm_up_s']} s")
    print(f"{'what':10} {'ours':>8} {'neurokit2':>10} {'ratio':>7} {'hrv-analysis':>13} {'ratio':>7}")
    for row in rows:
        cells = [
            row["neurokit2_ms"],
            row["ratio_to_neurokit2"],
            row["hrv-analysis_ms"],
            row["ratio_to_hrv-analysis"],
        ]
        told = ["–" if cell is None else f"{cell}" for cell in cells]
        print(f"{row['what']:10} {row['ours_ms']:>8} {told[0]:>10} {told[1]:>7} {told[2]:>13} {told[3]:>7}")
    for day in days:
        print(
            f"{day['grid']:8} {day['windows']:>5} windows: {day['parts_ms']} ms; every value {day['table_ms']} ms"
        )
    if result["missing"]:
        print(f"not installed, so not compared: {', '.join(result['missing'])}")  # type: ignore[arg-type]


def main() -> None:
    """Measure, and print what was measured."""
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--json", action="store_true", help="print one line of JSON")
    asked = options.parse_args()
    warnings.simplefilter("ignore")  # the peers' own
    beats = make_day()
    start = time.perf_counter()
    measure_windows(beats, aligned(beats.end_s))
    warm_up_s = round(time.perf_counter() - start, 2)
    days = time_days(beats, asked.rounds)
    rows, missing = compare(beats, asked.rounds)
    result: dict[str, object] = {
        "beats": len(beats),
        "warm_up_s": warm_up_s,
        "a_window": rows,
        "a_day": days,
        "missing": missing,
    }
    if asked.json:
        print(json.dumps(result))
    else:
        show(result, rows, days)


if __name__ == "__main__":
    main()

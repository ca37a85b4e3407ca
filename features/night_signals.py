"""Variability, breathing, temperature and oxygen of a night: which device counts, and what it gave.

Each kind stands by itself and comes from one device: that of the sleep log where it has a value, else
the one with most to say.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

import numpy as np

from features import measure, variability, vitals
from features.five_minutes import SPAN_S, FiveMinutes
from features.hrv.rhythm import is_uneven
from features.measure import Measure, missing
from features.person import Person, Samples
from features.sleep import Log, Night
from features.vitals import Kind
from features.wear import DAY_MIN, Ints

From = tuple[Measure, str | None]
"""A measure and the stream it is from."""

Temperatures = Mapping[int, Mapping[str, tuple[Measure, Kind | None]]]
"""Date of a night → device → its skin temperature, and of which kind that is."""

BEATS = ("rmssd_night", "rmssd_4h", "ln_rmssd_night")
VENDOR_LOGS = ("rmssd_5min_vendor_night", "rmssd_night_vendor", "sdnn_spot_sleep")
SPOTS = {"sdnn_spot_sleep": "sdnn_spot", "rmssd_spot_sleep": "rmssd_spot"}
SKIN_TEMPERATURE = "skin_temperature"
VITALS = {
    "temp_dev_vendor": "skin_temperature_deviation",
    "spo2_night": "spo2",
}
NAMES = (
    *BEATS,
    *VENDOR_LOGS,
    *(f"ln_{name}" for name in VENDOR_LOGS),
    "rmssd_spot_sleep",
    *VITALS,
    "skin_temp_night",
    "resp_night",
    "temp_dev",
)


def measure_signals(
    person: Person, day: int, fives: Mapping[str, FiveMinutes], temperatures: Temperatures
) -> dict[str, From]:
    """The features of `NAMES` of one date.

    Parameters
    ----------
    person, day
        Whose night, and the date of its final wake.
    fives : mapping
        Stream → its windows of five minutes; those of the night must be among them.
    temperatures : mapping
        Skin temperatures of the night and of those before it (`measure_temperatures`).
    """
    one = person.night_of(day)
    if one is None or one.main is None:
        return dict.fromkeys(NAMES, (missing(measure.NO_MAIN_SLEEP), None))
    asleep_min = person.asleep_min(one)
    values = _measure_beats(one, one.main, fives, asleep_min)
    values |= _measure_vendor(person, one, asleep_min)
    for name in VENDOR_LOGS:
        given, stream = values[name]
        values[f"ln_{name}"] = (variability.take_log(given), stream)
    values |= {name: _measure_vital(person, one, kind, asleep_min) for name, kind in VITALS.items()}
    if values["spo2_night"][0].value is None:
        nightly = _measure_vital(person, one, "spo2_night", asleep_min)
        values["spo2_night"] = nightly if nightly[0].value is not None else values["spo2_night"]
    values["resp_night"] = _measure_respiration(person, one, fives, asleep_min)
    if one.main.estimated:
        values["skin_temp_night"] = _measure_vital(person, one, SKIN_TEMPERATURE, asleep_min)
        values["temp_dev"] = (missing(measure.ESTIMATED), None)
        return {name: (mark_low(told), stream) for name, (told, stream) in values.items()}
    values["skin_temp_night"] = _choose_kinds(temperatures[day], one.stream)
    values["temp_dev"] = _measure_temp_dev(day, values["skin_temp_night"], temperatures)
    return values


def mark_low(told: Measure) -> Measure:
    """A value of low quality, as all of an estimated window is; a missing one stays as it is."""
    return told if told.value is None else replace(told, quality="low")


def choose(candidates: Mapping[str, Measure], own: str | None) -> From:
    """The measure of one device: the sleep log's own, else that of most observations, then by name."""
    known = {name: m for name, m in candidates.items() if m.value is not None}
    if not known:
        first = candidates.get(own or "") or next(iter(candidates.values()), missing(measure.NO_VENDOR_VALUE))
        return first, None
    best = max(sorted(known), key=lambda name: (name == own, known[name].n_obs))
    return known[best], best


def _measure_beats(
    one: Night, main: Log, fives: Mapping[str, FiveMinutes], asleep_min: Ints
) -> dict[str, From]:
    """`BEATS`, all three from one device."""
    each = {}
    for name, windows in sorted(fives.items()):
        mine = windows.take(in_night(windows, main))
        if mine.start_s.size == 0:
            continue  # a device of other nights only: no night depends on which others are computed with it
        each[name] = variability.measure_rmssd(
            mine.start_s.astype(np.float64),
            mine.rmssd_ms,
            mine.usable,
            asleep_min=asleep_min,
            onset_s=main.onset_s,
            irregular=is_uneven(mine.uneven),
        )
    if not each:
        return dict.fromkeys(BEATS, (missing(measure.NO_BEATS), None))
    _, stream = choose({name: values["rmssd_night"] for name, values in each.items()}, one.stream)
    shown = stream or (one.stream if one.stream in each else next(iter(each)))
    return {name: (each[shown][name], shown) for name in BEATS}


def in_night(windows: FiveMinutes, main: Log) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Windows that lie wholly in a main sleep, onset to final wake."""
    return np.asarray((windows.start_s >= main.onset_s) & (windows.start_s + SPAN_S <= main.wake_s), np.bool_)


def _measure_vendor(person: Person, one: Night, asleep_min: Ints) -> dict[str, From]:
    """What vendors give of heart rate variability, each of its own kind."""
    values = {
        name: _best(
            person, one, kind, lambda s: variability.measure_spots(s.t_s, s.value, asleep_min=asleep_min)
        )
        for name, kind in SPOTS.items()
    }
    values["rmssd_5min_vendor_night"] = _best(
        person,
        one,
        "rmssd_5min",
        lambda s: variability.measure_vendor_windows(s.t_s, s.value, asleep_min=asleep_min),
    )
    values["rmssd_night_vendor"] = _best(
        person, one, "rmssd_night", lambda s: variability.measure_vendor_night(_nightly(person, one, s))
    )
    return values


def _best(person: Person, one: Night, kind: str, measured: Callable[[Samples], Measure]) -> From:
    """Measure the samples of a night of each device, and choose."""
    return choose({name: measured(some) for name, some in _of_night(person, one, kind)}, one.stream)


def _of_night(person: Person, one: Night, kind: str) -> Iterator[tuple[str, Samples]]:
    """Each device's samples of a night, from the noon before to the noon of its date."""
    noon_s = [60 * (_noon(person, day)) for day in (one.day - 1, one.day)]
    for name, samples in sorted(person.samples.get(kind, {}).items()):
        yield name, samples.within(*noon_s)


def _noon(person: Person, day: int) -> int:
    """Noon of a local day, minutes since 1970-01-01 UTC."""
    return person.clock.start_min + person.clock.noon(day)


def _nightly(person: Person, one: Night, samples: Samples) -> float:
    """The one value that a device gave for a night; NaN if it gave none or many."""
    main = one.main
    midnight_s = 60.0 * (_noon(person, one.day) - DAY_MIN // 2)
    if main is None:
        return math.nan
    return vitals.pick_nightly(
        samples.t_s, samples.value, midnight_s=midnight_s, start_s=main.start_s, end_s=main.end_s
    )


def measure_each(
    person: Person, one: Night, kind: str, asleep_min: Ints
) -> dict[str, tuple[Measure, Kind | None]]:
    """A vital of a night by each device, and of which kind it is."""
    return {
        name: vitals.measure_vital(
            some.t_s, some.value, asleep_min=asleep_min, nightly=_nightly(person, one, some)
        )
        for name, some in _of_night(person, one, kind)
    }


def _measure_vital(person: Person, one: Night, kind: str, asleep_min: Ints) -> From:
    """A vital of a night by the device chosen."""
    return _choose_kinds(measure_each(person, one, kind, asleep_min), one.stream)


def _choose_kinds(each: Mapping[str, tuple[Measure, Kind | None]], own: str) -> From:
    return choose({name: measured for name, (measured, _) in each.items()}, own)


def _measure_respiration(
    person: Person, one: Night, fives: Mapping[str, FiveMinutes], asleep_min: Ints
) -> From:
    """`resp_night`: from a device's samples or its nightly value, else from the beats of the night."""
    none = np.empty(0)
    measures = {}
    for name, some in _of_night(person, one, "respiration"):
        measures[name], _ = vitals.measure_respiration(
            some.t_s,
            some.value,
            asleep_min=asleep_min,
            nightly=_nightly(person, one, some),
            from_beats=none,
        )
    given = choose(measures, one.stream)
    if given[0].value is not None or one.main is None:
        return given
    asleep = variability.windows_asleep(asleep_min)
    seen = {}
    for name, windows in fives.items():
        mine = windows.take(in_night(windows, one.main) & np.isin(windows.start_s // SPAN_S, asleep))
        if is_uneven(mine.uneven):
            seen[name] = missing(measure.TOO_UNEVEN)
            continue
        seen[name], _ = vitals.measure_respiration(
            none,
            none,
            asleep_min=asleep_min,
            nightly=math.nan,
            from_beats=mine.values["respiration_per_min"],
        )
    found = choose(seen, one.stream)
    return found if found[0].value is not None or not measures else given


def measure_temperatures(person: Person) -> Temperatures:
    """Skin temperature of every night of a person: date → device → value, and of which kind it is."""
    return {
        day: measure_each(person, one, SKIN_TEMPERATURE, person.asleep_min(one))
        for day, one in person.nights.items()
        if one.main is not None
    }


def _measure_temp_dev(day: int, tonight: From, temperatures: Temperatures) -> From:
    """`temp_dev`: against the 28 nights before of the same device and kind."""
    measured, stream = tonight
    if measured.value is None or stream is None:
        return vitals.measure_temp_dev(measured, np.empty(0)), stream
    kind = temperatures[day][stream][1]
    before = range(day - vitals.HISTORY_NIGHTS, day)
    past = [temperatures[night][stream] for night in before if stream in temperatures.get(night, {})]
    same = [found.value for found, its_kind in past if found.value is not None and its_kind == kind]
    return vitals.measure_temp_dev(measured, np.array(same, np.float64)), stream

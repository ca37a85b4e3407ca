"""The features of a person's night: sleep, its history, heart rate.

This is where the function modules are put together. It holds no science of its own beyond which
minutes and nights each feature is given.
"""

from __future__ import annotations

import math

import numpy as np

from features import debt, measure, night, regularity, sleep_measures, wear
from features.measure import Measure, found, missing
from features.person import Person, share_known
from features.sleep import DAY_S, Night
from features.wear import Floats
from features.zones import offset_in

OF_SLEEP = (
    *sleep_measures.WITH_MAIN,
    *sleep_measures.WITH_STAGES,
    *sleep_measures.SHARES,
    *sleep_measures.COUNTS,
    *sleep_measures.CHANGES,
    "nap_min",
    "valid_night",
    "window_estimated",
)
HEART = ("rhr_night", "hr_dip", "t_hr_nadir", "hr_coverage_night")
HISTORY = ("sleep_need_h", "sleep_short", "cpd", *regularity.WORK_AND_FREE, *debt.DEBT)
REGULARITY = {"sri_7d": regularity.SRI_DAYS, "sri_28d": regularity.SRI_MONTH_DAYS}


def measure_night(person: Person, day: int) -> dict[str, Measure]:
    """The night features of one date."""
    one = person.nights.get(day)
    known_share = share_of_night_known(person, day)
    told = person.night_of(day)
    heart = person.heart_of_night(told)
    hr_bpm = heart.hr_bpm if heart else np.full(len(person.clock), np.nan)
    share = share_known(hr_bpm[person.main_span(told)])
    values = sleep_measures.measure_night(one, hr_coverage=share, known_share=known_share)
    values |= sleep_measures.measure_shares(one, hr_coverage=share, known_share=known_share)
    values |= sleep_measures.measure_counts(one, hr_coverage=share, known_share=known_share)
    values |= _measure_changes(person, day)
    values |= sleep_measures.measure_window(told)
    values |= _measure_heart(person, told, hr_bpm, share)
    values |= _measure_history(person, day, values["tst24_min"])
    values |= {name: _measure_regularity(person, day, days) for name, days in REGULARITY.items()}
    return values | {"rhr_vendor": _measure_vendor(person, day)}


def share_of_night_known(person: Person, day: int) -> float:
    """Share of the minutes from noon to noon in which it is known whether the person slept."""
    known = person.grid.known[slice(person.clock.noon(day - 1), person.clock.noon(day))]
    return float(known.mean()) if len(known) else 0.0


def _measure_changes(person: Person, day: int) -> dict[str, Measure]:
    """Whether zone or clocks changed, by the clocks of the zone where the person woke before."""
    one, before = person.nights.get(day), person.nights.get(day - 1)
    if one is None or one.main is None:
        return sleep_measures.measure_changes(one, before, np.zeros(3, np.int64))
    last = before.main if before else None
    instants_s = (last.end_s if last else one.main.start_s, one.main.start_s, one.main.end_s)
    minutes = [instant // 60 for instant in instants_s]
    zones = [zone for from_min, zone in person.zones if from_min <= minutes[0]]
    offsets = [offset_in(zones[-1], minute) if zones else 0 for minute in minutes]
    return sleep_measures.measure_changes(one, before, np.array(offsets, np.int64))


def _measure_regularity(person: Person, day: int, days: int) -> Measure:
    """`sri_7d` and `sri_28d`: so many days to noon of the night's date."""
    noon = person.clock.noon(day)
    span = slice(max(0, noon - days * wear.DAY_MIN), noon)
    if span.stop - span.start < days * wear.DAY_MIN:
        return missing(measure.NO_DATA)
    return regularity.measure_sri(person.grid.asleep[span], person.grid.known[span])


def _measure_heart(person: Person, one: Night | None, hr_bpm: Floats, share: float) -> dict[str, Measure]:
    """Heart rate features of the night, and whether it is valid."""
    if one is None or one.main is None:
        none = dict.fromkeys(HEART, missing(measure.NO_MAIN_SLEEP))
        return none | {"valid_night": found(0, n_obs=0, coverage=0.0)}
    main, grid, span = one.main, person.grid, person.main_span(one)
    minute, asleep = person.clock.utc_min[span], person.asleep_in(one)
    quality = sleep_measures.night_quality(one, share)
    before = person.span(main.onset_s - DAY_S, main.onset_s)
    still = hr_bpm[before][grid.usable[before] & grid.still[before]]
    sleeping = hr_bpm[span][asleep]
    valid = share >= night.LEAST_COVERAGE
    return {
        "rhr_night": night.measure_rhr(minute, hr_bpm[span], asleep, coverage=share, quality=quality),
        "hr_dip": night.measure_dip(
            sleeping[~np.isnan(sleeping)], still[~np.isnan(still)], coverage=share, quality=quality
        ),
        "t_hr_nadir": night.measure_nadir(
            minute, hr_bpm[span], main.onset_s / 60, main.wake_s / 60, coverage=share, quality=quality
        ),
        "hr_coverage_night": found(share, n_obs=len(minute), coverage=share, quality=quality),
        "valid_night": found(
            valid, n_obs=len(minute), coverage=share, quality="low" if main.estimated else "good"
        ),
    }


def _measure_history(person: Person, day: int, tst24: Measure) -> dict[str, Measure]:
    """What a night is against the nights before it: need, shortness, debt, phase, work and free days."""
    past = [person.nights.get(d) for d in range(day - regularity.HISTORY_NIGHTS, day)]
    slept = [(n.day, n, n.main) for n in past if n is not None and n.main is not None]
    free = np.array([regularity.is_free(d) for d, _, _ in slept], bool)
    midsleep_h = np.array([sleep_measures.midsleep_hour(n) for _, n, _ in slept], float)
    sleep_h = np.array([main.spt_min / 60 for _, _, main in slept], float)
    free_tst_h = np.array([main.tst_min / 60 for _, _, main in slept], float)[free]
    need = regularity.measure_need(free_tst_h)
    this, before = person.nights.get(day), person.nights.get(day - 1)
    values = {
        "sleep_need_h": need,
        "sleep_short": regularity.measure_short(need, tst24),
        "cpd": regularity.measure_cpd(
            sleep_measures.midsleep_hour(this) if this else math.nan,
            sleep_measures.midsleep_hour(before) if before else math.nan,
            past_midsleep_h=midsleep_h,
            past_sleep_h=sleep_h,
            past_free=free,
        ),
    }
    values |= _measure_work_and_free(person, day)
    recent_h = [all_sleep_h(person, d) for d in range(day, day - debt.NIGHTS, -1)]
    return values | debt.measure_debt(np.array(recent_h), debt.need_range_h(free_tst_h))


def _measure_work_and_free(person: Person, day: int) -> dict[str, Measure]:
    """`regularity.WORK_AND_FREE` from this night and the 27 before it."""
    some = [person.nights.get(d) for d in range(day - regularity.HISTORY_NIGHTS + 1, day + 1)]
    slept = [(n, n.main) for n in some if n is not None and n.main is not None]
    return regularity.measure_work_and_free(
        np.array([sleep_measures.midsleep_hour(n) for n, _ in slept], float),
        np.array([main.spt_min / 60 for _, main in slept], float),
        regularity.find_free(np.array([n.day for n, _ in slept], np.int64)),
    )


def all_sleep_h(person: Person, day: int) -> float:
    """`tst24_min` of a night in hours; NaN where it is not known."""
    one = person.nights.get(day)
    return math.nan if one is None or one.main is None else sleep_measures.tst24_min(one) / 60


def _measure_vendor(person: Person, day: int) -> Measure:
    """`rhr_vendor`, as the vendor gave it."""
    if day not in person.vendor_rhr:
        return missing(measure.NO_VENDOR_VALUE)
    value, error, _ = person.vendor_rhr[day]
    return found(value, n_obs=1, coverage=None, se=None if math.isnan(error) else error)

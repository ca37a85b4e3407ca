"""What is measured in a segment of any length: the day's rules on another stretch of minutes.

A person is prepared once (`prepare`): heart rate above expected and sedentary stretches are found day by
day, as the features of the day find them, and a segment then counts what lies in it. So the parts of a
day add up to the day, and a segment of the whole local day has the day's values.

No share of a segment is asked for below which a value is withheld: that choice is the study's, and
`coverage` stands beside every value. Withheld is only what cannot be told from so little at all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from features import activity, arousal, data_yield, electrodermal, measure
from features.days import same_device, sum_days
from features.electrodermal import Spans
from features.five_minutes import SPAN_S, FiveMinutes
from features.hrv.quality import FAIR, GOOD, ONLY_FAIR, WHY_NOT
from features.hrv.rhythm import is_uneven
from features.measure import Measure, found, missing, share_quality
from features.night_signals import From, choose
from features.person import Person
from features.segments import Instance
from features.sleep import Log
from features.wear import Bools, Floats, Ints

LEAST_MIN = 5
"""Minutes below which a mean, or a count of movement, says nothing."""

LEAST_STILL_MIN = 15
"""Still waking minutes for a mean of heart rate above expected; a day needs 120, a break has 15."""

ASLEEP_THROUGHOUT = "asleep throughout"
NOT_COMPUTED = "windows of these days are not computed yet: run 'steadyline nightly'"
NO_WINDOW = "no stretch of 5 minutes of the clock lies in it"
NONE_USABLE = "no stretch of 5 minutes with enough beats"
ONLY_SOME = WHY_NOT[ONLY_FAIR] or NONE_USABLE


@dataclass(frozen=True)
class SegmentFeature:
    """One feature of a segment: its name, unit (UCUM), definition and what it needs."""

    name: str
    unit: str
    definition: str
    needs: str


FEATURES = tuple(
    SegmentFeature(*row)
    for row in (
        ("worn_min", "min", "Minutes with heart rate.", "–"),
        ("yield_minutes", "1", "Share of minutes with heart rate: RAPIDS' ratiovalidyieldedminutes.", "–"),
        (
            "yield_hours",
            "1",
            "Share of hours with heart rate in over half of their minutes: RAPIDS' ratiovalidyieldedhours.",
            "–",
        ),
        ("wear_minutes", "1", "Share of minutes worn: in no gap of 15 min without heart rate.", "–"),
        ("wear_hours", "1", "Share of hours worn, by the same rule.", "–"),
        ("hr_mean", "/min", "Mean heart rate, of minute means.", "5 min of heart rate"),
        ("hr_min", "/min", "Lowest minute mean of heart rate.", "5 min of heart rate"),
        ("hr_max", "/min", "Highest minute mean of heart rate.", "5 min of heart rate"),
        ("hr_sd", "/min", "Standard deviation (n − 1) of minute means.", "5 min of heart rate"),
        ("hr_median", "/min", "Median of minute means.", "5 min of heart rate"),
        (
            "ahr_mean",
            "/min",
            "Mean heart rate above expected, still and awake.",
            "15 still waking min on days with a fit to 5 of the 14 days before",
        ),
        ("steps", "{count}", "Steps.", "one known minute"),
        (
            "sedentary_min",
            "min",
            "Waking minutes of which any 5 on end hold under 10 steps.",
            "5 known waking min",
        ),
        ("mvpa_min", "min", "Minutes of 100 steps or more.", "5 known waking min, steps by the minute"),
        ("asleep_min", "min", "Minutes asleep.", "a sleep in it, or half of it known"),
        (
            "rmssd_ms",
            "ms",
            "Median RMSSD of 5-min windows; less the clock's ticks where known.",
            "one fair window",
        ),
        ("sdnn_ms", "ms", "Median SDNN of 5-min windows.", "one good window"),
        (
            "mean_hr_bpm",
            "/min",
            "Median of the mean heart rates of 5-min windows, from beats.",
            "one fair window",
        ),
        ("windows_good", "{count}", "5-min windows of good quality.", "a device that gives beats"),
        ("windows_fair", "{count}", "5-min windows of fair quality.", "a device that gives beats"),
        ("scr_rate", "/min", "Skin conductance responses, still and awake.", "60 usable still waking min"),
    )
)
"""In the order of the rows."""

HEART = ("hr_mean", "hr_min", "hr_max", "hr_sd", "hr_median")
MOVEMENT = ("sedentary_min", "mvpa_min")
BEATS = ("rmssd_ms", "sdnn_ms", "mean_hr_bpm")
COUNTS = ("windows_good", "windows_fair")


@dataclass(frozen=True)
class Beating:
    """What a segment takes from the windows of one device; every array is (w,), in order of time.

    Attributes
    ----------
    start_s : int array
        Seconds since 1970-01-01 UTC.
    quality : int8 array
        As `hrv.quality.QUALITIES` numbers it.
    uneven : float array
        Share of uneven pairs; NaN where it cannot be told.
    values : mapping
        Name of `BEATS` → values; NaN where missing.
    """

    start_s: Ints
    quality: Ints
    uneven: Floats
    values: Mapping[str, Floats]

    @classmethod
    def of(cls, windows: FiveMinutes) -> Beating:
        """Take them from windows of five minutes, RMSSD without what the clock's ticks add."""
        rest = {name: windows.values[name] for name in ("sdnn_ms", "mean_hr_bpm")}
        return cls(windows.start_s, windows.quality, windows.uneven, {"rmssd_ms": windows.rmssd_ms, **rest})

    def within(self, start_s: int, end_s: int) -> Beating:
        """Those that lie wholly between two instants."""
        low = int(np.searchsorted(self.start_s, start_s))
        high = int(np.searchsorted(self.start_s, end_s - SPAN_S, side="right"))
        place = slice(low, max(low, high))
        values = {name: value[place] for name, value in self.values.items()}
        return Beating(self.start_s[place], self.quality[place], self.uneven[place], values)


@dataclass(frozen=True)
class Prepared:
    """One person, ready for any segment; every array is (n,) on the person's axis.

    Attributes
    ----------
    above_bpm : float array
        Heart rate above expected in still waking minutes, by the fit to the days before; else NaN.
    fitted : bool array
        Minutes of days with such a fit.
    cadence : float array
        Steps of minutes that were counted by the minute; else NaN.
    sedentary : bool array
        In a sedentary stretch of the local day.
    beating : mapping
        Stream → what its windows of five minutes say.
    not_computed : bool array
        Minutes of days with beats whose windows are not there yet.
    skins : mapping
        Local day → stream → skin conductance by the minute.
    totals : tuple of Log
        Sleeps of which the device gives only totals.
    """

    person: Person
    above_bpm: Floats
    fitted: Bools
    cadence: Floats
    sedentary: Bools
    beating: Mapping[str, Beating]
    not_computed: Bools
    skins: Mapping[int, Mapping[str, Spans]]
    totals: tuple[Log, ...]


def prepare(
    person: Person,
    days: Sequence[int],
    *,
    fives: Mapping[str, FiveMinutes],
    not_computed: Sequence[int],
    skins: Mapping[int, Mapping[str, Spans]],
) -> Prepared:
    """Find, day by day, what the segments count.

    Parameters
    ----------
    person : Person
        With an axis that holds the days and what their features reach back to.
    days : sequence of int
        The local days with data, since 1970-01-01.
    fives : mapping
        Stream → windows of five minutes with beats, in order of time.
    skins : mapping
        As `Prepared` has it.
    not_computed : sequence of int
        Local days with beats whose windows are not there yet.
    """
    grid = person.grid
    above_bpm = np.full(len(person.clock), np.nan)
    fitted, sedentary = np.zeros((2, len(person.clock)), np.bool_)
    cadence = np.where(grid.coarse & (grid.steps > 0), np.nan, grid.steps)
    awake = ~(grid.in_sleep | grid.unsure | grid.nonwear)
    sums = sum_days(person, days)
    for day in days:
        place = person.clock.minutes_of(day)
        model = arousal.fit_before(day, same_device(person, day, sums))
        if model is not None:
            now = place[(grid.usable & grid.still)[place]]
            above_bpm[now] = model.above(grid.rows[now])
            fitted[place] = True
        for span in activity.sedentary_spans(cadence[place], awake[place], person.clock.utc_min[place]):
            sedentary[slice(*(edge - person.clock.start_min for edge in span))] = True
    waiting = np.isin(person.clock.day, np.asarray(not_computed, np.int64))
    beating = {stream: Beating.of(windows) for stream, windows in sorted(fives.items())}
    totals = tuple(log for one in person.nights.values() for log in one.logs if log.totals is not None)
    return Prepared(person, above_bpm, fitted, cadence, sedentary, beating, waiting, skins, totals)


def measure_segment(prepared: Prepared, instance: Instance) -> dict[str, From]:
    """Every feature of `FEATURES` in one instance of a segment, each with the streams it is from."""
    clock = prepared.person.clock
    start, end = instance.start_min - clock.start_min, instance.end_min - clock.start_min
    reason = instance.reason or (None if 0 <= start <= end <= len(clock) else measure.NO_DATA)
    if reason:
        none = missing(reason, coverage=0.0)
        return {feature.name: (none, None) for feature in FEATURES}
    place = slice(start, end)
    values = measure_wear(prepared.person, place)
    values |= measure_heart(prepared.person.grid.hr_bpm[place])
    values["ahr_mean"] = measure_above(prepared, place)
    values |= measure_movement(prepared, place)
    values["asleep_min"] = measure_sleep(prepared, place)
    stream = name_streams(prepared.person, place)
    named: dict[str, From] = {name: (m, stream) for name, m in values.items()}
    named |= measure_beats(prepared, place)
    named["scr_rate"] = measure_skin(prepared, place)
    return {feature.name: named[feature.name] for feature in FEATURES}


def name_streams(person: Person, place: slice) -> str | None:
    """The streams used on the days of some minutes, in order of name; None where there are none."""
    days = np.unique(person.clock.day[place]).tolist()
    return "; ".join(sorted({name for day in days if (name := person.stream_name(day))})) or None


def measure_wear(person: Person, place: slice) -> dict[str, Measure]:
    """`worn_min`, `steps` and data yield, as the day's functions give them."""
    grid = person.grid
    hr_bpm, nonwear = grid.hr_bpm[place], grid.nonwear[place]
    day = activity.measure_day(hr_bpm, grid.steps[place], ~(grid.in_sleep | grid.unsure)[place])
    values = {name: day[name] for name in ("worn_min", "steps")}
    return values | data_yield.measure_yield(*data_yield.yield_of_day(hr_bpm, nonwear))


def measure_heart(hr_bpm: Floats) -> dict[str, Measure]:
    """`HEART` of minute means, NaN where there is none."""
    known = hr_bpm[~np.isnan(hr_bpm)]
    n, share = len(known), len(known) / max(1, len(hr_bpm))
    if n < LEAST_MIN:
        why = f"too little heart rate: {n} of {LEAST_MIN} min" if n else measure.NO_DATA
        return dict.fromkeys(HEART, missing(why, n_obs=n, coverage=share))
    told: tuple[Callable[[Floats], np.floating], ...] = (np.mean, np.min, np.max, _sd, np.median)
    return {
        name: found(float(tell(known)), n_obs=n, coverage=share, quality=share_quality(share))
        for name, tell in zip(HEART, told, strict=True)
    }


def _sd(value: Floats) -> np.floating:
    return np.std(value, ddof=1)


def measure_above(prepared: Prepared, place: slice) -> Measure:
    """`ahr_mean`: the minutes of `ahr_day`, each against the fit of its day."""
    grid = prepared.person.grid
    above = prepared.above_bpm[place]
    above = above[~np.isnan(above)]
    usable, awake = (grid.usable & prepared.fitted)[place], ~grid.in_sleep[place]
    share, n = _share(usable, awake), len(above)
    if n >= LEAST_STILL_MIN:
        return found(float(above.mean()), n_obs=n, coverage=share, quality=share_quality(share))
    reason = measure.too_few_still(n, LEAST_STILL_MIN)
    if not awake.any():
        reason = ASLEEP_THROUGHOUT
    elif np.isnan(grid.hr_bpm[place]).all():
        reason = measure.NO_DATA
    elif not prepared.fitted[place].any():
        reason = measure.too_few_before(arousal.LEAST_DAYS, "days")
    return missing(reason, n_obs=n, coverage=share)


def measure_movement(prepared: Prepared, place: slice) -> dict[str, Measure]:
    """`MOVEMENT`, by the rules of `activity.measure_movement` but for its 600 minutes."""
    grid, cadence = prepared.person.grid, prepared.cadence[place]
    steps, worn, awake = grid.steps[place], ~grid.nonwear[place], ~grid.in_sleep[place]
    sure = worn & ~(grid.in_sleep | grid.unsure)[place]
    known, counted = sure & ~np.isnan(cadence), sure & ~np.isnan(steps)
    n, share = int(known.sum()), _share(known, awake)
    reason = None
    if np.isnan(steps).all():
        reason = measure.NO_STEPS if worn.any() else measure.NO_DATA
    elif not awake.any():
        reason = ASLEEP_THROUGHOUT
    elif n < LEAST_MIN:
        enough = int(counted.sum()) >= LEAST_MIN
        reason = measure.COARSE_STEPS if enough else f"too few known waking minutes: {n} of {LEAST_MIN}"
    if reason:
        return dict.fromkeys(MOVEMENT, missing(reason, n_obs=n, coverage=share))
    quality = share_quality(share)
    brisk = int((cadence >= activity.MVPA_CADENCE).sum())
    values = {
        "sedentary_min": found(
            int(prepared.sedentary[place].sum()), n_obs=n, coverage=share, quality=quality
        ),
        "mvpa_min": found(brisk, n_obs=n, coverage=share, quality=quality),
    }
    shared = float(np.nansum(np.where(np.isnan(cadence), steps, 0.0)))
    if shared > activity.MOST_SHARED * float(np.nansum(steps)):
        values["mvpa_min"] = missing(measure.COARSE_STEPS, n_obs=n, coverage=share)
    return values


def measure_sleep(prepared: Prepared, place: slice) -> Measure:
    """`asleep_min`: 0 only where at least half of the segment is known and holds no sleep, as for naps.

    Of a sleep that the device gives in totals alone, the total counts where all of it lies in the
    segment; a part of it cannot be told.
    """
    person = prepared.person
    known = person.grid.known[place]
    share, n = _share(known, np.ones(len(known), np.bool_)), int(known.sum())
    slept_min = float(person.grid.asleep_s[place].sum()) / 60
    start_s, end_s = (60 * (person.clock.start_min + edge) for edge in (place.start, place.stop))
    for log in prepared.totals:
        if start_s <= log.onset_s and log.wake_s <= end_s:
            stretches_s = log.stage_end_s[log.asleep] - log.stage_start_s[log.asleep]
            slept_min += log.tst_min - float(stretches_s.sum()) / 60
        elif log.onset_s < end_s and start_s < log.wake_s:
            return missing(measure.NO_STRETCHES, n_obs=n, coverage=share)
    if slept_min == 0 and share < 0.5:
        nothing = np.isnan(person.grid.hr_bpm[place]).all()
        why = f"not known whether asleep in {len(known) - n} of {len(known)} min"
        return missing(measure.NO_DATA if nothing else why, n_obs=n, coverage=share)
    return found(slept_min, n_obs=n, coverage=share, quality=share_quality(share))


def _share(part: Bools, whole: Bools) -> float:
    """Share of some minutes that are of another kind too; 0 of none."""
    return float((part & whole).sum()) / float(whole.sum()) if whole.any() else 0.0


def measure_beats(prepared: Prepared, place: slice) -> dict[str, From]:
    """`BEATS` and `COUNTS` from the windows that lie wholly in a segment, all of one device."""
    clock = prepared.person.clock
    start_s, end_s = (60 * (clock.start_min + edge) for edge in (place.start, place.stop))
    room = max(0, end_s // SPAN_S - -(-start_s // SPAN_S))
    some = {stream: windows.within(start_s, end_s) for stream, windows in prepared.beating.items()}
    each = {stream: measure_windows(mine, of=room) for stream, mine in some.items() if len(mine.start_s)}
    reason = None
    if prepared.not_computed[place].any():
        reason = NOT_COMPUTED
    elif not each:
        reason = measure.NO_BEATS if room or not some else NO_WINDOW
    if reason:
        return dict.fromkeys((*BEATS, *COUNTS), (missing(reason, coverage=0.0), None))
    rmssd = {stream: values["rmssd_ms"] for stream, values in each.items()}
    _, best = choose(rmssd, name_streams(prepared.person, place))
    # A device whose windows cannot be used still says how many there were.
    stream = best or min(each)
    return {name: (m, stream) for name, m in each[stream].items()}


def measure_windows(windows: Beating, *, of: int) -> dict[str, Measure]:
    """`BEATS` and `COUNTS` of the windows of one device that lie in a segment.

    Parameters
    ----------
    windows : Beating
        At least one.
    of : int
        Windows that have room in the segment: what coverage is a share of.
    """
    n, usable = len(windows.start_s), windows.quality >= FAIR
    measures = {
        name: found(int((windows.quality == code).sum()), n_obs=n, coverage=n / of)
        for name, code in zip(COUNTS, (GOOD, FAIR), strict=True)
    }
    uneven = is_uneven(windows.uneven)
    for name, value in windows.values.items():
        known = value[usable & np.isfinite(value)]
        share = len(known) / of
        if uneven and name != "mean_hr_bpm":
            measures[name] = missing(measure.TOO_UNEVEN, n_obs=len(known), coverage=share)
        elif len(known):
            median = float(np.median(known))
            measures[name] = found(median, n_obs=len(known), coverage=share, quality=share_quality(share))
        else:
            measures[name] = missing(ONLY_SOME if usable.any() else NONE_USABLE, coverage=share)
    return measures


def measure_skin(prepared: Prepared, place: slice) -> From:
    """`scr_rate` from the device with most to say, by the rule and the minimum of the day's."""
    person = prepared.person
    minutes = person.clock.utc_min[place]
    grid = person.grid
    rest = grid.resting[place] & (grid.still[place] | np.isnan(grid.steps[place]))
    each: dict[str, list[Spans]] = {}
    for day in np.unique(person.clock.day[place]).tolist():
        for stream, spans in prepared.skins.get(day, {}).items():
            each.setdefault(stream, []).append(spans)
    measures = {
        stream: electrodermal.measure_skin(join_spans(parts), minutes[rest])["scr_rate"]
        for stream, parts in sorted(each.items())
        if any(_inside(spans.start_min, minutes) for spans in parts)
    }
    if not measures:
        return missing(measure.NO_DATA, coverage=0.0), None
    best = max(measures, key=lambda stream: measures[stream].n_obs)
    if not rest.any():
        return missing(measure.NOT_KNOWN_AWAKE, coverage=0.0), best
    return measures[best], best


def _inside(start_min: Ints, minutes: Ints) -> bool:
    """Whether any minute of the first lies among the second, which are all of a stretch of time."""
    return bool(len(minutes) and ((start_min >= minutes[0]) & (start_min <= minutes[-1])).any())


def join_spans(parts: Sequence[Spans]) -> Spans:
    """Put the spans of several days of one device together, in order of time."""
    return Spans(
        np.concatenate([p.start_min for p in parts]),
        np.concatenate([p.used_s for p in parts]),
        np.concatenate([p.responses for p in parts]),
        np.concatenate([p.scl_us for p in parts]),
        np.concatenate([p.reason for p in parts]),
    )

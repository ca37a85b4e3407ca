"""The list of features: a feature is one function and one row here.

Values are in the unit of the row (UCUM). A value below its minimum data is null with a reason, from
the vocabulary of `features.measure`. `reach_days` is how many days after a changed signal a value may
change; the day before the change may too, since a night reaches back over midnight.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Literal

import pyarrow as pa

METHOD_VERSION = "features-1"

Grain = Literal["night", "day"]


@dataclass(frozen=True)
class Feature:
    """One row of `feature.catalog`, whose columns have these names.

    `direction` is +1 or −1 where more or less of it means more load, 0 where it only describes.
    """

    feature: str
    grain: Grain
    unit: str
    definition: str
    formula: str
    reads: str
    window: str
    minimum_data: str
    direction: int = 0
    reach_days: int = 1
    citation: str = "AASM definitions as used for consumer sleep technology, ANSI/CTA/NSF-2052.1"
    since_version: str = METHOD_VERSION


SLEEP = "signal.sleep_episode,signal.sleep_stage"
HEART = "signal.heart_rate"
STEPS = "signal.steps"
NIGHT_HEART = f"{HEART},{SLEEP}"
WAKING = f"{HEART},{STEPS},signal.workout,{SLEEP}"

MAIN = "main sleep: the longest of at least 3 h between two local noons"
NOON = "noon to noon, local"
LOCAL_DAY = "local day"
NIGHTS_28 = "the night and the 28 nights before it"
DAYS_14 = "the 14 days before"

ONE_MAIN = "a main sleep"
STAGED = "a main sleep with stages"
STILL_120 = "5 days with 600 usable minutes among the 14 before; 120 still waking minutes that day"
FIT_5 = "5 days with 600 usable minutes among the 14 before"

BOWMAN = "Bowman 2021, Cell Rep Methods 1:100058, doi:10.1016/j.crmeth.2021.100058; form ours"
VALID = "worn-minutes rule common to wrist devices; 100 steps as in All of Us"
FISCHER = "Fischer 2016, Sci Rep 6:38601, doi:10.1038/srep38601; MSFsc as in Roenneberg 2004"

FEATURES: tuple[Feature, ...] = (
    Feature(
        "tib_min",
        "night",
        "min",
        "Time in bed; where the device logs a sleep period instead, that period, with quality low.",
        "end of the log − start of the log",
        SLEEP,
        MAIN,
        ONE_MAIN,
    ),
    Feature(
        "spt_min",
        "night",
        "min",
        "Sleep period time.",
        "final wake − first sleep",
        SLEEP,
        MAIN,
        ONE_MAIN,
    ),
    Feature(
        "tst_min",
        "night",
        "min",
        "Total sleep time of the main sleep.",
        "Σ stretches asleep (restless is not asleep)",
        SLEEP,
        MAIN,
        ONE_MAIN,
    ),
    Feature(
        "waso_min",
        "night",
        "min",
        "Wake after sleep onset.",
        "spt_min − tst_min",
        SLEEP,
        MAIN,
        ONE_MAIN,
    ),
    Feature(
        "sol_min",
        "night",
        "min",
        "Sleep onset latency.",
        "first sleep − lights out",
        SLEEP,
        MAIN,
        "a true lights-out time",
    ),
    Feature(
        "sleep_maint",
        "night",
        "%",
        "Sleep maintenance: share of the sleep period asleep.",
        "100 · tst_min / spt_min",
        SLEEP,
        MAIN,
        ONE_MAIN,
    ),
    Feature(
        "se",
        "night",
        "%",
        "Sleep efficiency: share of the time in bed asleep.",
        "100 · tst_min / tib_min",
        SLEEP,
        MAIN,
        "a true time in bed",
    ),
    Feature(
        "rem_latency_min",
        "night",
        "min",
        "Time from sleep onset to the first REM sleep.",
        "first REM − first sleep",
        SLEEP,
        MAIN,
        "a main sleep with REM",
    ),
    Feature("light_min", "night", "min", "Light sleep (N1 and N2).", "Σ light", SLEEP, MAIN, STAGED),
    Feature("deep_min", "night", "min", "Deep sleep (N3).", "Σ deep", SLEEP, MAIN, STAGED),
    Feature("rem_min", "night", "min", "REM sleep.", "Σ REM", SLEEP, MAIN, STAGED),
    Feature(
        "awakenings_h",
        "night",
        "/h",
        "Awakenings in an hour of sleep.",
        "wake bouts of at least 2 min within the sleep period / tst",
        SLEEP,
        MAIN,
        ONE_MAIN,
    ),
    Feature(
        "sleep_frag",
        "night",
        "/h",
        "Sleep fragmentation: changes to a lighter state in an hour of sleep.",
        "(changes from deep or REM to light + from any sleep to wake) / tst",
        SLEEP,
        MAIN,
        STAGED,
        direction=1,
    ),
    Feature(
        "onset_clock_h",
        "night",
        "h",
        "Clock time of sleep onset, in the zone at wake; negative before midnight.",
        "first sleep − local midnight of the night's date",
        SLEEP,
        MAIN,
        ONE_MAIN,
    ),
    Feature(
        "wake_clock_h",
        "night",
        "h",
        "Clock time of the final wake, in the zone at wake.",
        "final wake − local midnight of the night's date",
        SLEEP,
        MAIN,
        ONE_MAIN,
    ),
    Feature(
        "midsleep_clock_h",
        "night",
        "h",
        "Clock time of mid-sleep, in the zone at wake; negative before midnight.",
        "onset_clock_h + spt / 2",
        SLEEP,
        MAIN,
        ONE_MAIN,
    ),
    Feature(
        "offset_wake_min",
        "night",
        "min",
        "Offset from UTC at the final wake, east positive.",
        "end_offset_min of the log",
        SLEEP,
        MAIN,
        ONE_MAIN,
    ),
    Feature(
        "offset_onset_min",
        "night",
        "min",
        "Offset from UTC at the start; it differs from the one at wake over a change of clocks or zone.",
        "offset_min of the log",
        SLEEP,
        MAIN,
        ONE_MAIN,
    ),
    Feature(
        "nap_min",
        "night",
        "min",
        "Sleep outside the main sleep.",
        "Σ tst of the other sleeps of at least 20 min",
        f"{SLEEP},{HEART}",
        NOON,
        "a nap, or half of the window known",
    ),
    Feature(
        "tst24_min",
        "night",
        "min",
        "All sleep of 24 h.",
        "tst_min + nap_min",
        SLEEP,
        NOON,
        ONE_MAIN,
    ),
    Feature(
        "sleep_need_h",
        "night",
        "h",
        "Sleep need, as far as free nights tell: nights that end on a Saturday or Sunday.",
        "median tst of free nights, held between 7 and 9 h",
        SLEEP,
        "the 28 nights before",
        "2 free nights",
        reach_days=29,
        citation="own rule; 7 h lower bound AASM/SRS 2015, doi:10.5665/sleep.4716",
    ),
    Feature(
        "sleep_short",
        "night",
        "h",
        "Sleep that was missing to the need; negative where there was more.",
        "sleep_need_h − tst24_min / 60",
        SLEEP,
        NIGHTS_28,
        "a main sleep and a need",
        direction=1,
        reach_days=29,
        citation="own rule",
    ),
    Feature(
        "cpd",
        "night",
        "h",
        "Composite phase deviation: how far mid-sleep is from usual and from the night before.",
        "√((ms − ref)² + (ms − ms₋₁)²), ref = MSFsc (2 free, 3 work nights) or the circular median",
        SLEEP,
        NIGHTS_28,
        "a main sleep, one on the night before, 5 nights among the 28 before",
        direction=1,
        reach_days=29,
        citation=FISCHER,
    ),
    Feature(
        "sri_7d",
        "night",
        "1",
        "Sleep regularity index over 7 days, −100 to 100.",
        "−100 + 200 · share of known minute pairs 24 h of elapsed time apart in the same state",
        NIGHT_HEART,
        "7 · 24 h to noon of the night's date",
        "5 pairs of days with 75 % of their minutes known",
        reach_days=8,
        citation="Phillips 2017, Sci Rep 7:3216, doi:10.1038/s41598-017-03171-4",
    ),
    Feature(
        "rhr_night",
        "night",
        "/min",
        "Resting heart rate of the night.",
        "10th percentile of 5-min mean heart rate asleep (bins at UTC :00, :05 …); se: 30-min blocks",
        NIGHT_HEART,
        MAIN,
        "24 bins with 3 worn minutes asleep",
        direction=1,
        citation="own rule; se Künsch 1989, Ann Stat 17:1217, doi:10.1214/aos/1176347265",
    ),
    Feature(
        "hr_dip",
        "night",
        "%",
        "How far heart rate falls from still waking to sleep.",
        "100 · (1 − median asleep / median of still waking minutes in the 24 h before onset)",
        WAKING,
        "main sleep and the 24 h before it",
        "120 min asleep and 120 still waking minutes with heart rate",
        direction=-1,
        reach_days=3,
        citation="own rule, after nocturnal dipping",
    ),
    Feature(
        "t_hr_nadir",
        "night",
        "1",
        "When in the sleep heart rate is lowest: 0 at onset, 1 at the final wake.",
        "(middle of the lowest 5-min mean − onset) / spt",
        NIGHT_HEART,
        MAIN,
        "24 bins and heart rate in 60 % of the sleep period",
        direction=1,
        citation="own rule",
    ),
    Feature(
        "rhr_vendor",
        "night",
        "/min",
        "Resting heart rate as the vendor gives it; se is the vendor's own error.",
        "as read",
        "signal.vital",
        "as the vendor defines it",
        "a value from the vendor",
        direction=1,
        reach_days=0,
        citation="the vendor",
    ),
    Feature(
        "hr_coverage_night",
        "night",
        "1",
        "Share of the sleep period with heart rate.",
        "worn minutes / minutes of the sleep period",
        NIGHT_HEART,
        MAIN,
        ONE_MAIN,
        citation="own rule",
    ),
    Feature(
        "valid_night",
        "night",
        "1",
        "1 where the night counts: a main sleep with heart rate in at least 60 % of it; else 0.",
        "main sleep and hr_coverage_night ≥ .6",
        NIGHT_HEART,
        MAIN,
        "none",
        citation="own rule",
    ),
    Feature(
        "steps",
        "day",
        "{count}",
        "Steps of the day.",
        "Σ steps; a worn minute without a record counts 0 on a day with records",
        f"{STEPS},{HEART}",
        LOCAL_DAY,
        "a record of steps that day",
        reach_days=0,
        citation="as counted by the device",
    ),
    Feature(
        "worn_min",
        "day",
        "min",
        "Minutes with a heart rate of confidence above 0.",
        "count",
        HEART,
        LOCAL_DAY,
        "none",
        reach_days=0,
        citation="own rule",
    ),
    Feature(
        "worn_waking_min",
        "day",
        "min",
        "Worn minutes known to be awake: outside sleep, and not 20:00 to noon of a night without a log.",
        "count",
        NIGHT_HEART,
        LOCAL_DAY,
        "none",
        citation="own rule",
    ),
    Feature(
        "valid_day",
        "day",
        "1",
        "1 where the day counts, else 0.",
        "worn_waking_min ≥ 600 and steps ≥ 100",
        f"{NIGHT_HEART},{STEPS}",
        LOCAL_DAY,
        "none",
        citation=VALID,
    ),
    Feature(
        "ahr_day",
        "day",
        "/min",
        "Heart rate above what activity and time of day explain, while awake and still.",
        "median of HR − expected over minutes with ≤ 10 steps in 5 min; se: spread of hourly medians",
        WAKING,
        "local day, against a fit to the 14 days before",
        STILL_120,
        direction=1,
        reach_days=15,
        citation=BOWMAN,
    ),
    Feature(
        "arousal_min",
        "day",
        "min/h",
        "Minutes of momentary arousal in an hour of still waking wear.",
        "EWMA (τ 5 min) of HR − expected > max(6, 1.5·s_p) for ≥ 5 min, still ≥ 10 min, gaps < 5 min joined",
        WAKING,
        "local day, against a fit to the 14 days before",
        STILL_120,
        direction=1,
        reach_days=15,
        citation=BOWMAN,
    ),
    Feature(
        "cr_mesor",
        "day",
        "/min",
        "Heart rate awake at rest, averaged over the clock.",
        "μ of the fit",
        WAKING,
        DAYS_14,
        FIT_5,
        reach_days=15,
        citation=BOWMAN,
    ),
    Feature(
        "cr_amp",
        "day",
        "/min",
        "Half the swing of heart rate over the clock, activity taken out.",
        "√(a² + b²) of the fit",
        WAKING,
        DAYS_14,
        FIT_5,
        reach_days=15,
        citation=BOWMAN,
    ),
    Feature(
        "cr_phase_h",
        "day",
        "h",
        "Local clock hour of the crest of that swing.",
        "atan2(b, a) · 12 / π, 0 to 24",
        WAKING,
        DAYS_14,
        FIT_5,
        reach_days=15,
        citation=BOWMAN,
    ),
    Feature(
        "hr_per_step",
        "day",
        "1",
        "Rise in heart rate (/min) for each step a minute, walking steadily at 100 a minute.",
        "Σβ · √100 / 100 of the fit",
        WAKING,
        DAYS_14,
        FIT_5,
        reach_days=15,
        citation=BOWMAN,
    ),
)

BY_NAME: dict[str, Feature] = {feature.feature: feature for feature in FEATURES}

REACH_DAYS = max(feature.reach_days for feature in FEATURES)
"""How many days after a changed signal any value may change."""


def names_of(grain: Grain) -> list[str]:
    """The features of a grain, in order of the catalogue: the columns of feature.night and feature.day."""
    return [feature.feature for feature in FEATURES if feature.grain == grain]


def catalog_rows() -> pa.Table:
    """The catalogue as rows of `feature.catalog`."""
    return pa.table({f.name: [getattr(row, f.name) for row in FEATURES] for f in fields(Feature)})

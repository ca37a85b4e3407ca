"""Tables of what devices recorded, as they gave it."""

from __future__ import annotations

from warehouse.schema import BIG, FLAG, INSTANT, INT, REAL, REAL32, SMALL, STREAM, TEXT, TINY, Column, Table
from warehouse.tables.shared import DEVICE, OFFSET, ORIGIN, PARTICIPANT, SOURCE

T_UTC = Column("t_utc", INSTANT, "instant of the sample")


def recorded(
    name: str, meaning: str, *columns: Column, key: tuple[str, ...] = ("t_utc",), whole: tuple[str, ...] = ()
) -> Table:
    """Declare a table of signals: whose and of what device, what was recorded, and where it came from.

    `key` follows participant, source and device, and so does `whole`, the key of rows that belong together.
    """
    return Table(
        "signal",
        name,
        meaning,
        "signal",
        (PARTICIPANT, SOURCE, DEVICE, *columns, *ORIGIN),
        (*STREAM, *key),
        unit_key=(*STREAM, *whole) if whole else (),
        partition="t_utc",
    )


SIGNAL = (
    recorded(
        "heart_rate",
        "heart rate as the device gave it",
        T_UTC,
        OFFSET,
        Column("hr_bpm", REAL32, "heart rate", "/min"),
        Column("confidence", TINY, "the vendor's own 0 (not worn?) to 3; null where not given"),
    ),
    recorded(
        "steps",
        "steps in a span of time; a span without a row is unknown or still, never zero by itself",
        Column("t_utc", INSTANT, "start of the span"),
        OFFSET,
        Column("span_s", INT, "length of the span", "s"),
        Column("steps", INT, "steps in it", "{count}"),
    ),
    recorded(
        "sleep_episode",
        "one sleep as the device logged it, nap or night",
        Column("episode", TEXT, "the vendor's identifier of the log"),
        Column("t_utc", INSTANT, "start of the log"),
        OFFSET,
        Column("end_utc", INSTANT, "end of the log"),
        Column("end_offset_min", SMALL, "offset from UTC at its end", "min"),
        Column(
            "scoring",
            TEXT,
            "stages (wake, light, deep, rem) or classic (awake, restless, asleep); null if none",
        ),
        Column("vendor_main", FLAG, "the vendor calls it the main sleep of its day; null where not said"),
        Column("in_bed", FLAG, "the log is of time in bed, not of the sleep period; null if not known"),
        Column("tz_assumed", FLAG, "local stamps were read with the person's zone, without proof"),
        Column("revision", BIG, "the vendor's revision; null where none is given"),
        key=("episode",),
    ),
    recorded(
        "sleep_stage",
        "stretches of one stage, disjoint and in order, short wakes cut out of the stage around them",
        Column("episode", TEXT, "the log it belongs to (signal.sleep_episode)"),
        Column("t_utc", INSTANT, "start of the stretch"),
        OFFSET,
        Column("end_utc", INSTANT, "end of the stretch"),
        Column("stage", TEXT, "wake, light, deep, rem, asleep (unstaged) or restless (classic)"),
        Column("revision", BIG, "the vendor's revision of the log; null where none is given"),
        key=("episode", "t_utc"),
        whole=("episode",),
    ),
    recorded(
        "workout",
        "exercise as logged or as the device found it",
        Column("workout", TEXT, "the vendor's identifier of the log"),
        Column("t_utc", INSTANT, "start"),
        OFFSET,
        Column("end_utc", INSTANT, "end"),
        Column("activity", TEXT, "what it was, in lower case: walk, run, bike, …"),
        Column("detected", FLAG, "found by the device, not said by the person; null where not known"),
        Column("hr_mean_bpm", REAL, "mean heart rate in it, as the vendor says", "/min"),
        Column("steps", INT, "steps in it, as the vendor says", "{count}"),
        Column("revision", BIG, "the vendor's revision; null where none is given"),
        key=("workout",),
    ),
    recorded(
        "vital",
        "single values that a device gives for a moment or a day, each of its own kind",
        Column("vital", TEXT, "resting_heart_rate, spo2, spo2_night, respiration, skin_temperature, …"),
        Column("t_utc", INSTANT, "its instant; local midnight where the vendor gives a date only"),
        OFFSET,
        Column("value", REAL, "the value, in the unit of the row"),
        Column("unit", TEXT, "UCUM unit of the value"),
        Column("error", REAL, "the vendor's own error of it, same unit; null where none is given"),
        key=("vital", "t_utc"),
    ),
    recorded(
        "beat",
        "intervals between heart beats, as recorded: what is implausible is kept and judged later",
        Column("t_utc", INSTANT, "instant of the beat that ends the interval"),
        OFFSET,
        Column("rr_ms", REAL32, "the interval", "ms"),
        Column("gap_before", FLAG, "beats are missing between the interval before and this one"),
        Column("tick_ms", REAL32, "resolution of the recorder's clock; null where not known", "ms"),
        Column("sensor", TEXT, "ppg (light) or ecg (electrodes); null where not known"),
    ),
    recorded(
        "hrv_sample",
        "heart rate variability as a vendor computed it, each of its own kind, never pooled",
        Column("hrv", TEXT, "rmssd_5min, rmssd_night, rmssd_deep, rmssd_spot, sdnn_spot or sdnn_night"),
        Column(
            "t_utc",
            INSTANT,
            "start of what it is of; local midnight of the date where only that is given",
        ),
        OFFSET,
        Column("span_s", INT, "length of what it is of; null where not known", "s"),
        Column("value_ms", REAL, "the value", "ms"),
        Column("coverage", REAL, "share of the span with beats, as the vendor says; null if unsaid", "1"),
        key=("hrv", "t_utc"),
    ),
    recorded(
        "eda",
        "electrodermal activity",
        T_UTC,
        OFFSET,
        Column("eda_us", REAL32, "skin conductance", "uS"),
    ),
    recorded(
        "acceleration",
        "acceleration in three axes, gravity included",
        T_UTC,
        OFFSET,
        Column("x_g", REAL32, "first axis", "[g]"),
        Column("y_g", REAL32, "second axis", "[g]"),
        Column("z_g", REAL32, "third axis", "[g]"),
    ),
    recorded(
        "pulse_wave",
        "blood volume pulse, in the recorder's own arbitrary unit",
        T_UTC,
        OFFSET,
        Column("bvp", REAL32, "the wave", "[arb'U]"),
    ),
    recorded(
        "vendor_score",
        "scores that a vendor computed: shown beside ours, never an input",
        Column(
            "score",
            TEXT,
            "the vendor's name for it, in our spelling: stress_score, readiness, …",
        ),
        Column("t_utc", INSTANT, "its instant; local midnight where the vendor gives a date only"),
        OFFSET,
        Column("value", REAL, "the score, on the vendor's own scale", "{score}"),
        Column("label", TEXT, "the vendor's word for it, in lower case; null where there is none"),
        key=("score", "t_utc"),
    ),
    recorded(
        "event",
        "what a person did or met with: practice, therapy, alcohol, illness, travel, marks",
        Column(
            "event",
            TEXT,
            "mindful, therapy, eda_scan, alcohol, ill, travel, medicine, change, menstruation, mark or an own word",
        ),
        Column("t_utc", INSTANT, "start; local midnight where only a date is given"),
        OFFSET,
        Column("end_utc", INSTANT, "end; null where none is given"),
        Column(
            "app", TEXT, "app or provider that it came from or was with, or what changed; null where not said"
        ),
        Column(
            "amount",
            REAL,
            "how much, where that is said: drinks, minutes",
            "{amount}",
        ),
        key=("event", "t_utc"),
    ),
    recorded(
        "checkin",
        "what a person said of how they felt",
        Column(
            "scale",
            TEXT,
            "felt_stress and felt_week (0-10), who5 (0-100), pss4 (0-16), valence (-1 to 1), mood",
        ),
        Column("t_utc", INSTANT, "when they said it"),
        OFFSET,
        Column("value", REAL, "the answer, on its scale; null where it is a word", "{score}"),
        Column("label", TEXT, "the word, in lower case; null where it is a number"),
        key=("scale", "t_utc"),
    ),
)

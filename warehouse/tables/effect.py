"""Tables of "did it help me?": the verdicts and what they rest on, and the days of the picture."""

from __future__ import annotations

from warehouse.schema import BIG, DAY, FLAG, REAL, TEXT, Column, Table
from warehouse.tables.shared import PARTICIPANT, PROVENANCE

OUTCOME_UNIT = "{outcome}"
"""Of a column in the unit of the row's outcome."""
SD = "{sd}"

KEY = (
    PARTICIPANT,
    Column("day", DAY, "the Monday on which the days before it are judged"),
    Column("event", TEXT, "kind of event (signal.event)"),
    Column("app", TEXT, "app or provider; empty where none is named"),
    Column(
        "question",
        TEXT,
        "since_start (before and after it began), after_sessions (days with and without one) or plan (a"
        " randomised plan)",
    ),
)

EFFECT = (
    Table(
        "model",
        "effect",
        "did what the person began, or a session, go with other days: a row each time that a question is judged",
        "result",
        (
            *KEY,
            Column("outcome", TEXT, "index, felt_stress, ln_rmssd or tst_min"),
            Column(
                "primary_outcome", FLAG, "true for the one outcome asked about; the others are exploratory"
            ),
            Column("verdict", TEXT, "likely_lower, no_clear_change, likely_higher or cannot_tell"),
            Column("reason", TEXT, "why it cannot be told; null where it can"),
            Column(
                "needed",
                BIG,
                "how many more days (or other sessions) would answer it; null if more would not",
                "{count}",
            ),
            Column("start_day", DAY, "first day with it; first day of the plan"),
            Column("first_day", DAY, "first day that was looked at"),
            Column("last_day", DAY, "last day that was looked at"),
            Column("days_without", BIG, "days with a value, without it", "{count}"),
            Column("days_with", BIG, "days with a value, with it", "{count}"),
            Column("sessions", BIG, "sessions in that time", "{count}"),
            Column("method", TEXT, "randomisation or autoregressive; null where it was not estimated"),
            Column(
                "early", FLAG, "true where days are still to come: the interval is then a 99 % one, else 95 %"
            ),
            Column(
                "sd", REAL, "spread of the outcome about what is expected of a day, in its unit", OUTCOME_UNIT
            ),
            Column("effect_sd", REAL, "difference with it, in that spread", SD),
            Column("lo_sd", REAL, "low end of its interval", SD),
            Column("hi_sd", REAL, "high end of its interval", SD),
            Column("effect", REAL, "difference with it, in the outcome's unit", OUTCOME_UNIT),
            Column("lo", REAL, "low end of its interval, in the outcome's unit", OUTCOME_UNIT),
            Column("hi", REAL, "high end of its interval, in the outcome's unit", OUTCOME_UNIT),
            Column("p_value", REAL, "how often chance alone gives as much", "1"),
            Column(
                "q_value",
                REAL,
                "the same with the number of exploratory outcomes allowed for; null for the primary one",
                "1",
            ),
            Column("p_lower", REAL, "probability of a difference below -.2 SD; null with randomisation", "1"),
            Column("p_inside", REAL, "probability of one within .2 SD; null with randomisation", "1"),
            Column("p_higher", REAL, "probability of one above .2 SD; null with randomisation", "1"),
            Column("phi", REAL, "lag-1 correlation; null with randomisation", "1"),
            Column("tau", REAL, "baseline-corrected tau; null for sessions", "1"),
            Column(
                "forecast_sd", REAL, "difference from the forecast of the days before; null for sessions", SD
            ),
            Column("forecast_lo_sd", REAL, "low end of its 95 % interval", SD),
            Column("forecast_hi_sd", REAL, "high end of its 95 % interval", SD),
            Column(
                "placebo_share",
                REAL,
                "share of made-up starts that look as large; null where none can be made up",
                "1",
            ),
            Column("without_a_week_lo_sd", REAL, "smallest difference with any one week left out", SD),
            Column("without_a_week_hi_sd", REAL, "largest difference with any one week left out", SD),
            Column(
                "without_weeks_before_sd",
                REAL,
                "difference with the four or six weeks before the start left out, the smaller",
                SD,
            ),
            Column("phi_low_sd", REAL, "difference with phi fixed at .2", SD),
            Column("phi_high_sd", REAL, "difference with phi fixed at .6", SD),
            Column("steady", FLAG, "true where none of these checks says otherwise"),
            *PROVENANCE,
        ),
        ("participant", "day", "event", "app", "question", "outcome"),
        partition="day",
    ),
    Table(
        "model",
        "effect_day",
        "the days behind a verdict on its primary outcome: what was there, and what was expected without it",
        "result",
        (
            *KEY,
            Column("date", DAY, "a day that was looked at"),
            Column(
                "value",
                REAL,
                "the outcome, in its unit (an index of one fixed usual: 0 to 100); null where missing",
                OUTCOME_UNIT,
            ),
            Column("expected", REAL, "what was expected of the day without it", OUTCOME_UNIT),
            Column("expected_lo", REAL, "low end of its 80 % band", OUTCOME_UNIT),
            Column("expected_hi", REAL, "high end of its 80 % band", OUTCOME_UNIT),
            Column("with_it", FLAG, "true on days with it"),
            *PROVENANCE,
        ),
        ("participant", "day", "event", "app", "question", "date"),
        partition="day",
    ),
)

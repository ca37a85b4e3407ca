"""Tables of the models: what is usual, the index of a day, what went into it."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from warehouse.schema import BIG, DAY, FLAG, REAL, TEXT, TINY, Column, Table
from warehouse.tables.feature import FEATURE_UNIT
from warehouse.tables.shared import ALWAYS, COVERAGE, DAY_COLUMN, N_OBS, PARTICIPANT, PROVENANCE, QUALITY

AN_INDEX = "an index: a feature that is needed (docs/model-card.md) with 5 days before it"
A_MOVE_TOLD = "a move that is told: weeks with 3 days or more each (models/parameters.toml, shifts)"
WEAR_NEEDS = "waking wear that day, and on 7 days of the baseline"
A_RUN = "a run of days beyond usual"


remember = partial(Column, minimum=ALWAYS, reference="models/adjustments.py")


def remember_weekdays(kind: str, name: str) -> tuple[Column, ...]:
    """Columns of what is known of one kind of day (models.adjustments.WeekdayMemory)."""
    return (
        remember(f"{kind}_days", BIG, f"{name} that counted so far", "d"),
        remember(f"{kind}_weight", REAL, f"what they weigh, older ones less ({name})", "d"),
        remember(f"{kind}_total", REAL, f"weighted sum of latent/latent_sd over them ({name})", "1"),
        remember(f"{kind}_squares", REAL, f"weighted sum of its squares ({name})", "1"),
    )


MODEL = (
    Table(
        "model",
        "baseline",
        "a person's usual for each feature on each day, from the days before it",
        "result",
        (
            PARTICIPANT,
            DAY_COLUMN,
            Column("feature", TEXT, "name (feature.catalog)"),
            Column(
                "segment", TEXT, "source/device whose days it is made of, with @era from a listed firmware on"
            ),
            Column("n_obs", BIG, "days that entered it", "{count}"),
            Column("n_effective", REAL, "what they are worth, n(1-phi)/(1+phi)", "{count}"),
            Column("phi", REAL, "lag-1 correlation used", "1"),
            Column("mean", REAL, "posterior mean, in the feature's unit", FEATURE_UNIT),
            Column("scale", REAL, "posterior scale s, in the feature's unit", FEATURE_UNIT),
            Column("kappa", REAL, "posterior weight of the mean", "1"),
            Column("nu", REAL, "posterior degrees of freedom", "1"),
            Column(
                "usual_lo", REAL, "16th percentile of the predictive, in the feature's unit", FEATURE_UNIT
            ),
            Column(
                "usual_hi", REAL, "84th percentile of the predictive, in the feature's unit", FEATURE_UNIT
            ),
            Column("state", TEXT, "learning (under 5 days), provisional (under 14) or settled"),
            *PROVENANCE,
        ),
        ("participant", "day", "feature"),
        partition="day",
        minimum=ALWAYS,
        reference="models/baseline.py; Gelman 2013, Bayesian Data Analysis, section 3.3",
    ),
    Table(
        "model",
        "index_day",
        "the body stress signal of a day: 0 to 100, 50 is this person's usual",
        "result",
        (
            PARTICIPANT,
            DAY_COLUMN,
            Column("index", REAL, "0 to 100; null with a reason", "{score}"),
            Column("lo80", REAL, "low end of the 80 % band", "{score}"),
            Column("hi80", REAL, "high end of the 80 % band", "{score}"),
            Column("lo95", REAL, "low end of the 95 % band", "{score}"),
            Column("hi95", REAL, "high end of the 95 % band", "{score}"),
            Column("latent", REAL, "L, the weighted sum before scaling: the sum of the contributions", "1"),
            Column("latent_sd", REAL, "the usual spread of L; index = 100 Φ(latent/latent_sd)", "1"),
            Column("level", TEXT, "much_calmer, calmer, usual, higher, much_higher; null where none"),
            Column("state", TEXT, "learning, provisional or settled", minimum=ALWAYS),
            Column("show_number", FLAG, "false where the 80 % band is wider than 50: words only"),
            N_OBS,
            replace(COVERAGE, minimum=ALWAYS),
            Column(
                "wear_distance",
                REAL,
                "share of waking wear at other hours than usual, 0 to 1; null where it cannot be told",
                "1",
                minimum=WEAR_NEEDS,
                reference="models/wear_profile.py",
            ),
            Column(
                "wear_differs",
                FLAG,
                "true where it is too large to compare: quality is low, alerts wait",
                minimum=WEAR_NEEDS,
                reference="models/wear_profile.py",
            ),
            QUALITY,
            Column(
                "reason",
                TEXT,
                "why there is no index; where there is one, that it was worn at other hours",
                minimum="a missing index, or wear at other hours",
            ),
            *PROVENANCE,
        ),
        ("participant", "day"),
        partition="day",
        minimum=AN_INDEX,
        reference="models/index.py; docs/model-card.md",
    ),
    Table(
        "model",
        "index_adjusted",
        "a second index beside the first, with the menstrual cycle allowed for: of people who asked for it",
        "result",
        (
            PARTICIPANT,
            DAY_COLUMN,
            Column("index", REAL, "0 to 100, as model.index_day.index; null with a reason", "{score}"),
            Column("lo80", REAL, "low end of the 80 % band; null as index", "{score}"),
            Column("hi80", REAL, "high end of the 80 % band; null as index", "{score}"),
            Column("level", TEXT, "much_calmer, calmer, usual, higher, much_higher; null where none"),
            Column("cycles", BIG, "whole cycles logged in the 182 days before", "{count}"),
            Column("reason", TEXT, "why there is none; null where there is one"),
            *PROVENANCE,
        ),
        ("participant", "day"),
        partition="day",
    ),
    Table(
        "model",
        "contribution",
        "what went into an index, feature by feature: contributions add up to latent exactly",
        "result",
        (
            PARTICIPANT,
            DAY_COLUMN,
            Column("feature", TEXT, "name (feature.catalog)"),
            Column("value", REAL, "the feature's value that day, in its unit", FEATURE_UNIT),
            Column("usual_lo", REAL, "low end of this person's usual, same unit", FEATURE_UNIT),
            Column("usual_hi", REAL, "high end of this person's usual, same unit", FEATURE_UNIT),
            Column("z", REAL, "how far from usual, in the direction of load", "1"),
            Column("coefficient", REAL, "weight after allowing for what is missing", "1"),
            Column("contribution", REAL, "coefficient times z", "1"),
            *PROVENANCE,
        ),
        ("participant", "day", "feature"),
        partition="day",
        minimum=ALWAYS,
        reference="models/index.py; docs/model-card.md",
    ),
    Table(
        "model",
        "alert",
        "what lasts: how far signals have been away from usual, day after day, and the state to go on from",
        "result",
        (
            PARTICIPANT,
            DAY_COLUMN,
            Column("alert", FLAG, "true on the day it is told; null where the day does not count"),
            Column(
                "level", REAL, "S: what is over usual, summed over the days of a run", "1", minimum=ALWAYS
            ),
            Column("since_day", DAY, "first day of the run; null where level is 0", minimum=A_RUN),
            Column(
                "corroborated_groups",
                BIG,
                "domains with a feature beyond usual; null without an index",
                "{count}",
                minimum=AN_INDEX,
            ),
            Column(
                "cause_1",
                TEXT,
                "feature with the largest part in the run (feature.catalog); null if none",
                minimum=A_RUN,
            ),
            Column("cause_2", TEXT, "feature with the second largest part; null if none", minimum=A_RUN),
            Column("cause_3", TEXT, "feature with the third largest part; null if none", minimum=A_RUN),
            Column(
                "night_signal",
                TINY,
                "NightSignal's rule, for comparison: 0, 1 yellow, 2 red; null if it has too few nights",
                "1",
                minimum="resting heart rate of the night, the night before, and 7 nights before",
                reference="Alavi 2022, doi:10.1038/s41591-021-01593-2",
            ),
            Column(
                "reason",
                TEXT,
                "why the day does not count; null where it does",
                minimum="a day that does not count",
            ),
            Column("last_day", DAY, "last day that counted; null if none"),
            Column("level_after", REAL, "level to go on from: 0 after an alert", "1", minimum=ALWAYS),
            Column("since_after", DAY, "first day of the run to go on from; null if none", minimum=A_RUN),
            Column(
                "quiet_until", DAY, "last day of silence after an alert; null if none", minimum="an alert"
            ),
            *remember_weekdays("working", "working days"),
            *remember_weekdays("weekend", "Saturdays and Sundays"),
            *PROVENANCE,
        ),
        ("participant", "day"),
        partition="day",
        minimum="a day that counts: an index, a settled baseline, wear as usual",
        reference="models/alerts.py; Page 1954, doi:10.1093/biomet/41.1-2.100",
    ),
    Table(
        "model",
        "alert_part",
        "the part of each feature in the run of an alert, as it is to go on from",
        "result",
        (
            PARTICIPANT,
            DAY_COLUMN,
            Column("feature", TEXT, "name (feature.catalog)"),
            Column("run_total", REAL, "its contributions over latent_sd, summed over the run", "1"),
            *PROVENANCE,
        ),
        ("participant", "day", "feature"),
        partition="day",
    ),
    Table(
        "model",
        "shift",
        "has a person's usual moved: judged every Monday from the week before it",
        "result",
        (
            PARTICIPANT,
            Column("day", DAY, "the Monday on which the week before it is judged"),
            Column("feature", TEXT, "name (feature.catalog)"),
            Column("segment", TEXT, "source/device, with its era, whose days are compared", minimum=ALWAYS),
            Column("shifted", FLAG, "true on the Monday on which a move is told", minimum=ALWAYS),
            Column("kind", TEXT, "step or slow; null where nothing is told"),
            Column(
                "start", REAL, "level before, in the feature's unit; null where nothing is told", FEATURE_UNIT
            ),
            Column(
                "end", REAL, "level after, in the feature's unit; null where nothing is told", FEATURE_UNIT
            ),
            Column("since", DAY, "Monday of the new level's first week; null where nothing is told"),
            Column("probability", REAL, "how sure the move is; null where nothing is told", "1"),
            Column("told_week", DAY, "Monday of the week after which the last move was told; null if none"),
            Column(
                "told_start", REAL, "level before the last move told, in the feature's unit", FEATURE_UNIT
            ),
            Column("told_end", REAL, "level after the last move told, in the feature's unit", FEATURE_UNIT),
            *PROVENANCE,
        ),
        ("participant", "day", "feature"),
        partition="day",
        minimum=A_MOVE_TOLD,
        reference="models/shifts.py; Adams & MacKay 2007, arXiv:0710.3742",
    ),
    Table(
        "model",
        "shift_run",
        "state of the search for shifts: since when the present level may hold, and how likely",
        "result",
        (
            PARTICIPANT,
            Column("day", DAY, "the Monday on which the week before it is judged"),
            Column("feature", TEXT, "name (feature.catalog)"),
            Column("rank", BIG, "place by probability, from 1"),
            Column("since", DAY, "Monday of its first week; null for the start of the record"),
            Column("weight", REAL, "its probability", "1"),
            Column("mean", REAL, "posterior mean of the level, in the feature's unit"),
            Column("kappa", REAL, "posterior weight of the mean, in weeks", "1"),
            Column("nu", REAL, "posterior degrees of freedom", "1"),
            Column("squares", REAL, "posterior sum of squares, in the feature's unit squared", "{feature}2"),
            Column(
                "before", REAL, "level when it began, in the feature's unit; null at the start", FEATURE_UNIT
            ),
            *PROVENANCE,
        ),
        ("participant", "day", "feature", "rank"),
        partition="day",
    ),
    Table(
        "model",
        "agreement",
        "does the index follow how a person feels: judged every Monday from the 182 days before it; no row"
        " where nothing was said in them",
        "result",
        (
            PARTICIPANT,
            Column("day", DAY, "the Monday on which the days before it are judged"),
            Column("lag", TINY, "0: what was said the same day; 1: the day after the index", "d"),
            Column("verdict", TEXT, "follows, does_not_follow or cannot_tell_yet; the same for both lags"),
            Column("checkins", BIG, "days with an index and a check-in of felt stress", "{count}"),
            Column("needed", BIG, "so many are needed to tell", "{count}"),
            Column("pairs", BIG, "days with an index and a check-in so many days (lag) later", "{count}"),
            Column(
                "rho",
                REAL,
                "Spearman's correlation; null with fewer pairs than needed, or where one side never changed",
                "1",
            ),
            Column("lo", REAL, "low end of its 97.5 % interval (two lags: 95 % together); null as rho", "1"),
            Column("hi", REAL, "high end of that interval; null as rho", "1"),
            *PROVENANCE,
        ),
        ("participant", "day", "lag"),
        partition="day",
    ),
    Table(
        "model",
        "personal_weight",
        "would other weights follow this person's feelings better: tried on Mondays with 60 pairs or more, else"
        " no row; no published index uses them",
        "result",
        (
            PARTICIPANT,
            Column("day", DAY, "the Monday on which the 182 days before it are judged"),
            Column("feature", TEXT, "name (feature.catalog)"),
            Column("weight", REAL, "personal weight; they add up to 1; null where they are not better", "1"),
            Column("published_weight", REAL, "the weight that everybody has; they add up to 1", "1"),
            Column("better", FLAG, "personal weights err less than both others, beyond chance"),
            Column("pairs", BIG, "days with an index and a check-in of felt stress", "{count}"),
            Column("tested", BIG, "of these, days that were guessed from the days before them", "{count}"),
            Column("mae_personal", REAL, "mean absolute error of personal weights on these", "{score}"),
            Column("mae_fixed", REAL, "mean absolute error of the published weights", "{score}"),
            Column("mae_mean", REAL, "mean absolute error of the person's mean", "{score}"),
            *PROVENANCE,
        ),
        ("participant", "day", "feature"),
        partition="day",
    ),
)

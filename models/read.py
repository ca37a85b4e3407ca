"""What scoring reads from the warehouse: the only file of models/ with SQL.

A day's index depends on the 42 days before it, and its alerts on everything before it through the
state of the day before. So all days of a person from the first changed one to the last are worked
again: an alert that late data moves must move those after it too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pyarrow as pa

from models.adjusted import Logged
from models.felt import Said
from models.parameters import Parameters
from warehouse.store import open_warehouse

DUES = """
    select participant, day from meta.due
    where stage = 'models' and participant in (select participant from person) and day < $before
"""
SPANS = """
    select participant, min(day) as first_day, max(day) as last_day
    from feature.value where participant in (select participant from person) group by participant
"""
WORK = """
    with todo as (
        select participant, day from due
        union
        select participant, day from model.index_day
        where method_version <> $version and day < $before
            and participant in (select participant from person)
    ), reached as (
        select participant, min(day) as day, datediff('day', min(day), least(last_day, $before - 1)) as days
        from todo join span using (participant) group by participant, last_day
    ), spread as (
        select participant, day from todo
        union
        select participant, day + unnest(range(1, days + 1))::integer from reached
    )
    select participant, day, coalesce(day between first_day and last_day, false) as has_features
    from spread left join span using (participant)
    order by participant, day
"""
LATER = """
    select distinct participant, $before::date as day from work join span using (participant)
    where last_day >= $before
"""
WORKED = """
    select participant, min(day) as first_day, max(day) as last_day, bool_or(isodow(day) = 1) as weekly
    from work where has_features group by participant
"""
SETTINGS = """
    select s.participant, s.name, s.value from meta.setting s join worked w on s.participant = w.participant
    where s.name in ('age_band', 'cycle')
"""
CYCLING = """
    select w.participant, w.first_day, w.last_day from worked w join setting s
        on s.participant = w.participant and s.name = 'cycle' and s.value = 'yes'
"""
STARTS = """
    select v.participant, v.day from feature.value v join cycling w
        on v.participant = w.participant and v.day between w.first_day - $reach and w.last_day
    where v.feature = 'cycle_start' and v.value = 1
"""
VALUES = """
    select v.participant, v.day, v.feature, v.value, v.se, v.quality, v.source
    from feature.value v join {whose} w
        on v.participant = w.participant and v.day between w.first_day - $reach and w.last_day
    where v.value is not null and v.feature in (select unnest($features))
"""
OTHERS = """
    select v.participant, v.day, v.feature, v.value, v.quality, v.source
    from feature.other_device v join {whose} w
        on v.participant = w.participant and v.day between w.first_day - $reach and w.last_day
    where v.feature in (select unnest($features))
"""
HOURS = """
    select h.participant, h.day, hour(h.hour_utc + to_minutes(h.offset_min::bigint)) as hour,
        sum(round(60 * greatest(h.worn_min - coalesce(h.asleep_min, 0), 0))::bigint)::bigint as seconds
    from feature.hour h join worked w
        on h.participant = w.participant and h.day between w.first_day - $reach and w.last_day
    where h.worn_min > 0 group by all
"""
"""Whole seconds: a sum of them is the same in any order."""
STATES = """
    select s.* from {table} s join worked w on s.participant = w.participant and s.day = w.first_day - 1
"""
WEEKS = """
    select s.* from {table} s join (
        select t.participant, max(t.day) as day
        from model.shift t join worked w on t.participant = w.participant and t.day < w.first_day
        where w.weekly group by t.participant
    ) last on s.participant = last.participant and s.day = last.day
"""
MONDAYS = """
    select b.participant, b.day, b.feature, b.segment, b.source, b.mean, b.scale, b.n_effective
    from model.baseline b join worked w on b.participant = w.participant
        and b.day >= w.first_day - $past and b.day < w.first_day
    where w.weekly and isodow(b.day) = 1
"""

FELT = """
    select v.participant, v.day, v.value, v.source from feature.value v join worked w
        on v.participant = w.participant and v.day >= w.first_day - $past and v.day < w.last_day
    where w.weekly and v.feature = 'felt_stress' and v.value is not null
"""
FELT_INDEX = """
    select i.participant, i.day, i.latent, i.latent_sd from model.index_day i join worked w
        on i.participant = w.participant and i.day >= w.first_day - $past and i.day < w.first_day
    where i.latent is not null and i.participant in (select participant from felt)
"""
FELT_PARTS = """
    select c.participant, c.day, c.feature, c.contribution from model.contribution c join worked w
        on c.participant = w.participant and c.day >= w.first_day - $past and c.day < w.first_day
    where c.participant in (select participant from felt)
"""


@dataclass(frozen=True)
class Inputs:
    """Tables read for one run.

    `work` has the days to replace, those without features too; `others` are the values of devices worn
    beside those of `values`.

    `watch` and `watch_parts` are the state of alerts on the day before each person's first day;
    `shifts` and `shift_runs` that of the last week before it, and `mondays` the baselines of the
    Mondays before it, of people whose work has a Monday; `said` is what they said and the index of
    the half year before. `settings` are of `meta.setting`, `logged` is of those who asked for a second
    index.
    """

    due: pa.Table
    later: pa.Table
    work: pa.Table
    values: pa.Table
    others: pa.Table
    hours: pa.Table
    watch: pa.Table
    watch_parts: pa.Table
    shifts: pa.Table
    shift_runs: pa.Table
    mondays: pa.Table
    said: Said
    settings: pa.Table
    logged: Logged


def read_inputs(
    warehouse: str | Path, *, participants: Sequence[str], before: date, parameters: Parameters
) -> Inputs | None:
    """Read what is due of these participants before `before`, and all that is needed to score it.

    Returns
    -------
    Inputs or None
        None when nothing is due.

    Raises
    ------
    WarehouseError
        If the warehouse cannot be read.
    """
    with open_warehouse(warehouse, read_only=True) as con:
        # A table, not a list: DuckDB takes half a millisecond for each string in a list.
        con.register("person", pa.table({"participant": pa.array(participants, pa.string())}))

        def ask(sql: str, **values: object) -> pa.Table:
            return con.execute(sql, values).to_arrow_table()

        due = ask(DUES, before=before)
        con.register("due", due)
        con.register("span", ask(SPANS))
        work = ask(WORK, before=before, version=parameters.method_version)
        if work.num_rows == 0:
            return None
        con.register("work", work)
        con.register("worked", ask(WORKED))
        reach, past = parameters.reach_days, parameters.agreement.window_days
        con.register("felt", felt := ask(FELT, past=past))
        con.register("setting", settings := ask(SETTINGS))
        con.register("cycling", ask(CYCLING))
        features = list(parameters.features)
        long = {"reach": parameters.adjustments.cycle_window_days}
        return Inputs(
            due=due,
            later=ask(LATER, before=before),
            work=work,
            values=ask(VALUES.format(whose="worked"), reach=reach, features=features),
            others=ask(OTHERS.format(whose="worked"), reach=reach, features=features),
            hours=ask(HOURS, reach=reach),
            watch=ask(STATES.format(table="model.alert")),
            watch_parts=ask(STATES.format(table="model.alert_part")),
            shifts=ask(WEEKS.format(table="model.shift")),
            shift_runs=ask(WEEKS.format(table="model.shift_run")),
            mondays=ask(MONDAYS, past=7 * (parameters.shifts.slow_weeks + 2)),
            said=Said(felt, ask(FELT_INDEX, past=past), ask(FELT_PARTS, past=past)),
            settings=settings,
            logged=Logged(
                ask(VALUES.format(whose="cycling"), features=features, **long),
                ask(STARTS, **long),
                ask(OTHERS.format(whose="cycling"), reach=reach, features=features),
            ),
        )

-- Alerts and level shifts with the state they go on from; whether a day's wear can be compared. Everybody is followed
-- again from their first day.
create table model.index_day_wear as select "participant", "day", "index", "lo80", "hi80", "lo95", "hi95", "latent", "latent_sd",
    "level", "state", "show_number", "n_obs", "coverage", null::double as "wear_distance", null::boolean as "wear_differs",
    "quality", "reason", "source", "method_version", "input_hash"
from model.index_day;
drop table model.index_day;
alter table model.index_day_wear rename to index_day;
create table model.alert (
    "participant" VARCHAR,
    "day" DATE,
    "alert" BOOLEAN,
    "level" DOUBLE,
    "since_day" DATE,
    "corroborated_groups" BIGINT,
    "cause_1" VARCHAR,
    "cause_2" VARCHAR,
    "cause_3" VARCHAR,
    "night_signal" TINYINT,
    "reason" VARCHAR,
    "last_day" DATE,
    "level_after" DOUBLE,
    "since_after" DATE,
    "quiet_until" DATE,
    "working_days" BIGINT,
    "working_weight" DOUBLE,
    "working_total" DOUBLE,
    "working_squares" DOUBLE,
    "weekend_days" BIGINT,
    "weekend_weight" DOUBLE,
    "weekend_total" DOUBLE,
    "weekend_squares" DOUBLE,
    "source" VARCHAR,
    "method_version" VARCHAR,
    "input_hash" VARCHAR
);
create table model.alert_part (
    "participant" VARCHAR,
    "day" DATE,
    "feature" VARCHAR,
    "run_total" DOUBLE,
    "source" VARCHAR,
    "method_version" VARCHAR,
    "input_hash" VARCHAR
);
create table model.shift (
    "participant" VARCHAR,
    "day" DATE,
    "feature" VARCHAR,
    "segment" VARCHAR,
    "shifted" BOOLEAN,
    "kind" VARCHAR,
    "start" DOUBLE,
    "end" DOUBLE,
    "since" DATE,
    "probability" DOUBLE,
    "told_week" DATE,
    "told_start" DOUBLE,
    "told_end" DOUBLE,
    "source" VARCHAR,
    "method_version" VARCHAR,
    "input_hash" VARCHAR
);
create table model.shift_run (
    "participant" VARCHAR,
    "day" DATE,
    "feature" VARCHAR,
    "rank" BIGINT,
    "since" DATE,
    "weight" DOUBLE,
    "mean" DOUBLE,
    "kappa" DOUBLE,
    "nu" DOUBLE,
    "squares" DOUBLE,
    "before" DOUBLE,
    "source" VARCHAR,
    "method_version" VARCHAR,
    "input_hash" VARCHAR
);
insert into meta.due
select i.participant, min(i.day), 'models', 'alerts, shifts and wear are new' from model.index_day i
where not exists (
    select 1 from meta.due d where d.participant = i.participant and d.stage = 'models'
        and d.day = (select min(j.day) from model.index_day j where j.participant = i.participant)
)
group by i.participant;

-- Signals are stored with one number for participant, source and device, and read through views: three columns
-- of names in every row were four fifths of the file and of the time to write it.
create schema if not exists stored;
create table meta.stream (
    "stream_id" BIGINT,
    "participant" VARCHAR,
    "source" VARCHAR,
    "device" VARCHAR
);
insert into meta.stream select (('0x' || left(sha256(concat_ws(chr(0), participant, source, device)), 16))::ubigint >> 1)::bigint, *
from (
    select participant, source, device from signal.heart_rate
    union select participant, source, device from signal.steps
    union select participant, source, device from signal.sleep_episode
    union select participant, source, device from signal.sleep_stage
    union select participant, source, device from signal.workout
    union select participant, source, device from signal.vital
    union select participant, source, device from signal.beat
    union select participant, source, device from signal.hrv_sample
    union select participant, source, device from signal.eda
    union select participant, source, device from signal.acceleration
    union select participant, source, device from signal.pulse_wave
    union select participant, source, device from signal.vendor_score
    union select participant, source, device from signal.event
    union select participant, source, device from signal.checkin
);
create table stored.heart_rate as select
    m.stream_id,
    s."t_utc",
    s."offset_min",
    s."hr_bpm",
    s."confidence",
    s."file_id",
    s."record"
from signal.heart_rate s join meta.stream m
    on m.participant = s.participant and m.source = s.source and m.device = s.device;
drop table signal.heart_rate;
create view signal.heart_rate as select
    m."participant",
    m."source",
    m."device",
    s."t_utc",
    s."offset_min",
    s."hr_bpm",
    s."confidence",
    s."file_id",
    s."record"
from stored.heart_rate s join meta.stream m on m.stream_id = s.stream_id;
create table stored.steps as select
    m.stream_id,
    s."t_utc",
    s."offset_min",
    s."span_s",
    s."steps",
    s."file_id",
    s."record"
from signal.steps s join meta.stream m
    on m.participant = s.participant and m.source = s.source and m.device = s.device;
drop table signal.steps;
create view signal.steps as select
    m."participant",
    m."source",
    m."device",
    s."t_utc",
    s."offset_min",
    s."span_s",
    s."steps",
    s."file_id",
    s."record"
from stored.steps s join meta.stream m on m.stream_id = s.stream_id;
create table stored.sleep_episode as select
    m.stream_id,
    s."episode",
    s."t_utc",
    s."offset_min",
    s."end_utc",
    s."end_offset_min",
    s."scoring",
    s."vendor_main",
    s."in_bed",
    s."tz_assumed",
    s."revision",
    s."file_id",
    s."record"
from signal.sleep_episode s join meta.stream m
    on m.participant = s.participant and m.source = s.source and m.device = s.device;
drop table signal.sleep_episode;
create view signal.sleep_episode as select
    m."participant",
    m."source",
    m."device",
    s."episode",
    s."t_utc",
    s."offset_min",
    s."end_utc",
    s."end_offset_min",
    s."scoring",
    s."vendor_main",
    s."in_bed",
    s."tz_assumed",
    s."revision",
    s."file_id",
    s."record"
from stored.sleep_episode s join meta.stream m on m.stream_id = s.stream_id;
create table stored.sleep_stage as select
    m.stream_id,
    s."episode",
    s."t_utc",
    s."offset_min",
    s."end_utc",
    s."stage",
    s."revision",
    s."file_id",
    s."record"
from signal.sleep_stage s join meta.stream m
    on m.participant = s.participant and m.source = s.source and m.device = s.device;
drop table signal.sleep_stage;
create view signal.sleep_stage as select
    m."participant",
    m."source",
    m."device",
    s."episode",
    s."t_utc",
    s."offset_min",
    s."end_utc",
    s."stage",
    s."revision",
    s."file_id",
    s."record"
from stored.sleep_stage s join meta.stream m on m.stream_id = s.stream_id;
create table stored.workout as select
    m.stream_id,
    s."workout",
    s."t_utc",
    s."offset_min",
    s."end_utc",
    s."activity",
    s."detected",
    s."hr_mean_bpm",
    s."steps",
    s."revision",
    s."file_id",
    s."record"
from signal.workout s join meta.stream m
    on m.participant = s.participant and m.source = s.source and m.device = s.device;
drop table signal.workout;
create view signal.workout as select
    m."participant",
    m."source",
    m."device",
    s."workout",
    s."t_utc",
    s."offset_min",
    s."end_utc",
    s."activity",
    s."detected",
    s."hr_mean_bpm",
    s."steps",
    s."revision",
    s."file_id",
    s."record"
from stored.workout s join meta.stream m on m.stream_id = s.stream_id;
create table stored.vital as select
    m.stream_id,
    s."vital",
    s."t_utc",
    s."offset_min",
    s."value",
    s."unit",
    s."error",
    s."file_id",
    s."record"
from signal.vital s join meta.stream m
    on m.participant = s.participant and m.source = s.source and m.device = s.device;
drop table signal.vital;
create view signal.vital as select
    m."participant",
    m."source",
    m."device",
    s."vital",
    s."t_utc",
    s."offset_min",
    s."value",
    s."unit",
    s."error",
    s."file_id",
    s."record"
from stored.vital s join meta.stream m on m.stream_id = s.stream_id;
create table stored.beat as select
    m.stream_id,
    s."t_utc",
    s."offset_min",
    s."rr_ms",
    s."gap_before",
    s."tick_ms",
    s."sensor",
    s."file_id",
    s."record"
from signal.beat s join meta.stream m
    on m.participant = s.participant and m.source = s.source and m.device = s.device;
drop table signal.beat;
create view signal.beat as select
    m."participant",
    m."source",
    m."device",
    s."t_utc",
    s."offset_min",
    s."rr_ms",
    s."gap_before",
    s."tick_ms",
    s."sensor",
    s."file_id",
    s."record"
from stored.beat s join meta.stream m on m.stream_id = s.stream_id;
create table stored.hrv_sample as select
    m.stream_id,
    s."hrv",
    s."t_utc",
    s."offset_min",
    s."span_s",
    s."value_ms",
    s."coverage",
    s."file_id",
    s."record"
from signal.hrv_sample s join meta.stream m
    on m.participant = s.participant and m.source = s.source and m.device = s.device;
drop table signal.hrv_sample;
create view signal.hrv_sample as select
    m."participant",
    m."source",
    m."device",
    s."hrv",
    s."t_utc",
    s."offset_min",
    s."span_s",
    s."value_ms",
    s."coverage",
    s."file_id",
    s."record"
from stored.hrv_sample s join meta.stream m on m.stream_id = s.stream_id;
create table stored.eda as select
    m.stream_id,
    s."t_utc",
    s."offset_min",
    s."eda_us",
    s."file_id",
    s."record"
from signal.eda s join meta.stream m
    on m.participant = s.participant and m.source = s.source and m.device = s.device;
drop table signal.eda;
create view signal.eda as select
    m."participant",
    m."source",
    m."device",
    s."t_utc",
    s."offset_min",
    s."eda_us",
    s."file_id",
    s."record"
from stored.eda s join meta.stream m on m.stream_id = s.stream_id;
create table stored.acceleration as select
    m.stream_id,
    s."t_utc",
    s."offset_min",
    s."x_g",
    s."y_g",
    s."z_g",
    s."file_id",
    s."record"
from signal.acceleration s join meta.stream m
    on m.participant = s.participant and m.source = s.source and m.device = s.device;
drop table signal.acceleration;
create view signal.acceleration as select
    m."participant",
    m."source",
    m."device",
    s."t_utc",
    s."offset_min",
    s."x_g",
    s."y_g",
    s."z_g",
    s."file_id",
    s."record"
from stored.acceleration s join meta.stream m on m.stream_id = s.stream_id;
create table stored.pulse_wave as select
    m.stream_id,
    s."t_utc",
    s."offset_min",
    s."bvp",
    s."file_id",
    s."record"
from signal.pulse_wave s join meta.stream m
    on m.participant = s.participant and m.source = s.source and m.device = s.device;
drop table signal.pulse_wave;
create view signal.pulse_wave as select
    m."participant",
    m."source",
    m."device",
    s."t_utc",
    s."offset_min",
    s."bvp",
    s."file_id",
    s."record"
from stored.pulse_wave s join meta.stream m on m.stream_id = s.stream_id;
create table stored.vendor_score as select
    m.stream_id,
    s."score",
    s."t_utc",
    s."offset_min",
    s."value",
    s."label",
    s."file_id",
    s."record"
from signal.vendor_score s join meta.stream m
    on m.participant = s.participant and m.source = s.source and m.device = s.device;
drop table signal.vendor_score;
create view signal.vendor_score as select
    m."participant",
    m."source",
    m."device",
    s."score",
    s."t_utc",
    s."offset_min",
    s."value",
    s."label",
    s."file_id",
    s."record"
from stored.vendor_score s join meta.stream m on m.stream_id = s.stream_id;
create table stored.event as select
    m.stream_id,
    s."event",
    s."t_utc",
    s."offset_min",
    s."end_utc",
    s."app",
    s."amount",
    s."file_id",
    s."record"
from signal.event s join meta.stream m
    on m.participant = s.participant and m.source = s.source and m.device = s.device;
drop table signal.event;
create view signal.event as select
    m."participant",
    m."source",
    m."device",
    s."event",
    s."t_utc",
    s."offset_min",
    s."end_utc",
    s."app",
    s."amount",
    s."file_id",
    s."record"
from stored.event s join meta.stream m on m.stream_id = s.stream_id;
create table stored.checkin as select
    m.stream_id,
    s."scale",
    s."t_utc",
    s."offset_min",
    s."value",
    s."label",
    s."file_id",
    s."record"
from signal.checkin s join meta.stream m
    on m.participant = s.participant and m.source = s.source and m.device = s.device;
drop table signal.checkin;
create view signal.checkin as select
    m."participant",
    m."source",
    m."device",
    s."scale",
    s."t_utc",
    s."offset_min",
    s."value",
    s."label",
    s."file_id",
    s."record"
from stored.checkin s join meta.stream m on m.stream_id = s.stream_id;

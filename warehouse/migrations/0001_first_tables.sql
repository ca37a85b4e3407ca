-- The first tables, as they were on the day the warehouse began.
create schema if not exists meta;
create schema if not exists signal;
create schema if not exists feature;
create schema if not exists model;
create schema if not exists report;
create table meta."participant" (
    "participant" VARCHAR,
    "timezone" VARCHAR,
    "enrolled_utc" TIMESTAMP
);
create table meta."consent" (
    "participant" VARCHAR,
    "purpose" VARCHAR,
    "granted" BOOLEAN,
    "since_utc" TIMESTAMP
);
create table meta."zone_segment" (
    "participant" VARCHAR,
    "from_utc" TIMESTAMP,
    "to_utc" TIMESTAMP,
    "zone" VARCHAR,
    "how" VARCHAR
);
create table meta."source_file" (
    "participant" VARCHAR,
    "file_id" BIGINT,
    "source" VARCHAR,
    "device" VARCHAR,
    "member" VARCHAR,
    "member_path" VARCHAR,
    "sha256" VARCHAR,
    "size_bytes" BIGINT,
    "exported_utc" TIMESTAMP,
    "rows" BIGINT,
    "refused" BIGINT,
    "zone_how" VARCHAR,
    "method_version" VARCHAR,
    "loaded_utc" TIMESTAMP
);
create table meta."load" (
    "participant" VARCHAR,
    "load_id" VARCHAR,
    "source" VARCHAR,
    "device" VARCHAR,
    "files" BIGINT,
    "rows" BIGINT,
    "refused" BIGINT,
    "unclaimed" BIGINT,
    "loaded_utc" TIMESTAMP
);
create table meta."rejected" (
    "participant" VARCHAR,
    "file_id" BIGINT,
    "stream" VARCHAR,
    "record" BIGINT,
    "place" VARCHAR,
    "reason" VARCHAR,
    "raw" VARCHAR
);
create table meta."complete" (
    "participant" VARCHAR,
    "source" VARCHAR,
    "device" VARCHAR,
    "stream" VARCHAR,
    "from_utc" TIMESTAMP,
    "to_utc" TIMESTAMP,
    "file_id" BIGINT
);
create table meta."due" (
    "participant" VARCHAR,
    "day" DATE,
    "stage" VARCHAR,
    "reason" VARCHAR
);
create table meta."change" (
    "participant" VARCHAR,
    "table_name" VARCHAR,
    "day" DATE,
    "row_key" VARCHAR,
    "old_row" VARCHAR,
    "reason" VARCHAR,
    "changed_utc" TIMESTAMP
);
create table meta."run" (
    "stage" VARCHAR,
    "ended_utc" TIMESTAMP,
    "participants" BIGINT,
    "partitions" BIGINT,
    "rows" BIGINT,
    "method_version" VARCHAR
);
create table meta."migration" (
    "version" INTEGER,
    "name" VARCHAR,
    "applied_utc" TIMESTAMP
);
create table meta."column_dictionary" (
    "schema_name" VARCHAR,
    "table_name" VARCHAR,
    "column_name" VARCHAR,
    "position" INTEGER,
    "type" VARCHAR,
    "unit" VARCHAR,
    "in_key" BOOLEAN,
    "volatile" BOOLEAN,
    "meaning" VARCHAR
);
create table meta."erasure" (
    "receipt" VARCHAR,
    "erased_utc" TIMESTAMP,
    "rows" BIGINT,
    "files" BIGINT
);
create table signal."heart_rate" (
    "participant" VARCHAR,
    "source" VARCHAR,
    "device" VARCHAR,
    "t_utc" TIMESTAMP,
    "offset_min" SMALLINT,
    "hr_bpm" FLOAT,
    "confidence" TINYINT,
    "file_id" BIGINT,
    "record" BIGINT
);
create table signal."steps" (
    "participant" VARCHAR,
    "source" VARCHAR,
    "device" VARCHAR,
    "t_utc" TIMESTAMP,
    "offset_min" SMALLINT,
    "span_s" INTEGER,
    "steps" INTEGER,
    "file_id" BIGINT,
    "record" BIGINT
);
create table signal."sleep_episode" (
    "participant" VARCHAR,
    "source" VARCHAR,
    "device" VARCHAR,
    "episode" VARCHAR,
    "t_utc" TIMESTAMP,
    "offset_min" SMALLINT,
    "end_utc" TIMESTAMP,
    "end_offset_min" SMALLINT,
    "scoring" VARCHAR,
    "vendor_main" BOOLEAN,
    "in_bed" BOOLEAN,
    "tz_assumed" BOOLEAN,
    "revision" BIGINT,
    "file_id" BIGINT,
    "record" BIGINT
);
create table signal."sleep_stage" (
    "participant" VARCHAR,
    "source" VARCHAR,
    "device" VARCHAR,
    "episode" VARCHAR,
    "t_utc" TIMESTAMP,
    "offset_min" SMALLINT,
    "end_utc" TIMESTAMP,
    "stage" VARCHAR,
    "revision" BIGINT,
    "file_id" BIGINT,
    "record" BIGINT
);
create table signal."workout" (
    "participant" VARCHAR,
    "source" VARCHAR,
    "device" VARCHAR,
    "workout" VARCHAR,
    "t_utc" TIMESTAMP,
    "offset_min" SMALLINT,
    "end_utc" TIMESTAMP,
    "activity" VARCHAR,
    "detected" BOOLEAN,
    "hr_mean_bpm" DOUBLE,
    "steps" INTEGER,
    "revision" BIGINT,
    "file_id" BIGINT,
    "record" BIGINT
);
create table signal."vital" (
    "participant" VARCHAR,
    "source" VARCHAR,
    "device" VARCHAR,
    "vital" VARCHAR,
    "t_utc" TIMESTAMP,
    "offset_min" SMALLINT,
    "value" DOUBLE,
    "unit" VARCHAR,
    "error" DOUBLE,
    "file_id" BIGINT,
    "record" BIGINT
);
create table signal."beat" (
    "participant" VARCHAR,
    "source" VARCHAR,
    "device" VARCHAR,
    "t_utc" TIMESTAMP,
    "offset_min" SMALLINT,
    "rr_ms" FLOAT,
    "gap_before" BOOLEAN,
    "tick_ms" FLOAT,
    "sensor" VARCHAR,
    "file_id" BIGINT,
    "record" BIGINT
);
create table signal."hrv_sample" (
    "participant" VARCHAR,
    "source" VARCHAR,
    "device" VARCHAR,
    "hrv" VARCHAR,
    "t_utc" TIMESTAMP,
    "offset_min" SMALLINT,
    "span_s" INTEGER,
    "value_ms" DOUBLE,
    "coverage" DOUBLE,
    "file_id" BIGINT,
    "record" BIGINT
);
create table signal."eda" (
    "participant" VARCHAR,
    "source" VARCHAR,
    "device" VARCHAR,
    "t_utc" TIMESTAMP,
    "offset_min" SMALLINT,
    "eda_us" FLOAT,
    "file_id" BIGINT,
    "record" BIGINT
);
create table signal."acceleration" (
    "participant" VARCHAR,
    "source" VARCHAR,
    "device" VARCHAR,
    "t_utc" TIMESTAMP,
    "offset_min" SMALLINT,
    "x_g" FLOAT,
    "y_g" FLOAT,
    "z_g" FLOAT,
    "file_id" BIGINT,
    "record" BIGINT
);
create table signal."pulse_wave" (
    "participant" VARCHAR,
    "source" VARCHAR,
    "device" VARCHAR,
    "t_utc" TIMESTAMP,
    "offset_min" SMALLINT,
    "bvp" FLOAT,
    "file_id" BIGINT,
    "record" BIGINT
);
create table signal."vendor_score" (
    "participant" VARCHAR,
    "source" VARCHAR,
    "device" VARCHAR,
    "score" VARCHAR,
    "t_utc" TIMESTAMP,
    "offset_min" SMALLINT,
    "value" DOUBLE,
    "label" VARCHAR,
    "file_id" BIGINT,
    "record" BIGINT
);
create table signal."event" (
    "participant" VARCHAR,
    "source" VARCHAR,
    "device" VARCHAR,
    "event" VARCHAR,
    "t_utc" TIMESTAMP,
    "offset_min" SMALLINT,
    "end_utc" TIMESTAMP,
    "app" VARCHAR,
    "amount" DOUBLE,
    "file_id" BIGINT,
    "record" BIGINT
);
create table signal."checkin" (
    "participant" VARCHAR,
    "source" VARCHAR,
    "device" VARCHAR,
    "scale" VARCHAR,
    "t_utc" TIMESTAMP,
    "offset_min" SMALLINT,
    "value" DOUBLE,
    "label" VARCHAR,
    "file_id" BIGINT,
    "record" BIGINT
);
create table feature."catalog" (
    "feature" VARCHAR,
    "grain" VARCHAR,
    "unit" VARCHAR,
    "definition" VARCHAR,
    "formula" VARCHAR,
    "reads" VARCHAR,
    "window" VARCHAR,
    "minimum_data" VARCHAR,
    "direction" INTEGER,
    "reach_days" INTEGER,
    "citation" VARCHAR,
    "since_version" VARCHAR
);
create table feature."value" (
    "participant" VARCHAR,
    "day" DATE,
    "feature" VARCHAR,
    "value" DOUBLE,
    "se" DOUBLE,
    "n_obs" BIGINT,
    "coverage" DOUBLE,
    "quality" VARCHAR,
    "reason" VARCHAR,
    "source" VARCHAR,
    "method_version" VARCHAR,
    "input_hash" VARCHAR
);
create table feature."hour" (
    "participant" VARCHAR,
    "day" DATE,
    "hour_utc" TIMESTAMP,
    "offset_min" SMALLINT,
    "worn_min" DOUBLE,
    "asleep_min" DOUBLE,
    "hr_bpm" DOUBLE,
    "steps" INTEGER,
    "source" VARCHAR,
    "method_version" VARCHAR,
    "input_hash" VARCHAR
);
create table model."baseline" (
    "participant" VARCHAR,
    "day" DATE,
    "feature" VARCHAR,
    "segment" VARCHAR,
    "n_obs" BIGINT,
    "n_effective" DOUBLE,
    "phi" DOUBLE,
    "mean" DOUBLE,
    "scale" DOUBLE,
    "kappa" DOUBLE,
    "nu" DOUBLE,
    "usual_lo" DOUBLE,
    "usual_hi" DOUBLE,
    "state" VARCHAR,
    "source" VARCHAR,
    "method_version" VARCHAR,
    "input_hash" VARCHAR
);
create table model."index_day" (
    "participant" VARCHAR,
    "day" DATE,
    "index" DOUBLE,
    "lo80" DOUBLE,
    "hi80" DOUBLE,
    "lo95" DOUBLE,
    "hi95" DOUBLE,
    "latent" DOUBLE,
    "latent_sd" DOUBLE,
    "level" VARCHAR,
    "state" VARCHAR,
    "show_number" BOOLEAN,
    "n_obs" BIGINT,
    "coverage" DOUBLE,
    "quality" VARCHAR,
    "reason" VARCHAR,
    "source" VARCHAR,
    "method_version" VARCHAR,
    "input_hash" VARCHAR
);
create table model."contribution" (
    "participant" VARCHAR,
    "day" DATE,
    "feature" VARCHAR,
    "value" DOUBLE,
    "usual_lo" DOUBLE,
    "usual_hi" DOUBLE,
    "z" DOUBLE,
    "coefficient" DOUBLE,
    "contribution" DOUBLE,
    "source" VARCHAR,
    "method_version" VARCHAR,
    "input_hash" VARCHAR
);
create table report."insight" (
    "participant" VARCHAR,
    "day" DATE,
    "rank" INTEGER,
    "kind" VARCHAR,
    "feature" VARCHAR,
    "direction" INTEGER,
    "value" DOUBLE,
    "usual_lo" DOUBLE,
    "usual_hi" DOUBLE,
    "certainty" DOUBLE,
    "text" VARCHAR,
    "source" VARCHAR,
    "method_version" VARCHAR,
    "input_hash" VARCHAR
);
create table report."week" (
    "participant" VARCHAR,
    "day" DATE,
    "iso_week" VARCHAR,
    "valid_days" INTEGER,
    "valid_nights" INTEGER,
    "index_days" INTEGER,
    "high_days" INTEGER,
    "calm_days" INTEGER,
    "tst_mean_min" DOUBLE,
    "sentence" VARCHAR,
    "page_sha256" VARCHAR,
    "page_bytes" BIGINT,
    "page_path" VARCHAR,
    "reason" VARCHAR,
    "source" VARCHAR,
    "method_version" VARCHAR,
    "input_hash" VARCHAR
);

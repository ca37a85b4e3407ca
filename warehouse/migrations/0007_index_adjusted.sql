-- A second index, with the menstrual cycle allowed for, of people who asked for it.
create table model.index_adjusted (
    "participant" VARCHAR,
    "day" DATE,
    "index" DOUBLE,
    "lo80" DOUBLE,
    "hi80" DOUBLE,
    "level" VARCHAR,
    "cycles" BIGINT,
    "reason" VARCHAR,
    "source" VARCHAR,
    "method_version" VARCHAR,
    "input_hash" VARCHAR
);

-- What each person asked for.
create table meta.setting (
    "participant" VARCHAR,
    "name" VARCHAR,
    "value" VARCHAR,
    "since_utc" TIMESTAMP
);

-- What was said of each use of the data is kept, not overwritten; what has left for others is listed. What was said
-- before there was a text has version 0: the text says more than was said then, so who allowed research is asked anew.
alter table meta.consent rename to consent_before;
create table meta.consent (
    "participant" VARCHAR,
    "purpose" VARCHAR,
    "number" INTEGER,
    "granted" BOOLEAN,
    "version" VARCHAR,
    "since_utc" TIMESTAMP
);
insert into meta.consent select participant, purpose, 1, granted, '0', since_utc from meta.consent_before;
drop table meta.consent_before;
create table meta.released (
    "participant" VARCHAR,
    "way" VARCHAR,
    "format" VARCHAR,
    "deidentified" BOOLEAN,
    "raw" BOOLEAN,
    "times" BIGINT,
    "first_utc" TIMESTAMP,
    "last_utc" TIMESTAMP
);
create table meta.alias (
    "participant" VARCHAR,
    "study_id" VARCHAR,
    "shift_days" INTEGER
);

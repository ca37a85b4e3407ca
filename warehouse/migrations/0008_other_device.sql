-- What a second device made of the nights on which two were worn. The features' new method makes everybody's days due.
create table feature.other_device (
    "participant" VARCHAR,
    "day" DATE,
    "feature" VARCHAR,
    "value" DOUBLE,
    "quality" VARCHAR,
    "source" VARCHAR,
    "method_version" VARCHAR,
    "input_hash" VARCHAR
);

-- Agreement of the index with check-ins, and personal weights. The features' new method gives every day its felt
-- stress, and that makes everybody due for the models.
create table model.agreement (
    "participant" VARCHAR,
    "day" DATE,
    "lag" TINYINT,
    "verdict" VARCHAR,
    "checkins" BIGINT,
    "needed" BIGINT,
    "pairs" BIGINT,
    "rho" DOUBLE,
    "lo" DOUBLE,
    "hi" DOUBLE,
    "source" VARCHAR,
    "method_version" VARCHAR,
    "input_hash" VARCHAR
);
create table model.personal_weight (
    "participant" VARCHAR,
    "day" DATE,
    "feature" VARCHAR,
    "weight" DOUBLE,
    "published_weight" DOUBLE,
    "better" BOOLEAN,
    "pairs" BIGINT,
    "tested" BIGINT,
    "mae_personal" DOUBLE,
    "mae_fixed" DOUBLE,
    "mae_mean" DOUBLE,
    "source" VARCHAR,
    "method_version" VARCHAR,
    "input_hash" VARCHAR
);

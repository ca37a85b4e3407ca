-- What tells the people of this warehouse from those of every other in resources that clinics' systems take by
-- id. It is drawn with the last migration (warehouse.installation).
create table meta.installation (
    "named_id" VARCHAR,
    "hidden_id" VARCHAR
);

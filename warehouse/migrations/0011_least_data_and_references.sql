-- The dictionary says the least data and the reference of every column. It is written anew after this.
drop table meta.column_dictionary;
create table meta.column_dictionary (
    "schema_name" VARCHAR,
    "table_name" VARCHAR,
    "column_name" VARCHAR,
    "position" INTEGER,
    "type" VARCHAR,
    "unit" VARCHAR,
    "in_key" BOOLEAN,
    "volatile" BOOLEAN,
    "meaning" VARCHAR,
    "minimum" VARCHAR,
    "reference" VARCHAR
);

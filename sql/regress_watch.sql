CREATE EXTENSION fraiseql_subs;
SELECT fraiseql_watch('missing');
SELECT fraiseql_watch(NULL);
SELECT fraiseql_watch(0);
SELECT fraiseql_unwatch(NULL);

CREATE VIEW regress_view AS SELECT 1 AS id;
SELECT fraiseql_watch('regress_view');
CREATE MATERIALIZED VIEW regress_matview AS SELECT 1 AS id;
SELECT fraiseql_watch('regress_matview');
CREATE FOREIGN DATA WRAPPER regress_wrapper;
CREATE SERVER regress_server FOREIGN DATA WRAPPER regress_wrapper;
CREATE FOREIGN TABLE regress_foreign (id int) SERVER regress_server;
SELECT fraiseql_watch('regress_foreign');
CREATE SEQUENCE regress_sequence;
SELECT fraiseql_watch('regress_sequence');
SELECT fraiseql_watch('pg_class');

CREATE TABLE regress_table (id int);
SELECT fraiseql_watch('regress_table', '');
SELECT fraiseql_watch('regress_table', repeat('x', 65536));
SELECT fraiseql_unwatch('regress_table');
SELECT fraiseql_watch('regress_table');
SELECT fraiseql_watch('regress_table', 'other');
\d regress_table
SELECT fraiseql_unwatch('regress_table');
\d regress_table

-- DDL that makes a watch incomplete or ends it
\set SHOW_CONTEXT never
SELECT fraiseql_watch('regress_table');
ALTER TABLE regress_table DISABLE TRIGGER ALL;
ALTER TABLE regress_table ENABLE TRIGGER ALL;
SELECT fraiseql_watch('regress_table');
ALTER TABLE regress_table ADD COLUMN name text;
CREATE FUNCTION regress_trigger() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE TRIGGER "!a" AFTER INSERT ON regress_table FOR EACH ROW EXECUTE FUNCTION regress_trigger();
CREATE TRIGGER U&"\0009" AFTER INSERT ON regress_table FOR EACH ROW EXECUTE FUNCTION regress_trigger();
SELECT fraiseql_watch('regress_table');
DROP TRIGGER U&"\0009" ON regress_table;
ALTER TRIGGER " fraiseql_capture_row" ON regress_table RENAME TO renamed;
SELECT fraiseql_unwatch('regress_table');
SELECT fraiseql_watch('regress_table');
CREATE OR REPLACE TRIGGER " fraiseql_capture_row"
    AFTER INSERT ON regress_table FOR EACH ROW EXECUTE FUNCTION regress_trigger();
SELECT fraiseql_watch('regress_table');
CREATE TABLE regress_child () INHERITS (regress_table);
DROP TABLE regress_child;
DROP TRIGGER " fraiseql_capture_truncate" ON regress_table;
DROP TRIGGER " fraiseql_capture_row" ON regress_table;
DROP FUNCTION regress_trigger CASCADE;
SELECT fraiseql_watch('regress_table');
CREATE TABLE regress_new (id int);
ALTER TABLE regress_table RENAME TO regress_old;
ALTER TABLE regress_new RENAME TO regress_table;
SELECT * FROM fraiseql_watched_tables();
DROP TABLE regress_old;
SELECT fraiseql_watch('regress_table');
ALTER TABLE regress_table RENAME TO "Regress";
CREATE TABLE regress_table (id int);
ALTER TABLE "Regress" ADD COLUMN name text;
ALTER TABLE "Regress" DISABLE TRIGGER ALL;
CREATE TRIGGER twice AFTER INSERT ON "Regress" FOR EACH ROW EXECUTE FUNCTION fraiseql_capture('regress_table');
SELECT fraiseql_unwatch('"Regress"');
SELECT fraiseql_watch('"Regress"');
ALTER TABLE "Regress" SET UNLOGGED;
ALTER TABLE "Regress" ADD COLUMN price int;
SELECT fraiseql_watch('"Regress"');

-- The end of a table is that of its watch
SELECT fraiseql_unwatch('"Regress"');
DROP TABLE "Regress";
CREATE SCHEMA regress_schema;
CREATE TABLE regress_schema.regress_table (id int);
SELECT fraiseql_watch('regress_schema.regress_table', 'regress');
DROP SCHEMA regress_schema CASCADE;
CREATE TABLE regress_parted (id int) PARTITION BY RANGE (id);
CREATE TABLE regress_part PARTITION OF regress_parted FOR VALUES FROM (1) TO (2);
CREATE TABLE regress_bad PARTITION OF regress_parted FOR VALUES FROM (2) TO (3);
SELECT fraiseql_watch('regress_parted');
ALTER TABLE regress_bad DISABLE TRIGGER ALL;
ALTER TABLE regress_part ALTER id SET STATISTICS 50;
DROP TABLE regress_part;
DROP TABLE regress_parted;
CREATE TEMP TABLE regress_temp (id int);
SET client_min_messages = error;
SELECT fraiseql_watch('regress_temp', 'regress');
RESET client_min_messages;
DROP TABLE regress_temp;
SET check_function_bodies = off;
SELECT fraiseql_watch('regress_table');
DROP TABLE regress_table;
CREATE TABLE regress_table (id int);
RESET check_function_bodies;

DROP VIEW regress_view;
DROP MATERIALIZED VIEW regress_matview;
DROP FOREIGN DATA WRAPPER regress_wrapper CASCADE;
DROP SEQUENCE regress_sequence;
DROP TABLE regress_table;

DROP EXTENSION fraiseql_subs;

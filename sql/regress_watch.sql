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

DROP VIEW regress_view;
DROP MATERIALIZED VIEW regress_matview;
DROP FOREIGN DATA WRAPPER regress_wrapper CASCADE;
DROP SEQUENCE regress_sequence;
DROP TABLE regress_table;

DROP EXTENSION fraiseql_subs;

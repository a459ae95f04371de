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
SELECT fraiseql_unwatch('regress_table');
SELECT fraiseql_watch('regress_table');
SELECT fraiseql_watch('regress_table', 'other');
\d regress_table
SELECT fraiseql_unwatch('regress_table');
\d regress_table

DROP VIEW regress_view;
DROP MATERIALIZED VIEW regress_matview;
DROP FOREIGN DATA WRAPPER regress_wrapper CASCADE;
DROP SEQUENCE regress_sequence;
DROP TABLE regress_table;

DROP EXTENSION fraiseql_subs;

\set QUIET on
SET client_min_messages = warning;
SELECT plan(15);

CREATE VIEW extension_function AS
SELECT p.oid::regprocedure AS function, p.prosecdef AS definer, p.proconfig AS config
FROM pg_proc AS p JOIN pg_depend AS d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid
JOIN pg_extension AS e ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid
WHERE e.extname = 'fraiseql_subs' AND d.deptype = 'e';

SELECT cmp_ok(count(*), '>=', 12::bigint, 'the extension has its functions') FROM extension_function;
SELECT is_empty(
    $$SELECT function FROM extension_function WHERE has_function_privilege('public', function, 'EXECUTE')$$,
    'PUBLIC may execute none of them');
SELECT is_empty(
    $$SELECT function FROM extension_function
      WHERE definer AND config IS DISTINCT FROM ARRAY['search_path=pg_catalog, pg_temp']$$,
    'every function with its owner''s rights has a fixed search_path');
SELECT is_empty(
    $$SELECT relname FROM pg_class WHERE relnamespace = 'fraiseql_subs'::regnamespace AND relkind = 'r'
      AND has_table_privilege('public', oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE')$$,
    'PUBLIC may read and write none of its tables');
SELECT ok(
    NOT has_schema_privilege('public', 'fraiseql_subs', 'USAGE, CREATE'),
    'PUBLIC may not use its schema');

CREATE ROLE owner;
CREATE ROLE writer;
CREATE ROLE registrar;
GRANT EXECUTE ON FUNCTION fraiseql_watch, fraiseql_unwatch, fraiseql_capture TO owner, writer;
GRANT EXECUTE ON FUNCTION fraiseql_register_types TO registrar;
CREATE TABLE owned (id int);
ALTER TABLE owned OWNER TO owner;
GRANT INSERT ON owned TO writer;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA public TO owner, writer, registrar;
REVOKE EXECUTE ON FUNCTION
    fraiseql_publish(text, text, text), fraiseql_publish(text, text, json),
    fraiseql_publish(text, text, jsonb) FROM owner, writer, registrar;
REVOKE EXECUTE ON FUNCTION fraiseql_register_subscription FROM registrar;

SET ROLE writer;
SELECT throws_ok(
    $$SELECT fraiseql_publish('t', 'c', '1')$$, '42501', NULL, 'publishing takes a GRANT');
SELECT throws_ok(
    $$SELECT fraiseql_watch('owned')$$, '42501', NULL, 'only its owner can watch a table');
SELECT throws_ok(
    $$SELECT fraiseql_publish('t', 'c', json '1')$$, '42501', NULL, 'for each type of the data');
SELECT throws_ok(
    $$SELECT fraiseql_publish('t', 'c', jsonb '1')$$, '42501', NULL, 'on its own');
SELECT throws_ok(
    $$SELECT fraiseql_unwatch('owned')$$, '42501', NULL, 'or unwatch it');
RESET ROLE;

SET ROLE owner;
SELECT lives_ok($$SELECT fraiseql_watch('owned')$$, 'who needs no other right for it');
RESET ROLE;

SELECT forget_published();
SET ROLE writer;
INSERT INTO owned VALUES (1);
RESET ROLE;
SELECT isnt_empty(
    'SELECT * FROM published()', 'whoever writes a watched table needs no right on this extension');

SET ROLE registrar;
SELECT lives_ok(
    $$SELECT fraiseql_register_types('type Granted { id: ID }')$$,
    'registering takes no right but EXECUTE');
SELECT throws_ok(
    $$SELECT fraiseql_register_subscription('granted: Granted', 'c')$$, '42501', NULL,
    'for each function on its own');
SELECT throws_ok(
    'SELECT * FROM fraiseql_subs.type', '42501', NULL, 'and does not open the tables');
RESET ROLE;

SELECT fraiseql_unregister_type('Granted');
DROP OWNED BY owner, writer, registrar;
DROP ROLE owner, writer, registrar;
SELECT * FROM finish();

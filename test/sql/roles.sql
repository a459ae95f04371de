\set QUIET on
SET client_min_messages = warning;

SELECT plan(14);

CREATE VIEW own_function AS
SELECT p.oid, p.oid::regprocedure::text AS signature, p.proname, p.pronamespace
FROM pg_proc AS p JOIN pg_depend AS d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid
JOIN pg_extension AS e ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid
WHERE e.extname = 'fraiseql_subs' AND d.deptype = 'e';

CREATE VIEW public_function AS
SELECT oid, signature, proname FROM own_function WHERE pronamespace = 'public'::regnamespace;

SELECT is_empty(
    $$SELECT DISTINCT function FROM fraiseql_subs.role_functions()
      EXCEPT SELECT proname FROM own_function$$,
    'every function that is granted exists');
SELECT is_empty(
    $$SELECT DISTINCT proname FROM public_function WHERE proname <> 'fraiseql_create_roles'
      EXCEPT SELECT function FROM fraiseql_subs.role_functions()$$,
    'every public function is some role''s, but the one that makes them');

SELECT lives_ok('SELECT fraiseql_create_roles()', 'the roles are made');
SELECT lives_ok('SELECT fraiseql_create_roles()', 'those that are there stay');
SELECT is_empty(
    $$SELECT rolname FROM pg_roles JOIN fraiseql_subs.role_functions() ON role = rolname
      WHERE rolcanlogin OR rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication OR rolbypassrls$$,
    'they can do nothing else');
SELECT results_eq(
    $$SELECT r.role::text, f.signature FROM (SELECT DISTINCT role FROM fraiseql_subs.role_functions()) AS r,
        public_function AS f WHERE has_function_privilege(r.role, f.oid, 'EXECUTE') ORDER BY 1, 2$$,
    $$SELECT r.role::text, f.signature FROM fraiseql_subs.role_functions() AS r
      JOIN public_function AS f ON f.proname = r.function ORDER BY 1, 2$$,
    'each may call its functions and no others');

SELECT is_empty(
    $$SELECT r.role, f.signature FROM (SELECT DISTINCT role FROM fraiseql_subs.role_functions()) AS r,
        own_function AS f
      WHERE has_schema_privilege(r.role, f.pronamespace, 'USAGE')
        AND has_function_privilege(r.role, f.oid, 'EXECUTE')
        AND (r.role, f.proname) NOT IN (SELECT role, function FROM fraiseql_subs.role_functions())$$,
    'nor any that is not public');

-- What a call with nulls comes to, as that role.
CREATE FUNCTION outcome(role name, called oid) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    nulls text;
BEGIN
    SELECT coalesce(string_agg(format('NULL::%s', format_type(type, NULL)), ', '), '') INTO nulls
    FROM unnest((SELECT proargtypes FROM pg_proc WHERE oid = called)) AS type;
    EXECUTE format('SET LOCAL ROLE %I', role);
    EXECUTE format(
        (SELECT CASE prokind WHEN 'p' THEN 'CALL' ELSE 'SELECT' END FROM pg_proc WHERE oid = called) || ' %s(%s)',
        called::regproc, nulls);
    RESET ROLE;
    RETURN 'done';
EXCEPTION WHEN OTHERS THEN
    RESET ROLE;
    RETURN sqlstate;
END
$$;

SELECT is_empty(
    $$SELECT r.role, f.signature FROM (SELECT DISTINCT role FROM fraiseql_subs.role_functions()) AS r,
        public_function AS f
      WHERE f.proname <> 'fraiseql_capture'
        AND (outcome(r.role, f.oid) = '42501')
            IS DISTINCT FROM NOT has_function_privilege(r.role, f.oid, 'EXECUTE')$$,
    'a call is refused exactly where it was not granted');
SELECT is_empty(
    $$SELECT r.role, c.relname FROM (SELECT DISTINCT role FROM fraiseql_subs.role_functions()) AS r,
        pg_class AS c WHERE c.relnamespace = 'fraiseql_subs'::regnamespace AND c.relkind IN ('r', 'v')
        AND has_table_privilege(r.role, c.oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE, TRIGGER')$$,
    'none reads or writes the tables');
SELECT is_empty(
    $$SELECT role FROM fraiseql_subs.role_functions() JOIN own_function ON proname = function
      GROUP BY role HAVING has_schema_privilege(role, 'fraiseql_subs', 'CREATE')
          OR has_schema_privilege(role, 'fraiseql_subs', 'USAGE')
              AND bool_and(pronamespace <> 'fraiseql_subs'::regnamespace)$$,
    'nor sees what is in the schema, unless a function there is for it');

CREATE ROLE reader_of_all IN ROLE pg_read_all_data, pg_write_all_data;
SELECT fraiseql_register_types('type Guarded { id: ID }');
SELECT fraiseql_register_subscription('guarded: Guarded', 'guarded', roles => '{admin}');
SELECT fraiseql_set_limits('guarded', '{"subscriptions_per_user": 1}');
SET ROLE reader_of_all;
SELECT is_empty(
    $$SELECT name FROM fraiseql_subs.type UNION SELECT name FROM fraiseql_subs.subscription
      UNION SELECT name FROM fraiseql_subs.issuer UNION SELECT role FROM fraiseql_subs.role_limit
      UNION SELECT field FROM fraiseql_subs.resolver$$,
    'who may read and write all data sees no registration');
DELETE FROM fraiseql_subs.subscription;
RESET ROLE;
SELECT isnt_empty(
    $$SELECT FROM fraiseql_subs.subscription WHERE name = 'guarded'$$, 'nor removes one');
SET ROLE reader_of_all;
SELECT throws_ok(
    $$INSERT INTO fraiseql_subs.subscription (name, field, channel) VALUES ('x', 'x: Guarded', 'x')$$,
    '42501', NULL, 'nor adds one');
RESET ROLE;
SELECT fraiseql_set_limits('guarded', NULL);
SELECT fraiseql_unregister_subscription('guarded');
SELECT fraiseql_unregister_type('Guarded');
DROP OWNED BY reader_of_all;
DROP ROLE reader_of_all;

CREATE ROLE nobody_else;
GRANT EXECUTE ON FUNCTION fraiseql_create_roles() TO nobody_else;
SELECT is(
    outcome('nobody_else', 'fraiseql_create_roles()'::regprocedure), '42501',
    'who may not grant the functions cannot do so by way of the roles');
DROP OWNED BY nobody_else;
DROP ROLE nobody_else;

DO $$
DECLARE
    made name;
BEGIN
    FOR made IN SELECT DISTINCT role FROM fraiseql_subs.role_functions() LOOP
        EXECUTE format('DROP OWNED BY %I', made);
        EXECUTE format('DROP ROLE %I', made);
    END LOOP;
END
$$;
DROP FUNCTION outcome(name, oid);
DROP VIEW public_function;
DROP VIEW own_function;
SELECT * FROM finish();

\set QUIET on
CREATE EXTENSION pgtap;
SELECT plan(4);

SELECT throws_ok(
    'CREATE EXTENSION fraiseql_subs', '55000', 'fraiseql_subs is not preloaded',
    'CREATE EXTENSION fails where the library is not preloaded');

CREATE FUNCTION publish(text, text, jsonb, text, text) RETURNS void
LANGUAGE c AS '$libdir/fraiseql_subs', 'fsubs_publish';
CREATE FUNCTION capture() RETURNS trigger LANGUAGE c AS '$libdir/fraiseql_subs', 'fsubs_capture';

SELECT throws_ok(
    $$SELECT publish('t', 'c', '{}', NULL, NULL)$$, '55000', 'fraiseql_subs is not preloaded',
    'functions made by an earlier server fail too');

CREATE TABLE watched (id int);
CREATE TRIGGER capture AFTER INSERT ON watched FOR EACH ROW EXECUTE FUNCTION capture('watched');
SELECT lives_ok('INSERT INTO watched VALUES (1)', 'a watched table can be written to');

DO $$
DECLARE
    hint text;
BEGIN
    CREATE EXTENSION fraiseql_subs;
EXCEPTION WHEN object_not_in_prerequisite_state THEN
    GET STACKED DIAGNOSTICS hint = PG_EXCEPTION_HINT;
    PERFORM set_config('test.hint', hint, false);
END
$$;
SELECT matches(
    current_setting('test.hint'), 'shared_preload_libraries = ''fraiseql_subs''',
    'the hint is the line to add');

SELECT * FROM finish();

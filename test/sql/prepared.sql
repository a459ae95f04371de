\set QUIET on
SET client_min_messages = warning;
SELECT plan(10);

-- The executor looks every few seconds.
CREATE PROCEDURE wait_until_told() LANGUAGE plpgsql AS $$
BEGIN
    FOR i IN 1..600 LOOP
        IF NOT EXISTS (SELECT FROM fraiseql_subs.prepared_loss) THEN
            RETURN;
        END IF;
        -- Between two looks at the condition, in another transaction each.
        COMMIT;
        PERFORM pg_sleep(0.05);
    END LOOP;
    RAISE 'gave up waiting until the executor has told what is lost';
END
$$;

SELECT forget_published();
BEGIN;
SELECT fraiseql_publish('t', 'c', '1');
SELECT fraiseql_publish('t', 'd', '1') FROM generate_series(1, 3);
SAVEPOINT a;
SELECT fraiseql_publish('t', 'd', '1');
ROLLBACK TO a;
PREPARE TRANSACTION 'p';
SELECT is_empty('SELECT * FROM published()', 'a prepared transaction publishes nothing');
COMMIT PREPARED 'p';
CALL wait_until_told();
SELECT results_eq(
    'SELECT published_and_lost()', $$VALUES ('lost c 1'), ('lost d 3')$$,
    'once it is committed, its events are told as lost');

BEGIN;
SELECT fraiseql_publish('t', 'c', '1');
PREPARE TRANSACTION 'p';
ROLLBACK PREPARED 'p';
SELECT is_empty('SELECT * FROM fraiseql_subs.prepared_loss', 'once it is rolled back, nothing is lost');

CREATE ROLE prepared_role;
GRANT EXECUTE ON FUNCTION fraiseql_publish(text, text, text) TO prepared_role;
SELECT throws_ok('SET ROLE prepared_role; SELECT * FROM fraiseql_subs.prepared_loss', '42501');
RESET ROLE;
SET ROLE prepared_role;
BEGIN READ ONLY;
SELECT fraiseql_publish('t', repeat('ü', 5000), '1');
PREPARE TRANSACTION 'p';
COMMIT PREPARED 'p';
RESET ROLE;
CALL wait_until_told();
SELECT results_eq(
    'SELECT published_and_lost()', $$VALUES ('lost ' || repeat('ü', 5000) || ' 1')$$,
    'whatever the session''s role, its privileges and its settings');

BEGIN;
SELECT fraiseql_publish('t', 'c' || i, '1') FROM generate_series(1, 100) AS i;
PREPARE TRANSACTION 'p';
COMMIT PREPARED 'p';
CALL wait_until_told();
CREATE TEMP TABLE lines AS SELECT * FROM published_and_lost() AS line;
SELECT results_eq(
    $$SELECT count(*), sum(substring(line FROM '[0-9]+$')::int), max(line) FILTER (WHERE line LIKE 'lost  %') FROM lines$$,
    $$VALUES (65::bigint, 100::bigint, 'lost  36')$$, 'losses of many channels are told to all');

SET fraiseql_subs.transaction_memory = '64kB';
BEGIN;
SELECT fraiseql_publish('t', 'c', to_jsonb(repeat('x', 1000))) FROM generate_series(1, 1000);
PREPARE TRANSACTION 'p';
SELECT is_empty('SELECT * FROM pg_ls_tmpdir()', 'what was in a temporary file is gone');
COMMIT PREPARED 'p';
CALL wait_until_told();
SELECT results_eq('SELECT published_and_lost()', $$VALUES ('lost c 1000')$$, 'and counted');
RESET fraiseql_subs.transaction_memory;

SET fraiseql_subs.capture_failure = 'error';
BEGIN;
SELECT fraiseql_publish('t', 'c', '1');
\set ON_ERROR_STOP off
\set VERBOSITY sqlstate
PREPARE TRANSACTION 'refused';
\set ON_ERROR_STOP on
SELECT is(:'LAST_ERROR_SQLSTATE'::text, '0A000', 'with capture_failure = error it cannot be prepared');
RESET fraiseql_subs.capture_failure;

BEGIN;
SELECT fraiseql_publish('t', 'c', '1');
DROP EXTENSION fraiseql_subs CASCADE;
PREPARE TRANSACTION 'p';
ROLLBACK PREPARED 'p';
SELECT has_table('fraiseql_subs', 'prepared_loss', 'without the extension it is prepared, and nothing is told');

SELECT * FROM finish();

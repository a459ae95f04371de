\set QUIET on
SET client_min_messages = warning;
SELECT plan(11);

CREATE FUNCTION publish_kilobytes(low int, high int) RETURNS bigint LANGUAGE sql AS $$
    SELECT count(fraiseql_publish('t', 'c', to_jsonb(i || repeat('x', 1000))))
    FROM generate_series(low, high) AS i;
$$;
CREATE FUNCTION numbers() RETURNS SETOF int LANGUAGE sql AS $$
    SELECT substring(data FROM '[0-9]+')::int FROM published();
$$;
-- Without the directory of temporary files, a file can be in its place.
CREATE PROCEDURE break_temporary_files() LANGUAGE sql AS $$
    COPY (SELECT) TO PROGRAM 'rm -rf base/pgsql_tmp && cat >base/pgsql_tmp';
$$;
CREATE PROCEDURE mend_temporary_files() LANGUAGE sql AS $$
    COPY (SELECT) TO PROGRAM 'cat >/dev/null; rm -f base/pgsql_tmp';
$$;

SET fraiseql_subs.transaction_memory = '64kB';
SET temp_file_limit = 0;
SELECT forget_published();
BEGIN;
SELECT publish_kilobytes(1, 1000);
SELECT is(count(*), 1::bigint, 'what memory does not hold is in a temporary file') FROM pg_ls_tmpdir();
COMMIT;
SELECT results_eq(
    'SELECT numbers()', 'SELECT generate_series(1, 1000)',
    'which counts against no limit, and all events arrive in their order');
SELECT is_empty('SELECT * FROM pg_ls_tmpdir()', 'the file goes with the commit');

BEGIN;
SELECT publish_kilobytes(1, 1000);
ROLLBACK;
SELECT is_empty('SELECT * FROM pg_ls_tmpdir()', 'and with a rollback');
SELECT is_empty('SELECT * FROM published()', 'which discards its events');

BEGIN;
SELECT publish_kilobytes(1, 500);
SAVEPOINT a;
SELECT publish_kilobytes(501, 1000);
SAVEPOINT b;
SELECT publish_kilobytes(1001, 1001);
ROLLBACK TO b;
SELECT publish_kilobytes(1002, 1003);
ROLLBACK TO a;
SELECT publish_kilobytes(2001, 2500);
SAVEPOINT c;
SELECT publish_kilobytes(2501, 2502);
ROLLBACK TO c;
SELECT publish_kilobytes(2503, 2504);
COMMIT;
SELECT results_eq(
    'SELECT numbers()',
    'SELECT generate_series(1, 500) UNION ALL SELECT generate_series(2001, 2500) UNION ALL VALUES (2503), (2504)',
    'rolling back to a savepoint discards what is in the file too');

-- No file can be made.
CREATE TABLE spilled (id int, body text);
SELECT fraiseql_watch('spilled');
CALL break_temporary_files();
SELECT forget_published();
SELECT throws_like(
    'SELECT publish_kilobytes(1, 1000)', 'could not write a transaction''s events to a temporary file:%',
    'fraiseql_publish fails if no file can be made');
BEGIN;
INSERT INTO spilled SELECT i, repeat('x', 10000) FROM generate_series(1, 20) AS i;
SAVEPOINT a;
INSERT INTO spilled VALUES (21, repeat('x', 10000));
ROLLBACK TO a;
COMMIT;
CALL mend_temporary_files();
CREATE TEMP TABLE lines AS SELECT * FROM published_and_lost() AS line;
SELECT is(count(*), 20::bigint, 'a write to a watched table does not') FROM spilled;
SELECT is(line, 'lost spilled ' || 21 - (SELECT count(*) FROM lines), 'and what is lost is told')
FROM lines WHERE line LIKE 'lost%';
SELECT is(count(*), 1::bigint, 'in one record') FROM lines WHERE line LIKE 'lost%';

-- The file is damaged before the commit.
BEGIN;
SELECT publish_kilobytes(1, 1000);
COPY (SELECT) TO PROGRAM 'cat >/dev/null; truncate -s 0 base/pgsql_tmp/pgsql_tmp*';
COMMIT;
SELECT results_eq(
    'SELECT published_and_lost()', $$VALUES ('lost  1000')$$,
    'a transaction whose file cannot be read commits, and its loss is told to all');

SELECT * FROM finish();

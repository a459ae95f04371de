\set QUIET on
SELECT plan(22);
SELECT forget_published();

BEGIN;
SELECT fraiseql_publish('t', 'c', '1');
SELECT is_empty('SELECT * FROM published()', 'nothing leaves before commit');
COMMIT;
SELECT results_eq(
    'SELECT published_lines()', $$VALUES ('t c 1')$$, 'commit publishes');

BEGIN;
SELECT fraiseql_publish('t', 'c', '1');
ROLLBACK;
SELECT is_empty('SELECT * FROM published()', 'rollback discards');

BEGIN;
SELECT fraiseql_publish('t', 'c', to_jsonb(i)) FROM generate_series(1, 1000) AS i;
COMMIT;
SELECT results_eq(
    'SELECT published_lines()', 'SELECT ''t c '' || i FROM generate_series(1, 1000) AS i',
    'a transaction''s events keep their order');

BEGIN;
SELECT fraiseql_publish('t', 'c', '1');
SAVEPOINT a;
SELECT fraiseql_publish('t', 'c', '2');
ROLLBACK TO a;
SELECT fraiseql_publish('t', 'c', '3');
COMMIT;
SELECT results_eq(
    'SELECT published_lines()', $$VALUES ('t c 1'), ('t c 3')$$,
    'rollback to a savepoint discards what came after it');

BEGIN;
SAVEPOINT a;
SELECT fraiseql_publish('t', 'c', '1');
SAVEPOINT b;
SELECT fraiseql_publish('t', 'c', '2');
SAVEPOINT c;
SELECT fraiseql_publish('t', 'c', '3');
RELEASE c;
RELEASE b;
SELECT fraiseql_publish('t', 'c', '4');
COMMIT;
SELECT results_eq(
    'SELECT published_lines()', $$VALUES ('t c 1'), ('t c 2'), ('t c 3'), ('t c 4')$$,
    'released savepoints keep their events');

BEGIN;
SELECT fraiseql_publish('t', 'c', '1');
SAVEPOINT a;
SAVEPOINT b;
SAVEPOINT c;
SELECT fraiseql_publish('t', 'c', '2');
RELEASE c;
RELEASE b;
SELECT fraiseql_publish('t', 'c', '3');
ROLLBACK TO a;
SELECT fraiseql_publish('t', 'c', '4');
COMMIT;
SELECT results_eq(
    'SELECT published_lines()', $$VALUES ('t c 1'), ('t c 4')$$,
    'rolling back an outer savepoint discards what released inner ones published');

BEGIN;
SAVEPOINT a;
SELECT fraiseql_publish('t', 'c', '1');
SAVEPOINT b;
SELECT fraiseql_publish('t', 'c', '2');
ROLLBACK TO b;
RELEASE a;
COMMIT;
SELECT results_eq(
    'SELECT published_lines()', $$VALUES ('t c 1')$$,
    'rolling back an inner savepoint leaves the outer one''s events');

BEGIN;
SAVEPOINT a;
SELECT fraiseql_publish('t', 'c', '1');
ROLLBACK TO a;
SELECT fraiseql_publish('t', 'c', '2');
ROLLBACK TO a;
SELECT fraiseql_publish('t', 'c', '3');
COMMIT;
SELECT results_eq(
    'SELECT published_lines()', $$VALUES ('t c 3')$$, 'a savepoint can be rolled back to many times');

DO $$
BEGIN
    FOR i IN 1..300 LOOP
        BEGIN
            PERFORM fraiseql_publish('t', 'c', to_jsonb(i));
            IF i % 3 = 0 THEN
                RAISE division_by_zero;
            END IF;
        EXCEPTION WHEN division_by_zero THEN
            NULL;
        END;
    END LOOP;
END
$$;
SELECT results_eq(
    'SELECT published_lines()',
    'SELECT ''t c '' || i FROM generate_series(1, 300) AS i WHERE i % 3 <> 0',
    'an exception block that fails discards its events, the others keep theirs');

CREATE FUNCTION publish_nested(depth int) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM fraiseql_publish('t', 'c', to_jsonb(depth));
    IF depth < 50 THEN
        PERFORM publish_nested(depth + 1);
    END IF;
    IF depth = 20 THEN
        RAISE division_by_zero;
    END IF;
EXCEPTION WHEN division_by_zero THEN
    NULL;
END
$$;
SELECT publish_nested(1);
SELECT results_eq(
    'SELECT published_lines()', 'SELECT ''t c '' || i FROM generate_series(1, 19) AS i',
    'an exception discards the events of every block inside the failing one');

CREATE PROCEDURE publish_and_commit() LANGUAGE plpgsql AS $$
BEGIN
    FOR i IN 1..6 LOOP
        PERFORM fraiseql_publish('t', 'c', to_jsonb(i));
        IF i % 2 = 0 THEN
            COMMIT;
        ELSIF i = 3 THEN
            ROLLBACK;
        END IF;
    END LOOP;
END
$$;
CALL publish_and_commit();
SELECT results_eq(
    'SELECT published_lines()', $$VALUES ('t c 1'), ('t c 2'), ('t c 4'), ('t c 5'), ('t c 6')$$,
    'a procedure publishes at each of its commits');

CREATE TABLE deferred (id int);
CREATE FUNCTION publish_deferred() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM fraiseql_publish('deferred', 'c', to_jsonb(NEW));
    RETURN NULL;
END
$$;
CREATE CONSTRAINT TRIGGER publish AFTER INSERT ON deferred DEFERRABLE INITIALLY DEFERRED
FOR EACH ROW EXECUTE FUNCTION publish_deferred();
SELECT forget_published();
BEGIN;
INSERT INTO deferred VALUES (7);
SELECT fraiseql_publish('t', 'c', '1');
COMMIT;
SELECT results_eq(
    'SELECT published_lines()', $$VALUES ('t c 1'), ('deferred c {"id": 7}')$$,
    'deferred triggers publish at commit');

CREATE FUNCTION publish_everywhere(int) RETURNS int LANGUAGE plpgsql PARALLEL SAFE AS $$
BEGIN
    PERFORM fraiseql_publish('t', 'c', '1');
    RETURN $1;
END
$$;
CREATE TABLE scanned AS SELECT generate_series(1, 10000) AS id;
ANALYZE scanned;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET parallel_leader_participation = off;
SELECT throws_ok(
    'SELECT sum(publish_everywhere(id)) FROM scanned', '25000',
    'cannot publish events in a parallel worker', 'parallel workers cannot publish');
RESET ALL;

SELECT forget_published();
CREATE TABLE written (id int);
BEGIN;
INSERT INTO written VALUES (1);
SELECT fraiseql_publish('t', 'c', to_jsonb(txid_current()));
COMMIT;
CREATE TEMP TABLE stamped AS SELECT * FROM published();
SELECT is(xid, data::bigint, 'an event carries its transaction''s xid') FROM stamped;
SELECT ok(
    commit_lsn > 0 AND '0/0'::pg_lsn + commit_lsn <= pg_current_wal_insert_lsn(),
    'and the end of its commit record') FROM stamped;
SELECT ok(
    to_timestamp(commit_time_us / 1e6) BETWEEN now() - interval '1 minute' AND clock_timestamp(),
    'and the time of the commit') FROM stamped;

SELECT fraiseql_publish('t', 'c', '1');
SELECT results_eq(
    'SELECT xid, commit_lsn FROM published()', 'VALUES (0::bigint, 0::bigint)',
    'a transaction that wrote nothing has neither xid nor commit record');

CREATE TEMP TABLE sequences AS SELECT ring_stat('records_total') AS records,
    ring_stat('transactions_total') AS transactions;
BEGIN;
SELECT fraiseql_publish('t', 'c', '1');
SELECT fraiseql_publish('t', 'c', '2');
COMMIT;
SELECT results_eq(
    $$SELECT ring_stat('records_total') - records, ring_stat('transactions_total') - transactions
      FROM sequences$$,
    'VALUES (2::float8, 1::float8)', 'one commit publishes once');

-- 20 MB, in a ring of 16 MB.
CREATE TABLE published_from (kind text, sequence bigint, data text);
SELECT forget_published();
SELECT ring_stat('records_total')::bigint AS before \gset
BEGIN;
SELECT fraiseql_publish('t', 'c', to_jsonb(i || repeat('x', 100000)))
FROM generate_series(1, 200) AS i;
COMMIT;
INSERT INTO published_from SELECT kind, sequence, data FROM published_records();
SELECT results_eq(
    $$SELECT sequence, substring(data FROM '[0-9]+')::bigint FROM published_from ORDER BY sequence$$,
    format('SELECT i + %s, i FROM generate_series(200 - (SELECT count(*) FROM published_from) + 1, 200) AS i',
           :before),
    'of a transaction larger than the ring the last events are there');
SELECT cmp_ok(count(*), '>', 160::bigint, 'as many as fit') FROM published_from;
SELECT is(ring_stat('records_total')::bigint - :before, 200::bigint, 'and all are counted');

SELECT * FROM finish();

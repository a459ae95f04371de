\set QUIET on
SELECT plan(16);
SELECT forget_published();

SELECT lives_ok(
    format('SELECT fraiseql_publish(''t'', ''c'', %L)', to_jsonb(repeat('x', 1000000))),
    'an event may be nearly as large as max_event_size');
SELECT is(
    length(data), 1000002, 'and arrives whole') FROM published();

SET fraiseql_subs.max_event_size = '1kB';
BEGIN;
SELECT throws_ok(
    format('SELECT fraiseql_publish(''t'', ''c'', %L)', to_jsonb(repeat('x', 1000))), '54000',
    'event is too large', 'a larger event fails when it is published, not at commit');
COMMIT;
RESET fraiseql_subs.max_event_size;

SET fraiseql_subs.max_event_size = '256MB';
SELECT throws_ok(
    format('SELECT fraiseql_publish(''t'', ''c'', %L)', to_jsonb(repeat('x', 5000000))), '54000',
    'event is too large', 'no event may fill more than a quarter of the ring');
RESET fraiseql_subs.max_event_size;

SELECT throws_ok(
    format('SELECT fraiseql_publish(%L, ''c'', ''1'')', repeat('x', 65536)), '54000',
    'event type is too long', 'names have a limit');
SELECT lives_ok(
    format('SELECT fraiseql_publish(%L, ''c'', ''1'')', repeat('x', 65535)), 'which can be reached');

CREATE FUNCTION nested(depth int) RETURNS jsonb LANGUAGE sql AS $$
    SELECT (repeat('[', depth) || repeat(']', depth))::jsonb;
$$;
SELECT throws_ok(
    $$SELECT fraiseql_publish('t', 'c', nested(501))$$, '54000', 'event data is nested too deeply',
    'data deeper than the worker reads is refused');
SELECT lives_ok($$SELECT fraiseql_publish('t', 'c', nested(500))$$, 'data as deep as it reads is not');
SELECT lives_ok(
    format('SELECT fraiseql_publish(''t'', ''c'', %L)', to_jsonb('\"' || repeat('[', 2000))),
    'brackets within strings do not count');

SELECT forget_published();
SET fraiseql_subs.max_transaction_size = '1MB';
BEGIN;
SELECT fraiseql_publish('t', 'c', '1');
SAVEPOINT a;
SELECT throws_ok(
    $$SELECT fraiseql_publish('t', 'c', to_jsonb(repeat('x', 10000)))
      FROM generate_series(1, 110)$$,
    '54000', 'too many events in one transaction', 'a transaction''s events have a limit in all');
ROLLBACK TO a;
SELECT fraiseql_publish('t', 'c', '2');
COMMIT;
SELECT results_eq(
    'SELECT published_lines()', $$VALUES ('t c 1'), ('t c 2')$$,
    'and after rolling back to a savepoint it can go on');

CREATE TABLE limited (id int, body text);
SELECT fraiseql_watch('limited');
SELECT forget_published();
BEGIN;
SELECT fraiseql_publish('t', 'c', to_jsonb(repeat('x', 1000000)));
INSERT INTO limited SELECT i, repeat('x', 20000) FROM generate_series(1, 5) AS i;
COMMIT;
SELECT results_eq(
    'SELECT left(line, 14) FROM published_and_lost() AS line',
    $$VALUES ('t c "xxxxxxxxx'), ('INSERT limited'), ('INSERT limited'), ('lost limited 3')$$,
    'a change beyond it is written all the same, and told as lost');
RESET fraiseql_subs.max_transaction_size;

-- 20 MB, in a ring of 16 MB.
SET fraiseql_subs.overflow = 'error';
CREATE FUNCTION publish_more_than_the_ring() RETURNS bigint LANGUAGE sql AS $$
    SELECT count(fraiseql_publish('t', 'c', to_jsonb(repeat('x', 100000))))
    FROM generate_series(1, 200);
$$;
CREATE TEMP TABLE refused AS SELECT ring_stat('refused_total') AS before;
\set ON_ERROR_STOP off
\set VERBOSITY sqlstate
SELECT publish_more_than_the_ring();
\set ON_ERROR_STOP on
SELECT is(:'LAST_ERROR_SQLSTATE'::text, '54000', 'with overflow = error a transaction larger than the ring fails');
SELECT results_eq(
    $$SELECT ring_stat('refused_total') - before, ring_stat('reserved_bytes') FROM refused$$,
    'VALUES (1::float8, 0::float8)',
    'and is counted, and reserves nothing');
SELECT is_empty('SELECT * FROM published()', 'and publishes nothing');

SET fraiseql_subs.overflow = 'overwrite';
CREATE TEMP TABLE overwritten AS SELECT ring_stat('overwritten_total') AS before;
SELECT publish_more_than_the_ring();
SELECT ok(
    ring_stat('overwritten_total') - before > 40,
    'with overflow = overwrite it takes the room of older events, its own too') FROM overwritten;

SELECT * FROM finish();

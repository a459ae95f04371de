-- Sessions change the same few rows as fast as they can: the events of a row must lie in the ring in
-- the order of its versions.
\set QUIET on
SELECT plan(3);

CREATE TABLE counter (id int PRIMARY KEY, version int NOT NULL);
INSERT INTO counter SELECT id, 0 FROM generate_series(1, 2) AS id;
SELECT fraiseql_watch('counter');
SELECT forget_published();

\! printf '\\set id random(1, 2)\nUPDATE counter SET version = version + 1 WHERE id = :id;\n' >"$PGHOST/update.sql"
\! pgbench -n -c 8 -j 2 -t 1000 -M prepared -f "$PGHOST/update.sql" >"$PGHOST/pgbench.out" 2>&1 || cat "$PGHOST/pgbench.out"

CREATE TEMP TABLE changed AS
SELECT sequence, (data::jsonb #>> '{row,id}')::int AS id, (data::jsonb #>> '{row,version}')::int AS version
FROM published() WHERE channel = 'counter';

SELECT is(count(*), 8000::bigint, 'every change is an event') FROM changed;
SELECT results_eq(
    'SELECT id, max(version) FROM changed GROUP BY id ORDER BY id',
    'SELECT id, version FROM counter ORDER BY id', 'up to the last');
SELECT is_empty(
    $$SELECT * FROM (
        SELECT id, version, lag(version, 1, 0) OVER (PARTITION BY id ORDER BY sequence) AS previous
        FROM changed) AS step
      WHERE version <> previous + 1$$,
    'and each row''s events come in the order of its versions');

SELECT * FROM finish();

\set QUIET on
SET client_min_messages = warning;
SET timezone = 'UTC';
SELECT plan(59);

CREATE TABLE orders (id int PRIMARY KEY, status text, placed timestamptz, total numeric);
SELECT fraiseql_watch('orders');
SELECT forget_published();

INSERT INTO orders VALUES (1, 'new', '2024-02-29 12:00:00.5+00', 42.50);
SELECT results_eq(
    'SELECT event_type, channel, data::jsonb FROM published()',
    $$VALUES ('INSERT', 'orders', jsonb '{"operation": "INSERT", "table": "public.orders", "old": null,
        "row": {"id": 1, "status": "new", "placed": "2024-02-29T12:00:00.5+00:00", "total": 42.50}}')$$,
    'INSERT is an event with the new row, on the channel of the table''s name');

UPDATE orders SET status = 'paid';
SELECT results_eq(
    $$SELECT event_type, data::jsonb ->> 'operation', data::jsonb #>> '{row,status}',
        data::jsonb #>> '{old,status}' FROM published()$$,
    $$VALUES ('UPDATE', 'UPDATE', 'paid', 'new')$$, 'UPDATE carries both rows');

UPDATE orders SET status = 'paid', total = 42.50;
SELECT is_empty('SELECT * FROM published()', 'an UPDATE that changes nothing is no event');
UPDATE orders SET total = 42.5;
SELECT isnt_empty('SELECT * FROM published()', 'one that changes how a value is written is');
UPDATE orders SET status = NULL;
SELECT isnt_empty('SELECT * FROM published()', 'from a value to null is a change');
UPDATE orders SET status = NULL;
SELECT is_empty('SELECT * FROM published()', 'from null to null is none');

DELETE FROM orders;
SELECT results_eq(
    $$SELECT event_type, data::jsonb #>> '{row,id}', data::jsonb -> 'old' FROM published()$$,
    $$VALUES ('DELETE', '1', jsonb 'null')$$, 'DELETE carries the row that was removed');

TRUNCATE orders;
SELECT results_eq(
    'SELECT published_lines()',
    $$VALUES ('TRUNCATE orders {"operation":"TRUNCATE","table":"public.orders","row":null,"old":null}')$$,
    'TRUNCATE is one event');

BEGIN;
INSERT INTO orders VALUES (2);
SAVEPOINT a;
INSERT INTO orders VALUES (3);
ROLLBACK TO a;
COMMIT;
SELECT results_eq(
    $$SELECT data::jsonb #>> '{row,id}' FROM published()$$, $$VALUES ('2')$$,
    'rows rolled back to a savepoint are no events');

-- Re-watching and unwatching.
SELECT fraiseql_watch('orders', 'a "quoted" \ ''channel''');
DELETE FROM orders;
SELECT results_eq(
    'SELECT event_type, channel FROM published()',
    $$VALUES ('DELETE', 'a "quoted" \ ''channel''')$$,
    'watching again replaces the channel');
SELECT fraiseql_unwatch('orders');
INSERT INTO orders VALUES (4);
SELECT is_empty('SELECT * FROM published()', 'an unwatched table publishes nothing');
SELECT hasnt_trigger('orders', ' fraiseql_capture_row', 'and has no trigger left');

-- Names that need quotes.
CREATE SCHEMA "Ein Schema";
CREATE TABLE "Ein Schema"."a ""b"" %s" ("k""ey" int);
SELECT fraiseql_watch('"Ein Schema"."a ""b"" %s"');
INSERT INTO "Ein Schema"."a ""b"" %s" VALUES (1);
SELECT results_eq(
    $$SELECT channel, data::jsonb ->> 'table', data::jsonb -> 'row' FROM published()$$,
    $$VALUES ('a "b" %s', '"Ein Schema"."a ""b"" %s"', jsonb '{"k\"ey": 1}')$$,
    'names of tables and columns are quoted where they must be');

-- Columns that come and go.
CREATE TABLE columns (id int, gone text, doubled int GENERATED ALWAYS AS (id * 2) STORED);
INSERT INTO columns VALUES (1, 'x');
SELECT fraiseql_watch('columns');
ALTER TABLE columns DROP COLUMN gone;
ALTER TABLE columns ADD COLUMN added text DEFAULT 'late';
SELECT forget_published();
UPDATE columns SET id = 2;
SELECT results_eq(
    $$SELECT data::jsonb -> 'row', data::jsonb -> 'old' FROM published()$$,
    $$VALUES (jsonb '{"id": 2, "doubled": 4, "added": "late"}',
              jsonb '{"id": 1, "doubled": 2, "added": "late"}')$$,
    'generated and added columns are there, dropped ones are not');
INSERT INTO columns VALUES (3);
ALTER TABLE columns ADD COLUMN newer int DEFAULT 5;
SELECT forget_published();
UPDATE columns SET newer = 5;
SELECT is_empty(
    'SELECT * FROM published()', 'writing an added column''s default into a row is no change');

-- Values stored out of line.
CREATE TABLE large (id int, body text);
ALTER TABLE large ALTER COLUMN body SET STORAGE EXTERNAL;
SELECT fraiseql_watch('large');
INSERT INTO large VALUES (1, repeat('x', 100000));
SELECT forget_published();
UPDATE large SET id = 1;
UPDATE large SET body = repeat('x', 100000);
SELECT is_empty('SELECT * FROM published()', 'an unchanged large value is no change');
UPDATE large SET body = repeat('x', 99999) || 'y';
SELECT results_eq(
    $$SELECT right(data::jsonb #>> '{row,body}', 2), right(data::jsonb #>> '{old,body}', 2)
      FROM published()$$,
    $$VALUES ('xy', 'xx')$$, 'a changed one is');

-- Partitions.
CREATE TABLE measured (id int, at date) PARTITION BY RANGE (at);
CREATE TABLE measured_2023 PARTITION OF measured FOR VALUES FROM ('2023-01-01') TO ('2024-01-01');
SELECT fraiseql_watch('measured');
CREATE TABLE measured_2024 (gone int, at date, id int);
ALTER TABLE measured_2024 DROP COLUMN gone;
ALTER TABLE measured ATTACH PARTITION measured_2024
    FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
SELECT forget_published();
INSERT INTO measured VALUES (1, '2023-05-05'), (2, '2024-05-05');
SELECT results_eq(
    $$SELECT channel, data::jsonb ->> 'table', data::jsonb #>> '{row,id}' FROM published()$$,
    $$VALUES ('measured', 'public.measured', '1'), ('measured', 'public.measured', '2')$$,
    'rows of partitions, attached later too, are events of the partitioned table');
UPDATE measured SET at = '2024-06-06' WHERE id = 1;
SELECT results_eq(
    $$SELECT event_type, data::jsonb #>> '{row,at}' FROM published()$$,
    $$VALUES ('DELETE', '2023-05-05'), ('INSERT', '2024-06-06')$$,
    'a row that moves to another partition leaves one and enters the other');
TRUNCATE measured;
SELECT results_eq(
    'SELECT event_type FROM published()', $$VALUES ('TRUNCATE')$$,
    'TRUNCATE of a partitioned table is one event');
SELECT throws_ok(
    $$SELECT fraiseql_watch('measured_2023')$$, '55000',
    'table "measured_2023" is watched through the table it is a partition of',
    'a partition of a watched table cannot be watched by itself');

INSERT INTO measured VALUES (4, '2023-04-04');
SELECT forget_published();
BEGIN;
LOCK TABLE ONLY measured IN ACCESS EXCLUSIVE MODE;
\! PGOPTIONS='-c lock_timeout=5s' psql -X -q -c 'DELETE FROM measured_2023'
COMMIT;
SELECT results_eq(
    $$SELECT channel, data::jsonb ->> 'table', data::jsonb #>> '{row,id}' FROM published()$$,
    $$VALUES ('measured', 'public.measured', '4')$$,
    'a write to a partition does not wait for a lock of its parent');
CREATE TABLE measured_2025 PARTITION OF measured FOR VALUES FROM ('2025-01-01') TO ('2026-01-01') PARTITION BY RANGE (at);
CREATE TABLE measured_2025_01 PARTITION OF measured_2025 FOR VALUES FROM ('2025-01-01') TO ('2025-02-01');
INSERT INTO measured_2025_01 VALUES (5, '2025-01-01');
SELECT results_eq($$SELECT data::jsonb ->> 'table' FROM published()$$, $$VALUES ('public.measured')$$,
    'events of a partition''s partition name the table that is watched');

-- Replication.
SELECT forget_published();
SET session_replication_role = replica;
INSERT INTO measured VALUES (3, '2024-01-01');
RESET session_replication_role;
SELECT isnt_empty('SELECT * FROM published()', 'replicated rows are events');

-- Events that do not fit: columns are left out, in stages.
CREATE TABLE stages (id int PRIMARY KEY, n int, note text, a text, b text);
ALTER TABLE stages ALTER a SET STORAGE EXTERNAL, ALTER b SET STORAGE EXTERNAL;
SELECT fraiseql_watch('stages');
CREATE FUNCTION pieces() RETURNS TABLE (rows text, omitted jsonb) LANGUAGE sql AS $$
    SELECT concat_ws(' ', (SELECT 'row:' || string_agg(key, ',') FROM json_object_keys(data::json -> 'row') AS key),
        (SELECT 'old:' || string_agg(key, ',') FROM json_object_keys(CASE WHEN event_type = 'UPDATE' THEN data::json -> 'old' ELSE '{}' END) AS key)),
        data::jsonb -> 'omitted'
    FROM published()
$$;
INSERT INTO stages VALUES (1, 0, repeat('n', 100), repeat('a', 2500), '');
SET fraiseql_subs.max_event_size = '4kB';
SELECT forget_published();
UPDATE stages SET n = 1;
SELECT results_eq('SELECT * FROM pieces()',
    $$VALUES ('row:id,n,note,a,b old:id,n,b', jsonb '["old.note", "old.a"]')$$,
    'first the old row loses what is long and did not change');
UPDATE stages SET b = repeat('b', 1500);
SELECT forget_published();
UPDATE stages SET b = repeat('c', 1500);
SELECT results_eq('SELECT * FROM pieces()',
    $$VALUES ('row:id,n,b old:id,n,b', jsonb '["old.note", "old.a", "row.note", "row.a"]')$$,
    'then so does the row');
UPDATE stages SET a = repeat('A', 2500);
SELECT results_eq('SELECT * FROM pieces()',
    $$VALUES ('row:id,n old:id,n',
        jsonb '["old.note", "old.a", "old.b", "row.note", "row.a", "row.b"]')$$,
    'then both lose all that is long but the key');
INSERT INTO stages VALUES (2, 0, repeat('n', 100), repeat('a', 2500), repeat('b', 2500));
DELETE FROM stages WHERE id = 2;
SELECT results_eq('SELECT * FROM pieces()',
    $$VALUES ('row:id,n', jsonb '["row.note", "row.a", "row.b"]'),
             ('row:id,n', jsonb '["row.note", "row.a", "row.b"]')$$,
    'an INSERT and a DELETE have one row, which loses the same');
INSERT INTO stages VALUES (3, 0, repeat('n', 100), repeat('a', 5000), '');
SELECT results_eq('SELECT * FROM pieces()',
    $$VALUES ('row:id,n,note,b', jsonb '["row.a"]')$$,
    'a value that is larger than any event is left out by itself');
UPDATE stages SET a = repeat('b', 6000) WHERE id = 3;
SELECT results_eq('SELECT * FROM pieces()',
    $$VALUES ('row:id,n,note,b old:id,n,note,b', jsonb '["old.a", "row.a"]')$$,
    'before an UPDATE too');
UPDATE stages SET a = repeat(E'\x01', 3000) WHERE id = 3;
SELECT results_eq('SELECT omitted FROM pieces()', $$VALUES (jsonb '["old.a", "row.a"]')$$,
    'and one that is so only when escaped');

SELECT format('CREATE TABLE short_columns (id int PRIMARY KEY%s)', string_agg(format(', c%s text', i), ''))
FROM generate_series(1, 20) AS i \gexec
SELECT fraiseql_watch('short_columns');
SET fraiseql_subs.max_event_size = '1kB';
SELECT format('INSERT INTO short_columns VALUES (1%s)', repeat(', repeat(''x'', 60)', 20)) \gexec
SELECT results_eq('SELECT rows, jsonb_array_length(omitted) FROM pieces()', $$VALUES ('row:id', 20)$$,
    'last, only the key is left');
CREATE TABLE long_key (id text PRIMARY KEY, n int);
SELECT fraiseql_watch('long_key');
INSERT INTO long_key VALUES (repeat('k', 2000), 1), ('short', 1);
SELECT set_eq('SELECT * FROM published_and_lost()',
    $$VALUES ('INSERT long_key {"operation":"INSERT","table":"public.long_key","row":{"id":"short","n":1},"old":null}'),
             ('lost long_key 1')$$,
    'a row whose key does not fit is told as lost');
CREATE TABLE other_key (id int, code text NOT NULL, body text);
CREATE UNIQUE INDEX other_key_code ON other_key (code);
ALTER TABLE other_key REPLICA IDENTITY USING INDEX other_key_code;
SELECT fraiseql_watch('other_key');
INSERT INTO other_key VALUES (1, repeat('c', 500), repeat('b', 900));
SELECT results_eq('SELECT * FROM pieces()', $$VALUES ('row:id,code', jsonb '["row.body"]')$$,
    'the columns of the replica identity are key too');
RESET fraiseql_subs.max_event_size;
SET fraiseql_subs.capture_failure = 'error';
SELECT throws_ok(
    $$INSERT INTO stages VALUES (4, 0, '', '', repeat('b', 1100000))$$, '54000', 'event is too large',
    'capture_failure = error fails such writes');
SET fraiseql_subs.max_event_size = '4kB';
SELECT throws_ok($$UPDATE stages SET n = 2 WHERE id = 1$$, '54000', 'event is too large', 'of both rows together too');
RESET fraiseql_subs.max_event_size;
CREATE TABLE growing (body jsonb);
SELECT fraiseql_watch('growing');
SELECT throws_ok($$
    INSERT INTO growing WITH RECURSIVE doubled (times, body) AS (
        SELECT 0, jsonb '[1e131071]' UNION ALL SELECT times + 1, body || body FROM doubled WHERE times < 14)
    SELECT body FROM doubled WHERE times = 14$$, '54000', 'event is too large',
    'and of jsonb, written no further than it fits, though it would take gigabytes');
RESET fraiseql_subs.capture_failure;

-- Values that no event can have.
CREATE TABLE documents (id int PRIMARY KEY, body json, binary_body jsonb);
SELECT fraiseql_watch('documents');
SELECT forget_published();
INSERT INTO documents VALUES
    (1, (repeat('[', 600) || repeat(']', 600))::json, (repeat('[', 499) || repeat(']', 499))::jsonb),
    (2, (repeat('[', 498) || repeat(']', 498))::json, (repeat('[', 498) || repeat(']', 498))::jsonb);
SELECT results_eq('SELECT * FROM pieces()',
    $$VALUES ('row:id', jsonb '["row.body", "row.binary_body"]'), ('row:id,body,binary_body', NULL)$$,
    'what is deeper than the worker reads is left out by itself');
INSERT INTO documents VALUES (3, '"\ud83d"'), (4, '"\ude00"'), (5, '["\ud83dx"]'), (6, '"\ud83d\u0041"'),
    (7, '"\ud83d\ude00"'), (8, '"\\ud83d"');
SELECT results_eq('SELECT omitted FROM pieces()',
    $$VALUES (jsonb '["row.body"]'), ('["row.body"]'), ('["row.body"]'), ('["row.body"]'), (NULL), (NULL)$$,
    'and so is json with half of a surrogate pair');
SET fraiseql_subs.capture_failure = 'error';
SELECT throws_ok(
    $$INSERT INTO documents VALUES (9, (repeat('[', 600) || repeat(']', 600))::json)$$, '54000',
    'event data is nested too deeply', 'or the write fails');
SELECT throws_ok($$INSERT INTO documents VALUES (9, '"\ud83d"')$$, '22032',
    'value of column "body" is no JSON for others', 'for each of these');
RESET fraiseql_subs.capture_failure;

-- Functions of others.
CREATE TYPE feeling AS ENUM ('fine', 'failing', 'cancelled');
CREATE TABLE said (what text);
CREATE FUNCTION mood_json(feeling) RETURNS json LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO said VALUES ($1::text);
    IF $1 = 'failing' THEN RAISE 'no JSON for this feeling'; END IF;
    -- The cancel comes as soon as it sleeps; nothing is waited for.
    IF $1 = 'cancelled' THEN PERFORM pg_cancel_backend(pg_backend_pid()), pg_sleep(60); END IF;
    RETURN to_json($1::text);
END
$$;
CREATE CAST (feeling AS json) WITH FUNCTION mood_json(feeling);
CREATE TABLE moods (id int PRIMARY KEY, feeling feeling, history feeling[]);
ALTER FUNCTION mood_json SET search_path = public;
SELECT fraiseql_watch('moods');
SELECT forget_published();
INSERT INTO moods VALUES (1, 'failing', '{fine}'), (2, 'fine', '{fine,failing}');
SELECT results_eq('SELECT rows, omitted FROM pieces()',
    $$VALUES ('row:id,history', jsonb '["row.feeling"]'), ('row:id,feeling', '["row.history"]')$$,
    'a column whose function raises an error is left out');
SELECT results_eq('SELECT what FROM said', $$VALUES ('fine'), ('fine')$$, 'and what that did is undone');
DO $$
BEGIN
    INSERT INTO moods VALUES (3, 'cancelled');
EXCEPTION WHEN query_canceled THEN
    PERFORM set_config('test.cancelled', 'yes', false);
END
$$;
SELECT is(current_setting('test.cancelled', true), 'yes', 'a request to cancel the statement is obeyed');
SET fraiseql_subs.capture_failure = 'error';
SELECT throws_ok($$INSERT INTO moods VALUES (3, 'failing')$$, 'P0001', 'no JSON for this feeling',
    'with capture_failure = error, so are errors');
RESET fraiseql_subs.capture_failure;
SELECT is((SELECT count(*) FROM moods), 2::bigint, 'the other writes succeeded');

-- Casts run with the rights of whoever writes: only those whose owner could do that anyway.
CREATE ROLE stranger;
CREATE ROLE table_owner;
CREATE ROLE table_owners IN ROLE table_owner;
CREATE SCHEMA strange AUTHORIZATION stranger;
GRANT ALL ON SCHEMA strange TO PUBLIC;
SET ROLE stranger;
CREATE TYPE strange.color AS ENUM ('red');
CREATE DOMAIN strange.tone AS strange.color;
CREATE TYPE strange.paint AS (tone strange.tone, colors strange.color[], gone int, "a ""price""" numeric);
ALTER TYPE strange.paint DROP ATTRIBUTE gone;
CREATE TYPE strange.paints AS (first strange.paint, others strange.paint[], body json);
CREATE TYPE strange.hues AS RANGE (subtype = strange.color);
CREATE FUNCTION strange.color_json(strange.color) RETURNS json LANGUAGE sql
    AS $$SELECT pg_catalog.json_build_array(current_user, pg_catalog.current_setting('search_path'))$$;
CREATE CAST (strange.color AS json) WITH FUNCTION strange.color_json(strange.color);
RESET ROLE;
CREATE TABLE painted (color strange.color, tone strange.tone, colors strange.color[], paint strange.paint,
    paints strange.paints, hues strange.hues);
ALTER TABLE painted OWNER TO table_owner;
SELECT fraiseql_watch('painted');
PREPARE paint AS INSERT INTO painted VALUES ('red', 'red', '{red}', ROW('red', '{red,NULL}', 1.50),
    ROW(NULL, ARRAY[ROW(NULL, NULL, 'NaN')::strange.paint], '{"a": 1}'), '[red,red]');
PREPARE painted_values AS SELECT columns.* FROM published(), json_each_text(data::json -> 'row') AS columns;
SELECT forget_published();
EXECUTE paint;
SELECT results_eq('painted_values', $$VALUES ('color', 'red'), ('tone', 'red'), ('colors', '["red"]'),
    ('paint', '{"tone":"red","colors":["red",null],"a \"price\"":1.50}'),
    ('paints', '{"first":null,"others":[{"tone":null,"colors":null,"a \"price\"":"NaN"}],"body":{"a": 1}}'),
    ('hues', '[red,red]')$$, 'a stranger''s cast is not called, wherever its type is part of a column');
ALTER FUNCTION strange.color_json OWNER TO table_owners;
EXECUTE paint;
PREPARE painted_with_cast AS VALUES ('color', '["postgres", "pg_catalog, pg_temp"]'),
    ('tone', '["postgres", "pg_catalog, pg_temp"]'), ('colors', '[["postgres", "pg_catalog, pg_temp"]]'),
    ('paint', '{"tone":["postgres", "pg_catalog, pg_temp"],"colors":[["postgres", "pg_catalog, pg_temp"],null],"a \"price\"":1.50}'),
    ('paints', '{"first":null,"others":[{"tone":null,"colors":null,"a \"price\"":"NaN"}],"body":{"a": 1}}'),
    ('hues', '[red,red]');
SELECT results_eq('painted_values', 'painted_with_cast',
    'one is whose owner has the rights of the table''s, with a search_path that nobody chooses');
ALTER FUNCTION strange.color_json OWNER TO postgres;
EXECUTE paint;
SELECT results_eq('painted_values', 'painted_with_cast', 'and so is a superuser''s');

-- Values that cannot be read.
CREATE TABLE damaged (id int PRIMARY KEY, flag int, body text, list text[], document jsonb);
ALTER TABLE damaged ALTER body SET STORAGE EXTERNAL, ALTER list SET STORAGE EXTERNAL,
    ALTER document SET STORAGE EXTERNAL;
SELECT fraiseql_watch('damaged');
INSERT INTO damaged SELECT i, 0, long, ARRAY[long], to_jsonb(long)
FROM generate_series(1, 2) AS i, repeat('x', 100000) AS long;
CREATE EXTENSION pg_surgery;
SELECT format('SELECT heap_force_kill(%L, ARRAY(SELECT ctid FROM %1$s))', reltoastrelid::regclass)
FROM pg_class WHERE oid = 'damaged'::regclass \gexec
SELECT forget_published();
UPDATE damaged SET flag = 1;
SELECT results_eq('SELECT * FROM pieces()',
    $$SELECT 'row:id,flag old:id,flag',
          jsonb '["old.body", "old.list", "old.document", "row.body", "row.list", "row.document"]'
      FROM generate_series(1, 2)$$, 'a value whose bytes are damaged is left out');
UPDATE damaged SET body = long, list = ARRAY[long], document = to_jsonb(long)
FROM repeat('x', 100000) AS long WHERE id = 1;
SELECT results_eq('SELECT * FROM pieces()',
    $$VALUES ('row:id,flag,body,list,document old:id,flag', jsonb '["old.body", "old.list", "old.document"]')$$,
    'it can be mended');
SET fraiseql_subs.max_event_size = '256kB';
UPDATE damaged SET flag = 2, body = repeat('y', 100000), list = ARRAY[repeat('y', 100000)] WHERE id = 2;
RESET fraiseql_subs.max_event_size;
SELECT results_eq('SELECT rows FROM pieces()', $$VALUES ('row:id,flag old:id,flag')$$, 'also where more is left out');
DELETE FROM damaged WHERE id = 2;
SELECT results_eq('SELECT * FROM pieces()',
    $$VALUES ('row:id,flag,body,list', jsonb '["row.document"]')$$, 'or its row deleted');

-- Functions whose library is missing.
CREATE TYPE homeless AS ENUM ('lost');
CREATE FUNCTION homeless_json(homeless) RETURNS json LANGUAGE sql AS $$SELECT json 'null'$$;
UPDATE pg_proc SET prolang = (SELECT oid FROM pg_language WHERE lanname = 'c'), probin = '$libdir/no_such_library'
WHERE proname = 'homeless_json';
CREATE CAST (homeless AS json) WITH FUNCTION homeless_json(homeless);
CREATE TYPE homes AS (here homeless);
CREATE TABLE homeless_values (id int PRIMARY KEY, home homeless, homes homeless[], pair homes);
SELECT fraiseql_watch('homeless_values');
SELECT forget_published();
INSERT INTO homeless_values VALUES (1, NULL, NULL, NULL), (2, 'lost', '{lost}', ROW('lost'));
DELETE FROM homeless_values;
SELECT results_eq('SELECT * FROM pieces()',
    $$VALUES ('row:id,home,homes,pair', NULL), ('row:id', jsonb '["row.home", "row.homes", "row.pair"]'),
             ('row:id,home,homes,pair', NULL), ('row:id', jsonb '["row.home", "row.homes", "row.pair"]')$$,
    'a function that cannot be loaded matters only to values that it would write');

-- Settings that are pinned come back, also behind an error.
CREATE TABLE intervals (id int, at interval, feeling feeling);
SELECT fraiseql_watch('intervals');
SET IntervalStyle = 'iso_8601';
SELECT forget_published();
INSERT INTO intervals VALUES (1, '1 day', 'failing');
SELECT results_eq(
    $$SELECT data::jsonb #>> '{row,at}', current_setting('IntervalStyle') FROM published()$$,
    $$VALUES ('1 day', 'iso_8601')$$, 'the session keeps its settings');
RESET IntervalStyle;

-- Misuse.
SET client_min_messages = error;
CREATE TABLE misused (id int);
CREATE TRIGGER before BEFORE INSERT ON misused FOR EACH ROW EXECUTE FUNCTION fraiseql_capture('c');
SELECT throws_ok(
    'INSERT INTO misused VALUES (1)', '39P01', 'fraiseql_capture() must be an AFTER trigger',
    'the trigger function refuses BEFORE triggers');
DROP TRIGGER before ON misused;
CREATE TRIGGER statement AFTER INSERT ON misused EXECUTE FUNCTION fraiseql_capture('c');
SELECT throws_like(
    'INSERT INTO misused VALUES (1)', '%must be FOR EACH ROW%', 'and statement triggers');
DROP TRIGGER statement ON misused;
CREATE TRIGGER nameless AFTER INSERT ON misused FOR EACH ROW EXECUTE FUNCTION fraiseql_capture();
SELECT throws_like('INSERT INTO misused VALUES (1)', '%needs one argument%', 'and a missing channel');
DROP TRIGGER nameless ON misused;
CREATE TRIGGER empty AFTER INSERT ON misused FOR EACH ROW EXECUTE FUNCTION fraiseql_capture('');
SELECT throws_like('INSERT INTO misused VALUES (1)', '%needs one argument%', 'or an empty one');

SELECT * FROM finish();

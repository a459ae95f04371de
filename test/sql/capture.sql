\set QUIET on
SET client_min_messages = warning;
SET timezone = 'UTC';
SELECT plan(26);

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
SELECT hasnt_trigger('orders', 'fraiseql_capture_row', 'and has no trigger left');

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

-- Replication.
SELECT forget_published();
SET session_replication_role = replica;
INSERT INTO measured VALUES (3, '2024-01-01');
RESET session_replication_role;
SELECT isnt_empty('SELECT * FROM published()', 'replicated rows are events');

-- json columns keep their text, and are checked like any data.
CREATE TABLE documents (body json);
SELECT fraiseql_watch('documents');
SELECT throws_ok(
    $$INSERT INTO documents VALUES ((repeat('[', 600) || repeat(']', 600))::json)$$, '54000',
    'event data is nested too deeply', 'a row deeper than the worker reads is refused');

-- Misuse.
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

SELECT * FROM finish();

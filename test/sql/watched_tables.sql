\set QUIET on
SET client_min_messages = error;
SELECT plan(57);

CREATE FUNCTION state_of(watched regclass) RETURNS text LANGUAGE sql AS $$
    SELECT state FROM fraiseql_watched_tables() WHERE "table" = watched;
$$;
CREATE FUNCTION problems_of(watched regclass) RETURNS text LANGUAGE sql AS $$
    SELECT array_to_string(problems, ' ') FROM fraiseql_watched_tables() WHERE "table" = watched;
$$;
CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';

CREATE TABLE item (id int, name text);
SELECT is(state_of('item'), NULL, 'a table that is not watched is not listed');
SELECT fraiseql_watch('item');
SELECT results_eq(
    $$SELECT * FROM fraiseql_watched_tables() WHERE "table" = regclass 'item'$$,
    $$VALUES (regclass 'item', 'item', 'watched', '{}'::text[])$$, 'a watched table has no problem');

-- Each of these is one change, and watching again mends it.
CREATE FUNCTION found_after(ddl text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    found text;
BEGIN
    EXECUTE ddl;
    found := state_of('item') || ': ' || problems_of('item');
    PERFORM fraiseql_watch('item');
    RETURN CASE state_of('item') WHEN 'watched' THEN found ELSE found || ', for good' END;
END
$$;
SELECT is(
    found_after('ALTER TABLE item DISABLE TRIGGER ALL'),
    'off: The trigger " fraiseql_capture_row" is disabled. The trigger " fraiseql_capture_truncate" is disabled.',
    'DISABLE TRIGGER ALL');
SELECT is(
    found_after('ALTER TABLE item DISABLE TRIGGER " fraiseql_capture_truncate"'),
    'incomplete: The trigger " fraiseql_capture_truncate" is disabled.', 'one trigger disabled');
SELECT is(
    found_after('ALTER TABLE item DISABLE TRIGGER USER; ALTER TABLE item ENABLE TRIGGER USER'),
    'watched: The trigger " fraiseql_capture_row" is not enabled ALWAYS: what replication applies makes no event.'
    ' The trigger " fraiseql_capture_truncate" is not enabled ALWAYS: what replication applies makes no event.',
    'DISABLE and ENABLE TRIGGER USER, as restores of data and fixtures of tests do it');
CREATE SUBSCRIPTION elsewhere CONNECTION '' PUBLICATION others WITH (connect = false);
SELECT matches(
    found_after('ALTER TABLE item DISABLE TRIGGER USER; ALTER TABLE item ENABLE TRIGGER USER'),
    '^incomplete: The trigger " fraiseql_capture_row" is not enabled ALWAYS',
    'which leaves a gap where there is a subscription');
ALTER SUBSCRIPTION elsewhere SET (slot_name = NONE);
DROP SUBSCRIPTION elsewhere;
SELECT is(
    found_after('ALTER TABLE item ENABLE REPLICA TRIGGER " fraiseql_capture_row"'),
    'incomplete: The trigger " fraiseql_capture_row" fires for nothing but what replication applies.',
    'ENABLE REPLICA TRIGGER');
SELECT is(
    found_after('DROP TRIGGER " fraiseql_capture_row" ON item'),
    'off: No trigger publishes INSERT, UPDATE, DELETE.', 'the row trigger is dropped');
SELECT is(
    found_after('DROP TRIGGER " fraiseql_capture_truncate" ON item'),
    'incomplete: No trigger publishes TRUNCATE.', 'the other is');
SELECT is(
    found_after('CREATE OR REPLACE TRIGGER " fraiseql_capture_row" AFTER INSERT ON item
                 FOR EACH ROW EXECUTE FUNCTION nothing()'),
    'off: No trigger publishes INSERT, UPDATE, DELETE.', 'it is replaced by one that does something else');
SELECT is(
    found_after('CREATE OR REPLACE TRIGGER " fraiseql_capture_row" AFTER INSERT OR UPDATE OF name ON item
                 FOR EACH ROW WHEN (new.id > 0) EXECUTE FUNCTION fraiseql_capture(''item'');
                 ALTER TABLE item ENABLE ALWAYS TRIGGER " fraiseql_capture_row"'),
    'incomplete: No trigger publishes DELETE.'
    ' The trigger " fraiseql_capture_row" has a WHEN condition: other changes make no event.'
    ' The trigger " fraiseql_capture_row" is for an UPDATE of some columns: others make no event.',
    'it is replaced by one that is for less');

-- Names.
ALTER TRIGGER " fraiseql_capture_row" ON item RENAME TO renamed;
SELECT is(state_of('item'), 'watched', 'a trigger may have another name');
SELECT fraiseql_watch('item', 'other');
SELECT triggers_are('item', ARRAY[' fraiseql_capture_truncate', 'renamed'], 'under which watching again finds it');
SELECT is(
    (SELECT channel FROM fraiseql_watched_tables() WHERE "table" = regclass 'item'), 'other', 'and gives it the other channel');
CREATE TRIGGER before_it AFTER UPDATE ON item FOR EACH ROW EXECUTE FUNCTION nothing();
SELECT is(
    problems_of('item'),
    'The trigger before_it fires first: what it does is told before the change it does it for.',
    'another row trigger must not fire before it');
SELECT fraiseql_unwatch('item');
SELECT is(state_of('item'), NULL, 'fraiseql_unwatch() removes triggers whatever their names');
SELECT fraiseql_watch('item');
CREATE TRIGGER "!" AFTER UPDATE ON item FOR EACH ROW EXECUTE FUNCTION nothing();
SELECT is(state_of('item'), 'watched', 'the first printable character sorts behind ours');
CREATE TRIGGER U&"\0001" BEFORE UPDATE ON item FOR EACH ROW EXECUTE FUNCTION nothing();
SELECT is(state_of('item'), 'watched', 'BEFORE triggers may fire before it');
CREATE TRIGGER U&"\0002" AFTER UPDATE ON item FOR EACH ROW EXECUTE FUNCTION nothing();
SELECT is(state_of('item'), 'incomplete', 'an AFTER trigger may not');
DROP TRIGGER U&"\0002" ON item;

-- Triggers made by hand.
CREATE TRIGGER twice AFTER INSERT ON item FOR EACH ROW EXECUTE FUNCTION fraiseql_capture('item');
ALTER TABLE item ENABLE ALWAYS TRIGGER twice;
SELECT is(problems_of('item'), '2 triggers publish each INSERT.', 'two triggers make two events');
SELECT lives_ok($$SELECT fraiseql_unwatch('item')$$, 'fraiseql_unwatch() removes all');
SELECT is(state_of('item'), NULL, 'of them');
CREATE TRIGGER bad AFTER INSERT OR UPDATE OR DELETE ON item FOR EACH ROW EXECUTE FUNCTION fraiseql_capture();
SELECT matches(problems_of('item'), 'bad makes writes fail: it needs one argument', 'the channel must be there');
SELECT is_empty(
    $$SELECT remedy FROM fraiseql_subs.problems_of('item'::regclass, NULL) WHERE remedy LIKE 'fraiseql_watch%'$$,
    'without it there is nothing with which to watch again');
SELECT fraiseql_unwatch('item');
CREATE TRIGGER bad AFTER INSERT OR UPDATE OR DELETE ON item FOR EACH ROW EXECUTE FUNCTION fraiseql_capture('');
SELECT matches(problems_of('item'), 'bad makes writes fail: it needs one argument', 'and have a name');
SELECT fraiseql_unwatch('item');
CREATE TRIGGER bad AFTER INSERT ON item EXECUTE FUNCTION fraiseql_capture('item');
SELECT matches(problems_of('item'), 'bad makes writes fail: it must be AFTER, and FOR EACH ROW', 'as must the kind');
SELECT fraiseql_unwatch('item');

-- Channels.
CREATE SCHEMA tenant;
CREATE SCHEMA stage;
CREATE TABLE tenant.item (id int);
SELECT fraiseql_watch('item');
SELECT fraiseql_watch('tenant.item');
SELECT is(state_of('item'), 'check', 'tables of one name in two schemas share a channel');
SELECT is(problems_of('tenant.item'), 'The table public.item has the same channel.', 'which each of them says');
SELECT fraiseql_watch('tenant.item', 'items');
SELECT is(state_of('item'), 'watched', 'until one of them gets another');
SELECT fraiseql_watch('item', 'items');
SELECT is(
    (SELECT array_agg(state || ' ' || problems::text) FROM fraiseql_watched_tables() WHERE channel = 'items'),
    ARRAY['watched {"The table tenant.item has the same channel."}',
          'watched {"The table public.item has the same channel."}'],
    'tables that were given one channel are meant to share it');
SELECT fraiseql_watch('item');
SELECT fraiseql_unwatch('tenant.item');
SELECT is(state_of('item'), 'watched', 'another table of its name, in another schema, need not be watched');
DROP TABLE tenant.item;
CREATE TABLE tenant.item (id int);
SELECT is(state_of('item'), 'watched', 'nor one that is made later');
ALTER TABLE item SET SCHEMA stage;
ALTER TABLE tenant.item SET SCHEMA public;
SELECT is(
    (SELECT state || ' ' || problems::text FROM fraiseql_watched_tables() WHERE channel = 'item'),
    'check {"Its channel item has the name of the table public.item, which is not watched."}',
    'a table that was put in the place of one that was moved to another schema is not watched');
DROP TABLE item;
ALTER TABLE stage.item SET SCHEMA public;
SELECT is(state_of('item'), 'watched', 'which ends when it is gone');
DROP SCHEMA stage, tenant;
CREATE TABLE item_new (id int, name text);
ALTER TABLE item RENAME TO item_old;
ALTER TABLE item_new RENAME TO item;
SELECT is(
    problems_of('item_old'), 'Its channel item has the name of the table public.item, which is not watched.',
    'a table that was put in the place of a watched one is not watched');
SELECT is(state_of('item_old'), 'check', 'which may be meant');
DROP TABLE item_old, item;

-- Partitions.
CREATE TABLE item (id int) PARTITION BY RANGE (id);
CREATE TABLE item_low PARTITION OF item FOR VALUES FROM (0) TO (10);
CREATE TABLE item_high PARTITION OF item FOR VALUES FROM (10) TO (20) PARTITION BY RANGE (id);
SELECT fraiseql_watch('item');
CREATE TABLE item_top PARTITION OF item_high FOR VALUES FROM (15) TO (20);
SELECT results_eq(
    $$SELECT "table", state FROM fraiseql_watched_tables() WHERE "table"::text LIKE 'item%'$$,
    $$VALUES (regclass 'item', 'watched')$$,
    'a partitioned table is listed without its partitions');
SELECT is(
    found_after('ALTER TABLE item_top DISABLE TRIGGER ALL'),
    'incomplete: The trigger " fraiseql_capture_row" of the partition public.item_top is disabled.',
    'a trigger of a partition of a partition is disabled');
SELECT is(
    found_after('ALTER TABLE item_low DISABLE TRIGGER ALL; ALTER TABLE item_low ENABLE TRIGGER ALL'),
    'watched: The trigger " fraiseql_capture_row" of the partition public.item_low is not enabled ALWAYS:'
    ' what replication applies makes no event.', 'or not as it was');
SELECT throws_ok(
    $$SELECT fraiseql_watch('item_low')$$, '55000',
    'table "item_low" is watched through the table it is a partition of', 'a partition cannot be watched');
SELECT throws_ok(
    $$SELECT fraiseql_unwatch('item_low')$$, '55000',
    'table "item_low" is watched through the table it is a partition of', 'nor unwatched');
CREATE FOREIGN DATA WRAPPER test_wrapper;
CREATE SERVER test_server FOREIGN DATA WRAPPER test_wrapper;
CREATE FOREIGN TABLE item_far PARTITION OF item FOR VALUES FROM (20) TO (30) SERVER test_server;
SELECT is(
    problems_of('item'),
    'The partition public.item_far is a foreign table: only what is written through this server makes events.',
    'a partition is elsewhere');
DROP FOREIGN DATA WRAPPER test_wrapper CASCADE;
SELECT fraiseql_unwatch('item');
SELECT fraiseql_watch('item_low');
SELECT fraiseql_watch('item');
SELECT matches(
    problems_of('item'), 'The partition public.item_low is watched by itself, too.',
    'a partition that was watched before keeps a trigger');
SELECT fraiseql_unwatch('item_low');
SELECT is(state_of('item'), 'watched', 'until it is unwatched');
SELECT is_empty(
    $$SELECT tgname FROM pg_trigger
      WHERE tgrelid IN (SELECT relid FROM pg_partition_tree('item')) AND tgenabled <> 'A'$$, 'the triggers of partitions are enabled ALWAYS, too');
DROP TABLE item;

-- Listing takes minutes if it compares partitions, or tables, with each other.
CREATE TABLE many (id int) PARTITION BY RANGE (id);
DO $$ BEGIN
    FOR i IN 1 .. 1000 LOOP
        EXECUTE format('CREATE TABLE many_%1$s PARTITION OF many FOR VALUES FROM (%1$s) TO (%1$s + 1)', i);
    END LOOP;
    FOR i IN 1 .. 100 LOOP
        EXECUTE format('CREATE TABLE one_of_many_%s (id int)', i);
        PERFORM fraiseql_watch(format('one_of_many_%s', i)::regclass);
    END LOOP;
END $$;
SELECT fraiseql_watch('many');
SELECT is(
    (SELECT count(*) FROM fraiseql_watched_tables() WHERE "table"::text ~ 'many' AND state = 'watched'), 101::bigint,
    'many partitions and many tables are listed');
ALTER TABLE many_500 DISABLE TRIGGER ALL;
SELECT is(
    problems_of('many'), 'The trigger " fraiseql_capture_row" of the partition public.many_500 is disabled.',
    'one of which may not be as it should');
DROP TABLE many;
DO $$ BEGIN FOR i IN 1 .. 100 LOOP EXECUTE format('DROP TABLE one_of_many_%s', i); END LOOP; END $$;

-- Inheritance.
CREATE TABLE item (id int);
SELECT fraiseql_watch('item');
CREATE TABLE item_kid () INHERITS (item);
CREATE TABLE item_grandkid () INHERITS (item_kid);
SELECT is(
    problems_of('item'),
    'The table public.item_grandkid inherits from it and is not watched: its rows make no event.'
    ' The table public.item_kid inherits from it and is not watched: its rows make no event.',
    'tables that inherit must be watched, too');
CREATE TEMP TABLE item_temp () INHERITS (item);
SELECT fraiseql_watch('item_kid', 'item');
SELECT fraiseql_watch('item_grandkid', 'item');
SELECT is(problems_of('item'), '2 other tables have the same channel.', 'unless they are temporary');
SELECT is(state_of('item'), 'watched', 'on any channel');
DROP TABLE item CASCADE;

CREATE UNLOGGED TABLE item (id int);
SELECT fraiseql_watch('item');
SELECT matches(problems_of('item'), 'The table is unlogged', 'an unlogged table');
DROP TABLE item;
CREATE TEMP TABLE item (id int);
SELECT fraiseql_watch('item');
SELECT matches(problems_of('item'), 'The table is temporary', 'a temporary table');
DROP TABLE item;

-- Anybody can make a function that looks like the one of the triggers.
CREATE SCHEMA forged;
SET check_function_bodies = off;
CREATE FUNCTION forged.fraiseql_capture() RETURNS trigger LANGUAGE plpgsql AS 'fsubs_capture';
RESET check_function_bodies;
CREATE TABLE item (id int);
CREATE TRIGGER forged AFTER INSERT ON item FOR EACH ROW EXECUTE FUNCTION forged.fraiseql_capture('item');
SELECT is(state_of('item'), NULL, 'what calls another function of its name watches nothing');
DROP TABLE item;
DROP SCHEMA forged CASCADE;

-- What warns of all this is in no DDL's way.
CREATE TABLE item (id int);
SELECT fraiseql_watch('item');
ALTER FUNCTION fraiseql_subs.problems_of(oid, text, oid[]) RENAME TO gone;
SELECT lives_ok('ALTER TABLE item ADD COLUMN name text', 'DDL does not depend on the event triggers');
SELECT lives_ok('DROP TRIGGER " fraiseql_capture_truncate" ON item', 'whatever is wrong with them');
ALTER FUNCTION fraiseql_subs.gone(oid, text, oid[]) RENAME TO problems_of;
CREATE ROLE ddl_user;
GRANT CREATE ON SCHEMA public TO ddl_user;
SET ROLE ddl_user;
SELECT lives_ok('CREATE TABLE item_of_user (id int)', 'nor on rights on this extension');
SELECT lives_ok('ALTER TABLE item_of_user ADD COLUMN name text', 'which users need not have');
RESET ROLE;
DROP OWNED BY ddl_user;
DROP ROLE ddl_user;
DROP TABLE item;

SELECT * FROM finish();

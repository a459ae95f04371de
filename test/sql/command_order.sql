\set QUIET on
SET client_min_messages = warning;
SELECT plan(17);

-- "I 1 0" for an INSERT of id 1 whose n is 0.
CREATE FUNCTION changes() RETURNS SETOF text LANGUAGE sql AS $$
    SELECT concat_ws(' ', left(event_type, 1), data::jsonb #>> '{row,id}', data::jsonb #>> '{row,n}')
    FROM published() WHERE kind = 'event';
$$;

CREATE TABLE counted (id int PRIMARY KEY, n int DEFAULT 0);
SELECT fraiseql_watch('counted');
-- Its name lets it fire after the trigger that captures.
CREATE FUNCTION count_next() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE counted SET n = n + 1 WHERE id = NEW.id + 1;
    RETURN NULL;
END
$$;
CREATE TRIGGER zz_count_next AFTER INSERT ON counted FOR EACH ROW EXECUTE FUNCTION count_next();
SELECT forget_published();
INSERT INTO counted SELECT generate_series(1, 3);
SELECT results_eq(
    'SELECT changes()', $$VALUES ('I 1 0'), ('I 2 0'), ('I 3 0'), ('U 2 1'), ('U 3 1')$$,
    'what a row''s trigger does to another row of the statement follows the statement');

INSERT INTO counted VALUES (10), (11);
INSERT INTO counted VALUES (12);
SELECT results_eq(
    'SELECT changes()', $$VALUES ('I 10 0'), ('I 11 0'), ('U 11 1'), ('I 12 0')$$,
    'statements follow one another');
DROP TRIGGER zz_count_next ON counted;

-- Three floors of triggers, and what is published on the way.
CREATE FUNCTION count_deeper() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM fraiseql_publish('P', 'c', jsonb_build_object('row', jsonb_build_object('id', NEW.id, 'n', NEW.n)));
    IF NEW.n < 2 THEN
        UPDATE counted SET n = n + 1 WHERE id IN (NEW.id, NEW.id + 1) AND n <= NEW.n;
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER zz_count_deeper AFTER INSERT OR UPDATE ON counted FOR EACH ROW EXECUTE FUNCTION count_deeper();
DELETE FROM counted;
SELECT forget_published();
INSERT INTO counted VALUES (1), (2);
SELECT results_eq(
    'SELECT changes()',
    $$VALUES ('I 1 0'), ('I 2 0'), ('P 1 0'), ('U 1 1'), ('U 2 1'), ('P 1 1'), ('U 1 2'), ('U 2 2'),
             ('P 1 2'), ('P 2 2'), ('P 2 1'), ('P 2 0')$$,
    'triggers of triggers follow what fired them');
DROP TRIGGER zz_count_deeper ON counted;

-- A BEFORE trigger and a function of the statement come first.
CREATE FUNCTION insert_before() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF pg_trigger_depth() = 1 THEN
        INSERT INTO counted VALUES (NEW.id + 100);
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER insert_before BEFORE INSERT ON counted FOR EACH ROW EXECUTE FUNCTION insert_before();
TRUNCATE counted;
SELECT forget_published();
INSERT INTO counted VALUES (1), (2);
SELECT results_eq(
    'SELECT changes()', $$VALUES ('I 101 0'), ('I 102 0'), ('I 1 0'), ('I 2 0')$$,
    'what BEFORE triggers do comes in front of the statement');
DROP TRIGGER insert_before ON counted;

-- Rolling back part of what triggers did.
CREATE FUNCTION count_or_not() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    BEGIN
        UPDATE counted SET n = 10 * NEW.id WHERE id = NEW.id;
        IF NEW.id = 2 THEN
            RAISE division_by_zero;
        END IF;
    EXCEPTION WHEN division_by_zero THEN
        UPDATE counted SET n = -1 WHERE id = NEW.id;
    END;
    RETURN NULL;
END
$$;
CREATE TRIGGER zz_count_or_not AFTER INSERT ON counted FOR EACH ROW EXECUTE FUNCTION count_or_not();
TRUNCATE counted;
SELECT forget_published();
INSERT INTO counted VALUES (1), (2), (3);
SELECT results_eq(
    'SELECT changes()',
    $$VALUES ('I 1 0'), ('I 2 0'), ('I 3 0'), ('U 1 10'), ('U 2 -1'), ('U 3 30')$$,
    'rolling back to a savepoint leaves the order');

-- Changes that leave no event of their own.
CREATE TABLE noted (id int PRIMARY KEY, n int DEFAULT 0, c text);
SELECT fraiseql_watch('noted');
CREATE FUNCTION count_second() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF pg_trigger_depth() < 2 THEN
        UPDATE noted SET n = n + 1 WHERE id = 2;
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER zz_count_second AFTER UPDATE ON noted FOR EACH ROW EXECUTE FUNCTION count_second();
INSERT INTO noted VALUES (1, 0, 'x'), (2, 0, NULL);
SELECT forget_published();
UPDATE noted SET c = 'x';
SELECT results_eq(
    'SELECT changes()', $$VALUES ('U 2 0'), ('U 2 1'), ('U 2 2')$$,
    'what the trigger of an unchanged row does follows the statement');

BEGIN;
SET LOCAL fraiseql_subs.max_transaction_size = '1MB';
SELECT fraiseql_publish('filler', 'c', to_jsonb(repeat('x', 200000))) FROM generate_series(1, 5);
UPDATE noted SET c = CASE id WHEN 1 THEN repeat('y', 100000) ELSE 'y' END;
COMMIT;
SELECT results_eq(
    $$SELECT kind, data::jsonb #>> '{row,n}' FROM published() WHERE event_type IS DISTINCT FROM 'filler'$$,
    $$VALUES ('events lost', NULL), ('event', '2'), ('event', '3'), ('event', '4')$$,
    'and so does that of a row whose event is lost');
DROP TRIGGER zz_count_second ON noted;

-- BEFORE triggers and functions that change what their statement has changed.
CREATE FUNCTION count_previous() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF pg_trigger_depth() < 2 THEN
        UPDATE noted SET n = n + 1 WHERE id = NEW.id - 1;
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER count_previous BEFORE INSERT OR UPDATE ON noted FOR EACH ROW EXECUTE FUNCTION count_previous();
TRUNCATE noted;
SELECT forget_published();
INSERT INTO noted VALUES (1), (2), (3);
UPDATE noted SET c = 'x';
SELECT results_eq(
    'SELECT changes()',
    $$VALUES ('I 1 0'), ('U 1 1'), ('I 2 0'), ('U 2 1'), ('I 3 0'),
             ('U 1 1'), ('U 1 2'), ('U 2 1'), ('U 2 2'), ('U 3 0')$$,
    'what a BEFORE trigger does to a row of the statement follows the statement''s change of it');

UPDATE noted SET c = 'x', n = n + 10 * (id - 1) WHERE id < 3;
SELECT results_eq(
    'SELECT changes()', $$VALUES ('U 1 3'), ('U 2 12')$$,
    'it does so if the statement left the row as it was');
DROP TRIGGER count_previous ON noted;

CREATE FUNCTION count_through(which int) RETURNS int LANGUAGE sql AS $$
    UPDATE noted SET n = n + 1 WHERE id = which RETURNING n;
$$;
INSERT INTO noted VALUES (21), (22) RETURNING count_through(id);
SELECT results_eq(
    'SELECT changes()', $$VALUES ('I 21 0'), ('U 21 1'), ('I 22 0'), ('U 22 1')$$,
    'and so does what a function does');

CREATE FUNCTION make_room() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE noted SET n = n + 1 WHERE id = NEW.id - 1;
    DELETE FROM noted WHERE id = NEW.id;
    RETURN NEW;
END
$$;
CREATE TRIGGER make_room BEFORE INSERT ON noted FOR EACH ROW EXECUTE FUNCTION make_room();
TRUNCATE noted;
INSERT INTO noted VALUES (2);
SELECT forget_published();
INSERT INTO noted VALUES (1), (2), (2);
SELECT results_eq(
    'SELECT changes()',
    $$VALUES ('I 1 0'), ('U 1 1'), ('D 2 0'), ('U 1 2'), ('I 2 0'), ('D 2 0'), ('I 2 0')$$,
    'what makes room for a row stays in front of it');
DROP TRIGGER make_room ON noted;

CREATE FUNCTION count_lower() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF pg_trigger_depth() = 1 AND NEW.id = 3 THEN
        UPDATE noted SET n = n + 1 WHERE id < 3;
    ELSIF pg_trigger_depth() = 2 AND NEW.id = 2 THEN
        UPDATE noted SET n = n + 10 WHERE id = 1;
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER count_lower BEFORE UPDATE ON noted FOR EACH ROW EXECUTE FUNCTION count_lower();
TRUNCATE noted;
INSERT INTO noted VALUES (1), (2), (3);
SELECT forget_published();
UPDATE noted SET c = 'x';
SELECT results_eq(
    'SELECT changes()',
    $$VALUES ('U 1 0'), ('U 2 0'), ('U 1 1'), ('U 1 11'), ('U 2 1'), ('U 3 0')$$,
    'statements within statements keep the order of rows');
DROP TRIGGER count_lower ON noted;

CREATE FUNCTION count_previous_or_not() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    BEGIN
        UPDATE noted SET n = n + 1 WHERE id = NEW.id - 1;
        RAISE division_by_zero;
    EXCEPTION WHEN division_by_zero THEN
        UPDATE noted SET n = n + 10 WHERE id = NEW.id - 2;
    END;
    RETURN NEW;
END
$$;
CREATE TRIGGER count_previous_or_not BEFORE INSERT ON noted FOR EACH ROW EXECUTE FUNCTION count_previous_or_not();
TRUNCATE noted;
SELECT forget_published();
INSERT INTO noted VALUES (1), (2), (3), (4);
SELECT results_eq(
    'SELECT changes()',
    $$VALUES ('I 1 0'), ('U 1 10'), ('I 2 0'), ('U 2 10'), ('I 3 0'), ('I 4 0')$$,
    'what was rolled back moves nothing');
DROP TRIGGER count_previous_or_not ON noted;

CREATE TABLE watched_late (id int, n int DEFAULT 0);
SELECT forget_published();
BEGIN;
INSERT INTO watched_late VALUES (31), (32);
SELECT fraiseql_watch('watched_late');
INSERT INTO watched_late VALUES (33);
UPDATE watched_late SET n = 1;
INSERT INTO watched_late VALUES (34);
COMMIT;
SELECT results_eq(
    'SELECT changes()',
    $$VALUES ('I 33 0'), ('U 31 1'), ('U 32 1'), ('U 33 1'), ('I 34 0')$$,
    'a change to a row whose own change was not captured stays in its place');

-- In memory and in a file, and more than the ring holds.
TRUNCATE counted;
SET fraiseql_subs.transaction_memory = '64kB';
CREATE TABLE seen (line text, place bigint);
SELECT forget_published();
INSERT INTO counted SELECT generate_series(1, 5000);
INSERT INTO seen SELECT line, row_number() OVER () FROM changes() AS line;
SELECT results_eq(
    'SELECT left(line, 1), count(*), min(place), max(place) FROM seen GROUP BY 1 ORDER BY 1',
    $$VALUES ('I', 5000::bigint, 1::bigint, 5000::bigint), ('U', 5000::bigint, 5001::bigint, 10000::bigint)$$,
    'events in a file are put in order too');

CREATE TRIGGER count_previous BEFORE INSERT ON noted FOR EACH ROW EXECUTE FUNCTION count_previous();
TRUNCATE noted;
SELECT forget_published();
INSERT INTO noted SELECT generate_series(1, 5000);
TRUNCATE seen;
INSERT INTO seen SELECT line, row_number() OVER () FROM changes() AS line;
SELECT results_eq(
    $$SELECT count(*), bool_and(place = 2 * split_part(line, ' ', 2)::int - (left(line, 1) = 'I')::int) FROM seen$$,
    'VALUES (9999::bigint, true)', 'whatever the number of changes that were captured early');
DROP TRIGGER count_previous ON noted;
SELECT forget_published();
SELECT ring_stat('records_total')::bigint AS before \gset
INSERT INTO counted SELECT generate_series(100001, 220000);
TRUNCATE seen;
INSERT INTO seen SELECT line, row_number() OVER () FROM changes() AS line;
SELECT results_eq(
    $$SELECT count(*) FILTER (WHERE line LIKE 'U%') - count(*),
        bool_and(split_part(line, ' ', 2)::bigint = 220000 - (SELECT count(*) FROM seen) + place)
      FROM seen$$,
    'VALUES (0::bigint, true)', 'and the last of them are those that stay if not all fit');

SELECT * FROM finish();

-- Every type of column, with usual and extreme values, in sessions with every setting that changes
-- how values are written: an event has what row_to_json shows where all settings are as they should.
\set QUIET on
SET client_min_messages = warning;

-- Types of one's own, and names for the types that hold names.
CREATE TYPE mood AS ENUM ('happy', 'so "so"', 'größe');
CREATE DOMAIN small_text AS text CHECK (length(VALUE) < 10);
CREATE DOMAIN small_dates AS date[];
CREATE TYPE pair AS (f float8, "a ""time""" timestamptz, b bytea);
CREATE TYPE nested AS (inner_pair pair, pairs pair[], j json);
CREATE TYPE floatrange AS RANGE (subtype = float8, subtype_diff = float8mi, multirange_type_name = floatmultirange);
CREATE FUNCTION own_function(pair) RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE TABLE "Own Table" ();
CREATE COLLATION own_collation FROM "C";
CREATE TEXT SEARCH CONFIGURATION own_config (COPY = simple);
-- A type with a cast to json, by a function that reads settings.
CREATE TYPE labelled AS ENUM ('a', 'b');
CREATE FUNCTION to_json(labelled) RETURNS json LANGUAGE sql STABLE
    AS $$SELECT pg_catalog.json_build_object('label', $1::text, 'now', '2024-02-29 12:00+00'::timestamptz::text)$$;
CREATE CAST (labelled AS json) WITH FUNCTION to_json(labelled);

CREATE TEMP TABLE sample (type text PRIMARY KEY, texts text[]);
INSERT INTO sample VALUES
    ('bool', '{t,f}'),
    ('int2', '{0,-32768,32767}'),
    ('int4', '{0,-2147483648,2147483647}'),
    ('int8', '{0,-9223372036854775808,9223372036854775807}'),
    ('float4', '{0,-0,0.1,1e38,1e-45,NaN,Infinity,-Infinity,16777217}'),
    ('float8', '{0,-0,0.30000000000000004,1e308,5e-324,NaN,Infinity,-Infinity,1e16,1.5}'),
    ('numeric', '{0,-0.00,1e100,1e-30,NaN,Infinity,-Infinity,12345678901234567890.0123456789}'),
    ('numeric(10,2)', '{0,-99999999.99,NaN}'),
    ('money', '{0,-1234567.89,92233720368547758.07}'),
    ('date', '{2024-02-29,infinity,-infinity,0044-03-15 BC,5874897-12-31,4713-01-01 BC}'),
    ('time', '{00:00,23:59:59.999999,24:00:00}'),
    ('timetz', '{00:00+00,23:59:59.999999-15:59,12:00+05:45}'),
    ('timestamp', '{2024-02-29 12:00:00.5,infinity,-infinity,0044-03-15 01:02:03 BC,294276-12-31 23:59:59.999999}'),
    ('timestamp(0)', '{2024-02-29 12:00:00.5}'),
    ('timestamptz', '{2024-02-29 12:00:00.5+01,infinity,-infinity,0044-03-15 01:02:03+00 BC,294276-12-31 23:59:59.999999+00,1883-11-18 12:03:57-04:56:02}'),
    ('interval', ARRAY['1 day 02:00:00', '-1 mon +1 day -00:00:00.000001', '0', '178000000 years', '1 year 2 mons -3 days 04:05:06.7']),
    ('text', ARRAY['', 'plain', E'"quotes" \\ and / \n\r\t\b\f \x01\x1f\x7f', '</script>', 'grüße 😀 ' || chr(8232), ' \u0041 \ud800 ', repeat('x', 5000)]),
    ('varchar', ARRAY['', E'a\nb', '😀']),
    ('varchar(5)', '{12345}'),
    ('bpchar', ARRAY['', 'a  ']),
    ('char(5)', ARRAY['', 'a', 'größe']),
    ('"char"', ARRAY['', 'a', '"', '\']),
    ('name', ARRAY['', 'a "name"', 'größe']),
    ('bytea', ARRAY['\x', '\x00', '\xdeadbeef', '\x27225c0a7f80ff']),
    ('bit(3)', '{000,101}'),
    ('varbit', ARRAY['', '1', '10101010101']),
    ('uuid', '{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}'),
    ('json', ARRAY['null', '"a"', '1.50', ' { "b" : 1, "a" : [ ], "b" : 2 } ', '"\u00fc\ud83d\ude00\\ud800"', '[[[]]]']),
    ('jsonb', ARRAY['[{"a": [], "b": {}, "c": [1, [null, {"d": false}], {"e": {"": 0}}], "f": true}, "", [[]]]', '{}', '[]', 'null', '"a"', '1.50', '{"b": 1, "a": []}', '"\u00fc\ud83d\ude00\\ud800"', '-0', '1e40']),
    ('jsonpath', ARRAY['$', '$."a b"[*] ? (@.c > 1.50)']),
    ('xml', ARRAY['<a b="c">d</a>', '<?xml version="1.0"?><a/>', '<a/>text']),
    ('inet', '{127.0.0.1,10.0.0.0/8,::ffff:1.2.3.4,fe80::1/64}'),
    ('cidr', '{10.0.0.0/8,::/0}'),
    ('macaddr', '{08:00:2b:01:02:03}'),
    ('macaddr8', '{08:00:2b:01:02:03:04:05}'),
    ('point', ARRAY['(0.1,-0)', '(1e300,NaN)', '(Infinity,0.30000000000000004)']),
    ('lseg', ARRAY['[(0,0.1),(1,1e-300)]']),
    ('path', ARRAY['[(0,0.1),(1,1)]', '((0,0.30000000000000004),(1,1))']),
    ('box', ARRAY['(1,1),(0.1,0.30000000000000004)']),
    ('polygon', ARRAY['((0,0.1),(1,1),(0.30000000000000004,0))']),
    ('line', ARRAY['{0.1,-1,0.30000000000000004}']),
    ('circle', ARRAY['<(0.1,0.30000000000000004),1e-5>']),
    ('tsvector', ARRAY['', '''a'':1A,2 ''b "c"'' ''d\\e''']),
    ('tsquery', ARRAY['', '''a'' & !''b c'':*A <-> ''d''']),
    ('pg_lsn', '{0/0,FFFFFFFF/FFFFFFFF}'),
    ('pg_snapshot', ARRAY['10:20:10,14,15']), ('txid_snapshot', ARRAY['10:20:10,14,15']),
    ('xid', '{0,4294967295}'), ('xid8', '{0,18446744073709551615}'), ('cid', '{0,4294967295}'),
    ('tid', ARRAY['(0,1)', '(4294967295,65535)']),
    ('oid', '{0,4294967295}'), ('int2vector', ARRAY['', '1 -2']), ('oidvector', ARRAY['', '1 4294967295']),
    ('refcursor', ARRAY['<unnamed portal 1>']),
    ('aclitem', ARRAY['postgres=r*w/postgres']),
    ('regproc', ARRAY['pg_catalog.now', 'public.own_function', '-']),
    ('regprocedure', ARRAY['pg_catalog.now()', 'public.own_function(public.pair)']),
    ('regoper', ARRAY['pg_catalog.||/', '0']),
    ('regoperator', ARRAY['pg_catalog.+(integer,integer)']),
    ('regclass', ARRAY['pg_catalog.pg_class', 'public."Own Table"', '4294967295']),
    ('regcollation', ARRAY['pg_catalog."C"', 'public.own_collation']),
    ('regtype', ARRAY['integer', 'timestamp with time zone', '"char"', 'public.pair[]']),
    ('regrole', ARRAY['postgres']),
    ('regnamespace', ARRAY['public', 'pg_catalog']),
    ('regconfig', ARRAY['pg_catalog.simple', 'public.own_config']),
    ('regdictionary', ARRAY['pg_catalog.simple']),
    -- Types made of others, and one's own.
    ('int4range', ARRAY['empty', '(,)', '[1,5)']), ('int8range', ARRAY['[1,)']),
    ('numrange', ARRAY['[0.10,1e20)', '[NaN,]']),
    ('daterange', ARRAY['[2024-01-01,2024-02-01)', '[0044-03-15 BC,infinity)']),
    ('tsrange', ARRAY['["2024-01-01 00:00:00","2024-02-01 12:00:00.5"]', '(,infinity]']),
    ('tstzrange', ARRAY['["2024-06-01 00:00:00+00",)', '("0044-03-15 00:00:00+00 BC",infinity)']),
    ('int4multirange', ARRAY['{}', '{[1,3),[5,7)}']), ('int8multirange', ARRAY['{[1,)}']),
    ('nummultirange', ARRAY['{[0.10,1e20)}']), ('datemultirange', ARRAY['{[2024-01-01,2024-02-01)}']),
    ('tsmultirange', ARRAY['{["2024-01-01 00:00:00",)}']),
    ('tstzmultirange', ARRAY['{["2024-06-01 00:00:00+00",)}']),
    ('mood', ARRAY['happy', 'so "so"', 'größe']),
    ('small_text', ARRAY['<a>&"']), ('small_dates', ARRAY['{2024-02-29,NULL}']),
    ('pair', ARRAY['(0.30000000000000004,"2024-02-29 12:00:00+09","\\xdead")', '(,,)']),
    ('nested', ARRAY[ROW(ROW('NaN', 'infinity', NULL)::pair, ARRAY[ROW(0.1, '2024-06-01 00:00+09', '\xff')::pair, NULL], '{"a": [1]}')::nested::text]),
    ('floatrange', ARRAY['[0.1,0.30000000000000004)', 'empty']),
    ('floatmultirange', ARRAY['{[0.1,0.30000000000000004)}']),
    ('labelled', ARRAY['a']);

-- Extensions, as far as they are installed.
CREATE TEMP TABLE extension_sample (extension text, type text, texts text[]);
INSERT INTO extension_sample VALUES
    ('hstore', 'hstore', ARRAY['', '"a"=>"1", "b c"=>NULL']),
    ('citext', 'citext', ARRAY['Größe "x"']),
    ('ltree', 'ltree', ARRAY['', 'a.b.c']), ('ltree', 'lquery', ARRAY['a.*{1,2}.b@']), ('ltree', 'ltxtquery', ARRAY['a & b*']),
    ('cube', 'cube', ARRAY['(0.1, 0.30000000000000004),(1, 1e-300)', '(1)']),
    ('seg', 'seg', ARRAY['1.50 .. 2', '~ 6.50']),
    ('isn', 'isbn', ARRAY['978-0-393-04002-9']), ('isn', 'ean13', ARRAY['978-0-393-04002-9']),
    ('intarray', 'query_int', ARRAY['1&(2|!3)']);
SELECT format('CREATE EXTENSION IF NOT EXISTS %I', extension) FROM (SELECT DISTINCT extension FROM extension_sample) AS wanted
    JOIN pg_available_extensions ON name = extension \gexec
INSERT INTO sample SELECT type, texts FROM extension_sample JOIN pg_extension ON extname = extension;

-- The row n has the nth value of each type. Of arrays, the first row has one of all values, the
-- second one of two dimensions, the third an empty one.
SELECT 'CREATE TABLE every (n int, ' || string_agg(format('%I %s', type, type), ', ' ORDER BY type)
    || ', ' || string_agg(format('%I %s[]', type || '[]', type), ', ' ORDER BY type)
        FILTER (WHERE type !~ '^(int2|oid)vector') || ')'
FROM sample \gexec
SELECT format('INSERT INTO every VALUES (%s, %s, %s)', n,
    string_agg(format('%L::%s', texts[n], type), ', ' ORDER BY type),
    string_agg(CASE n WHEN 1 THEN format('%s::%s[]', list, type)
                      WHEN 2 THEN format('ARRAY[%1$s, %1$s]::%2$s[]', list, type)
                      ELSE format('%L::%s[]', CASE n WHEN 3 THEN '{}' END, type) END, ', ' ORDER BY type)
        FILTER (WHERE type !~ '^(int2|oid)vector'))
FROM (SELECT generate_series(1, max(cardinality(texts))) FROM sample) AS numbers (n), sample,
    LATERAL (SELECT 'ARRAY[NULL, ' || string_agg(format('%L::%s', t, type), ', ') || ']' AS list FROM unnest(texts) AS t) AS lists
GROUP BY n \gexec

CREATE FUNCTION columns_of(data text) RETURNS TABLE (name text, value text) LANGUAGE sql AS
    $$SELECT key, value::text FROM json_each(data::json -> 'row')$$;
CREATE TABLE watched (LIKE every);
SELECT fraiseql_watch('watched');

-- What sessions with the settings of events see.
BEGIN;
SET LOCAL DateStyle = 'ISO';
SET LOCAL IntervalStyle = 'postgres';
SET LOCAL extra_float_digits = 3;
SET LOCAL bytea_output = 'hex';
SET LOCAL TimeZone = 'UTC';
SET LOCAL lc_monetary = 'C';
SET LOCAL quote_all_identifiers = off;
SET LOCAL search_path = pg_catalog;
CREATE TABLE public.expected AS
    SELECT n, '{"operation":"INSERT","table":"public.watched","row":' || row_to_json(every)::text || ',"old":null}' AS data
    FROM public.every ORDER BY n;
COMMIT;
PREPARE published_values AS SELECT columns.* FROM published(), columns_of(data) AS columns;
PREPARE expected_values AS SELECT columns.* FROM expected, columns_of(data) AS columns;

-- What a session may have set: each by itself, then all at once.
CREATE TEMP TABLE hostile (setting text, value text);
INSERT INTO hostile VALUES
    ('extra_float_digits', '0'), ('extra_float_digits', '-15'), ('IntervalStyle', 'iso_8601'),
    ('IntervalStyle', 'sql_standard'), ('IntervalStyle', 'postgres_verbose'), ('DateStyle', 'German'),
    ('DateStyle', 'SQL, DMY'), ('DateStyle', 'Postgres'), ('bytea_output', 'escape'),
    ('TimeZone', 'Asia/Tokyo'), ('TimeZone', 'America/St_Johns'), ('search_path', 'public'),
    ('search_path', ''), ('quote_all_identifiers', 'on'), ('xmlbinary', 'hex'), ('xmloption', 'document'),
    ('standard_conforming_strings', 'off'), ('escape_string_warning', 'off'), ('array_nulls', 'off'),
    ('client_encoding', 'LATIN1');
-- A locale that writes money otherwise, if there is one.
INSERT INTO hostile SELECT setting, collcollate FROM (VALUES ('lc_monetary'), ('lc_numeric')) AS s (setting),
    LATERAL (SELECT collcollate FROM pg_collation WHERE collcollate LIKE '__\___.utf8' LIMIT 1) AS l;

SELECT plan(4 + (SELECT count(*)::int FROM hostile));

SELECT is_empty($$
    SELECT typname FROM pg_type
    WHERE typnamespace = 'pg_catalog'::regnamespace AND typtype IN ('b', 'r', 'm') AND typcategory <> 'A'
        AND oid NOT IN (SELECT to_regtype(format('pg_catalog.%s', regexp_replace(type, '\(.*', ''))) FROM sample
                        WHERE to_regtype(format('pg_catalog.%s', regexp_replace(type, '\(.*', ''))) IS NOT NULL)
        -- Those that have no input.
        AND typname NOT IN ('pg_node_tree', 'pg_ndistinct', 'pg_dependencies', 'pg_mcv_list', 'gtsvector',
            'pg_brin_bloom_summary', 'pg_brin_minmax_multi_summary')$$,
    'every built-in type of columns is tried');

SELECT forget_published();
INSERT INTO watched SELECT * FROM every ORDER BY n;
SELECT set_eq('SELECT data FROM published()', 'SELECT data FROM expected',
    'an event has what row_to_json makes of the row');

SELECT 'TRUNCATE watched', 'SELECT forget_published()', format('SET %s = %L', setting, value),
    'INSERT INTO public.watched SELECT * FROM public.every ORDER BY n', format('RESET %s', setting),
    format('SELECT results_eq(''published_values'', ''expected_values'', %L)',
        format('whatever the session''s %s, as %s', setting, value))
FROM hostile \gexec

TRUNCATE watched;
SELECT forget_published();
SELECT format('SET %s = %L', setting, value) FROM hostile WHERE setting <> 'search_path' \gexec
SET search_path = public;
INSERT INTO watched SELECT * FROM every ORDER BY n;
SELECT format('RESET %s', setting) FROM hostile \gexec
SELECT results_eq('published_values', 'expected_values',
    'and with all of them set');

SET TimeZone = 'Asia/Tokyo';
SET DateStyle = 'German';
UPDATE watched SET n = n;
DELETE FROM watched WHERE n = 1;
SELECT results_eq(
    'SELECT current_setting(''TimeZone''), current_setting(''DateStyle'')', $$VALUES ('Asia/Tokyo', 'German, DMY')$$,
    'the session keeps its settings');

SELECT * FROM finish();

\set QUIET on
SELECT plan(3);

SELECT forget_published();
SELECT fraiseql_publish('t', 'c', '{"name": "Zoë"}');
SELECT results_eq(
    'SELECT data FROM published()', $$VALUES ('{"name": "Zoë"}')$$, 'UTF-8 passes as it is');
SELECT throws_ok(
    $$SELECT fraiseql_publish('t', E'caf\xe9', '{}')$$, '22021',
    'invalid byte sequence for encoding "UTF8": 0xe9', 'bytes that are not UTF-8 are refused');
SELECT is_empty('SELECT * FROM published()', 'and nothing was published');

SELECT * FROM finish();

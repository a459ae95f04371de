\set QUIET on
SELECT plan(20);

SELECT forget_published();
SELECT fraiseql_publish('t', 'c', '{"name": "Zoë"}');
SELECT results_eq(
    'SELECT data FROM published()', $$VALUES ('{"name": "Zoë"}')$$, 'UTF-8 passes as it is');
SELECT throws_ok(
    $$SELECT fraiseql_publish('t', E'caf\xe9', '{}')$$, '22021',
    'invalid byte sequence for encoding "UTF8": 0xe9', 'bytes that are not UTF-8 are refused');
SELECT is_empty('SELECT * FROM published()', 'and nothing was published');

CREATE TABLE words (id int PRIMARY KEY, word text, words text[], letter "char");
SELECT fraiseql_watch('words');
SELECT forget_published();
INSERT INTO words VALUES (1, 'Zoë', '{Zoë}', 'a'), (2, E'caf\xe9', ARRAY[E'caf\xe9'], 'a');
SELECT results_eq(
    $$SELECT data::jsonb -> 'row', data::jsonb -> 'omitted' FROM published()$$,
    $$VALUES (jsonb '{"id": 1, "word": "Zoë", "words": ["Zoë"], "letter": "a"}', NULL),
             ('{"id": 2, "letter": "a"}', jsonb '["row.word", "row.words"]')$$,
    'values that are not UTF-8 are left out of events');
SET fraiseql_subs.capture_failure = 'error';
SELECT throws_ok(
    $$INSERT INTO words VALUES (3, E'caf\xe9')$$, '22021',
    'value of column "word" cannot be written in UTF-8', 'or fail the write');
RESET fraiseql_subs.capture_failure;
CREATE TABLE keys (word text PRIMARY KEY);
SELECT fraiseql_watch('keys');
INSERT INTO keys VALUES (E'caf\xe9');
SELECT results_eq('SELECT published_and_lost()', $$VALUES ('lost keys 1')$$,
    'a row whose key is not UTF-8 is told as lost');
SELECT E'CREATE TABLE names ("caf\xe9" int)' \gexec
SELECT fraiseql_watch('names');
INSERT INTO names VALUES (1);
SELECT results_eq('SELECT published_and_lost()', $$VALUES ('lost names 1')$$,
    'and so is one with such a name');
SELECT fraiseql_watch('keys', E'caf\xe9');
INSERT INTO keys VALUES ('a');
SELECT is_empty('SELECT * FROM published()', 'a channel of such a name has no subscribers');

-- What the worker could not read takes no catalog down.
SELECT fraiseql_register_types('type Word { word: String }');
SELECT throws_ok(format($$SELECT fraiseql_register_subscription('word: Word', %s)$$, options), '22021',
    parameter || ' cannot be written in UTF-8', parameter || ' that is not UTF-8 is refused')
FROM (VALUES
    ('channel', $$E'caf\xe9'$$),
    ('event_types', $$'c', ARRAY['a', E'caf\xe9']$$),
    ('row_filter', $$'c', row_filter => E'{"caf\xe9": "user"}'$$),
    ('tenant_field', $$'c', tenant_field => E'caf\xe9'$$),
    ('subgraph', $$'c', subgraph => E'caf\xe9'$$),
    ('roles', $$'c', roles => ARRAY[E'\xff']$$),
    ('scopes', $$'c', scopes => ARRAY['a', E'\xff']$$)) AS refused (parameter, options);
SELECT throws_ok($$SELECT fraiseql_set_limits(E'caf\xe9', '{"connections_per_user": 1}')$$, '22021',
    'role cannot be written in UTF-8', 'so is a role with limits');
SELECT throws_ok(format($$SELECT fraiseql_register_issuer('i', %s)$$, options), '22021',
    parameter || ' cannot be written in UTF-8', parameter || ' of an issuer, too')
FROM (VALUES
    ('secret', $$secret => repeat('s', 32) || E'\xff'$$),
    ('audiences', $$secret => repeat('s', 32), audiences => ARRAY[E'\xff']$$),
    ('claims', $$secret => repeat('s', 32), claims => E'{"user": "caf\xe9"}'$$)) AS refused (parameter, options);
SELECT lives_ok($$SELECT fraiseql_register_subscription('word: Word', 'c', roles => '{Zoë}')$$,
    'what is UTF-8 is registered');
SELECT fraiseql_unregister_subscription('word'), fraiseql_unregister_type('Word');

SELECT * FROM finish();

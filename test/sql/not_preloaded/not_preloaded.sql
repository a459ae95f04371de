\set QUIET on
SET client_min_messages = error;
CREATE EXTENSION pgtap;
SELECT plan(17);

SELECT lives_ok('CREATE EXTENSION fraiseql_subs', 'CREATE EXTENSION works where nothing is preloaded');

SELECT lives_ok(
    $$SELECT fraiseql_register_types('type Order { id: ID }')$$, 'so does registering a type');
SELECT lives_ok(
    $$SELECT fraiseql_register_subscription('orderUpdated: Order', 'orders')$$, 'a subscription');
SELECT matches(fraiseql_schema(), 'orderUpdated', 'and reading the schema');

SELECT lives_ok(
    $$SELECT fraiseql_publish('t', 'c', '{"id": 1}')$$, 'publishing works, though it reaches nobody');
SELECT lives_ok(
    $$SELECT fraiseql_publish('t', 'c', to_json(repeat('x', 1000000)))$$,
    'up to the size that is the default limit');
SELECT throws_ok(
    $$SELECT fraiseql_publish('t', 'c', to_json(repeat('x', 1100000)))$$, '54000', 'event is too large',
    'and no further');
SELECT throws_ok(
    $$SELECT fraiseql_publish('', 'c', '1')$$, '22023', 'event_type cannot be empty',
    'arguments are checked');
SELECT throws_ok(
    $$SELECT fraiseql_publish('t', 'c', '{')$$, '22P02', 'invalid input syntax for type json',
    'data too');

CREATE TABLE orders (id int);
SELECT lives_ok($$SELECT fraiseql_watch('orders')$$, 'a table can be watched');
SELECT lives_ok('INSERT INTO orders VALUES (1)', 'and written');
SELECT lives_ok('TRUNCATE orders', 'and truncated');
SELECT results_eq(
    'SELECT "table", channel, state, problems FROM fraiseql_watched_tables()',
    $$VALUES (regclass 'orders', 'orders', 'elsewhere',
              ARRAY['fraiseql_subs is not preloaded: events reach nobody.'])$$,
    'fraiseql_watched_tables() says that its events go nowhere');
SELECT lives_ok($$SELECT fraiseql_unwatch('orders')$$, 'it can be unwatched');
SELECT is_empty(
    $$SELECT tgname FROM pg_trigger WHERE tgrelid = 'orders'::regclass$$, 'which leaves no trigger');

SELECT throws_ok(
    'SELECT * FROM fraiseql_metrics()', '55000', 'fraiseql_subs is not preloaded',
    'what only the worker knows is an error');
SELECT lives_ok('DROP EXTENSION fraiseql_subs', 'DROP EXTENSION works');

SELECT * FROM finish();

\set QUIET on
SET client_min_messages = warning;
SELECT plan(22);
SELECT forget_published();

CREATE FUNCTION catalog_changes() RETURNS bigint LANGUAGE sql AS $$
    SELECT count(*) FROM published_records() WHERE kind = 'catalog changed';
$$;

-- What differed: kind and name, and `+`, `-` or `~`.
CREATE FUNCTION sync(application text, wanted jsonb, check_only boolean DEFAULT false)
RETURNS SETOF text LANGUAGE sql AS $$
    SELECT CASE WHEN c -> 'before' = 'null' THEN '+' WHEN c -> 'after' = 'null' THEN '-' ELSE '~' END
        || (c ->> 'kind') || ' ' || (c ->> 'name')
    FROM jsonb_array_elements(fraiseql_sync_application($1, $2, $3) -> 'changes') AS c;
$$;

CREATE FUNCTION wanted(type text DEFAULT 'type Order { id: ID! }', channel text DEFAULT 'orders')
RETURNS jsonb LANGUAGE sql AS $$
    SELECT jsonb_build_object(
        'types', type || ' scalar DateTime', 'optional_types', jsonb '["DateTime"]',
        'subscriptions', jsonb_build_array(jsonb_build_object(
            'field', 'orderUpdated(id: ID): Order', 'channel', channel, 'event_types', jsonb '["paid"]',
            'scope', jsonb '{"id": "user"}', 'filters', jsonb '{"id": "id"}')),
        'resolvers', jsonb '[{"field": "orderUpdated", "timeout_ms": 2500, "concurrency": 7}]');
$$;

SELECT catalog_changes();
SELECT set_eq($$SELECT sync('shop', wanted(), true)$$,
    ARRAY['+type Order', '+type DateTime', '+subscription orderUpdated', '+resolver orderUpdated'],
    'a check tells what would change');
SELECT is_empty($$SELECT * FROM fraiseql_subs.registered_objects()$$, 'and changes nothing');
SELECT is(catalog_changes(), 0::bigint, 'so that the worker is told nothing');

SELECT set_eq($$SELECT sync('shop', wanted())$$,
    ARRAY['+type Order', '+type DateTime', '+subscription orderUpdated', '+resolver orderUpdated'],
    'what an application wants is registered');
SELECT is(catalog_changes(), 1::bigint, 'the worker is told once');
SELECT results_eq(
    'SELECT name, field, channel, event_types, scope, shared FROM fraiseql_subs.subscription',
    $$VALUES ('orderUpdated', 'orderUpdated(id: ID): Order', 'orders', '{paid}'::text[],
              '{"id": "user"}'::jsonb, false)$$, 'with the options of a registration');
SELECT results_eq(
    'SELECT field, function, per, timeout_ms, retries, idempotent, on_error, concurrency FROM fraiseql_subs.resolver',
    $$VALUES ('orderUpdated', NULL, 'plan', 2500, 0, false, 'null', 7)$$, 'and those of a resolver');
SELECT is_empty($$SELECT sync('shop', wanted())$$, 'once is enough');
SELECT is(catalog_changes(), 0::bigint, 'and the worker is not told again');

SELECT set_eq($$SELECT sync('shop', wanted('type Order { id: ID! n: Int }', 'changes'))$$,
    ARRAY['~type Order', '~subscription orderUpdated'], 'its own is changed');
SELECT throws_ok($$SELECT sync('other', wanted())$$, '55000',
    'application "other" cannot be synchronised: subscription "orderUpdated" is registered otherwise by application "shop"',
    'that of another application is not');
SELECT is_empty($$SELECT sync('other', wanted('type Order { id: ID!, n:Int }', 'changes'))$$,
    'two may register the same');

SELECT fraiseql_register_types('type Order { id: ID! n: Int }');
SELECT set_eq($$SELECT sync('shop', '{}')$$, ARRAY[]::text[], 'what another application has stays');
SELECT set_eq($$SELECT sync('other', '{}')$$,
    ARRAY['-type DateTime', '-subscription orderUpdated', '-resolver orderUpdated'],
    'the last one removes it, but what SQL has registered meanwhile');
SELECT results_eq('SELECT name FROM fraiseql_subs.type', $$VALUES ('Order')$$, 'which stays');
SELECT throws_ok($$SELECT sync('shop', wanted())$$, '55000',
    'application "shop" cannot be synchronised: type "Order" is registered otherwise by SQL',
    'and is not changed');

SELECT throws_ok(
    $$SELECT sync('shop', '{"subscriptions": [{"field": "bad: Missing", "channel": "c"}]}')$$, '42P17',
    NULL, 'what is no valid schema is refused');
SELECT throws_ok(
    $$SELECT sync('shop', '{"subscriptions": [{"field": "bad: Order", "channel": "c", "roles": []}]}')$$, '22023',
    'roles cannot be empty or contain null or an empty text', 'and what no registration takes');
SELECT throws_ok($$SELECT sync('', '{}')$$, '22023', 'application cannot be null or empty',
    'an application has a name');
SELECT throws_ok($$SELECT sync('shop', '[]')$$, '22023', 'wanted must be a JSON object', 'and wants an object');

CREATE TABLE orders (identity int);
SELECT fraiseql_watch('orders', 'orders');
SELECT is(
    fraiseql_sync_application('shop', wanted('type Order { id: ID! n: Int }')) -> 'warnings',
    '["argument \"id\" of subscription \"orderUpdated\" filters by \"id\", which is no column of public.orders: it matches no event"]',
    'an argument that filters by no column is told');

\! pg_dump --format=plain --file="$PGHOST/dump.sql" --extension=fraiseql_subs --table='fraiseql_subs.*'
DROP EXTENSION fraiseql_subs CASCADE;
\! psql -X -q -v ON_ERROR_STOP=1 -f "$PGHOST/dump.sql" -o /dev/null
SELECT set_eq($$SELECT sync('shop', '{}')$$,
    ARRAY['-type DateTime', '-subscription orderUpdated', '-resolver orderUpdated'],
    'a restored dump knows what is whose');

DROP TABLE orders;
DROP FUNCTION sync, wanted, catalog_changes;
SELECT fraiseql_unregister_type('Order');
SELECT * FROM finish();

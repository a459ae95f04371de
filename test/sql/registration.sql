\set QUIET on
SET client_min_messages = warning;
SELECT plan(19);
SELECT forget_published();

CREATE FUNCTION catalog_changes() RETURNS bigint LANGUAGE sql AS $$
    SELECT count(*) FROM published_records() WHERE kind = 'catalog changed';
$$;

SELECT fraiseql_register_types('type Order { id: ID!, status: Status } enum Status { NEW PAID }');
SELECT results_eq(
    'SELECT name, definition FROM fraiseql_subs.type ORDER BY name COLLATE "C"',
    $$VALUES ('Order', 'type Order { id: ID!, status: Status }'), ('Status', 'enum Status { NEW PAID }')$$,
    'each definition is kept under its name');
SELECT is(catalog_changes(), 1::bigint, 'the worker is told once');

SELECT fraiseql_register_subscription('orderUpdated(id: ID, status: Status): Order', 'orders',
    event_types => '{paid,shipped}');
SELECT results_eq(
    'SELECT name, field, channel, event_types FROM fraiseql_subs.subscription',
    $$VALUES ('orderUpdated', 'orderUpdated(id: ID, status: Status): Order', 'orders',
              '{paid,shipped}'::text[])$$,
    'a subscription is kept under its field''s name');

SELECT fraiseql_register_subscription('orderUpdated(id: ID): Order', 'orders');
SELECT results_eq(
    'SELECT field, event_types FROM fraiseql_subs.subscription',
    $$VALUES ('orderUpdated(id: ID): Order', NULL::text[])$$, 'registering again replaces it');

SELECT ok(starts_with(fraiseql_schema(), 'type Order { id: ID!, status: Status }

enum Status { NEW PAID }

type Subscription {
  orderUpdated(id: ID): Order
}
') AND fraiseql_schema() ~ '\mtype Query\M', 'fraiseql_schema() shows the whole');

SELECT catalog_changes();
BEGIN;
SELECT fraiseql_register_types('scalar Money');
SELECT fraiseql_register_types('type Order { id: ID!, total: Money }');
SAVEPOINT a;
SELECT fraiseql_unregister_type('Status');
ROLLBACK TO a;
COMMIT;
SELECT is(catalog_changes(), 1::bigint, 'a transaction tells the worker once, whatever it changes');

BEGIN;
SAVEPOINT a;
SELECT fraiseql_unregister_type('Status');
ROLLBACK TO a;
COMMIT;
SELECT is(catalog_changes(), 0::bigint, 'a change rolled back is not told');
BEGIN;
SAVEPOINT a;
SELECT fraiseql_unregister_type('Status');
ROLLBACK TO a;
SELECT fraiseql_unregister_type('Status');
COMMIT;
SELECT is(catalog_changes(), 1::bigint, 'but one after it is');

SELECT throws_ok(
    $$SELECT fraiseql_unregister_type('Order')$$, '2BP01',
    'cannot unregister type "Order" because it is still used', 'a type in use stays');
SELECT throws_ok(
    $$SELECT fraiseql_register_types('type Order { name: String }')$$, '42P17',
    'argument "id" of subscription "orderUpdated" filters nothing',
    'a type cannot lose a field that a subscription filters by');
SELECT throws_ok(
    $$SELECT fraiseql_unregister_type('Missing')$$, '42704', 'type "Missing" is not registered',
    'what is not registered cannot be unregistered');
SELECT throws_ok(
    $$SELECT fraiseql_unregister_subscription('missing')$$, '42704',
    'subscription "missing" is not registered', 'nor can a subscription');

SELECT fraiseql_register_types('type OrderChange { operation: String, row: Order, old: Order }');
SELECT lives_ok(
    $$SELECT fraiseql_register_subscription('orderChanged(id: ID): OrderChange', 'orders')$$,
    'an argument may filter by a field of the row');
SELECT throws_ok(
    $$SELECT fraiseql_register_subscription('bad(total: Int): Order', 'orders')$$, '42P17',
    'argument "total" of subscription "bad" filters nothing',
    'an argument has the type of the field it filters');

SELECT throws_ok(
    $$SELECT fraiseql_register_types('type A { id: ID } type A { id: ID }')$$, '42710',
    'type "A" is defined twice', 'a definition may come once');
SELECT throws_ok(
    $$SELECT fraiseql_register_subscription('a: String } type B { b: String', 'c')$$, '42601', NULL,
    'a field is one field and nothing else');
SELECT results_eq(
    'SELECT name FROM fraiseql_subs.type ORDER BY name COLLATE "C"',
    $$VALUES ('Money'), ('Order'), ('OrderChange')$$, 'what failed left nothing behind');

-- A dump restores the catalog and the triggers of watched tables.
CREATE TABLE dumped_table (id int);
SELECT fraiseql_watch('dumped_table', 'dumped');
\! pg_dump --format=plain --file="$PGHOST/dump.sql" --extension=fraiseql_subs --table=dumped_table --table='fraiseql_subs.*'
CREATE TEMP TABLE before AS SELECT fraiseql_schema() AS schema;
DROP TABLE dumped_table;
DROP EXTENSION fraiseql_subs CASCADE;
\! psql -X -q -v ON_ERROR_STOP=1 -f "$PGHOST/dump.sql" -o /dev/null
SELECT is(fraiseql_schema(), schema, 'the catalog survives dump and restore') FROM before;
SELECT forget_published();
INSERT INTO dumped_table VALUES (1);
SELECT results_eq(
    'SELECT event_type, channel FROM published()', $$VALUES ('INSERT', 'dumped')$$,
    'and so do the triggers of watched tables');

SELECT fraiseql_unregister_subscription(name) FROM fraiseql_subs.subscription;
SELECT fraiseql_unregister_type(name)
FROM (SELECT name FROM fraiseql_subs.type ORDER BY name = 'Money', name DESC) AS registered;
SELECT * FROM finish();

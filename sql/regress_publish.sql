CREATE EXTENSION fraiseql_subs;
\set SHOW_CONTEXT never

SELECT fraiseql_publish(NULL, 'c', '1');
SELECT fraiseql_publish('', 'c', '1');
SELECT fraiseql_publish('t', NULL, '1');
SELECT fraiseql_publish('t', '', '1');
SELECT fraiseql_publish('t', 'c', NULL);
SELECT fraiseql_publish('t', 'c', NULL::text);
SELECT fraiseql_publish('t', 'c', NULL::json);
SELECT fraiseql_publish('t', 'c', NULL::jsonb);
SELECT fraiseql_publish('t', 'c', 'null');
SELECT fraiseql_publish('t', 'c', '{}', correlation_id => 'x', subgraph => 'y');
SELECT fraiseql_publish('t', 'c', '{}', 'x');

-- What is no JSON
SELECT fraiseql_publish('t', 'c', '{"id": 1');
SELECT fraiseql_publish('t', 'c', '{id: 1}');
SELECT fraiseql_publish('t', 'c', '');
SELECT fraiseql_publish('t', 'c', '1 2');
SELECT fraiseql_publish('t', 'c', '"\ud800"');
SELECT fraiseql_publish('t', 'c', json '"\ud800"');
SELECT fraiseql_publish('t', 'c', json '"\u0000"');
SELECT fraiseql_publish('t', 'c', 1);

SET fraiseql_subs.max_event_size = '1kB';
SELECT fraiseql_publish('t', 'c', to_jsonb(repeat('x', 1000)));
RESET fraiseql_subs.max_event_size;
SET fraiseql_subs.max_transaction_size = '1MB';
SELECT fraiseql_publish('t', 'c', to_jsonb(repeat('x', 300000))) FROM generate_series(1, 4);
RESET fraiseql_subs.max_transaction_size;
SELECT fraiseql_publish(repeat('x', 65536), 'c', '1');
SELECT fraiseql_publish('t', 'c', repeat('[', 501) || repeat(']', 501));

SET fraiseql_subs.capture_failure = error;
BEGIN;
SELECT fraiseql_publish('t', 'c', '1');
PREPARE TRANSACTION 'x';
RESET fraiseql_subs.capture_failure;

SELECT fraiseql_capture();
SELECT fraiseql_subs.catalog_changed();

-- Another database than the one that is served
CREATE DATABASE regress_other;
\c regress_other
CREATE EXTENSION fraiseql_subs;
SELECT fraiseql_publish('t', 'c', '1');
SELECT fraiseql_publish('t', 'c', '1');
SELECT fraiseql_publish('t', 'c', 'no JSON');
SELECT fraiseql_register_types('type Order { id: ID }');
SELECT fraiseql_register_subscription('orderUpdated: Order', 'orders');
CREATE TABLE orders (id int);
SELECT fraiseql_watch('orders');
INSERT INTO orders VALUES (1);
SELECT * FROM fraiseql_watched_tables();
SELECT fraiseql_unwatch('orders');
DROP EXTENSION fraiseql_subs;
\c contrib_regression
DROP DATABASE regress_other;

DROP EXTENSION fraiseql_subs;

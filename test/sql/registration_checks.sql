\set QUIET on
SET client_min_messages = warning;
SELECT plan(17);

-- What a session found valid is remembered, and must not be believed for longer than it is true.

BEGIN;
SELECT fraiseql_register_types('type Base { id: ID! } scalar Moment');
SAVEPOINT before;
SELECT fraiseql_register_types('type Gone { id: ID! }');
SELECT fraiseql_register_subscription('gone: Gone', 'c');
ROLLBACK TO before;
SELECT throws_ok($$SELECT fraiseql_register_subscription('gone: Gone', 'c')$$, '42P17',
    'invalid GraphQL schema: Unknown type "Gone"', 'a type that was rolled back is not there');
SELECT fraiseql_register_types('type Gone { id: ID! }');
SELECT lives_ok($$SELECT fraiseql_register_subscription('gone: Gone', 'c')$$,
    'and can be registered once more');
DELETE FROM fraiseql_subs.type WHERE name = 'Base';
SELECT throws_ok($$SELECT fraiseql_register_subscription('base: Base', 'c')$$, '42P17',
    'invalid GraphQL schema: Unknown type "Base"', 'nor is a type that was deleted by hand');
INSERT INTO fraiseql_subs.type VALUES ('Base', 'type Base { id: ID!, at: Moment }');
SELECT lives_ok($$SELECT fraiseql_register_subscription('base(at: Moment): Base', 'c')$$,
    'one that was inserted by hand is');
UPDATE fraiseql_subs.type SET definition = 'type Base { id: ID! }' WHERE name = 'Base';
SELECT throws_ok($$SELECT fraiseql_register_types('type Other { id: ID! }')$$, '42P17',
    'argument "at" of subscription "base" filters nothing', 'and what was changed by hand is checked');
TRUNCATE fraiseql_subs.type, fraiseql_subs.subscription;
SELECT throws_ok($$SELECT fraiseql_register_subscription('gone: Gone', 'c')$$, '42P17',
    'invalid GraphQL schema: Unknown type "Gone"', 'a truncated catalog is empty');
ROLLBACK;
SELECT throws_ok($$SELECT fraiseql_register_subscription('gone: Gone', 'c')$$, '42P17',
    'invalid GraphQL schema: Unknown type "Gone"', 'what was rolled back as a whole is not there');

-- A change may make wrong what was right.

BEGIN;
SELECT fraiseql_register_types('type A @key(fields: "id") { id: ID!, bs: [B] } type B { x: Int }');
SELECT fraiseql_register_subscription('a(where: AFilter): A', 'c');
SELECT throws_ok($$SELECT fraiseql_register_types('type A { x: Int } type B { a: Missing }')$$, '42P17',
    NULL, 'a definition among several');
SELECT throws_ok($$SELECT fraiseql_register_types('directive @key(other: Int) on ENUM')$$, '42P17',
    'invalid GraphQL schema: Directive "@key" may not be used on OBJECT', 'a directive that is in use');
SELECT throws_ok($$SELECT fraiseql_register_types('type AFilter { x: Int }')$$, '42P17',
    NULL, 'a type that takes the place of a filter');
SELECT throws_ok($$SELECT fraiseql_register_types('input AFilter { missing: IDFilter }')$$, '42P17',
    'argument "where" of subscription "a" filters nothing', 'a filter of one''s own');
SELECT throws_ok($$SELECT fraiseql_register_types('type BList { y: Int }')$$, '42P17',
    'argument "where" of subscription "a" filters nothing', 'a type whose name changes that of a filter');
SELECT throws_ok($$SELECT fraiseql_unregister_type('B')$$, '2BP01', NULL, 'the end of a type in use');
SELECT fraiseql_unregister_subscription('a');
SELECT lives_ok($$SELECT fraiseql_register_types('type AFilter { x: Int }')$$,
    'not the place of a filter that is no longer used');
SELECT throws_ok($$SELECT fraiseql_register_subscription('a(where: AFilter): A', 'c')$$, '42P17',
    NULL, 'which cannot be used then');
ROLLBACK;

SELECT throws_ok(
    format($$SELECT fraiseql_register_types('"%s" type Large { id: ID! }')$$, repeat('x', 26000000)),
    '54000', 'the registered types and subscriptions are too large',
    'what is too large for the worker is refused');

-- As migrations do it.
CREATE TEMP TABLE many AS SELECT i, (i * 7 + 1) % 5000 AS next FROM generate_series(0, 4999) AS i;
BEGIN;
SELECT fraiseql_register_types(
    (SELECT string_agg(format('type T%s { id: ID! next: T%s }', i, next), E'\n') FROM many));
SELECT is(count(*), 5000::bigint, 'thousands can be registered in one transaction, one at a time')
FROM (SELECT fraiseql_register_subscription(format('t%s(where: T%s%s): T%s', i, i, 'Filter', i), 'c')
      FROM many OFFSET 0) AS registered;
ROLLBACK;

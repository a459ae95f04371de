\set QUIET on
SET client_min_messages = warning;
SELECT plan(47);

-- First of all, before this session knows the functions.
SET standard_conforming_strings = off;

BEGIN;
SELECT fraiseql_register_types('
    type Row { id: ID! userId: ID tags: [String] owner: Person }
    type Person { personId: ID name: String }
    type Change { operation: String row: Row old: Row }');

CREATE FUNCTION pg_temp.register(options text) RETURNS text LANGUAGE sql AS $$
    SELECT 'SELECT fraiseql_register_subscription('
        '''changed(userId: ID, where: ChangeFilter): Change'', ''c'', ' || options || ')';
$$;

SELECT lives_ok(pg_temp.register($$row_filter => E'{"region": "$.a.\\"b c\\""}'$$), 'whatever the session makes of strings');
SELECT throws_ok(pg_temp.register(format($$row_filter => '{"region": "%s"}'$$, path)), '22023',
    format('row_filter: "%s", for "region", names no claim', path), path || ' is refused all the same')
FROM unnest('{$.a[0],$xa}'::text[]) AS path;
RESET standard_conforming_strings;

SELECT lives_ok(pg_temp.register(options), 'registered: ' || options) FROM (VALUES
    ($$row_filter => '{"owner_id": "user"}'$$),
    ($$row_filter => '{"a": "tenant", "b": "roles", "c": "scopes", "d": "subgraphs", "row.e": "role"}'$$),
    ($$row_filter => '{"region": "$.regions"}'$$),
    ($$row_filter => '{"region": "$.\u00e9t\u00e9.a_1"}'$$),
    ($$row_filter => '{"region": "$.\"https://example.com/claims\".\"user \\u0041 \\\" id\""}'$$),
    ($$tenant_field => 'tenant_id'$$),
    ($$tenant_field => 'row.tenant_id', shared => true$$),
    ($$tenant_field => ''$$),
    ($$shared => true$$),
    ($$subgraph => 'orders'$$),
    ($$scope => '{"userId": "user"}'$$),
    ($$scope => '{"personId": "$.people"}'$$)
) AS valid (options);

SELECT throws_ok(pg_temp.register(options), '22023', message, 'refused: ' || options) FROM (VALUES
    ($$row_filter => '{}'$$, 'row_filter must be an object with a claim for each name'),
    ($$row_filter => '[]'$$, 'row_filter must be an object with a claim for each name'),
    ($$row_filter => 'null'$$, 'row_filter must be an object with a claim for each name'),
    ($$row_filter => '"user"'$$, 'row_filter must be an object with a claim for each name'),
    ($$row_filter => '{"": "user"}'$$, 'row_filter has an empty name'),
    ($$row_filter => '{"a..b": "user"}'$$, 'row_filter: "a..b" is not a field of events'),
    ($$row_filter => '{"a": "sub"}'$$, 'row_filter: "sub", for "a", names no claim'),
    ($$row_filter => '{"a": 1}'$$, 'row_filter: 1, for "a", names no claim'),
    ($$row_filter => '{"a": null}'$$, 'row_filter: null, for "a", names no claim'),
    ($$row_filter => '{"a": ["user"]}'$$, 'row_filter: ["user"], for "a", names no claim'),
    ($$row_filter => '{"a": ""}'$$, 'row_filter: "", for "a", names no claim'),
    ($$row_filter => '{"a": "$"}'$$, 'row_filter: "$", for "a", names no claim'),
    ($$row_filter => '{"a": "$."}'$$, 'row_filter: "$.", for "a", names no claim'),
    ($$row_filter => '{"a": "$.b[0]"}'$$, 'row_filter: "$.b[0]", for "a", names no claim'),
    ($$row_filter => '{"a": "$.b c"}'$$, 'row_filter: "$.b c", for "a", names no claim'),
    ($$row_filter => '{"a": "$.b\n"}'$$, 'row_filter: "$.b\n", for "a", names no claim'),
    ($$row_filter => '{"a": "x$.b"}'$$, 'row_filter: "x$.b", for "a", names no claim'),
    ($$tenant_field => '.'$$, 'tenant_field: "." is not a field of events'),
    ($$tenant_field => 'row.'$$, 'tenant_field: "row." is not a field of events'),
    ($$tenant_field => '', shared => true$$, 'shared is about a tenant field, and there is none'),
    ($$shared => null$$, 'shared cannot be null'),
    ($$subgraph => ''$$, 'subgraph cannot be empty'),
    ($$scope => '{}'$$, 'scope must be an object with a claim for each name'),
    ($$scope => '{"userId": "nobody"}'$$, 'scope: "nobody", for "userId", names no claim'),
    ($$scope => '{"other": "user"}'$$, 'scope: clients cannot filter subscription "changed" by "other"'),
    ($$scope => '{"owner": "user"}'$$, 'scope: clients cannot filter subscription "changed" by "owner"'),
    ($$scope => '{"tags": "user"}'$$, 'scope: clients cannot filter subscription "changed" by "tags"'),
    ($$scope => '{"eq": "user"}'$$, 'scope: clients cannot filter subscription "changed" by "eq"')
) AS invalid (options, message);

SELECT throws_ok($$SELECT fraiseql_publish('t', 'c', '{}'::jsonb, NULL, '')$$, '22023', 'subgraph cannot be empty',
    'an event of a subgraph without a name is refused, too: it would be everybody''s');

-- Once more, when the session knows the catalog already, and when it has to read it anew.
SELECT throws_ok($$SELECT fraiseql_register_subscription('plain: Change', 'c', scope => '{"userId": "user"}')$$,
    '22023', 'scope: clients cannot filter subscription "plain" by "userId"', 'a field without arguments');
SELECT fraiseql_register_subscription('plain: Change', 'c');
SELECT throws_ok($$SELECT fraiseql_register_subscription('plain: Change', 'c', scope => '{"userId": "user"}')$$,
    '22023', 'scope: clients cannot filter subscription "plain" by "userId"', 'the same field as before');
DELETE FROM fraiseql_subs.subscription WHERE name = 'plain';
SELECT throws_ok($$SELECT fraiseql_register_subscription('plain: Change', 'c', scope => '{"userId": "user"}')$$,
    '22023', 'scope: clients cannot filter subscription "plain" by "userId"', 'and after a change by hand');
ROLLBACK;

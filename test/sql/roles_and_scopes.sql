\set QUIET on
SET client_min_messages = warning;
SELECT plan(16);

BEGIN;
SELECT fraiseql_register_types('type Order { id: ID!, total: Float @requiresRole(roles: ["accounts"]) }');

-- A list that demands nothing may be meant for everybody or for nobody.

SELECT throws_ok(format($$SELECT fraiseql_register_subscription('a: Order', 'c', %s)$$, given), '22023',
    message || ' cannot be empty or contain null or an empty text', given || ' is refused')
FROM (VALUES ('roles => ''{}''', 'roles'), ('roles => ''{a,NULL}''', 'roles'), ('roles => ''{""}''', 'roles'),
    ('scopes => ''{}''', 'scopes'), ('scopes => ''{NULL}''', 'scopes')) AS refused (given, message);
SELECT throws_ok(format($$SELECT fraiseql_register_subscription('a: Order', 'c', %s => '{{a,b},{c,d}}')$$, list), '22023',
    list || ' must be a list, not an array of 2 dimensions', list || ' of lists are refused')
FROM unnest('{event_types,roles,scopes}'::text[]) AS list;
SELECT lives_ok($$SELECT fraiseql_register_subscription('a: Order', 'c', roles => '{x}', scopes => '{y,z}')$$,
    'names are taken');
SELECT results_eq('SELECT roles, scopes FROM fraiseql_subs.subscription WHERE name = ''a''',
    $$VALUES ('{x}'::text[], '{y,z}'::text[])$$, 'and kept');

SELECT throws_ok($$SELECT fraiseql_register_types('type A { b: Int @requiresScopes(scopes: []) }')$$, '42P17',
    'invalid GraphQL schema: Argument "scopes" of directive "@requiresScopes" must be a list of lists of names, none of them empty, not []',
    'so is an empty list in a directive');
SELECT throws_ok($$SELECT fraiseql_register_types('directive @authenticated(by: String) on OBJECT')$$, '42P17',
    NULL, 'and a definition that means something else');
SELECT throws_ok($$SELECT fraiseql_register_subscription('b: Order @requiresRole', 'c')$$, '42P17',
    NULL, 'and a root field whose demand cannot be told');
SELECT lives_ok($$SELECT fraiseql_register_subscription('b: Order @authenticated', 'c')$$,
    'a root field has directives too');

SELECT matches(fraiseql_schema(), 'directive @requiresRole\(roles: \[String!\]!\) on OBJECT',
    'the schema defines the directives that it uses');
SELECT unalike(fraiseql_schema(), '%directive @requiresScopes%', 'and no others');
ROLLBACK;

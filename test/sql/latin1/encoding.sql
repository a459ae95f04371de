\set QUIET on
SET client_encoding = 'UTF8';
SELECT plan(6);

SELECT forget_published();
SELECT fraiseql_publish('typé', 'cañón', '{"näme": "Zoë"}', 'ç', 'ø');
SELECT results_eq(
    'SELECT event_type, channel, correlation_id, subgraph, data FROM published()',
    $$VALUES ('typé', 'cañón', 'ç', 'ø', '{"näme": "Zoë"}')$$,
    'every text is converted: the ring holds UTF-8');

CREATE TABLE "größe" (id int, "näme" text);
SELECT fraiseql_watch('größe');
INSERT INTO "größe" VALUES (1, 'Zoë');
SELECT results_eq(
    $$SELECT channel, data::jsonb #>> '{row,näme}', data::jsonb ->> 'table' FROM published()$$,
    $$VALUES ('größe', 'Zoë', 'public."größe"')$$,
    'captured rows are converted');

INSERT INTO "größe" VALUES (2, 'x' || repeat('é', 200000));
SELECT is((SELECT data::jsonb #>> '{row,näme}' FROM published()), 'x' || repeat('é', 200000),
    'long ones too');

SELECT fraiseql_register_types('"é" type Order { id: ID }');
SELECT fraiseql_register_subscription('orderUpdated(id: ID): Order', 'cañón');
SELECT results_eq(
    'SELECT definition, channel FROM fraiseql_subs.type, fraiseql_subs.subscription',
    $$VALUES ('"é" type Order { id: ID }', 'cañón')$$,
    'registered texts come back in the database''s encoding');
SELECT matches(fraiseql_schema(), '"é" type Order', 'and so does the schema');
SELECT throws_like(
    $$SELECT fraiseql_register_types('type "é" { id: ID }')$$, '%"é"%',
    'and so does what an error quotes');

SELECT * FROM finish();

// Tools that load the schema from the server, or build on it.

import assert from 'node:assert/strict';
import test from 'node:test';
import { composeServices } from '@apollo/composition';
import { codegen } from '@graphql-codegen/core';
import * as typescript from '@graphql-codegen/typescript';
import {
  buildClientSchema,
  buildSchema,
  getIntrospectionQuery,
  introspectionFromSchema,
  parse,
  printSchema,
} from 'graphql';
import { auditServer } from 'graphql-http';
import { httpUrl, sql } from './server.js';

const timeout = 60_000;

async function post(query) {
  const response = await fetch(httpUrl, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query }),
  });
  return response.json();
}

const options = {
  descriptions: true,
  oneOf: false,
  inputValueDeprecation: true,
  schemaDescription: true,
  specifiedByUrl: true,
};

async function loadSchema() {
  const { data } = await post(getIntrospectionQuery(options));
  return buildClientSchema(data);
}

test('introspection is what graphql-js makes of the same SDL', { timeout }, async () => {
  const { data } = await post(getIntrospectionQuery(options));
  const sdl = await sql('SELECT fraiseql_schema()');
  const expected = introspectionFromSchema(buildSchema(sdl), options);
  const described = (schema) =>
    JSON.parse(
      // The specification's own types are described in other words.
      JSON.stringify(
        schema.types.filter(
          ({ name, kind }) => !name.startsWith('__') && (kind !== 'SCALAR' || name === 'DateTime'),
        ),
      ),
    );
  assert.deepEqual(described(data.__schema), described(expected.__schema));
  assert.deepEqual(
    data.__schema.types.map(({ name }) => name),
    expected.__schema.types.map(({ name }) => name),
  );
});

test('GraphQL Code Generator writes types for it', { timeout }, async () => {
  const schema = await loadSchema();
  const code = await codegen({
    schema: parse(printSchema(schema)),
    schemaAst: schema,
    documents: [],
    config: {},
    filename: 'types.ts',
    plugins: [{ typescript: {} }],
    pluginMap: { typescript },
  });
  assert.match(code, /export type Order = \{/);
  assert.match(code, /orderUpdated/);
});

test('a federation router can compose the subgraph', { timeout }, async () => {
  const { data } = await post('{ _service { sdl } }');
  const composed = composeServices([
    { name: 'events', url: httpUrl, typeDefs: parse(data._service.sdl) },
    {
      name: 'shop',
      url: 'http://shop.example',
      typeDefs: parse(`
        extend schema @link(url: "https://specs.apollo.dev/federation/v2.0", import: ["@shareable"])
        type Query { shop: String }
      `),
    },
  ]);
  assert.deepEqual(composed.errors ?? [], []);
  assert.match(composed.supergraphSdl, /orderUpdated/);
});

test('a federation router enforces the roles and scopes that it knows', { timeout }, async () => {
  const link = 'extend schema @link(url: "https://specs.apollo.dev/federation/v2.5", import: ["@requiresScopes"])';
  const types = `type Secret { margin: Float @requiresScopes(scopes: [["margin"]]) cost: Float @requiresRole(roles: ["a"]) }`;
  const sdl = await sql(`BEGIN;
    SELECT fraiseql_register_types($$ ${link} ${types} $$);
    SELECT fraiseql_register_subscription('secret: Secret', 'secrets');
    SELECT fraiseql_schema();
    ROLLBACK`);
  const { errors, supergraphSdl } = composeServices([
    { name: 'events', url: httpUrl, typeDefs: parse(sdl) },
  ]);
  assert.deepEqual(errors ?? [], []);
  assert.match(supergraphSdl, /margin: Float @requiresScopes\(scopes: \[\["margin"\]\]\)/);
});

test('the server passes the audits of GraphQL over HTTP', { timeout }, async () => {
  const results = await auditServer({ url: httpUrl });
  const failed = results.filter(({ status }) => status === 'error' || status === 'warn');
  assert.deepEqual(
    failed.map(({ id, name, reason }) => ({ id, name, reason })),
    [],
  );
});

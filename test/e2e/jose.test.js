// Tokens and key sets by jose, which shares no code with the server.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import test from 'node:test';
import { SignJWT, calculateJwkThumbprint, exportJWK, generateKeyPair } from 'jose';
import { connect, sql } from './server.js';

const timeout = 60_000;
const iss = 'https://jose.example';
const algorithms = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'EdDSA'];

async function makeKey(alg) {
  const { publicKey, privateKey } = await generateKeyPair(alg);
  const jwk = await exportJWK(publicKey);
  return { alg, privateKey, jwk: { ...jwk, alg, use: 'sig', kid: await calculateJwkThumbprint(jwk) } };
}

function sign({ alg, jwk, privateKey }) {
  return new SignJWT({})
    .setProtectedHeader({ alg, kid: jwk.kid, typ: 'JWT' })
    .setIssuer(iss)
    .setAudience('me')
    .setSubject('u1')
    .setExpirationTime('10 min')
    .sign(privateKey);
}

// Serves what `keys` holds, and registers where.
async function publishKeys(t, keys) {
  const server = createServer((_, response) => {
    response.setHeader('Cache-Control', 'max-age=3600');
    response.end(JSON.stringify({ keys: keys.map((key) => key.jwk) }));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  await sql(`SELECT fraiseql_register_issuer('jose', '${iss}', audiences => '{me}',
    jwks_url => 'http://127.0.0.1:${server.address().port}/keys')`);
  t.after(() => sql("SELECT fraiseql_unregister_issuer('jose')"));
}

// What a client with this token is told: the type that it asked for, or the code of the close.
async function outcome(t, token) {
  const client = connect(t, { connectionParams: { headers: { Authorization: `Bearer ${token}` } } });
  try {
    for await (const result of client.iterate({ query: '{ __typename }' })) return result.data.__typename;
  } catch (closed) {
    return closed.code;
  }
}

test('tokens of every algorithm are verified by the keys that jose publishes', { timeout }, async (t) => {
  const keys = await Promise.all(algorithms.map(makeKey));
  await publishKeys(t, keys);
  for (const key of keys) {
    assert.equal(await outcome(t, await sign(key)), 'Query', key.alg);
    const forged = { ...(await makeKey(key.alg)), jwk: key.jwk };
    assert.equal(await outcome(t, await sign(forged)), 4403, key.alg);
  }
});

test('a client whose key was rotated comes back with a new token', { timeout }, async (t) => {
  const keys = [await makeKey('ES256')];
  await publishKeys(t, keys);
  assert.equal(await outcome(t, await sign(keys[0])), 'Query');
  const [old] = keys.splice(0, 1, await makeKey('ES256'));
  assert.equal(await outcome(t, await sign(keys[0])), 'Query');
  assert.equal(await outcome(t, await sign(old)), 4403);
});

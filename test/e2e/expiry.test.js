// Tokens that expire under clients that know nothing of this server.

import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import test, { after, before } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { createClient as createSseClient } from 'graphql-sse';
import legacy from 'subscriptions-transport-ws';
import WebSocket from 'ws';
import { connect, httpUrl, publish, sql, subscribed, url } from './server.js';

const timeout = 60_000;
const secret = 'a secret of the tests, of 32 bytes and more';
const soon = 4;
const late = 3600;

before(() => sql(`SELECT fraiseql_register_issuer('e2e', secret => '${secret}', leeway => '0 s')`));
after(() => sql("SELECT fraiseql_unregister_issuer('e2e')"));

function makeToken(seconds) {
  const claims = { sub: 'u', exp: Math.floor(Date.now() / 1000) + seconds };
  const signed = [{ alg: 'HS256' }, claims]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.');
  return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`;
}

// Subscribes, and collects the ids of what arrives.
function listen(client, operation) {
  const ids = [];
  const stop = client.subscribe(
    { query: `subscription ${operation} { orderUpdated { id } }` },
    { next: ({ data }) => ids.push(data.orderUpdated.id), error: assert.fail, complete() {} },
  );
  return { ids, stop };
}

async function until(condition) {
  while (!(await condition())) await pause(10);
}

test('the client comes back with a fresh token when its token has expired', { timeout }, async (t) => {
  const closes = [];
  let connections = 0;
  const client = connect(t, {
    retryAttempts: Infinity,
    retryWait: () => pause(20),
    connectionParams: async () => ({ authToken: makeToken(connections === 0 ? soon : late) }),
    on: { connected: () => ++connections, closed: ({ code, reason }) => closes.push([code, reason]) },
  });
  const { ids } = listen(client, 'Expiring');
  await subscribed('Expiring');
  await publish({ id: 1, status: 'x' });
  await until(() => connections === 2);
  assert.deepEqual(closes, [[4403, 'Token expired']]);
  await subscribed('Expiring');
  await publish({ id: 2, status: 'x' });
  await until(() => ids.length === 2);
  assert.deepEqual(ids, ['1', '2']);
});

test('a client that renews its token when it is told to keeps its connection', { timeout }, async (t) => {
  let connections = 0;
  let socket;
  const client = connect(t, {
    connectionParams: () => ({ headers: { Authorization: `Bearer ${makeToken(soon)}` } }),
    on: {
      connected(opened) {
        socket = opened;
        ++connections;
      },
      ping(received, { expiresIn }) {
        if (received && expiresIn !== undefined) {
          const authorization = `Bearer ${makeToken(late)}`;
          socket.send(JSON.stringify({ type: 'ping', payload: { authorization } }));
        }
      },
    },
  });
  const { ids } = listen(client, 'Renewing');
  await subscribed('Renewing');
  // One that does not renew is closed at the same time.
  const witness = connect(t, {
    lazy: false,
    onNonLazyError() {},
    connectionParams: { authToken: makeToken(soon) },
  });
  await new Promise((resolve) => witness.on('closed', resolve));
  await publish({ id: 1, status: 'x' });
  await until(() => ids.length === 1);
  assert.equal(connections, 1);
});

test('a mutation renews as well', { timeout }, async (t) => {
  const client = connect(t, { connectionParams: { authToken: makeToken(late) } });
  const renew = async (token) => {
    const query = 'mutation ($token: String!) { fraiseqlRenew(token: $token) { expiresAt } }';
    const { value } = await client.iterate({ query, variables: { token } }).next();
    return value;
  };
  const { data } = await renew(makeToken(2 * late));
  assert.ok(new Date(data.fraiseqlRenew.expiresAt) > Date.now() + 1.5 * late * 1000);
  const { errors } = await renew('nonsense');
  assert.equal(errors[0].extensions.code, 'FORBIDDEN');
});

test('a refused token is told, and the client comes back with another', { timeout }, async (t) => {
  const closes = [];
  let attempts = 0;
  const client = connect(t, {
    retryAttempts: Infinity,
    retryWait: () => pause(20),
    connectionParams: () => ({ authToken: attempts++ === 0 ? 'nonsense' : makeToken(late) }),
    on: { closed: ({ code, reason }) => closes.push([code, reason]) },
  });
  listen(client, 'Retrying');
  await subscribed('Retrying');
  assert.equal(closes.length, 1);
  assert.equal(closes[0][0], 4403);
  assert.match(closes[0][1], /^Forbidden: /);
});

test('subscriptions-transport-ws is told why it is refused', { timeout }, async (t) => {
  const refusal = await new Promise((resolve) => {
    const options = { connectionParams: { authToken: 'nonsense' }, connectionCallback: resolve };
    const client = new legacy.SubscriptionClient(url, options, WebSocket);
    t.after(() => client.close());
  });
  assert.match(refusal.message, /^Forbidden: /);
});

test('subscriptions-transport-ws is let in with a token', { timeout }, async (t) => {
  const options = { connectionParams: async () => ({ authToken: makeToken(late) }) };
  const client = new legacy.SubscriptionClient(url, options, WebSocket);
  t.after(() => client.close());
  const ids = [];
  const observable = client.request({ query: 'subscription Older { orderUpdated { id } }' });
  observable.subscribe({ next: ({ data }) => ids.push(data.orderUpdated.id) });
  await subscribed('Older');
  await publish({ id: 1, status: 'x' });
  await until(() => ids.length === 1);
});

test('graphql-sse comes back with a fresh token when its stream has ended', { timeout }, async (t) => {
  let streams = 0;
  const client = createSseClient({
    url: httpUrl,
    retryAttempts: Infinity,
    retry: () => pause(20),
    headers: async () => ({ authorization: `Bearer ${makeToken(streams++ === 0 ? soon : late)}` }),
  });
  t.after(() => client.dispose());
  const { ids } = listen(client, 'Streaming');
  await subscribed('Streaming');
  await publish({ id: 1, status: 'x' });
  await until(() => streams === 2);
  await subscribed('Streaming');
  await publish({ id: 2, status: 'x' });
  await until(() => ids.length === 2);
  assert.deepEqual(ids, ['1', '2']);
});

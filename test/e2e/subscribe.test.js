// The reference client of graphql-transport-ws: what it does by itself must work with the worker.

import assert from 'node:assert/strict';
import test from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { connect, publish, sql, subscribed, workerPid } from './server.js';

const timeout = 60_000;

async function take(iterator, count) {
  const results = [];
  for (let i = 0; i < count; ++i) results.push((await iterator.next()).value);
  return results;
}

test('events arrive in order until the client completes', { timeout }, async (t) => {
  const client = connect(t);
  const events = client.iterate({ query: 'subscription Order { orderUpdated { id status } }' });
  const received = take(events, 3);
  await subscribed('Order');
  for (const id of [1, 2, 3]) await publish({ id, status: 'paid' });
  const results = await received;
  assert.deepEqual(
    results.map((result) => result.data),
    [1, 2, 3].map((id) => ({ orderUpdated: { id: String(id), status: 'paid' } })),
  );
  assert.match(results[0].extensions.position, /^[0-9a-f]+-[0-9a-f]+$/);
  await events.return();
  await subscribed('Order', 0);
});

test('variables filter', { timeout }, async (t) => {
  const client = connect(t);
  const query = 'subscription Filtered($id: ID) { orderUpdated(id: $id) { id } }';
  const received = take(client.iterate({ query, variables: { id: '7' } }), 2);
  await subscribed('Filtered');
  for (const id of [6, 7, 8, '7']) await publish({ id, status: 'paid' });
  const ids = (await received).map((result) => result.data.orderUpdated.id);
  assert.deepEqual(ids, ['7', '7']);
});

test('an invalid operation is rejected with its errors and the connection goes on', { timeout }, async (t) => {
  const client = connect(t, { lazy: false });
  const invalid = client.iterate({ query: 'subscription { orderUpdated { nothing } }' });
  await assert.rejects(invalid.next(), (errors) => {
    assert.match(errors[0].message, /Cannot query field "nothing" on type "Order"/);
    assert.deepEqual(errors[0].locations, [{ line: 1, column: 31 }]);
    assert.equal(errors[0].extensions.code, 'GRAPHQL_VALIDATION_FAILED');
    return true;
  });
  const received = take(client.iterate({ query: 'subscription After { orderUpdated { id } }' }), 1);
  await subscribed('After');
  await publish({ id: 1, status: 'x' });
  assert.deepEqual((await received)[0].data, { orderUpdated: { id: '1' } });
});

test('pings of the client are answered', { timeout }, async (t) => {
  await new Promise((resolve) => {
    connect(t, {
      lazy: false,
      keepAlive: 50,
      on: { pong: (received) => received && resolve() },
    });
  });
});

test('many subscriptions share a connection', { timeout }, async (t) => {
  let connections = 0;
  const client = connect(t, { on: { connected: () => ++connections } });
  const query = 'subscription Shared($id: ID) { orderUpdated(id: $id) { id } }';
  const received = Array.from({ length: 50 }, (_, i) =>
    take(client.iterate({ query, variables: { id: String(i) } }), 1),
  );
  await subscribed('Shared', 50);
  await sql(
    "SELECT fraiseql_publish('orderUpdated', 'orders', jsonb_build_object('id', i))" +
      ' FROM generate_series(0, 49) AS i',
  );
  const ids = (await Promise.all(received)).map(([result]) => result.data.orderUpdated.id);
  assert.deepEqual(ids, Array.from({ length: 50 }, (_, i) => String(i)));
  assert.equal(connections, 1);
});

test('the client reconnects and subscribes again when the worker was killed', { timeout }, async (t) => {
  const client = connect(t, { retryAttempts: Infinity, retryWait: () => pause(20), shouldRetry: () => true });
  const events = client.iterate({ query: 'subscription Again { orderUpdated { id } }' });
  const before = take(events, 1);
  await subscribed('Again');
  await publish({ id: 1, status: 'x' });
  assert.equal((await before)[0].data.orderUpdated.id, '1');
  const killed = await workerPid();
  process.kill(killed, 'SIGKILL');
  while ((await workerPid()) === killed);
  await subscribed('Again');
  await publish({ id: 2, status: 'x' });
  assert.equal((await take(events, 1))[0].data.orderUpdated.id, '2');
});

// Much at once is no fault of the client that gets it: with the settings' defaults it gets all.

import assert from 'node:assert/strict';
import test from 'node:test';
import { connect, sql, sqlScript, subscribed } from './server.js';

const timeout = 60_000;

// The results of a subscription as they come, and the codes that its connection was closed with.
function collect(test, query) {
  const codes = [];
  const client = connect(test, { on: { closed: ({ code }) => codes.push(code) } });
  const results = [];
  const failed = new Promise((_, reject) => {
    const complete = () => reject(new Error('the subscription is over'));
    client.subscribe({ query }, { next: ({ data }) => results.push(data), error: reject, complete });
  });
  return { codes, results, failed };
}

// Resolves when the subscription has so many results.
async function received({ results, failed }, count) {
  const all = (async () => {
    while (results.length < count) await new Promise(setImmediate);
  })();
  await Promise.race([all, failed]);
}

test('20,000 rows of one INSERT arrive, in order', { timeout }, async (t) => {
  await sqlScript(`
    CREATE TABLE bulk (id int, body text);
    SELECT fraiseql_watch('bulk');
    SELECT fraiseql_register_types('type Bulk { id: ID body: String } type BulkChange { row: Bulk }');
    SELECT fraiseql_register_subscription('bulk: BulkChange', 'bulk');
  `);
  t.after(() =>
    sqlScript(`
      SELECT fraiseql_unregister_subscription('bulk');
      SELECT fraiseql_unregister_type('BulkChange');
      SELECT fraiseql_unregister_type('Bulk');
      DROP TABLE bulk;
    `),
  );
  const rows = 20_000;
  const client = collect(t, 'subscription Bulk { bulk { row { id body } } }');
  await subscribed('Bulk');
  await sql(`INSERT INTO bulk SELECT i, repeat('x', 200) FROM generate_series(1, ${rows}) AS i`);
  await received(client, rows);
  const ids = client.results.map(({ bulk }) => Number(bulk.row.id));
  assert.deepEqual(ids, Array.from({ length: rows }, (_, i) => i + 1));
  assert.deepEqual(client.codes, []);
});

test('a transaction larger than the outbox arrives whole', { timeout }, async (t) => {
  const client = collect(t, 'subscription Large { orderUpdated { id } }');
  await subscribed('Large');
  await sql(
    "SELECT fraiseql_publish('orderUpdated', 'orders', jsonb_build_object('id', repeat('x', 100000)))" +
      ' FROM generate_series(1, 11)',
  );
  await received(client, 11);
  assert.ok(client.results.every(({ orderUpdated }) => orderUpdated.id.length === 100_000));
  assert.deepEqual(client.codes, []);
});

test('a message larger than the outbox passes', { timeout }, async (t) => {
  const client = collect(t, 'subscription Larger { orderUpdated { id } }');
  await subscribed('Larger');
  await sql(
    "SET fraiseql_subs.max_event_size = '4MB';" +
      "SELECT fraiseql_publish('orderUpdated', 'orders', jsonb_build_object('id', repeat('x', 3000000)))",
  );
  await received(client, 1);
  assert.equal(client.results[0].orderUpdated.id.length, 3_000_000);
  assert.deepEqual(client.codes, []);
});

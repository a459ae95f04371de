// Clients that reach a limit come back by themselves when it lets them.

import assert from 'node:assert/strict';
import test from 'node:test';
import { connect, publish, sql, subscribed } from './server.js';

const setLimits = (limits) => sql(`SELECT fraiseql_set_limits(NULL, ${limits ? `'${JSON.stringify(limits)}'` : 'NULL'})`);

test('graphql-ws comes back after it has sent too many messages', { timeout: 60_000 }, async (t) => {
  t.after(() => setLimits(null));
  await setLimits({ messages_per_connection: '1/h burst 3' });
  const closes = [];
  const client = connect(t, {
    retryAttempts: Infinity,
    retryWait: () => setLimits(null),
    keepAlive: 20, // pings as fast as that, until the third message is the last
    on: { closed: ({ code, reason }) => closes.push([code, reason]) },
  });
  const events = client.iterate({ query: 'subscription comesBack { orderUpdated { id } }' });
  const first = events.next();
  while (closes.length === 0) await sql('SELECT 1');
  await subscribed('comesBack');
  await publish({ id: 7 });
  assert.deepEqual((await first).value.data, { orderUpdated: { id: '7' } });
  assert.deepEqual(closes, [[1013, 'messages_per_connection']]);
});

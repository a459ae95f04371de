// The clients that people use, at the sockets of a web server in Python.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { freePort, startWebServer, uvicorn } from './web_server.js';

const timeout = 60_000;
const port = await freePort();
process.env.FSUBS_URL = `ws://127.0.0.1:${port}`; // before the clients look where the server is
const { publish, subscribed } = await import('./server.js');
const { subscribers } = await import('./subscribers.js');

const clients = subscribers.filter(({ operation }) => operation !== 'GraphqlSse');

function serve(test) {
  return startWebServer(test, 'test/e2e', [...uvicorn(port), 'hosted_app:app']);
}

// Resolves to the ids that a client has heard of, and to more as they come, once it is subscribed.
async function listen(test, { operation, subscribe }) {
  const heard = { operation, ids: [], problems: [] };
  const stop = subscribe({
    next(order, errors) {
      if (order) heard.ids.push(Number(order.id));
      heard.problems.push(...(errors ?? []));
    },
    error: (error) => heard.problems.push(error),
    complete: () => heard.problems.push('complete'),
  });
  test.after(stop);
  await subscribed(operation);
  return heard;
}

async function assertAllHear(all, ids) {
  while (!all.every((heard) => heard.ids.length >= ids.length)) await pause(10);
  for (const { operation, ids: heard, problems } of all) {
    assert.deepEqual(heard, ids, operation);
    assert.deepEqual(problems, [], operation);
  }
}

test('every client hears of every event, and comes back to a server that was restarted', { timeout }, async (t) => {
  const { stop } = await serve(t);
  const all = await Promise.all(clients.map((client) => listen(t, client)));
  for (const id of [1, 2]) await publish({ id, status: 'paid' });
  await assertAllHear(all, [1, 2]);
  await stop();
  await serve(t);
  for (const { operation } of all) await subscribed(operation);
  await publish({ id: 3, status: 'paid' });
  await assertAllHear(all, [1, 2, 3]);
});

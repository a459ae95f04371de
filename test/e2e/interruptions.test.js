// Clients that are told nothing of a restart go on by themselves, while events are published all the
// time.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Socket } from 'node:net';
import test, { after, before } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { openPlayground } from './browser.js';
import { httpUrl, sql, startServer, stopServer, subscribed, url, workerPid } from './server.js';
import { apollo3Subscriber, subscribers } from './subscribers.js';

const timeout = 60_000;

before(() =>
  sql(`
    CREATE TABLE sent (id bigserial PRIMARY KEY);
    CREATE TABLE stopped ();
    CREATE PROCEDURE publish_until_stopped() LANGUAGE plpgsql AS $$
      DECLARE
        number bigint;
      BEGIN
        WHILE NOT EXISTS (SELECT FROM stopped) LOOP
          INSERT INTO sent DEFAULT VALUES RETURNING id INTO number;
          PERFORM fraiseql_publish('orderUpdated', 'orders', jsonb_build_object('id', number, 'status', 'paid'));
          COMMIT;
          -- The pace of the load; nothing is waited for.
          PERFORM pg_sleep(0.002);
        END LOOP;
      END $$;
  `),
);

after(() => sql('DROP TABLE sent, stopped; DROP PROCEDURE publish_until_stopped'));

// An event every few milliseconds, also as soon as a server that was away is back. Resolves to how to
// stop, which resolves to the ids of all that was committed.
async function publishAllTheTime(test) {
  await sql('TRUNCATE sent, stopped');
  let stopped = false;
  const publishing = (async () => {
    while (!stopped) await sql('CALL publish_until_stopped()').catch(() => {});
  })();
  const stop = async () => {
    stopped = true;
    await sql('INSERT INTO stopped DEFAULT VALUES');
    await publishing;
    return (await sql('SELECT id FROM sent ORDER BY id')).split('\n').map(Number);
  };
  test.after(stop);
  return stop;
}

// What its application is told by a subscriber, from the moment that it is subscribed.
async function listen(test, { operation, subscribe }) {
  const heard = { operation, ids: [], codes: [], end: undefined };
  const stop = subscribe({
    next(order, errors) {
      if (order) heard.ids.push(Number(order.id));
      for (const error of errors ?? []) heard.codes.push(error.extensions.code);
    },
    error: (error) => (heard.end ??= error),
    complete: () => (heard.end ??= 'complete'),
  });
  test.after(stop);
  await subscribed(operation);
  return heard;
}

async function until(condition) {
  while (!(await condition())) await pause(10);
}

const lastSent = async () => Number(await sql('SELECT max(id) FROM sent'));

function assertGoesOn({ operation, end }) {
  assert.equal(end, undefined, `${operation} tells its application of an end: ${end?.message ?? end}`);
}

async function allHeard(all, id) {
  await until(() => {
    all.forEach(assertGoesOn);
    return all.every(({ ids }) => ids.at(-1) >= id);
  });
}

async function subscribedAgain(all) {
  const operations = 'SELECT operation_name FROM fraiseql_subscriptions()';
  await until(async () => {
    all.forEach(assertGoesOn);
    const there = (await sql(operations).catch(() => '')).split('\n');
    return all.every(({ operation }) => there.includes(operation));
  });
}

// In the order of their commits, none twice, and all of them but one stretch, if there was an
// interruption; it is over with what was committed until `resumed`.
function assertOneGapAtMost({ operation, ids, codes }, committed, resumed) {
  assert.deepEqual(codes, [], `${operation} tells its application of errors`);
  const places = ids.map((id) => committed.indexOf(id));
  assert.ok(!places.includes(-1), `${operation} heard only of what was committed`);
  const leaps = places.flatMap((place, i) => (i > 0 && place !== places[i - 1] + 1 ? [i] : []));
  assert.ok(leaps.length <= (resumed === undefined ? 0 : 1), `${operation} misses or repeats: ${leaps.map((i) => ids.slice(i - 1, i + 1))}`);
  for (const i of leaps) {
    assert.ok(ids[i] > ids[i - 1], `${operation} heard of ${ids[i]} after ${ids[i - 1]}`);
    const missed = committed[places[i] - 1];
    assert.ok(missed <= resumed, `${operation} was subscribed again before ${missed}, which it misses`);
  }
  assert.equal(ids.at(-1), committed.at(-1), `${operation} heard of the last event`);
}

async function endWorker(signal) {
  const ended = await workerPid();
  process.kill(ended, signal);
  await until(async () => (await workerPid()) !== ended);
}

const interruptions = {
  'a planned restart of the server': async () => {
    await stopServer();
    await startServer();
  },
  'a planned restart of the worker': () => endWorker('SIGTERM'),
  'a crash of the worker': () => endWorker('SIGKILL'),
};

for (const [name, interrupt] of Object.entries(interruptions)) {
  test(`subscriptions of every client go on over ${name}`, { timeout }, async (t) => {
    const stopPublishing = await publishAllTheTime(t);
    const all = await Promise.all(subscribers.map((subscriber) => listen(t, subscriber)));
    await allHeard(all, await lastSent());
    await interrupt();
    await subscribedAgain(all);
    const resumed = await lastSent();
    await until(async () => (await lastSent()) > resumed + 20);
    const committed = await stopPublishing();
    await allHeard(all, committed.at(-1));
    for (const heard of all) assertOneGapAtMost(heard, committed, resumed);
  });
}

test('a reload of the settings ends no subscription and no connection', { timeout }, async (t) => {
  const connections = () => sql('SELECT array_agg(id ORDER BY id) FROM fraiseql_connections()');
  const change = async (statement) => {
    await sql(statement);
    await sql('SELECT pg_reload_conf()');
  };
  const isIntrospected = async () => {
    const query = encodeURIComponent('{ __schema { description } }');
    const response = await fetch(`${httpUrl}?query=${query}`);
    return !('errors' in (await response.json()));
  };
  const stopPublishing = await publishAllTheTime(t);
  const all = await Promise.all(subscribers.map((subscriber) => listen(t, subscriber)));
  const connected = await connections();
  try {
    await change("ALTER SYSTEM SET fraiseql_subs.outbox_size = '16kB'");
    await change("ALTER SYSTEM SET fraiseql_subs.keepalive_interval = '30s'");
    await change('ALTER SYSTEM SET fraiseql_subs.max_subscriptions_per_connection = 1');
    await change('ALTER SYSTEM SET fraiseql_subs.introspection = off');
    await until(async () => !(await isIntrospected()));
  } finally {
    await change('ALTER SYSTEM RESET ALL');
  }
  await until(isIntrospected);
  const committed = await stopPublishing();
  await allHeard(all, committed.at(-1));
  for (const heard of all) assertOneGapAtMost(heard, committed);
  assert.equal(await connections(), connected);
});

// A client that does not leave, for which a worker that is to end waits.
async function stay(test) {
  const socket = new Socket({ allowHalfOpen: true });
  test.after(() => socket.destroy());
  socket.connect(Number(new URL(url).port), '127.0.0.1');
  socket.write(
    'GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
      'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n' +
      'Sec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n',
  );
  await once(socket, 'data');
}

test('an EventSource of a browser comes back, also if it tries while the worker ends', { timeout }, async (t) => {
  const page = await openPlayground(t);
  const stopPublishing = await publishAllTheTime(t);
  await page.evaluate(() => {
    const query = encodeURIComponent('subscription Browser { orderUpdated { id } }');
    const source = new EventSource(`/graphql?query=${query}`);
    globalThis.ids = [];
    source.addEventListener('next', ({ data }) => globalThis.ids.push(Number(JSON.parse(data).data.orderUpdated.id)));
  });
  const heard = { operation: 'Browser', ids: [], codes: [] };
  const hear = async () => (heard.ids = await page.evaluate(() => globalThis.ids));
  const hears = (id) => until(async () => (await hear()).at(-1) >= id);
  await subscribed('Browser');
  await hears(await lastSent());
  await stay(t);
  await endWorker('SIGTERM');
  await subscribed('Browser');
  const resumed = await lastSent();
  await until(async () => (await lastSent()) > resumed + 20);
  const committed = await stopPublishing();
  await hears(committed.at(-1));
  assertOneGapAtMost(heard, committed, resumed);
});

// More than the ring holds, while the worker does not read it.
async function loseEvents() {
  const worker = await workerPid();
  process.kill(worker, 'SIGSTOP');
  try {
    await sql(
      "DO $$ BEGIN FOR i IN 1..80 LOOP PERFORM fraiseql_publish('x', 'elsewhere', to_jsonb(repeat('x', 1000000)));" +
        ' COMMIT; END LOOP; END $$',
    );
  } finally {
    process.kill(worker, 'SIGCONT');
  }
}

test('lost events are told, and end no subscription', { timeout }, async (t) => {
  const strict = await listen(t, apollo3Subscriber('Apollo3Strict', 'none'));
  const all = await Promise.all(subscribers.map((subscriber) => listen(t, subscriber)));
  await loseEvents();
  await sql("SELECT fraiseql_publish('orderUpdated', 'orders', '{\"id\": 1, \"status\": \"paid\"}')");
  await allHeard(all, 1);
  for (const { operation, ids, codes } of all) {
    assert.deepEqual(ids, [1], operation);
    // Relay keeps errors from its application.
    const isTold = operation !== 'RelayOrderSubscription';
    assert.deepEqual([...new Set(codes)], isTold ? ['EVENTS_LOST'] : [], operation);
  }
  // The default of Apollo Client 3 ends a subscription at any error.
  await until(() => strict.end);
  assert.match(strict.end.message, /overwritten before they could be delivered/);
});

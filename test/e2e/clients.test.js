// Clients that people use, each with its own idea of the protocol, of documents and of a cache.

import assert from 'node:assert/strict';
import test from 'node:test';
import { ApolloClient, HttpLink, InMemoryCache, gql } from '@apollo/client/core';
import { GraphQLWsLink } from '@apollo/client/link/subscriptions';
import { Client as UrqlClient, fetchExchange, subscriptionExchange } from '@urql/core';
import { createClient as createSseClient } from 'graphql-sse';
import relay from 'relay-runtime';
import legacy from 'subscriptions-transport-ws';
import WebSocket from 'ws';
import { relayEnvironment, relayRequest } from './relay_order.js';
import { connect, httpUrl, publish, subscribed, url } from './server.js';

// Apollo's link tells errors of sockets apart by this global of browsers.
globalThis.WebSocket ??= WebSocket;

const timeout = 60_000;

// The first `count` values that `start` hands to its callback; it returns how to stop.
function collect(count, start) {
  return new Promise((resolve, reject) => {
    const values = [];
    const stop = start((value) => {
      values.push(value);
      if (values.length < count) return;
      setImmediate(() => stop());
      resolve(values);
    }, reject);
  });
}

test('Apollo Client merges fragments and writes events to its cache', { timeout }, async (t) => {
  const cache = new InMemoryCache();
  const client = new ApolloClient({ cache, link: new GraphQLWsLink(connect(t)) });
  t.after(() => client.stop());
  const query = gql`
    subscription ApolloOrder($id: ID, $total: Boolean!) {
      orderUpdated(id: $id) {
        ...Status
        total @include(if: $total)
      }
    }
    fragment Status on Order {
      id
      status
    }
  `;
  const events = collect(2, (next, reject) => {
    const started = client
      .subscribe({ query, variables: { id: '7', total: true } })
      .subscribe({ next, error: reject });
    return () => started.unsubscribe();
  });
  await subscribed('ApolloOrder');
  await publish({ id: 7, status: 'open', total: 1.5 });
  await publish({ id: 7, status: 'paid', total: 2.5 });
  const received = (await events).map((result) => result.data.orderUpdated);
  assert.deepEqual(
    received.map(({ status, total }) => [status, total]),
    [
      ['open', 1.5],
      ['paid', 2.5],
    ],
  );
  assert.equal(received[0].__typename, 'Order');
  assert.deepEqual(
    cache.readFragment({ id: 'Order:7', fragment: gql('fragment F on Order { status }') }),
    { __typename: 'Order', status: 'paid' },
  );
  await subscribed('ApolloOrder', 0);
});

test('Apollo Client reports errors in its own shape', { timeout }, async (t) => {
  const client = new ApolloClient({
    cache: new InMemoryCache(),
    link: new GraphQLWsLink(connect(t)),
  });
  t.after(() => client.stop());
  const query = gql('subscription { orderUpdated { nope } }');
  const [error] = await collect(1, (next) => {
    const started = client
      .subscribe({ query })
      .subscribe({ next: (result) => next(result.error), error: next });
    return () => started.unsubscribe();
  });
  assert.match(error.message, /Cannot query field "nope" on type "Order"/);
});

test('Apollo Client queries by HTTP', { timeout }, async (t) => {
  const client = new ApolloClient({
    cache: new InMemoryCache(),
    link: new HttpLink({ uri: httpUrl }),
  });
  t.after(() => client.stop());
  const { data } = await client.query({ query: gql('{ subscriptions { name definition } }') });
  assert.ok(data.subscriptions.some((field) => field.name === 'orderUpdated'));
});

test('urql subscribes by WebSocket and queries by HTTP', { timeout }, async (t) => {
  const socket = connect(t);
  const client = new UrqlClient({
    url: httpUrl,
    preferGetMethod: false,
    exchanges: [
      fetchExchange,
      subscriptionExchange({
        forwardSubscription: (request) => ({
          subscribe: (sink) => ({ unsubscribe: socket.subscribe(request, sink) }),
        }),
      }),
    ],
  });
  const query = 'subscription UrqlOrder { orderUpdated { ...O } } fragment O on Order { id status }';
  const events = collect(1, (next) => {
    const started = client.subscription(query, {}).subscribe(next);
    return () => started.unsubscribe();
  });
  await subscribed('UrqlOrder');
  await publish({ id: 1, status: 'paid' });
  const [{ data, error }] = await events;
  assert.equal(error, undefined);
  assert.deepEqual(data.orderUpdated, { id: '1', status: 'paid' });
  await subscribed('UrqlOrder', 0);
  const version = await client.query('{ serverVersion }', {}).toPromise();
  assert.match(version.data.serverVersion, /PostgreSQL/);
});

test('Relay normalises events into its store', { timeout }, async (t) => {
  const environment = relayEnvironment(relay, connect(t));
  const events = collect(2, (next, reject) => {
    const started = relay.requestSubscription(environment, {
      subscription: relayRequest,
      variables: { withTotal: true },
      onNext: next,
      onError: reject,
    });
    return () => started.dispose();
  });
  await subscribed('RelayOrderSubscription');
  await publish({ id: 7, status: 'open', total: 1.5 });
  await publish({ id: 7, status: 'paid', total: 2.5 });
  assert.deepEqual(
    (await events).map((data) => data.orderUpdated),
    [
      { id: '7', status: 'open', total: 1.5 },
      { id: '7', status: 'paid', total: 2.5 },
    ],
  );
  assert.equal(environment.getStore().getSource().get('7').status, 'paid');
  await subscribed('RelayOrderSubscription', 0);
});

test('a client that speaks only the older protocol is served', { timeout }, async (t) => {
  const client = new legacy.SubscriptionClient(url, { reconnect: false }, WebSocket);
  t.after(() => client.close());
  const query = 'subscription LegacyOrder { orderUpdated { id } }';
  const events = collect(1, (next, error) => {
    const started = client
      .request({ query, operationName: 'LegacyOrder' })
      .subscribe({ next, error });
    return () => started.unsubscribe();
  });
  await subscribed('LegacyOrder');
  await publish({ id: 7, status: 'paid' });
  assert.deepEqual((await events)[0].data, { orderUpdated: { id: '7' } });
  await subscribed('LegacyOrder', 0);
  const [failure] = await collect(1, (next) => {
    const started = client
      .request({ query: 'subscription { orderUpdated { nope } }' })
      .subscribe({ error: next, next });
    return () => started.unsubscribe();
  });
  assert.match(JSON.stringify(failure.message ?? failure), /Cannot query field/);
});

test('graphql-sse subscribes in distinct connections mode', { timeout }, async (t) => {
  const client = createSseClient({ url: httpUrl, retryAttempts: 0 });
  t.after(() => client.dispose());
  const query = 'subscription SseOrder($id: ID) { orderUpdated(id: $id) { id } }';
  const events = client.iterate({ query, variables: { id: 7 } });
  const received = events.next();
  await subscribed('SseOrder');
  await publish({ id: 7, status: 'paid' });
  assert.deepEqual((await received).value.data, { orderUpdated: { id: '7' } });
  await events.return();
  await subscribed('SseOrder', 0);
  const version = await client.iterate({ query: '{ serverVersion }' }).next();
  assert.match(version.value.data.serverVersion, /PostgreSQL/);
  const invalid = await client.iterate({ query: '{ nope }' }).next();
  assert.match(invalid.value.errors[0].message, /Cannot query field "nope"/);
});

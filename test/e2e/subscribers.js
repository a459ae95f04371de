// The clients that people use, each with the options for reconnecting that docs/protocol.md names, and
// shorter pauses between its attempts.
//
// A subscriber subscribes to orders with `subscribe(sink)` and returns how to stop. What it hands to
// its application goes to the sink: next(order, errors), error(error), complete(). The server knows its
// subscription as `operation`.

import { setTimeout as pause } from 'node:timers/promises';
import { ApolloClient, InMemoryCache, gql } from '@apollo/client/core';
import { GraphQLWsLink } from '@apollo/client/link/subscriptions';
import { Client as UrqlClient, subscriptionExchange } from '@urql/core';
import apollo3 from 'apollo-client-3/core/core.cjs';
import apollo3Links from 'apollo-client-3/link/subscriptions/subscriptions.cjs';
import { createClient as createSseClient } from 'graphql-sse';
import { createClient } from 'graphql-ws';
import relay from 'relay-runtime';
import legacy from 'subscriptions-transport-ws';
import WebSocket from 'ws';
import { relayEnvironment, relayRequest } from './relay_order.js';
import { httpUrl, url } from './server.js';

// Apollo's link tells errors of sockets apart by this global of browsers.
globalThis.WebSocket ??= WebSocket;

const soon = () => pause(50);

function socket() {
  return createClient({
    url,
    webSocketImpl: WebSocket,
    retryAttempts: Infinity,
    shouldRetry: () => true,
    retryWait: soon,
  });
}

const queryNamed = (operation) => `subscription ${operation} { orderUpdated { id } }`;

function subscriber(operation, start) {
  return { operation, subscribe: (sink) => start(sink, queryNamed(operation), operation) };
}

export function apollo3Subscriber(operation, errorPolicy) {
  return subscriber(operation, (sink, query) => {
    const client = new apollo3.ApolloClient({
      cache: new apollo3.InMemoryCache(),
      link: new apollo3Links.GraphQLWsLink(socket()),
    });
    const started = client.subscribe({ query: apollo3.gql(query), errorPolicy }).subscribe({
      next: ({ data, errors }) => sink.next(data?.orderUpdated, errors),
      error: sink.error,
      complete: sink.complete,
    });
    return () => started.unsubscribe();
  });
}

export const subscribers = [
  subscriber('GraphqlWs', (sink, query) =>
    socket().subscribe(
      { query },
      { ...sink, next: ({ data, errors }) => sink.next(data?.orderUpdated, errors) },
    ),
  ),
  subscriber('Apollo', (sink, query) => {
    const client = new ApolloClient({
      cache: new InMemoryCache(),
      link: new GraphQLWsLink(socket()),
    });
    const started = client.subscribe({ query: gql(query) }).subscribe({
      next: ({ data, error }) => sink.next(data?.orderUpdated, error?.errors),
      error: sink.error,
      complete: sink.complete,
    });
    return () => started.unsubscribe();
  }),
  apollo3Subscriber('Apollo3', 'all'),
  subscriber('Urql', (sink, query) => {
    const client = socket();
    const forwardSubscription = (request) => ({
      subscribe: (observer) => ({ unsubscribe: client.subscribe(request, observer) }),
    });
    const exchanges = [subscriptionExchange({ forwardSubscription })];
    const started = new UrqlClient({ url: httpUrl, exchanges })
      .subscription(query, {})
      .subscribe(({ data, error, hasNext }) => {
        if (error?.networkError) sink.error(error);
        else if (hasNext) sink.next(data?.orderUpdated, error?.graphQLErrors);
        else sink.complete();
      });
    return () => started.unsubscribe();
  }),
  {
    operation: 'RelayOrderSubscription',
    subscribe(sink) {
      const started = relay.requestSubscription(relayEnvironment(relay, socket()), {
        subscription: relayRequest,
        variables: { withTotal: false },
        onNext: (data) => sink.next(data.orderUpdated),
        onError: sink.error,
        onCompleted: sink.complete,
      });
      return () => started.dispose();
    },
  },
  subscriber('LegacyWs', (sink, query, operationName) => {
    // On Node, a connection that it gives up while it is made throws where nobody catches.
    const options = { reconnect: true, minTimeout: 30_000 };
    const client = new legacy.SubscriptionClient(url, options, WebSocket);
    // Connections fail while the server is away.
    client.onError(() => {});
    client.request({ query, operationName }).subscribe({
      next: ({ data, errors }) => sink.next(data?.orderUpdated, errors),
      error: sink.error,
      complete: sink.complete,
    });
    return () => client.close();
  }),
  subscriber('GraphqlSse', (sink, query) =>
    createSseClient({ url: httpUrl, retryAttempts: Infinity, retry: soon }).subscribe(
      { query },
      { ...sink, next: ({ data, errors }) => sink.next(data?.orderUpdated, errors) },
    ),
  ),
];

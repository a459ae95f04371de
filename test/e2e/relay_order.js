// `subscription RelayOrderSubscription`, as relay-compiler emits it: `id` and `__typename` added,
// fragments inlined in the operation.

const argument = { defaultValue: null, kind: 'LocalArgument', name: 'withTotal' };

const scalar = (name) => ({
  alias: null,
  args: null,
  kind: 'ScalarField',
  name,
  storageKey: null,
});

const order = (selections) => ({
  alias: null,
  args: null,
  concreteType: 'Order',
  kind: 'LinkedField',
  name: 'orderUpdated',
  plural: false,
  selections,
  storageKey: null,
});

const fields = [
  scalar('id'),
  scalar('status'),
  {
    condition: 'withTotal',
    kind: 'Condition',
    passingValue: true,
    selections: [scalar('total')],
  },
];

export const relayRequest = {
  fragment: {
    argumentDefinitions: [argument],
    kind: 'Fragment',
    metadata: null,
    name: 'RelayOrderSubscription',
    selections: [order(fields)],
    type: 'Subscription',
    abstractKey: null,
  },
  kind: 'Request',
  operation: {
    argumentDefinitions: [argument],
    kind: 'Operation',
    name: 'RelayOrderSubscription',
    selections: [order([scalar('__typename'), ...fields])],
  },
  params: {
    cacheID: 'c0ffee',
    id: null,
    metadata: {},
    name: 'RelayOrderSubscription',
    operationKind: 'subscription',
    text: `subscription RelayOrderSubscription(
  $withTotal: Boolean!
) {
  orderUpdated {
    __typename
    ...Order_order
    id
  }
}

fragment Order_order on Order {
  id
  ...Order_status
  total @include(if: $withTotal)
}

fragment Order_status on Order {
  status
}
`,
  },
};

// A Relay environment whose subscriptions go through a graphql-ws client.
export function relayEnvironment(relay, socket) {
  const subscribe = (operation, variables) =>
    relay.Observable.create((sink) =>
      socket.subscribe(
        { operationName: operation.name, query: operation.text, variables },
        {
          next: (result) => sink.next(result),
          error: (error) => sink.error(error),
          complete: () => sink.complete(),
        },
      ),
    );
  const fetchQuery = () => {
    throw new Error('no query is expected');
  };
  return new relay.Environment({
    network: relay.Network.create(fetchQuery, subscribe),
    store: new relay.Store(new relay.RecordSource()),
  });
}

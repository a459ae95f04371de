// The parts of the playground that need no browser.

import assert from 'node:assert/strict';
import test from 'node:test';
import { explainClose } from '../../worker/playground/close_codes.js';
import { compactTokens } from '../../worker/playground/compact.js';
import { formatLatency, latencyMs, median, parseInstant, preciseNow } from '../../worker/playground/latency.js';
import { graphqlTokens, jsonTokens, offsetOf, operationsIn } from '../../worker/playground/lexer.js';
import { documentFor, typeText } from '../../worker/playground/schema.js';
import { Transport } from '../../worker/playground/transport.js';

const named = (name, kind = 'SCALAR') => ({ kind, name, ofType: null });
const nonNull = (ofType) => ({ kind: 'NON_NULL', name: null, ofType });
const list = (ofType) => ({ kind: 'LIST', name: null, ofType });
const field = (name, type, args = []) => ({ name, type, args, isDeprecated: false });
const argument = (name, type, defaultValue = null) => ({ name, type, defaultValue });

function schemaOf(...types) {
  const scalars = ['ID', 'String'].map((name) => named(name));
  return { types: new Map([...scalars, ...types].map((type) => [type.name, type])) };
}

function operationsOf(text) {
  return operationsIn(graphqlTokens(text)).map(({ kind, name, label }) => [kind, name, label]);
}

for (const text of ['subscription { a(b: "\\"x") }', '"""open', '{ "é" 💥 $ @ ... }', '', '{"a": [1, tru', '}}))']) {
  test(`tokens cover every character of ${JSON.stringify(text)}`, () => {
    for (const tokens of [graphqlTokens(text), jsonTokens(text)]) {
      assert.equal(tokens.map((token) => token.text).join(''), text);
    }
  });
}

test('operations are found among fragments, comments and strings', () => {
  const text = `
    # query Commented { a }
    query First($filter: Filter = {a: {b: "query Inside {"}}) @x(y: 1) { query mutation }
    fragment subscription on Query { a }
    subscription { orderUpdated { id } }
    { serverVersion }`;
  assert.deepEqual(operationsOf(text), [
    ['query', 'First', 'First'],
    ['subscription', null, 'orderUpdated'],
    ['query', null, 'serverVersion'],
  ]);
});

test('an unfinished document has the operations that it begins', () => {
  assert.deepEqual(operationsOf('subscription'), [['subscription', null, 'subscription']]);
  assert.deepEqual(operationsOf('query A { a } subscription B { b'), [['query', 'A', 'A'], ['subscription', 'B', 'B']]);
  assert.deepEqual(operationsOf('}'), []);
});

test('a location is an offset, within the text whatever it says', () => {
  assert.equal(offsetOf('ab\ncd', { line: 1, column: 1 }), 0);
  assert.equal(offsetOf('ab\ncd', { line: 2, column: 2 }), 4);
  assert.equal(offsetOf('ab\ncd', { line: 9, column: 9 }), 5);
});

test('types are written as in GraphQL', () => {
  assert.equal(typeText(nonNull(list(nonNull(named('Order', 'OBJECT'))))), '[Order!]!');
});

test('a document selects leaves, once within themselves, and passes arguments as variables', () => {
  const order = {
    kind: 'OBJECT',
    name: 'Order',
    fields: [
      field('id', nonNull(named('ID'))),
      { ...field('old', named('String')), isDeprecated: true },
      field('needs', named('String'), [argument('what', nonNull(named('ID')))]),
      field('customer', named('Customer', 'OBJECT')),
    ],
  };
  const customer = {
    kind: 'OBJECT',
    name: 'Customer',
    fields: [field('name', named('String')), field('orders', list(named('Order', 'OBJECT')))],
  };
  const args = [argument('shop', nonNull(named('ID'))), argument('id', named('ID'))];
  const orderPaid = field('orderPaid', named('Order', 'OBJECT'), args);
  const { text, variables } = documentFor(schemaOf(order, customer), 'subscription', orderPaid);
  assert.equal(
    text,
    `subscription OrderPaid($shop: ID!, $id: ID) {
  orderPaid(shop: $shop, id: $id) {
    id
    customer {
      name
    }
  }
}
`,
  );
  assert.deepEqual(variables, { shop: null });
});

test('a document selects what the members of a union have', () => {
  const types = ['A', 'B'].map((name) => ({ kind: 'OBJECT', name, fields: [field('id', named('ID'))] }));
  const either = { kind: 'UNION', name: 'Either', fields: null, possibleTypes: types };
  const { text } = documentFor(schemaOf(...types, either), 'subscription', field('x', named('Either', 'UNION')));
  assert.equal(
    text.replace(/\s+/g, ' ').trim(),
    'subscription X { x { __typename ... on A { id } ... on B { id } } }',
  );
});

test('a document of a leaf has no selection', () => {
  const { text } = documentFor(schemaOf(), 'query', field('version', named('String')));
  assert.equal(text, 'query Version {\n  version\n}\n');
});

test('latency counts microseconds', () => {
  const arrival = Date.UTC(2026, 0, 2, 3, 4, 5, 678) + 0.9;
  const latency = latencyMs({ extensions: { committedAt: '2026-01-02T03:04:05.678123Z' } }, arrival);
  assert.equal(latency.toFixed(3), '0.777');
  assert.equal(parseInstant('2026-01-02T03:04:05Z'), Date.UTC(2026, 0, 2, 3, 4, 5));
});

test('where there is no commit time there is no latency', () => {
  for (const payload of [{}, { extensions: {} }, { extensions: { committedAt: 'soon' } }]) {
    assert.equal(latencyMs(payload, 1), null);
  }
  assert.equal(formatLatency(null), '–');
});

test('a negative latency is never shown as one', () => {
  assert.equal(formatLatency(-3), 'clocks differ');
  assert.deepEqual([0.05, 42.4, 1234].map(formatLatency), ['0.1 ms', '42 ms', '1.2 s']);
});

test('the precise time stays within the millisecond of the clock', () => {
  for (let i = 0; i < 1000; ++i) {
    const before = Date.now();
    const now = preciseNow();
    assert.ok(before <= now && now < Date.now() + 1);
  }
});

test('the median of nothing is nothing', () => {
  assert.equal(median([]), null);
  assert.equal(median([3, 1, 2]), 2);
});

function compact(data) {
  return compactTokens(data)
    .map(({ text }) => text)
    .join('');
}

test('a compact line leaves out the only root key, the quotes of keys and the outer braces', () => {
  const order = { id: '1', tags: ['a', 2], customer: { name: null } };
  assert.equal(compact({ order }), 'id: "1", tags: ["a", 2], customer: {name: null}');
  assert.equal(compact({ a: { id: 1 }, b: true }), 'a: {id: 1}, b: true');
  assert.equal(compact({ orders: [{ id: 1 }, {}] }), '[{id: 1}, {}]');
  assert.equal(compact({ version: 'x' }), '"x"');
  assert.equal(compact({ order: {} }), '{}');
  assert.equal(compact({ order: null }), 'null');
  assert.equal(compact(null), 'null');
});

test('a compact line ends early where there is much', () => {
  const many = compact({ orders: Array.from({ length: 10_000 }, () => ({ id: 'x'.repeat(50) })) });
  assert.ok(many.length < 300 && many.endsWith('…'), many);
});

test('each close code of the protocol is explained; what may pass is tried again', () => {
  const retried = [1001, 1005, 1006, 1012, 1013, 4408, 4413];
  const final = [1007, 1009, 4400, 4401, 4403, 4406, 4409, 4429, 4500];
  for (const code of [...retried, ...final]) {
    const { meaning, retry } = explainClose(code);
    assert.notEqual(meaning, explainClose(4999).meaning);
    assert.equal(retry, retried.includes(code), `${code}`);
  }
});

test('a code that is not known is said to be so, and it is tried again', () => {
  for (const code of [1014, 3000, 4444]) {
    const { meaning, advice, retry } = explainClose(code);
    assert.match(meaning, /does not know/);
    assert.match(advice, /log/);
    assert.equal(retry, true);
  }
});

// Stands in for the browser's: the test opens, answers and closes it.
class FakeWebSocket {
  static last = null;
  sent = [];
  constructor() {
    FakeWebSocket.last = this;
  }
  send(text) {
    this.sent.push(JSON.parse(text));
  }
  close() {}
  receive(message) {
    this.onmessage({ data: JSON.stringify(message) });
  }
  connect() {
    this.onopen();
    this.receive({ type: 'connection_ack' });
  }
}

test('a server that accepts and closes at once is asked ever more rarely, one that was steady soon', (t) => {
  t.mock.timers.enable({ apis: ['setTimeout', 'Date'] });
  const { WebSocket } = globalThis;
  globalThis.WebSocket = FakeWebSocket;
  t.after(() => (globalThis.WebSocket = WebSocket));
  const waits = [];
  const transport = new Transport('ws://x', ({ name, retryMs }) => name === 'closed' && waits.push(retryMs));
  transport.connect();
  for (let i = 0; i < 6; ++i) {
    FakeWebSocket.last.connect();
    FakeWebSocket.last.onclose({ code: 4999, reason: '' });
    t.mock.timers.tick(waits.at(-1) + 1);
  }
  assert.ok(waits[0] <= 500 && waits[5] >= 7500, String(waits));
  FakeWebSocket.last.connect();
  t.mock.timers.tick(60_000);
  FakeWebSocket.last.onclose({ code: 1006, reason: '' });
  assert.ok(waits.at(-1) <= 500, String(waits));
});

// What bench/graphql_bench.cpp measures, by graphql-js: microseconds a call, the fastest of several
// rounds after V8 has optimised.

'use strict';

const fs = require('node:fs');
const path = require('node:path');
const { buildSchema, execute, parse, validate } = require('../test/oracle/node_modules/graphql');

const folder = process.argv[2];
const read = (name) => fs.readFileSync(path.join(folder, name), 'utf8');

const schema = buildSchema(
  `${read('types.graphql')}
   type Query { serverVersion: String! }
   type Subscription { orderUpdated(id: ID, status: Status): Order }`,
);
const source = read('document.graphql');
const variableValues = JSON.parse(read('variables.json'));
const text = read('event.json');
const event = JSON.parse(text);

function measure(calls, call) {
  let best = Infinity;
  for (let round = 0; round < 150; ++round) {
    const start = process.hrtime.bigint();
    for (let i = 0; i < calls; ++i) call();
    best = Math.min(best, Number(process.hrtime.bigint() - start) / 1000 / calls);
  }
  return best;
}

const document = parse(source);
const run = (orderUpdated) =>
  JSON.stringify(execute({ schema, document, rootValue: { orderUpdated }, variableValues }));

console.log(
  'prepare',
  measure(100, () => {
    if (validate(schema, parse(source)).length > 0) throw new Error('the document is invalid');
  }),
);
console.log(
  'execute',
  measure(500, () => run(JSON.parse(text))),
);
console.log(
  'encode',
  measure(500, () => run(event)),
);

// Documents that ask for much work: many conflicts, fragments that refer to each other, introspection
// within introspection. At sizes around graphql-js's own bounds on work.

function conflicts(random, fields) {
  const selection = () => `x: ${random.pick(fields)}`;
  return `{ ${random.times(2, random.pick([40, 800]), selection).join(' ')} }`;
}

// Fragments that spread each other, with the same response names.
function tangle(random, fields, type) {
  const count = 2 + random.below(random.pick([6, 30]));
  const density = random.pick([0.1, 0.4, 1]);
  const fragments = Array.from({ length: count }, (_, i) => {
    const spreads = Array.from({ length: count }, (_, j) => `...F${j}`).filter(
      (_, j) => (j > i || random.chance(0.1)) && random.chance(density),
    );
    const own = random.times(1, 3, () => `${random.pick(['x', 'y', 'z'])}: ${random.pick(fields)}`);
    return `fragment F${i} on ${type} { ${random.shuffle([...spreads, ...own]).join(' ')} }`;
  });
  return `{ ...F0 ${random.times(0, 2, () => `...F${random.below(count)}`).join(' ')} } ${fragments.join(' ')}`;
}

// Operations that share fragments with variables.
function variables(random, type) {
  const fragments = random.times(1, 60, (i) => {
    const next = random.chance(0.9) ? `...F${i + 1}` : '';
    return `fragment F${i} on ${type} { __typename @include(if: $a${random.below(3)}) ${next} }`;
  });
  const operations = random.times(1, 60, (i) => {
    const spread = `...F${random.below(fragments.length)}`;
    return `query Q${i}($a0: Boolean!, $a1: Boolean) { __typename ${spread} }`;
  });
  return [...operations, ...fragments].join('\n');
}

function introspection(random) {
  const lists = ['fields', 'interfaces', 'possibleTypes', 'inputFields', 'ofType', 'a: fields'];
  const below = (depth) => {
    if (depth > 5 || random.chance(0.15)) return '{ name }';
    if (random.chance(0.3)) return `{ ...I${random.below(3)} }`;
    if (random.chance(0.2)) return `{ ... on __Type ${below(depth + 1)} }`;
    return `{ ${random.times(1, 2, () => `${random.pick(lists)} ${below(depth + 1)}`).join(' ')} }`;
  };
  const fragments = [0, 1, 2].map((i) => `fragment I${i} on __Type ${below(1)}`);
  const roots = random.times(1, 3, () =>
    random.pick([
      `__schema { types ${below(0)} }`,
      `__type(name: "A") ${below(0)}`,
      `... { __schema { queryType ${below(0)} } }`,
    ]),
  );
  return `{ ${roots.join(' ')} } ${fragments.join(' ')}`;
}

export function heavyDocument(random, schema) {
  const type = schema.getQueryType();
  const fields = Object.keys(type.getFields());
  switch (random.below(4)) {
    case 0:
      return conflicts(random, fields);
    case 1:
      return tangle(random, fields, type.name);
    case 2:
      return variables(random, type.name);
    default:
      return introspection(random);
  }
}

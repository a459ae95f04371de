// The schema as introspection tells it, and ready-made documents for its fields.

const kTypeReference = 'kind name ofType { '.repeat(7) + 'kind name' + ' }'.repeat(7);

const kIntrospection = `query Introspection {
  __schema {
    queryType { name }
    subscriptionType { name }
    types {
      kind name description
      fields(includeDeprecated: true) {
        name description isDeprecated deprecationReason
        args { ...Input }
        type { ...Reference }
      }
      inputFields { ...Input }
      enumValues(includeDeprecated: true) { name description isDeprecated deprecationReason }
      possibleTypes { name }
    }
  }
}
fragment Input on __InputValue { name description defaultValue type { ...Reference } }
fragment Reference on __Type { ${kTypeReference} }`;

// How deep objects within objects are selected.
const kSelectedDepth = 3;

const kLongestList = 32;

export class SchemaError extends Error {
  // code is that of a GraphQL error; undefined without one.
  constructor(message, code) {
    super(message);
    this.code = code;
  }
}

// Resolves to the data; rejects with a SchemaError that has the server's words.
export async function queryByHttp(url, query) {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json' },
    body: JSON.stringify({ query }),
  }).catch(() => {
    throw new SchemaError('The server cannot be reached.');
  });
  const reply = await response.json().catch(() => {
    throw new SchemaError(`The server answered with HTTP ${response.status}.`);
  });
  if (reply.errors) {
    const messages = new Set(reply.errors.map(({ message }) => message));
    throw new SchemaError([...messages].join('\n'), reply.errors[0].extensions?.code);
  }
  return reply.data;
}

// source is the same text for the same schema.
export async function loadSchema(url) {
  const { __schema: schema } = await queryByHttp(url, kIntrospection);
  const types = new Map(schema.types.map((type) => [type.name, type]));
  const rootFields = (root) => types.get(root?.name)?.fields ?? [];
  return {
    source: JSON.stringify(schema),
    types,
    subscriptions: rootFields(schema.subscriptionType),
    queries: rootFields(schema.queryType),
    roots: new Set([schema.subscriptionType?.name, schema.queryType?.name]),
  };
}

export function namedType(reference) {
  while (reference.ofType) reference = reference.ofType;
  return reference.name;
}

// What stands before and behind the name in `[Order!]!`.
export function typeAffixes(reference) {
  if (reference.kind === 'NON_NULL') {
    const [before, behind] = typeAffixes(reference.ofType);
    return [before, `${behind}!`];
  }
  if (reference.kind === 'LIST') {
    const [before, behind] = typeAffixes(reference.ofType);
    return [`[${before}`, `${behind}]`];
  }
  return ['', ''];
}

export function typeText(reference) {
  const [before, behind] = typeAffixes(reference);
  return before + namedType(reference) + behind;
}

const isRequired = ({ type, defaultValue }) => type.kind === 'NON_NULL' && defaultValue === null;

// The selection of a type as lines; none for a leaf. An object within is selected for its own leaves,
// and not again inside of itself.
function selectionOf(schema, name, indent, within) {
  const type = schema.types.get(name);
  if (!type || within.includes(name) || within.length >= kSelectedDepth) return [];
  const lines = [];
  const isAbstract = type.kind === 'UNION' || type.kind === 'INTERFACE';
  if (isAbstract) lines.push(`${indent}__typename`);
  for (const field of type.fields ?? []) {
    if (field.isDeprecated || field.args.some(isRequired)) continue;
    const inner = schema.types.get(namedType(field.type));
    if (inner?.kind === 'SCALAR' || inner?.kind === 'ENUM') {
      lines.push(indent + field.name);
    } else {
      const selection = selectionOf(schema, inner?.name, `${indent}  `, [...within, name]);
      if (selection.length) lines.push(`${indent}${field.name} {`, ...selection, `${indent}}`);
    }
  }
  if (type.kind === 'UNION') {
    for (const possible of type.possibleTypes) {
      const selection = selectionOf(schema, possible.name, `${indent}  `, [...within, name]);
      if (selection.length) lines.push(`${indent}... on ${possible.name} {`, ...selection, `${indent}}`);
    }
  }
  if (lines.length === 0 && type.fields) lines.push(`${indent}__typename`);
  return lines;
}

// In parentheses, on one line if it is short.
function listed(items, indent) {
  if (items.length === 0) return '';
  const line = `(${items.join(', ')})`;
  if (line.length <= kLongestList) return line;
  return `(\n${items.map((item) => `${indent}  ${item}\n`).join('')}${indent})`;
}

// A document with one root field, its arguments as variables. `variables` are those that it cannot do
// without.
export function documentFor(schema, operation, field) {
  const name = field.name[0].toUpperCase() + field.name.slice(1);
  const declared = field.args.map((arg) => `$${arg.name}: ${typeText(arg.type)}`);
  const passed = field.args.map((arg) => `${arg.name}: $${arg.name}`);
  const selection = selectionOf(schema, namedType(field.type), '    ', []);
  const head = `${operation} ${name}${listed(declared, '')} {`;
  const call = `  ${field.name}${listed(passed, '  ')}`;
  const lines = selection.length ? [head, `${call} {`, ...selection, '  }', '}'] : [head, call, '}'];
  const required = field.args.filter(isRequired).map((arg) => [arg.name, null]);
  return { text: `${lines.join('\n')}\n`, variables: Object.fromEntries(required) };
}

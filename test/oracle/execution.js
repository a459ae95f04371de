// Execution: random subscriptions, variables and events, mostly of the right types.
import {
  buildSchema,
  execute,
  getNamedType,
  getNullableType,
  isAbstractType,
  isEnumType,
  isInputObjectType,
  isListType,
  isNonNullType,
  isObjectType,
  parse,
  typeFromAST,
} from 'graphql';
import { collectFields } from 'graphql/execution/collectFields.js';
import { check } from './documents.js';
import { october2021 } from './october_2021.js';
import { Random } from './random.js';
import { randomSubscription } from './random_document.js';
import { randomSchema } from './random_schema.js';

const kJunk = [
  null,
  true,
  false,
  0,
  1,
  -1,
  42,
  1.5,
  -0.25,
  2147483647,
  2147483648,
  -2147483648,
  -2147483649,
  1e10,
  1e-7,
  '',
  'x',
  'RED',
  'GREN',
  'red',
  '1',
  '1.5',
  '-7',
  'a\nb',
  'é€',
  '😀',
  [],
  {},
  [1],
  { a: 1 },
  [[['x']]],
  [[[]]],
  [[{ a: {} }]],
  { a: { b: { c: 1 } } },
  [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11],
  [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12],
];

const kMostObjects = 200;

// A JSON value for a type, of variables or of data.
class ValueWriter {
  constructor(random, schema) {
    this.random = random;
    this.schema = schema;
    this.objects = 0; // made so far: wide types multiply
  }

  value(type, depth = 0) {
    const { random } = this;
    if (random.chance(0.05)) return random.pick(kJunk);
    if (isNonNullType(type)) return random.chance(0.03) ? null : this.value(type.ofType, depth);
    if (random.chance(0.1)) return null;
    if (isListType(type)) {
      if (random.chance(0.05)) return this.value(type.ofType, depth + 1);
      return random.times(0, depth > 4 || this.objects > kMostObjects ? 0 : 3, () =>
        this.value(type.ofType, depth + 1),
      );
    }
    if (isEnumType(type)) return random.pick(type.getValues()).name;
    if (isAbstractType(type)) return this.abstract(type, depth);
    if (type.getFields) return this.object(type, depth);
    switch (type.name) {
      case 'Int':
        return random.pick([0, 1, -5, 2147483647]);
      case 'Float':
        return random.pick([0, 1.5, -2.25, 12345.678, 100]);
      case 'String':
        return random.pick(['', 'hello', 'q"\\\n', '\u0001', '😀']);
      case 'Boolean':
        return random.chance(0.5);
      case 'ID':
        return random.pick(['1', 1, 'abc', 12345]);
      default:
        return random.pick(kJunk);
    }
  }

  object(type, depth) {
    const { random } = this;
    const object = {};
    if (++this.objects > kMostObjects) return object;
    for (const field of Object.values(type.getFields())) {
      const endless =
        depth > 3 &&
        (isObjectType(getNamedType(field.type)) || isInputObjectType(getNamedType(field.type)));
      if (random.chance(endless ? 0.7 : 0.08)) continue;
      object[field.name] = depth > 6 ? null : this.value(field.type, depth + 1);
    }
    if (isInputObjectType(type) && random.chance(0.05))
      object[random.pick(['nope', 'naem', 'idd'])] = 1;
    return object;
  }

  abstract(type, depth) {
    const { random } = this;
    const possible = this.schema.getPossibleTypes(type);
    if (possible.length === 0 || depth > 6) return null;
    const chosen = random.pick(possible);
    const object = this.value(chosen, depth);
    if (object === null || typeof object !== 'object' || Array.isArray(object)) return object;
    if (random.chance(0.95)) object.__typename = chosen.name;
    if (random.chance(0.05))
      object.__typename = random.pick([...Object.keys(this.schema.getTypeMap()), 'Nope', 3, null]);
    return object;
  }
}

// What is registered: the types of a random schema, and subscriptions to some of them whose arguments
// filter by fields.
export function register(random) {
  const source = randomSchema(random);
  const schema = buildSchema(source);
  const roots = ['Query', 'Mutation', 'Subscription'];
  const registered = [];
  for (const definition of schema.toConfig().types) {
    if (definition.astNode && !roots.includes(definition.name))
      registered.push(source.slice(definition.astNode.loc.start, definition.astNode.loc.end));
  }
  for (const directive of schema.getDirectives()) {
    if (directive.astNode)
      registered.push(source.slice(directive.astNode.loc.start, directive.astNode.loc.end));
  }
  const composites = Object.values(schema.getTypeMap()).filter(
    (type) =>
      !type.name.startsWith('__') &&
      !roots.includes(type.name) &&
      (isObjectType(type) || isAbstractType(type)),
  );
  const fields = random
    .shuffle(composites)
    .slice(0, 4)
    .map((type, index) => {
      const wrapped = random.pick([
        type.name,
        type.name,
        `${type.name}!`,
        `[${type.name}!]`,
        `[${type.name}]!`,
      ]);
      const leaves =
        wrapped.startsWith('[') || !type.getFields
          ? []
          : Object.values(type.getFields()).filter((field) =>
              ['Int', 'Float', 'String', 'Boolean', 'ID'].includes(
                String(getNullableType(field.type)),
              ),
            );
      const parameters = leaves
        .filter(() => random.chance(0.5))
        .map((field) => `${field.name}: ${getNullableType(field.type)}`);
      return `s${index}${parameters.length ? `(${parameters.join(', ')})` : ''}: ${wrapped}`;
    });
  return { types: registered.join('\n'), fields };
}

// The name of the field that is executed; undefined if there is none.
function rootField(schema, document) {
  const [operation, ...fragments] = document.definitions;
  const byName = Object.fromEntries(fragments.map((fragment) => [fragment.name.value, fragment]));
  try {
    const fields = collectFields(
      schema,
      byName,
      {},
      schema.getSubscriptionType(),
      operation.selectionSet,
    );
    return [...fields.values()][0]?.[0].name.value;
  } catch {
    return undefined; // A variable decides, which validation refuses.
  }
}

export const execution = {
  name: 'execution',
  groupSize: 50,

  group(seed, index) {
    const { types, fields } = register(new Random(seed, index));
    const schema = october2021(
      buildSchema(
        `${types}\ntype Query { serverVersion: String! }\ntype Subscription { ${fields.join('\n')} }`,
      ),
    );
    const snapshot = {
      extension_version: '1',
      server_version: '15',
      types,
      subscriptions: fields.map((field) => ({
        name: field.match(/\w+/)[0],
        field,
        channel: 'c',
        event_types: null,
      })),
    };
    return {
      setup: { catalog: snapshot },
      question(at) {
        const random = new Random(seed, index, at);
        const query = randomSubscription(random, schema);
        const values = new ValueWriter(random, schema);
        const question = { query, event: null };
        const document = parse(query);
        const variables = {};
        for (const { variable, type, defaultValue } of document.definitions[0]
          .variableDefinitions) {
          if (random.chance(defaultValue ? 0.5 : 0.1)) continue;
          variables[variable.name.value] = values.value(typeFromAST(schema, type));
        }
        question.root = rootField(schema, document);
        const field = schema.getSubscriptionType().getFields()[question.root];
        if (field) question.event = values.value(field.type);
        if (Object.keys(variables).length || random.chance(0.5)) question.variables = variables;
        if (random.chance(0.05)) question.operationName = random.pick(['Op0', 'Nope', '']);
        return question;
      },
      judge({ query, variables, operationName, event, root }) {
        const { document, errors } = check(schema, { document: query });
        if (errors.length) return { errors };
        return execute({
          schema,
          document,
          rootValue: { [root]: event },
          variableValues: variables,
          operationName,
        });
      },
      // The order of keys that JSON.stringify compares.
      reduce: ({ data, errors, crash }) => ({
        ...(crash && { crash }),
        ...(errors && { errors }),
        ...(data !== undefined && { data }),
      }),
    };
  },

  *smaller() {},
};

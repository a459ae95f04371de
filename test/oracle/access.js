// Roles and scopes: whatever a random schema demands, what a client is shown of it is a schema that
// graphql-js loads, and names nothing that the client is denied.
import {
  buildClientSchema,
  getIntrospectionQuery,
  isEnumType,
  parse,
  print,
  validateSchema,
  visit,
} from 'graphql';
import { register } from './execution.js';
import { Random } from './random.js';

const kRoles = ['a', 'b', 'c'];
const kScopes = ['x', 'y'];
// Random types have more wrappers than graphql-js asks for.
const kTypeRef = `fragment TypeRef on __Type { kind name ${'ofType { kind name '.repeat(20)}${'}'.repeat(20)} }`;
const kQuery = getIntrospectionQuery({ inputValueDeprecation: true, specifiedByUrl: true }).replace(
  /fragment TypeRef [^]*/,
  kTypeRef,
);

// Directives that demand something, as text, and whether a client meets them.
function randomDemand(random) {
  const roles = kRoles.filter(() => random.chance(0.4));
  if (random.chance(0.2)) return { text: '@authenticated', meets: () => true };
  if (roles.length)
    return {
      text: `@requiresRole(roles: ${JSON.stringify(roles)})`,
      meets: (client) => roles.some((role) => client.roles.includes(role)),
    };
  return {
    text: `@requiresScopes(scopes: ${JSON.stringify([kScopes, ['z']])})`,
    meets: (client) =>
      kScopes.every((scope) => client.scopes.includes(scope)) || client.scopes.includes('z'),
  };
}

// Put demands on random elements of types and subscription fields. `denied` finds out which of them a
// client does not meet: each as the path of names to it.
function demand(random, types, fields) {
  const demands = [];
  const path = [];
  const element = {
    enter(node) {
      path.push(node.name.value);
      if (!random.chance(0.06)) return undefined;
      const { text, meets } = randomDemand(random);
      demands.push({ path: [...path], meets });
      const [{ directives }] = parse(`scalar S ${text}`).definitions;
      return { ...node, directives: [...node.directives, ...directives] };
    },
    leave() {
      path.pop();
    },
  };
  const kinds = [
    'ScalarTypeDefinition',
    'ObjectTypeDefinition',
    'InterfaceTypeDefinition',
    'UnionTypeDefinition',
    'EnumTypeDefinition',
    'InputObjectTypeDefinition',
    'FieldDefinition',
    'InputValueDefinition',
    'EnumValueDefinition',
  ];
  const visitor = Object.fromEntries(kinds.map((kind) => [kind, element]));
  const definitions = parse(types, { noLocation: true }).definitions.map((definition) =>
    definition.kind === 'DirectiveDefinition' ? definition : visit(definition, visitor),
  );
  const nameOf = (field) => field.match(/\w+/)[0];
  const subscriptions = fields.map((field) => {
    const { text, meets } = randomDemand(random);
    const demanding = random.chance(0.2);
    if (demanding) demands.push({ path: ['Subscription', nameOf(field)], meets });
    return { name: nameOf(field), field: demanding ? `${field} ${text}` : field, channel: 'c' };
  });
  return {
    types: definitions.map(print).join('\n'),
    subscriptions,
    denied: (client) => demands.filter(({ meets }) => !meets(client)).map(({ path }) => path),
  };
}

// Whether a schema has an element of that path.
function has(schema, [typeName, part, argument]) {
  const type = schema.getType(typeName);
  if (!type || part === undefined) return Boolean(type);
  if (isEnumType(type)) return Boolean(type.getValue(part));
  const field = type.getFields()[part];
  if (!field || argument === undefined) return Boolean(field);
  return field.args.some(({ name }) => name === argument);
}

export const access = {
  name: 'access',
  groupSize: 10,

  group(seed, index) {
    const random = new Random(seed, index);
    const registered = register(random);
    const { types, subscriptions, denied } = demand(random, registered.types, registered.fields);
    return {
      setup: { catalog: { extension_version: '0', server_version: '0', types, subscriptions } },
      question(at) {
        const chosen = new Random(seed, index, at);
        return {
          query: kQuery,
          roles: kRoles.filter(() => chosen.chance(0.5)),
          scopes: kScopes.filter(() => chosen.chance(0.7)),
        };
      },
      judge: () => ({ problems: [], leaks: [] }),
      reduce(answer, client) {
        if (!answer.data) return answer;
        const schema = buildClientSchema(answer.data);
        return {
          problems: validateSchema(schema).map(({ message }) => message),
          leaks: denied(client).filter((path) => has(schema, path)),
        };
      },
    };
  },

  *smaller() {},
};

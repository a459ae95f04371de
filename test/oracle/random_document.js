// Random executable documents for a schema, with as much mischief as asked for: at 0 they are nearly
// always valid.
import {
  getNamedType,
  getNullableType,
  isAbstractType,
  isCompositeType,
  isEnumType,
  isInputObjectType,
  isLeafType,
  isListType,
  isNonNullType,
  isRequiredArgument,
  isRequiredInputField,
} from 'graphql';

const kStrangers = [
  'nope',
  'naem',
  'idd',
  'item1',
  'ITEM',
  '__typename',
  '__schema',
  '__type',
  'x',
];

class DocumentWriter {
  constructor(random, schema, mischief) {
    this.random = random;
    this.schema = schema;
    this.mischief = mischief;
    this.composites = Object.values(schema.getTypeMap()).filter(
      (type) => isCompositeType(type) && !type.name.startsWith('__'),
    );
    this.typeNames = Object.keys(schema.getTypeMap());
    this.kinds = ['query', 'mutation', 'subscription'].filter((kind) => schema.getRootType(kind));
    this.fragments = [];
    this.depth = 0;
    this.aliases = 0;
  }

  // Whether to do something wrong here.
  errs(weight = 1) {
    return this.random.chance(this.mischief * weight);
  }

  join(parts) {
    return parts
      .filter(Boolean)
      .join(this.random.pick([' ', ' ', '\n', ', ', '\r\n  ', ' # é😀\n']));
  }

  // `place` is the argument or input field around the value, for variables.
  value(type, constant, place, depth = 0) {
    const { random } = this;
    if (this.errs()) {
      return random.pick([
        '1',
        '-1.5',
        '99999999999',
        '"text"',
        '"""block\n  text"""',
        'true',
        'null',
        'RED',
        'gren',
        '[]',
        '[1, [2]]',
        '{}',
        '{a: 1, a: 2}',
        '{a: {b: 1, b: 2}}',
        '$nope',
        '[$nope]',
        '{a: $nope}',
        '"é😀\\u{1F600}"',
      ]);
    }
    if (!constant && random.chance(depth ? 0.15 : 0.35)) return this.variable(type, place);
    if (isNonNullType(type)) return this.nonNull(type.ofType, constant, place, depth);
    if (random.chance(0.06)) return 'null';
    return this.nonNull(type, constant, place, depth);
  }

  nonNull(type, constant, place, depth) {
    const { random } = this;
    if (isListType(type)) {
      if (random.chance(0.2) && !isNonNullType(type.ofType) && !isListType(type.ofType))
        return this.nonNull(getNullableType(type.ofType), constant, null, depth + 1);
      return `[${random.times(0, depth > 2 ? 1 : 3, () => this.value(type.ofType, constant, null, depth + 1)).join(', ')}]`;
    }
    if (isEnumType(type)) return random.pick(type.getValues()).name;
    if (isInputObjectType(type)) return this.object(type, constant, depth);
    switch (type.name) {
      case 'Int':
        return random.pick(['0', '7', '-3', '2147483647']);
      case 'Float':
        return random.pick(['1.5', '2', '-1e3']);
      case 'String':
        return random.pick(['"s"', '"""b"""', '"é"', '""']);
      case 'Boolean':
        return random.pick(['true', 'false']);
      case 'ID':
        return random.pick(['"id"', '5']);
      default:
        return random.pick(['1', '"j"', '{a: [1, "x", {b: null}]}', '[1, 2]', 'ANY']);
    }
  }

  object(type, constant, depth) {
    const { random } = this;
    const fields = Object.values(type.getFields()).filter((field) =>
      isRequiredInputField(field) ? !this.errs() : depth < 3 && random.chance(0.3),
    );
    const parts = fields.map(
      (field) =>
        `${this.errs() ? random.pick(kStrangers) : field.name}: ${this.value(field.type, constant, field, depth + 1)}`,
    );
    if (parts.length && this.errs()) parts.push(random.pick(parts));
    return `{${parts.join(', ')}}`;
  }

  // A variable that may stand where `type` is wanted.
  variable(type, place) {
    const { random } = this;
    const known = this.variables.filter((variable) => variable.type === String(type));
    if (known.length && random.chance(0.4)) return `$${random.pick(known).name}`;
    const name = random.pick(['v', 'var', 'id']) + this.variables.length;
    let declared = String(type);
    let fallback = '';
    if (!isNonNullType(type) && random.chance(0.3)) declared += '!';
    else if (isNonNullType(type) && place?.defaultValue !== undefined && random.chance(0.5))
      declared = declared.slice(0, -1);
    else if (isNonNullType(type) && random.chance(0.2)) {
      declared = declared.slice(0, -1);
      fallback = ` = ${this.nonNull(type.ofType, true, null, 1)}`;
    } else if (random.chance(0.2)) fallback = ` = ${this.value(type, true, null, 1)}`;
    if (this.errs())
      declared = random.pick([
        ...this.typeNames,
        'Nope',
        `[${declared}]`,
        `${declared.replace(/!$/, '')}`,
        `${random.pick(this.typeNames)}!`,
      ]);
    this.variables.push({ name, type: String(type), text: `$${name}: ${declared}${fallback}` });
    return `$${name}`;
  }

  arguments(definitions, constant) {
    const { random } = this;
    const given = definitions.filter((argument) =>
      isRequiredArgument(argument) ? !this.errs() : random.chance(0.4),
    );
    const parts = given.map(
      (argument) =>
        `${this.errs(0.5) ? random.pick(kStrangers) : argument.name}: ${this.value(argument.type, constant, argument)}`,
    );
    if (this.errs(0.3))
      parts.push(
        `${random.pick(kStrangers)}: ${random.pick(['1', '$nope', '{a: 1, a: 2}', '[$nope]'])}`,
      );
    if (parts.length && this.errs(0.5)) parts.push(random.pick(parts));
    return parts.length ? `(${random.shuffle(parts).join(', ')})` : '';
  }

  directives(location, constant = false) {
    const { random } = this;
    const directives = [];
    if (this.errs(0.5))
      directives.push(
        random.pick([
          '@nope',
          '@nope(a: 1, id: $nope, b: {a: 1, a: 2})',
          '@skip',
          '@include(if: 1)',
          '@skip(if: true, if: false)',
          '@deprecated',
          '@oneOf',
          '@specifiedBy(url: 1)',
        ]),
      );
    for (const directive of this.schema.getDirectives()) {
      const fits = directive.locations.includes(location);
      if (!(fits ? random.chance(0.06) : this.errs(0.1))) continue;
      const text = `@${directive.name}${this.arguments(directive.args, constant)}`;
      directives.push(text);
      if (directive.isRepeatable ? random.chance(0.2) : this.errs()) directives.push(text);
    }
    return directives.join(' ');
  }

  field(parent, root) {
    const { random } = this;
    const fields = parent.getFields ? Object.values(parent.getFields()) : [];
    if (this.errs(0.7)) {
      return this.join([
        random.chance(0.3) ? 'x:' : '',
        random.pick(kStrangers) + random.pick(['', '', '(name: "A")', '(a: $nope)']),
        this.directives('FIELD'),
        random.pick(['', '', '{ id }', '{ fields { name } }', '{ name ...F0 }']),
      ]);
    }
    if (!fields.length || (!root && random.chance(0.1)))
      return this.join([
        random.chance(0.3) ? `t${this.aliases++}:` : '',
        `__typename ${this.directives('FIELD')}`,
      ]);
    let field = random.pick(fields);
    if (this.depth > 4) {
      field = fields.find(({ type }) => isLeafType(getNamedType(type)));
      if (!field) return '__typename';
    }
    const type = getNamedType(field.type);
    let alias = '';
    if (random.chance(0.15 + this.mischief))
      alias = `${random.pick(['a', 'b', ...fields.map(({ name }) => name)])}:`;
    if (field.args.length || random.chance(0.2))
      alias = this.errs(2) ? alias : `u${this.aliases++}:`;
    const composite = this.errs(0.4) ? !isCompositeType(type) : isCompositeType(type);
    return this.join([
      alias,
      field.name + this.arguments(field.args, false),
      this.directives('FIELD'),
      composite ? this.selections(isCompositeType(type) ? type : random.pick(this.composites)) : '',
    ]);
  }

  // A composite type that can be where `parent` is.
  condition(parent) {
    const { random } = this;
    if (this.errs()) return random.pick([...this.typeNames, 'Nope', 'Ordr']);
    const fitting = this.composites.filter((type) => {
      const possible = (of) => (isAbstractType(of) ? this.schema.getPossibleTypes(of) : [of]);
      return possible(parent).some((object) => possible(type).includes(object));
    });
    return random.pick(fitting.length ? fitting : [parent]).name;
  }

  selection(parent, root) {
    const { random } = this;
    const kind = random.below(10);
    if (kind < 7 || this.depth > 5) return this.field(parent, root);
    if (kind === 7) {
      const on = random.chance(0.7) ? this.condition(parent) : '';
      const type = this.schema.getType(on);
      return this.join([
        '...',
        on && `on ${on}`,
        this.directives('INLINE_FRAGMENT'),
        this.selections(isCompositeType(type) ? type : parent),
      ]);
    }
    const name = this.errs() ? random.pick(['Nope', 'F0', 'F1']) : this.fragment(parent);
    return this.join([`...${random.pick(['', ' '])}${name}`, this.directives('FRAGMENT_SPREAD')]);
  }

  fragment(parent) {
    const { random } = this;
    const known = this.fragments.filter(
      (fragment) => fragment.parent === parent && (fragment.done || this.errs(3)),
    );
    if (known.length && random.chance(0.6)) return random.pick(known).name;
    if (this.fragments.length > 6) return random.pick(this.fragments).name;
    const fragment = { name: `F${this.fragments.length}`, parent, done: false };
    this.fragments.push(fragment);
    const on = this.condition(parent);
    const type = this.schema.getType(on);
    fragment.text = this.join([
      this.describe(),
      'fragment',
      fragment.name,
      `on ${on}`,
      this.directives('FRAGMENT_DEFINITION'),
      this.selections(isCompositeType(type) ? type : parent),
    ]);
    fragment.done = true;
    return fragment.name;
  }

  selections(parent, root = false) {
    this.depth++;
    const most = this.depth < 3 ? 4 : 2;
    const selections = this.random.times(1, root ? 1 : most, () => this.selection(parent, root));
    if (this.errs()) selections.push(this.selection(parent, root));
    this.depth--;
    return this.join(['{', ...selections, '}']);
  }

  describe() {
    return this.random.chance(0.05) ? this.random.pick(['"what it is"', '"""what\nit is"""']) : '';
  }

  operation(index) {
    const { random, schema } = this;
    let kind = random.pick(this.kinds);
    if (this.errs(0.3)) kind = random.pick(['query', 'mutation', 'subscription']);
    const root = schema.getRootType(kind) ?? schema.getQueryType();
    this.variables = [];
    const selections = this.selections(root, kind === 'subscription' && !this.errs());
    const directives = this.directives(kind.toUpperCase());
    const variables = this.variables
      .filter(() => !this.errs(0.5))
      .map(
        ({ text }) => `${this.describe()} ${text} ${this.directives('VARIABLE_DEFINITION', true)}`,
      );
    if (this.errs())
      variables.push(
        random.pick([
          '$unused: Int',
          '$unused: Nope',
          ...(variables.length ? variables : ['$id0: ID']),
        ]),
      );
    if (kind === 'query' && index === 0 && !variables.length && !directives && random.chance(0.3))
      return selections;
    let name = index === 0 && random.chance(0.4) ? '' : `Op${index}`;
    if (this.errs()) name = random.pick(['', 'Op0']);
    return this.join([
      this.describe(),
      `${kind} ${name}${variables.length ? `(${random.shuffle(variables).join(random.pick([', ', ' ', '\n']))})` : ''}`,
      directives,
      selections,
    ]);
  }

  definition() {
    return this.random.pick([
      'type Extra { a: Int b(x: Nope = {a: 1, a: 2}): [String] }',
      'extend type Query @tag { a: Nope }',
      'scalar Extra @nope @nope',
      'directive @tag(a: Int!) on FIELD',
      'enum Extra { A @deprecated @deprecated }',
      'input Extra { a: Int = [{b: 1, b: 2}] @skip }',
      'union Extra @deprecated = Nope | Query',
      'schema { query: Nope }',
      'extend input Extra { a: Int @deprecated @cache }',
      '"d" interface Extra implements Nope { a: Extra }',
      'directive @nope(a: Int! b: [Nope!]! = 1) repeatable on FIELD | QUERY',
    ]);
  }

  write() {
    const { random } = this;
    const parts = random.times(1, random.chance(0.15) ? 3 : 1, (index) => this.operation(index));
    if (this.errs(2)) {
      this.variables = [];
      this.fragment(random.pick(this.composites));
    }
    parts.push(...this.fragments.map(({ text }) => text));
    if (this.errs() && this.fragments.length) parts.push(random.pick(this.fragments).text);
    if (this.errs(0.4)) parts.push(...random.times(1, 2, () => this.definition()));
    return (random.chance(0.5) ? parts : random.shuffle(parts)).join(
      random.pick(['\n', ' ', '\n\n']),
    );
  }
}

// A valid subscription.
export function randomSubscription(random, schema) {
  const writer = new DocumentWriter(random, schema, 0);
  writer.kinds = ['subscription'];
  return [writer.operation(0), ...writer.fragments.map(({ text }) => text)].join('\n');
}

export function randomDocument(random, schema, mischief) {
  return new DocumentWriter(random, schema, mischief).write();
}

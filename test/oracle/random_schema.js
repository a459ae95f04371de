// Random schemas, as SDL that graphql-js accepts.

const kWords = [
  'id',
  'name',
  'names',
  'item',
  'item2',
  'item10',
  'Item',
  'total',
  'node',
  'nodes',
  'kind',
  'owner',
  'on',
  'type',
  'query',
  'a',
  'ab',
  'b',
  'aLongerName',
  'alongerName2',
];
const kTypeWords = [
  'Order',
  'Orders',
  'Person',
  'Node',
  'Item',
  'Item2',
  'Item10',
  'A',
  'Ab',
  'Change',
];
const kLocations = [
  'QUERY',
  'MUTATION',
  'SUBSCRIPTION',
  'FIELD',
  'FRAGMENT_DEFINITION',
  'FRAGMENT_SPREAD',
  'INLINE_FRAGMENT',
  'VARIABLE_DEFINITION',
];
const kStrings = [
  '""',
  '"x"',
  '"a \\"quoted\\" \\u00e9"',
  '"é😀"',
  '"""block"""',
  '"""two\n  lines"""',
];

// A literal of an input type; `types` has the values of enums and the fields of input objects.
export function literal(random, type, types, depth = 0) {
  if (type.endsWith('!')) {
    for (;;) {
      const value = literal(random, type.slice(0, -1), types, depth);
      if (value !== 'null') return value;
    }
  }
  if (random.chance(0.05)) return 'null';
  if (type.startsWith('[')) {
    const item = type.slice(1, -1);
    // A list alone would be taken for the outer one.
    if (!item.startsWith('[') && random.chance(0.2)) return literal(random, item, types, depth + 1);
    return `[${random.times(0, depth > 2 ? 0 : 3, () => literal(random, item, types, depth + 1)).join(random.pick([', ', ' ', ',']))}]`;
  }
  switch (type) {
    case 'Int':
      return random.pick(['0', '-0', '1', '-42', '2147483647', '-2147483648']);
    case 'Float':
      return random.pick(['0', '1.5', '-2.25', '1e10', '1E-3', '7']);
    case 'String':
      return random.pick(kStrings);
    case 'Boolean':
      return random.pick(['true', 'false']);
    case 'ID':
      return random.pick(['"x"', '5', '"5"']);
  }
  if (types.enums[type]) return random.pick(types.enums[type]);
  const fields = types.inputs[type];
  if (!fields) return random.pick(['1', '"s"', '{a: 1, b: [2]}', '[1, "x"]', 'true', 'FOO', '1.5']);
  const given = fields.filter((field) => field.required || (depth < 3 && random.chance(0.3)));
  return `{${given.map((field) => `${field.name}: ${literal(random, field.type, types, depth + 1)}`).join(', ')}}`;
}

class SchemaWriter {
  constructor(random) {
    this.random = random;
    this.used = new Set(['Query', 'Mutation', 'Subscription']);
    this.types = { enums: {}, inputs: {}, scalars: [] };
    this.definitions = [];
  }

  typeName() {
    for (;;) {
      const name = this.random.pick(kTypeWords) + this.random.pick(['', '', '', 'Type', '_', '3']);
      if (this.used.has(name)) continue;
      this.used.add(name);
      return name;
    }
  }

  names(least, most, taken = new Set()) {
    const free = kWords.filter((word) => !taken.has(word));
    return this.random.shuffle(free).slice(0, least + this.random.below(most - least + 1));
  }

  description(indent = '') {
    if (!this.random.chance(0.2)) return '';
    return this.random.pick([
      '"what it is" ',
      `"""\n${indent}What it is,\n${indent}  and why\n${indent}"""\n${indent}`,
    ]);
  }

  deprecation() {
    return this.random.chance(0.1)
      ? this.random.pick([' @deprecated', ' @deprecated(reason: "old")'])
      : '';
  }

  wrap(type) {
    const { random } = this;
    const optional = () => (random.chance(0.3) ? '!' : '');
    let wrapped = type + optional();
    while (random.chance(0.25) && wrapped.length < 40) wrapped = `[${wrapped}]${optional()}`;
    return wrapped;
  }

  inputType() {
    return this.wrap(
      this.random.pick([
        'Int',
        'Float',
        'String',
        'Boolean',
        'ID',
        ...this.types.scalars,
        ...Object.keys(this.types.enums),
        ...Object.keys(this.types.inputs),
      ]),
    );
  }

  // An argument or input field; `optional` where it must not be required.
  input(name, optional = false) {
    let type = this.inputType();
    if (optional) type = type.replace(/!$/, '');
    const fallback = this.random.chance(0.25) ? ` = ${literal(this.random, type, this.types)}` : '';
    const required = type.endsWith('!') && !fallback;
    return {
      name,
      type,
      required,
      text: `${this.description()}${name}: ${type}${fallback}${required ? '' : this.deprecation()}`,
    };
  }

  arguments(names) {
    const inputs = names.map((name) => this.input(name));
    return { text: inputs.length ? `(${inputs.map(({ text }) => text).join(', ')})` : '' };
  }

  field(name, outputs) {
    const type = this.wrap(this.random.pick(outputs));
    const parameters = this.arguments(this.random.chance(0.35) ? this.names(1, 3) : []);
    return { name, type, parameters };
  }

  fieldText({ name, type, parameters }) {
    return `  ${this.description('  ')}${name}${parameters.text}: ${type}${this.deprecation()}\n`;
  }

  // Leaves: scalars, enums and inputs, with what default values need to know of them.
  writeInputs() {
    const { random, types } = this;
    random.times(0, 2, () => {
      const name = this.typeName();
      types.scalars.push(name);
      this.definitions.push(
        `${this.description()}scalar ${name}${random.chance(0.3) ? ' @specifiedBy(url: "https://x.example")' : ''}`,
      );
    });
    random.times(1, 2, () => {
      const name = this.typeName();
      const values = random
        .shuffle(['RED', 'GREEN', 'GREY', 'BLUE', 'red', 'x2', 'x10'])
        .slice(0, 2 + random.below(4));
      types.enums[name] = values;
      this.definitions.push(
        `${this.description()}enum ${name} { ${values.map((value) => value + this.deprecation()).join(' ')} }`,
      );
    });
    random.times(1, 3, () => {
      const name = this.typeName();
      const inputs = this.names(1, 5).map((field) => this.input(field));
      if (random.chance(0.4)) {
        const type = random.pick([name, `[${name}!]`, `[${name}]!`]);
        inputs.push({ name: 'self', type, required: type.endsWith('!'), text: `self: ${type}` });
      }
      types.inputs[name] = inputs;
      this.definitions.push(
        `${this.description()}input ${name} { ${inputs.map(({ text }) => text).join(' ')} }`,
      );
    });
  }

  // An object or interface, with the fields of what it implements and some of its own that are not
  // named as in `taken`. Objects may promise more than their interfaces ask for.
  withFields(keyword, name, outputs, implemented, taken = new Set()) {
    const { random } = this;
    const interfaces = [...new Set(implemented.flatMap((known) => [known, ...known.interfaces]))];
    const inherited = new Map(
      interfaces.flatMap((known) => known.fields).map((field) => [field.name, field]),
    );
    const fields = [...inherited.values()].map((field) => {
      const more = { ...field };
      if (keyword !== 'type') return more;
      if (random.chance(0.2) && !field.type.endsWith('!')) more.type += '!';
      if (random.chance(0.1)) {
        const { text } = this.input('extra', true);
        more.parameters = {
          text: field.parameters.text
            ? field.parameters.text.replace(/\)$/, `, ${text})`)
            : `(${text})`,
        };
      }
      return more;
    });
    for (const own of this.names(1, 4, new Set([...inherited.keys(), ...taken])))
      fields.push(this.field(own, outputs));
    const clause = interfaces.length
      ? ` implements ${random
          .shuffle(interfaces)
          .map((known) => known.name)
          .join(' & ')}`
      : '';
    this.definitions.push(
      `${this.description()}${keyword} ${name}${clause} {\n${fields.map((field) => this.fieldText(field)).join('')}}`,
    );
    return { name, fields, interfaces };
  }

  writeOutputs() {
    const { random } = this;
    const interfaceNames = random.times(0, 3, () => this.typeName());
    const objectNames = random.times(2, 5, () => this.typeName());
    const unionNames = random.times(0, 2, () => this.typeName());
    const outputs = [
      'Int',
      'String',
      'ID',
      'Boolean',
      'Float',
      ...Object.keys(this.types.enums),
      ...this.types.scalars,
      ...interfaceNames,
      ...objectNames,
      ...objectNames,
      ...unionNames,
    ];
    // Interfaces that do not inherit from each other share no field, so that a type can have both.
    const interfaces = [];
    const taken = new Set();
    for (const name of interfaceNames) {
      const made = this.withFields(
        'interface',
        name,
        outputs,
        interfaces.filter(() => random.chance(0.4)),
        taken,
      );
      for (const field of made.fields) taken.add(field.name);
      interfaces.push(made);
    }
    for (const name of objectNames) {
      this.withFields(
        'type',
        name,
        outputs,
        interfaces.filter(() => random.chance(0.5)),
      );
    }
    for (const name of unionNames) {
      const members = random.shuffle(objectNames).slice(0, 1 + random.below(3));
      this.definitions.push(`${this.description()}union ${name} = ${members.join(' | ')}`);
    }
    this.outputs = outputs;
  }

  writeDirectives() {
    const { random } = this;
    for (const name of random.shuffle(['tag', 'cache', 'on', 'skips']).slice(0, random.below(4))) {
      const parameters = this.arguments(random.chance(0.6) ? this.names(1, 3) : []);
      const locations = random.shuffle(kLocations).slice(0, 1 + random.below(6));
      this.definitions.push(
        `${this.description()}directive @${name}${parameters.text}${random.chance(0.3) ? ' repeatable' : ''} on ${locations.join(' | ')}`,
      );
    }
  }

  write() {
    const { random } = this;
    this.writeInputs();
    this.writeOutputs();
    this.writeDirectives();
    this.withFields('type', 'Query', this.outputs, []);
    if (random.chance(0.4)) this.withFields('type', 'Mutation', this.outputs, []);
    if (random.chance(0.85)) this.withFields('type', 'Subscription', this.outputs, []);
    return random.shuffle(this.definitions).join('\n');
  }
}

export function randomSchema(random) {
  return new SchemaWriter(random).write();
}

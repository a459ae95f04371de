// The panel that lists what the schema has, and finds in it.

import { button, element } from './dom.js';
import { namedType, typeAffixes } from './schema.js';
import { kRegisterSql, sqlBlock } from './sql.js';

const kKinds = {
  OBJECT: 'type',
  INTERFACE: 'interface',
  UNION: 'union',
  ENUM: 'enum',
  INPUT_OBJECT: 'input',
  SCALAR: 'scalar',
};

export class SchemaBrowser {
  #list;
  #search;
  #notice;
  #told = null;
  #insert;
  schema = null;

  // notice is where it says what is wrong. insert(operation, field) is called for the root field that
  // was chosen.
  constructor(list, search, notice, insert) {
    this.#list = list;
    this.#search = search;
    this.#notice = notice;
    this.#insert = insert;
    search.addEventListener('input', () => this.#render());
  }

  show(schema) {
    const isNew = this.schema?.source !== schema.source;
    this.schema = schema;
    if (schema.subscriptions.length > 0) this.#tell();
    else this.#tell('No subscription is registered yet. Register one in SQL, and it appears here:', kRegisterSql);
    // What is unfolded stays so where nothing has changed.
    if (isNew) this.#render();
  }

  // What was there before is shown on.
  showProblem({ meaning, advice, sql }) {
    this.#tell(`${meaning} ${advice}`.trim(), sql, 'problem');
  }

  showDisconnected() {
    if (!this.schema) this.#tell('There is no schema without a connection. Why, and what to do, stands above.');
  }

  // What is set again is read out again.
  #tell(text = '', sql = null, className = '') {
    if (this.#told === text) return;
    this.#told = text;
    const paragraph = element('p', { className }, text);
    this.#notice.replaceChildren(...(text ? [paragraph] : []), ...(sql ? [sqlBlock(sql)] : []));
  }

  #render() {
    if (!this.schema) return;
    const wanted = this.#search.value.trim().toLowerCase();
    const matches = ({ name }) => name.toLowerCase().includes(wanted);
    const matchesOrHasMatch = (type) =>
      matches(type) || [...(type.fields ?? []), ...(type.inputFields ?? []), ...(type.enumValues ?? [])].some(matches);
    const { subscriptions, queries, types, roots } = this.schema;
    const listed = [...types.values()]
      .filter(({ name }) => !name.startsWith('__') && !roots.has(name))
      .sort((a, b) => (a.kind === 'SCALAR') - (b.kind === 'SCALAR') || a.name.localeCompare(b.name));
    const sections = [
      this.#section('Subscriptions', subscriptions.filter(matches), (field) =>
        this.#rootField('subscription', field),
      ),
      this.#section('Queries', queries.filter(matches), (field) => this.#rootField('query', field)),
      this.#section('Types', listed.filter(matchesOrHasMatch), (type) => this.#type(type, wanted)),
    ].filter((section) => section !== null);
    if (sections.length === 0) {
      const nothing = wanted ? `Nothing is called “${this.#search.value.trim()}”.` : 'The schema is empty.';
      sections.push(element('p', { className: 'muted' }, nothing));
    }
    this.#list.replaceChildren(...sections);
  }

  #section(title, items, toElement) {
    if (items.length === 0) return null;
    const count = element('span', { className: 'count' }, String(items.length));
    return element(
      'section',
      {},
      element('h3', {}, title, ' ', count),
      element('ul', {}, ...items.map((item) => element('li', {}, toElement(item)))),
    );
  }

  #rootField(operation, field) {
    const label = `Insert a ${operation} of ${field.name}`;
    const name = button(field.name, () => this.#insert(operation, field), {
      className: 'insert',
      title: label,
      ariaLabel: label,
    });
    return this.#field(field, name);
  }

  #field(field, name) {
    // Lines break between these only.
    const parts = [[name]];
    const add = (...nodes) => parts.at(-1).push(...nodes);
    if (field.args?.length) {
      add('(');
      field.args.forEach((arg, i) => {
        parts.push(this.#input(arg));
        add(i + 1 < field.args.length ? ',\u00a0' : ')');
      });
    }
    if (field.type) {
      add(':\u00a0');
      parts.push(this.#reference(field.type));
    }
    const signature = parts.map((nodes) => element('span', {}, ...nodes));
    return this.#described(element('div', { className: 'signature' }, ...signature), field);
  }

  #input(input) {
    const name = element('span', { className: 't-argument', title: input.description ?? '' }, input.name);
    const value = input.defaultValue === null ? [] : [` = ${input.defaultValue}`];
    return [name, ': ', ...this.#reference(input.type), ...value];
  }

  #described(signature, { description, isDeprecated, deprecationReason }) {
    if (isDeprecated) signature.classList.add('deprecated');
    return element(
      'div',
      { className: 'field' },
      signature,
      isDeprecated ? element('p', { className: 'warning' }, `Deprecated: ${deprecationReason}`) : null,
      description ? element('p', { className: 'description' }, description) : null,
    );
  }

  #reference(type) {
    const [before, behind] = typeAffixes(type);
    const name = namedType(type);
    return [before, button(name, () => this.#reveal(name), { className: 'reference' }), behind];
  }

  #reveal(name) {
    const find = () => this.#list.querySelector(`details[data-type="${CSS.escape(name)}"]`);
    if (!find()) {
      this.#search.value = '';
      this.#render();
    }
    const details = find();
    if (!details) return;
    details.open = true;
    details.scrollIntoView({ block: 'nearest' });
    details.firstElementChild.focus();
  }

  #type(type, wanted) {
    const summary = element(
      'summary',
      {},
      element('span', { className: 't-keyword' }, kKinds[type.kind] ?? ''),
      ' ',
      element('span', { className: 't-type' }, type.name),
    );
    const details = element('details', { attributes: { 'data-type': type.name } }, summary);
    // A schema may have thousands of types; few are opened.
    details.addEventListener('toggle', () => details.append(...this.#members(type)), { once: true });
    details.open = wanted !== '' && !type.name.toLowerCase().includes(wanted);
    return details;
  }

  #members(type) {
    const name = (field) => element('span', { className: 't-field' }, field.name);
    const members = [
      ...(type.fields ?? []).map((field) => this.#field(field, name(field))),
      ...(type.inputFields ?? []).map((input) =>
        this.#described(element('div', { className: 'signature' }, ...this.#input(input)), input),
      ),
      ...(type.enumValues ?? []).map((value) => this.#field(value, name(value))),
      ...(type.possibleTypes ?? []).map(({ name: possible }) =>
        element('div', { className: 'signature' }, '= ', ...this.#reference({ name: possible })),
      ),
    ];
    if (type.description) members.unshift(element('p', { className: 'description' }, type.description));
    if (members.length === 0) members.push(element('p', { className: 'muted' }, 'Without a description.'));
    return members;
  }
}

// One line of what an event carries, to be read at a glance.

import { isObject } from './json.js';

const kLongest = 240;

function kindOf(value) {
  if (typeof value === 'string') return 'string';
  return typeof value === 'boolean' || value === null ? 'literal' : 'number';
}

// Tokens as lexer.js makes them. The root key is left out where it is the only one, for it is the same
// in every event; so are the quotes of keys, and the braces around it all.
export function compactTokens(data) {
  const tokens = [];
  let left = kLongest;
  const add = (kind, text) => {
    if (left <= 0) return;
    tokens.push({ kind, text: text.length > left ? `${text.slice(0, left)}…` : text });
    left -= text.length;
  };
  const addAll = (items, addOne) => {
    for (const [i, item] of items.entries()) {
      if (left <= 0) return;
      if (i > 0) add('punctuation', ', ');
      addOne(item);
    }
  };
  const addMembers = (object) =>
    addAll(Object.entries(object), ([key, value]) => {
      add('key', key);
      add('punctuation', ': ');
      addValue(value);
    });
  const addValue = (value) => {
    if (Array.isArray(value)) {
      add('punctuation', '[');
      addAll(value, addValue);
      add('punctuation', ']');
    } else if (isObject(value)) {
      add('punctuation', '{');
      addMembers(value);
      add('punctuation', '}');
    } else {
      add(kindOf(value), JSON.stringify(value));
    }
  };
  const values = isObject(data) ? Object.values(data) : [];
  const shown = values.length === 1 ? values[0] : data;
  if (isObject(shown) && Object.keys(shown).length > 0) addMembers(shown);
  else addValue(shown);
  return tokens;
}

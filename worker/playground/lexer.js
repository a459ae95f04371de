// Tokens of GraphQL and JSON for colouring, and what operations a document holds. Never fails: what is
// no token has the kind "unknown", and the server says what is wrong with it.

const kGraphql = new RegExp(
  [
    /(?<comment>#[^\n]*)/,
    /(?<string>"""(?:\\"""|[^])*?(?:"""|$)|"(?:\\.|[^"\\\n])*"?)/,
    /(?<variable>\$[_A-Za-z]\w*)/,
    /(?<directive>@[_A-Za-z]\w*)/,
    /(?<number>-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)/,
    /(?<name>[_A-Za-z]\w*)/,
    /(?<punctuation>\.\.\.|[!&()[\]{}:=|])/,
    /(?<space>[\s,\uFEFF]+)/,
    /(?<unknown>[^])/,
  ]
    .map((part) => part.source)
    .join('|'),
  'gu',
);

const kJson = new RegExp(
  [
    /(?<key>"(?:\\.|[^"\\\n])*"(?=\s*:))/,
    /(?<string>"(?:\\.|[^"\\\n])*"?)/,
    /(?<number>-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)/,
    /(?<literal>\b(?:true|false|null)\b)/,
    /(?<punctuation>[{}[\]:,])/,
    /(?<space>\s+)/,
    /(?<unknown>[^])/,
  ]
    .map((part) => part.source)
    .join('|'),
  'gu',
);

const kDefinitions = new Set(['query', 'mutation', 'subscription', 'fragment']);
const kOperations = new Set(['query', 'mutation', 'subscription']);
const kLiterals = new Set(['true', 'false', 'null']);

function tokensOf(text, pattern) {
  const tokens = [];
  for (const match of text.matchAll(pattern)) {
    const kind = Object.keys(match.groups).find((name) => match.groups[name] !== undefined);
    tokens.push({ kind, text: match[0], start: match.index });
  }
  return tokens;
}

export function jsonTokens(text) {
  return tokensOf(text, kJson);
}

// Beside the lexical kinds, names become "keyword", "literal", "argument", "type" or "field".
export function graphqlTokens(text) {
  const tokens = tokensOf(text, kGraphql);
  const significant = tokens.filter(({ kind }) => kind !== 'space' && kind !== 'comment');
  let braces = 0;
  let parentheses = 0;
  significant.forEach((token, i) => {
    const previous = significant[i - 1]?.text;
    if (token.text === '{') ++braces;
    if (token.text === '}') --braces;
    if (token.text === '(') ++parentheses;
    if (token.text === ')') --parentheses;
    token.atTop = braces === 0 && parentheses === 0;
    if (token.kind !== 'name') return;
    if (token.atTop && kDefinitions.has(token.text) && !kDefinitions.has(previous)) {
      token.kind = 'keyword';
    } else if (token.text === 'on' && (previous === '...' || token.atTop)) {
      token.kind = 'keyword';
    } else if (previous === 'on') {
      token.kind = 'type';
    } else if (parentheses > 0) {
      if (kLiterals.has(token.text)) token.kind = 'literal';
      else if (significant[i + 1]?.text === ':') token.kind = 'argument';
      else token.kind = 'type';
    } else {
      token.kind = 'field';
    }
  });
  return tokens;
}

// The operations of a document: {kind, name, label, start, end}. One without a name is labelled by its
// first field.
export function operationsIn(tokens) {
  const significant = tokens.filter(({ kind }) => kind !== 'space' && kind !== 'comment');
  const operations = [];
  let current = null;
  let ended = true;
  significant.forEach((token, i) => {
    const next = significant[i + 1];
    if (ended && (token.kind === 'keyword' || token.text === '{')) {
      const kind = token.text === '{' ? 'query' : token.text;
      const name = next?.kind === 'field' && next.atTop ? next.text : null;
      current = { kind, name, label: name, start: token.start, end: token.start };
      if (kOperations.has(kind)) operations.push(current);
      ended = false;
    }
    if (current) current.end = token.start + token.text.length;
    if (current && !current.label && token.kind === 'field' && !token.atTop) {
      current.label = token.text;
    }
    // The brace that closes the definition is the first token outside of it again.
    if (token.text === '}' && token.atTop) ended = true;
  });
  for (const operation of operations) operation.label ??= operation.kind;
  return operations;
}

// Offset of a GraphQL location, which counts lines and columns from 1.
export function offsetOf(text, { line, column }) {
  let start = 0;
  for (let i = 1; i < line; ++i) {
    const end = text.indexOf('\n', start);
    if (end < 0) return text.length;
    start = end + 1;
  }
  return Math.min(start + column - 1, text.length);
}

export function coloured(tokens) {
  return tokens.map(({ kind, text }) => {
    const span = document.createElement('span');
    span.className = `t-${kind}`;
    span.textContent = text;
    return span;
  });
}

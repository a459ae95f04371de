// Documents broken as texts: tokens and bytes that are lost, doubled, swapped or strange.

const kToken =
  /"""(?:\\"""|[^])*?"""|"(?:\\.|[^"\\\n])*"|\.\.\.|[A-Za-z_]\w*|-?\d[\w.]*|#[^\n]*|\s+|[^]/gu;
const kStrange = [
  '"',
  '"""',
  '\\',
  '\\u00e9',
  '\\u{1F600}',
  '\\uD83D\\uDE00',
  '\\uD83D',
  '\\u{110000}',
  '\\u{}',
  '\\x',
  '\\u12',
  '\\u{12345678901}',
  'é',
  '😀',
  '\ufeff',
  '\u0000',
  '\u0007',
  '\u007f',
  '\u2028',
  '\r',
  '\n',
  '\r\n',
  '\t',
  ',',
  '.',
  '..',
  '...',
  '#',
  '0',
  '01',
  '1.',
  '1e',
  '-',
  '1.5e+3',
  '0x1',
  "'",
  '?',
  '%',
  '{',
  '}',
  '(',
  ')',
  '[',
  ']',
  '$',
  '@',
  '!',
  '&',
  '|',
  ':',
  '=',
  'on',
  'null',
  'true',
  'fragment',
  'query',
  'extend',
  'type',
  '"""a"""',
  '"on"',
];

export function tokens(text) {
  return text.match(kToken) ?? [];
}

export function breakTokens(random, text) {
  const parts = tokens(text);
  for (let i = random.below(3); i >= 0; i--) {
    const at = random.below(parts.length + 1);
    switch (random.below(4)) {
      case 0:
        parts.splice(at, 1);
        break;
      case 1:
        parts.splice(at, 0, random.pick(parts) ?? '');
        break;
      case 2:
        parts.splice(at, 1 + random.below(4));
        break;
      default:
        parts.splice(at, 1, random.pick(parts) ?? '');
    }
  }
  return parts.join('');
}

export function breakBytes(random, text) {
  const points = [...text];
  for (let i = random.below(3); i >= 0; i--) {
    const quote = random.chance(0.3) ? points.indexOf('"') + 1 : 0;
    const at = quote || random.below(points.length + 1);
    if (random.chance(0.7)) points.splice(at, random.below(2), random.pick(kStrange));
    else points.splice(at, 1);
  }
  if (random.chance(0.15)) points.length = random.below(points.length + 1);
  return points.join('');
}

// One event as a row: what it carries on one line, and folded below that the JSON as it came.

import { compactTokens } from './compact.js';
import { element } from './dom.js';
import { coloured, jsonTokens } from './lexer.js';
import { formatLatency } from './latency.js';

const kTime = new Intl.DateTimeFormat(undefined, {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  fractionalSecondDigits: 3,
  hour12: false,
});

const hasData = (data) =>
  data !== null && data !== undefined && Object.values(data).some((value) => value !== null);

// What is on its first lines; an error stands there in full, and with it what came in spite of it.
function lines({ data, errors = [] }) {
  const messages = errors.map(({ message }) => element('span', { className: 'message' }, message));
  if (errors.length > 0 && !hasData(data)) return messages;
  return [...messages, element('code', { className: 'compact' }, ...coloured(compactTokens(data ?? null)))];
}

export function eventRow(entry, opened) {
  const { source, hue, kind, body, arrival, latency } = entry;
  const time = element('time', { dateTime: new Date(arrival).toISOString() }, kTime.format(arrival));
  const name = element('span', { className: 'source', style: { '--hue': hue } }, source);
  const meta = element('span', { className: 'meta' }, name, time);
  if (kind === 'note') {
    return element('li', { className: 'event note' }, element('p', {}, body), meta);
  }
  if (kind === 'next') meta.append(element('span', { className: 'latency' }, formatLatency(latency)));
  const failed = Boolean(body.errors?.length);
  if (failed || kind === 'result') {
    meta.append(element('span', { className: 'badge' }, failed ? 'error' : 'result'));
  }
  const details = element('details', {}, element('summary', {}, ...lines(body), meta));
  details.addEventListener(
    'toggle',
    () => {
      const isPlain = kind === 'next' && !failed;
      const json = JSON.stringify(isPlain ? body.data : body, null, 2);
      details.append(element('pre', {}, ...coloured(jsonTokens(json))));
      const position = isPlain && body.extensions?.position;
      if (position) details.append(element('p', { className: 'muted' }, `position ${position}`));
    },
    { once: true },
  );
  // The one answer to a query is all that was asked for.
  details.open = opened || (kind === 'result' && !failed);
  return element('li', { className: failed ? 'event failed' : 'event' }, details);
}

// The list of what arrived: newest first, the oldest fall off its end. It is drawn at most a few times a
// second, however much arrives.

import { element } from './dom.js';
import { coloured, jsonTokens } from './lexer.js';
import { formatLatency, median } from './latency.js';

const kKeptEvents = 500;

const kDrawMs = 100;
// More than this at a time are drawn closed: nobody reads them as they rush by.
const kOpenedAtOnce = 20;
const kRateMs = 5000;
const kLatencies = 200;
const kPreview = 200;

const kTime = new Intl.DateTimeFormat(undefined, {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  fractionalSecondDigits: 3,
  hour12: false,
});

export class EventList {
  #list;
  #status;
  #waiting = [];
  #arrivals = [];
  #latencies = [];
  #timer = null;
  #paused = false;
  #expanded = true;
  count = 0;

  // status is where the numbers are shown.
  constructor(list, status) {
    this.#list = list;
    this.#status = status;
    setInterval(() => this.#report(), 1000);
  }

  // {source, hue, kind, body, arrival, latency}: kind is next, result, error or note; a note's body is
  // text, the others' is JSON.
  add(entry) {
    this.#waiting.push(entry);
    if (this.#waiting.length > kKeptEvents) this.#waiting.shift();
    if (entry.kind === 'next') {
      ++this.count;
      this.#arrivals.push(entry.arrival);
      if (entry.latency !== null && entry.latency >= 0) this.#latencies.push(entry.latency);
      if (this.#latencies.length > kLatencies) this.#latencies.shift();
    }
    this.#timer ??= setTimeout(() => this.#draw(), kDrawMs);
  }

  clear() {
    this.#waiting = [];
    this.#arrivals = [];
    this.#latencies = [];
    this.count = 0;
    this.#list.replaceChildren();
    this.#report();
  }

  set paused(paused) {
    this.#paused = paused;
    this.#draw();
  }

  set expanded(expanded) {
    this.#expanded = expanded;
    for (const details of this.#list.querySelectorAll('details')) details.open = expanded;
  }

  #draw() {
    clearTimeout(this.#timer);
    this.#timer = null;
    if (!this.#paused) {
      const opened = this.#expanded && this.#waiting.length <= kOpenedAtOnce;
      this.#list.prepend(...this.#waiting.map((entry) => item(entry, opened)).reverse());
      this.#waiting = [];
      while (this.#list.childElementCount > kKeptEvents) this.#list.lastElementChild.remove();
    }
    this.#report();
  }

  #report() {
    const since = Date.now() - kRateMs;
    const first = this.#arrivals.findIndex((arrival) => arrival >= since);
    this.#arrivals.splice(0, first < 0 ? this.#arrivals.length : first);
    const parts = [`${this.count.toLocaleString()} ${this.count === 1 ? 'event' : 'events'}`];
    if (this.#arrivals.length) parts.push(`${(this.#arrivals.length / (kRateMs / 1000)).toFixed(1)}/s`);
    if (this.#latencies.length) parts.push(`median ${formatLatency(median(this.#latencies))}`);
    if (this.#paused) parts.push(`paused, ${this.#waiting.length} waiting`);
    this.#status.textContent = parts.join(' · ');
  }
}

function item(entry, opened) {
  const { source, hue, kind, body, arrival, latency } = entry;
  const time = element(
    'time',
    { dateTime: new Date(arrival).toISOString() },
    kTime.format(arrival),
  );
  const name = element('span', { className: 'source', style: { '--hue': hue } }, source);
  if (kind === 'note') {
    return element('li', { className: 'event note' }, element('p', {}, name, time), element('p', {}, body));
  }
  const messages = (body.errors ?? []).map(({ message }) => message);
  const failed = messages.length > 0;
  const preview = failed ? messages.join(' ') : JSON.stringify(body.data ?? body);
  const summary = element(
    'summary',
    {},
    name,
    failed ? element('span', { className: 'badge' }, 'error') : null,
    kind === 'result' ? element('span', { className: 'badge' }, 'result') : null,
    time,
    kind === 'next' ? element('span', { className: 'latency' }, formatLatency(latency)) : null,
    element('code', { className: 'preview' }, preview.slice(0, kPreview)),
  );
  const details = element('details', {}, summary);
  details.addEventListener(
    'toggle',
    () => {
      const shown = kind === 'next' && !failed ? body.data : body;
      const json = JSON.stringify(shown, null, 2);
      if (failed) details.append(element('ul', {}, ...messages.map((text) => element('li', {}, text))));
      details.append(element('pre', {}, ...coloured(jsonTokens(json))));
      if (body.extensions?.position) {
        details.append(element('p', { className: 'muted' }, `position ${body.extensions.position}`));
      }
    },
    { once: true },
  );
  details.open = opened;
  return element('li', { className: failed ? 'event failed' : 'event' }, details);
}

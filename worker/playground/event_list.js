// The list of what arrived: newest first, the oldest fall off its end. It is drawn at most a few times a
// second, however much arrives.

import { eventRow } from './event_row.js';
import { formatLatency, median } from './latency.js';

const kKeptEvents = 500;

const kDrawMs = 100;
// More than this at a time are drawn closed: nobody reads them as they rush by.
const kOpenedAtOnce = 20;
const kRateMs = 5000;
const kLatencies = 200;

export class EventList {
  #list;
  #status;
  #onCount;
  #waiting = [];
  #arrivals = [];
  #latencies = [];
  #timer = null;
  #paused = false;
  #expanded = false;
  count = 0;

  // status is where the numbers are shown; onCount(count) follows each change of how many arrived.
  constructor(list, status, onCount) {
    this.#list = list;
    this.#status = status;
    this.#onCount = onCount;
    this.#report();
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
      this.#list.prepend(...this.#waiting.map((entry) => eventRow(entry, opened)).reverse());
      this.#waiting = [];
      while (this.#list.childElementCount > kKeptEvents) this.#list.lastElementChild.remove();
    }
    this.#report();
  }

  #report() {
    this.#onCount(this.count);
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

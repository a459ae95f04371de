// Time between a commit, by the server's clock, and the arrival here, by this one.

let drift = 0;

// Milliseconds since 1970 with a fraction. Date.now() is right but cuts it off; performance.now() has
// it but drifts from the clock: the result stays within Date.now()'s millisecond.
export function preciseNow() {
  const floor = Date.now();
  const steady = performance.timeOrigin + performance.now();
  const now = Math.min(Math.max(steady + drift, floor), floor + 0.999);
  drift = now - steady;
  return now;
}

// Date.parse() cuts an ISO 8601 time off after milliseconds; NaN if it is none.
export function parseInstant(text) {
  const [, fraction = ''] = /\.(\d+)/.exec(text) ?? [];
  const ms = Date.parse(String(text).replace(/\.\d+/, ''));
  return ms + Number(`0.${fraction || 0}`) * 1000;
}

// Null where the server did not say when the commit was.
export function latencyMs(payload, arrival) {
  const committed = parseInstant(payload.extensions?.committedAt ?? '');
  return Number.isNaN(committed) ? null : arrival - committed;
}

export function formatLatency(ms) {
  if (ms === null) return '–';
  if (ms < 0) return 'clocks differ';
  if (ms < 10) return `${ms.toFixed(1)} ms`;
  if (ms < 1000) return `${ms.toFixed(0)} ms`;
  return `${(ms / 1000).toFixed(1)} s`;
}

export function median(values) {
  if (values.length === 0) return null;
  return [...values].sort((a, b) => a - b)[values.length >> 1];
}

// Shows the state of the connection, and what to do when there is none.

import { byId } from './dom.js';
import { askHealth } from './health.js';
import { sqlBlock } from './sql.js';

const kLabels = { connecting: 'Connecting…', connected: 'Connected', closed: 'Disconnected' };

let shown = null;

function explain({ meaning, advice, sql }) {
  const text = `${meaning} ${advice}`.trim();
  // What is set again is read out again, and an attempt may fail every few seconds.
  if (byId('closed-meaning').textContent === text) return;
  byId('closed-meaning').textContent = text;
  byId('closed-sql').replaceChildren(...(sql ? [sqlBlock(sql)] : []));
}

export async function showConnection(state) {
  shown = state;
  document.body.dataset.connection = state.name;
  byId('connection').textContent = kLabels[state.name];
  const banner = byId('closed');
  // While it is tried again, the reason stays.
  if (state.name === 'connected') banner.hidden = true;
  if (state.name !== 'closed') return;
  const { code, reason, retryMs } = state;
  const title = reason ? `${code} ${reason}` : String(code);
  const isNews = banner.hidden || byId('closed-code').textContent !== title;
  byId('closed-retry').textContent =
    retryMs === null ? '' : `Trying again in ${Math.max(1, Math.round(retryMs / 1000))} s.`;
  if (isNews) {
    byId('closed-code').textContent = title;
    explain(state);
    banner.hidden = false;
  }
  if (code !== 1006) return;
  const problem = await askHealth();
  if (shown === state) explain(problem ?? state);
}

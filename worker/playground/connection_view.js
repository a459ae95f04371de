// Shows the state of the connection, and what to do when there is none.

import { byId } from './dom.js';

const kLabels = {
  connecting: 'Connecting…',
  connected: 'Connected, not acknowledged yet',
  acknowledged: 'Acknowledged',
  closed: 'Disconnected',
};

// Only /healthz knows why the server refuses clients; a refused handshake says nothing to a page.
async function healthProblem() {
  try {
    const response = await fetch('/healthz');
    return response.ok ? '' : (await response.text()).trim();
  } catch {
    return '';
  }
}

export async function showConnection(state) {
  document.body.dataset.connection = state.name;
  byId('connection').textContent = kLabels[state.name];
  // While it is tried again, the reason stays.
  if (state.name === 'acknowledged') byId('closed').hidden = true;
  if (state.name !== 'closed') return;
  const { code, reason, meaning, advice, retryMs } = state;
  byId('closed-code').textContent = reason ? `${code} ${reason}` : code;
  byId('closed-meaning').textContent = `${meaning} ${advice}`.trim();
  byId('closed-retry').textContent =
    retryMs === null ? '' : `Trying again in ${Math.max(1, Math.round(retryMs / 1000))} s.`;
  byId('closed').hidden = false;
  const problem = code === 1006 ? await healthProblem() : '';
  if (problem) byId('closed-meaning').textContent = `${meaning} The server says: ${problem}`;
}

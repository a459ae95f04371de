// Joins the parts of the page.

import { showConnection } from './connection_view.js';
import { button, byId, element } from './dom.js';
import { kWelcome, loadDraft, saveDraft } from './draft.js';
import { Editor } from './editor.js';
import { EventList } from './event_list.js';
import { isObject, parseJson } from './json.js';
import { latencyMs, preciseNow } from './latency.js';
import { graphqlTokens, jsonTokens, offsetOf, operationsIn } from './lexer.js';
import { OperationList } from './operation_list.js';
import { documentFor, loadSchema, queryByHttp } from './schema.js';
import { SchemaBrowser } from './schema_browser.js';
import { Transport } from './transport.js';

const kPath = '/graphql';

const socketUrl = new URL(kPath, location.href);
socketUrl.protocol = location.protocol === 'https:' ? 'wss:' : 'ws:';

const events = new EventList(byId('event-list'), byId('event-status'));
const running = new OperationList(byId('running'));
const queryEditor = new Editor(byId('query-editor'), graphqlTokens, onDraft);
const variablesEditor = new Editor(byId('variables-editor'), jsonTokens, onDraft);
const browser = new SchemaBrowser(byId('schema-list'), byId('schema-search'), insert);
const transport = new Transport(socketUrl, onState);

let inserted = kWelcome;
let operations = [];

function show(view) {
  document.body.dataset.view = view;
  for (const tab of document.querySelectorAll('[data-shows]')) {
    tab.setAttribute('aria-pressed', String(tab.dataset.shows === view));
  }
}

function announce(text) {
  byId('announcer').textContent = text;
}

function onState(state) {
  showConnection(state);
  if (state.name === 'acknowledged') refreshSchema();
}

// What is wrong with the variables; null if nothing is. `value` is what to send.
function readVariables() {
  const text = variablesEditor.text.trim();
  if (!text) return { problem: null };
  try {
    const value = parseJson(text);
    return isObject(value) ? { problem: null, value } : { problem: 'Variables must be a JSON object: { … }' };
  } catch (error) {
    return { problem: error.message };
  }
}

function onDraft() {
  showProblems([]);
  const { problem } = readVariables();
  variablesEditor.invalid = problem !== null;
  byId('variables-problem').textContent = problem ?? '';
  operations = operationsIn(queryEditor.tokens);
  const select = byId('operation');
  select.replaceChildren(
    ...operations.map(({ kind, label }, i) => element('option', { value: i }, `${kind} ${label}`)),
  );
  byId('operation-choice').hidden = operations.length < 2;
  followCursor();
  saveDraft({ query: queryEditor.text, variables: variablesEditor.text });
}

function followCursor() {
  const under = operations.findIndex(({ start, end }) => start <= queryEditor.cursor && queryEditor.cursor <= end);
  if (under >= 0) byId('operation').value = under;
}

function showProblems(errors) {
  const offsets = [];
  const rows = errors.map(({ message, locations }) => {
    if (!locations?.length) return element('li', {}, message);
    const { line, column } = locations[0];
    const offset = offsetOf(queryEditor.text, locations[0]);
    offsets.push(offset);
    const place = button(`${line}:${column}`, () => queryEditor.moveTo(offset), {
      className: 'place',
      ariaLabel: `Line ${line}, column ${column}`,
    });
    return element('li', {}, place, message);
  });
  byId('problems').replaceChildren(...rows);
  queryEditor.mark(offsets);
}

function run() {
  const { problem, value: variables } = readVariables();
  if (problem !== null) {
    showProblems([{ message: `The variables are not usable: ${problem}` }]);
    return;
  }
  showProblems([]);
  const chosen = operations[Number(byId('operation').value)];
  const kind = chosen?.kind ?? 'query';
  const label = chosen?.label ?? 'document';
  const query = queryEditor.text;
  const row = running.add(label, kind, stop);
  const payload = { query, variables, operationName: chosen?.name ?? undefined, extensions: { timing: true } };

  let started = false;
  let interrupted = false;
  const add = (entry) => events.add({ source: label, hue: row.hue, arrival: preciseNow(), ...entry });
  const id = transport.start(payload, {
    onActive() {
      row.setState(kind === 'subscription' ? 'listening' : 'waiting');
      announce(`${label} is running.`);
      if (!started) show('events');
      started = true;
      if (interrupted) add({ kind: 'note', body: 'Subscribed again. What was committed in between is not delivered.' });
      interrupted = false;
    },
    onWaiting() {
      row.setState('disconnected');
      interrupted = kind === 'subscription';
    },
    onNext(body) {
      const arrival = preciseNow();
      row.count();
      if (kind === 'subscription') add({ kind: 'next', body, arrival, latency: latencyMs(body, arrival) });
      else add({ kind: 'result', body });
    },
    onError(errors) {
      row.remove();
      add({ kind: 'error', body: { errors } });
      if (queryEditor.text === query) showProblems(errors);
      else announce(`${label} failed: ${errors[0]?.message}`);
    },
    onComplete() {
      row.remove();
      if (kind === 'subscription') add({ kind: 'note', body: 'Completed by the server, as when it shuts down. Run it again to go on.' });
    },
  });

  function stop() {
    transport.stop(id);
    row.remove();
    announce(`${label} is stopped.`);
  }
}

function insert(operation, field) {
  const { text, variables } = documentFor(browser.schema, operation, field);
  // What nobody has changed is replaced.
  if (!queryEditor.text.trim() || queryEditor.text === inserted) {
    queryEditor.set(text);
    inserted = text;
  } else {
    queryEditor.append(`${queryEditor.text.endsWith('\n') ? '' : '\n'}\n${text}`);
  }
  queryEditor.moveTo(queryEditor.text.length - text.length);
  followCursor();
  if (Object.keys(variables).length && !variablesEditor.text.trim()) {
    variablesEditor.set(JSON.stringify(variables, null, 2));
  }
  show('operation');
}

async function refreshSchema() {
  try {
    const schema = await loadSchema(kPath);
    browser.show(schema);
    if (queryEditor.text === kWelcome && schema.subscriptions.length) {
      inserted = documentFor(schema, 'subscription', schema.subscriptions[0]).text;
      queryEditor.load(inserted);
      onDraft();
    }
  } catch (error) {
    browser.showProblem(error.message);
  }
  queryByHttp(kPath, '{ serverVersion }').then(
    ({ serverVersion }) => (byId('server').textContent = serverVersion),
    () => {},
  );
}

byId('run').addEventListener('click', run);
byId('reconnect').addEventListener('click', () => transport.connect());
byId('refresh').addEventListener('click', refreshSchema);
byId('clear').addEventListener('click', () => events.clear());
byId('pause').addEventListener('click', ({ currentTarget: pause }) => {
  const paused = pause.getAttribute('aria-pressed') !== 'true';
  pause.setAttribute('aria-pressed', String(paused));
  pause.textContent = paused ? 'Resume' : 'Pause';
  events.paused = paused;
});
byId('expand').addEventListener('change', ({ currentTarget }) => (events.expanded = currentTarget.checked));
for (const tab of document.querySelectorAll('[data-shows]')) {
  tab.addEventListener('click', () => show(tab.dataset.shows));
}
document.addEventListener('keydown', (event) => {
  if (event.key !== 'Enter' || !(event.ctrlKey || event.metaKey)) return;
  event.preventDefault();
  run();
});
queryEditor.onCursor(followCursor);

const draft = loadDraft();
queryEditor.load(draft.query);
variablesEditor.load(draft.variables);
onDraft();
show('operation');
transport.connect();

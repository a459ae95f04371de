// Joins the parts of the page.

import { showConnection } from './connection_view.js';
import { button, byId, element } from './dom.js';
import { kWelcome, loadDraft, saveDraft } from './draft.js';
import { Editor } from './editor.js';
import { EventList } from './event_list.js';
import { isObject, parseJson } from './json.js';
import { graphqlTokens, jsonTokens, offsetOf, operationsIn } from './lexer.js';
import { OperationList } from './operation_list.js';
import { Panels } from './panels.js';
import { Runs } from './runs.js';
import { documentFor, loadSchema, queryByHttp, SchemaError } from './schema.js';
import { SchemaBrowser } from './schema_browser.js';
import { explainSchemaProblem } from './schema_problem.js';
import { kPublishSql, sqlBlock } from './sql.js';
import { Transport } from './transport.js';

const kPath = '/graphql';

// How long after it was missing, or had no subscription, the schema is asked for again.
const kAskAgainMs = 2000;

const socketUrl = new URL(kPath, location.href);
socketUrl.protocol = location.protocol === 'https:' ? 'wss:' : 'ws:';

const panels = new Panels(document.querySelectorAll('[data-shows]'));
const queryEditor = new Editor(byId('query-editor'), graphqlTokens, onDraft);
const variablesEditor = new Editor(byId('variables-editor'), jsonTokens, onDraft);
const browser = new SchemaBrowser(byId('schema-list'), byId('schema-search'), byId('schema-notice'), insert);
const transport = new Transport(socketUrl, onState);
const events = new EventList(byId('event-list'), byId('event-status'), (count) =>
  panels.setCount('events', count),
);
const runs = new Runs(transport, new OperationList(byId('running'), byId('events-title')), events, {
  onChange: onRuns,
  onTaken(label) {
    announce(`${label} is running.`);
    panels.showEvents();
  },
  onRefused(request, errors) {
    if (queryEditor.text !== request.payload.query) return false;
    showProblems(errors);
    return true;
  },
});

let inserted = kWelcome;
let operations = [];
let askAgain = null;

function announce(text) {
  byId('announcer').textContent = text;
}

function onState(state) {
  showConnection(state);
  if (state.name === 'closed') browser.showDisconnected();
  if (state.name !== 'connected') return;
  refreshSchema();
  queryByHttp(kPath, '{ serverVersion }').then(
    ({ serverVersion }) => (byId('server').textContent = serverVersion),
    () => {},
  );
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
  select.hidden = operations.length < 2;
  followCursor();
  saveDraft({ query: queryEditor.text, variables: variablesEditor.text });
}

function followCursor() {
  const under = operations.findIndex(({ start, end }) => start <= queryEditor.cursor && queryEditor.cursor <= end);
  if (under >= 0) byId('operation').value = under;
  showRunOrStop();
}

function showProblems(errors) {
  const offsets = [];
  const rows = errors.map(({ message, locations }) => {
    if (!locations?.length) return element('li', {}, element('span', {}, message));
    const { line, column } = locations[0];
    const offset = offsetOf(queryEditor.text, locations[0]);
    offsets.push(offset);
    const place = button(`${line}:${column}`, () => queryEditor.moveTo(offset), {
      className: 'place',
      ariaLabel: `Line ${line}, column ${column}`,
    });
    return element('li', {}, place, element('span', {}, message));
  });
  byId('problems').replaceChildren(...rows);
  queryEditor.mark(offsets);
}

// What Run would send; null while the variables are unusable.
function currentRequest() {
  const { problem, value: variables } = readVariables();
  if (problem !== null) return null;
  const chosen = operations[Number(byId('operation').value)];
  return {
    label: chosen?.label ?? 'document',
    kind: chosen?.kind ?? 'query',
    payload: {
      query: queryEditor.text,
      variables,
      operationName: chosen?.name ?? undefined,
      extensions: { timing: true },
    },
  };
}

function runOrStop() {
  const request = currentRequest();
  if (request === null) {
    panels.show('operation');
    variablesEditor.focus();
    announce('It does not run: the variables are not usable.');
    return;
  }
  showProblems([]);
  if (runs.isRunning(request)) {
    runs.stop(request);
    announce(`${request.label} is stopped.`);
  } else {
    runs.start(request);
  }
}

// What the editor holds may run already.
function showRunOrStop() {
  const request = currentRequest();
  const isRunning = request !== null && runs.isRunning(request);
  byId('run').classList.toggle('primary', !isRunning);
  byId('run').firstElementChild.textContent = isRunning ? 'Stop' : 'Run';
}

function onRuns() {
  panels.setCount('operation', runs.count, 'running');
  showRunOrStop();
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
  panels.show('operation');
}

async function refreshSchema() {
  clearTimeout(askAgain);
  try {
    const schema = await loadSchema(kPath);
    browser.show(schema);
    panels.setCount('schema', schema.subscriptions.length);
    if (schema.subscriptions.length === 0) refreshLater();
    else if (queryEditor.text === kWelcome) load(documentFor(schema, 'subscription', schema.subscriptions[0]).text);
  } catch (error) {
    if (!(error instanceof SchemaError)) throw error;
    browser.showProblem(await explainSchemaProblem(error));
    refreshLater();
  }
}

function refreshLater() {
  clearTimeout(askAgain);
  // A connection that comes back refreshes it by itself.
  askAgain = setTimeout(() => transport.isConnected && refreshSchema(), kAskAgainMs);
}

function load(text) {
  inserted = text;
  queryEditor.load(text);
  onDraft();
}

byId('publish').append(sqlBlock(kPublishSql));
byId('run').addEventListener('click', runOrStop);
byId('reconnect').addEventListener('click', () => transport.connect());
byId('refresh').addEventListener('click', () => refreshSchema().then(() => announce('The schema is read again.')));
byId('operation').addEventListener('change', showRunOrStop);
byId('clear').addEventListener('click', () => events.clear());
byId('pause').addEventListener('click', ({ currentTarget: pause }) => {
  const paused = pause.getAttribute('aria-pressed') !== 'true';
  pause.setAttribute('aria-pressed', String(paused));
  pause.textContent = paused ? 'Resume' : 'Pause';
  events.paused = paused;
});
byId('expand').addEventListener('change', ({ currentTarget }) => (events.expanded = currentTarget.checked));
document.addEventListener('keydown', (event) => {
  if (event.key !== 'Enter' || !(event.ctrlKey || event.metaKey)) return;
  event.preventDefault();
  runOrStop();
});
queryEditor.onCursor(followCursor);

const draft = loadDraft();
queryEditor.load(draft.query);
variablesEditor.load(draft.variables);
onDraft();
panels.show('operation');
transport.connect();

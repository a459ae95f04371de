// The server under test, as test/e2e/run started it.

import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { createClient } from 'graphql-ws';
import WebSocket from 'ws';

const run = promisify(execFile);

export const url = process.env.FSUBS_URL;
export const httpUrl = `${url.replace('ws', 'http')}/graphql`;

export async function sql(statement) {
  const { stdout } = await run('psql', ['-XqAt', '-v', 'ON_ERROR_STOP=1', '-c', statement]);
  return stdout.trim();
}

export function publish(order, channel = 'orders') {
  const data = JSON.stringify(order).replaceAll("'", "''");
  return sql(`SELECT fraiseql_publish('orderUpdated', '${channel}', '${data}')`);
}

// A graphql-ws client that is disposed of when the test ends.
export function connect(test, options = {}) {
  const client = createClient({ url, webSocketImpl: WebSocket, retryAttempts: 0, ...options });
  test.after(() => client.dispose());
  return client;
}

// Resolves when so many subscriptions of operations with this name are active. While the worker is
// being restarted there are none.
export async function subscribed(operationName, count = 1) {
  const query = `SELECT count(*) FROM fraiseql_subscriptions() WHERE operation_name = '${operationName}'`;
  while (Number(await sql(query).catch(() => 0)) !== count);
}

// As the scripts that the page shows are run: a statement at a time, each a transaction of its own.
export async function sqlScript(text) {
  for (const statement of text.split(/;$/m).filter((part) => part.trim())) await sql(statement);
}

const cluster = fileURLToPath(new URL('../../scripts/cluster', import.meta.url));

export async function stopServer() {
  await run(cluster, ['stop', process.env.PGHOST]);
}

export async function startServer() {
  // The server keeps what it inherits, so that no pipe to it would ever end.
  const [status] = await once(spawn(cluster, ['start', process.env.PGHOST], { stdio: 'ignore' }), 'exit');
  if (status !== 0) throw new Error('the server did not start again; its log says why');
}

export async function workerPid() {
  const log = await readFile(`${process.env.PGHOST}/log`, 'utf8');
  return Number([...log.matchAll(/worker started \(pid (\d+)\)/g)].at(-1)[1]);
}

// The server under test, as test/e2e/run started it.

import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
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

export async function workerPid() {
  const log = await readFile(`${process.env.PGHOST}/log`, 'utf8');
  return Number([...log.matchAll(/worker started \(pid (\d+)\)/g)].at(-1)[1]);
}

// Python web servers whose sockets the worker under test serves.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
const python = process.env.FSUBS_PYTHON ?? `${root}/build/venv/bin/python`;

export function uvicorn(port = 0) {
  return ['-m', 'uvicorn', '--port', String(port), '--ws', 'websockets-sansio'];
}

export async function freePort() {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address();
  probe.close();
  await once(probe, 'close');
  return port;
}

// Runs python in a folder of the repository, and resolves to {address, stop} once it has told where it
// serves. It is stopped with the test at the latest.
export async function startWebServer(test, folder, command, variables = {}) {
  const env = { ...process.env, PYTHONPATH: `${root}/python/src`, ...variables };
  const server = spawn(python, command, { cwd: `${root}/${folder}`, env });
  const stop = async () => {
    const ended = server.exitCode ?? server.signalCode ?? once(server, 'exit');
    server.kill();
    await ended;
  };
  test.after(stop);
  let told = '';
  return new Promise((resolve, reject) => {
    const hear = (text) => {
      told += text;
      const address = told.match(/http:\/\/127\.0\.0\.1:\d+/);
      if (address) resolve({ address: address[0], stop });
    };
    server.stdout.on('data', hear);
    server.stderr.on('data', hear);
    server.on('exit', () => reject(new Error(`${folder} ended:\n${told}`)));
    server.on('error', reject);
  });
}

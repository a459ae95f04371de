// The tutorial's page in a browser, served by its application.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { browser } from './browser.js';
import { sqlScript } from './server.js';

const timeout = 60_000;
const root = fileURLToPath(new URL('../..', import.meta.url));
const python = process.env.FSUBS_PYTHON ?? `${root}/build/venv/bin/python`;
const folder = `${root}/examples/tutorial`;

test('the page shows orders while they change', { timeout }, async (t) => {
  await sqlScript(await readFile(`${folder}/schema.sql`, 'utf8'));
  const server = spawn(python, ['-m', 'uvicorn', 'app:app', '--port', '0'], {
    cwd: folder,
    env: { ...process.env, PYTHONPATH: `${root}/python/src` },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  t.after(async () => {
    const ended = server.exitCode ?? once(server, 'exit');
    server.kill();
    await ended;
  });
  let told = '';
  for await (const text of server.stderr) {
    told += text;
    if (told.includes('http://')) break;
  }
  const [address] = told.match(/http:\/\/127\.0\.0\.1:\d+/);

  const page = await browser.newPage();
  t.after(() => page.close());
  const complaints = [];
  page.on('pageerror', (error) => complaints.push(error.stack));
  await page.goto(address);
  await page.getByText('live').waitFor();
  await sqlScript(await readFile(`${folder}/change.sql`, 'utf8'));
  const row = (name) => page.getByRole('row').filter({ hasText: name });
  await row('Grace').getByText('coffee').waitFor();
  await row('Ada').getByText('paid').waitFor();
  assert.deepEqual(complaints, []);
});

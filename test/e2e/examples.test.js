// The examples of web frameworks, each in its own server, with its page in a browser.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, test } from 'node:test';
import { browser } from './browser.js';
import { sql, sqlScript } from './server.js';
import { freePort, startWebServer, uvicorn } from './web_server.js';

const timeout = 60_000;

// The other tests know nothing of what the examples register.
after(async () => {
  for (const field of ['orderPlaced', 'messagePosted', 'priceChanged']) {
    await sql(`SELECT fraiseql_unregister_subscription('${field}')`);
  }
  for (const type of ['PlacedOrder', 'Message', 'Price']) await sql(`SELECT fraiseql_unregister_type('${type}')`);
});

// Runs an example and resolves to the address of its page.
async function start(test, name, command, secrets) {
  const folder = `examples/subscriptions-${name}`;
  await sqlScript(await readFile(new URL(`../../${folder}/schema.sql`, import.meta.url), 'utf8'));
  const { address } = await startWebServer(test, folder, command, secrets);
  return address;
}

// A visitor of their own, with their own cookies. What a page must never do is in page.complaints.
async function visit(test, address) {
  const context = await browser.newContext();
  test.after(() => context.close());
  const page = await context.newPage();
  page.complaints = [];
  page.on('pageerror', (error) => page.complaints.push(error.stack));
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) page.complaints.push(message.text());
  });
  await page.goto(address);
  return page;
}

const status = (page, text) => page.getByRole('status').getByText(text).waitFor();
const press = (page, name) => page.getByRole('button', { name }).click();
const cell = (page, name) => page.getByRole('cell', { name, exact: true });

test('FastAPI: an order reaches the page of its tenant and of no other', { timeout }, async (t) => {
  const address = await start(t, 'fastapi', [...uvicorn(), 'app:app'], { JWT_SECRET: 'a secret of no less than 32 bytes' });
  const [ada, bob, carl] = await Promise.all([1, 2, 3].map(() => visit(t, address)));
  await bob.getByLabel('Tenant').selectOption('south');
  for (const page of [ada, bob, carl]) {
    await press(page, 'Log in');
    await status(page, 'Live');
  }
  await carl.getByLabel('Product').fill('Coffee');
  await press(carl, 'Order');
  await cell(ada, 'Coffee').waitFor();
  await cell(ada, '4.50').waitFor();
  await bob.getByLabel('Product').fill('Milk');
  await press(bob, 'Order');
  await cell(bob, 'Milk').waitFor();
  assert.equal(await cell(bob, 'Coffee').count(), 0);
  assert.deepEqual([ada, bob, carl].flatMap((page) => page.complaints), []);
});

test('FastAPI: a token that is none is refused with 4403', { timeout }, async (t) => {
  const address = await start(t, 'fastapi', [...uvicorn(), 'app:app'], { JWT_SECRET: 'a secret of no less than 32 bytes' });
  const page = await visit(t, address);
  await page.route('**/login', (route) => route.fulfill({ json: { token: 'a.b.c' } }));
  await press(page, 'Log in');
  await status(page, 'Closed: 4403 Forbidden');
});

test('Starlette: what is said in a room reaches those who are in it', { timeout }, async (t) => {
  const address = await start(t, 'starlette', [...uvicorn(), 'app:app'], { COOKIE_SECRET: 'secret' });
  const [ada, bob, carl] = await Promise.all([1, 2, 3].map(() => visit(t, address)));
  await bob.getByLabel('Name').fill('Bob, jr.');
  await carl.getByLabel('Room').fill('attic');
  for (const page of [ada, bob, carl]) {
    await press(page, 'Enter');
    await status(page, 'Live');
  }
  await bob.getByLabel('Message').fill('Hello <b>');
  await press(bob, 'Send');
  await cell(ada, 'Bob, jr.').waitFor();
  await cell(ada, 'Hello <b>').waitFor();
  await carl.getByLabel('Message').fill('Echo');
  await press(carl, 'Send');
  await cell(carl, 'Echo').waitFor();
  assert.equal(await cell(carl, 'Hello <b>').count(), 0);
  assert.deepEqual([ada, bob, carl].flatMap((page) => page.complaints), []);
});

test('Starlette: without the cookie it is refused', { timeout }, async (t) => {
  const address = await start(t, 'starlette', [...uvicorn(), 'app:app'], { COOKIE_SECRET: 'secret' });
  const page = await visit(t, address);
  await page.route('**/login', (route) => route.fulfill({ json: {} }));
  await press(page, 'Enter');
  await status(page, 'Closed: 4403 Forbidden');
});

test('websockets: prices arrive by themselves, and those that are asked for alone', { timeout }, async (t) => {
  const address = await start(t, 'custom', ['app.py', '--port', String(await freePort())]);
  const page = await visit(t, address);
  await status(page, 'Live');
  await page.getByRole('row').nth(1).waitFor();
  await page.getByLabel('At least').fill('50');
  await press(page, 'Watch');
  await cell(page, 'ACME').first().waitFor();
  assert.equal(await cell(page, 'INITECH').count(), 0);
  assert.deepEqual(page.complaints, []);
});

// What the page says and offers where the server is away, refuses it, or has nothing to show.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import {
  connected,
  eventRows,
  openPlayground,
  orders,
  origin,
  panel,
  run,
  runButton,
  runningRow,
  searchFor,
} from './browser.js';
import { httpUrl, publish, sql, sqlScript, startServer, stopServer, workerPid } from './server.js';

const timeout = 60_000;

test('a lost connection shows, comes back by itself and subscribes again', { timeout }, async (t) => {
  const page = await openPlayground(t, { search: searchFor(orders) });
  await run(page, 'Orders');
  const lost = page.getByText('1006').waitFor();
  process.kill(await workerPid(), 'SIGKILL');
  await lost;
  await eventRows(page).getByText('Subscribed again.').waitFor();
  await connected(page);
  await page.getByRole('alert').getByText('1006').waitFor({ state: 'hidden' });
  await publish({ id: 3, status: 'paid' });
  await eventRows(page).first().getByText('"3"').waitFor();
});

test('after a restart of the server everything runs again by itself', { timeout }, async (t) => {
  const page = await openPlayground(t, { search: searchFor(orders) });
  await run(page, 'Orders');
  await page.getByLabel('GraphQL document').fill('subscription Totals { orderUpdated { total } }');
  await run(page, 'Totals');
  await stopServer();
  for (const label of ['Orders', 'Totals']) await runningRow(page, label).getByText('disconnected').waitFor();
  await startServer();
  await connected(page);
  for (const label of ['Orders', 'Totals']) await runningRow(page, label).getByText('listening').waitFor();
  await publish({ id: 4, status: 'paid', total: 1.5 });
  await eventRows(page).getByText('"paid"').waitFor();
  await eventRows(page).getByText('1.5', { exact: true }).waitFor();
});

// The status of a request as pages send it, whose answer follows the settings some time after them.
async function untilStatus(status) {
  while ((await fetch(`${httpUrl}?query=%7B__typename%7D`)).status !== status);
}

async function set(setting, value) {
  await sql(`ALTER SYSTEM SET fraiseql_subs.${setting} = ${value}`);
  await sql('SELECT pg_reload_conf()');
}

test('a refused visitor is told the setting, and reconnects by a button', { timeout }, async (t) => {
  t.after(() => set('allow_anonymous', 'on'));
  await set('allow_anonymous', 'off');
  await untilStatus(401);
  const page = await openPlayground(t);
  await page.getByRole('alert').getByText('fraiseql_subs.allow_anonymous = on').waitFor();
  await page.getByText('4403 Forbidden').waitFor();
  await panel(page, 'Schema').getByText('There is no schema without a connection.').waitFor();
  assert.equal(await page.getByText('Loading…').count(), 0);
  await sqlScript(await page.getByRole('alert').locator('pre').textContent());
  await untilStatus(200);
  await page.getByRole('button', { name: 'Reconnect now' }).click();
  await connected(page);
  await panel(page, 'Schema').getByText('There is no schema').waitFor({ state: 'hidden' });
});

test('a schema that the server does not show is explained, and comes when it does', { timeout }, async (t) => {
  const answersIntrospection = async () => {
    const reply = await fetch(`${httpUrl}?query=%7B__schema%7BqueryType%7Bname%7D%7D%7D`);
    return !(await reply.json()).errors;
  };
  t.after(() => set('introspection', 'on'));
  await set('introspection', 'off');
  while (await answersIntrospection());
  const page = await openPlayground(t);
  const schema = panel(page, 'Schema');
  await schema.getByText('fraiseql_subs.introspection = on').waitFor();
  assert.equal(await page.getByText('Loading…').count(), 0);
  await sqlScript(await schema.locator('pre').textContent());
  await schema.getByText(/orderUpdated\(/).waitFor();
  assert.equal(await schema.getByText('introspection').count(), 0);
});

test('where the extension is missing it says so, and connects when it is created', { timeout }, async (t) => {
  const setUp = () => sql(readFileSync(new URL('../../demo/setup.sql', import.meta.url), 'utf8'));
  t.after(() => sql('DROP EXTENSION IF EXISTS fraiseql_subs').then(setUp));
  await sql('DROP EXTENSION fraiseql_subs');
  // A worker that is started anew finds no catalog.
  process.kill(await workerPid(), 'SIGKILL');
  const healthy = () => fetch(`${origin}/readyz`).then(({ status }) => status, () => 0);
  while ((await healthy()) !== 503);
  const page = await openPlayground(t);
  const alert = page.getByRole('alert');
  await alert.getByText('no catalog').waitFor();
  assert.equal(await page.getByText('Loading…').count(), 0);
  assert.equal(await page.getByText('no catalog').count(), 1);
  await sqlScript(await alert.locator('pre').textContent());
  await connected(page);
  await alert.getByText('no catalog').waitFor({ state: 'hidden' });
});

test('an empty catalog says so, and its SQL registers a subscription that appears and runs', { timeout }, async (t) => {
  const running = await openPlayground(t, { search: searchFor(orders) });
  await run(running, 'Orders');
  await sql("SELECT fraiseql_unregister_subscription('orderUpdated'), fraiseql_unregister_type('Order')");
  // What ran tells there, where it ran, that it does so no more.
  await eventRows(running).locator('.message').waitFor();
  assert.equal(await runningRow(running, 'Orders').count(), 0);
  assert.equal(await running.getByRole('alert').getByRole('listitem').count(), 0);

  const page = await openPlayground(t);
  const schema = panel(page, 'Schema');
  await schema.getByText('No subscription is registered yet.').waitFor();
  assert.equal(await page.getByText('Loading…').count(), 0);
  await sqlScript(await schema.locator('pre').textContent());
  await schema.getByRole('button', { name: 'Insert a subscription of orderUpdated' }).waitFor();
  assert.equal(await schema.getByText('No subscription is registered yet.').count(), 0);
  await run(page, 'OrderUpdated');
  await sqlScript(await panel(page, 'Events').locator('.empty pre').textContent());
  await eventRows(page).first().getByText('"paid"').waitFor();
  assert.deepEqual(page.complaints, []);
});

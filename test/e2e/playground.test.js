// The page at / in a browser, as its visitors use it.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  browser,
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
import { publish, sql, subscribed } from './server.js';

const timeout = 60_000;

test('it loads without an error or another host, and says that it is connected', { timeout }, async (t) => {
  const page = await openPlayground(t);
  await connected(page);
  await page.getByText(/^fraiseql_subs \d.*PostgreSQL/).waitFor();
  assert.deepEqual(page.complaints, []);
});

test('a strict content security policy goes with it', { timeout }, async () => {
  const { headers } = await fetch(origin, { headers: { accept: 'text/html' } });
  assert.match(headers.get('content-security-policy'), /default-src 'none'.*require-trusted-types-for 'script'/);
});

test('a new visitor finds a document that runs as it is', { timeout }, async (t) => {
  const page = await openPlayground(t);
  await page.waitForFunction(() => document.querySelector('textarea').value.includes('orderUpdated'));
  await run(page, 'OrderUpdated');
  await publish({ id: 1, status: 'paid', total: 2.5 });
  await eventRows(page).getByText('2.5', { exact: true }).last().waitFor();
});

test('the schema lists fields with their types, and what is searched for', { timeout }, async (t) => {
  const page = await openPlayground(t, { search: searchFor('{ serverVersion }') });
  const schema = panel(page, 'Schema');
  await schema.getByText(/orderUpdated\(.*id: ID.*\):\sOrder/).waitFor();
  await schema.getByRole('searchbox').fill('STATUS');
  await schema.locator('summary').getByText('Order', { exact: true }).waitFor();
  await schema.getByText(/status:\sString!/).waitFor();
  assert.equal(await schema.getByText('serverVersion').count(), 0);
  await schema.getByRole('searchbox').fill('no such thing');
  await schema.getByText('Nothing is called “no such thing”.').waitFor();
});

test('a chosen field is added to a document, and the operation is chosen by the cursor', { timeout }, async (t) => {
  const page = await openPlayground(t, { search: searchFor('query Mine { serverVersion }') });
  await page.getByRole('button', { name: 'Insert a subscription of orderUpdated' }).click();
  const text = await page.getByLabel('GraphQL document').inputValue();
  assert.match(text, /^query Mine \{ serverVersion \}\n\nsubscription OrderUpdated\(\$id: ID\) \{\n {2}orderUpdated\(id: \$id\) \{\n {4}id\n/);
  const choice = page.getByRole('combobox');
  assert.deepEqual(await choice.locator('option').allTextContents(), ['query Mine', 'subscription OrderUpdated']);
  assert.equal(await choice.locator('option:checked').textContent(), 'subscription OrderUpdated');
  await page.getByLabel('GraphQL document').press('Control+Home');
  assert.equal(await choice.locator('option:checked').textContent(), 'query Mine');
});

test('an event shows with its latency and position, the newest first', { timeout }, async (t) => {
  const page = await openPlayground(t, { search: searchFor(orders) });
  await run(page, 'Orders');
  await publish({ id: 1, status: 'open' });
  await publish({ id: 2, status: 'paid' });
  await eventRows(page).nth(1).waitFor();
  const newest = eventRows(page).first();
  await newest.locator('summary').click();
  assert.match(await newest.locator('pre').textContent(), /"id": "2",\s+"status": "paid"/);
  assert.match(await newest.locator('.latency').textContent(), /^[\d.]+ m?s$/);
  await newest.getByText(/position [0-9a-f]+-[0-9a-f]+/).waitFor();
  await page.getByText(/^2 events · .*median/).waitFor();
});

test('what an event carries is shown as text and never becomes a part of the page', { timeout }, async (t) => {
  const hostile = '<img src=x onerror="document.title=\'taken\'"><script>document.title="taken"</script>';
  const page = await openPlayground(t, { search: searchFor(orders) });
  await run(page, 'Orders');
  await publish({ id: 1, status: hostile });
  const row = eventRows(page).first();
  await row.locator('code').getByText('<img src=x onerror=').waitFor();
  await row.locator('summary').click();
  await row.locator('pre').getByText('<img src=x onerror=').waitFor();
  assert.equal(await page.locator('img').count(), 0);
  assert.equal(await page.title(), 'fraiseql_subs playground');
  assert.deepEqual(page.complaints, []);
});

test('several subscriptions run until each is stopped', { timeout }, async (t) => {
  const page = await openPlayground(t, {
    search: searchFor('subscription One($id: ID) { orderUpdated(id: $id) { id } }', '{"id": 1}'),
  });
  await run(page, 'One');
  await page.getByLabel('GraphQL document').fill('subscription All { orderUpdated { status } }');
  await page.getByLabel('Variables').fill('');
  await run(page, 'All');
  await publish({ id: 2, status: 'paid' });
  await publish({ id: 1, status: 'open' });
  await eventRows(page).nth(2).waitFor();
  assert.equal(await eventRows(page).filter({ hasText: 'One' }).count(), 1);
  await page.getByRole('button', { name: 'Stop One' }).click();
  await subscribed('One', 0);
  await subscribed('All', 1);
  assert.equal(await runningRow(page, 'One').count(), 0);
});

test('Run becomes Stop for what runs, and Run again for what is changed', { timeout }, async (t) => {
  const page = await openPlayground(t, { search: searchFor(orders) });
  const editor = page.getByLabel('GraphQL document');
  await connected(page);
  await runButton(page).click();
  await runningRow(page, 'Orders').getByText('listening').waitFor();
  await runButton(page, 'Stop').waitFor();
  await editor.fill(`${orders} # as before`);
  await runButton(page).waitFor();
  await editor.fill(orders);
  await page.getByLabel('Variables').fill('{"id": 1}');
  await runButton(page).waitFor();
  await page.getByLabel('Variables').fill('');
  await runButton(page, 'Stop').click();
  await subscribed('Orders', 0);
  await runButton(page).waitFor();
  assert.equal(await runningRow(page, 'Orders').count(), 0);
  await run(page, 'Orders');
  await page.getByRole('button', { name: 'Stop Orders' }).click();
  await runButton(page).waitFor();
});

test('a query runs over the same socket', { timeout }, async (t) => {
  const page = await openPlayground(t, { search: searchFor('query Which { subscriptions { name } }') });
  await connected(page);
  await runButton(page).click();
  const row = eventRows(page).first();
  await row.locator('pre').getByText('"orderUpdated"').waitFor();
  await row.getByText('result', { exact: true }).waitFor();
  await runningRow(page, 'Which').waitFor({ state: 'detached' });
});

test('a row shows the data without the root key; the JSON as it came is folded', { timeout }, async (t) => {
  const page = await openPlayground(t, { search: searchFor(orders) });
  await run(page, 'Orders');
  await publish({ id: 1, status: 'paid' });
  const row = eventRows(page).first();
  assert.equal(await row.locator('code').textContent(), 'id: "1", status: "paid"');
  assert.ok(!(await row.textContent()).includes('orderUpdated'));
  assert.equal(await row.locator('pre').count(), 0);
  await row.locator('summary').press('Enter');
  await row.locator('pre').getByText('"orderUpdated"').waitFor();
  await page.getByLabel('Expand').check();
  await publish({ id: 2, status: 'open' });
  await eventRows(page).nth(1).waitFor();
  await eventRows(page).first().locator('pre').waitFor();
});

test('an error in an event shows once, with what came in spite of it; its JSON is folded', { timeout }, async (t) => {
  const query = 'subscription Orders { orderUpdated { id total } }';
  const page = await openPlayground(t, { search: searchFor(query) });
  await run(page, 'Orders');
  await publish({ id: 1, total: 'much' });
  const row = eventRows(page).first();
  await row.getByText('error', { exact: true }).waitFor();
  const message = await row.locator('.message').textContent();
  assert.match(message, /total|Float/);
  assert.equal(await page.getByText(message).count(), 1);
  assert.equal(await row.locator('code').textContent(), 'id: "1", total: null');
  assert.equal(await row.locator('pre').count(), 0);
  await row.locator('summary').click();
  await row.locator('pre').getByText('"DATA_MISMATCH"').waitFor();
});

test('a mistake shows with its line and column, and is underlined', { timeout }, async (t) => {
  const page = await openPlayground(t, { search: searchFor('subscription {\n  orderUpdated { nope }\n}') });
  await connected(page);
  await runButton(page).click();
  const problem = page.getByRole('alert').getByRole('listitem');
  assert.match(await problem.textContent(), /^2:18Cannot query field "nope" on type "Order"/);
  assert.equal(await page.locator('.mistake').textContent(), 'nope');
  assert.equal(await page.getByText('Cannot query field').count(), 1);
  assert.equal(await eventRows(page).count(), 0);
  await page.getByRole('button', { name: 'Line 2, column 18' }).click();
  assert.equal(await page.getByLabel('GraphQL document').evaluate((area) => area.selectionStart), 32);
  await page.getByLabel('GraphQL document').fill('subscription { orderUpdated { id }');
  await runButton(page).click();
  await problem.getByText('Syntax Error').waitFor();
});

test('the place of a mistake stays on one line beside a long message', { timeout }, async (t) => {
  const long = 'a'.repeat(80);
  const page = await openPlayground(t, {
    search: searchFor(`subscription {\n  orderUpdated { ${long} }\n}`),
    viewport: { width: 360, height: 740 },
  });
  await connected(page);
  await runButton(page).click();
  const place = page.getByRole('button', { name: 'Line 2, column 18' });
  const { height, lineHeight } = await place.evaluate((button) => ({
    height: button.clientHeight,
    lineHeight: parseFloat(getComputedStyle(button).lineHeight),
  }));
  assert.ok(height < 2 * lineHeight, `${height} px for lines of ${lineHeight} px`);
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth));
});

test('variables that are no JSON object are not sent, and the problem shows once', { timeout }, async (t) => {
  const page = await openPlayground(t, { search: searchFor(orders) });
  await connected(page);
  const variables = page.getByLabel('Variables');
  for (const [wrong, problem] of Object.entries({
    '{"id": }': /is not valid JSON/,
    '[1]': /must be a JSON object/,
    null: /must be a JSON object/,
  })) {
    await variables.fill(wrong);
    assert.equal(await variables.getAttribute('aria-invalid'), 'true');
    await runButton(page).click();
    assert.ok(await variables.evaluate((area) => area === document.activeElement));
    await page.getByRole('status').getByText('the variables are not usable').waitFor({ state: 'attached' });
    assert.equal(await page.getByText(problem).count(), 1);
  }
  assert.equal(await runningRow(page, 'Orders').count(), 0);
  assert.equal(await eventRows(page).count(), 0);
});

test('a number in the variables keeps digits that JavaScript cannot hold', { timeout }, async (t) => {
  const one = 'subscription One($id: ID) { orderUpdated(id: $id) { id } }';
  const page = await openPlayground(t, { search: searchFor(one, '{"id": 9007199254740993}') });
  await run(page, 'One');
  await sql(`SELECT fraiseql_publish('orderUpdated', 'orders', '{"id": 9007199254740993}')`);
  await eventRows(page).first().getByText('"9007199254740993"').waitFor();
});

test('while it is paused nothing is added to the list, and nothing is lost', { timeout }, async (t) => {
  const page = await openPlayground(t, { search: searchFor(orders) });
  await run(page, 'Orders');
  await page.getByRole('button', { name: 'Pause' }).click();
  await publish({ id: 1, status: 'paid' });
  await page.getByText('paused, 1 waiting').waitFor();
  assert.equal(await eventRows(page).count(), 0);
  await page.getByRole('button', { name: 'Resume' }).click();
  assert.equal(await eventRows(page).count(), 1);
  await page.getByRole('button', { name: 'Clear' }).click();
  assert.equal(await eventRows(page).count(), 0);
});

test('of more than 500 events the newest 500 are kept', { timeout }, async (t) => {
  const page = await openPlayground(t, { search: searchFor(orders) });
  await run(page, 'Orders');
  await sql(
    "SELECT fraiseql_publish('orderUpdated', 'orders', jsonb_build_object('id', i, 'status', 'x'))" +
      ' FROM generate_series(1, 1200) AS i',
  );
  await eventRows(page).first().getByText('"1200"').first().waitFor();
  assert.equal(await eventRows(page).count(), 500);
  assert.match(await eventRows(page).last().textContent(), /"701"/);
  await runningRow(page, 'Orders').getByText('1,200').waitFor();
});

test('what was written is there at the next visit', { timeout }, async (t) => {
  const page = await openPlayground(t);
  await connected(page);
  await page.getByLabel('GraphQL document').fill('subscription Kept { orderUpdated { id } }');
  await page.getByLabel('Variables').fill('{"a": 1}');
  await page.reload();
  assert.equal(await page.getByLabel('GraphQL document').inputValue(), 'subscription Kept { orderUpdated { id } }');
  assert.equal(await page.getByLabel('Variables').inputValue(), '{"a": 1}');
});

test('it works where nothing may be stored', { timeout }, async (t) => {
  const context = await browser.newContext();
  t.after(() => context.close());
  const page = await context.newPage();
  await page.addInitScript(() => {
    Object.defineProperty(window, 'localStorage', {
      get() {
        throw new DOMException('denied', 'SecurityError');
      },
    });
  });
  await page.goto(origin);
  await connected(page);
});

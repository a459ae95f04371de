// The page at / in a browser, as its visitors use it.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import {
  acknowledged,
  eventRows,
  look,
  openBrowser,
  openPlayground,
  origin,
  run,
  runningRow,
  searchFor,
} from './browser.js';
import { publish, sql, subscribed, workerPid } from './server.js';

const timeout = 60_000;
const orders = 'subscription Orders { orderUpdated { id status } }';
let browser;

before(async () => (browser = await openBrowser()));
after(() => browser.close());

test('it loads without an error or another host, and the server acknowledges it', { timeout }, async (t) => {
  const page = await openPlayground(t, browser);
  await acknowledged(page);
  await page.getByText(/^fraiseql_subs \d.*PostgreSQL/).waitFor();
  assert.deepEqual(page.complaints, []);
});

test('a strict content security policy goes with it', { timeout }, async () => {
  const { headers } = await fetch(origin, { headers: { accept: 'text/html' } });
  assert.match(headers.get('content-security-policy'), /default-src 'none'.*require-trusted-types-for 'script'/);
});

test('a new visitor finds a document that runs as it is', { timeout }, async (t) => {
  const page = await openPlayground(t, browser);
  await page.waitForFunction(() => document.querySelector('textarea').value.includes('orderUpdated'));
  await run(page, 'OrderUpdated');
  await publish({ id: 1, status: 'paid', total: 2.5 });
  await eventRows(page).getByText('2.5').last().waitFor();
});

test('the schema lists fields with their types, and what is searched for', { timeout }, async (t) => {
  const page = await openPlayground(t, browser, { search: searchFor('{ serverVersion }') });
  const schema = page.getByRole('region', { name: 'Schema' });
  await schema.getByText(/orderUpdated\(.*id: ID.*\):\sOrder/).waitFor();
  await schema.getByRole('searchbox').fill('STATUS');
  await schema.locator('summary').getByText('Order', { exact: true }).waitFor();
  await schema.getByText(/status:\sString!/).waitFor();
  assert.equal(await schema.getByText('serverVersion').count(), 0);
  await schema.getByRole('searchbox').fill('no such thing');
  await schema.getByText('Nothing is called “no such thing”.').waitFor();
});

test('a chosen field is added to a document, and the operation is chosen by the cursor', { timeout }, async (t) => {
  const page = await openPlayground(t, browser, { search: searchFor('query Mine { serverVersion }') });
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
  const page = await openPlayground(t, browser, { search: searchFor(orders) });
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
  const page = await openPlayground(t, browser, { search: searchFor(orders) });
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
  const page = await openPlayground(t, browser, {
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

test('a query runs over the same socket', { timeout }, async (t) => {
  const page = await openPlayground(t, browser, { search: searchFor('query Which { subscriptions { name } }') });
  await acknowledged(page);
  await page.getByRole('button', { name: 'Run' }).click();
  const row = eventRows(page).first();
  await row.locator('pre').getByText('"orderUpdated"').waitFor();
  await row.getByText('result', { exact: true }).waitFor();
  await runningRow(page, 'Which').waitFor({ state: 'detached' });
});

test('a row shows the data without the root key; the JSON as it came is folded', { timeout }, async (t) => {
  const page = await openPlayground(t, browser, { search: searchFor(orders) });
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
  const page = await openPlayground(t, browser, { search: searchFor(query) });
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
  const page = await openPlayground(t, browser, { search: searchFor('subscription {\n  orderUpdated { nope }\n}') });
  await acknowledged(page);
  await page.getByRole('button', { name: 'Run' }).click();
  const problem = page.getByRole('alert').getByRole('listitem');
  assert.match(await problem.textContent(), /^2:18Cannot query field "nope" on type "Order"/);
  assert.equal(await page.locator('.mistake').textContent(), 'nope');
  await page.getByRole('button', { name: 'Line 2, column 18' }).click();
  assert.equal(await page.getByLabel('GraphQL document').evaluate((area) => area.selectionStart), 32);
  await page.getByLabel('GraphQL document').fill('subscription { orderUpdated { id }');
  await page.getByRole('button', { name: 'Run' }).click();
  await problem.getByText('Syntax Error').waitFor();
});

test('variables that are no JSON object are not sent', { timeout }, async (t) => {
  const page = await openPlayground(t, browser, { search: searchFor(orders) });
  await acknowledged(page);
  for (const wrong of ['{"id": }', '[1]', 'null']) {
    await page.getByLabel('Variables').fill(wrong);
    assert.equal(await page.getByLabel('Variables').getAttribute('aria-invalid'), 'true');
    await page.getByRole('button', { name: 'Run' }).click();
    await page.getByRole('alert').getByText('The variables are not usable').waitFor();
  }
  assert.equal(await runningRow(page, 'Orders').count(), 0);
});

test('a number in the variables keeps digits that JavaScript cannot hold', { timeout }, async (t) => {
  const one = 'subscription One($id: ID) { orderUpdated(id: $id) { id } }';
  const page = await openPlayground(t, browser, { search: searchFor(one, '{"id": 9007199254740993}') });
  await run(page, 'One');
  await sql(`SELECT fraiseql_publish('orderUpdated', 'orders', '{"id": 9007199254740993}')`);
  await eventRows(page).first().getByText('"9007199254740993"').waitFor();
});

test('while it is paused nothing is added to the list, and nothing is lost', { timeout }, async (t) => {
  const page = await openPlayground(t, browser, { search: searchFor(orders) });
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
  const page = await openPlayground(t, browser, { search: searchFor(orders) });
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

test('a lost connection shows, comes back by itself and subscribes again', { timeout }, async (t) => {
  const page = await openPlayground(t, browser, { search: searchFor(orders) });
  await run(page, 'Orders');
  const lost = page.getByText('1006').waitFor();
  process.kill(await workerPid(), 'SIGKILL');
  await lost;
  await eventRows(page).getByText('Subscribed again.').waitFor();
  await acknowledged(page);
  await page.getByRole('alert').getByText('1006').waitFor({ state: 'hidden' });
  await publish({ id: 3, status: 'paid' });
  await eventRows(page).first().getByText('"3"').waitFor();
});

test('a refused visitor is told the setting, and reconnects by a button', { timeout }, async (t) => {
  const allow = async (value) => {
    await sql(`ALTER SYSTEM SET fraiseql_subs.allow_anonymous = ${value}`);
    await sql('SELECT pg_reload_conf()');
  };
  t.after(() => allow('on'));
  await allow('off');
  // The setting reaches the worker some time after the statement.
  while ((await fetch(`${origin}/graphql?query=%7B__typename%7D`)).status !== 403);
  const page = await openPlayground(t, browser);
  await page.getByRole('alert').getByText('fraiseql_subs.allow_anonymous').waitFor();
  await page.getByText('4403 Forbidden').waitFor();
  await allow('on');
  while ((await fetch(`${origin}/graphql?query=%7B__typename%7D`)).status !== 200);
  await page.getByRole('button', { name: 'Reconnect now' }).click();
  await acknowledged(page);
});

test('what was written is there at the next visit', { timeout }, async (t) => {
  const page = await openPlayground(t, browser);
  await acknowledged(page);
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
  await acknowledged(page);
});

for (const colorScheme of ['light', 'dark']) {
  for (const [device, viewport] of Object.entries({
    desktop: { width: 1280, height: 800 },
    phone: { width: 390, height: 780 },
  })) {
    test(`it is readable in ${colorScheme} on a ${device}`, { timeout }, async (t) => {
      const page = await openPlayground(t, browser, { search: searchFor(orders), colorScheme, viewport });
      await acknowledged(page);
      const written = await look(page, `playground-${colorScheme}-${device}-operation`);
      assert.ok(written.colours > 50, `${written.colours} colours`);
      await run(page, 'Orders');
      await publish({ id: 1, status: 'paid' });
      await eventRows(page).first().waitFor();
      const { colours, corner } = await look(page, `playground-${colorScheme}-${device}-events`);
      assert.ok(colours > 50, `${colours} colours`);
      assert.equal(Math.max(...corner) < 64, colorScheme === 'dark', `the corner is rgb(${corner})`);
      assert.deepEqual(await page.evaluate(faintTexts), []);
      assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth));
      assert.deepEqual(page.complaints, []);
    });
  }
}

// In the page: texts whose contrast is below 4.5, as WCAG 2.2 asks for (success criterion 1.4.3).
function faintTexts() {
  const parse = (colour) => colour.match(/[\d.]+/g).map(Number);
  const luminance = (colour) => {
    const [r, g, b] = parse(colour).map((value) => {
      const part = value / 255;
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const groundOf = (element) => {
    const colour = getComputedStyle(element).backgroundColor;
    return parse(colour)[3] === 0 ? groundOf(element.parentElement) : colour;
  };
  const faint = [];
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const element = texts.currentNode.parentElement;
    const isShown = element.checkVisibility({ visibilityProperty: true }) && !element.closest('script, textarea');
    if (!isShown || !texts.currentNode.data.trim()) continue;
    const [dark, light] = [getComputedStyle(element).color, groundOf(element)].map(luminance).sort((a, b) => a - b);
    const contrast = (light + 0.05) / (dark + 0.05);
    if (contrast < 4.5) faint.push(`${texts.currentNode.data.trim()}: ${contrast.toFixed(2)}`);
  }
  return faint;
}

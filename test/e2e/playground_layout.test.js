// The page on screens of each size, in light and dark.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  connected,
  eventRows,
  look,
  openPlayground,
  orders,
  panel,
  run,
  runButton,
  searchFor,
} from './browser.js';
import { publish } from './server.js';

const timeout = 60_000;

// Which panels are there to be seen, and how many tabs.
async function shown(page) {
  const panels = [];
  for (const name of ['Schema', 'Operation', 'Events']) {
    if (await panel(page, name).isVisible()) panels.push(name);
  }
  const tabs = await page.getByRole('navigation').getByRole('button').count();
  return { panels, tabs };
}

test('on a phone one panel shows at a time, tabs have counts, and no key is named', { timeout }, async (t) => {
  const page = await openPlayground(t, { search: searchFor(orders), viewport: { width: 360, height: 740 } });
  await panel(page, 'Operation').waitFor();
  await connected(page);
  const tabs = page.getByRole('navigation');
  await tabs.getByRole('button', { name: /^Schema 1$/ }).waitFor();
  assert.deepEqual((await shown(page)).panels, ['Operation']);
  assert.equal(await page.getByText(/Ctrl/).filter({ visible: true }).count(), 0);
  assert.ok(!(await page.getByLabel('GraphQL document').inputValue()).includes('Ctrl'));
  await runButton(page).click();
  await panel(page, 'Events').waitFor();
  assert.deepEqual((await shown(page)).panels, ['Events']);
  await publish({ id: 1, status: 'paid' });
  await publish({ id: 2, status: 'paid' });
  await tabs.getByRole('button', { name: /^Events 2$/ }).waitFor();
  await tabs.getByRole('button', { name: /^Operation 1 running$/ }).click();
  await runButton(page, 'Stop').click();
  await tabs.getByRole('button', { name: /^Operation$/ }).waitFor();
});

test('a query that is answered at once shows its answer on a phone', { timeout }, async (t) => {
  const page = await openPlayground(t, {
    search: searchFor('query Which { subscriptions { name } }'),
    viewport: { width: 360, height: 740 },
  });
  await connected(page);
  await runButton(page).click();
  await eventRows(page).first().locator('pre').getByText('"orderUpdated"').waitFor();
});

test('at 820 pixels there are two panels: the events, and the schema or the operation', { timeout }, async (t) => {
  const page = await openPlayground(t, {
    search: searchFor('{ serverVersion }'),
    viewport: { width: 820, height: 1180 },
  });
  await connected(page);
  assert.deepEqual((await shown(page)).panels, ['Operation', 'Events']);
  await page.getByRole('navigation').getByRole('button', { name: 'Schema' }).click();
  assert.deepEqual(await shown(page), { panels: ['Schema', 'Events'], tabs: 2 });
  await page.getByRole('button', { name: 'Insert a subscription of orderUpdated' }).click();
  assert.deepEqual((await shown(page)).panels, ['Operation', 'Events']);
  await page.setViewportSize({ width: 360, height: 740 });
  await page.getByRole('navigation').getByRole('button', { name: 'Events' }).click();
  await page.setViewportSize({ width: 820, height: 1180 });
  await panel(page, 'Operation').waitFor();
  assert.deepEqual((await shown(page)).panels, ['Operation', 'Events']);
  await page.setViewportSize({ width: 1280, height: 800 });
  assert.deepEqual(await shown(page), { panels: ['Schema', 'Operation', 'Events'], tabs: 0 });
});

test('the focus stays to be seen when the panel that had it goes', { timeout }, async (t) => {
  const page = await openPlayground(t, { search: searchFor(orders), viewport: { width: 360, height: 740 } });
  await connected(page);
  await page.getByLabel('GraphQL document').press('Control+Enter');
  await panel(page, 'Events').waitFor();
  assert.equal(await page.evaluate(() => document.activeElement.dataset.shows), 'events');
  await page.getByRole('button', { name: 'Stop Orders' }).press('Enter');
  assert.equal(await page.evaluate(() => document.activeElement.id), 'events-title');
});

for (const colorScheme of ['light', 'dark']) {
  for (const [device, viewport] of Object.entries({
    desktop: { width: 1280, height: 800 },
    tablet: { width: 820, height: 1180 },
    phone: { width: 360, height: 740 },
  })) {
    test(`it is readable in ${colorScheme} on a ${device}`, { timeout }, async (t) => {
      const page = await openPlayground(t, { search: searchFor(orders), colorScheme, viewport });
      await connected(page);
      const written = await look(page, `playground-${colorScheme}-${device}-operation`);
      assert.ok(written.colours > 50, `${written.colours} colours`);
      await run(page, 'Orders');
      await publish({ id: 1, status: 'paid' });
      await publish({ id: 2, status: null });
      await eventRows(page).nth(1).waitFor();
      await eventRows(page).first().locator('summary').click();
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

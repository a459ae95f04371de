// Headless Chromium, and what tests do with the playground in it.

import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { after, before } from 'node:test';
import { chromium } from 'playwright-core';
import { url } from './server.js';

export const origin = url.replace(/^ws/, 'http');

const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium';
const args = ['--disable-gpu', '--disable-quic', '--disable-sync'];

// An operation that the demo's catalog allows.
export const orders = 'subscription Orders { orderUpdated { id status } }';

// One browser with a profile of its own for all tests of a file.
export let browser;
before(async () => (browser = await chromium.launch({ executablePath, args })));
after(() => browser.close());

// The playground as a new visitor sees it. What a page must never do is collected in page.complaints:
// errors, and requests to others than its server.
export async function openPlayground(test, { search = '', ...options } = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
  test.after(() => context.close());
  const page = await context.newPage();
  page.complaints = [];
  page.on('pageerror', (error) => page.complaints.push(error.stack));
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) page.complaints.push(message.text());
  });
  const record = (address) => {
    const isOurs = address.startsWith(`${origin}/`) || address.startsWith(`${url}/`) || address.startsWith('data:');
    if (!isOurs) page.complaints.push(`it connects to ${address}`);
  };
  page.on('request', (request) => record(request.url()));
  page.on('websocket', (socket) => record(socket.url()));
  await page.goto(`${origin}/${search}`);
  return page;
}

export function connected(page) {
  return page.getByRole('status').getByText('Connected', { exact: true }).waitFor();
}

export function searchFor(query, variables = '') {
  return `?${new URLSearchParams({ query, variables })}`;
}

// Presses Ctrl+Enter and resolves when the server has the subscription.
export async function run(page, label) {
  await page.getByLabel('GraphQL document').press('Control+Enter');
  await runningRow(page, label).getByText('listening').waitFor();
}

export function runningRow(page, label) {
  return page.getByRole('list', { name: 'Running operations' }).getByRole('listitem').filter({ hasText: label });
}

// Run, which is Stop while what the editor holds runs.
export function runButton(page, name = 'Run') {
  return page.getByRole('button', { name, exact: true });
}

export function panel(page, name) {
  return page.getByRole('region', { name });
}

export function eventRows(page) {
  return page.getByRole('list', { name: 'Events, newest first' }).locator('> li');
}

// Takes a screenshot, kept in $FSUBS_ARTIFACTS if that is set, and resolves to {colours, corner}: how
// many colours it has, and the first pixel's [red, green, blue].
export async function look(page, name) {
  const folder = process.env.FSUBS_ARTIFACTS;
  if (folder) await mkdir(folder, { recursive: true });
  const image = await page.screenshot(folder ? { path: path.join(folder, `${name}.png`) } : {});
  const context = await browser.newContext();
  try {
    const canvas = await context.newPage();
    return await canvas.evaluate(async (base64) => {
      const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
      const bitmap = await createImageBitmap(new Blob([bytes], { type: 'image/png' }));
      const drawing = new OffscreenCanvas(bitmap.width, bitmap.height).getContext('2d');
      drawing.drawImage(bitmap, 0, 0);
      const { data } = drawing.getImageData(0, 0, bitmap.width, bitmap.height);
      const pixels = new Uint32Array(data.buffer);
      return { colours: new Set(pixels).size, corner: [...data.slice(0, 3)] };
    }, image.toString('base64'));
  } finally {
    await context.close();
  }
}

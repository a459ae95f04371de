// Why the server serves no clients. Only /readyz tells: a refused handshake says nothing to a page.

import { kCreateSql } from './sql.js';

const kAdvice = [
  [/^no catalog: the extension/, 'Run this in the database that fraiseql_subs.database names:', kCreateSql],
  [/^shard/, 'If it stays so, the server restarts the worker by itself.', null],
  [/^standby/, 'Connect to the primary.', null],
  [/^draining/, 'It is shutting down; wait for it to come back.', null],
];

const kOtherAdvice = [null, "The server's log may say more.", null];

// {meaning, advice, sql}; null if it is well or cannot be asked.
export async function askHealth() {
  try {
    const response = await fetch('/readyz');
    if (response.ok) return null;
    const text = (await response.text()).trim();
    const [, advice, sql] = kAdvice.find(([pattern]) => pattern.test(text)) ?? kOtherAdvice;
    return { meaning: `The server serves no clients now. It says: “${text}”`, advice, sql };
  } catch {
    return null;
  }
}

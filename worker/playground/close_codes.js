// What each way a connection ends means, and what to do. docs/protocol.md has the codes.

import { kAllowSql } from './sql.js';

// Meaning, advice, whether trying again may help by itself, and SQL that helps.
const kMeanings = new Map([
  [1000, ['The connection was closed as asked.', 'Reconnect when you want to go on.', false]],
  [1001, ['The server is shutting down, or had no answer to its ping.', '', true]],
  [1005, ['The server ended the connection without a word.', '', true]],
  [1006, [
    'There is no connection to the server.',
    'It may be restarting, not be reachable, or refuse clients for now; its log tells.',
    true,
  ]],
  [1007, ['The server could not read a message of this page as text.', 'Reload the page.', false]],
  [1009, [
    'A message was larger than the server accepts.',
    'Send a smaller document or variables, or raise fraiseql_subs.max_message_size.',
    false,
  ]],
  [1012, ['The server is restarting.', '', true]],
  [1013, [
    'A limit of connections or messages is reached.',
    'SELECT * FROM fraiseql_limits() shows the limits.',
    true,
  ]],
  [4400, ['The server could not understand a message of this page.', 'Reload the page.', false]],
  [4401, ['The page subscribed before the server was ready.', 'Reconnect.', false]],
  [4403, [
    'The server accepts no clients without credentials.',
    'To let in whoever reaches its port, run this and reconnect:',
    false,
    kAllowSql,
  ]],
  [4406, [
    'The server does not speak graphql-transport-ws here.',
    'Is there a proxy in between that drops the header Sec-WebSocket-Protocol?',
    false,
  ]],
  [4408, ['The server waited too long for the first message.', '', true]],
  [4409, ['A subscription of that id exists already.', 'Reconnect.', false]],
  [4413, [
    'This page did not read what waited for it.',
    'Subscribe to less, or raise fraiseql_subs.slow_timeout.',
    true,
  ]],
  [4429, ['The page introduced itself twice.', 'Reconnect.', false]],
  [4500, ['The server had a fault.', "Look into the server's log, then reconnect.", false]],
]);

const kUnknown = [
  'The connection ended with a code that this page does not know.',
  "The server's log may say more.",
  true,
];

// {meaning, advice, retry, sql}: retry says whether trying again may help by itself; sql is null where
// there is none that helps.
export function explainClose(code) {
  const [meaning, advice, retry, sql = null] = kMeanings.get(code) ?? kUnknown;
  return { meaning, advice, retry, sql };
}

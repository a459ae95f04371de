// What each way a connection ends means, and what to do. docs/protocol.md has the codes.

const kMeanings = new Map([
  [1000, ['The connection was closed as asked.', 'Reconnect when you want to go on.', false]],
  [1001, ['The server is shutting down, or had no answer to its ping.', '', true]],
  [1006, [
    'There is no connection to the server.',
    'It may be restarting, not be reachable, or refuse clients for now; its log tells.',
    true,
  ]],
  [1009, [
    'A message was larger than the server accepts.',
    'Send a smaller document or variables, or raise fraiseql_subs.max_message_size.',
    false,
  ]],
  [4400, ['The server could not understand a message of this page.', 'Reload the page.', false]],
  [4401, ['The page subscribed before the server was ready.', 'Reconnect.', false]],
  [4403, [
    'The server accepts no clients without credentials.',
    'Set fraiseql_subs.allow_anonymous = on, then SELECT pg_reload_conf(), and reconnect.',
    false,
  ]],
  [4406, [
    'The server does not speak graphql-transport-ws here.',
    'Is there a proxy in between that drops the header Sec-WebSocket-Protocol?',
    false,
  ]],
  [4408, ['The server waited too long for the first message.', '', true]],
  [4409, ['A subscription of that id exists already.', 'Reconnect.', false]],
  [4413, [
    'This page read too slowly: more waited for it than the server keeps for one client.',
    'Subscribe to less, or raise fraiseql_subs.outbox_size.',
    true,
  ]],
  [4429, ['The page introduced itself twice.', 'Reconnect.', false]],
  [4500, ['The server had a fault.', "Look into the server's log, then reconnect.", false]],
]);

// {meaning, advice, retry}: retry says whether trying again may help by itself.
export function explainClose(code) {
  const [meaning, advice, retry] = kMeanings.get(code) ?? ['The connection ended.', '', true];
  return { meaning, advice, retry };
}

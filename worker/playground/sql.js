// Statements that the page tells people to run.

import { button, element } from './dom.js';

export const kCreateSql = 'CREATE EXTENSION fraiseql_subs;';

export const kAllowSql = 'ALTER SYSTEM SET fraiseql_subs.allow_anonymous = on;\nSELECT pg_reload_conf();';

export const kShowSchemaSql = 'ALTER SYSTEM SET fraiseql_subs.introspection = on;\nSELECT pg_reload_conf();';

export const kRegisterSql = `SELECT fraiseql_register_types('
  type Order {
    id: ID!
    status: String!
    total: Float
  }
');
SELECT fraiseql_register_subscription(
  'orderUpdated(id: ID): Order',
  'orders', ARRAY['orderUpdated']);`;

// An event for the subscription of kRegisterSql.
export const kPublishSql = `SELECT fraiseql_publish(
  'orderUpdated', 'orders',
  '{"id": 1, "status": "paid"}');`;

export function sqlBlock(sql) {
  const block = element('div', { className: 'sql' }, element('pre', {}, sql));
  // Browsers hide the clipboard from pages that came neither by HTTPS nor from this computer.
  if (navigator.clipboard) {
    const copy = button('Copy', () =>
      navigator.clipboard.writeText(sql).then(
        () => (copy.textContent = 'Copied'),
        () => (copy.textContent = 'Not allowed'),
      ),
    );
    block.append(copy);
  }
  return block;
}

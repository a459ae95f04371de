CREATE EXTENSION fraiseql_subs;
\set SHOW_CONTEXT never

SELECT fraiseql_register_types('typ Order { id: ID }');
SELECT fraiseql_register_types('
type Order {
  id: ID!
  total Float
}');
SELECT fraiseql_register_types('');
SELECT fraiseql_register_types(NULL);
SELECT fraiseql_register_types('type Order { id: Missing }');
SELECT fraiseql_register_types('type Item { name: String }

type Order {
  id: ID!
  items: [Itme!]
}');
SELECT fraiseql_register_types('type Order { id: ID, id: ID }');
SELECT fraiseql_register_types('type Order');
SELECT fraiseql_register_types('type Query { a: Int }');
SELECT fraiseql_register_types('schema { query: Order }');
SELECT fraiseql_register_types('extend type Order { a: Int }');
SELECT fraiseql_register_types('{ a }');
SELECT fraiseql_register_types('scalar A scalar B scalar A');

SELECT fraiseql_register_types('type Order { id: ID!, total: Float, items: [Item!] } type Item { name: String }');
SELECT fraiseql_register_subscription('orderUpdated(id: ID): Ordre', 'orders');
SELECT fraiseql_register_subscription('orderUpdated(id: ID', 'orders');
SELECT fraiseql_register_subscription('orderUpdated(id: ID): Order extra: Int', 'orders');
SELECT fraiseql_register_subscription(NULL, 'orders');
SELECT fraiseql_register_subscription('orderUpdated: Order', '');
SELECT fraiseql_register_subscription('orderUpdated: Order', NULL);
SELECT fraiseql_register_subscription('orderUpdated: Order', 'orders', '{}');
SELECT fraiseql_register_subscription('orderUpdated: Order', 'orders', '{a,NULL}');
SELECT fraiseql_register_subscription('orderUpdated(name: String): Order', 'orders');
SELECT fraiseql_register_subscription('orderUpdated(items: String): Order', 'orders');
SELECT fraiseql_register_subscription('orderUpdated(id: Int): Order', 'orders');
SELECT fraiseql_register_subscription('orderUpdated(id: [ID]): Order', 'orders');
SELECT fraiseql_register_subscription('orderUpdated(id: ID!): Order', 'orders');
SELECT fraiseql_register_types('type Order { id: Int! }');
SELECT fraiseql_unregister_type('Order');
SELECT fraiseql_unregister_type('Item');
SELECT fraiseql_unregister_type('Missing');
SELECT fraiseql_unregister_type(NULL);
SELECT fraiseql_unregister_subscription('missing');
SELECT fraiseql_schema();
SELECT fraiseql_unregister_subscription('orderUpdated');
SELECT fraiseql_unregister_type('Order');
SELECT fraiseql_unregister_type('Item');
SELECT fraiseql_schema();

DROP EXTENSION fraiseql_subs;

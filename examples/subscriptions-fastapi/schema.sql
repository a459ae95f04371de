-- What clients may subscribe to. Again as often as you like: it replaces what is there.
CREATE EXTENSION IF NOT EXISTS fraiseql_subs;

SELECT fraiseql_register_types('
    type PlacedOrder { id: ID! product: String! total: Float! }
');

-- Each tenant gets its own orders: those whose tenant_id is that of its users' tokens.
SELECT fraiseql_register_subscription('orderPlaced(product: String): PlacedOrder', 'placed_orders', tenant_field => 'tenant_id');

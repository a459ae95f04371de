-- What clients may subscribe to. Again as often as you like: it replaces what is there.
CREATE EXTENSION IF NOT EXISTS fraiseql_subs;

SELECT fraiseql_register_types('
    type Order { id: ID! product: String! status: String! total: Float! }
');

-- Each tenant gets its own orders: those whose tenant_id is that of its users' tokens.
SELECT fraiseql_register_subscription('orderUpdated(status: String): Order', 'orders', tenant_field => 'tenant_id');

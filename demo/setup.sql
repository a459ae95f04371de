CREATE EXTENSION fraiseql_subs;

SELECT fraiseql_register_types('type Order { id: ID! status: String! total: Float }');

SELECT fraiseql_register_subscription('orderUpdated(id: ID): Order', 'orders', ARRAY['orderUpdated']);

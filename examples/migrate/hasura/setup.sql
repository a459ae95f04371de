CREATE TABLE orders (
    id bigint PRIMARY KEY,
    user_id text NOT NULL,
    status text NOT NULL,
    margin numeric
);

-- [start:tracked]
-- "Track table": which of its columns are served, and under which names.
SELECT fraiseql_register_types('
    type OrderRow {
        id: ID!
        status: String!
        margin: Float @requiresRole(roles: ["accounts"])
    }
    type OrderChange { operation: String! row: OrderRow old: OrderRow }
');
SELECT fraiseql_watch('orders');
-- [end:tracked]

-- [start:permission]
-- The select permission of the roles user and accounts, {"user_id": {"_eq": "X-Hasura-User-Id"}}.
SELECT fraiseql_register_subscription(
    'orderChanged(id: ID, where: OrderChangeFilter): OrderChange', 'orders',
    row_filter => '{"user_id": "user"}',
    roles => '{user,accounts}');
-- [end:permission]

-- [start:jwt]
-- HASURA_GRAPHQL_JWT_SECRET {"type": "HS256", "key": "…"}.
SELECT fraiseql_register_issuer('hasura', preset => 'hasura', algorithms => '{HS256}',
    secret => 'put the key of HASURA_GRAPHQL_JWT_SECRET here');
-- [end:jwt]

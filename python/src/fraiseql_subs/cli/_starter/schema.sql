-- What the application needs of its database. The subscription field and its types are not here:
-- the application registers them, from the code.
CREATE EXTENSION IF NOT EXISTS fraiseql_subs;

CREATE TABLE orders (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    customer text NOT NULL,
    status text NOT NULL DEFAULT 'new',
    total numeric NOT NULL
);

-- Every change of a row is an event of the channel "orders", whoever makes it.
SELECT fraiseql_watch('orders');

CREATE EXTENSION IF NOT EXISTS fraiseql_subs;

CREATE TABLE customers (id integer PRIMARY KEY, name text NOT NULL);
CREATE TABLE orders (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    customer_id integer NOT NULL REFERENCES customers,
    item text NOT NULL,
    status text NOT NULL DEFAULT 'open'
);
INSERT INTO customers VALUES (1, 'Ada'), (2, 'Grace');

SELECT fraiseql_watch('orders');

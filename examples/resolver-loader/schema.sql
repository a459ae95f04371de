CREATE TABLE customers (id integer PRIMARY KEY, name text NOT NULL);
CREATE TABLE orders (
    id integer PRIMARY KEY,
    customer_id integer NOT NULL,
    status text NOT NULL,
    total numeric NOT NULL
);
CREATE TABLE notes (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    order_id integer NOT NULL REFERENCES orders ON DELETE CASCADE,
    author text NOT NULL,
    text text NOT NULL
);

SELECT fraiseql_watch('orders');

-- Subscribers' tokens name this role; it sees its own notes alone.
CREATE ROLE customer;
GRANT SELECT ON notes TO customer;
ALTER TABLE notes ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_notes ON notes FOR SELECT USING (
    author = nullif(current_setting('request.jwt.claims', true), '')::json ->> 'sub'
);

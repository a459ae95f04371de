-- What clients may subscribe to. Again as often as you like: it replaces what is there.
CREATE EXTENSION IF NOT EXISTS fraiseql_subs;

SELECT fraiseql_register_types('
    type Price { symbol: String! price: Float! }
');

SELECT fraiseql_register_subscription('priceChanged(where: PriceFilter): Price', 'prices');

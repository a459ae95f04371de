"""How the guide's field is tested."""

from orders import Order, OrderVars, order_updated

from fraiseql_subs.testing import make_event


async def test_a_resolver_is_a_function() -> None:
    event = make_event(Order(1, "paid"))
    assert await order_updated(event, OrderVars()) == Order(1, "paid")

"""The field that the guide's examples serve."""

from dataclasses import dataclass
from typing import Any

from fraiseql_subs import Event, SubscriptionManager

manager: SubscriptionManager[None] = SubscriptionManager()  # PGHOST, PGDATABASE and so on


# [start:field]
@dataclass
class Order:
    id: int
    status: str
    total: float | None = None


@dataclass
class OrderVars:
    id: int | None = None


@manager.subscription(channel="orders", events="orderUpdated")
async def order_updated(event: Event[Order], variables: OrderVars) -> Order:
    """An order has changed."""
    return event.data


# [end:field]


# [start:publish]
async def pay(connection: Any, order_id: int) -> None:
    async with connection.transaction():
        await connection.execute("UPDATE orders SET status = 'paid' WHERE id = %s", (order_id,))
        await manager.publish_event(
            "orderUpdated", "orders", {"id": order_id, "status": "paid"}, conn=connection
        )


# [end:publish]

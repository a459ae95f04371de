"""A shop whose clients see its orders change."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated

from fastapi import FastAPI
from fraiseql_subs import ID, SKIP, Event, Skip, SubscriptionManager
from fraiseql_subs.fastapi import SubscriptionRouterFactory

# PGHOST, PGDATABASE and so on say where the database is.
manager: SubscriptionManager[None] = SubscriptionManager()


@dataclass
class OrderRow:
    """A row of the table orders, as events have it."""

    id: int
    customer: str
    status: str
    total: Decimal


@dataclass
class OrderVars:
    """What a subscriber may ask for; what is left out filters nothing."""

    id: Annotated[int | None, ID] = None


@dataclass
class Order:
    """An order, as clients see it."""

    id: Annotated[int, ID]
    status: str
    summary: str


@manager.subscription(channel="orders", events=["INSERT", "UPDATE"])
async def order_changed(event: Event[OrderRow], variables: OrderVars) -> Order | Skip:
    """Orders that are new, or were changed."""
    row = event.data
    if row.status == "draft":
        return SKIP
    return Order(id=row.id, status=row.status, summary=f"{row.customer}: {row.total:.2f}")


app = FastAPI(title="Shop", lifespan=manager.lifespan)
app.include_router(SubscriptionRouterFactory.create(manager))


@app.post("/orders")
async def create_order(customer: str, total: Decimal) -> int:
    """Insert an order and return its number. The watched table makes the event."""
    async with manager.pool.connection() as connection:
        cursor = await connection.execute(
            "INSERT INTO orders (customer, total) VALUES (%s, %s) RETURNING id", (customer, total)
        )
        (number,) = await cursor.fetchone() or (0,)
    return int(number)

"""What resolvers can do."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fraiseql_subs import SKIP, Context, Event, Skip, SubscriptionError, SubscriptionManager

manager: SubscriptionManager[None] = SubscriptionManager()


@dataclass
class OrderRow:
    id: int
    customer_id: int
    status: str


@dataclass
class Shipment:
    order: int
    customer: str


# [start:skip]
@manager.subscription(channel="orders")
async def shipment(event: Event[OrderRow], ctx: Context) -> Shipment | Skip:
    if event.data.status != "sent":
        return SKIP  # nobody hears of this event by this field
    name = await ctx.loader(customer_names).load(event.data.customer_id)
    if name is None:
        raise SubscriptionError("The customer has left.", code="NO_CUSTOMER")
    return Shipment(event.data.id, name)


# [end:skip]


# [start:loader]
async def customer_names(ids: list[int], ctx: Context) -> list[str | None]:
    async with ctx.connection() as connection:
        cursor = await connection.execute(
            "SELECT id, name FROM customers WHERE id = ANY(%s)", (ids,)
        )
        names = dict(await cursor.fetchall())
    return [names.get(id) for id in ids]


# [end:loader]


@dataclass
class Note:
    text: str


# [start:audience]
@manager.subscription(channel="orders", per="audience")
async def note(event: Event[OrderRow], ctx: Context) -> Note:
    return Note(f"{ctx.claims['sub']}: order {event.data.id} is {event.data.status}")


# [end:audience]


@dataclass
class Invoice:
    order: int
    total: float


# [start:batch]
@manager.subscription(channel="orders")
async def invoice(event: Event[OrderRow], ctx: Context) -> Invoice:
    [result] = await invoices([event], {}, ctx)
    return result


@manager.batch("invoice", max_size=64)
async def invoices(
    events: Sequence[Event[OrderRow]], variables: dict[str, Any], ctx: Context
) -> Sequence[Invoice]:
    async with ctx.connection() as connection:
        cursor = await connection.execute(
            "SELECT order_id, sum(price) FROM lines WHERE order_id = ANY(%s) GROUP BY order_id",
            ([event.data.id for event in events],),
        )
        totals = dict(await cursor.fetchall())
    return [Invoice(event.data.id, float(totals.get(event.data.id, 0))) for event in events]


# [end:batch]


# [start:plain]
@manager.subscription("orderStatus: String", channel="orders")
def order_status(event: dict[str, Any]) -> str:
    return str(event["status"])  # a plain function runs in a thread, and may block


# [end:plain]

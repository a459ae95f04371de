"""Orders with their customers, looked up once for all events that come together."""

import contextlib
import logging
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from psycopg.rows import class_row

from fraiseql_subs import SKIP, Context, Event, Skip, SubscriptionError, SubscriptionManager
from fraiseql_subs.context import CallInfo

logging.basicConfig(level=logging.INFO)


# [start:app]
@dataclass
class App:
    """What the resolvers of this application need: here a logger that names the call."""

    log: logging.LoggerAdapter[logging.Logger]


@contextlib.asynccontextmanager
async def open_app(info: CallInfo) -> AsyncGenerator[App, None]:
    """Entered before each call that declares `ctx`, and left when its result is encoded."""
    names = {"event": info.event_id, "plan": info.plan}
    yield App(logging.LoggerAdapter(logging.getLogger(info.field), names))


manager: SubscriptionManager[App] = SubscriptionManager(context_factory=open_app)
# [end:app]


@dataclass
class OrderRow:
    """A row of the table orders."""

    id: int
    customer_id: int
    status: str
    total: Decimal


@dataclass
class Customer:
    """Who ordered."""

    id: int
    name: str


@dataclass
class Order:
    """What clients see of an order."""

    id: int
    status: str
    total: Decimal
    customer: Customer


# [start:loader]
async def load_customers(
    ids: list[int], ctx: Context[App]
) -> Sequence[Customer | SubscriptionError]:
    """Look up all customers that calls asked for in one turn of the event loop."""
    ctx.app.log.info("looking up %d customers", len(ids))
    async with ctx.connection() as connection:
        cursor = connection.cursor(row_factory=class_row(Customer))
        await cursor.execute("SELECT id, name FROM customers WHERE id = ANY(%s)", (ids,))
        found = {customer.id: customer async for customer in cursor}
    gone = SubscriptionError("The customer is gone.", code="NO_CUSTOMER")
    return [found.get(id, gone) for id in ids]


@manager.subscription(channel="orders", events=["INSERT", "UPDATE"])
async def order_changed(event: Event[OrderRow], ctx: Context[App]) -> Order | Skip:
    """An order was placed, or has changed."""
    row = event.data
    if row.status == "draft":
        return SKIP
    customer = await ctx.loader(load_customers).load(row.customer_id)
    return Order(row.id, row.status, row.total, customer)


# [end:loader]


# [start:batch]
@dataclass
class Balance:
    """What a customer owes, in all."""

    customer: int
    total: Decimal


@manager.subscription("balanceChanged: Balance", channel="orders", events=["INSERT", "UPDATE"])
async def balance_changed(event: Event[OrderRow], ctx: Context[App]) -> Balance | Skip:
    """Declares the field; the batch below answers for it."""
    [balance] = await balances_changed([event], ctx)
    return balance


@manager.batch("balanceChanged", max_size=64)
async def balances_changed(
    events: Sequence[Event[OrderRow]], ctx: Context[App]
) -> Sequence[Balance | Skip]:
    """Sum up the orders of all customers in one query."""
    customers = [event.data.customer_id for event in events]
    async with ctx.connection() as connection:
        cursor = await connection.execute(
            "SELECT customer_id, sum(total) FROM orders"
            " WHERE customer_id = ANY(%s) AND status <> 'draft' GROUP BY customer_id",
            (customers,),
        )
        totals = dict(await cursor.fetchall())
    return [Balance(id, totals[id]) if id in totals else SKIP for id in customers]


# [end:batch]


# [start:audience]
@manager.subscription("myNotes: [String!]", channel="orders", per="audience", timeout=2)
async def my_notes(event: Event[OrderRow], ctx: Context[App]) -> list[str]:
    """The subscriber's own notes on an order: row-level security finds them."""
    async with ctx.connection() as connection:
        cursor = await connection.execute(
            "SELECT text FROM notes WHERE order_id = %s ORDER BY id", (event.data.id,)
        )
        return [text for (text,) in await cursor.fetchall()]


# [end:audience]


# [start:plain]
@manager.subscription("orderLabel: String", channel="orders", concurrency=4, on_error="skip")
def order_label(event: Event[OrderRow]) -> str:
    """A plain function runs in a thread: it may block, as a call of an older library does."""
    return f"#{event.data.id:06} {event.data.status}"


# [end:plain]

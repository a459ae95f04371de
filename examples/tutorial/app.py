"""A page that shows orders while they change."""

from dataclasses import dataclass
from pathlib import Path

from fastapi import FastAPI
from fastapi.responses import FileResponse

from fraiseql_subs import Context, Event, SubscriptionManager
from fraiseql_subs.fastapi import SubscriptionRouterFactory

# [start:manager]
manager = SubscriptionManager[None]()  # PGHOST, PGDATABASE and so on say where the database is
# [end:manager]


# [start:types]
@dataclass
class OrderRow:
    """What the resolver reads of a row of the table."""

    id: int
    customer_id: int
    item: str
    status: str


@dataclass
class ShownOrder:
    """An order as a page shows it."""

    id: int
    item: str
    status: str
    customer: str
    operation: str


# [end:types]


# [start:loader]
async def customer_names(ids: list[int], ctx: Context[None]) -> list[str]:
    async with ctx.connection() as connection:
        cursor = await connection.execute(
            "SELECT id, name FROM customers WHERE id = ANY(%s)", (ids,)
        )
        names = dict(await cursor.fetchall())
    return [names[id] for id in ids]


# [end:loader]


# [start:resolver]
@manager.subscription(channel="orders")
async def order_changed(event: Event[OrderRow], ctx: Context[None]) -> ShownOrder:
    """An order was made, changed or deleted."""
    row = event.data
    customer = await ctx.loader(customer_names).load(row.customer_id)
    return ShownOrder(row.id, row.item, row.status, customer, event.type)


# [end:resolver]


# [start:app]
app = FastAPI(lifespan=manager.lifespan)
app.include_router(SubscriptionRouterFactory.create(manager))


@app.get("/")
def page() -> FileResponse:
    return FileResponse(Path(__file__).with_name("page.html"))


# [end:app]

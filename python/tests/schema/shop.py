"""The samples of docs/python-schema.md."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any

from fraiseql_subs import (
    ID,
    SKIP,
    Event,
    FiltersBy,
    FiltersNothing,
    GraphQLName,
    GraphQLType,
    Skip,
    SubscriptionManager,
)

# [start:field]
manager = SubscriptionManager(conninfo="dbname=shop", application="shop")


class Status(Enum):
    OPEN = "open"
    PAID = "paid"


@dataclass
class OrderRow:  # the table's columns that the function wants
    id: int
    customer_id: int
    status: Status
    total: Decimal
    paid_at: datetime | None


@dataclass
class OrderVars:  # the field's arguments
    customer_id: Annotated[int, ID]
    status: Status | None = None
    currency: str = "EUR"


@dataclass
class Order:  # what clients see
    """An order as the shop shows it."""

    id: Annotated[int, ID]
    status: Status
    total: Annotated[Decimal, "In the currency that the client asked for."]


@manager.subscription(channel="orders", events=["INSERT", "UPDATE"])
async def order_changed(event: Event[OrderRow], variables: OrderVars) -> Order | Skip:
    """A customer's order was placed or changed."""
    order = event.data
    if order.total == 0:
        return SKIP
    rate = Decimal("1.25") if variables.currency == "CAD" else Decimal(1)
    return Order(order.id, order.status, order.total * rate)


# [end:field]


# [start:sdl]
@manager.subscription("orderNoted(id: ID, loud: Boolean): Note", channel="notes", types="""
    type Note { id: ID! text: String! }
""")  # fmt: skip
def note_order(event: dict[str, Any], variables: dict[str, Any]) -> dict[str, Any]:
    text = event["text"]
    return {"id": event["id"], "text": text.upper() if variables.get("loud") else text}


# [end:sdl]


# [start:filters]
@dataclass
class NoteVars:
    order: Annotated[int | None, ID, FiltersBy("order_id")] = None
    language: Annotated[str, FiltersNothing()] = "en"
    where: Annotated[dict[str, Any] | None, GraphQLType("OrderFilter")] = None


# [end:filters]


# [start:names]
@dataclass
class Invoice:
    __graphql_name__ = "Bill"

    paid_at: datetime
    net_total: Annotated[Decimal, GraphQLName("net"), "Without tax."]


# [end:names]

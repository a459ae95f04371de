"""The field of bench/python/strawberry_app.py without Strawberry."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import FastAPI

from fraiseql_subs import ID, Event, SubscriptionManager
from fraiseql_subs.fastapi import SubscriptionRouterFactory

# [start:app]
manager: SubscriptionManager[None] = SubscriptionManager()


@dataclass
class Tick:
    id: Annotated[str, ID]
    seq: int
    text: str


@dataclass
class TickVars:
    id: Annotated[str, ID] | None = None


@manager.subscription(channel="tick")
async def tick(event: Event[Tick], variables: TickVars) -> Tick:
    return event.data


app = FastAPI(lifespan=manager.lifespan)
app.include_router(SubscriptionRouterFactory.create(manager, path="/"))
# [end:app]

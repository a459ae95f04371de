"""The subscription field of the benchmarks by Strawberry, as its documentation has it."""

from collections.abc import AsyncGenerator

import strawberry
from broadcast import Broadcast
from fastapi import FastAPI
from strawberry.fastapi import GraphQLRouter


# [start:app]
@strawberry.type
class Tick:
    id: strawberry.ID
    seq: int
    sent_at: str
    text: str


def make_app(database: str) -> FastAPI:
    broadcast = Broadcast(
        database,
        lambda data: Tick(
            id=data["id"], seq=data["seq"], sent_at=data["sentAt"], text=data["text"]
        ),
    )

    @strawberry.type
    class Query:
        @strawberry.field
        def ok(self) -> bool:
            return True

    @strawberry.type
    class Subscription:
        @strawberry.subscription
        async def tick(self, id: strawberry.ID | None = None) -> AsyncGenerator[Tick, None]:
            async for event in broadcast.events():
                if id is None or event.id == id:
                    yield event

    app = FastAPI(lifespan=lambda _: broadcast.running())
    schema = strawberry.Schema(Query, subscription=Subscription)
    app.include_router(GraphQLRouter(schema, path="/"))
    return app


# [end:app]

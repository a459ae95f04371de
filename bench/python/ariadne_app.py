"""The subscription field of the benchmarks by Ariadne, as its documentation has it."""

from ariadne import QueryType, SubscriptionType, make_executable_schema
from ariadne.asgi import GraphQL
from ariadne.asgi.handlers import GraphQLTransportWSHandler
from broadcast import Broadcast
from fastapi import FastAPI

TYPES = """
type Query { ok: Boolean! }
type Subscription { tick(id: ID): Tick }
type Tick { id: ID! seq: Int! sentAt: String text: String }
"""


def make_app(database: str) -> FastAPI:
    broadcast = Broadcast(database, dict)
    query, subscription = QueryType(), SubscriptionType()
    query.set_field("ok", lambda *_: True)

    @subscription.source("tick")
    async def source(_root, _info, id=None):
        async for event in broadcast.events():
            if id is None or event["id"] == id:
                yield event

    @subscription.field("tick")
    def tick(event, _info, id=None):
        return event

    app = FastAPI(lifespan=lambda _: broadcast.running())
    schema = make_executable_schema(TYPES, query, subscription)
    app.mount("/", GraphQL(schema, websocket_handler=GraphQLTransportWSHandler()))
    return app

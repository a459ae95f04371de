"""The subscription field of the benchmarks by fraiseql_subs: uvicorn hosts, the worker serves."""

from fastapi import FastAPI
from fraiseql_subs import SubscriptionManager
from fraiseql_subs.fastapi import SubscriptionRouterFactory


def make_app(database: str) -> FastAPI:
    # The field is registered in SQL, and has no function.
    manager: SubscriptionManager[None] = SubscriptionManager(
        conninfo=database, sync=False, resolvers=False
    )
    app = FastAPI(lifespan=manager.lifespan)
    app.include_router(SubscriptionRouterFactory.create(manager, path="/"))
    return app

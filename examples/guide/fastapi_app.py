"""The guide's quick start with FastAPI: uvicorn fastapi_app:app"""

from fastapi import FastAPI
from fraiseql_subs.fastapi import SubscriptionRouterFactory
from orders import manager

app = FastAPI(lifespan=manager.lifespan)
app.include_router(SubscriptionRouterFactory.create(manager))

"""The guide's quick start with FastAPI: uvicorn fastapi_app:app"""

from fastapi import FastAPI
from orders import manager

from fraiseql_subs.fastapi import SubscriptionRouterFactory

app = FastAPI(lifespan=manager.lifespan)
app.include_router(SubscriptionRouterFactory.create(manager))

"""The guide's quick start with Starlette: uvicorn starlette_app:app"""

from orders import manager
from starlette.applications import Starlette

from fraiseql_subs.starlette import create_subscription_app

app = create_subscription_app(Starlette(lifespan=manager.lifespan), manager)

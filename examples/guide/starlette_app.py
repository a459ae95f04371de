"""The guide's quick start with Starlette: uvicorn starlette_app:app"""

from fraiseql_subs.starlette import create_subscription_app
from orders import manager
from starlette.applications import Starlette

app = create_subscription_app(Starlette(lifespan=manager.lifespan), manager)

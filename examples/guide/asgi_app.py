"""The guide's quick start with any ASGI server: uvicorn asgi_app:app"""

from orders import manager

from fraiseql_subs.asgi import SubscriptionASGI

app = SubscriptionASGI(manager)

"""The guide's quick start with any ASGI server: uvicorn asgi_app:app"""

from fraiseql_subs.asgi import SubscriptionASGI
from orders import manager

app = SubscriptionASGI(manager)

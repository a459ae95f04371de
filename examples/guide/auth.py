"""Who a client is, said by the application: uvicorn auth:app"""

from typing import Any

import jwt
from fastapi import FastAPI
from orders import manager

from fraiseql_subs import WebSocketAdapter
from fraiseql_subs.fastapi import SubscriptionRouterFactory

SECRET = "replace this by a secret of at least 32 bytes"


# [start:handler]
def who(init_payload: dict[str, Any], websocket: WebSocketAdapter) -> dict[str, Any] | None:
    token = init_payload.get("authToken")
    if not token:
        return None  # refused: 4403
    return jwt.decode(
        token, SECRET, algorithms=["HS256"]
    )  # an error refuses as well, and is logged


app = FastAPI(lifespan=manager.lifespan)
app.include_router(SubscriptionRouterFactory.create(manager, auth_handler=who))
# [end:handler]

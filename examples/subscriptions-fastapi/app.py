"""Each tenant's orders, live: FastAPI, with JSON Web Tokens."""

import os
import time
from itertools import count
from pathlib import Path
from typing import Annotated, Any

import jwt
from fastapi import Depends, FastAPI, HTTPException
from fastapi.responses import FileResponse
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel

from fraiseql_subs import SubscriptionManager, WebSocketAdapter
from fraiseql_subs.fastapi import SubscriptionRouterFactory

SECRET = os.environ["JWT_SECRET"]
HOUR = 3600

manager: SubscriptionManager[None] = SubscriptionManager(
    conninfo=os.environ.get("DATABASE_URL", "")
)
app = FastAPI(title="Orders", lifespan=manager.lifespan)


def claims_of(token: str) -> dict[str, Any]:
    """Return what a token of ours says. Raise jwt.PyJWTError if it is none, or has expired."""
    return jwt.decode(token, SECRET, algorithms=["HS256"], options={"require": ["exp", "sub"]})


def authenticate(payload: dict[str, Any], websocket: WebSocketAdapter) -> dict[str, Any] | None:
    """Say who a subscriber is, by the token in the payload of connection_init."""
    try:
        return claims_of(payload["token"])
    except (KeyError, jwt.PyJWTError):
        return None


app.include_router(SubscriptionRouterFactory.create(manager, auth_handler=authenticate))


class Login(BaseModel):
    """Who wants to log in."""

    user: str
    tenant: str


class Order(BaseModel):
    """What is ordered."""

    product: str
    total: float


def current_claims(
    credentials: Annotated[HTTPAuthorizationCredentials, Depends(HTTPBearer())],
) -> dict[str, Any]:
    """Say who sends an HTTP request, by its header Authorization."""
    try:
        return claims_of(credentials.credentials)
    except jwt.PyJWTError as error:
        raise HTTPException(401, str(error)) from error


numbers = count(1)


@app.get("/", include_in_schema=False)
def page() -> FileResponse:
    """Return the page of subscribers."""
    return FileResponse(Path(__file__).with_name("client.html"))


@app.post("/login")
def login(who: Login) -> dict[str, str]:
    """Return a token. A real application would ask for a password."""
    claims = {"sub": who.user, "tenant_id": who.tenant, "exp": time.time() + HOUR}
    return {"token": jwt.encode(claims, SECRET, algorithm="HS256")}


@app.post("/orders", status_code=201)
async def place_order(
    order: Order, claims: Annotated[dict[str, Any], Depends(current_claims)]
) -> dict[str, Any]:
    """Place an order, and tell the subscribers of its tenant."""
    data = {"id": str(next(numbers)), **order.model_dump()}
    await manager.publish_event(
        "orderPlaced", "placed_orders", {"tenant_id": claims["tenant_id"], **data}
    )
    return data

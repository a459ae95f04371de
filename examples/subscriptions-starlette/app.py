"""A chat whose users are known by a signed cookie: Starlette, with middleware."""

import hmac
import json
import os
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from starlette.applications import Starlette
from starlette.authentication import (
    AuthCredentials,
    AuthenticationBackend,
    BaseUser,
    SimpleUser,
    requires,
)
from starlette.middleware import Middleware
from starlette.middleware.authentication import AuthenticationMiddleware
from starlette.requests import HTTPConnection, Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from fraiseql_subs import SubscriptionManager, WebSocketAdapter
from fraiseql_subs.starlette import StarletteWebSocketAdapter, create_subscription_app

SECRET = os.environ["COOKIE_SECRET"].encode()

manager: SubscriptionManager[None] = SubscriptionManager(
    conninfo=os.environ.get("DATABASE_URL", "")
)


def signature(name: str) -> str:
    """Return what only this server can put behind a user's name."""
    return hmac.digest(SECRET, name.encode(), "sha256").hex()


class SignedCookie(AuthenticationBackend):
    """Knows a user by the cookie that /login has set, of HTTP requests and WebSockets alike."""

    async def authenticate(self, conn: HTTPConnection) -> tuple[AuthCredentials, BaseUser] | None:
        """Return the user, or None for nobody."""
        name, _, signed = conn.cookies.get("user", "").rpartition(".")
        name = unquote(name)
        if not name or not hmac.compare_digest(signed, signature(name)):
            return None
        return AuthCredentials(["authenticated"]), SimpleUser(name)


def authenticate(payload: dict[str, Any], websocket: WebSocketAdapter) -> dict[str, Any] | None:
    """Say who a subscriber is, by what the middleware found out.

    Browsers send cookies along with whatever page opens a WebSocket: it has to be one of ours.
    """
    assert isinstance(websocket, StarletteWebSocketAdapter)
    user = websocket.websocket.user
    own_page = urlsplit(websocket.headers.get("origin", "")).netloc == websocket.headers.get("host")
    return {"sub": user.display_name} if user.is_authenticated and own_page else None


async def page(request: Request) -> Response:
    """Return the page of the chat."""
    return FileResponse(Path(__file__).with_name("client.html"))


async def login(request: Request) -> Response:
    """Set the cookie. A real application would ask for a password."""
    name = (await request.json())["name"]
    response = JSONResponse({"name": name})
    cookie = f"{quote(name)}.{signature(name)}"
    response.set_cookie("user", cookie, httponly=True, samesite="strict")
    return response


@requires("authenticated")
async def post_message(request: Request) -> Response:
    """Publish what a user says in a room."""
    said = json.loads(await request.body())
    message = {"room": said["room"], "author": request.user.display_name, "text": said["text"]}
    await manager.publish_event("messagePosted", "messages", message)
    return JSONResponse(message, status_code=201)


app = create_subscription_app(
    Starlette(
        routes=[
            Route("/", page),
            Route("/login", login, methods=["POST"]),
            Route("/messages", post_message, methods=["POST"]),
        ],
        middleware=[Middleware(AuthenticationMiddleware, backend=SignedCookie())],
        lifespan=manager.lifespan,
    ),
    manager,
    auth_handler=authenticate,
)

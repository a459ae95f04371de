"""WebSockets of any framework, served by the worker: adapters, sub-protocols, and their relay."""

from fraiseql_subs.http.adapter import BinaryMessage, WebSocketAdapter
from fraiseql_subs.http.handler import (
    DEFAULT_PROTOCOLS,
    AuthHandler,
    GraphQLTransportWSHandler,
    LegacyGraphQLWSHandler,
    SubscriptionProtocolHandler,
    serve_websocket,
)

__all__ = [
    "DEFAULT_PROTOCOLS",
    "AuthHandler",
    "BinaryMessage",
    "GraphQLTransportWSHandler",
    "LegacyGraphQLWSHandler",
    "SubscriptionProtocolHandler",
    "WebSocketAdapter",
    "serve_websocket",
]

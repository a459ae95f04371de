"""GraphQL subscriptions out of PostgreSQL.

`SubscriptionManager` (asyncio) and `SubscriptionExecutor` (threads) subscribe and publish through
the extension `fraiseql_subs` and its worker; `subscription` registers functions that resolve
events.
"""

from fraiseql_subs.config import EventBusConfig
from fraiseql_subs.context import Context
from fraiseql_subs.errors import SubscriptionError, SubscriptionRefused, WebSocketClosed
from fraiseql_subs.event import SKIP, Event, Skip
from fraiseql_subs.executor import SubscriptionExecutor
from fraiseql_subs.http import (
    GraphQLTransportWSHandler,
    SubscriptionProtocolHandler,
    WebSocketAdapter,
)
from fraiseql_subs.manager import SubscriptionManager
from fraiseql_subs.markers import ID, FiltersBy, FiltersNothing, GraphQLName, GraphQLType
from fraiseql_subs.messages import GraphQLMessage, SubscriptionPayload
from fraiseql_subs.registry import batch, subscription

__all__ = [
    "ID",
    "SKIP",
    "Context",
    "Event",
    "EventBusConfig",
    "FiltersBy",
    "FiltersNothing",
    "GraphQLMessage",
    "GraphQLName",
    "GraphQLTransportWSHandler",
    "GraphQLType",
    "Skip",
    "SubscriptionError",
    "SubscriptionExecutor",
    "SubscriptionManager",
    "SubscriptionPayload",
    "SubscriptionProtocolHandler",
    "SubscriptionRefused",
    "WebSocketAdapter",
    "WebSocketClosed",
    "batch",
    "subscription",
]

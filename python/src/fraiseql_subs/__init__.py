"""GraphQL subscriptions out of PostgreSQL.

`SubscriptionManager` (asyncio) and `SubscriptionExecutor` (threads) subscribe and publish through
the extension `fraiseql_subs` and its worker; `subscription` registers functions that resolve
events.
"""

from fraiseql_subs.errors import SubscriptionError, SubscriptionRefused, WebSocketClosed

__all__ = [
    "SubscriptionError",
    "SubscriptionRefused",
    "WebSocketClosed",
]

"""Tests of subscriptions: a private server, a client that can prove silence, events by hand.

The pytest plugin, which is there once the package is installed, has the fixtures `subs_server`,
`subs_client` and `subs_publish`.
"""

from fraiseql_subs.testing.apps import serve_app
from fraiseql_subs.testing.client import (
    ClientSubscription,
    ErrorsInResult,
    OperationRefused,
    SubscriptionClient,
    SubscriptionCompleted,
)
from fraiseql_subs.testing.events import make_event
from fraiseql_subs.testing.server import ServerUnavailable, WorkerServer

__all__ = [
    "ClientSubscription",
    "ErrorsInResult",
    "OperationRefused",
    "ServerUnavailable",
    "SubscriptionClient",
    "SubscriptionCompleted",
    "WorkerServer",
    "make_event",
    "serve_app",
]

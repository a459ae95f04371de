"""What type checkers must accept of the core; never run."""

from typing import Any

from fraiseql_subs import SubscriptionError, SubscriptionRefused, WebSocketClosed


def errors_are_told_apart(error: SubscriptionError | WebSocketClosed) -> int | str | None:
    if isinstance(error, SubscriptionRefused):
        refused: list[dict[str, Any]] = error.errors
        return len(refused)
    return error.code

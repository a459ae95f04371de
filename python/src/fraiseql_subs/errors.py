"""What this package raises."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

__all__ = ["SessionClosed", "SubscriptionError", "SubscriptionRefused", "WebSocketClosed"]


class SubscriptionError(Exception):
    """An error that may be told to a client as a GraphQL error.

    Raised by this package when a subscription cannot go on, and by resolvers whose message is meant
    for clients: those of all other exceptions are hidden from them.
    """

    def __init__(
        self,
        message: str,
        code: str | None = None,
        extensions: Mapping[str, Any] | None = None,
    ) -> None:
        """Make an error.

        :param message: what clients read.
        :param code: becomes `extensions.code`; upper case by convention.
        :param extensions: further members of the GraphQL error's `extensions`, JSON-able.
        """
        super().__init__(message)
        self.message: str = message
        self.code: str | None = code
        self.extensions: dict[str, Any] = dict(extensions or {})
        if code is not None:
            self.extensions["code"] = code

    def to_dict(self) -> dict[str, Any]:
        """Return it as a GraphQL error: `message`, and `extensions` unless they are empty."""
        if not self.extensions:
            return {"message": self.message}
        return {"message": self.message, "extensions": self.extensions}


class SubscriptionRefused(SubscriptionError):
    """The worker did not accept a subscription.

    Its message and code are those of the first error.
    """

    def __init__(self, errors: Sequence[Mapping[str, Any]]) -> None:
        """Make one of GraphQL errors.

        :param errors: as dicts: `message`, and perhaps `locations`, `path` and `extensions`.
        """
        self.errors: list[dict[str, Any]] = [dict(error) for error in errors]
        first = self.errors[0] if self.errors else {}
        message = first.get("message")
        found = first.get("extensions")
        extensions = cast("dict[str, Any]", found) if isinstance(found, dict) else {}
        code = extensions.get("code")
        super().__init__(
            message if isinstance(message, str) else "The subscription was refused.",
            code if isinstance(code, str) else None,
            extensions,
        )


class _Closed(Exception):
    def __init__(self, code: int = 1005, reason: str = "") -> None:
        """Make one.

        :param code: a WebSocket close code; 1005 if there was none.
        :param reason: text beside the code.
        """
        super().__init__(f"{code} {reason}".rstrip())
        self.code: int = code
        self.reason: str = reason


class WebSocketClosed(_Closed):
    """A client's socket has ended; raised by what receives from it or sends to it."""


class SessionClosed(_Closed):
    """The worker has ended a hosted socket, or its host has; `code` is for the client's socket."""

"""The messages of `graphql-transport-ws` and of `graphql-ws`, the older sub-protocol, as types."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

__all__ = ["GraphQLMessage", "SubscriptionPayload"]

# Of both sub-protocols; `connection_init`, `connection_ack`, `error` and `complete` are of both.
_ID_REQUIRED = frozenset({"subscribe", "next", "error", "complete", "start", "data", "stop"})
_ID_FORBIDDEN = frozenset(
    {
        "connection_init",
        "connection_ack",
        "ping",
        "pong",
        "ka",
        "connection_terminate",
    }
)
# The older one's servers may say to which operation it belongs.
_ID_OPTIONAL = frozenset({"connection_error"})
_TYPES = _ID_REQUIRED | _ID_FORBIDDEN | _ID_OPTIONAL

_PAYLOAD_FORBIDDEN = frozenset({"complete", "stop", "ka", "connection_terminate"})
_PAYLOAD_OBJECT = frozenset({"subscribe", "start", "next", "data"})
# `error` is a list of errors in the newer sub-protocol and one error in the older.
_PAYLOAD_ERRORS = frozenset({"error"})


@dataclass(frozen=True)
class SubscriptionPayload:
    """What a client asks for: the payload of `subscribe`."""

    query: str
    operation_name: str | None = None
    variables: dict[str, Any] | None = None
    extensions: dict[str, Any] | None = None

    def __post_init__(self) -> None:
        """Raise ValueError, which names the member, if a type is wrong or `query` is empty."""
        _check_text("query", self.query)
        if not self.query.strip():
            raise ValueError("query is empty")
        if self.operation_name is not None:
            _check_text("operation_name", self.operation_name)
        _check_object("variables", self.variables)
        _check_object("extensions", self.extensions)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "SubscriptionPayload":
        """Make one of the JSON object `{"query", "operationName", "variables", "extensions"}`.

        Raise ValueError if `query` is missing or a member has a wrong type. Other members are
        ignored, as servers must.
        """
        _check_is_object("the payload", data)
        if "query" not in data:
            raise ValueError("query is missing")
        return cls(
            query=data["query"],
            operation_name=data.get("operationName"),
            variables=data.get("variables"),
            extensions=data.get("extensions"),
        )

    def to_dict(self) -> dict[str, Any]:
        """Return it as the JSON object, without what is None."""
        members = {
            "query": self.query,
            "operationName": self.operation_name,
            "variables": self.variables,
            "extensions": self.extensions,
        }
        return {name: value for name, value in members.items() if value is not None}


@dataclass(frozen=True)
class GraphQLMessage:
    """One message of either sub-protocol.

    `payload` is an object, for `error` a list of errors (in the older sub-protocol an object), or
    None if there is none.
    """

    type: str
    id: str | None = None
    payload: dict[str, Any] | list[dict[str, Any]] | None = None

    def __post_init__(self) -> None:
        """Raise ValueError, which names the fault, unless the protocols have such a message."""
        # Callers hand in what JSON made of a client's text.
        _check_text("type", self.type)
        if self.type not in _TYPES:
            raise ValueError(f"type is unknown: {self.type!r}")
        self._check_id(self.id)
        self._check_payload(self.payload)

    def _check_id(self, id: object) -> None:
        if id is None:
            if self.type in _ID_REQUIRED:
                raise ValueError(f"id is missing: {self.type!r} needs one")
            return
        if not isinstance(id, str):
            raise ValueError(f"id must be a text, not {type(id).__name__}")
        if not id:
            raise ValueError("id is empty")
        if self.type in _ID_FORBIDDEN:
            raise ValueError(f"{self.type!r} has no id")

    def _check_payload(self, payload: object) -> None:
        if payload is None:
            if self.type in _PAYLOAD_OBJECT | _PAYLOAD_ERRORS:
                raise ValueError(f"payload is missing: {self.type!r} needs one")
            return
        if self.type in _PAYLOAD_FORBIDDEN:
            raise ValueError(f"{self.type!r} has no payload")
        if self.type in _PAYLOAD_ERRORS and isinstance(payload, list):
            errors = cast("list[object]", payload)
            if not errors:
                raise ValueError("payload is an empty list of errors")
            for error in errors:
                if not isinstance(error, dict):
                    raise ValueError(
                        f"payload must be a list of objects, not of {type(error).__name__}"
                    )
            return
        _check_is_object("payload", payload)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "GraphQLMessage":
        """Make one of the JSON object `{"type", "id", "payload"}`.

        Raise ValueError if the type is unknown, a member is missing or has a wrong shape. Other
        members are ignored.
        """
        _check_is_object("the message", data)
        if "type" not in data:
            raise ValueError("type is missing")
        return cls(type=data["type"], id=data.get("id"), payload=data.get("payload"))

    def to_dict(self) -> dict[str, Any]:
        """Return it as the JSON object, `id` and `type` first, without what is None."""
        members: dict[str, Any] = {"id": self.id, "type": self.type, "payload": self.payload}
        return {name: value for name, value in members.items() if value is not None}


def _check_text(name: str, value: object) -> None:
    if not isinstance(value, str):
        raise ValueError(f"{name} must be a text, not {type(value).__name__}")


def _check_object(name: str, value: object) -> None:
    if value is not None:
        _check_is_object(name, value)


def _check_is_object(name: str, value: object) -> None:
    if not isinstance(value, Mapping):
        raise ValueError(f"{name} must be an object, not {type(value).__name__}")

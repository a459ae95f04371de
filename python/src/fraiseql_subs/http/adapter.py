"""What a WebSocket of any framework has to offer to be served here."""

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

__all__ = ["BinaryMessage", "WebSocketAdapter"]

_NOTHING: Mapping[str, str] = MappingProxyType({})


class BinaryMessage(Exception):
    """A client's message was binary, which no sub-protocol of GraphQL knows.

    `receive_text()` and `receive_json()` raise it. The socket goes on.
    """


class WebSocketAdapter(ABC):
    """One client's WebSocket, as a framework has it.

    The abstract members are enough. All methods but `close` raise `WebSocketClosed` once the socket
    has ended, whoever ended it, also those that wait at that time. One task receives while another
    one sends; no two do the same.

    What the handshake told is in attributes, which keep their defaults where it is not known.
    """

    # There are many of them. Derived classes need not say what theirs are.
    __slots__ = ()

    headers: Mapping[str, str] = _NOTHING
    """The handshake's headers: names in lower case; several of one name are joined by `, `."""

    peer: str = ""
    """The client's address, such as `127.0.0.1:5678` or `[::1]:5678`."""

    path: str = "/"
    """What the handshake asks for, with its query string."""

    subprotocols: Sequence[str] | None = None
    """Those that the client offers, its favourite first; None if that is not known."""

    @abstractmethod
    async def accept(self, subprotocol: str | None) -> None:
        """Answer the handshake.

        Does nothing if it has been answered already, as servers do that agree on a sub-protocol by
        themselves.

        :param subprotocol: one of those that the client offers; None for none.
        """

    @abstractmethod
    async def receive_json(self) -> Any:
        """Return the next message of the client, decoded.

        Raises `WebSocketClosed` at the end of the socket, with the code of the client's close
        frame, 1005 if it has none and 1006 if there was none; `ValueError` for what is no JSON;
        `BinaryMessage`.
        """

    @abstractmethod
    async def send_json(self, data: Any) -> None:
        """Send an object as JSON in a text frame."""

    @abstractmethod
    async def send_bytes(self, data: bytes) -> None:
        """Send a text frame that is ready: `data` is its UTF-8.

        Returns when there is room for more: a client that does not read holds up the sender.
        """

    @abstractmethod
    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Close the socket; a handshake that is not answered yet is refused.

        Does nothing if the socket has ended.

        :param code: from 1000 to 4999.
        :param reason: no more than 123 bytes of UTF-8.
        """

    @property
    @abstractmethod
    def is_connected(self) -> bool:
        """Whether the handshake was accepted and the socket has not ended."""

    async def receive_text(self) -> str:
        """Return the next message of the client as it came.

        By default it is encoded anew from `receive_json()`, and empty if that found no JSON. Raises
        `WebSocketClosed` and `BinaryMessage` as it does.
        """
        try:
            data = await self.receive_json()
        except ValueError:
            return ""
        return json.dumps(data)

    async def send_many(self, frames: Sequence[bytes]) -> None:
        """Send text frames that are ready, in order.

        By default each by `send_bytes()`.
        """
        for frame in frames:
            await self.send_bytes(frame)

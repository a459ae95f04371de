"""The sub-protocols of WebSockets that are served, and how a socket gets its own."""

import asyncio
import contextlib
import inspect
import json
import logging
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias, cast

from fraiseql_subs.errors import SessionClosed, SubscriptionError, WebSocketClosed
from fraiseql_subs.http._relay import Relay, Sender
from fraiseql_subs.http.adapter import BinaryMessage, WebSocketAdapter

if TYPE_CHECKING:
    from fraiseql_subs._session import HostedSocket
    from fraiseql_subs.manager import SubscriptionManager

__all__ = [
    "DEFAULT_PROTOCOLS",
    "AuthHandler",
    "GraphQLTransportWSHandler",
    "LegacyGraphQLWSHandler",
    "SubscriptionProtocolHandler",
    "choose_protocol",
    "serve_websocket",
]

Claims: TypeAlias = Mapping[str, object] | None

AuthHandler: TypeAlias = Callable[[dict[str, Any], WebSocketAdapter], Claims | Awaitable[Claims]]
"""Says who a client is: `(init_payload, websocket) -> claims | None`.

The payload is that of `connection_init`, `{}` if it has none. Claims are those of a token, such as
`{"sub": "7", "tenant_id": "a"}`: JSON-able, `sub` and what the registered fields ask for. They hold
for the life of the socket. None or an exception refuses the client with 4403 `Forbidden`;
exceptions are logged. A plain function runs in a thread.
"""

logger: logging.Logger = logging.getLogger("fraiseql_subs")


class SubscriptionProtocolHandler(ABC):
    """One sub-protocol.

    To add one's own, derive from it and pass an instance among the `protocols` of
    `serve_websocket()`, `SubscriptionASGI` and so on. An instance serves many sockets at a time.
    """

    subprotocol: ClassVar[str]
    """As clients name it in `Sec-WebSocket-Protocol`."""

    @abstractmethod
    async def handle_connection(
        self,
        websocket: WebSocketAdapter,
        manager: "SubscriptionManager[Any]",
        auth_handler: AuthHandler | None = None,
    ) -> None:
        """Serve a socket, from its handshake to its end.

        Returns once it has ended, whoever ended it, and leaves no task behind. The socket's end is
        no error: `WebSocketClosed` does not leave this method.

        :param websocket: accepted by this method, with `accept()` of this class.
        :param manager: started.
        :param auth_handler: says who the client is; None leaves that to the worker's own rules.
        """

    async def accept(self, websocket: WebSocketAdapter) -> bool:
        """Agree on this sub-protocol, or close with 4406 a socket whose client does not offer it.

        Return whether it was agreed on. Raises `WebSocketClosed` if the client has gone.
        """
        offered = websocket.subprotocols
        if offered is None or self.subprotocol in offered:
            await websocket.accept(self.subprotocol)
            return True
        await websocket.accept(None)
        await websocket.close(4406, "Subprotocol not acceptable")
        return False


class _WorkerProtocol(SubscriptionProtocolHandler):
    """A sub-protocol that the worker speaks: messages and frames pass through undecoded."""

    def __init__(self, *, connection_init_timeout: float = 3.0, slow_timeout: float = 10.0) -> None:
        """Make a handler.

        The worker's settings `init_timeout` and `slow_timeout` hold beside these.

        :param connection_init_timeout: seconds that a client has to send `connection_init` where an
            `auth_handler` waits for it; then 4408.
        :param slow_timeout: seconds that a client may read nothing of what waits for it; then 4413.
        """
        self._connection_init_timeout = connection_init_timeout
        self._slow_timeout = slow_timeout

    async def handle_connection(
        self,
        websocket: WebSocketAdapter,
        manager: "SubscriptionManager[Any]",
        auth_handler: AuthHandler | None = None,
    ) -> None:
        try:
            if not await self.accept(websocket):
                return
            hosted = await self._admit(websocket, manager, auth_handler)
            if hosted is not None:
                await Relay(websocket, hosted, self._slow_timeout).run()
        except WebSocketClosed:
            pass
        except SubscriptionError as error:
            # The manager is not started, or stops: clients may come again.
            logger.error("%s is turned away: %s", websocket.peer or "A client", error)
            await websocket.close(1013, "Try again later")
        except Exception:
            await websocket.close(4500, "Internal server error")
            raise

    async def _admit(
        self,
        websocket: WebSocketAdapter,
        manager: "SubscriptionManager[Any]",
        auth_handler: AuthHandler | None,
    ) -> "HostedSocket | None":
        """Return the worker's side of the socket; None if it was closed."""
        if auth_handler is None:
            return self._open(websocket, manager)
        try:
            text, payload = await asyncio.wait_for(
                self._receive_init(websocket, manager), self._connection_init_timeout
            )
        except asyncio.TimeoutError:
            await websocket.close(4408, "Connection initialisation timeout")
            return None
        claims = await _ask(auth_handler, payload, websocket)
        if claims is None:
            await self._refuse(websocket, "Forbidden")
            return None
        hosted = self._open(websocket, manager, claims)
        with contextlib.suppress(SessionClosed):  # received with its code
            hosted.send_text(text)
        return hosted

    def _open(
        self,
        websocket: WebSocketAdapter,
        manager: "SubscriptionManager[Any]",
        claims: Claims = None,
    ) -> "HostedSocket":
        return manager.open_socket(
            subprotocol=self.subprotocol,
            peer=websocket.peer,
            headers=websocket.headers,
            path=websocket.path,
            claims=claims,
        )

    async def _receive_init(
        self, websocket: WebSocketAdapter, manager: "SubscriptionManager[Any]"
    ) -> tuple[str, dict[str, Any]]:
        """Return `connection_init` as it came, and its payload.

        What the client says before is for the worker to judge, in a session of its own. None of its
        messages can be a `connection_init` there, however the worker reads JSON: that session would
        be let in by the worker's rules, past the `auth_handler`.
        """
        stranger: HostedSocket | None = None
        answers: Sender | None = None
        try:
            while True:
                try:
                    text = await websocket.receive_text()
                    decoded = _decode(text)
                    told = json.dumps(decoded)
                except (BinaryMessage, ValueError, RecursionError):
                    await websocket.close(4400, "Invalid message received")
                    raise WebSocketClosed(4400) from None
                message = cast("dict[str, object]", decoded) if isinstance(decoded, dict) else {}
                if message.get("type") == "connection_init":
                    return text, await self._init_payload(websocket, message.get("payload"))
                if stranger is None:
                    stranger = self._open(websocket, manager)
                    answers = Sender(websocket, stranger, self._slow_timeout)
                with contextlib.suppress(SessionClosed):  # the answers close the socket
                    stranger.send_text(told)
                    await stranger.wait_for_room()
        finally:
            if stranger is not None:
                try:
                    if answers is not None:
                        await answers.stop()
                finally:
                    stranger.close(1000)

    async def _init_payload(self, websocket: WebSocketAdapter, payload: object) -> dict[str, Any]:
        if payload is None:
            return {}
        if isinstance(payload, dict):
            return cast("dict[str, Any]", payload)
        names: dict[type, str] = {list: "array", str: "string", bool: "boolean"}
        reason = (
            "\"connection_init\" message expects the 'payload' property to be an object or nullish"
            f" or missing, but got {names.get(payload.__class__, 'number')}"
        )
        await websocket.close(4400, reason)
        raise WebSocketClosed(4400, reason)

    async def _refuse(self, websocket: WebSocketAdapter, reason: str) -> None:
        await websocket.close(4403, reason)


class GraphQLTransportWSHandler(_WorkerProtocol):
    """`graphql-transport-ws`, the sub-protocol of the npm package graphql-ws."""

    subprotocol = "graphql-transport-ws"


class LegacyGraphQLWSHandler(_WorkerProtocol):
    """`graphql-ws`, the older sub-protocol of the npm package subscriptions-transport-ws."""

    subprotocol = "graphql-ws"

    async def _init_payload(self, websocket: WebSocketAdapter, payload: object) -> dict[str, Any]:
        return cast("dict[str, Any]", payload) if isinstance(payload, dict) else {}

    async def _refuse(self, websocket: WebSocketAdapter, reason: str) -> None:
        await websocket.send_json({"type": "connection_error", "payload": {"message": reason}})
        await super()._refuse(websocket, reason)


DEFAULT_PROTOCOLS: Sequence[SubscriptionProtocolHandler] = (
    GraphQLTransportWSHandler(),
    LegacyGraphQLWSHandler(),
)
"""What is served where no `protocols` are given."""


async def serve_websocket(
    websocket: WebSocketAdapter,
    manager: "SubscriptionManager[Any]",
    auth_handler: AuthHandler | None = None,
    protocols: Sequence[SubscriptionProtocolHandler] = DEFAULT_PROTOCOLS,
) -> None:
    """Serve a socket, by the first of the protocols that its client offers.

    A client that offers none of them is closed with 4406. Where an adapter does not know what the
    client offers, the first is taken. Returns once the socket has ended.

    :param auth_handler: says who the client is; None leaves that to the worker's own rules.
    :param protocols: at least one.
    """
    handler = choose_protocol(websocket, protocols)
    await handler.handle_connection(websocket, manager, auth_handler)


def choose_protocol(
    websocket: WebSocketAdapter, protocols: Sequence[SubscriptionProtocolHandler]
) -> SubscriptionProtocolHandler:
    """Return the first that the client offers; if it offers none, one that will refuse it."""
    offered = websocket.subprotocols
    for handler in protocols:
        if offered is None or handler.subprotocol in offered:
            return handler
    return protocols[0]


def _decode(text: str) -> object:
    def refuse(constant: str) -> None:
        raise ValueError(f"{constant} is no JSON")

    return json.loads(text, parse_constant=refuse)


async def _ask(
    auth_handler: AuthHandler, payload: dict[str, Any], websocket: WebSocketAdapter
) -> Claims:
    """Return whom the application says that the client is; None if nobody."""
    try:
        if _is_async(auth_handler):
            answer = auth_handler(payload, websocket)
        else:
            answer = await asyncio.to_thread(auth_handler, payload, websocket)
        if inspect.isawaitable(answer):
            answer = await answer
        claims = cast("object", answer)
        if claims is None:
            return None
        if not isinstance(claims, Mapping):
            raise TypeError(f"claims are a mapping or None, not {type(claims).__name__}")
        found = dict(cast("Mapping[str, object]", claims))
        json.dumps(found, allow_nan=False)  # raises here what would raise where nobody asked for it
        return found
    except Exception:
        logger.exception("auth_handler failed, and %s is refused", websocket.peer or "a client")
        return None


def _is_async(function: object) -> bool:
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(
        type(function).__call__  # of an object that is called like a function
    )

"""A client's conversation with the worker, which outlives the link that carries it.

A session remembers what the worker needs to know to go on with it: the `connection_init`, and the
operations that live with the position of the last event that was received for each. When a link
has ended, the next one opens the session again and goes on behind these positions.
"""

import asyncio
import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, cast
from urllib.parse import quote

from fraiseql_subs import _records as records
from fraiseql_subs.errors import SessionClosed, SubscriptionError

__all__ = ["HostedSocket", "QueueLimits", "Session"]

_ACKNOWLEDGED = b'{"type":"connection_ack"'
_PONG = b'{"type":"pong"'

# More pings than these are answered to nobody's use, and need not be remembered.
_MAX_REMEMBERED_PINGS = 8

SLOW_CONSUMER = 4413

# How a worker that shuts down says good-bye. The session goes on with the next one.
_GOING_AWAY = (1001, "going away")
# How one that has just started refuses, before it knows its catalog, and one that is full.
_UNAVAILABLE = (1013, "service unavailable")
# For so long a session tries again before its client is told to.
_PATIENCE_S = 10.0

# What a request's target cannot have: the worker refuses to open a session with it.
_UNESCAPED = re.compile(r"%(?![0-9A-Fa-f]{2})|#")
# The worker takes no more of what opens a session, and of the claims in it.
_MOST_OPENING_BYTES = 256 * 1024
_MOST_CLAIMS_BYTES = 64 * 1024
# One call takes 16 MiB to the worker, and up to 1 MiB of others may be in front. The rest is for
# the head of a record.
_MOST_TEXT_BYTES = 15 * 1024 * 1024 - 64


@dataclass(frozen=True)
class QueueLimits:
    """How much waits for a reader in this process; what follows waits in the worker's ring."""

    messages: int = 10_000
    bytes: int = 4 * 1024 * 1024

    def __post_init__(self) -> None:
        """Raise ValueError unless both are positive."""
        if self.messages < 1 or self.bytes < 1:
            raise ValueError("the limits of a queue must be positive")


class Carrier(Protocol):
    """What a session needs of the link."""

    def put(self, record: bytes) -> None:
        """Queue a command for the worker."""

    def hold(self, size: int) -> None:
        """Count bytes that wait in a session until they can be queued; negative: no longer."""

    def remove(self, session: "Session") -> None:
        """Forget a session that has ended."""

    def retry(self, session: "Session") -> None:
        """Attach a session that the worker has refused once more, in a while."""

    def give_up(self) -> None:
        """End the link and make another one, for the worker is about to end."""

    async def room(self) -> None:
        """Return when few enough bytes wait for the worker."""


class _Operation:
    """An operation that the worker has not ended."""

    __slots__ = ("answered", "behind", "live", "message", "position", "started", "stops")

    def __init__(self, message: bytes) -> None:
        self.message = message
        # Up to which all events were received, or where they begin to count; 0 is unknown.
        self.position = 0
        self.started = False
        # Whether it was started in this link.
        self.live = False
        # With the one result of a query.
        self.answered = False
        # Whether the worker was asked to stop it until there is room, and has not begun anew.
        self.behind = False
        # How many answers to that are to come.
        self.stops = 0


class Session:
    """One session, of whatever consumes its frames. Belongs to the link's event loop."""

    # There are many of them, and most are idle.
    __slots__ = (
        "_acknowledged",
        "_attached",
        "_backlog",
        "_behind",
        "_carrier",
        "_end",
        "_init",
        "_legacy",
        "_opening",
        "_operations",
        "_pings",
        "_refused_at",
        "_restoring",
        "number",
    )

    def __init__(
        self,
        carrier: Carrier,
        number: int,
        *,
        subprotocol: str,
        peer: str,
        headers: Mapping[str, str],
        path: str,
        claims: Mapping[str, object] | None,
    ) -> None:
        opening: dict[str, object] = {
            "subprotocol": subprotocol,
            "peer": peer,
            "headers": {name.lower(): value for name, value in headers.items()},
            "path": _UNESCAPED.sub(lambda match: quote(match[0], safe=""), path) or "/",
        }
        if claims is not None:
            opening["claims"] = dict(claims)
            if len(_encode_opening(opening["claims"])) > _MOST_CLAIMS_BYTES:
                raise _too_large("claims", _MOST_CLAIMS_BYTES)
        self.number: int = number
        self._carrier = carrier
        self._opening = _encode_opening(opening)
        if len(self._opening) > _MOST_OPENING_BYTES:
            raise _too_large("handshake", _MOST_OPENING_BYTES)
        self._init: bytes | None = None
        self._acknowledged = False
        self._operations: dict[bytes, _Operation] = {}
        self._pings: list[bytes] = []
        # Whether the worker has the session as it is here. Until then texts wait in the backlog.
        self._attached = False
        self._restoring = False
        self._backlog: list[bytes] = []
        self._legacy = subprotocol == "graphql-ws"
        self._behind: list[bytes] = []
        self._end: SessionClosed | None = None
        # Since when the worker refuses it.
        self._refused_at: float | None = None

    # What consumers define.

    def _on_message(self, payload: bytes) -> None:
        raise NotImplementedError

    def _on_event(self, id: bytes, payload: bytes) -> None:
        raise NotImplementedError

    def _on_ended(self, id: bytes, payload: bytes) -> None:
        raise NotImplementedError

    def _on_started(self, id: bytes) -> None:
        """Note that a subscription was accepted."""

    def _on_end(self, end: SessionClosed) -> None:
        raise NotImplementedError

    def _is_full(self, id: bytes, size: int) -> bool:
        """Whether an event of that size would better wait in the worker's ring."""
        return False

    def _on_behind(self, id: bytes) -> None:
        """Note that events wait in the ring, until `_catch_up`."""

    # What hosts call.

    def send_text(self, text: str | bytes) -> None:
        """Hand in a client's message, never waiting. Raise SessionClosed after the end.

        One of nearly 15 MiB or more counts as too big, whatever the worker's `max_message_size` is.
        """
        self._require_open()
        data = text.encode(errors="surrogatepass") if isinstance(text, str) else text
        if len(data) > _MOST_TEXT_BYTES:
            self.note_too_big()
        elif self._attached:
            self._hand_in(data)
        else:
            self._backlog.append(data)
            self._carrier.hold(len(data))

    async def wait_for_room(self) -> None:
        """Return when few enough bytes wait for the worker that the client may send more."""
        await self._carrier.room()

    def send_binary(self) -> None:
        """Tell the worker that the client sent a binary frame, which ends the session."""
        self._report(records.BINARY)

    def note_too_big(self) -> None:
        """Tell the worker that a message was larger than the host takes, which ends the session."""
        self._report(records.TOO_BIG)

    def note_heard(self) -> None:
        """Tell the worker that the client's socket lives, for a ping or pong was received."""
        if self._attached and self._end is None:
            self._carrier.put(records.command(records.HEARD, self.number))

    def close(self, code: int = 1000, reason: str = "") -> None:
        """End the session, because the client's socket is closed or shall be."""
        if self._end is None:
            if self._attached or self._restoring:
                self._carrier.put(records.close(self.number, code, reason))
            self._finish(SessionClosed(code, reason))

    @property
    def closed(self) -> SessionClosed | None:
        """How the session ended, or None."""
        return self._end

    def _require_open(self) -> None:
        if self._end is not None:
            raise SessionClosed(self._end.code, self._end.reason)

    def _report(self, kind: int) -> None:
        self._require_open()
        if self._attached:
            self._carrier.put(records.command(kind, self.number))
        else:
            # What it breaks ends the session: the worker need not have seen it before.
            self.close(1003 if kind == records.BINARY else 1009)

    def _finish(self, end: SessionClosed) -> None:
        self._end = end
        self._attached = self._restoring = False
        self._operations.clear()
        self._drop_backlog()
        self._carrier.remove(self)
        self._on_end(end)

    def _drop_backlog(self) -> list[bytes]:
        backlog, self._backlog = self._backlog, []
        if backlog:
            self._carrier.hold(-sum(map(len, backlog)))
        return backlog

    def _hand_in(self, data: bytes) -> None:
        self._remember(data)
        self._carrier.put(records.command(records.TEXT, self.number, data))

    def _remember(self, data: bytes) -> None:
        """Keep of a client's message what is needed to restore the session.

        What is malformed is left to the worker to judge.
        """
        try:
            message: object = json.loads(data)
        except (ValueError, RecursionError):
            return
        if not isinstance(message, dict):
            return
        members = cast("dict[str, Any]", message)
        kind = members.get("type")
        id = members.get("id")
        if kind in ("subscribe", "start") and isinstance(id, str):
            self._operations[_encode_id(id)] = _Operation(data)
        elif kind in ("complete", "stop") and isinstance(id, str):
            operation = self._operations.pop(_encode_id(id), None)
            if self._legacy and operation is not None and operation.behind and not operation.stops:
                # The worker does not have it at present, and would not answer.
                self._on_ended(_encode_id(id), _complete_message(_encode_id(id)))
        elif kind == "connection_init":
            if self._init is None:
                self._init = data
        elif kind == "ping" and len(self._pings) < _MAX_REMEMBERED_PINGS:
            self._pings.append(data)

    # What the link calls.

    def attach(self, same_ring: bool) -> None:
        """Open the session in a new link.

        :param same_ring: whether positions still name events.
        """
        if not same_ring:
            for operation in self._operations.values():
                operation.position = 0
        self._carrier.put(records.command(records.OPEN, self.number, self._opening))
        if self._init is None:
            self._go_on()
            return
        # Operations wait for the acknowledgement: who the client is may take time to find out.
        self._restoring = True
        self._carrier.put(records.command(records.TEXT, self.number, self._init))

    def detach(self) -> None:
        """Note that the link has ended."""
        self._attached = self._restoring = False
        for operation in self._operations.values():
            operation.live = False

    def deliver(self, kind: int, position: int, id: bytes, payload: bytes) -> None:
        """Take a frame of the worker."""
        if kind == records.EVENT:
            operation = self._operations.get(id)
            if operation is not None:
                # Of one that had the id before, and was completed.
                is_stale = position and not operation.started
                if operation.behind or is_stale:
                    return
                if position and self._is_full(id, len(payload)):
                    self._fall_behind(id, operation)
                    return
                if position:
                    operation.position = position
                elif not operation.started:
                    operation.answered = True
            self._on_event(id, payload)
        elif kind == records.MESSAGE:
            self._deliver_message(payload)
        elif kind == records.ENDED:
            operation = self._operations.get(id)
            if operation is not None and operation.stops:
                operation.stops -= 1
                return
            self._operations.pop(id, None)
            self._on_ended(id, payload)
        elif kind == records.STARTED:
            operation = self._operations.get(id)
            if operation is not None:
                operation.started = operation.live = True
                operation.behind = False
                operation.position = operation.position or position
            self._on_started(id)
        elif kind == records.CLOSED:
            self._deliver_closed(*records.decode_closed(payload))
        elif kind == records.PING:
            self._note_handed_over(position)
            # Who accepts sockets pings them as well; the worker need not know how.
            self.note_heard()

    def _note_handed_over(self, position: int) -> None:
        """Take in that the worker has handed over all events up to a position; 0: it knows none.

        What is quiet goes on from there. Else the ring would be looked through for what it does not
        want, and all that has left it would count as lost.
        """
        for operation in self._operations.values():
            if operation.live and not operation.behind:
                operation.position = max(operation.position, position)

    def _deliver_closed(self, code: int, reason: str) -> None:
        told = (code, reason.lower())
        if told == _GOING_AWAY:
            self.detach()
            self._carrier.give_up()
        elif told == _UNAVAILABLE and self._has_patience():
            self.detach()
            self._carrier.retry(self)
        else:
            self._finish(SessionClosed(code, reason))

    def _has_patience(self) -> bool:
        now = time.monotonic()
        if self._refused_at is None:
            self._refused_at = now
        return now - self._refused_at < _PATIENCE_S

    def _deliver_message(self, payload: bytes) -> None:
        if payload.startswith(_ACKNOWLEDGED):
            known, self._acknowledged = self._acknowledged, True
            self._refused_at = None
            if self._restoring:
                self._go_on()
            if known:
                return
        elif self._pings and payload.startswith(_PONG):
            self._renew(self._pings.pop(0), payload)
        self._on_message(payload)

    def _fall_behind(self, id: bytes, operation: _Operation) -> None:
        """Have the worker keep what follows in its ring, as it does for slow clients of its own."""
        operation.behind = True
        self._behind.append(id)
        kind = b"complete"
        if self._legacy:
            kind = b"stop"
            operation.stops += 1
        message = b'{"id":%b,"type":"%b"}' % (_encode_json(id), kind)
        self._carrier.put(records.command(records.TEXT, self.number, message))

        self._on_behind(id)

    def _catch_up(self, id: bytes) -> None:
        """Ask for what was left in the ring."""
        if id not in self._behind:
            return
        self._behind.remove(id)
        operation = self._operations.get(id)
        # It may have ended since, or be asked for when the session is restored.
        if self._attached and operation is not None and operation.behind:
            self._carrier.put(records.resume(self.number, operation.position, operation.message))

    def _go_on(self) -> None:
        """Hand in all that the worker does not know of a session that it has opened."""
        self._restoring = False
        self._attached = True
        self._behind.clear()
        put, number = self._carrier.put, self.number
        for id, operation in list(self._operations.items()):
            operation.stops = 0
            if operation.started:
                put(records.resume(number, operation.position, operation.message))
            elif operation.answered:
                del self._operations[id]
                self._on_ended(id, _complete_message(id))
            else:
                put(records.command(records.TEXT, number, operation.message))
        for ping in self._pings:
            put(records.command(records.TEXT, number, ping))
        for data in self._drop_backlog():
            self._hand_in(data)

    def _renew(self, ping: bytes, pong: bytes) -> None:
        """Let a token that the worker took in a ping stand for the one of `connection_init`."""
        token = _payload_of(ping).get("authorization")
        if not isinstance(token, str) or "expiresAt" not in _payload_of(pong):
            return
        if self._init is None:
            return
        payload = {
            name: value
            for name, value in _payload_of(self._init).items()
            if name not in ("Authorization", "authorization", "authToken", "token")
        }
        headers = payload.get("headers")
        if isinstance(headers, dict):
            payload["headers"] = {
                name: value
                for name, value in cast("dict[str, Any]", headers).items()
                if name.lower() != "authorization"
            }
        payload["authorization"] = token
        self._init = json.dumps({"type": "connection_init", "payload": payload}).encode()


def _payload_of(message: bytes) -> dict[str, Any]:
    payload = json.loads(message).get("payload")
    return cast("dict[str, Any]", payload) if isinstance(payload, dict) else {}


def _encode_opening(value: object) -> bytes:
    text = json.dumps(value, allow_nan=False, ensure_ascii=False)
    # Half of a surrogate pair is no text to the worker.
    return text.encode(errors="replace")


def _too_large(what: str, limit: int) -> SubscriptionError:
    return SubscriptionError(f"The {what} has more than {limit} bytes.", code="LIMIT_EXCEEDED")


def _encode_id(id: str) -> bytes:
    return id.encode(errors="surrogatepass")


def _complete_message(id: bytes) -> bytes:
    return b'{"id":%b,"type":"complete"}' % _encode_json(id)


def _encode_json(id: bytes) -> bytes:
    text = json.dumps(id.decode(errors="surrogatepass"), ensure_ascii=False)
    return text.encode(errors="surrogatepass")


class HostedSocket(Session):
    """One client's socket, hosted by the worker; it survives the loss of the link.

    Made by `SubscriptionManager.open_socket`; to be used in the manager's event loop only.
    """

    __slots__ = ("_frames", "_limits", "_receiver", "_size")

    def __init__(
        self,
        carrier: Carrier,
        number: int,
        limits: QueueLimits,
        *,
        subprotocol: str,
        peer: str,
        headers: Mapping[str, str],
        path: str,
        claims: Mapping[str, object] | None,
    ) -> None:
        super().__init__(
            carrier,
            number,
            subprotocol=subprotocol,
            peer=peer,
            headers=headers,
            path=path,
            claims=claims,
        )
        self._limits = limits
        self._frames: list[bytes] = []
        self._size = 0
        self._receiver: asyncio.Future[None] | None = None

    async def receive(self) -> list[bytes]:
        """Return the frames that are ready, at least one: UTF-8 texts, in order.

        To be called by one task.

        Raise SessionClosed with the code for the client's socket once all frames of a session that
        has ended were returned.
        """
        while not self._frames:
            self._require_open()
            for id in list(self._behind):
                self._catch_up(id)
            self._receiver = asyncio.get_running_loop().create_future()
            await self._receiver
        frames, self._frames = self._frames, []
        self._size = 0
        return frames

    @property
    def waiting(self) -> bool:
        """Whether frames wait to be received."""
        return bool(self._frames)

    def _is_full(self, id: bytes, size: int) -> bool:
        return self._has_no_room(size)

    def _has_no_room(self, size: int) -> bool:
        limits, frames = self._limits, self._frames
        return bool(frames) and (len(frames) >= limits.messages or self._size + size > limits.bytes)

    def _take(self, payload: bytes) -> None:
        # Events wait in the ring instead; answers cannot.
        if self._has_no_room(len(payload)):
            self.close(SLOW_CONSUMER, "Slow consumer")
            return
        self._frames.append(payload)
        self._size += len(payload)
        self._wake()

    def _on_message(self, payload: bytes) -> None:
        self._take(payload)

    def _on_event(self, id: bytes, payload: bytes) -> None:
        self._take(payload)

    def _on_ended(self, id: bytes, payload: bytes) -> None:
        self._take(payload)

    def _on_end(self, end: SessionClosed) -> None:
        self._wake()

    def _wake(self) -> None:
        if self._receiver is not None:
            if not self._receiver.done():
                self._receiver.set_result(None)
            self._receiver = None

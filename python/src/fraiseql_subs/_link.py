"""The link: two connections to PostgreSQL that carry all sessions of this process.

One sits in `session_exchange` and receives frames, the other hands commands in by `session_send`,
all that wait in one call. They live and end together: whatever breaks one of them ends both, and
the next pair restores the sessions.
"""

import asyncio
import contextlib
import logging
import random
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any

import psycopg
from psycopg import pq

from fraiseql_subs import _records as records
from fraiseql_subs._cutting import cut, cut_after
from fraiseql_subs._session import Session
from fraiseql_subs._statement import Statement
from fraiseql_subs.errors import SubscriptionError

__all__ = ["Connect", "Link"]

_logger = logging.getLogger("fraiseql_subs")

Connection = psycopg.AsyncConnection[Any]
Connect = Callable[[], Awaitable[Connection]]

_EXCHANGE = b"CALL fraiseql_subs.session_exchange($1::text, $2::bytea, $3::integer, NULL)"
_SEND = b"SELECT fraiseql_subs.session_send($1::text, $2::bytea)"
# A role's limits are meant for statements that do something.
_NO_LIMITS = (
    "SELECT set_config(name, '0', false) FROM pg_settings"
    " WHERE name IN ('statement_timeout', 'transaction_timeout', 'idle_session_timeout')"
)
_VERSION = "SELECT extversion FROM pg_extension WHERE extname = 'fraiseql_subs'"

# The backend answers within this time if it is there at all, so that a network that has silently
# gone is noticed.
_WAIT_MS = 10_000
_LATE_S = 15.0

_BATCH_BYTES = 1024 * 1024
# What one call may carry; the worker would end the link.
_MOST_BATCH_BYTES = 16 * 1024 * 1024
# Clients whose messages wait behind so many bytes are not read from.
_ROOM_BYTES = 1024 * 1024

_FIRST_PAUSE_S = 0.05
_LONGEST_PAUSE_S = 5.0
# A link that lived for so long had no part in what ended it.
_PROVEN_S = 5.0
# Refused sessions come again after this time.
_RETRY_S = 0.2
# How many sockets begin to be sent to in one turn of the event loop.
_CALLS_AT_ONCE = 32
# For a goodbye to a server that may be gone.
_CLOSE_S = 2.0

# Nothing of these gets better by waiting: feature not supported, invalid authorization, unknown
# database, unknown schema or function, no permission.
_HOPELESS = ("0A", "28", "3D", "3F", "42")


class _WorkerEnds(Exception):
    """The worker has said that it is about to end."""


class Link:
    """Carries sessions; belongs to one event loop.

    What happens to it is counted: `reconnects`, `frames`, `commands`; `last_error` is a text, and
    `version` that of the extension where it was opened last.
    """

    def __init__(self, connect: Connect, on_reconnect: Callable[[], None]) -> None:
        """Make one that is not started.

        :param connect: opens a connection in autocommit mode.
        :param on_reconnect: called when a link is open again after one was lost.
        """
        self._connect = connect
        self._on_reconnect = on_reconnect
        self._sessions: dict[int, Session] = {}
        self._last_number = 0
        self._outgoing: deque[bytes] = deque()
        self._outgoing_bytes = 0
        self._held_bytes = 0
        self._has_outgoing = asyncio.Event()
        self._has_room = asyncio.Event()
        self._has_room.set()
        self._opened = asyncio.Event()
        self._epoch: str | None = None
        self._task: asyncio.Task[None] | None = None
        self._ending = False
        self._calls: deque[Callable[[], None]] = deque()
        self._refused: dict[int, Session] = {}
        self._retrying: asyncio.TimerHandle | None = None
        self.reconnects = 0
        self.frames = 0
        self.commands = 0
        self.last_error: str | None = None
        self.version: str | None = None

    # What sessions call.

    def put(self, record: bytes) -> None:
        """Queue a command. While there is no link it is dropped, since sessions are restored."""
        if not self._opened.is_set():
            return
        self._outgoing.append(record)
        self._outgoing_bytes += len(record)
        self._has_outgoing.set()
        self._note_room()

    def hold(self, size: int) -> None:
        """Count bytes that wait in a session."""
        self._held_bytes += size
        self._note_room()

    def remove(self, session: Session) -> None:
        """Forget a session."""
        self._sessions.pop(session.number, None)

    def retry(self, session: Session) -> None:
        """Attach a session once more in a while, unless the next link does."""
        self._refused[session.number] = session
        if self._retrying is None:
            loop = asyncio.get_running_loop()
            self._retrying = loop.call_later(_RETRY_S, self._retry_refused)

    def _retry_refused(self) -> None:
        refused = [session for session in self._refused.values() if session.closed is None]
        self._forget_refused()
        for session in refused:
            session.attach(True)

    def _forget_refused(self) -> None:
        self._refused.clear()
        if self._retrying is not None:
            self._retrying.cancel()
            self._retrying = None

    def give_up(self) -> None:
        """End this link once the frames at hand were dispatched."""
        self._ending = True

    async def room(self) -> None:
        """Return when few enough bytes wait for the worker."""
        await self._has_room.wait()

    def soon(self, call: Callable[[], None]) -> None:
        """Call something in the event loop, a few such at a time."""
        self._calls.append(call)
        if len(self._calls) == 1:
            asyncio.get_running_loop().call_soon(self._call_some)

    def _call_some(self) -> None:
        """Call the first of those that wait, and the next ones behind what these have begun.

        Ten thousand sockets get an event at once. If all of their tasks were made before the first
        one runs, the garbage collector would go through all that lives, again and again.
        """
        calls = self._calls
        some = [calls.popleft() for _ in range(min(len(calls), _CALLS_AT_ONCE))]
        if calls:
            asyncio.get_running_loop().call_soon(self._call_some)
        for call in some:
            call()

    def _note_room(self) -> None:
        if self._outgoing_bytes + self._held_bytes < _ROOM_BYTES:
            self._has_room.set()
        else:
            self._has_room.clear()

    # What the engine calls.

    @property
    def open(self) -> bool:
        """Whether the worker is connected at present."""
        return self._opened.is_set()

    @property
    def sessions(self) -> list[Session]:
        """All that have not ended."""
        return list(self._sessions.values())

    def next_number(self) -> int:
        """Return a number for a session that no other has."""
        while True:
            self._last_number = self._last_number % 0xFFFF_FFFF + 1
            if self._last_number not in self._sessions:
                return self._last_number

    def add(self, session: Session) -> None:
        """Carry a session from now on."""
        self._sessions[session.number] = session
        if self.open:
            session.attach(True)

    async def start(self, timeout: float) -> None:
        """Open the link and keep it open until `stop`.

        Raise SubscriptionError, code `UNAVAILABLE`, if that takes longer than `timeout` seconds,
        and what PostgreSQL raised at once if waiting would not help.
        """
        task = asyncio.create_task(self._run(), name="fraiseql_subs link")
        opened = asyncio.create_task(self._opened.wait())
        try:
            await asyncio.wait({task, opened}, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                await task
            if not opened.done():
                raise SubscriptionError(
                    f"The worker of fraiseql_subs could not be reached within {timeout:g} s: "
                    f"{self.last_error or 'the server does not answer'}",
                    code="UNAVAILABLE",
                )
        except BaseException:
            await _cancel(task)
            raise
        finally:
            opened.cancel()
        self._task = task

    async def stop(self) -> None:
        """End the link, and with it the sessions in the worker."""
        task, self._task = self._task, None
        if task is not None:
            await _cancel(task)

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        attempts = 0
        opened_before = False
        while True:
            begun = loop.time()
            try:
                await self._serve()
            except Exception as error:
                self.last_error = str(error).strip() or type(error).__name__
                if not opened_before and not self._opened.is_set() and _is_hopeless(error):
                    raise
                if not isinstance(error, (psycopg.Error, OSError, _WorkerEnds)):
                    _logger.exception("fraiseql_subs: the link failed")
            finally:
                opened = self._opened.is_set()
                self._note_loss()
            opened_before = opened_before or opened
            attempts = 0 if opened and loop.time() - begun > _PROVEN_S else attempts + 1
            pause = min(_FIRST_PAUSE_S * 2 ** min(attempts - 1, 16), _LONGEST_PAUSE_S)
            # Whoever lost the same server does not come back at the same moment.
            pause *= random.uniform(0.5, 1.0)
            _logger.warning(
                "fraiseql_subs: the link %s, next attempt in %.2f s: %s",
                "was lost" if opened else "cannot be opened",
                pause,
                self.last_error,
            )
            await asyncio.sleep(pause)

    def _note_loss(self) -> None:
        self._opened.clear()
        self._forget_refused()
        self._ending = False
        self._outgoing.clear()
        self._outgoing_bytes = 0
        self._has_outgoing.clear()
        self._note_room()
        for session in self.sessions:
            session.detach()

    async def _serve(self) -> None:
        """Open a link, restore the sessions, and carry them until something breaks."""
        async with contextlib.AsyncExitStack() as stack:
            receiving = await stack.enter_async_context(_closing(await self._connect()))
            sending = await stack.enter_async_context(_closing(await self._connect()))
            with cut_after(_LATE_S, receiving, sending):
                for connection in (receiving, sending):
                    await connection.execute(_NO_LIMITS)
                version = await (await sending.execute(_VERSION)).fetchone()
                self.version = version[0] if version else None
                exchange = _Exchange(receiving)
                name, frames = await exchange.run(None, 0)
            self._restore(name)
            self._dispatch(frames)
            tasks = [
                asyncio.create_task(self._receive(receiving, exchange, name)),
                asyncio.create_task(self._send(sending, name)),
            ]
            try:
                await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                # The other one may be waiting for what will never come. Its backend must not wait
                # on, for the worker keeps the link as long as it does.
                cut(receiving, sending)
                failed = next(task for task in tasks if task.done())
                await asyncio.wait(tasks, timeout=_CLOSE_S)
                await failed
            finally:
                for task in tasks:
                    task.cancel()
                _, left = await asyncio.wait(tasks, timeout=_CLOSE_S)
                if left:
                    cut(receiving, sending)
                for task in tasks:
                    await _cancel(task)

    def _restore(self, name: str) -> None:
        epoch = name.partition(":")[2]
        same_ring = epoch == self._epoch
        lost = self._epoch is not None
        self._epoch = epoch
        self._opened.set()
        for session in self.sessions:
            session.attach(same_ring)
        if lost:
            self.reconnects += 1
            self._on_reconnect()
            _logger.info("fraiseql_subs: the link is open again, %d sessions", len(self._sessions))

    async def _receive(self, connection: Connection, exchange: "_Exchange", name: str) -> None:
        while True:
            with cut_after(_WAIT_MS / 1000 + _LATE_S, connection):
                _, frames = await exchange.run(name, _WAIT_MS)
            self._dispatch(frames)
            if self._ending:
                raise _WorkerEnds("the worker shuts down")

    def _dispatch(self, frames: bytes) -> None:
        sessions = self._sessions
        count = 0
        for kind, number, position, id, payload in records.decode_frames(frames):
            count += 1
            session = sessions.get(number)
            # The worker may not know yet that the session was closed.
            if session is not None:
                session.deliver(kind, position, id, payload)
        self.frames += count

    async def _send(self, connection: Connection, name: str) -> None:
        loop = asyncio.get_running_loop()
        descriptor = connection.fileno()
        link = name.encode()
        send = Statement(connection, _SEND, (pq.Format.TEXT, pq.Format.BINARY), pq.Format.TEXT)
        while True:
            # A server says nothing by itself, unless the connection ends: then a call of no
            # commands fails.
            loop.add_reader(descriptor, self._has_outgoing.set)
            try:
                await self._has_outgoing.wait()
            finally:
                loop.remove_reader(descriptor)
            await send.run(link, self._take_batch())

    def _take_batch(self) -> bytes:
        batch: list[bytes] = []
        size = 0
        outgoing = self._outgoing
        while outgoing and size < _BATCH_BYTES:
            if batch and size + len(outgoing[0]) > _MOST_BATCH_BYTES:
                break
            record = outgoing.popleft()
            size += len(record)
            batch.append(record)
        if not outgoing:
            self._has_outgoing.clear()
        self.commands += len(batch)
        self._outgoing_bytes -= size
        self._note_room()
        return b"".join(batch)


class _Exchange:
    """The call that waits for frames, of one connection."""

    def __init__(self, connection: Connection) -> None:
        self._statement = Statement(
            connection,
            _EXCHANGE,
            (pq.Format.TEXT, pq.Format.BINARY, pq.Format.TEXT),
            pq.Format.BINARY,
        )

    async def run(self, name: str | None, wait_ms: int) -> tuple[str, bytes]:
        """Return the link's name, and frames: none if none came in time.

        :param name: of the link; None opens one.
        """
        link = None if name is None else name.encode()
        row = await self._statement.run(link, b"", b"%d" % wait_ms)
        if not row or row[0] is None:
            raise ValueError("session_exchange returned nothing")
        return row[0].decode(), row[1] or b""


@contextlib.asynccontextmanager
async def _closing(connection: Connection) -> AsyncGenerator[Connection, None]:
    try:
        yield connection
    finally:
        await connection.close()


async def _cancel(task: "asyncio.Task[None]") -> None:
    # Before Python 3.12 `asyncio.wait_for`, in which psycopg 3.2 waits, may lose a cancellation.
    while not task.done():
        task.cancel()
        await asyncio.wait({task}, timeout=2 * _CLOSE_S)
    if not task.cancelled():
        task.exception()


def _is_hopeless(error: BaseException) -> bool:
    state = error.sqlstate if isinstance(error, psycopg.Error) else None
    return state is not None and state.startswith(_HOPELESS)

"""Both directions of a socket that the worker serves.

There are many sockets, and most are idle. Such a one has no task but that in which the framework
calls, which waits for the client. What the worker says is sent by a task that lives no longer than
there is something to send.
"""

import asyncio
import contextlib
import contextvars
import sys

from fraiseql_subs._session import HostedSocket
from fraiseql_subs.errors import SessionClosed, WebSocketClosed
from fraiseql_subs.http.adapter import BinaryMessage, WebSocketAdapter

# Codes that tell of an end and cannot be sent, by RFC 6455, 7.4.1.
UNSENDABLE = frozenset((1004, 1005, 1006, 1015))

# Frames that are sent between two signs of life of a client that reads slowly.
BATCH = 64


class Sender:
    """Hands the worker's frames to a client, and closes the socket as the worker says."""

    __slots__ = (
        "_context",
        "_failure",
        "_hosted",
        "_is_over",
        "_is_slow",
        "_since",
        "_slow_timeout",
        "_task",
        "_timer",
        "_websocket",
    )

    def __init__(
        self, websocket: WebSocketAdapter, hosted: HostedSocket, slow_timeout: float
    ) -> None:
        """Make one, and begin.

        :param slow_timeout: seconds that a client may take nothing of what waits for it.
        """
        self._websocket = websocket
        self._hosted = hosted
        self._slow_timeout = slow_timeout
        # Tasks are made where frames arrive. They see what the socket's own task sees.
        self._context = contextvars.copy_context()
        self._task: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._since = 0.0
        self._is_slow = False
        self._is_over = False
        self._failure: Exception | None = None
        hosted.on_ready(self._begin)

    async def stop(self) -> None:
        """Send nothing more, and raise what sending died of."""
        self._is_over = True
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if self._failure is not None:
            raise self._failure

    def _on_over(self) -> None:
        """Note that nothing will be sent any more, and the socket is closed or shall be."""

    def _begin(self) -> None:
        if self._task is None and not self._is_over:
            self._task = self._context.run(asyncio.create_task, self._send())

    async def _send(self) -> None:
        # Called if not everything is sent at once, as most is.
        watching = asyncio.get_running_loop().call_soon(self._watch)
        try:
            await self._send_all()
        except WebSocketClosed as closed:
            self._hosted.close(closed.code, closed.reason)
            self._end()
        except Exception as error:
            self._failure = error
            self._end()
        finally:
            watching.cancel()
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            self._task = None

    async def _send_all(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while frames := self._hosted.take():
                for start in range(0, len(frames), BATCH):
                    self._since = loop.time()
                    await self._websocket.send_many(frames[start : start + BATCH])
        except SessionClosed as closed:
            self._since = loop.time()
            code = 1000 if closed.code in UNSENDABLE else closed.code
            await self._websocket.close(code, closed.reason)
            self._end()

    def _watch(self) -> None:
        loop = asyncio.get_running_loop()
        due = self._since + self._slow_timeout
        if due > loop.time():
            self._timer = loop.call_at(due, self._watch)
            return
        self._is_slow = True
        if self._task is not None:
            self._task.cancel()
        self._hosted.close(4413, "Slow consumer")
        self._end()

    def _end(self) -> None:
        if not self._is_over:
            self._is_over = True
            self._on_over()


class Relay(Sender):
    """Carries a socket's messages both ways."""

    __slots__ = ("_cancelling", "_is_told", "_reader")

    def __init__(
        self, websocket: WebSocketAdapter, hosted: HostedSocket, slow_timeout: float
    ) -> None:
        """Make one, and begin to send.

        :param slow_timeout: seconds that a client may take nothing of what waits for it.
        """
        # The task that reads, while it does; and whether it was told to end.
        self._reader = asyncio.current_task()
        self._is_told = False
        self._cancelling = _cancellations(self._reader)
        super().__init__(websocket, hosted, slow_timeout)

    async def run(self) -> None:
        """Carry messages until either side ends; then both have. By the task that made it."""
        try:
            await self._read()
        finally:
            self._is_over = True
            # Without effect if either side has ended it. Else the server takes this task down.
            self._hosted.close(1001, "Going away")
            await self.stop()
        if self._is_slow:
            # Behind what the server holds for it already, if the client reads that after all.
            with contextlib.suppress(asyncio.TimeoutError):
                closing = self._websocket.close(4413, "Slow consumer")
                await asyncio.wait_for(closing, self._slow_timeout)

    def _on_over(self) -> None:
        # Not every server lets what waits for a client know that the socket was closed.
        if self._reader is not None:
            self._is_told = True
            self._reader.cancel()

    async def _read(self) -> None:
        """Hand the client's messages to the worker until the socket ends, or it is told to end."""
        reader, websocket, hosted = self._reader, self._websocket, self._hosted
        try:
            while True:
                try:
                    try:
                        text = await websocket.receive_text()
                    except BinaryMessage:
                        hosted.send_binary()
                    else:
                        hosted.send_text(text)
                except SessionClosed:
                    # Why comes behind the frames that the worker sent before. Until the socket is
                    # closed with it, nothing that the client says counts.
                    continue
                await hosted.wait_for_room()
        except WebSocketClosed as closed:
            self._is_over = True
            hosted.close(closed.code, closed.reason)
            if self._is_told:
                await self._be_told(reader)
        except asyncio.CancelledError:
            if not self._is_told or _take_back(reader) > self._cancelling:
                raise
        finally:
            self._reader = None

    async def _be_told(self, reader: "asyncio.Task[None] | None") -> None:
        """Take what the task was told by, which is under way."""
        try:
            await asyncio.sleep(0)
        except asyncio.CancelledError:
            if _take_back(reader) > self._cancelling:
                raise


def _cancellations(task: "asyncio.Task[None] | None") -> int:
    """Return how often a task was asked to end; Python 3.10 does not count."""
    if sys.version_info >= (3, 11) and task is not None:
        return task.cancelling()
    return 0


def _take_back(task: "asyncio.Task[None] | None") -> int:
    """Take back one request to end, and return how many are left."""
    if sys.version_info >= (3, 11) and task is not None:
        return task.uncancel()
    return 0

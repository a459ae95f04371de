import asyncio
import contextlib

from fraiseql_subs._session import HostedSocket
from fraiseql_subs.errors import SessionClosed, WebSocketClosed
from fraiseql_subs.http.adapter import BinaryMessage, WebSocketAdapter

# Codes that tell of an end and cannot be sent, by RFC 6455, 7.4.1.
UNSENDABLE = frozenset((1004, 1005, 1006, 1015))

# Frames that are sent between two signs of life of a client that reads slowly.
BATCH = 64


class Patience:
    """Notices that a client takes nothing of what is sent to it.

    One timer per socket, and none per message: most are taken at once.
    """

    def __init__(self, seconds: float) -> None:
        """Make one for a client that may take nothing for so many seconds."""
        self._seconds = seconds
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._since: float | None = None
        self.ended: asyncio.Future[None] = self._loop.create_future()

    def start(self) -> None:
        """Watch, until `stop`."""
        self._timer = self._loop.call_later(self._seconds, self._look)

    def stop(self) -> None:
        """Watch no more."""
        if self._timer is not None:
            self._timer.cancel()

    def note_sending(self) -> None:
        """Note that the client is sent something."""
        self._since = self._loop.time()

    def note_sent(self) -> None:
        """Note that it has taken it."""
        self._since = None

    def _look(self) -> None:
        now = self._loop.time()
        due = (now if self._since is None else self._since) + self._seconds
        if due > now:
            self._timer = self._loop.call_at(due, self._look)
        elif not self.ended.done():
            self.ended.set_result(None)


async def relay(websocket: WebSocketAdapter, hosted: HostedSocket, slow_timeout: float) -> None:
    """Carry messages both ways until either side ends; then both have.

    :param slow_timeout: seconds that a client may take nothing of what waits for it.
    """
    patience = Patience(slow_timeout)
    patience.start()
    tasks = [
        asyncio.create_task(client_to_worker(websocket, hosted)),
        asyncio.create_task(worker_to_client(websocket, hosted, patience)),
    ]
    try:
        await asyncio.wait([*tasks, patience.ended], return_when=asyncio.FIRST_COMPLETED)
        if patience.ended.done():
            hosted.close(4413, "Slow consumer")
    finally:
        patience.stop()
        # Without effect if either side has ended it. Else the server takes this task down.
        hosted.close(1001, "Going away")
        await cancel(*tasks)
    if patience.ended.done():
        # Behind what the server holds for it already, if the client reads that after all.
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(websocket.close(4413, "Slow consumer"), slow_timeout)


async def cancel(*tasks: "asyncio.Task[None]") -> None:
    """End tasks, and raise what one of them died of."""
    for task in tasks:
        task.cancel()
    for result in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(result, Exception):
            raise result


async def client_to_worker(websocket: WebSocketAdapter, hosted: HostedSocket) -> None:
    """Hand the client's messages to the worker until the socket ends."""
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
        hosted.close(closed.code, closed.reason)


async def worker_to_client(
    websocket: WebSocketAdapter, hosted: HostedSocket, patience: Patience
) -> None:
    """Hand the worker's frames to the client until either side ends, and close the socket."""
    try:
        while True:
            frames = await hosted.receive()
            for start in range(0, len(frames), BATCH):
                patience.note_sending()
                await websocket.send_many(frames[start : start + BATCH])
            patience.note_sent()
    except SessionClosed as closed:
        code = 1000 if closed.code in UNSENDABLE else closed.code
        patience.note_sending()
        await websocket.close(code, closed.reason)
    except WebSocketClosed as closed:
        hosted.close(closed.code, closed.reason)

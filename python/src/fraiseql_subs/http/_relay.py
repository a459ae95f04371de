import asyncio
import contextlib
from collections.abc import Callable

from fraiseql_subs._session import HostedSocket
from fraiseql_subs.errors import SessionClosed, WebSocketClosed
from fraiseql_subs.http.adapter import BinaryMessage, WebSocketAdapter

# Codes that tell of an end and cannot be sent, by RFC 6455, 7.4.1.
UNSENDABLE = frozenset((1004, 1005, 1006, 1015))

# Frames that are sent between two signs of life of a client that reads slowly.
BATCH = 64


async def relay(websocket: WebSocketAdapter, hosted: HostedSocket, slow_timeout: float) -> None:
    """Carry messages both ways until either side ends; then both have.

    :param slow_timeout: seconds that a client may take nothing of what waits for it.
    """
    stuck = asyncio.get_running_loop().create_future()

    def give_up() -> None:
        if not stuck.done():
            stuck.set_result(None)

    tasks = [
        asyncio.create_task(client_to_worker(websocket, hosted)),
        asyncio.create_task(worker_to_client(websocket, hosted, slow_timeout, give_up)),
    ]
    try:
        await asyncio.wait([*tasks, stuck], return_when=asyncio.FIRST_COMPLETED)
        if stuck.done():
            hosted.close(4413, "Slow consumer")
    finally:
        # Without effect if either side has ended it. Else the server takes this task down.
        hosted.close(1001, "Going away")
        await cancel(*tasks)
    if stuck.done():
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
                hosted.send_text(await websocket.receive_text())
            except BinaryMessage:
                hosted.send_binary()
            except SessionClosed:
                # Why comes behind the frames that the worker sent before. Until the socket is
                # closed with it, nothing that the client says counts.
                continue
            await hosted.wait_for_room()
    except WebSocketClosed as closed:
        hosted.close(closed.code, closed.reason)


async def worker_to_client(
    websocket: WebSocketAdapter,
    hosted: HostedSocket,
    slow_timeout: float,
    give_up: Callable[[], None],
) -> None:
    """Hand the worker's frames to the client until either side ends, and close the socket.

    :param give_up: called once the client has taken nothing for so many seconds.
    """
    loop = asyncio.get_running_loop()
    try:
        while True:
            frames = await hosted.receive()
            for start in range(0, len(frames), BATCH):
                watch = loop.call_later(slow_timeout, give_up)
                try:
                    await websocket.send_many(frames[start : start + BATCH])
                finally:
                    watch.cancel()
    except SessionClosed as closed:
        code = 1000 if closed.code in UNSENDABLE else closed.code
        await websocket.close(code, closed.reason)
    except WebSocketClosed as closed:
        hosted.close(closed.code, closed.reason)

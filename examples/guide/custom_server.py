"""The guide's quick start with a server that has no ASGI: that of the library websockets."""

import asyncio

from orders import manager
from websockets.asyncio.server import ServerConnection
from websockets.asyncio.server import serve as listen
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from fraiseql_subs.custom import CustomServerAdapter
from fraiseql_subs.http import serve_websocket


def ending(error: Exception) -> tuple[int, str] | None:
    if not isinstance(error, ConnectionClosed):
        return None
    return (error.rcvd.code, error.rcvd.reason) if error.rcvd else (1006, "")


async def serve(connection: ServerConnection) -> None:
    assert connection.request is not None
    host, port = connection.remote_address[:2]
    websocket = CustomServerAdapter(
        receive=connection.recv,
        send=lambda frame: connection.send(frame, text=True),
        close=connection.close,
        ending=ending,
        headers=dict(connection.request.headers.raw_items()),
        peer=f"{host}:{port}",
        path=connection.request.path,
        subprotocols=[connection.subprotocol] if connection.subprotocol else [],
    )
    await serve_websocket(websocket, manager)


async def main(port: int = 8000) -> None:
    protocols = [Subprotocol("graphql-transport-ws"), Subprotocol("graphql-ws")]
    async with manager, listen(serve, "127.0.0.1", port, subprotocols=protocols):
        await asyncio.Event().wait()  # until it is cancelled


if __name__ == "__main__":
    asyncio.run(main())

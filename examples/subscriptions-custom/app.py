"""Prices that change all the time: the server of the library websockets, with no framework."""

import argparse
import asyncio
import os
import random
import signal
from http import HTTPStatus
from pathlib import Path

from websockets.asyncio.server import ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from fraiseql_subs import SubscriptionManager
from fraiseql_subs.custom import CustomServerAdapter
from fraiseql_subs.http import DEFAULT_PROTOCOLS, serve_websocket

PATH = "/graphql/subscriptions"
PAGE = Path(__file__).with_name("client.html")
SYMBOLS = {"ACME": 120.0, "GLOBEX": 48.0, "INITECH": 9.5}

manager: SubscriptionManager[None] = SubscriptionManager(
    conninfo=os.environ.get("DATABASE_URL", "")
)


def ending(error: Exception) -> tuple[int, str] | None:
    """Return how a connection ended, if that is what an exception tells."""
    if not isinstance(error, ConnectionClosed):
        return None
    return (error.rcvd.code, error.rcvd.reason) if error.rcvd else (1006, "")


async def subscriptions(connection: ServerConnection) -> None:
    """Serve one WebSocket until it ends."""
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


def answer(connection: ServerConnection, request: Request) -> Response | None:
    """Answer what is no WebSocket: the page, and that nothing else is here."""
    if request.path == PATH:
        return None
    if request.path != "/":
        return connection.respond(HTTPStatus.NOT_FOUND, "Not found\n")
    page = PAGE.read_bytes()
    headers = Headers({"Content-Type": "text/html; charset=utf-8", "Connection": "close"})
    headers["Content-Length"] = str(len(page))
    return Response(HTTPStatus.OK, "OK", headers, page)


async def change_prices() -> None:
    """Publish a price every now and then, as somebody's program would."""
    while True:
        symbol = random.choice(list(SYMBOLS))
        SYMBOLS[symbol] = round(SYMBOLS[symbol] * random.uniform(0.97, 1.03), 2)
        price = {"symbol": symbol, "price": SYMBOLS[symbol]}
        await manager.publish_event("priceChanged", "prices", price)
        await asyncio.sleep(0.5)


async def main(port: int) -> None:
    """Serve until SIGINT or SIGTERM."""
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    names = [Subprotocol(handler.subprotocol) for handler in DEFAULT_PROTOCOLS]
    async with manager:
        async with serve(
            subscriptions,
            "127.0.0.1",
            port,
            subprotocols=names,
            process_request=answer,
            compression=None,
        ):
            print(f"http://127.0.0.1:{port}/", flush=True)
            prices = asyncio.create_task(change_prices())
            await stopped.wait()
            prices.cancel()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=8000)
    asyncio.run(main(parser.parse_args().port))

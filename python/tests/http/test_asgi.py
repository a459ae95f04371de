"""SubscriptionASGI and its adapter, called as a server calls them."""

import asyncio
from typing import Any

import pytest
from fakes import FakeManager

from fraiseql_subs.asgi import ASGIWebSocketAdapter, SubscriptionASGI
from fraiseql_subs.errors import WebSocketClosed
from fraiseql_subs.http import BinaryMessage

HANDSHAKE = {
    "type": "websocket",
    "path": "/graphql",
    "query_string": b"access_token=x%20y",
    "client": ["::1", 5000],
    "subprotocols": ["graphql-transport-ws"],
    "headers": [
        (b"Cookie", b"a=1"),
        (b"cookie", b"b=2"),
        (b"X-Name", b"J\xf6rg"),
        (b"x-list", b"1"),
        (b"x-list", b"2"),
    ],
}


class Server:
    """The server's side of one connection."""

    def __init__(self, *messages: dict[str, Any], fails_with: Exception | None = None) -> None:
        self.told: list[Any] = []
        self.messages: asyncio.Queue[Any] = asyncio.Queue()
        for message in messages:
            self.messages.put_nowait(message)
        self.fails_with = fails_with

    async def receive(self) -> Any:
        return await self.messages.get()

    async def send(self, message: Any) -> None:
        if self.fails_with is not None:
            raise self.fails_with
        self.told.append(message)
        if message["type"] == "websocket.close":
            self.messages.put_nowait({"type": "websocket.disconnect", "code": message["code"]})

    def adapter(self, **scope: Any) -> ASGIWebSocketAdapter:
        return ASGIWebSocketAdapter(HANDSHAKE | scope, self.receive, self.send)

    async def accepted(self) -> ASGIWebSocketAdapter:
        adapter = self.adapter()
        await adapter.accept("graphql-transport-ws")
        return adapter


CONNECT = {"type": "websocket.connect"}


def text(message: str) -> dict[str, Any]:
    return {"type": "websocket.receive", "text": message, "bytes": None}


def test_the_handshake_is_told() -> None:
    adapter = Server().adapter()
    assert adapter.headers == {"cookie": "a=1; b=2", "x-name": "Jörg", "x-list": "1, 2"}
    assert adapter.peer == "[::1]:5000"
    assert adapter.path == "/graphql?access_token=x%20y"
    assert adapter.subprotocols == ("graphql-transport-ws",)


def test_a_handshake_that_tells_nothing_has_the_defaults() -> None:
    adapter = ASGIWebSocketAdapter({"type": "websocket"}, Server().receive, Server().send)
    assert (adapter.headers, adapter.peer, adapter.path) == ({}, "", "/")
    assert adapter.subprotocols == ()


def test_a_path_that_was_decoded_is_encoded_again() -> None:
    assert Server().adapter(path="/a b?ü", query_string=b"").path == "/a%20b%3F%C3%BC"


async def test_messages_come_as_they_are_and_frames_go_as_text() -> None:
    server = Server(CONNECT, text("{"), text('{"a":1}'))
    adapter = await server.accepted()
    assert adapter.is_connected
    assert await adapter.receive_text() == "{"
    assert await adapter.receive_json() == {"a": 1}
    await adapter.send_bytes('"€"'.encode())
    await adapter.send_many([b"1", b"2"])
    await adapter.send_json({"€": 1})
    assert server.told == [
        {"type": "websocket.accept", "subprotocol": "graphql-transport-ws", "headers": []},
        *({"type": "websocket.send", "text": text} for text in ('"€"', "1", "2", '{"€":1}')),
    ]


async def test_it_is_accepted_once() -> None:
    server = Server(CONNECT)
    adapter = await server.accepted()
    await adapter.accept(None)
    assert len(server.told) == 1


async def test_a_binary_message_is_told_apart() -> None:
    adapter = await Server(CONNECT, {"type": "websocket.receive", "bytes": b"{}"}).accepted()
    with pytest.raises(BinaryMessage):
        await adapter.receive_text()


@pytest.mark.parametrize(("code", "told"), [(1001, 1001), (None, 1005)])
async def test_the_client_s_close_is_raised_from_then_on(code: int | None, told: int) -> None:
    server = Server(CONNECT, {"type": "websocket.disconnect", "code": code, "reason": "bye"})
    adapter = await server.accepted()
    for use in (adapter.receive_text, adapter.receive_json, lambda: adapter.send_many([b"1"])):
        with pytest.raises(WebSocketClosed) as closed:
            await use()
        assert (closed.value.code, closed.value.reason) == (told, "bye")
    assert not adapter.is_connected
    await adapter.close(1000)
    assert len(server.told) == 1


async def test_a_client_that_leaves_before_the_handshake_is_answered_is_no_error() -> None:
    server = Server({"type": "websocket.disconnect", "code": 1006})
    manager = FakeManager()
    await SubscriptionASGI(manager)(HANDSHAKE, server.receive, server.send)  # type: ignore[arg-type]
    assert server.told == []
    assert manager.sockets == []


@pytest.mark.parametrize(
    "error", [OSError(), RuntimeError("Unexpected ASGI message, after sending 'websocket.close'")]
)
async def test_a_server_that_takes_no_more_has_ended_the_socket(error: Exception) -> None:
    server = Server(CONNECT)
    adapter = await server.accepted()
    server.fails_with = error
    for use in (lambda: adapter.send_bytes(b"1"), lambda: adapter.send_many([b"1"])):
        with pytest.raises(WebSocketClosed) as closed:
            await use()
        assert closed.value.code == 1006
    await adapter.close()


async def test_closing_what_the_server_has_ended_is_no_error() -> None:
    server = Server(CONNECT)
    adapter = await server.accepted()
    server.fails_with = OSError()
    await adapter.close()
    assert not adapter.is_connected


async def test_another_fault_of_the_server_is_raised() -> None:
    server = Server(CONNECT)
    adapter = await server.accepted()
    server.fails_with = ZeroDivisionError()
    for use in (lambda: adapter.send_bytes(b"1"), lambda: adapter.send_many([b"1"]), adapter.close):
        with pytest.raises(ZeroDivisionError):
            await use()


async def test_nothing_is_received_after_one_s_own_close() -> None:
    server = Server(CONNECT, text("{}"))
    adapter = await server.accepted()
    await adapter.close(4400, "x")
    with pytest.raises(WebSocketClosed) as closed:
        await adapter.receive_text()
    assert closed.value.code == 4400


async def test_a_socket_of_another_path_is_refused() -> None:
    server, manager = Server(CONNECT), FakeManager()
    app = SubscriptionASGI(manager, path="/subscriptions")  # type: ignore[arg-type]
    await app(HANDSHAKE, server.receive, server.send)
    assert [message["type"] for message in server.told] == ["websocket.close"]
    assert manager.sockets == []


@pytest.mark.parametrize(
    "scope", [{"path": "/a/graphql", "root_path": "/a"}, {"path": "/graphql", "root_path": "/a"}]
)
async def test_a_path_is_that_below_the_mount(scope: dict[str, Any]) -> None:
    server = Server()
    app = SubscriptionASGI(FakeManager(), path="/graphql")  # type: ignore[arg-type]
    await app(scope | {"type": "http"}, server.receive, server.send)
    assert server.told[0]["status"] == 426


@pytest.mark.parametrize(("path", "status"), [("/graphql", 426), ("/", 404)])
async def test_http_requests_are_told_to_upgrade(path: str, status: int) -> None:
    server = Server()
    app = SubscriptionASGI(FakeManager(), path="/graphql")  # type: ignore[arg-type]
    await app({"type": "http", "path": path}, server.receive, server.send)
    head, body = server.told
    assert head["status"] == status
    headers = dict(head["headers"])
    assert headers[b"content-length"] == str(len(body["body"])).encode()
    assert headers.get(b"upgrade") == (b"websocket" if status == 426 else None)
    assert (b"graphql-transport-ws and graphql-ws" in body["body"]) == (status == 426)


async def test_the_manager_lives_as_long_as_the_server() -> None:
    server = Server({"type": "lifespan.startup"}, {"type": "lifespan.shutdown"})
    manager = FakeManager()
    await SubscriptionASGI(manager)({"type": "lifespan"}, server.receive, server.send)  # type: ignore[arg-type]
    assert manager.calls == ["start", "stop"]
    assert [message["type"] for message in server.told] == [
        "lifespan.startup.complete",
        "lifespan.shutdown.complete",
    ]


@pytest.mark.parametrize("phase", ["start", "stop"])
async def test_the_server_is_told_why_the_manager_fails(phase: str) -> None:
    server = Server({"type": "lifespan.startup"}, {"type": "lifespan.shutdown"})
    manager = FakeManager()

    async def fail() -> None:
        raise ConnectionError("no database")

    setattr(manager, phase, fail)
    with pytest.raises(ConnectionError):
        await SubscriptionASGI(manager)({"type": "lifespan"}, server.receive, server.send)  # type: ignore[arg-type]
    failed = "lifespan.startup.failed" if phase == "start" else "lifespan.shutdown.failed"
    assert server.told[-1] == {"type": failed, "message": "no database"}


async def test_an_unknown_scope_is_an_error() -> None:
    server = Server()
    with pytest.raises(ValueError, match="'other'"):
        await SubscriptionASGI(FakeManager())({"type": "other"}, server.receive, server.send)  # type: ignore[arg-type]

"""CustomServerAdapter, made of the functions of a server."""

import asyncio
from typing import Any

import pytest

from fraiseql_subs.custom import CustomServerAdapter
from fraiseql_subs.errors import WebSocketClosed
from fraiseql_subs.http import BinaryMessage


class Ended(Exception):
    pass


class Server:
    """Functions of a server, of one connection."""

    def __init__(self, *messages: Any) -> None:
        self.messages = list(messages)
        self.told: list[Any] = []

    async def receive(self) -> Any:
        message = self.messages.pop(0)
        if isinstance(message, Exception):
            raise message
        return message

    async def send(self, frame: bytes) -> None:
        if self.messages and isinstance(self.messages[0], Exception):
            raise self.messages[0]
        self.told.append(frame)

    async def close(self, code: int, reason: str) -> None:
        if self.messages and isinstance(self.messages[0], Exception):
            raise self.messages[0]
        self.told.append((code, reason))

    async def accept(self, subprotocol: str | None) -> None:
        self.told.append(subprotocol)

    def adapter(self, **options: Any) -> CustomServerAdapter:
        return CustomServerAdapter(
            receive=self.receive,
            send=self.send,
            close=self.close,
            ending=lambda error: (4000, "bye") if isinstance(error, Ended) else None,
            **options,
        )


async def test_messages_come_as_they_are_and_frames_go_as_they_are() -> None:
    server = Server("{", '{"a":1}')
    adapter = server.adapter()
    assert await adapter.receive_text() == "{"
    assert await adapter.receive_json() == {"a": 1}
    await adapter.send_bytes(b"1")
    await adapter.send_many([b"2", b"3"])
    await adapter.send_json({"€": 1})
    assert server.told == [b"1", b"2", b"3", '{"€":1}'.encode()]


async def test_what_the_handshake_told_has_names_in_lower_case() -> None:
    adapter = Server().adapter(headers={"X-Name": "Ada"}, peer="p", path="/x", subprotocols=["y"])
    assert adapter.headers == {"x-name": "Ada"}
    assert (adapter.peer, adapter.path, adapter.subprotocols) == ("p", "/x", ["y"])


async def test_a_handshake_that_the_server_has_answered_is_accepted_already() -> None:
    server = Server()
    adapter = server.adapter()
    assert adapter.is_connected
    await adapter.accept("x")
    assert server.told == []


async def test_a_handshake_is_answered_once() -> None:
    server = Server()
    adapter = server.adapter(accept=server.accept)
    assert not adapter.is_connected
    await adapter.accept("x")
    await adapter.accept("x")
    assert adapter.is_connected
    assert server.told == ["x"]


async def test_a_binary_message_is_told_apart() -> None:
    with pytest.raises(BinaryMessage):
        await Server(b"{}").adapter().receive_text()


async def test_the_end_is_raised_from_then_on() -> None:
    server = Server(Ended(), Ended(), Ended())
    adapter = server.adapter()
    for use in (adapter.receive_text, lambda: adapter.send_bytes(b"1"), adapter.receive_json):
        with pytest.raises(WebSocketClosed) as closed:
            await use()
        assert (closed.value.code, closed.value.reason) == (4000, "bye")
    assert not adapter.is_connected
    await adapter.close()
    assert server.told == []


async def test_closing_what_has_ended_is_no_error() -> None:
    adapter = Server(Ended()).adapter()
    await adapter.close(1000, "x")
    assert not adapter.is_connected


async def test_it_is_closed_once() -> None:
    server = Server()
    adapter = server.adapter()
    await asyncio.gather(adapter.close(1000, "x"), adapter.close(1001))
    assert server.told == [(1000, "x")]


async def test_another_fault_of_the_server_is_raised() -> None:
    adapter = Server(ZeroDivisionError(), ZeroDivisionError()).adapter()
    with pytest.raises(ZeroDivisionError):
        await adapter.receive_text()
    with pytest.raises(ZeroDivisionError):
        await adapter.close()

"""The relay and the log-in of a socket, between an adapter and a hosted socket in memory."""

import asyncio
import contextvars
import logging
import threading
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from fakes import FakeManager, SixMembers

from fraiseql_subs.errors import WebSocketClosed
from fraiseql_subs.http import (
    DEFAULT_PROTOCOLS,
    GraphQLTransportWSHandler,
    LegacyGraphQLWSHandler,
    SubscriptionProtocolHandler,
    WebSocketAdapter,
    serve_websocket,
)

INIT = {"type": "connection_init", "payload": {"token": "secret"}}


class Served:
    """A socket that a handler serves, with its client and the worker's side of it."""

    def __init__(self, websocket: SixMembers, manager: FakeManager, task: asyncio.Task[None]):
        self.websocket = websocket
        self.manager = manager
        self.task = task

    async def end(self) -> None:
        await asyncio.wait_for(self.task, 10)


Serve = Callable[..., Served]


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """A function that has a socket served; leaves no task behind."""
    served: list[Served] = []

    def start(auth_handler: Any = None, handler: Any = None, **attributes: Any) -> Served:
        websocket, manager = SixMembers(), FakeManager()
        for name, value in attributes.items():
            setattr(websocket, name, value)
        handler = handler or GraphQLTransportWSHandler()
        task = asyncio.create_task(handler.handle_connection(websocket, manager, auth_handler))
        served.append(Served(websocket, manager, task))
        return served[-1]

    yield start
    for one in served:
        one.task.cancel()
        await asyncio.gather(one.task, return_exceptions=True)
    assert asyncio.all_tasks() == {asyncio.current_task()}
    for one in served:
        assert all(hosted.closed or hosted._ended for hosted in one.manager.sockets)


async def test_a_message_reaches_the_worker_and_its_frames_the_client(serve: Serve) -> None:
    served = serve()
    served.websocket.say({"type": "ping"})
    (hosted,) = await served.manager.wait_for_sockets()
    assert await hosted.wait_for_texts(1) == ['{"type": "ping"}']
    hosted.answer({"type": "pong"}, {"type": "ka"})
    hosted.answer({"type": "next"})
    assert [m["type"] for m in await served.websocket.wait_for_messages(3)] == [
        "pong",
        "ka",
        "next",
    ]
    assert served.websocket.accepted == ["graphql-transport-ws"]


async def test_the_worker_is_told_what_the_handshake_told(serve: Serve) -> None:
    headers = {"origin": "https://app.example", "cookie": "a=1; b=2"}
    served = serve(headers=headers, peer="10.0.0.1:5", path="/graphql?x=1")
    (hosted,) = await served.manager.wait_for_sockets()
    assert hosted.opened == {
        "subprotocol": "graphql-transport-ws",
        "peer": "10.0.0.1:5",
        "headers": headers,
        "path": "/graphql?x=1",
        "claims": None,
    }


async def test_the_worker_judges_bad_json(serve: Serve) -> None:
    served = serve()
    served.websocket.say("{")
    (hosted,) = await served.manager.wait_for_sockets()
    assert await hosted.wait_for_texts(1) == [""]


async def test_the_worker_is_told_of_a_binary_message(serve: Serve) -> None:
    served = serve()
    served.websocket.say_binary()
    (hosted,) = await served.manager.wait_for_sockets()
    assert await hosted.wait_for_texts(1) == ["(binary)"]


async def test_the_worker_s_close_code_reaches_the_client_behind_its_frames(serve: Serve) -> None:
    served = serve()
    (hosted,) = await served.manager.wait_for_sockets()
    hosted.answer({"type": "error"})
    hosted.end(4409, "Subscriber for 1 already exists")
    await served.end()
    assert served.websocket.sent == [{"type": "error"}]
    assert served.websocket.closed == (4409, "Subscriber for 1 already exists")


async def test_what_a_client_says_to_a_session_that_has_ended_does_not_hide_why(
    serve: Serve,
) -> None:
    served = serve()
    (hosted,) = await served.manager.wait_for_sockets()
    hosted._ended = True
    served.websocket.say({"type": "ping"})
    served.websocket.say_binary()
    served.websocket.say({"type": "ping"})
    hosted.answer({"type": "error"})
    await served.websocket.wait_for_messages(1)
    hosted.end(4400, "Invalid message received")
    await served.end()
    assert served.websocket.closed == (4400, "Invalid message received")


async def test_a_server_need_not_tell_of_the_close_that_the_worker_asked_for(serve: Serve) -> None:
    served = serve()

    async def close(code: int, reason: str) -> None:
        served.websocket.closed = (code, reason)

    served.websocket.close = close  # type: ignore[assignment]
    (hosted,) = await served.manager.wait_for_sockets()
    hosted.end(4409, "Subscriber for 1 already exists")
    await served.end()
    assert served.websocket.closed == (4409, "Subscriber for 1 already exists")


async def test_a_socket_that_is_idle_has_no_task_but_its_own(serve: Serve) -> None:
    served = serve()
    (hosted,) = await served.manager.wait_for_sockets()
    hosted.answer({"type": "next"})
    await served.websocket.wait_for_messages(1)
    await asyncio.sleep(0)
    assert asyncio.all_tasks() == {asyncio.current_task(), served.task}


async def test_frames_are_sent_in_the_context_of_the_socket(serve: Serve) -> None:
    name: contextvars.ContextVar[str] = contextvars.ContextVar("name")
    seen: list[str] = []
    name.set("socket")
    served = serve()
    name.set("link")

    async def send_bytes(data: bytes) -> None:
        seen.append(name.get())
        await SixMembers.send_bytes(served.websocket, data)

    served.websocket.send_bytes = send_bytes  # type: ignore[method-assign]
    (hosted,) = await served.manager.wait_for_sockets()
    hosted.answer({"type": "next"})
    await served.websocket.wait_for_messages(1)
    assert seen == ["socket"]


async def test_what_comes_while_a_client_is_sent_to_follows(serve: Serve) -> None:
    served = serve()
    may_go_on = asyncio.Event()

    async def send_bytes(data: bytes) -> None:
        await may_go_on.wait()
        await SixMembers.send_bytes(served.websocket, data)

    served.websocket.send_bytes = send_bytes  # type: ignore[method-assign]
    (hosted,) = await served.manager.wait_for_sockets()
    hosted.answer({"type": "next", "id": "1"})
    await asyncio.sleep(0)
    hosted.answer({"type": "next", "id": "2"})
    may_go_on.set()
    assert [m["id"] for m in await served.websocket.wait_for_messages(2)] == ["1", "2"]


async def test_a_code_that_cannot_be_sent_becomes_1000(serve: Serve) -> None:
    served = serve()
    (hosted,) = await served.manager.wait_for_sockets()
    hosted.end(1005)
    await served.end()
    assert served.websocket.closed == (1000, "")


async def test_the_client_s_close_ends_the_hosted_socket_with_its_code(serve: Serve) -> None:
    served = serve()
    (hosted,) = await served.manager.wait_for_sockets()
    served.websocket.leave(1001, "bye")
    await served.end()
    assert hosted.closed == [(1001, "bye")]


async def test_a_client_that_leaves_while_it_is_sent_to_ends_the_hosted_socket(
    serve: Serve,
) -> None:
    served = serve()

    async def fail(data: bytes) -> None:
        raise WebSocketClosed(1006)

    served.websocket.send_bytes = fail  # type: ignore[method-assign]
    (hosted,) = await served.manager.wait_for_sockets()
    hosted.answer({"type": "next"})
    await served.end()
    assert hosted.closed == [(1006, "")]


async def test_a_server_that_cancels_ends_the_hosted_socket_with_1001(serve: Serve) -> None:
    served = serve()
    (hosted,) = await served.manager.wait_for_sockets()
    served.task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await served.task
    assert hosted.closed == [(1001, "Going away")]


async def test_a_client_that_takes_nothing_is_closed_with_4413(serve: Serve) -> None:
    served = serve(handler=GraphQLTransportWSHandler(slow_timeout=0.01))

    async def block(data: bytes) -> None:
        await asyncio.Event().wait()

    served.websocket.send_bytes = block  # type: ignore[method-assign]
    (hosted,) = await served.manager.wait_for_sockets()
    hosted.answer({"type": "next"})
    await served.end()
    assert hosted.closed == [(4413, "Slow consumer")]
    assert served.websocket.closed == (4413, "Slow consumer")


async def test_a_client_that_takes_no_close_is_let_go(serve: Serve) -> None:
    served = serve(handler=GraphQLTransportWSHandler(slow_timeout=0.01))

    async def block(code: int, reason: str) -> None:
        await asyncio.Event().wait()

    served.websocket.close = block  # type: ignore[assignment]
    (hosted,) = await served.manager.wait_for_sockets()
    hosted.end(4403, "Token expired")
    await served.end()


async def test_a_fault_of_the_host_closes_with_4500_and_is_raised(serve: Serve) -> None:
    served = serve()
    (hosted,) = await served.manager.wait_for_sockets()

    async def fail(data: bytes) -> None:
        raise ZeroDivisionError

    served.websocket.send_bytes = fail  # type: ignore[method-assign]
    hosted.answer({"type": "next"})
    with pytest.raises(ZeroDivisionError):
        await served.end()
    assert served.websocket.closed == (4500, "Internal server error")


# Sub-protocols ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("offered", "accepted"),
    [
        (None, "graphql-transport-ws"),
        (("graphql-transport-ws",), "graphql-transport-ws"),
        (("graphql-ws",), "graphql-ws"),
        (("graphql-ws", "x", "graphql-transport-ws"), "graphql-transport-ws"),
    ],
)
async def test_the_first_protocol_that_the_client_offers_is_served(
    offered: tuple[str, ...] | None, accepted: str
) -> None:
    websocket, manager = SixMembers(), FakeManager()
    websocket.subprotocols = offered
    websocket.leave()
    await serve_websocket(websocket, manager)  # type: ignore[arg-type]
    assert websocket.accepted == [accepted]
    assert manager.sockets[0].opened["subprotocol"] == accepted


@pytest.mark.parametrize("offered", [(), ("graphql-ws-x",)])
async def test_a_client_that_offers_none_is_closed_with_4406(offered: tuple[str, ...]) -> None:
    websocket, manager = SixMembers(), FakeManager()
    websocket.subprotocols = offered
    await serve_websocket(websocket, manager)  # type: ignore[arg-type]
    assert websocket.accepted == [None]
    assert websocket.closed == (4406, "Subprotocol not acceptable")
    assert manager.sockets == []


async def test_a_protocol_of_one_s_own_is_served_beside_the_others() -> None:
    class Echo(SubscriptionProtocolHandler):
        subprotocol = "echo"

        async def handle_connection(
            self, websocket: WebSocketAdapter, manager: Any, auth_handler: Any = None
        ) -> None:
            await self.accept(websocket)
            await websocket.send_json(await websocket.receive_json())
            await websocket.close()

    websocket = SixMembers()
    websocket.subprotocols = ("echo", "graphql-ws")
    websocket.say({"a": 1})
    protocols = (Echo(), *DEFAULT_PROTOCOLS)
    await serve_websocket(websocket, FakeManager(), protocols=protocols)  # type: ignore[arg-type]
    assert websocket.sent == [{"a": 1}]
    assert websocket.accepted == ["echo"]


# Who a client is ----------------------------------------------------------------------------------


async def test_auth_handler_s_claims_are_the_client_s(serve: Serve) -> None:
    async def auth_handler(payload: dict[str, Any], websocket: WebSocketAdapter) -> dict[str, Any]:
        assert payload == {"token": "secret"}
        assert websocket.headers["cookie"] == "a=1"
        return {"sub": "7"}

    served = serve(auth_handler, headers={"cookie": "a=1"})
    served.websocket.say(INIT)
    (hosted,) = await served.manager.wait_for_sockets()
    assert hosted.opened["claims"] == {"sub": "7"}
    assert await hosted.wait_for_texts(1) == [
        '{"type": "connection_init", "payload": {"token": "secret"}}'
    ]


@pytest.mark.parametrize("message", [{}, {"payload": None}, {"payload": {}}])
async def test_without_a_payload_auth_handler_gets_an_empty_one(
    serve: Serve, message: dict[str, Any]
) -> None:
    payloads = []
    served = serve(lambda payload, _: payloads.append(payload))
    served.websocket.say({"type": "connection_init"} | message)
    await served.end()
    assert payloads == [{}]


async def test_a_plain_auth_handler_runs_in_a_thread(serve: Serve) -> None:
    threads = []

    def auth_handler(payload: dict[str, Any], websocket: WebSocketAdapter) -> dict[str, Any]:
        threads.append(threading.current_thread())
        return {}

    served = serve(auth_handler)
    served.websocket.say(INIT)
    await served.manager.wait_for_sockets()
    assert threads[0] is not threading.main_thread()


async def test_an_object_with_an_async_call_is_an_auth_handler(serve: Serve) -> None:
    class Users:
        async def __call__(self, payload: dict[str, Any], websocket: WebSocketAdapter) -> Any:
            return {"sub": threading.current_thread().name}

    served = serve(Users())
    served.websocket.say(INIT)
    (hosted,) = await served.manager.wait_for_sockets()
    assert hosted.opened["claims"] == {"sub": threading.main_thread().name}


async def test_none_refuses_with_4403(serve: Serve) -> None:
    served = serve(lambda payload, websocket: None)
    served.websocket.say(INIT)
    await served.end()
    assert served.websocket.closed == (4403, "Forbidden")
    assert served.manager.sockets == []


@pytest.mark.parametrize("answer", [ValueError("no such user"), ["sub"], {"sub": {1, 2}}])
async def test_an_auth_handler_that_fails_refuses_with_4403_and_is_logged(
    serve: Serve, caplog: pytest.LogCaptureFixture, answer: Any
) -> None:
    def auth_handler(payload: dict[str, Any], websocket: WebSocketAdapter) -> Any:
        if isinstance(answer, Exception):
            raise answer
        return answer

    served = serve(auth_handler, peer="10.0.0.1:5")
    served.websocket.say(INIT)
    await served.end()
    assert served.websocket.closed == (4403, "Forbidden")
    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    assert record.getMessage() == "auth_handler failed, and 10.0.0.1:5 is refused"
    assert record.exc_info
    assert "secret" not in caplog.text


async def test_the_older_protocol_tells_a_refused_client_why(serve: Serve) -> None:
    served = serve(lambda payload, websocket: None, handler=LegacyGraphQLWSHandler())
    served.websocket.say({"type": "connection_init", "payload": "text"})
    await served.end()
    assert served.websocket.sent == [
        {"type": "connection_error", "payload": {"message": "Forbidden"}}
    ]
    assert served.websocket.closed == (4403, "Forbidden")


async def test_no_connection_init_in_time_is_closed_with_4408(serve: Serve) -> None:
    handler = GraphQLTransportWSHandler(connection_init_timeout=0.01)
    served = serve(lambda payload, websocket: {}, handler=handler)
    await served.end()
    assert served.websocket.closed == (4408, "Connection initialisation timeout")


async def test_an_auth_handler_may_take_longer_than_a_client_for_connection_init(
    serve: Serve,
) -> None:
    async def auth_handler(payload: dict[str, Any], websocket: WebSocketAdapter) -> Any:
        await asyncio.sleep(0.05)
        return {"sub": "7"}

    served = serve(auth_handler, handler=GraphQLTransportWSHandler(connection_init_timeout=0.02))
    served.websocket.say(INIT)
    await served.manager.wait_for_sockets()


async def test_what_comes_before_connection_init_is_judged_by_the_worker(serve: Serve) -> None:
    served = serve(lambda payload, websocket: {"sub": "7"})
    served.websocket.say({"type": "ping"})
    (stranger,) = await served.manager.wait_for_sockets()
    assert stranger.opened["claims"] is None
    assert await stranger.wait_for_texts(1) == ['{"type": "ping"}']
    stranger.answer({"type": "pong"})
    await served.websocket.wait_for_messages(1)
    served.websocket.say(INIT)
    _, hosted = await served.manager.wait_for_sockets(2)
    assert hosted.opened["claims"] == {"sub": "7"}
    assert stranger.closed == [(1000, "")]
    assert len(stranger.texts) == 1


async def test_a_subscribe_before_connection_init_ends_as_the_worker_says(serve: Serve) -> None:
    served = serve(lambda payload, websocket: {"sub": "7"})
    served.websocket.say({"type": "subscribe", "id": "1"})
    (stranger,) = await served.manager.wait_for_sockets()
    stranger.end(4401, "Unauthorized")
    await served.end()
    assert served.websocket.closed == (4401, "Unauthorized")


@pytest.mark.parametrize(
    "text",
    [
        '{"type": "connection_init", "type": "ping"}',
        '{"type": "ping", "x": "\\ud800"}',
        '["connection_init"]',
    ],
)
async def test_no_message_lets_a_client_in_past_auth_handler(serve: Serve, text: str) -> None:
    texts = asyncio.Queue[str]()
    texts.put_nowait(text)
    served = serve(lambda payload, websocket: None, receive_text=texts.get)
    (stranger,) = await served.manager.wait_for_sockets()
    (told,) = await stranger.wait_for_texts(1)
    assert '"type": "connection_init"' not in told


@pytest.mark.parametrize("text", ["{", '{"type": "ping", "x": NaN}', "[" * 100_000, ""])
async def test_with_an_auth_handler_what_is_no_json_is_closed_with_4400(
    serve: Serve, text: str
) -> None:

    async def receive_text() -> str:
        return text

    served = serve(lambda payload, websocket: {"sub": "7"}, receive_text=receive_text)
    await served.end()
    assert served.websocket.closed == (4400, "Invalid message received")


@pytest.mark.parametrize(
    ("payload", "name"), [([], "array"), ("x", "string"), (True, "boolean"), (1.5, "number")]
)
async def test_a_payload_that_is_no_object_is_closed_with_4400(
    serve: Serve, payload: Any, name: str
) -> None:
    served = serve(lambda payload, websocket: {"sub": "7"})
    served.websocket.say({"type": "connection_init", "payload": payload})
    await served.end()
    assert served.websocket.closed is not None
    code, reason = served.websocket.closed
    assert code == 4400
    assert reason.endswith(f"but got {name}")
    assert len(reason.encode()) <= 123

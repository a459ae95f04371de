"""What a test's client receives, and how it says what it did not."""

import asyncio
import json
import socket
import threading
from collections.abc import Iterator

import pytest
from websockets.sync.server import Server, ServerConnection, serve
from websockets.typing import Subprotocol

from fraiseql_subs import SubscriptionRefused, WebSocketClosed
from fraiseql_subs.testing import (
    ErrorsInResult,
    OperationRefused,
    SubscriptionClient,
    SubscriptionCompleted,
    WorkerServer,
)

ALL = "subscription { orderUpdated { id status } }"
BY_ID = "subscription ($id: ID) { orderUpdated(id: $id) { id } }"


def order(id: int, status: str = "new") -> tuple[str, str, dict[str, object]]:
    return ("orderUpdated", "orders", {"id": id, "status": status})


async def test_results_come_in_the_order_of_commits(
    subs_server: WorkerServer, subs_client: SubscriptionClient
) -> None:
    async with subs_client.subscribe(ALL) as s:
        for id in range(1, 4):
            subs_server.publish(*order(id))
        assert await s.next() == {"orderUpdated": {"id": "1", "status": "new"}}
        rest = await s.collect(2)
    assert [data["orderUpdated"]["id"] for data in rest] == ["2", "3"]


async def test_a_result_is_there_as_it_came(
    subs_server: WorkerServer, subs_client: SubscriptionClient
) -> None:
    async with subs_client.subscribe(ALL, extensions={"timing": True}) as s:
        subs_server.publish(*order(1))
        result = await s.next_result()
    assert result["data"] == {"orderUpdated": {"id": "1", "status": "new"}}
    assert set(result["extensions"]) == {"position", "committedAt"}


async def test_silence_is_proven_for_what_was_committed_before(
    subs_server: WorkerServer, subs_client: SubscriptionClient
) -> None:
    async with subs_client.subscribe(BY_ID, {"id": 7}) as s:
        for id in range(100):
            if id != 7:
                subs_server.publish(*order(id))
        await s.assert_silent()


async def test_what_was_committed_before_breaks_the_silence(
    subs_server: WorkerServer, subs_client: SubscriptionClient
) -> None:
    async with subs_client.subscribe(BY_ID, {"id": 7}) as s:
        for _ in range(20):
            subs_server.publish(*order(7))
            with pytest.raises(AssertionError, match='expected silence.*\n.*"orderUpdated"'):
                await s.assert_silent()
            await s.next()


SLOW_RESOLVER = """
CREATE FUNCTION slowly(event jsonb, variables jsonb) RETURNS jsonb LANGUAGE sql
    AS $$ SELECT event -> 'data' FROM pg_sleep(0.2) $$;
SELECT fraiseql_register_subscription('slow(id: ID): Order', 'slow');
SELECT fraiseql_register_resolver('slow', 'public.slowly');
"""


async def test_silence_waits_for_what_resolvers_make(
    subs_server: WorkerServer, subs_client: SubscriptionClient
) -> None:
    subs_server.execute(SLOW_RESOLVER)
    query = "subscription { slow(id: 1) { id } }"
    async with subs_client.subscribe(query) as s:
        subs_server.publish("any", "slow", {"id": 2})
        await s.assert_silent()
        subs_server.publish("any", "slow", {"id": 1})
        with pytest.raises(AssertionError, match="expected silence"):
            await s.assert_silent()


async def test_the_client_of_an_address_waits_for_silence(subs_server: WorkerServer) -> None:
    async with SubscriptionClient(subs_server.url) as client, client.subscribe(ALL) as s:
        await s.assert_silent(0.01)
        with pytest.raises(RuntimeError, match="no server to publish a fence on"):
            await s.assert_silent()
        subs_server.publish(*order(1))
        with pytest.raises(AssertionError, match="expected silence"):
            await s.assert_silent(20)


async def test_a_fence_is_told_to_nobody_else(
    subs_server: WorkerServer, subs_client: SubscriptionClient
) -> None:
    other = subs_server.client()
    async with other, other.subscribe(ALL) as theirs, subs_client.subscribe(ALL) as s:
        await asyncio.gather(*(s.assert_silent() for _ in range(5)), theirs.assert_silent())
    (fences,) = subs_server.execute(
        "SELECT count(*) FROM fraiseql_subscriptions() WHERE field = 'fraiseqlTestFence'"
    )
    assert fences == (0,)


async def test_nothing_within_the_time_says_what_was_waited_for(
    subs_client: SubscriptionClient,
) -> None:
    async with subs_client.subscribe(ALL) as s:
        with pytest.raises(TimeoutError, match="nothing came within 0.01 s, after 0 results of"):
            await s.next(timeout=0.01)


async def test_nothing_is_lost_by_one_who_gave_up_waiting(
    subs_server: WorkerServer, subs_client: SubscriptionClient
) -> None:
    async with subs_client.subscribe(ALL) as s:
        waiting = asyncio.ensure_future(s.next())
        await asyncio.sleep(0)
        waiting.cancel()
        subs_server.publish(*order(1))
        assert (await s.next())["orderUpdated"]["id"] == "1"


async def test_a_refused_operation_shows_where(subs_client: SubscriptionClient) -> None:
    with pytest.raises(SubscriptionRefused) as refused:
        async with subs_client.subscribe("subscription {\n  orderUpdated { nothing }\n}"):
            pass
    assert isinstance(refused.value, OperationRefused)
    assert refused.value.code == "GRAPHQL_VALIDATION_FAILED"
    assert str(refused.value).splitlines() == [
        'Cannot query field "nothing" on type "Order". [GRAPHQL_VALIDATION_FAILED]',
        "      orderUpdated { nothing }",
        "                     ^",
    ]


async def test_errors_beside_data_are_raised_and_can_be_read(
    subs_server: WorkerServer, subs_client: SubscriptionClient
) -> None:
    async with subs_client.subscribe(ALL) as s:
        subs_server.publish("orderUpdated", "orders", {"id": 1, "status": [1]})
        with pytest.raises(ErrorsInResult, match=r"\[DATA_MISMATCH\] at orderUpdated") as raised:
            await s.next()
        assert raised.value.result["data"] == {"orderUpdated": None}
        subs_server.publish("orderUpdated", "orders", {"id": 1, "status": [1]})
        assert (await s.next_result())["errors"] == raised.value.errors


async def test_a_query_ends_by_itself(subs_client: SubscriptionClient) -> None:
    async with subs_client.subscribe("{ __typename }") as s:
        assert [data async for data in s] == [{"__typename": "Query"}]
        with pytest.raises(SubscriptionCompleted, match="the server"):
            await s.next()
        with pytest.raises(SubscriptionCompleted, match="the server"):
            await s.assert_silent()


async def test_operations_are_chosen_by_name(subs_client: SubscriptionClient) -> None:
    query = "query A { a: __typename } query B { b: __typename }"
    async with subs_client.subscribe(query, operation_name="B") as s:
        assert await s.next() == {"b": "Query"}


async def test_an_operation_that_becomes_invalid_is_refused_then(
    subs_server: WorkerServer, subs_client: SubscriptionClient
) -> None:
    subs_server.execute("SELECT fraiseql_register_subscription('passing: Order', 'passing')")
    async with subs_client.subscribe("subscription { passing { id } }") as s:
        subs_server.execute("SELECT fraiseql_unregister_subscription('passing')")
        with pytest.raises(OperationRefused):
            await s.next()


async def test_the_servers_close_is_told_with_its_code(
    subs_server: WorkerServer, subs_client: SubscriptionClient
) -> None:
    async with subs_client.subscribe(ALL) as s:
        subs_server.execute(
            "SELECT fraiseql_disconnect(connection_id => id) FROM fraiseql_connections()"
        )
        with pytest.raises(WebSocketClosed) as raised:
            await s.next()
        assert raised.value.code == 4403
    assert (await subs_client.wait_closed()).code == 4403
    with pytest.raises(WebSocketClosed):
        await subs_client.connect()


async def test_one_that_stays_is_not_closed(subs_client: SubscriptionClient) -> None:
    await subs_client.connect()
    with pytest.raises(TimeoutError, match="has not closed the socket"):
        await subs_client.wait_closed(0.01)


async def test_a_closed_client_ends_its_subscriptions(subs_server: WorkerServer) -> None:
    client = subs_server.client()
    async with client.subscribe(ALL) as s:
        client.close()
        client.close()
        with pytest.raises(WebSocketClosed) as raised:
            await s.next()
    assert raised.value.code == 1000


async def test_a_client_that_the_server_refuses_is_told_why() -> None:
    settings = {"fraiseql_subs.allow_anonymous": False}
    async with WorkerServer(settings=settings) as server:
        with pytest.raises(WebSocketClosed, match="^4403 Forbidden"):
            await server.client(connection_params={"authToken": "no.token.this"}).connect()


async def test_nobody_listening_is_an_error() -> None:
    with pytest.raises(OSError):
        await SubscriptionClient("ws://127.0.0.1:9").connect()


async def test_what_is_sent_by_none_that_is_connected_is_an_error() -> None:
    with pytest.raises(WebSocketClosed, match="not connected"):
        await SubscriptionClient("ws://127.0.0.1:9").send({"type": "ping"})


# Servers that this package does not have ---------------------------------------------------------


class Peer:
    """A server of the test's own, which answers as `messages` say."""

    def __init__(self, *subprotocols: str) -> None:
        self.received: list[dict[str, object]] = []
        self.header: str | None = None
        self._server: Server = serve(
            self._serve, "127.0.0.1", 0, subprotocols=[*map(Subprotocol, subprotocols)] or None
        )
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()
        port = self._server.socket.getsockname()[1]
        self.url = f"ws://127.0.0.1:{port}"

    def _serve(self, connection: ServerConnection) -> None:
        assert connection.request is not None
        if connection.subprotocol is None:
            return
        self.header = connection.request.headers.get("X-Test")
        connection.recv()
        connection.send('{"type": "ping", "payload": 1}')
        self.received.append(json.loads(connection.recv()))
        connection.send('{"type": "connection_ack", "payload": {"hello": 1}}')
        connection.send('{"type": "ping"}')
        self.received.append(json.loads(connection.recv()))
        connection.socket.shutdown(socket.SHUT_RDWR)

    def stop(self) -> None:
        self._server.shutdown()
        self._thread.join()


@pytest.fixture
def peer() -> Iterator[Peer]:
    peer = Peer("graphql-transport-ws")
    yield peer
    peer.stop()


async def test_pings_are_answered_whenever_they_come(peer: Peer) -> None:
    client = SubscriptionClient(peer.url, headers={"X-Test": "yes"})
    assert await client.connect() == {"hello": 1}
    assert (await client.wait_closed()).code == 1006
    assert peer.received == [{"type": "pong", "payload": 1}, {"type": "pong"}]
    assert peer.header == "yes"
    client.close()


async def test_who_does_not_speak_the_protocol_is_refused() -> None:
    peer = Peer()
    try:
        with pytest.raises(WebSocketClosed, match="4406 .* does not speak graphql-transport-ws"):
            await SubscriptionClient(peer.url).connect()
    finally:
        peer.stop()

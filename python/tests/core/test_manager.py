import asyncio
import contextlib
import json
import logging
from types import SimpleNamespace

import psycopg
import pytest
from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool

from fraiseql_subs import (
    EventBusConfig,
    SubscriptionError,
    SubscriptionManager,
    SubscriptionRefused,
)
from fraiseql_subs._session import QueueLimits
from fraiseql_subs.errors import SessionClosed
from fraiseql_subs.event import SKIP
from fraiseql_subs.manager import _LoopStream
from servers import conninfo_of

QUERY = "subscription ($id: ID) { orderUpdated(id: $id) { id status } }"


@pytest.fixture
async def manager(conninfo):
    async with make_manager(conninfo) as manager:
        yield manager


def make_manager(conninfo="", **options):
    return SubscriptionManager(conninfo=conninfo, sync=False, resolvers=False, **options)


async def publish(manager, id, status="paid", **options):
    await manager.publish_event("orderUpdated", "orders", {"id": id, "status": status}, **options)


def data_of(message):
    return json.loads(message)["payload"]["data"]["orderUpdated"]


async def next_data(manager, subscription_id):
    message = await manager.get_next_event(subscription_id, timeout=20)
    assert message is not None
    return data_of(message)


class TestSubscribing:
    async def test_events_come_as_ready_messages(self, manager):
        await manager.create_subscription("s", "c", QUERY)
        await publish(manager, 1)
        message = await manager.get_next_event("s", timeout=20)
        assert isinstance(message, bytes)
        decoded = json.loads(message)
        assert (decoded["id"], decoded["type"]) == ("s", "next")
        assert decoded["payload"]["data"] == {"orderUpdated": {"id": "1", "status": "paid"}}

    async def test_what_is_committed_once_it_returns_arrives(self, manager):
        for number in range(20):
            await manager.create_subscription(f"s{number}", "c", QUERY)
            await publish(manager, number)
            assert (await next_data(manager, f"s{number}"))["id"] == str(number)

    async def test_variables_and_the_operations_name_are_handed_on(self, manager):
        document = (
            QUERY.replace("subscription", "subscription A")
            + " subscription B { orderUpdated { id } }"
        )
        await manager.create_subscription("s", "c", document, "A", {"id": 2})
        await publish(manager, 1)
        await publish(manager, 2)
        assert await next_data(manager, "s") == {"id": "2", "status": "paid"}

    async def test_without_time_nothing_is_waited_for(self, manager):
        await manager.create_subscription("s", "c", QUERY)
        assert await manager.get_next_event("s") is None
        assert await manager.get_next_event("s", timeout=0.01) is None

    async def test_a_document_that_does_not_fit_is_refused(self, manager):
        with pytest.raises(SubscriptionRefused) as raised:
            await manager.create_subscription("s", "c", "subscription { nothing }")
        assert raised.value.code == "GRAPHQL_VALIDATION_FAILED"
        assert "nothing" in raised.value.errors[0]["message"]
        with pytest.raises(KeyError):
            await manager.get_next_event("s")
        await manager.create_subscription("s", "c", QUERY)

    async def test_an_id_that_lives_is_refused(self, manager):
        await manager.create_subscription("s", "c", QUERY)
        with pytest.raises(ValueError, match="subscription_id is in use: 's'"):
            await manager.create_subscription("s", "another", QUERY)

    @pytest.mark.parametrize(
        ("ids", "fault"),
        [
            (("", "c"), "subscription_id is empty"),
            (("s", ""), "connection_id is empty"),
            ((7, "c"), "subscription_id must be a text, not int"),
            (("s", "\ud800"), "connection_id has half of a surrogate pair"),
        ],
    )
    async def test_a_bad_id_is_named(self, manager, ids, fault):
        with pytest.raises(ValueError, match=fault):
            await manager.create_subscription(*ids, QUERY)

    async def test_a_number_that_json_has_not_is_refused_alone(self, manager):
        await manager.create_subscription("other", "c", QUERY)
        with pytest.raises(ValueError, match="JSON"):
            await manager.create_subscription("s", "c", QUERY, variables={"id": float("nan")})
        await manager.create_subscription("s", "c", QUERY)
        await publish(manager, 1)
        assert (await next_data(manager, "other"))["id"] == "1"

    async def test_an_unknown_id_is_a_key_error(self, manager):
        with pytest.raises(KeyError):
            await manager.get_next_event("s")
        with pytest.raises(KeyError):
            await manager.complete_subscription("s")
        with pytest.raises(KeyError):
            await manager.complete_connection("c")
        with pytest.raises(KeyError):
            async for _ in manager.events("s"):
                pass

    async def test_a_query_has_one_answer_and_ends(self, manager):
        await manager.create_subscription("s", "c", "{ __typename }")
        messages = [json.loads(message) async for message in manager.events("s")]
        assert [message["type"] for message in messages] == ["next", "complete"]
        with pytest.raises(KeyError):
            await manager.get_next_event("s")

    async def test_events_ends_behind_an_error(self, manager, server, name):
        server.sql("SELECT fraiseql_register_subscription(%s, 'orders')", (f"{name}: Order",))
        await manager.create_subscription("s", "c", f"subscription {{ {name} {{ id }} }}")
        server.sql("SELECT fraiseql_unregister_subscription(%s)", (name,))
        messages = [json.loads(message) async for message in manager.events("s")]
        assert [message["type"] for message in messages] == ["error"]

    async def test_a_completed_subscription_gets_no_more(self, manager, server):
        await manager.create_subscription("s", "c", QUERY)
        await manager.create_subscription("t", "c", QUERY)
        await publish(manager, 1)
        await next_data(manager, "t")
        await manager.complete_subscription("s")
        with pytest.raises(KeyError):
            await manager.get_next_event("s")
        await manager.create_subscription("s", "c", QUERY)
        await publish(manager, 2)
        assert (await next_data(manager, "s"))["id"] == "2"

    async def test_who_iterates_ends_with_the_subscription(self, manager):
        await manager.create_subscription("s", "c", QUERY)
        events = manager.events("s")
        waiting = asyncio.create_task(anext(events, "the end"))
        await asyncio.sleep(0)
        await manager.complete_subscription("s")
        assert await waiting == "the end"

    async def test_a_connection_ends_with_its_last_subscription(self, manager, server):
        await until(lambda: connections(server) == 0)  # those of the test before have gone
        await manager.create_subscription("s", "c", QUERY)
        await manager.create_subscription("t", "c", QUERY)
        assert connections(server) == 1
        await manager.complete_connection("c")
        with pytest.raises(KeyError):
            await manager.get_next_event("s")
        await until(lambda: connections(server) == 0)

    async def test_a_cancelled_registration_leaves_nothing(self, manager):
        task = asyncio.create_task(manager.create_subscription("s", "c", QUERY))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert (await manager.status()).subscriptions == 0
        await manager.create_subscription("s", "c", QUERY)

    async def test_a_thousand_subscriptions_each_get_their_event(self, manager):
        ids = [f"s{number}" for number in range(1_000)]
        await asyncio.gather(
            *(
                manager.create_subscription(id, f"c{number % 40}", QUERY, None, {"id": number})
                for number, id in enumerate(ids)
            )
        )
        assert (await manager.status()).subscriptions == 1_000
        for number in range(1_000):
            await publish(manager, number)
        found = await asyncio.gather(*(next_data(manager, id) for id in ids))
        assert [data["id"] for data in found] == [str(number) for number in range(1_000)]


def connections(server):
    return server.value("SELECT count(*) FROM fraiseql_connections()")


async def until(predicate):
    async with asyncio_timeout(20):
        while not predicate():
            await asyncio.sleep(0.01)


@contextlib.asynccontextmanager
async def asyncio_timeout(seconds):
    """As asyncio.timeout of Python 3.11."""
    task = asyncio.current_task()
    timer = asyncio.get_running_loop().call_later(seconds, task.cancel)
    try:
        yield
    finally:
        timer.cancel()


class TestIdentity:
    @pytest.fixture(autouse=True)
    def fields(self, server):
        server.sql(
            "SELECT fraiseql_register_subscription('ownOrder: Order', 'orders',"
            " tenant_field => 'tenant', row_filter => '{\"owner\": \"$.sub\"}')"
        )

    async def test_user_and_tenant_become_claims(self, manager):
        query = "subscription { ownOrder { id } }"
        await manager.create_subscription(
            "a", "ca", query, user_id="ann", tenant_id="t", claims={"roles": ["x"]}
        )
        await manager.create_subscription("b", "cb", query, user_id="bob", tenant_id="t")
        for id, owner, tenant in ((1, "bob", "t"), (2, "ann", "u"), (3, "ann", "t")):
            await manager.publish_event(
                "orderUpdated", "orders", {"id": id, "status": "", "owner": owner, "tenant": tenant}
            )
        message = json.loads(await manager.get_next_event("a", timeout=20))
        assert message["payload"]["data"] == {"ownOrder": {"id": "3"}}
        message = json.loads(await manager.get_next_event("b", timeout=20))
        assert message["payload"]["data"] == {"ownOrder": {"id": "1"}}

    async def test_one_connection_has_one_identity(self, manager):
        await manager.create_subscription("a", "c", QUERY, user_id="ann")
        await manager.create_subscription("b", "c", QUERY, claims={"sub": "ann"})
        for other in ({"user_id": "bob"}, {}, {"user_id": "ann", "tenant_id": "t"}):
            with pytest.raises(ValueError, match="has other claims"):
                await manager.create_subscription("d", "c", QUERY, **other)

    async def test_claims_that_contradict_the_arguments_are_refused(self, manager):
        with pytest.raises(ValueError, match="user_id is 'ann', but claims has 'bob' as sub"):
            await manager.create_subscription("a", "c", QUERY, user_id="ann", claims={"sub": "bob"})

    async def test_without_identity_the_workers_own_rules_hold(self, make_cluster):
        cluster = make_cluster(allow_anonymous="off")
        async with make_manager(conninfo_of(cluster)) as manager:
            with pytest.raises(SubscriptionRefused) as raised:
                await manager.create_subscription("a", "c", "{ __typename }")
            assert raised.value.code == "FORBIDDEN"
            assert raised.value.errors[0]["extensions"]["closeCode"] == 4403
            await manager.create_subscription("a", "c", "{ __typename }", user_id="ann")

    async def test_a_disconnected_client_is_told(self, manager, server):
        await manager.create_subscription("s", "c", QUERY, user_id="u-disconnect")
        await publish(manager, 1)
        assert (await next_data(manager, "s"))["id"] == "1"
        server.sql("SELECT fraiseql_disconnect('u-disconnect')")
        with pytest.raises(SubscriptionError) as raised:
            await manager.get_next_event("s", timeout=20)
        assert raised.value.code == "CONNECTION_CLOSED"
        assert raised.value.extensions["closeCode"] == 4403
        with pytest.raises(KeyError):
            await manager.get_next_event("s")


def test_another_event_loop_than_asyncio_s_is_refused_by_name():
    with pytest.raises(RuntimeError, match="an event loop of asyncio"):
        make_manager().start().send(None)


class TestPublishing:
    async def test_with_a_connection_it_joins_the_transaction(self, manager, conninfo):
        await manager.create_subscription("s", "c", QUERY)
        async with await psycopg.AsyncConnection.connect(conninfo) as connection:
            await publish(manager, 1, conn=connection)
            await connection.rollback()
            await publish(manager, 2, conn=connection)
            await publish(manager, 3)
            assert (await next_data(manager, "s"))["id"] == "3"
            await connection.commit()
        assert (await next_data(manager, "s"))["id"] == "2"

    async def test_another_connection_than_psycopg_s_is_refused_before_it_is_used(
        self, manager, conninfo
    ):
        await manager.create_subscription("s", "c", QUERY)
        with psycopg.connect(conninfo) as connection:
            with pytest.raises(TypeError, match="not Connection$"):
                await publish(manager, 1, conn=connection)
            connection.commit()
        await publish(manager, 2)
        assert (await next_data(manager, "s"))["id"] == "2"

    async def test_correlation_id_and_subgraph_are_handed_on(self, manager, server, name):
        server.sql(
            "SELECT fraiseql_register_subscription(%s, 'orders', subgraph => 'sales')",
            (f"{name}: Order",),
        )
        query = f"subscription {{ {name} {{ id }} }}"
        await manager.create_subscription("s", "c", query, claims={"subgraphs": ["sales"]})
        await publish(manager, 1, subgraph="stock", correlation_id="x")
        await publish(manager, 2, subgraph="sales", correlation_id="y")
        message = json.loads(await manager.get_next_event("s", timeout=20))
        assert message["payload"]["data"] == {name: {"id": "2"}}

    async def test_what_the_database_refuses_is_raised(self, manager):
        with pytest.raises(psycopg.Error):
            await manager.publish_event("", "", None)


class TestResolverFn:
    async def read(self, manager, resolver_fn, *ids):
        await manager.create_subscription("s", "c", QUERY, resolver_fn=resolver_fn)
        for id in ids:
            await publish(manager, id)
        return json.loads(await manager.get_next_event("s", timeout=20))

    async def test_a_coroutine_functions_result_replaces_the_data(self, manager):
        async def resolve(data):
            await asyncio.sleep(0)
            return {"order": data["orderUpdated"]["id"] + "é"}

        message = await self.read(manager, resolve, 1)
        assert message["payload"]["data"] == {"order": "1é"}
        assert message["id"] == "s"
        assert message["payload"]["extensions"]["position"]

    async def test_a_plain_function_runs_in_a_thread(self, manager):
        def resolve(data):
            with pytest.raises(RuntimeError):
                asyncio.get_running_loop()
            return data["orderUpdated"]["id"]

        message = await self.read(manager, resolve, 1)
        assert message["payload"]["data"] == "1"

    async def test_skip_drops_the_message(self, manager):
        message = await self.read(
            manager, lambda data: SKIP if data["orderUpdated"]["id"] == "1" else data, 1, 2
        )
        assert data_of(json.dumps(message))["id"] == "2"

    @pytest.mark.parametrize("iterated", [False, True])
    async def test_a_failure_is_told_behind_a_message_that_was_dropped(self, iterated):
        manager = make_manager()
        stream = _LoopStream("s", QueueLimits())
        stream.resolver_fn = lambda data: SKIP
        stream.add(b'{"id":"s","type":"next","payload":{"data":{"orderUpdated":{"id":"1"}}}}')
        stream.end(SubscriptionError("gone", code="CONNECTION_CLOSED"))
        manager._engine.subscriptions["s"] = SimpleNamespace(stream=stream)
        with pytest.raises(SubscriptionError) as raised:
            if iterated:
                async for _ in manager.events("s"):
                    pass
            else:
                await manager.get_next_event("s", timeout=20)
        assert raised.value.code == "CONNECTION_CLOSED"
        with pytest.raises(KeyError):
            await manager.get_next_event("s")

    async def test_an_error_that_is_meant_for_clients_is_told(self, manager):
        def resolve(data):
            raise SubscriptionError("sold out", code="SOLD_OUT")

        message = await self.read(manager, resolve, 1)
        assert message["payload"]["data"] is None
        assert message["payload"]["errors"] == [
            {"message": "sold out", "extensions": {"code": "SOLD_OUT"}}
        ]

    @pytest.mark.parametrize("result", [None, object()])
    async def test_any_other_error_is_hidden_and_logged(self, manager, caplog, result):
        def resolve(data):
            if result is None:
                raise RuntimeError("secret")
            return result

        with caplog.at_level(logging.ERROR, "fraiseql_subs"):
            message = await self.read(manager, resolve, 1)
        (error,) = message["payload"]["errors"]
        assert error["message"] == "Unexpected error."
        assert error["extensions"]["correlationId"] in caplog.text

    async def test_other_messages_pass_by_it(self, manager):
        await manager.create_subscription(
            "s", "c", "{ __typename }", resolver_fn=lambda data: "resolved"
        )
        first, second = [json.loads(message) async for message in manager.events("s")]
        assert first["payload"]["data"] == "resolved"
        assert second == {"id": "s", "type": "complete"}


class TestDecoratedFunctions:
    @pytest.fixture
    def cluster(self, make_cluster):
        cluster = make_cluster()
        cluster.sql("SELECT fraiseql_register_types('type Order { id: ID! status: String! }')")
        return cluster

    @pytest.fixture
    def manager(self, cluster):
        manager = SubscriptionManager(conninfo=conninfo_of(cluster), application="shop")

        @manager.subscription("orderResolved(id: ID): Order", channel="orders", types="")
        async def order_resolved(event: dict, variables: dict) -> dict:
            return event | {"status": event["status"].upper()}

        return manager

    async def test_start_registers_and_resolves_them(self, manager, cluster):
        async with manager:
            assert not await manager.sync(check=True)
            query = "subscription { orderResolved { id status } }"
            await manager.create_subscription("s", "c", query)
            await publish(manager, 1)
            message = json.loads(await manager.get_next_event("s", timeout=20))
            assert message["payload"]["data"] == {"orderResolved": {"id": "1", "status": "PAID"}}
        assert "orderResolved" in cluster.value("SELECT fraiseql_schema()")

    async def test_start_may_leave_the_database_as_it_is(self, manager, cluster):
        await manager.start(sync=False, resolvers=False)
        assert "orderResolved" not in cluster.value("SELECT fraiseql_schema()")
        drift = await manager.sync(check=True)
        assert [change.name for change in drift.added if change.kind == "subscription"] == [
            "orderResolved"
        ]
        await manager.stop()

    async def test_what_cannot_be_registered_keeps_it_from_starting(self, cluster):
        manager = SubscriptionManager(conninfo=conninfo_of(cluster))

        @manager.subscription("nothing: Missing", channel="orders", types="")
        async def nothing(event: dict, variables: dict) -> dict:
            return event

        with pytest.raises((psycopg.Error, ValueError)):
            await manager.start()
        assert (await manager.status()).link == "closed"


class TestSlowReaders:
    @pytest.mark.parametrize(
        "limits", [{"max_queue_messages": 5}, {"max_queue_bytes": 1_000}], ids=["messages", "bytes"]
    )
    async def test_what_has_no_room_waits_in_the_ring(self, conninfo, server, limits):
        async with make_manager(conninfo, **limits) as manager:
            socket = open_socket(manager)
            await acknowledged(socket)
            socket.send_text(subscribe("a"))
            await manager.create_subscription("s", "c", QUERY)
            await manager.create_subscription("quick", "c", QUERY)
            publish_many(server, 500)
            everything = [str(number) for number in range(500)]
            assert [(await next_data(manager, "quick"))["id"] for _ in everything] == everything
            waiting = manager._engine.subscriptions["s"].stream.queue
            assert len(waiting) < 10
            assert [(await next_data(manager, "s"))["id"] for _ in everything] == everything
            frames = []
            while len(frames) < 500:
                frames += await socket.receive()
            assert [data_of(frame)["id"] for frame in frames] == everything

    async def test_one_that_reads_nothing_ends_and_nobody_else(self, conninfo, server):
        async with make_manager(conninfo, max_queue_messages=5, slow_timeout=0.3) as manager:
            await manager.create_subscription("slow", "c", QUERY)
            await manager.create_subscription("quick", "c", QUERY)
            publish_many(server, 50)
            stream = manager._engine.subscriptions["slow"].stream
            for number in range(50):
                assert (await next_data(manager, "quick"))["id"] == str(number)
            await until(lambda: stream.ended)
            events = manager.events("slow")
            for number in range(5):
                assert data_of(await anext(events))["id"] == str(number)
            with pytest.raises(SubscriptionError) as raised:
                await anext(events)
            assert raised.value.code == "SLOW_CONSUMER"
            with pytest.raises(KeyError):
                await manager.get_next_event("slow")
            assert (await manager.get_metrics())["host_slow_consumers_total"] == 1
            await manager.create_subscription("slow", "c", QUERY)
            await publish(manager, 50)
            assert (await next_data(manager, "quick"))["id"] == "50"
            assert (await next_data(manager, "slow"))["id"] == "50"

    async def test_one_that_reads_a_little_goes_on(self, conninfo, server):
        async with make_manager(conninfo, max_queue_messages=5, slow_timeout=0.3) as manager:
            await manager.create_subscription("s", "c", QUERY)
            publish_many(server, 50)
            stream = manager._engine.subscriptions["s"].stream
            await until(lambda: stream.behind)
            checked = asyncio.Event()
            check = manager._engine._check_reader

            def checks(*arguments):
                check(*arguments)
                checked.set()

            manager._engine._check_reader = checks
            manager._engine._watch(manager._engine.subscriptions["s"])
            assert (await next_data(manager, "s"))["id"] == "0"
            await checked.wait()
            assert [(await next_data(manager, "s"))["id"] for _ in range(49)] == [
                str(number) for number in range(1, 50)
            ]

    async def test_an_id_may_be_used_again_at_once(self, conninfo, server):
        async with make_manager(conninfo) as manager:
            for turn in range(20):
                await manager.create_subscription("s", "c", QUERY)
                await manager.create_subscription("other", "c", QUERY)
                await publish(manager, f"{turn}")
                await manager.complete_subscription("s")
                await manager.create_subscription("s", "c", QUERY)
                await publish(manager, f"{turn} again")
                assert (await next_data(manager, "s"))["id"] == f"{turn} again"
                await manager.complete_connection("c")


def publish_many(server, count):
    """In one transaction, so that they come at once."""
    server.sql(
        "SELECT fraiseql_publish('orderUpdated', 'orders',"
        " jsonb_build_object('id', n, 'status', 'x')) FROM generate_series(0, %s) AS n",
        (count - 1,),
    )


def open_socket(manager, **options):
    return manager.open_socket(
        **{"subprotocol": "graphql-transport-ws", "peer": "192.0.2.1:1", "headers": {}} | options
    )


async def acknowledged(socket):
    socket.send_text('{"type":"connection_init"}')
    (message,) = await socket.receive()
    assert json.loads(message)["type"] == "connection_ack"


def subscribe(id, query="subscription { orderUpdated { id status } }"):
    return json.dumps({"id": id, "type": "subscribe", "payload": {"query": query}})


class TestSockets:
    async def test_the_worker_speaks_the_protocol(self, manager):
        socket = open_socket(manager)
        await acknowledged(socket)
        socket.send_text('{"type":"ping"}')
        assert [json.loads(frame)["type"] for frame in await socket.receive()] == ["pong"]
        await socket.wait_for_room()
        socket.send_text("nonsense")
        with pytest.raises(SessionClosed) as raised:
            await socket.receive()
        assert raised.value.code == 4400

    async def test_the_older_protocol_is_spoken_as_well(self, manager):
        socket = open_socket(manager, subprotocol="graphql-ws")
        socket.send_text('{"type":"connection_init"}')
        assert json.loads((await socket.receive())[0])["type"] == "connection_ack"

    @pytest.mark.parametrize(("report", "code"), [("send_binary", None), ("note_too_big", 1009)])
    async def test_what_is_no_text_ends_the_session(self, manager, report, code):
        socket = open_socket(manager)
        await acknowledged(socket)
        getattr(socket, report)()
        with pytest.raises(SessionClosed) as raised:
            await socket.receive()
        assert code in (None, raised.value.code)

    async def test_claims_stand_for_a_token(self, make_cluster):
        cluster = make_cluster(allow_anonymous="off")
        async with make_manager(conninfo_of(cluster)) as manager:
            await acknowledged(open_socket(manager, claims={"sub": "ann"}))
            socket = open_socket(manager)
            socket.send_text('{"type":"connection_init"}')
            with pytest.raises(SessionClosed) as raised:
                await socket.receive()
            assert raised.value.code == 4403

    async def test_a_closed_socket_leaves_the_worker(self, manager, server):
        await until(lambda: connections(server) == 0)  # those of the test before have gone
        socket = open_socket(manager)
        await acknowledged(socket)
        assert (await manager.status()).sockets == 1
        socket.close()
        assert (await manager.status()).sockets == 0
        await until(lambda: connections(server) == 0)


class TestLife:
    async def test_it_starts_once(self, manager):
        with pytest.raises(RuntimeError, match="started already"):
            await manager.start()

    async def test_what_is_not_started_is_stopped(self, conninfo):
        manager = make_manager(conninfo)
        assert (await manager.status()).link == "closed"
        for attempt in (
            manager.create_subscription("s", "c", QUERY),
            publish(manager, 1),
            manager.get_metrics(),
        ):
            with pytest.raises(SubscriptionError) as raised:
                await attempt
            assert raised.value.code == "STOPPED"
        with pytest.raises(SubscriptionError):
            open_socket(manager)
        await manager.stop()

    async def test_it_may_be_started_again(self, conninfo):
        manager = make_manager(conninfo)
        for _ in range(2):
            async with manager:
                await manager.create_subscription("s", "c", QUERY)
                await publish(manager, 1)
                await next_data(manager, "s")

    async def test_a_bus_that_the_server_has_not_is_refused(self, conninfo):
        manager = SubscriptionManager(EventBusConfig.redis("redis://h", "g"), conninfo)
        with pytest.raises(SubscriptionError) as raised:
            await manager.start()
        assert raised.value.code == "BUS_UNAVAILABLE"

    async def test_readers_get_what_is_queued_before_they_hear_of_the_stop(self, conninfo):
        manager = make_manager(conninfo)
        await manager.start()
        await manager.create_subscription("s", "c", QUERY)
        await manager.create_subscription("t", "c", QUERY)
        socket = open_socket(manager)
        await acknowledged(socket)
        socket.send_text(subscribe("a"))
        socket.send_text('{"type":"ping"}')
        await socket.receive()
        await publish(manager, 1)
        await next_data(manager, "t")
        await until(lambda: socket.waiting)
        stopping = asyncio.create_task(manager.stop(drain=20))
        await asyncio.sleep(0)
        events = manager.events("s")
        assert not stopping.done()
        assert data_of(await anext(events))["id"] == "1"
        with pytest.raises(SubscriptionError) as raised:
            await anext(events)
        assert raised.value.code == "STOPPED"
        assert [data_of(frame)["id"] for frame in await socket.receive()] == ["1"]
        with pytest.raises(SessionClosed) as closed:
            await socket.receive()
        assert closed.value.code == 1001
        await stopping

    async def test_a_stop_does_not_wait_for_readers_by_itself(self, conninfo):
        manager = make_manager(conninfo)
        async with manager:
            await manager.create_subscription("s", "c", QUERY)
            await publish(manager, 1)
            await until(lambda: manager._engine.subscriptions["s"].stream.queue)
        with pytest.raises(KeyError):
            await manager.get_next_event("s")

    async def test_a_pool_that_was_passed_stays_open(self, conninfo):
        async with AsyncConnectionPool(
            conninfo, min_size=1, open=False, kwargs={"row_factory": dict_row}
        ) as pool:
            async with make_manager(pool=pool) as manager:
                assert manager.pool is pool
                await manager.create_subscription("s", "c", QUERY)
                await publish(manager, 1)
                await next_data(manager, "s")
                assert (await manager.status()).version
                await manager.get_metrics()
            async with pool.connection() as connection:
                assert not connection.autocommit
                await connection.execute("SELECT 1")

    async def test_a_pool_of_its_own_is_closed(self, conninfo):
        manager = make_manager(conninfo)
        async with manager:
            pool = manager.pool
            assert not pool.closed
        assert pool.closed

    async def test_an_application_runs_within_its_lifespan(self, conninfo):
        manager = make_manager(conninfo)
        async with manager.lifespan(object()):
            assert (await manager.status()).worker
        assert (await manager.status()).link == "closed"

    async def test_nothing_of_it_stays_at_the_server(self, conninfo, server):
        async with make_manager(conninfo) as manager:
            await manager.create_subscription("s", "c", QUERY)
        await until(
            lambda: (
                server.value(
                    "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'fraiseql_subs'"
                )
                == 0
            )
        )

    async def test_a_server_that_is_not_there_is_told(self, tmp_path):
        manager = make_manager(f"host={tmp_path}", timeout=0.2)
        with pytest.raises(SubscriptionError, match="could not be reached") as raised:
            await manager.start()
        assert raised.value.code == "UNAVAILABLE"

    async def test_a_missing_extension_is_told_at_once(self, server):
        server.sql("CREATE DATABASE without")
        try:
            with pytest.raises(psycopg.errors.InvalidSchemaName):
                await make_manager(f"host={server.directory} user=postgres dbname=without").start()
        finally:
            server.sql("DROP DATABASE without WITH (FORCE)")

    async def test_a_missing_permission_is_told_at_once(self, server, conninfo):
        server.sql("CREATE ROLE nobody_special LOGIN")
        try:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                await make_manager(
                    conninfo.replace("=postgres dbname", "=nobody_special dbname")
                ).start()
        finally:
            server.sql("DROP ROLE nobody_special")

    async def test_three_roles_are_enough(self, make_cluster):
        cluster = make_cluster()
        cluster.sql("SELECT fraiseql_create_roles()")
        cluster.sql("CREATE ROLE app LOGIN")
        cluster.sql("GRANT fraiseql_host, fraiseql_publisher, fraiseql_monitor TO app")
        conninfo = conninfo_of(cluster).replace("user=postgres", "user=app")
        async with make_manager(conninfo) as manager:
            await manager.create_subscription("s", "c", "{ __typename }")
            await publish(manager, 1)
            assert (await manager.get_metrics())["fraiseql_subs_worker_up"] == 1

    async def test_status_and_metrics_tell_of_this_process(self, manager, server):
        await manager.create_subscription("s", "c", QUERY)
        status = await manager.status()
        assert (status.link, status.worker, status.subscriptions, status.reconnects) == (
            "open",
            True,
            1,
            0,
        )
        assert status.version == server.value(
            "SELECT extversion FROM pg_extension WHERE extname = 'fraiseql_subs'"
        )
        metrics = await manager.get_metrics()
        assert metrics["fraiseql_subs_worker_up"] == 1
        assert metrics["host_subscriptions"] == 1
        assert metrics["host_frames_total"] >= 2
        assert any("{" in key for key in metrics)

    def test_limits_and_times_must_be_positive(self):
        for option in ("timeout", "slow_timeout", "max_queue_messages", "max_queue_bytes"):
            with pytest.raises(ValueError, match="must be positive"):
                SubscriptionManager(**{option: 0})

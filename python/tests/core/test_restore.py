"""What ends the link ends no subscription and no socket: nothing twice, and gaps are told."""

import asyncio
import json
import os
import signal

import pytest

from fraiseql_subs import SubscriptionManager
from servers import conninfo_of

QUERY = "subscription { orderUpdated { id } }"
# Whether both connections of the link of the role `limited` have waited for longer than its limits.
PAST_LIMITS = """
SELECT count(*) FILTER (WHERE state = 'active' AND now() - query_start > '600ms') = 1
    AND count(*) FILTER (WHERE state = 'idle' AND now() - state_change > '600ms') >= 1
FROM pg_stat_activity WHERE usename = 'limited'
"""


@pytest.fixture
def orders(make_cluster):
    """A function that starts a server with the field orderUpdated."""

    def make(**settings):
        cluster = make_cluster(**settings)
        cluster.sql("SELECT fraiseql_register_types('type Order { id: ID! }')")
        cluster.sql("SELECT fraiseql_register_subscription('orderUpdated: Order', 'orders')")
        return cluster

    return make


@pytest.fixture
def cluster(orders):
    return orders()


@pytest.fixture
async def manager(cluster):
    async with SubscriptionManager(
        conninfo=conninfo_of(cluster), sync=False, resolvers=False
    ) as manager:
        yield manager


def publish(cluster, id):
    cluster.publish("orderUpdated", "orders", {"id": id})


class Reader:
    """Reads a stream of messages: what arrived, and what was told to be lost."""

    def __init__(self):
        self.ids = []
        self.lost = []
        self.others = []

    def take(self, message):
        decoded = json.loads(message)
        if decoded["type"] != "next":
            self.others.append(decoded)
            return
        data = (decoded["payload"].get("data") or {}).get("orderUpdated")
        if data is not None:
            self.ids.append(int(data["id"]))
        for error in decoded["payload"].get("errors", ()):
            self.lost.append(error["extensions"])

    async def read_subscription(self, manager, id, last):
        async for message in manager.events(id):
            self.take(message)
            if last in self.ids:
                return

    async def read_socket(self, socket, last):
        while last not in self.ids:
            for frame in await socket.receive():
                self.take(frame)


async def connected(manager, claims=None):
    """A subscription and a socket with one, each with what reads it."""
    await manager.create_subscription("s", "c", QUERY, claims=claims)
    socket = manager.open_socket(
        subprotocol="graphql-transport-ws", peer="192.0.2.1:1", headers={}, claims=claims
    )
    socket.send_text('{"type":"connection_init"}')
    assert json.loads((await socket.receive())[0])["type"] == "connection_ack"
    socket.send_text(json.dumps({"id": "a", "type": "subscribe", "payload": {"query": QUERY}}))
    # Answered behind the subscription.
    socket.send_text('{"type":"ping"}')
    assert json.loads((await socket.receive())[0])["type"] == "pong"
    return socket


async def restored(manager, reconnects):
    while True:
        status = await manager.status()
        if status.link == "open" and status.reconnects >= reconnects:
            return
        await asyncio.sleep(0.01)


async def read_both(manager, socket, last):
    subscription, hosted = Reader(), Reader()
    await asyncio.gather(
        subscription.read_subscription(manager, "s", last), hosted.read_socket(socket, last)
    )
    return subscription, hosted


LINK = (
    "SELECT pid FROM pg_stat_activity"
    " WHERE query LIKE '%%fraiseql_subs.session_%s%%' AND pid <> pg_backend_pid()"
)


@pytest.mark.parametrize("end", ["exchange", "send"])
async def test_each_connection_of_the_link_may_be_terminated(cluster, manager, end):
    socket = await connected(manager)
    publish(cluster, 1)
    assert cluster.sql(f"SELECT pg_terminate_backend(pid) FROM ({LINK % end}) AS link")
    publish(cluster, 2)
    await restored(manager, 1)
    publish(cluster, 3)
    for reader in await read_both(manager, socket, 3):
        assert (reader.ids, reader.lost, reader.others) == ([1, 2, 3], [], [])


async def test_a_link_that_is_lost_again_and_again_loses_nothing(cluster, manager):
    socket = await connected(manager)
    reading = asyncio.create_task(read_both(manager, socket, 200))
    for number in range(1, 201):
        publish(cluster, number)
        if number % 40 == 0:
            cluster.sql(f"SELECT pg_terminate_backend(pid) FROM ({LINK % 'exchange'}) AS link")
            await restored(manager, number // 40)
    for reader in await reading:
        assert reader.ids == list(range(1, 201))
        assert (reader.lost, reader.others) == ([], [])


@pytest.mark.expects_crash
async def test_a_killed_worker_is_replaced_and_nothing_is_lost(cluster, manager):
    socket = await connected(manager, claims={"sub": "ann"})
    publish(cluster, 1)
    for pid in cluster.worker_pids():
        os.kill(pid, signal.SIGKILL)
    publish(cluster, 2)
    await restored(manager, 1)
    publish(cluster, 3)
    for reader in await read_both(manager, socket, 3):
        assert (reader.ids, reader.lost, reader.others) == ([1, 2, 3], [], [])


async def test_a_worker_that_shuts_down_is_replaced_and_nothing_is_lost(cluster, manager):
    socket = await connected(manager)
    publish(cluster, 1)
    for pid in cluster.worker_pids():
        os.kill(pid, signal.SIGTERM)
    publish(cluster, 2)
    await restored(manager, 1)
    publish(cluster, 3)
    for reader in await read_both(manager, socket, 3):
        assert (reader.ids, reader.lost, reader.others) == ([1, 2, 3], [], [])


@pytest.mark.parametrize("mode", ["fast", "immediate"])
@pytest.mark.expects_crash
async def test_a_restart_of_the_database_ends_nothing_and_tells_the_gap(cluster, manager, mode):
    socket = await connected(manager)
    publish(cluster, 1)
    subscription, hosted = await read_both(manager, socket, 1)
    assert (subscription.ids, hosted.ids) == ([1], [1])
    await asyncio.to_thread(cluster.stop, mode)
    await asyncio.to_thread(cluster.start)
    await restored(manager, 1)
    # Committed once everybody is subscribed again: what is read next is the notice.
    for reader, read in (
        (Reader(), manager.get_next_event("s", timeout=20)),
        (Reader(), socket.receive()),
    ):
        message = await read
        reader.take(message[0] if isinstance(message, list) else message)
        assert [lost["code"] for lost in reader.lost] == ["EVENTS_LOST"]
    publish(cluster, 2)
    for reader in await read_both(manager, socket, 2):
        assert (reader.ids, reader.others) == ([2], [])


async def test_what_the_ring_has_lost_in_between_is_told(orders):
    cluster = orders(ring_size="1MB")
    async with SubscriptionManager(
        conninfo=conninfo_of(cluster), sync=False, resolvers=False
    ) as manager:
        socket = await connected(manager)
        link = manager._engine._link
        link._connect = after_filling(link, cluster)
        cluster.sql(f"SELECT pg_terminate_backend(pid) FROM ({LINK % 'exchange'}) AS link")
        for reader in await read_both(manager, socket, -1):
            assert len(reader.ids) + sum(lost["count"] for lost in reader.lost) == 5_002


async def test_what_is_quiet_is_told_no_loss_of_what_was_never_for_it(orders):
    cluster = orders(ring_size="1MB", keepalive_interval="1s")
    async with SubscriptionManager(
        conninfo=conninfo_of(cluster), sync=False, resolvers=False
    ) as manager:
        socket = await connected(manager)
        link = manager._engine._link
        await asyncio.to_thread(publish_others, cluster, 5_000)
        operations = [
            operation for session in link.sessions for operation in session._operations.values()
        ]
        assert len(operations) == 2
        while not all(operation.position >= 5_000 for operation in operations):
            await asyncio.sleep(0.01)
        assert cluster.sql(f"SELECT pg_terminate_backend(pid) FROM ({LINK % 'exchange'}) AS link")
        await restored(manager, 1)
        publish(cluster, 1)
        for reader in await read_both(manager, socket, 1):
            assert (reader.ids, reader.lost, reader.others) == ([1], [], [])


def publish_others(cluster, count):
    """Publish events for nobody here, no faster than the worker reads them."""
    with cluster.connect() as connection:
        connection.execute("SET fraiseql_subs.overflow = 'wait'")
        for _ in range(count // 100):
            connection.execute(
                "SELECT fraiseql_publish('other', 'others',"
                " jsonb_build_object('more', repeat('x', 1000))) FROM generate_series(1, 100)"
            )


def after_filling(link, cluster):
    """A way to connect that first publishes more than the ring holds."""
    connect = link._connect

    async def fill_and_connect():
        link._connect = connect
        await asyncio.to_thread(
            cluster.sql,
            "SELECT fraiseql_publish('orderUpdated', 'orders',"
            " jsonb_build_object('id', n, 'more', repeat('x', 1000)))"
            " FROM generate_series(5000, 0, -1) AS n",
        )
        await asyncio.to_thread(publish, cluster, -1)
        return await connect()

    return fill_and_connect


async def test_limits_of_the_role_do_not_end_the_link(cluster):
    cluster.sql("CREATE ROLE limited LOGIN SUPERUSER")
    cluster.sql("ALTER ROLE limited SET statement_timeout = '500ms'")
    cluster.sql("ALTER ROLE limited SET idle_session_timeout = '500ms'")
    async with SubscriptionManager(
        conninfo=f"{conninfo_of(cluster)} user=limited", sync=False, resolvers=False
    ) as manager:
        await manager.create_subscription("s", "c", QUERY)
        while not cluster.sql(PAST_LIMITS)[0][0]:
            await asyncio.sleep(0.05)
        publish(cluster, 1)
        reader = Reader()
        await reader.read_subscription(manager, "s", 1)
        assert reader.ids == [1]
        assert (await manager.status()).reconnects == 0


async def test_statements_work_again_after_a_restart(cluster, manager):
    await manager.create_subscription("s", "c", QUERY)
    await asyncio.to_thread(cluster.restart)
    await restored(manager, 1)
    await manager.create_subscription("t", "c", QUERY)
    reader = Reader()
    cluster.wait_until_serving()
    publish(cluster, 1)
    await reader.read_subscription(manager, "t", 1)
    assert reader.ids == [1]


async def test_subscriptions_made_while_there_is_no_worker_wait_for_it(cluster, manager):
    await asyncio.to_thread(cluster.stop)
    while (await manager.status()).link == "open":
        await asyncio.sleep(0.01)
    making = asyncio.create_task(connected(manager))
    await asyncio.sleep(0)
    await asyncio.to_thread(cluster.start)
    socket = await making
    publish(cluster, 1)
    for reader in await read_both(manager, socket, 1):
        assert (reader.ids, reader.lost) == ([1], [])

"""Clients of Python packages, as their documentation has it, subscribe again after a restart."""

import asyncio
import json
import os
import signal
import threading

import psycopg
import pytest
import websockets
from gql import Client, gql
from gql.transport.exceptions import TransportClosed, TransportConnectionFailed
from gql.transport.websockets import WebsocketsTransport

from client import SUBPROTOCOL
from cluster import wait_until

QUERY = "subscription { tick { n } }"


@pytest.fixture
def cluster(make_cluster):
    cluster = make_cluster()
    cluster.sql("SELECT fraiseql_register_types('type Tick { n: Int! }')")
    cluster.sql("SELECT fraiseql_register_subscription('tick: Tick', 'ticks')")
    return cluster


async def hear_through_gql(cluster):
    transport = WebsocketsTransport(
        url=cluster.url, subprotocols=[WebsocketsTransport.GRAPHQLWS_SUBPROTOCOL]
    )
    client = Client(transport=transport)
    session = await client.connect_async(reconnecting=True)
    try:
        while True:
            try:
                async for result in session.subscribe(gql(QUERY)):
                    yield result["tick"]["n"]
            except (TransportConnectionFailed, TransportClosed):
                # The session connects again by itself; that this fails is all it says meanwhile.
                await asyncio.sleep(0.01)
    finally:
        await client.close_async()


async def hear_through_websockets(cluster):
    async for connection in websockets.connect(cluster.url, subprotocols=[SUBPROTOCOL]):
        try:
            await connection.send('{"type":"connection_init"}')
            await connection.recv()
            subscribe = {"id": "1", "type": "subscribe", "payload": {"query": QUERY}}
            await connection.send(json.dumps(subscribe))
            async for message in connection:
                yield json.loads(message)["payload"]["data"]["tick"]["n"]
        except websockets.ConnectionClosed:
            continue


class Publisher(threading.Thread):
    """Publishes number after number, in a session of its own, until it is stopped."""

    def __init__(self, cluster):
        super().__init__(daemon=True)
        self.cluster = cluster
        self.begun = 0
        self.committed = []
        self.stopped = threading.Event()

    def run(self):
        while not self.stopped.is_set():
            try:
                with self.cluster.connect() as session:
                    while not self.stopped.wait(0.002):
                        self.begun += 1
                        self.cluster.publish("any", "ticks", {"n": self.begun}, session)
                        self.committed.append(self.begun)
            except psycopg.OperationalError:
                continue

    def stop(self):
        self.stopped.set()
        self.join(timeout=20)
        assert not self.is_alive()


def restart_server(cluster):
    cluster.restart()


def end_worker(cluster, number):
    (worker,) = cluster.worker_pids()
    os.kill(worker, number)
    wait_until(lambda: worker not in cluster.worker_pids(), "the worker has ended")


def terminate_worker(cluster):
    end_worker(cluster, signal.SIGTERM)


def kill_worker(cluster):
    end_worker(cluster, signal.SIGKILL)


def is_subscribed(cluster):
    try:
        return cluster.value("SELECT count(*) FROM fraiseql_subscriptions()") == 1
    except psycopg.OperationalError:
        return False  # no worker runs


@pytest.mark.parametrize("hear", [hear_through_gql, hear_through_websockets])
@pytest.mark.parametrize(
    "interrupt",
    [
        restart_server,
        terminate_worker,
        pytest.param(kill_worker, marks=pytest.mark.expects_crash),
    ],
)
def test_a_client_hears_of_all_that_is_committed_once_it_is_back(cluster, hear, interrupt):
    heard = []
    over = threading.Event()

    def listen():
        async def collect():
            events = hear(cluster)
            async for number in events:
                heard.append(number)
                if over.is_set():
                    break
            await events.aclose()

        asyncio.run(collect())

    publisher = Publisher(cluster)
    listener = threading.Thread(target=listen, daemon=True)
    publisher.start()
    listener.start()
    wait_until(lambda: heard, "the client hears of events")
    interrupt(cluster)
    wait_until(lambda: is_subscribed(cluster), "the client is subscribed again", 60)
    # It may have been committed before the client subscribed.
    resumed = publisher.begun
    wait_until(lambda: heard[-1] > resumed + 20, "the client hears of new events")
    over.set()
    listener.join(timeout=20)
    assert not listener.is_alive()
    publisher.stop()
    assert heard == sorted(set(heard))
    expected = [number for number in publisher.committed if resumed < number <= heard[-1]]
    assert [number for number in heard if number > resumed] == expected

"""A database with the SQL file instead of the extension: an application publishes, nodes serve."""

import subprocess
from pathlib import Path

import psycopg
import pytest

from fraiseql_subs import (
    Event,
    EventBusConfig,
    SubscriptionError,
    SubscriptionExecutor,
    SubscriptionManager,
)

ROOT = Path(__file__).resolve().parents[3]
QUERY = "subscription { orderUpdated { id } }"
EVENTS = "SELECT event_type, channel, data::jsonb, correlation_id FROM fraiseql_subs.event"


@pytest.fixture(scope="module")
def dsn(shared_cluster):
    """That of a database with the file."""
    with shared_cluster.connect() as connection:
        connection.execute("DROP DATABASE IF EXISTS sql_only")
        connection.execute("CREATE DATABASE sql_only")
    sql = subprocess.run([ROOT / "scripts/sql-only"], capture_output=True, check=True).stdout
    dsn = f"host={shared_cluster.directory} dbname=sql_only user=postgres"
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(sql)
    return dsn


@pytest.fixture
def config(dsn):
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("TRUNCATE fraiseql_subs.event")
    return EventBusConfig.postgresql(dsn)


def events(config):
    with psycopg.connect(config.dsn) as connection:
        return connection.execute(EVENTS).fetchall()


async def test_a_manager_publishes(config):
    async with SubscriptionManager(config) as manager:
        await manager.publish_event("orderUpdated", "orders", {"id": 1}, correlation_id="c")
    assert events(config) == [("orderUpdated", "orders", {"id": 1}, "c")]


async def test_an_event_of_a_transaction_is_the_transaction_s(config):
    async with SubscriptionManager(config) as manager, manager.pool.connection() as connection:
        await manager.publish_event("orderUpdated", "orders", {"id": 1}, conn=connection)
        await connection.rollback()
        await manager.publish_event("orderUpdated", "orders", {"id": 2}, conn=connection)
    assert [data for _, _, data, _ in events(config)] == [{"id": 2}]


def test_an_executor_publishes(config):
    executor = SubscriptionExecutor(config)
    try:
        executor.publish_event("orderUpdated", "orders", {"id": 1})
    finally:
        executor.close()
    assert len(events(config)) == 1


async def test_metrics_are_the_database_s(config):
    async with SubscriptionManager(config) as manager:
        assert "fraiseql_subs_bus_events_total" in await manager.get_metrics()


async def test_who_subscribes_is_sent_to_a_node(config):
    async with SubscriptionManager(config) as manager:
        with pytest.raises(SubscriptionError, match="its nodes") as raised:
            await manager.create_subscription("s", "c", QUERY)
    assert raised.value.code == "BUS_UNAVAILABLE"


async def test_functions_that_nobody_could_call_are_refused_at_the_start(config):
    manager = SubscriptionManager(config)

    @manager.subscription(channel="orders")
    async def order_updated(event: Event[dict]) -> str:
        """An order has changed."""
        return str(event.data)

    with pytest.raises(SubscriptionError) as raised:
        await manager.start()
    assert raised.value.code == "BUS_UNAVAILABLE"


async def test_it_starts_again_after_a_stop(config):
    manager = SubscriptionManager(config)
    for _ in range(2):
        async with manager:
            await manager.publish_event("orderUpdated", "orders", {})
    assert len(events(config)) == 2
    with pytest.raises(SubscriptionError) as raised:
        await manager.create_subscription("s", "c", QUERY)
    assert raised.value.code == "STOPPED"


async def test_a_database_that_is_not_there_is_told(tmp_path):
    manager = SubscriptionManager(EventBusConfig.postgresql(f"host={tmp_path}"), timeout=0.2)
    with pytest.raises(SubscriptionError) as raised:
        await manager.start()
    assert raised.value.code == "UNAVAILABLE"

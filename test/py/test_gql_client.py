"""The `gql` package as a second client that somebody else wrote."""

import asyncio

import pytest
from gql import Client, gql
from gql.transport.exceptions import TransportQueryError
from gql.transport.websockets import WebsocketsTransport


def run(scenario, server):
    async def session_scenario():
        transport = WebsocketsTransport(
            url=server.url,
            subprotocols=[WebsocketsTransport.GRAPHQLWS_SUBPROTOCOL],
            ping_interval=5,
        )
        async with Client(transport=transport) as session:
            return await scenario(session)

    return asyncio.run(asyncio.wait_for(session_scenario(), 60))


async def wait_for_subscription(server, channel):
    query = "SELECT count(*) FROM fraiseql_subscriptions() WHERE channel = %s"
    async with asyncio.timeout(20):
        while server.value(query, (channel,)) == 0:
            await asyncio.sleep(0.01)


def test_events_arrive(server, name):
    server.sql("SELECT fraiseql_register_subscription(%s, %s)", (f"{name}(id: ID): Order", name))

    async def scenario(session):
        query = gql(f"subscription ($id: ID) {{ {name}(id: $id) {{ status }} }}")
        query.variable_values = {"id": "7"}
        received = []
        events = session.subscribe(query)

        async def publish():
            await wait_for_subscription(server, name)
            for id, status in ((6, "no"), (7, "packed"), (7, "sent")):
                server.publish("x", name, {"id": id, "status": status})

        publishing = asyncio.create_task(publish())
        async for result in events:
            received.append(result[name]["status"])
            if len(received) == 2:
                break
        await publishing
        return received

    assert run(scenario, server) == ["packed", "sent"]


def test_an_error_in_an_event_ends_the_subscription(server, name):
    server.sql("SELECT fraiseql_register_subscription(%s, %s)", (f"{name}: Order", name))

    async def scenario(session):
        async def publish():
            await wait_for_subscription(server, name)
            server.publish("x", name, {"id": 7})

        publishing = asyncio.create_task(publish())
        try:
            async for _ in session.subscribe(gql(f"subscription {{ {name} {{ status }} }}")):
                raise AssertionError("an order without a status")
        finally:
            await publishing

    with pytest.raises(TransportQueryError, match="Cannot return null"):
        run(scenario, server)


def test_errors_are_raised(server):
    async def scenario(session):
        async for _ in session.subscribe(gql("subscription { nothing }")):
            raise AssertionError("an event of nothing")

    with pytest.raises(TransportQueryError, match="Cannot query field"):
        run(scenario, server)

"""Subscriptions of a FastAPI application in a real uvicorn."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Annotated, Any

import pytest
from client import Client
from cluster import wait_until
from fastapi import Depends, FastAPI, HTTPException, WebSocket, WebSocketException
from gql import Client as GqlClient
from gql import gql
from gql.transport.websockets import WebsocketsTransport
from hosting import Uvicorn
from raw_peer import HandshakeRefused, RawPeer

from fraiseql_subs import SubscriptionManager, WebSocketAdapter
from fraiseql_subs.fastapi import FastAPIWebSocketAdapter, SubscriptionRouterFactory
from fraiseql_subs.http import GraphQLTransportWSHandler

MakeManager = Callable[..., SubscriptionManager[None]]
Serve = Callable[..., Uvicorn]
Connect = Callable[..., Client]

PATH = "/graphql/subscriptions"
QUERY = "subscription { orderUpdated { id } }"


class At:
    """Where clients connect: a path of a server."""

    tls = None

    def __init__(self, served: Uvicorn, path: str = PATH) -> None:
        self.url = served.url + path


def application(manager: SubscriptionManager[None], **options: Any) -> FastAPI:
    app = FastAPI(lifespan=manager.lifespan)
    app.include_router(SubscriptionRouterFactory.create(manager, **options))
    return app


def test_events_reach_a_client(
    make_manager: MakeManager, serve: Serve, server: Any, connect: Connect
) -> None:
    client = connect(At(serve(application(make_manager()))))
    subscription = client.subscribe(QUERY)
    server.publish("orderUpdated", "orders", {"id": 1})
    assert subscription.data() == {"orderUpdated": {"id": "1"}}


def test_the_path_may_be_another_and_have_parameters(
    make_manager: MakeManager, serve: Serve, server: Any, connect: Connect
) -> None:
    paths: list[tuple[str, Any]] = []

    def auth_handler(payload: dict[str, Any], websocket: WebSocketAdapter) -> dict[str, Any]:
        assert isinstance(websocket, FastAPIWebSocketAdapter)
        paths.append((websocket.path, websocket.websocket.path_params))
        return {"sub": "7"}

    app = application(make_manager(), path="/live/{tenant}", auth_handler=auth_handler)
    served = serve(app)
    connect(At(served, "/live/north?x=1")).settle()
    assert paths == [("/live/north?x=1", {"tenant": "north"})]
    with pytest.raises(HandshakeRefused, match="403 Forbidden"):
        RawPeer(served.url + "/live")


def test_the_gql_client_receives_events(
    make_manager: MakeManager, serve: Serve, server: Any
) -> None:
    url = At(serve(application(make_manager()))).url

    async def scenario() -> list[Any]:
        subprotocols = [WebsocketsTransport.GRAPHQLWS_SUBPROTOCOL]
        transport = WebsocketsTransport(url=url, subprotocols=subprotocols, ping_interval=5)
        received: list[Any] = []
        async with GqlClient(transport=transport) as session:

            async def publish() -> None:
                count = "SELECT count(*) FROM fraiseql_subscriptions()"
                await asyncio.to_thread(wait_until, lambda: server.value(count) == 1, "it stands")
                for id in (1, 2):
                    server.publish("orderUpdated", "orders", {"id": id})

            publishing = asyncio.create_task(publish())
            async for data in session.subscribe(gql(QUERY)):
                received.append(data["orderUpdated"]["id"])
                if len(received) == 2:
                    break
            await publishing
        return received

    assert asyncio.run(asyncio.wait_for(scenario(), 60)) == ["1", "2"]


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(WebSocketException(code=4403), id="of the socket"),
        pytest.param(HTTPException(403), id="of HTTP"),
    ],
)
def test_a_dependency_that_raises_refuses_the_handshake(
    make_manager: MakeManager, serve: Serve, server: Any, error: Exception
) -> None:
    def refuse() -> None:
        raise error

    app = application(make_manager(), dependencies=[Depends(refuse)])
    # The oldest versions have a 500 for an HTTPException.
    with pytest.raises(HandshakeRefused, match=r"^HTTP/1\.1 (403|500)"):
        RawPeer(At(serve(app)).url)


def test_dependencies_of_an_application_hold_for_every_socket(
    make_manager: MakeManager, serve: Serve, server: Any
) -> None:
    def refuse() -> None:
        raise WebSocketException(code=4403)

    manager = make_manager()
    app = FastAPI(lifespan=manager.lifespan)
    router = SubscriptionRouterFactory.create(manager)
    app.include_router(router, prefix="/closed", dependencies=[Depends(refuse)])
    app.include_router(router)
    served = serve(app)
    for _ in range(2):
        RawPeer(At(served).url).close()
        with pytest.raises(HandshakeRefused, match="403 Forbidden"):
            RawPeer(At(served, "/closed" + PATH).url)


def test_every_socket_has_the_framework_s_own(
    make_manager: MakeManager, serve: Serve, server: Any, connect: Connect
) -> None:
    found: list[tuple[Any, ...]] = []

    def auth_handler(payload: dict[str, Any], websocket: WebSocketAdapter) -> dict[str, Any]:
        assert isinstance(websocket, FastAPIWebSocketAdapter)
        own = websocket.websocket
        assert own is websocket.websocket
        found.append((own.headers["x-name"], own.path_params, own.application_state.name))
        return {"sub": "7"}

    app = application(make_manager(), path="/live/{tenant}", auth_handler=auth_handler)
    served = serve(app)
    for _ in range(2):
        client = connect(At(served, "/live/a"), additional_headers={"X-Name": "ada"})
        subscription = client.subscribe(QUERY)
        server.publish("orderUpdated", "orders", {"id": 1})
        assert subscription.data() == {"orderUpdated": {"id": "1"}}
    assert found == [("ada", {"tenant": "a"}, "CONNECTED")] * 2


def test_a_dependency_is_entered_before_the_socket_and_left_behind_it(
    make_manager: MakeManager, serve: Serve, server: Any, connect: Connect
) -> None:
    steps: list[str] = []

    async def resource(websocket: WebSocket) -> AsyncIterator[None]:
        steps.append(f"entered {websocket.headers['x-name']}")
        yield
        steps.append("left")

    app = application(make_manager(), dependencies=[Depends(resource)])
    client = connect(At(serve(app)), additional_headers={"X-Name": "ada"})
    assert steps == ["entered ada"]
    client.close()
    wait_until(lambda: steps == ["entered ada", "left"], "it is left")


def test_an_async_auth_handler_may_ask_the_database(
    make_manager: MakeManager, serve: Serve, server: Any, connect: Connect
) -> None:
    manager = make_manager()

    async def auth_handler(payload: dict[str, Any], websocket: WebSocketAdapter) -> Any:
        async with manager.pool.connection() as connection:
            cursor = await connection.execute("SELECT upper(%s)", (payload["user"],))
            row = await cursor.fetchone()
        return {"sub": row[0]} if row else None

    client = connect(At(serve(application(manager, auth_handler=auth_handler))), init=False)
    client.init({"user": "ada"})
    assert server.sql("SELECT user_id FROM fraiseql_connections()") == [("ADA",)]


def test_an_adapter_serves_a_route_of_one_s_own(
    make_manager: MakeManager, serve: Serve, server: Any, connect: Connect
) -> None:
    manager = make_manager()
    app = FastAPI(lifespan=manager.lifespan)

    def user(websocket: WebSocket) -> str:
        return websocket.headers["x-name"]

    @app.websocket("/mine")
    async def mine(websocket: WebSocket, name: Annotated[str, Depends(user)]) -> None:
        await websocket.accept("graphql-transport-ws", headers=[(b"x-served", b"yes")])
        adapter = FastAPIWebSocketAdapter(websocket)
        assert adapter.is_connected
        handler = GraphQLTransportWSHandler()
        await handler.handle_connection(adapter, manager, lambda payload, socket: {"sub": name})

    client = connect(At(serve(app), "/mine"), additional_headers={"X-Name": "ada"})
    assert client.socket.response.headers["x-served"] == "yes"
    assert server.sql("SELECT user_id FROM fraiseql_connections()") == [("ada",)]

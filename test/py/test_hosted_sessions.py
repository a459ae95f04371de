"""Clients whose sockets another process has accepted, served through SQL."""

import json

import psycopg
import pytest

import hosted
from hosted import CLOSED, ENDED, EVENT, MESSAGE, STARTED, Host, open_session, subscribe, text

QUERY = "subscription { orderUpdated { id status } }"


@pytest.fixture
def host(server):
    with Host(server) as opened:
        yield opened


def test_a_session_gets_the_events_that_it_subscribes_to(server, host):
    host.begin(1)
    position = host.start(1, "a", QUERY)
    server.publish("orderUpdated", "orders", {"id": "1", "status": "new"})
    event = host.take(1)
    assert (event.kind, event.id) == (EVENT, "a")
    assert event.position > position
    assert (event.json["id"], event.json["type"]) == ("a", "next")
    assert event.json["payload"]["data"] == {"orderUpdated": {"id": "1", "status": "new"}}


def test_a_session_ends_when_its_client_closes(host):
    host.begin(1)
    host.exchange(hosted.close(1, 1000))
    closed = host.take(1)
    assert (closed.kind, closed.code) == (CLOSED, 1000)


def test_an_operation_that_is_refused_ends_with_its_errors(host):
    host.begin(1)
    host.exchange(subscribe(1, "a", "subscription { nothing }"))
    ended = host.take(1)
    assert (ended.kind, ended.id) == (ENDED, "a")
    assert ended.json["type"] == "error"


def test_the_result_of_a_query_is_an_event_without_a_position(host):
    host.begin(1)
    host.exchange(subscribe(1, "a", "{ __typename }"))
    event = host.take(1)
    assert (event.kind, event.id, event.position) == (EVENT, "a", 0)
    assert host.take(1).kind == ENDED


def test_another_backend_hands_in_commands(server, host):
    server.sql(
        "SELECT fraiseql_subs.session_send(%s, %s)",
        (host.link, open_session(1) + text(1, {"type": "connection_init"})),
    )
    assert host.take(1).json["type"] == "connection_ack"

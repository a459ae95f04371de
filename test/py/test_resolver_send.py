"""Results that are handed in while the link's own session waits for calls."""

import json
import threading

import psycopg
import pytest

from cluster import wait_until

EXCHANGE = "CALL fraiseql_subs.resolver_exchange(%s, %s, %s, %s, %s, NULL)"
SEND = "SELECT fraiseql_subs.resolver_send(%s, %s, %s)"

# Longer than a test may take: what waits so long waits until something ends it.
FOR_EVER_MS = 600_000


class Link:
    """A session of a process that resolves a field."""

    def __init__(self, cluster, field):
        self.session = cluster.connect()
        self.name = None
        self.exchange(fields=[field])

    def exchange(self, fields=None, results=None, credits=10, wait_ms=0):
        fields, results = (None if v is None else json.dumps(v) for v in (fields, results))
        row = self.session.execute(EXCHANGE, (self.name, fields, results, credits, wait_ms))
        self.name, calls = row.fetchone()
        return json.loads(calls)

    def wait_for_calls(self):
        return self.exchange(wait_ms=FOR_EVER_MS)

    def waiting(self):
        """An exchange in a thread; its calls come into `thread.calls`."""
        thread = threading.Thread(target=lambda: setattr(thread, "calls", self.wait_for_calls()))
        thread.start()
        return thread


@pytest.fixture
def field(server, name):
    server.sql("SELECT fraiseql_register_subscription(%s, %s)", (f"{name}(id: ID): Order", name))
    server.sql("SELECT fraiseql_register_resolver(%s)", (name,))
    return name


@pytest.fixture
def link(server, field):
    link = Link(server, field)
    with link.session:
        yield link


def test_a_result_reaches_the_client_while_the_exchange_waits(server, connect, field, link):
    subscription = connect(server).subscribe(f"subscription {{ {field} {{ id status }} }}")
    server.publish("x", field, {"id": 1})
    (call,) = link.wait_for_calls()
    waiting = link.waiting()
    result = {"call": call["call"], "value": {"id": 1, "status": "resolved"}}
    server.sql(SEND, (link.name, json.dumps([result]), None))
    assert subscription.data() == {field: {"id": "1", "status": "resolved"}}
    server.sql(SEND, (link.name, None, 0))
    waiting.join()
    assert waiting.calls == []


def test_credits_that_are_sent_count_at_once(server, connect, field, link):
    connect(server).subscribe(f"subscription {{ {field} {{ id }} }}")
    link.exchange(credits=0)
    server.publish("x", field, {"id": 1})
    wait_until(lambda: server.metric("fraiseql_subs_held_events"), "the event waits")
    with server.connect() as sender:
        sender.execute(SEND, (link.name, None, 1))
        (call,) = link.exchange(credits=0, wait_ms=FOR_EVER_MS)
    assert call["event"]["data"] == {"id": 1}


@pytest.mark.parametrize("link_name", [None, "", "0" * 32 + ":1", 'a"b'])
def test_results_of_an_unknown_link_are_refused(server, link_name):
    with pytest.raises(psycopg.OperationalError) as raised:
        server.sql(SEND, (link_name, None, 1))
    assert raised.value.sqlstate == "08006"


def test_results_of_a_link_that_has_ended_are_refused(server, field):
    link = Link(server, field)
    with server.connect() as sender:
        sender.execute(SEND, (link.name, None, 1))
        link.session.close()

        def is_refused():
            try:
                sender.execute(SEND, (link.name, None, 1))
            except psycopg.OperationalError as error:
                return error.sqlstate == "08006"
            return False

        wait_until(is_refused, "the worker knows of the link's end")
        # The session is of use for another link.
        with Link(server, field).session:
            assert sender.execute("SELECT 1").fetchone() == (1,)


def test_text_that_is_no_json_is_refused_and_the_next_is_taken(server, link):
    with server.connect() as sender:
        with pytest.raises(psycopg.errors.InvalidTextRepresentation):
            sender.execute(SEND, (link.name, "[", 1))
        sender.execute(SEND, (link.name, "[]", 1))


def test_negative_credits_are_refused(server, link):
    with pytest.raises(psycopg.errors.InvalidParameterValue):
        server.sql(SEND, (link.name, None, -1))


def test_a_result_for_a_call_of_another_link_is_ignored(server, connect, field, link):
    subscription = connect(server).subscribe(f"subscription {{ {field} {{ id }} }}")
    server.publish("x", field, {"id": 1})
    (call,) = link.wait_for_calls()
    other = Link(server, field)
    with other.session:
        forged = {"call": call["call"], "value": {"id": 666}}
        server.sql(SEND, (other.name, json.dumps([forged]), None))
    server.sql(SEND, (link.name, json.dumps([{"call": call["call"], "value": {"id": 1}}]), None))
    assert subscription.data() == {field: {"id": "1"}}


def test_who_may_not_resolve_may_not_hand_in_results(server, link, name):
    server.sql(f"CREATE ROLE {name}")
    with server.connect() as session:
        session.execute(f"SET ROLE {name}")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            session.execute(SEND, (link.name, None, 1))

"""Subscription fields whose values processes outside the database make of their events."""

import contextlib
import json
import os
import signal
import threading

import psycopg
import pytest

from client import Client
from cluster import Cluster, wait_until
from resolver import Resolver
from tokens import SECRET, make_token

TYPES = """
    type Order { id: ID! status: String total: Float owner: String lines: [Line!] }
    type Line { sku: String! }
"""
UNEXPECTED = "Unexpected error."


@pytest.fixture(scope="module")
def cluster_of_module():
    cluster = Cluster()
    try:
        cluster.start().install()
        cluster.sql("SELECT fraiseql_register_types(%s)", (TYPES,))
        cluster.sql("SELECT fraiseql_register_issuer('tests', secret => %s)", (SECRET,))
        cluster.sql("SELECT fraiseql_create_roles()")
        yield cluster
    finally:
        cluster.destroy()


@pytest.fixture
def server(cluster_of_module, log_watch):
    log_watch.add(cluster_of_module)
    return cluster_of_module


@pytest.fixture
def field(server, name):
    """Registers a field with a resolver, on a channel of its name."""
    return register(server, name)


@pytest.fixture
def resolve():
    """A function that opens a link, which ends with the test."""
    with contextlib.ExitStack() as stack:

        def open_resolver(cluster, *fields, **options):
            resolver = Resolver(cluster, *fields, **options)
            stack.callback(resolver.close)
            return resolver

        yield open_resolver


def register(cluster, name, definition="{}(id: ID, where: OrderFilter): Order", **options):
    cluster.sql("SELECT fraiseql_register_subscription(%s, %s)", (definition.format(name), name))
    register_resolver(cluster, name, **options)
    return name


def register_resolver(cluster, name, **options):
    named = "".join(f", {option} => %s" for option in options)
    cluster.sql(f"SELECT fraiseql_register_resolver(%s{named})", (name, *options.values()))


def query(field, selection="id status", arguments=""):
    return f"subscription {{ {field}{arguments} {{ {selection} }} }}"


def publish(cluster, field, *ids, **more):
    for id in ids:
        cluster.publish("changed", field, {"id": id} | more)


def status_of(call):
    return {"id": call["event"]["data"]["id"], "status": f"status {call['event']['data']['id']}"}


def test_the_value_is_what_the_process_makes_of_the_event(server, connect, resolve, field):
    subscription = connect(server).subscribe(query(field, "id total lines { sku }"))
    resolver = resolve(server, field)
    publish(server, field, 1)
    value = {"id": 7, "total": 1.50, "status": "unasked", "lines": [{"sku": "a", "more": 1}]}
    resolver.give(resolver.next_call(), value)
    assert subscription.data() == {field: {"id": "7", "total": 1.5, "lines": [{"sku": "a"}]}}


def test_null_is_a_value(server, connect, resolve, field):
    subscription = connect(server).subscribe(query(field))
    resolver = resolve(server, field)
    publish(server, field, 1)
    resolver.give(resolver.next_call(), None)
    assert subscription.data() == {field: None}


def test_one_call_is_made_for_all_who_select_and_ask_alike(server, connect, resolve, field):
    subscriptions = [connect(server).subscribe(query(field)) for _ in range(5)]
    subscriptions += [connect(server).subscribe(query(field)) for _ in range(5)]
    resolver = resolve(server, field)
    publish(server, field, 1, 2, 3)
    calls = resolver.next_calls(3)
    assert [call["event"]["data"]["id"] for call in calls] == [1, 2, 3]
    assert len({call["plan"] for call in calls}) == 1
    for call in calls:
        resolver.give(call, status_of(call))
    for subscription in subscriptions:
        assert [subscription.data()[field]["id"] for _ in range(3)] == ["1", "2", "3"]
    assert resolver.exchange() == []


def test_other_selections_and_other_arguments_are_other_calls(server, connect, resolve, field):
    client = connect(server)
    client.subscribe(query(field))
    client.subscribe(query(field, "id"))
    client.subscribe(query(field, arguments="(id: 1)"))
    client.subscribe(query(field, arguments='(where: { status: { startsWith: "a" } })'))
    client.subscribe(query(field, arguments="(id: 2)"))
    resolver = resolve(server, field)
    publish(server, field, 1, status="abc")
    calls = resolver.next_calls(4)
    assert len({call["plan"] for call in calls}) == 4
    assert sorted(json.dumps(call["variables"]) for call in calls) == sorted(
        ["{}", "{}", '{"id": "1"}', '{"where": {"status": {"startsWith": "a"}}}']
    )


def test_arguments_are_coerced_and_variables_are_not_named_as_the_client_does(
    server, connect, resolve, name
):
    definition = '{}(id: ID, status: String = "open", where: OrderFilter): Order'
    field = register(server, name, definition)
    arguments = "(id: $a, where: { total: { gt: $b } })"
    asked = f"subscription ($a: ID, $b: Float) {{ {field}{arguments} {{ id }} }}"
    connect(server).subscribe(asked, {"a": 5, "b": 1.25})
    resolver = resolve(server, field)
    publish(server, field, 5, status="open", total=2)
    assert resolver.next_call()["variables"] == {
        "id": "5",
        "status": "open",
        "where": {"total": {"gt": 1.25}},
    }


def test_a_call_has_the_event_with_all_that_is_known_of_it(server, connect, resolve, field):
    connect(server).subscribe(query(field))
    resolver = resolve(server, field)
    server.sql(
        "SELECT fraiseql_publish('changed', %s, '{\"id\": 1, \"old\": {\"id\": 0}}'::text, 'c-7')",
        (field,),
    )
    call = resolver.next_call()
    event = call["event"]
    assert event.pop("position") == event.pop("id")
    assert event.pop("commit_time").endswith("Z")
    assert event == {
        "type": "changed",
        "channel": field,
        "data": {"id": 1, "old": {"id": 0}},
        "old": {"id": 0},
        "correlation_id": "c-7",
        "subgraph": None,
    }
    assert call["field"] == field
    assert 0 < call["timeout_ms"] <= 10_000
    assert "claims" not in call and "role" not in call


def test_each_subscription_keeps_its_order_whatever_comes_first(server, connect, resolve, field):
    subscriptions = [connect(server).subscribe(query(field)) for _ in range(2)]
    resolver = resolve(server, field)
    publish(server, field, *range(1, 6))
    calls = resolver.next_calls(5)
    for call in reversed(calls):
        resolver.give(call, status_of(call))
    for subscription in subscriptions:
        assert [subscription.data()[field]["id"] for _ in calls] == list("12345")


def test_a_call_without_an_answer_holds_up_nobody_else(server, connect, resolve, field):
    client = connect(server)
    held = client.subscribe(query(field, arguments="(id: 1)"))
    other = client.subscribe(query(field, arguments="(id: 2)"))
    resolver = resolve(server, field)
    publish(server, field, 1, 2)
    first, second = resolver.next_calls(2)
    resolver.give(second, status_of(second))
    assert other.data()[field]["id"] == "2"
    assert held.messages == []
    resolver.give(first, status_of(first))
    assert held.data()[field]["id"] == "1"


def test_a_skipped_event_reaches_nobody(server, connect, resolve, field):
    subscription = connect(server).subscribe(query(field))
    resolver = resolve(server, field)
    publish(server, field, 1, 2)
    first, second = resolver.next_calls(2)
    resolver.answer({"call": first["call"], "skip": True})
    resolver.give(second, status_of(second))
    assert subscription.data()[field]["id"] == "2"


def test_filters_judge_the_event_and_not_what_is_made_of_it(server, connect, resolve, field):
    subscription = connect(server).subscribe(query(field, arguments="(id: 2)"))
    resolver = resolve(server, field)
    publish(server, field, 1, 2)
    call = resolver.next_call()
    assert call["event"]["data"]["id"] == 2
    resolver.give(call, {"id": 1})
    assert subscription.data()[field]["id"] == "1"


def test_an_error_for_the_client_reaches_it_as_it_is(server, connect, resolve, field):
    subscription = connect(server).subscribe(query(field))
    resolver = resolve(server, field)
    publish(server, field, 1)
    error = {"message": "Not now.", "extensions": {"code": "BUSY", "retry": {"after": 5}}}
    resolver.answer({"call": resolver.next_call()["call"], "error": error})
    payload = subscription.next()
    assert payload["data"] == {field: None}
    [told] = payload["errors"]
    assert (told["message"], told["extensions"]) == (error["message"], error["extensions"])
    assert told["path"] == [field]
    assert payload["extensions"]["position"]


def test_an_error_without_extensions_has_a_code(server, connect, resolve, field):
    subscription = connect(server).subscribe(query(field))
    resolver = resolve(server, field)
    publish(server, field, 1)
    resolver.answer({"call": resolver.next_call()["call"], "error": {"message": "No."}})
    [told] = subscription.next()["errors"]
    assert told["extensions"] == {"code": "RESOLVER_ERROR"}


def test_of_a_masked_error_the_client_learns_what_to_ask_for(server, connect, resolve, field):
    subscription = connect(server).subscribe(query(field))
    resolver = resolve(server, field)
    publish(server, field, 1)
    resolver.answer({"call": resolver.next_call()["call"], "masked_error": "e-1"})
    [told] = subscription.next()["errors"]
    assert told["message"] == UNEXPECTED
    assert told["extensions"] == {"code": "RESOLVER_FAILED", "correlationId": "e-1"}


def test_where_the_field_must_not_be_null_no_data_is_left(server, connect, resolve, name):
    field = register(server, name, "{}: Order!")
    subscription = connect(server).subscribe(query(field))
    resolver = resolve(server, field)
    publish(server, field, 1)
    resolver.answer({"call": resolver.next_call()["call"], "masked_error": "e-1"})
    assert subscription.next()["data"] is None


def test_what_does_not_fit_the_type_is_an_error_at_its_place(server, connect, resolve, field):
    subscription = connect(server).subscribe(query(field, "id lines { sku }"))
    resolver = resolve(server, field)
    publish(server, field, 1)
    resolver.give(resolver.next_call(), {"id": 1, "lines": [{"sku": {}}]})
    payload = subscription.next()
    assert payload["data"] == {field: {"id": "1", "lines": None}}
    assert payload["errors"][0]["path"] == [field, "lines", 0, "sku"]


def test_errors_may_be_told_to_nobody(server, connect, resolve, name):
    field = register(server, name, on_error="skip")
    subscription = connect(server).subscribe(query(field))
    resolver = resolve(server, field)
    publish(server, field, 1, 2)
    first, second = resolver.next_calls(2)
    resolver.answer({"call": first["call"], "error": {"message": "No."}})
    resolver.give(second, status_of(second))
    assert subscription.data()[field]["id"] == "2"


def test_errors_may_end_the_subscriptions(server, connect, resolve, name):
    field = register(server, name, on_error="complete")
    client = connect(server)
    subscriptions = [client.subscribe(query(field)) for _ in range(2)]
    other = client.subscribe(query(field, "id"))
    resolver = resolve(server, field)
    publish(server, field, 1)
    call, of_other = resolver.next_calls(2)
    resolver.answer({"call": call["call"], "error": {"message": "Over."}})
    for subscription in subscriptions:
        [error] = subscription.errors()
        assert error["message"] == "Over."
    resolver.give(of_other, status_of(of_other))
    assert other.data() == {field: {"id": "1"}}
    publish(server, field, 2)
    call = resolver.next_call()
    assert call["plan"] == of_other["plan"]


def test_what_is_not_resolved_in_time_is_an_error(server, connect, resolve, name):
    field = register(server, name, timeout="1 s")
    start = server.log_size()
    subscription = connect(server).subscribe(query(field))
    resolver = resolve(server, field)
    publish(server, field, 1)
    call = resolver.next_call()
    [error] = subscription.next()["errors"]
    assert error["message"] == UNEXPECTED
    assert error["extensions"]["code"] == "RESOLVER_TIMEOUT"
    wait_until(
        lambda: error["extensions"]["correlationId"] in server.log(start), "the log has it, too"
    )
    # An answer that comes too late is nobody's.
    resolver.give(call, status_of(call))
    publish(server, field, 2)
    call = resolver.next_call()
    resolver.give(call, status_of(call))
    assert subscription.data()[field]["id"] == "2"


def test_events_wait_for_a_process_that_resolves_their_field(server, connect, resolve, field, name):
    other = resolve(server, f"{name}_other")
    subscription = connect(server).subscribe(query(field))
    publish(server, field, 1, 2)
    wait_until(lambda: row_of(server, field)["waiting"] == 2, "both are held")
    assert other.exchange() == []
    resolve(server, field).serve(status_of, 2)
    assert [subscription.data()[field]["id"] for _ in range(2)] == ["1", "2"]


def test_without_a_process_events_end_with_an_error_when_their_time_is_over(server, connect, name):
    field = register(server, name, timeout="100 ms")
    subscription = connect(server).subscribe(query(field))
    publish(server, field, 1)
    assert subscription.next()["errors"][0]["extensions"]["code"] == "RESOLVER_TIMEOUT"


def test_a_call_of_a_lost_process_fails_as_it_may_have_been_done(server, connect, resolve, field):
    subscription = connect(server).subscribe(query(field))
    first, second = resolve(server, field), resolve(server, field, credits=0)
    publish(server, field, 1)
    first.next_call()
    first.close()
    [error] = subscription.next()["errors"]
    assert error["extensions"]["code"] == "RESOLVER_FAILED"
    second.credits = 10
    assert second.exchange() == []


@pytest.mark.parametrize("options", [{"idempotent": True}, {"retries": 1}])
def test_a_call_of_a_lost_process_is_given_to_another_if_it_may_be_done_twice(
    server, connect, resolve, name, options
):
    field = register(server, name, **options)
    subscription = connect(server).subscribe(query(field))
    first, second = resolve(server, field), resolve(server, field, credits=0)
    publish(server, field, 1, 2)
    given = first.next_calls(2)
    server.sql("SELECT pg_terminate_backend(%s)", (first.connection.info.backend_pid,))
    second.credits = 10
    again = second.next_calls(2)
    assert [call["event"] for call in again] == [call["event"] for call in given]
    assert [call["attempt"] for call in given + again] == [1, 1, 2, 2]
    for call in again:
        second.give(call, status_of(call))
    assert [subscription.data()[field]["id"] for _ in range(2)] == ["1", "2"]


def test_a_call_is_given_no_more_often_than_it_may_be(server, connect, resolve, name):
    field = register(server, name, retries=1)
    subscription = connect(server).subscribe(query(field))
    publish(server, field, 1)
    for _ in range(2):
        resolver = resolve(server, field)
        resolver.next_call()
        resolver.close()
    assert subscription.next()["errors"][0]["extensions"]["code"] == "RESOLVER_FAILED"


def test_processes_share_the_calls_by_what_they_can_take(server, connect, resolve, field):
    subscription = connect(server).subscribe(query(field))
    small, large = resolve(server, field, credits=1), resolve(server, field, credits=3)
    publish(server, field, *range(1, 7))
    assert len(large.next_calls(3)) == 3
    assert len(small.next_calls(1)) == 1
    # Nobody is given more than he has asked for.
    assert small.exchange() == [] and large.exchange() == []
    wait_until(lambda: row_of(server, field)["waiting"] == 2, "the others wait")
    small.give(small.next_call(), {"id": "small"})
    assert len(small.next_calls(1)) == 1
    for resolver in (small, large):
        while resolver.calls:
            call = resolver.calls[min(resolver.calls)]
            resolver.give(call, status_of(call))
    while subscription.data()[field]["id"] != "6":
        for resolver in (small, large):
            resolver.exchange()
            for call in list(resolver.calls.values()):
                resolver.give(call, status_of(call))


def test_no_more_calls_of_a_field_are_under_way_than_were_registered(
    server, connect, resolve, name
):
    field = register(server, name, concurrency=2)
    subscription = connect(server).subscribe(query(field))
    resolvers = [resolve(server, field) for _ in range(2)]
    publish(server, field, *range(1, 6))
    wait_until(lambda: row_of(server, field)["waiting"] == 3, "the others wait")
    for resolver in resolvers:
        resolver.exchange()
    assert sum(len(resolver.calls) for resolver in resolvers) == 2
    delivered = 0
    while delivered < 5:
        for resolver in resolvers:
            resolver.exchange()
            for call in list(resolver.calls.values()):
                resolver.give(call, status_of(call))
                delivered += 1
            assert row_of(server, field)["under_way"] <= 2
    assert [subscription.data()[field]["id"] for _ in range(5)] == list("12345")


def test_a_process_may_resolve_other_fields_later(server, connect, resolve, field):
    subscription = connect(server).subscribe(query(field))
    resolver = resolve(server)
    publish(server, field, 1)
    wait_until(lambda: row_of(server, field)["waiting"] == 1, "it waits")
    resolver.exchange(fields=[field])
    resolver.serve(status_of, 1)
    assert subscription.data()[field]["id"] == "1"


def test_what_finds_no_room_to_be_held_is_lost_and_counted(make_cluster, connect, resolve):
    cluster = make_cluster(max_held_size="64kB")
    cluster.sql("SELECT fraiseql_register_types(%s)", (TYPES,))
    field = register(cluster, "orders", definition="{}: Order")
    cluster.sql("SELECT fraiseql_register_subscription('passed: Order', 'passed')")
    client = connect(cluster)
    subscription = client.subscribe(query(field))
    passed = client.subscribe(query("passed"))
    with cluster.connect(autocommit=False) as connection:
        for id in range(100):
            cluster.publish("changed", field, {"id": id, "status": "x" * 1000}, connection)
        cluster.publish("changed", "passed", {"id": 100}, connection)
    assert passed.data()["passed"]["id"] == "100", "all before it are read"
    lost = cluster.metric("fraiseql_subs_held_events_lost_total")
    held = 100 - int(lost)
    assert held > 0
    assert cluster.metric("fraiseql_subs_held_events") == held + 1
    assert 0 < cluster.metric("fraiseql_subs_held_bytes") <= 65536
    resolver = resolve(cluster, field)
    resolver.serve(status_of, held)
    assert [subscription.data()[field]["id"] for _ in range(held)] == [
        str(id) for id in range(held)
    ]
    [error] = subscription.next()["errors"]
    assert error["extensions"] == {"code": "EVENTS_LOST", "count": lost}
    # And there is room again.
    publish(cluster, field, 100)
    resolver.serve(status_of, 1)
    assert subscription.data()[field]["id"] == "100"
    assert cluster.metric("fraiseql_subs_held_events") == 0
    assert cluster.metric("fraiseql_subs_held_bytes") == 0


def test_a_client_that_reads_slowly_gets_all_in_the_end(make_cluster, connect, resolve):
    cluster = make_cluster(outbox_size="16kB", slow_timeout="1min", worker_threads=1)
    cluster.sql("SELECT fraiseql_register_types(%s)", (TYPES,))
    field = register(cluster, "orders", definition="{}: Order", idempotent=True)
    slow = connect(cluster)
    subscription = slow.subscribe(query(field))
    quick = connect(cluster).subscribe(query(field))
    resolver = resolve(cluster, field)
    text = "x" * 200_000
    count = 100
    for id in range(count):
        publish(cluster, field, id)
        resolver.serve(lambda call: {"id": call["event"]["data"]["id"], "status": text}, 1)
        assert quick.data()[field]["id"] == str(id)
        resolver.exchange()
    assert cluster.metric("fraiseql_subs_fallen_behind_total") > 0
    for id in range(count):
        while not subscription.messages:
            with contextlib.suppress(TimeoutError):
                message = json.loads(slow.socket.recv(timeout=0.05))
                if message.get("id") == subscription.id:
                    subscription.messages.append(message)
            resolver.exchange()
            for call in list(resolver.calls.values()):
                resolver.give(call, {"id": call["event"]["data"]["id"], "status": text})
        assert subscription.data()[field]["id"] == str(id)


def test_who_resolves_for_an_audience_learns_whose_event_it_is(server, connect, resolve, name):
    field = register(server, name, per="audience")
    subscriptions = {}
    for user in ("alice", "bob"):
        for _ in range(2):
            client = connect(server, init=False)
            client.init({"authToken": make_token(sub=user, exp=4_000_000_000, expires_in=None)})
            subscriptions.setdefault(user, []).append(client.subscribe(query(field, "owner")))
    resolver = resolve(server, field)
    publish(server, field, 1)
    calls = resolver.next_calls(2)
    assert sorted(call["claims"]["sub"] for call in calls) == ["alice", "bob"]
    assert len({call["plan"] for call in calls}) == 2
    for call in calls:
        assert call["role"] is None
        resolver.give(call, {"owner": call["claims"]["sub"]})
    for user, own in subscriptions.items():
        for subscription in own:
            assert subscription.data() == {field: {"owner": user}}
    assert resolver.exchange() == []


def test_who_resolves_for_a_plan_learns_of_no_client(server, connect, resolve, field):
    for user in ("alice", "bob"):
        client = connect(server, init=False)
        client.init({"authToken": make_token(sub=user)})
        client.subscribe(query(field))
    resolver = resolve(server, field)
    publish(server, field, 1)
    calls = resolver.next_calls(1)
    assert "claims" not in calls[0]


def test_a_call_for_nobody_is_not_made(server, connect, resolve, field):
    client = connect(server)
    subscription = client.subscribe(query(field))
    publish(server, field, 1)
    wait_until(lambda: row_of(server, field)["waiting"] == 1, "it waits")
    subscription.complete()
    wait_until(lambda: row_of(server, field)["waiting"] == 0, "nobody waits for it")
    other = client.subscribe(query(field))
    publish(server, field, 2)
    resolver = resolve(server, field)
    call = resolver.next_call()
    assert call["event"]["data"]["id"] == 2
    resolver.give(call, status_of(call))
    assert other.data()[field]["id"] == "2"


def test_an_answer_for_those_who_are_gone_does_no_harm(server, connect, resolve, field):
    resolver = resolve(server, field)
    client = connect(server)
    client.subscribe(query(field))
    publish(server, field, 1)
    call = resolver.next_call()
    client.close()
    wait_until(lambda: row_of(server, field)["under_way"] == 0, "the client is gone")
    resolver.give(call, status_of(call))
    subscription = connect(server).subscribe(query(field))
    publish(server, field, 2)
    resolver.serve(status_of, 1)
    assert subscription.data()[field]["id"] == "2"


def test_it_can_be_explained_that_an_event_is_held(server, connect, resolve, field):
    client = connect(server)
    subscription = client.subscribe(query(field))
    resolver = resolve(server, field)
    publish(server, field, 1)
    call = resolver.next_call()

    def outcome():
        [row] = server.sql(
            "SELECT outcome FROM fraiseql_connections() AS c,"
            " fraiseql_explain_delivery(%s, c.id, %s) WHERE c.peer = %s AND module = 'delivery'",
            (call["event"]["position"], subscription.id, client.peer),
        )
        return row[0]

    assert outcome() == "held"
    resolver.give(call, status_of(call))
    subscription.data()
    assert outcome() == "delivered"


def test_a_catalog_that_changes_leaves_what_is_held_where_it_is(server, connect, resolve, field):
    subscription = connect(server).subscribe(query(field))
    resolver = resolve(server, field)
    publish(server, field, 1)
    call = resolver.next_call()
    server.sql("SELECT fraiseql_register_types('type Other { id: ID }')")
    publish(server, field, 2)
    second = resolver.next_calls(2)[1]
    resolver.give(second, status_of(second))
    resolver.give(call, status_of(call))
    assert [subscription.data()[field]["id"] for _ in range(2)] == ["1", "2"]


def test_without_its_resolver_a_field_has_its_data_again_behind_what_is_held(
    server, connect, resolve, field
):
    subscription = connect(server).subscribe(query(field))
    resolver = resolve(server, field)
    publish(server, field, 1)
    call = resolver.next_call()
    server.sql("SELECT fraiseql_unregister_resolver(%s)", (field,))
    publish(server, field, 2, status="from the event")
    resolver.give(call, status_of(call))
    assert subscription.data()[field] == {"id": "1", "status": "status 1"}
    assert subscription.data()[field] == {"id": "2", "status": "from the event"}


def test_a_resolver_that_comes_later_resolves_what_is_committed_behind_it(
    server, connect, resolve, name
):
    server.sql("SELECT fraiseql_register_subscription(%s, %s)", (f"{name}: Order", name))
    subscription = connect(server).subscribe(query(name))
    publish(server, name, 1, status="data")
    register_resolver(server, name)
    publish(server, name, 2, status="data")
    resolve(server, name).serve(status_of, 1)
    assert [subscription.data()[name]["status"] for _ in range(2)] == ["data", "status 2"]


def test_a_field_that_is_gone_ends_what_is_held(server, connect, resolve, field):
    subscription = connect(server).subscribe(query(field))
    resolver = resolve(server, field)
    publish(server, field, 1)
    call = resolver.next_call()
    server.sql("SELECT fraiseql_unregister_subscription(%s)", (field,))
    assert subscription.errors()
    resolver.give(call, status_of(call))
    assert server.sql("SELECT 1 FROM fraiseql_subs.resolver WHERE field = %s", (field,)) == []


def test_event_streams_and_the_older_protocol_get_resolved_events_too(server, resolve, field):
    client = Client(server.url, subprotocols=("graphql-ws",))
    try:
        client.send({"type": "connection_init"})
        client.wait_for("connection_ack")
        client.send({"type": "start", "id": "1", "payload": {"query": query(field)}})
        wait_until(
            lambda: server.value(
                "SELECT count(*) FROM fraiseql_subscriptions() WHERE field = %s", (field,)
            ),
            "it is subscribed",
        )
        publish(server, field, 1)
        resolve(server, field).serve(status_of, 1)
        assert client.wait_for("data")["payload"]["data"] == {
            field: {"id": "1", "status": "status 1"}
        }
    finally:
        client.close()


# The procedure ------------------------------------------------------------------------------------


def test_a_process_that_waits_keeps_no_snapshot(server, resolve, field):
    resolver = resolve(server, field)
    pid = resolver.connection.info.backend_pid
    with waiting(server, resolver):
        assert server.sql(
            "SELECT backend_xmin, backend_xid FROM pg_stat_activity WHERE pid = %s", (pid,)
        ) == [(None, None)]


@contextlib.contextmanager
def waiting(server, resolver, outcome=None):
    """Have it wait in another thread meanwhile, until it is cancelled."""
    errors = []

    def wait():
        try:
            resolver.exchange(wait=1000)
        except psycopg.Error as error:
            errors.append(error)

    thread = threading.Thread(target=wait)
    thread.start()
    pid = resolver.connection.info.backend_pid
    wait_until(
        lambda: server.sql(
            "SELECT 1 FROM pg_stat_activity WHERE pid = %s AND state = 'active'"
            " AND wait_event_type = 'Extension'",
            (pid,),
        ),
        "it waits",
    )
    try:
        yield errors
    finally:
        server.sql("SELECT pg_cancel_backend(%s)", (pid,))
        thread.join()


def test_a_cancelled_wait_gives_the_calls_back(server, connect, resolve, name):
    field = register(server, name, idempotent=True)
    subscription = connect(server).subscribe(query(field))
    resolver = resolve(server, field, credits=1)
    publish(server, field, 1)
    resolver.next_call()
    with waiting(server, resolver) as errors:
        pass
    assert [type(error) for error in errors] == [psycopg.errors.QueryCanceled]
    with pytest.raises(psycopg.errors.ConnectionFailure):
        resolver.exchange()
    resolve(server, field).serve(status_of, 1)
    assert subscription.data()[field]["id"] == "1"


def test_a_wait_ends_with_its_client(server, connect, resolve, name):
    field = register(server, name, idempotent=True)
    subscription = connect(server).subscribe(query(field))
    resolver = Resolver(server, field)
    pid = resolver.connection.info.backend_pid
    publish(server, field, 1)
    resolver.next_call()
    waits = f"CALL fraiseql_subs.resolver_exchange('{resolver.link}', NULL, NULL, 0, 1000000, NULL)"
    resolver.connection.pgconn.send_query(waits.encode())
    wait_until(
        lambda: server.sql(
            "SELECT 1 FROM pg_stat_activity WHERE pid = %s AND wait_event_type = 'Extension'",
            (pid,),
        ),
        "it waits",
    )
    resolver.connection.close()
    resolve(server, field).serve(status_of, 1)
    assert subscription.data()[field]["id"] == "1"
    wait_until(
        lambda: server.sql("SELECT 1 FROM pg_stat_activity WHERE pid = %s", (pid,)) == [],
        "the backend has ended",
    )


def test_a_link_is_known_to_its_own_session_alone(server, resolve, field):
    resolver, other = resolve(server, field), resolve(server, field)
    other.link = resolver.link
    with pytest.raises(psycopg.errors.ConnectionFailure):
        other.exchange()
    other.link = None
    assert other.exchange(fields=[field]) == []
    assert other.link != resolver.link


def test_a_session_has_one_link_and_may_open_another(server, connect, resolve, field):
    subscription = connect(server).subscribe(query(field))
    resolver = resolve(server, field)
    before, resolver.link = resolver.link, None
    resolver.exchange(fields=[field])
    assert before != resolver.link
    publish(server, field, 1)
    resolver.serve(status_of, 1)
    assert subscription.data()[field]["id"] == "1"


def test_the_procedure_refuses_a_transaction_block(server):
    with (
        server.connect(autocommit=False) as connection,
        pytest.raises(psycopg.errors.ActiveSqlTransaction),
    ):
        connection.execute("CALL fraiseql_subs.resolver_exchange(NULL, '[]', NULL, 0, 0, NULL)")


@pytest.mark.parametrize("results", ["{", "no", '[1] , "op": "x"'])
def test_results_that_are_no_json_are_refused_before_the_worker_sees_them(
    server, resolve, field, results
):
    resolver = resolve(server, field)
    with pytest.raises(psycopg.errors.InvalidTextRepresentation):
        resolver.connection.execute(
            "CALL fraiseql_subs.resolver_exchange(%s, NULL, %s, 0, 0, NULL)",
            (resolver.link, results),
        )


@pytest.mark.parametrize(
    "results", ["{}", "[1]", '[{"call": 1}]', '[{"call": "1", "value": 1}]', '[{"value": 1}]']
)
def test_results_that_make_no_sense_end_the_link(server, resolve, field, results):
    resolver = resolve(server, field)
    with pytest.raises(psycopg.errors.ConnectionFailure):
        for _ in range(2):
            resolver.connection.execute(
                "CALL fraiseql_subs.resolver_exchange(%s, NULL, %s, 0, 20000, NULL)",
                (resolver.link, results),
            )


def test_a_result_for_a_call_that_another_has_is_nobodys(server, connect, resolve, field):
    subscription = connect(server).subscribe(query(field))
    resolver, thief = resolve(server, field), resolve(server, field, credits=0)
    publish(server, field, 1)
    call = resolver.next_call()
    thief.exchange([{"call": call["call"], "value": {"id": "stolen"}}])
    thief.exchange()
    resolver.give(call, status_of(call))
    assert subscription.data()[field]["id"] == "1"


def test_a_link_ends_with_the_worker_and_another_one_goes_on(make_cluster, connect, resolve):
    cluster = make_cluster()
    cluster.sql("SELECT fraiseql_register_types(%s)", (TYPES,))
    field = register(cluster, "orders", definition="{}: Order")
    resolver = resolve(cluster, field)
    [pid] = cluster.worker_pids()
    os.kill(pid, signal.SIGKILL)
    with pytest.raises(psycopg.errors.ConnectionFailure):
        resolver.exchange(wait=20)
    cluster.wait_until_serving()

    def reopened():
        resolver.link = None
        with contextlib.suppress(psycopg.OperationalError):
            resolver.exchange(fields=[field])
        return resolver.link

    wait_until(reopened, "there is a link again")
    subscription = connect(cluster).subscribe(query(field))
    publish(cluster, field, 1)
    resolver.serve(status_of, 1)
    assert subscription.data()[field]["id"] == "1"


def test_a_server_stops_while_calls_are_under_way(make_cluster, connect, resolve):
    cluster = make_cluster()
    cluster.sql("SELECT fraiseql_register_types(%s)", (TYPES,))
    field = register(cluster, "orders", definition="{}: Order")
    client = connect(cluster)
    client.subscribe(query(field))
    resolver = resolve(cluster, field)
    publish(cluster, field, 1, 2)
    resolver.next_calls(2)
    cluster.stop()
    assert client.wait_for_close()[0] == 1001


def test_who_resolves_needs_the_right_to(server, resolve, field, name):
    server.sql(f"CREATE ROLE {name} LOGIN; CREATE ROLE {name}_out LOGIN")
    server.sql(f"GRANT fraiseql_resolver TO {name}")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        Resolver(server, field, user=f"{name}_out")
    assert resolve(server, field, user=name).exchange() == []


# Registration -------------------------------------------------------------------------------------


def row_of(cluster, field):
    with cluster.connect(row_factory=psycopg.rows.dict_row) as connection:
        return connection.execute(
            "SELECT * FROM fraiseql_resolvers() WHERE field = %s", (field,)
        ).fetchone()


def test_a_view_shows_each_resolver_and_what_its_calls_do(server, connect, resolve, name):
    field = register(server, name, timeout="3 s", per="audience", retries=2, concurrency=7)
    connect(server).subscribe(query(field))
    resolver = resolve(server, field, credits=1)
    publish(server, field, 1, 2)
    resolver.next_calls(1)
    row = wait_until(
        lambda: (row := row_of(server, field))["waiting"] == 1 and row, "one waits, one does not"
    )
    assert row.pop("timeout").total_seconds() == 3
    assert row == {
        "field": field,
        "function": None,
        "per": "audience",
        "retries": 2,
        "idempotent": False,
        "on_error": "null",
        "concurrency": 7,
        "processes": 1,
        "under_way": 1,
        "waiting": 1,
        "calls": 2,
        "failures": 0,
    }


def test_metrics_count_calls_and_errors(server, connect, resolve, field):
    def counted():
        names = ("calls", "errors", "timeouts")
        return [server.metric(f"fraiseql_subs_resolver_{name}_total") for name in names]

    before = counted()
    subscription = connect(server).subscribe(query(field))
    resolver = resolve(server, field)
    publish(server, field, 1, 2)
    first, second = resolver.next_calls(2)
    resolver.give(first, status_of(first))
    resolver.answer({"call": second["call"], "masked_error": "x"})
    subscription.data()
    subscription.next()
    assert [now - then for now, then in zip(counted(), before, strict=True)] == [2, 1, 0]


@pytest.mark.parametrize(
    "options",
    [
        {"per": "subscriber"},
        {"per": None},
        {"timeout": "0"},
        {"timeout": "2 h"},
        {"timeout": None},
        {"retries": -1},
        {"retries": None},
        {"idempotent": None},
        {"on_error": "stop"},
        {"on_error": None},
        {"concurrency": 0},
        {"function": "resolve"},
        {"function": "a.b.c"},
        {"function": "a b"},
    ],
)
def test_what_makes_no_sense_is_not_registered(server, field, options):
    with pytest.raises(psycopg.errors.InvalidParameterValue):
        register_resolver(server, field, **options)


def test_a_resolver_is_of_a_registered_field(server, field, name):
    with pytest.raises(psycopg.errors.UndefinedObject):
        register_resolver(server, f"{name}_other")
    server.sql("SELECT fraiseql_unregister_resolver(%s)", (field,))
    with pytest.raises(psycopg.errors.UndefinedObject):
        server.sql("SELECT fraiseql_unregister_resolver(%s)", (field,))


def test_registering_the_field_anew_leaves_its_resolver(server, field):
    server.sql("SELECT fraiseql_register_subscription(%s, %s)", (f"{field}: Order", field))
    assert server.sql("SELECT 1 FROM fraiseql_subs.resolver WHERE field = %s", (field,))


def test_resolvers_are_dumped_and_restored(make_cluster):
    cluster = make_cluster()
    cluster.sql("SELECT fraiseql_register_types(%s)", (TYPES,))
    register(cluster, "orders", definition="{}: Order", timeout="2 s", idempotent=True)
    dump = cluster.program("pg_dump", "postgres")
    cluster.sql("CREATE DATABASE restored")
    cluster.run_program("psql", "-v", "ON_ERROR_STOP=1", "-q", "-d", "restored", input=dump)
    rows = "SELECT * FROM fraiseql_subs.resolver"
    with cluster.connect(dbname="restored") as connection:
        assert connection.execute(rows).fetchall() == cluster.sql(rows)

import json
import subprocess

from node import QUERY, Writer, event


def test_an_event_that_is_written_reaches_who_subscribed(node):
    subscription = node.client().subscribe(QUERY)
    writer = node.writer()
    writer.write(event({"id": 1, "status": "paid", "total": 1.5}))
    assert writer.sync() == []
    payload = subscription.next()
    assert payload["data"] == {"orderUpdated": {"id": "1", "status": "paid"}}
    assert payload["extensions"]["position"]


def test_arguments_and_event_types_filter(node):
    seven = node.client().subscribe(QUERY, {"id": "7"})
    writer = node.writer()
    writer.write(
        event({"id": 6, "status": "a"}),
        event({"id": 7, "status": "b"}, type="orderMade"),
        event({"id": 7, "status": "c"}, channel="others"),
        event({"id": 7, "status": "d"}),
    )
    assert seven.data() == {"orderUpdated": {"id": "7", "status": "d"}}


def test_events_of_several_writers_are_each_in_order(node):
    subscription = node.client().subscribe(QUERY)
    writers = [node.writer() for _ in range(3)]
    for number in range(200):
        for name, writer in enumerate(writers):
            writer.write(event({"id": number, "status": str(name)}))
    last = {}
    for _ in range(600):
        order = subscription.data()["orderUpdated"]
        assert int(order["id"]) == last.get(order["status"], -1) + 1
        last[order["status"]] = int(order["id"])


def test_a_line_that_makes_no_sense_is_refused_with_its_number_and_harms_no_other(node):
    subscription = node.client().subscribe(QUERY)
    writer = node.writer()
    good = event({"id": 1, "status": "a"})
    bad = {
        b"{": "it is not JSON",
        b"\xff": "it is not UTF-8",
        b"[]": "it is no JSON object",
        b"{}": '"type" is missing',
        json.dumps(good | {"channel": ""}).encode(): '"channel" cannot be empty',
        json.dumps(good | {"channel": 1}).encode(): '"channel" is no string',
        json.dumps(good | {"chanel": "x"}).encode(): 'an event has no member "chanel"',
        json.dumps(good | {"subgraph": "x" * 70000}).encode(): '"subgraph" is longer than 65535',
        b'{"type": "a", "channel": "b"}': '"data" is missing',
        b'{"catalog": 1}': '"catalog" is no object',
    }
    writer.write(b"", *bad, good)
    errors = writer.sync()
    assert [error["line"] for error in errors] == list(range(2, 2 + len(bad)))
    for error, expected in zip(errors, bad.values(), strict=True):
        assert error["error"].startswith(expected), error
    assert subscription.data() == {"orderUpdated": {"id": "1", "status": "a"}}


def test_a_line_that_is_too_long_is_passed_over(node):
    writer = node.writer()
    half = b"x" * (20 << 20)
    writer.socket.sendall(half)
    writer.socket.sendall(half + b"\n")
    writer.write(event({"id": 1, "status": "a"}))
    (error,) = writer.sync()
    assert error["line"] == 1
    assert "longer than" in error["error"]


def test_an_event_that_does_not_fit_the_ring_is_refused(make_node):
    node = make_node(ring_size=1 << 20).start()
    writer = node.writer()
    writer.write(event({"id": 1, "status": "x" * (1 << 18)}))
    (error,) = writer.sync()
    assert "increase ring_size" in error["error"]


def test_nothing_that_a_shard_has_not_read_is_overwritten(make_node):
    node = make_node(ring_size=1 << 20, shards=2).start()
    subscription = node.client().subscribe(QUERY)
    writer = node.writer()
    count, filler = 3000, "x" * 10_000
    for number in range(count):
        writer.write(event({"id": number, "status": filler}))
    for number in range(count):
        payload = subscription.next()
        # What a client is too slow for is a counted loss, and never an event of another's.
        if "errors" in payload:
            assert payload["errors"][0]["extensions"]["code"] == "EVENTS_LOST"
            return
        assert payload["data"]["orderUpdated"]["id"] == str(number)


def test_the_last_line_needs_no_end(node):
    subscription = node.client().subscribe(QUERY)
    writer = node.writer()
    writer.socket.sendall(json.dumps(event({"id": 1, "status": "a"})).encode())
    writer.close()
    assert subscription.data() == {"orderUpdated": {"id": "1", "status": "a"}}


def test_data_may_be_any_json_and_metadata_may_be_left_out(node):
    subscription = node.client().subscribe("subscription { orderUpdated { id } }")
    writer = node.writer()
    writer.write(
        event(None),
        event({"id": 12345678901234567890123}, correlation_id="request-1", subgraph=None),
    )
    assert writer.sync() == []
    assert subscription.data() == {"orderUpdated": None}
    assert subscription.data() == {"orderUpdated": {"id": "12345678901234567890123"}}


def test_standard_input_is_read_and_its_end_ends_nothing(make_node):
    node = make_node(events="-").start(stdin=subprocess.PIPE)
    subscription = node.client().subscribe(QUERY)
    lines = [b"nonsense", json.dumps(event({"id": 1, "status": "a"})).encode()]
    node.process.stdin.write(b"\n".join(lines))
    node.process.stdin.close()
    assert subscription.data() == {"orderUpdated": {"id": "1", "status": "a"}}
    node.wait_for_log("no more events come")
    assert "it is not JSON" in node.log()
    assert node.is_ready()


def test_standard_input_may_be_a_file(make_node, tmp_path):
    lines = tmp_path / "lines"
    lines.write_text(json.dumps({"catalog": {"types": "type A { b: Int }", "subscriptions": []}}))
    with lines.open() as given:
        node = make_node(events="-", catalog=None).start(stdin=given)
    node.wait_for_log("serving 0 subscription fields")


def test_the_end_of_standard_input_ends_a_node_that_is_told_so(make_node):
    node = make_node(events="-", exit_at_end="true").start(stdin=subprocess.PIPE)
    client = node.client()
    node.process.stdin.close()
    assert client.wait_for_close()[0] == 1001
    assert node.process.wait(20) == 0


def test_a_standard_input_that_is_a_socket_has_answers(make_node):
    import socket

    ours, theirs = socket.socketpair()
    with theirs:
        node = make_node(events="-", exit_at_end="true").start(stdin=theirs)
    writer = Writer(ours)
    writer.write(b"nonsense")
    (error,) = writer.sync()
    assert error["error"].startswith("it is not JSON")
    writer.close()
    assert node.process.wait(20) == 0


def test_the_socket_for_events_is_its_owners_alone(node):
    assert node.events.stat().st_mode & 0o777 == 0o600

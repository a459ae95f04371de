"""Clients whose sockets another process has accepted, served through SQL."""

import itertools
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
import time

import psycopg
import pytest
from psycopg import errors

import hosted
from cluster import wait_until
from fixtures import serving
from hosted import CLOSED, ENDED, EVENT, MESSAGE, PING, STARTED, Host, text
from resolver import Resolver
from tokens import SECRET, make_token

QUERY = "subscription { orderUpdated { id status } }"
INIT = {"type": "connection_init"}


@pytest.fixture
def host(server):
    with Host(server) as opened:
        yield opened
    wait_until(lambda: connections(server) == [], "its sessions have gone")


@pytest.fixture
def orders(make_cluster):
    """A function that starts a server of the test's own, with the field orderUpdated."""

    def make(**settings):
        cluster = make_cluster(**settings)
        cluster.sql("SELECT fraiseql_register_types('type Order { id: ID! status: String }')")
        cluster.sql(
            "SELECT fraiseql_register_subscription("
            "'orderUpdated(id: ID, status: String): Order', 'orders')"
        )
        return cluster

    return make


def publish(cluster, id, connection=None, **data):
    cluster.publish(
        "orderUpdated", "orders", {"id": id, "status": "new"} | data, connection=connection
    )


def id_of(frame):
    return frame.json["payload"]["data"]["orderUpdated"]["id"]


def connections(cluster, columns="id", where="hosted"):
    return cluster.sql(f"SELECT {columns} FROM fraiseql_connections() WHERE {where} ORDER BY id")


def wait_event(cluster, pid):
    """What the session waits for, and whether it holds a snapshot."""
    return cluster.sql(
        "SELECT state, wait_event_type, backend_xmin, backend_xid"
        " FROM pg_stat_activity WHERE pid = %s",
        (pid,),
    )[0]


def wait_until_waiting(cluster, pid):
    wait_until(
        lambda: wait_event(cluster, pid)[:2] == ("active", "Extension"),
        "the session waits for frames",
    )


class Waiting:
    """A host whose call waits in a thread of its own."""

    def __init__(self, host, cluster, *commands):
        self.host = host
        self.error = None
        self.frames = None
        self.thread = threading.Thread(target=self._run, args=commands)
        self.thread.start()
        wait_until_waiting(cluster, host.pid)

    def _run(self, *commands):
        try:
            self.frames = self.host.exchange(*commands, wait_ms=60_000)
        except psycopg.Error as error:
            self.error = error

    def end(self):
        self.thread.join(20)
        assert not self.thread.is_alive()
        return self


# Sessions ----------------------------------------------------------------------------------------


def test_a_session_gets_the_events_that_it_subscribes_to(server, host):
    host.begin(1)
    position = host.start(1, "a", QUERY)
    publish(server, "1", status="new")
    event = host.take(1)
    assert (event.kind, event.id) == (EVENT, "a")
    assert event.position > position
    assert (event.json["id"], event.json["type"]) == ("a", "next")
    assert event.json["payload"]["data"] == {"orderUpdated": {"id": "1", "status": "new"}}


def test_positions_of_a_subscription_grow(server, host):
    host.begin(1)
    positions = [host.start(1, "a", QUERY)]
    for number in range(5):
        publish(server, str(number))
        positions.append(host.take(1, EVENT).position)
    assert positions == sorted(set(positions))


def test_the_older_protocol_is_served_as_well(server, host):
    host.exchange(hosted.open_session(1, "graphql-ws"), text(1, INIT))
    assert host.take(1).json["type"] == "connection_ack"
    assert host.take(1).json["type"] == "ka"
    host.exchange(text(1, {"type": "start", "id": "a", "payload": {"query": QUERY}}))
    assert host.take(1).kind == STARTED
    publish(server, "1")
    event = host.take(1, EVENT)
    assert (event.id, event.json["type"]) == ("a", "data")
    host.exchange(text(1, {"type": "stop", "id": "a"}))
    ended = host.take(1, ENDED)
    assert (ended.id, ended.json["type"]) == ("a", "complete")


def test_a_subscription_that_its_client_completes_gets_no_more_events(server, host):
    host.begin(1)
    host.start(1, "a", QUERY)
    host.start(1, "b", QUERY)
    host.exchange(text(1, {"type": "complete", "id": "a"}), wait_ms=0)
    publish(server, "1")
    assert host.take(1, EVENT).id == "b"
    host.exchange(wait_ms=0)
    assert host.frames == []


def test_a_session_ends_when_its_client_closes(server, host):
    host.begin(1)
    host.exchange(hosted.close(1, 1000))
    closed = host.take(1)
    assert (closed.kind, closed.code) == (CLOSED, 1000)
    assert connections(server) == []


def test_the_number_of_a_session_that_is_over_is_free(host):
    host.begin(1)
    host.exchange(hosted.close(1))
    assert host.take(1).kind == CLOSED
    host.begin(1)


def test_what_comes_for_a_session_that_the_worker_has_closed_is_dropped(host):
    host.begin(1)
    # The second one closes it, and the host cannot know that yet.
    host.exchange(text(1, INIT), text(1, INIT), hosted.command(hosted.HEARD, 1), hosted.close(1))
    assert host.take(1, CLOSED).code == 4429
    host.begin(2)


def test_an_operation_that_is_refused_ends_with_its_errors(host):
    host.begin(1)
    host.exchange(hosted.subscribe(1, "a", "subscription { nothing }"))
    ended = host.take(1)
    assert (ended.kind, ended.id, ended.json["type"]) == (ENDED, "a", "error")


def test_the_result_of_a_query_is_an_event_without_a_position(host):
    host.begin(1)
    host.exchange(hosted.subscribe(1, "a", "{ __typename }"))
    event = host.take(1)
    assert (event.kind, event.id, event.position) == (EVENT, "a", 0)
    assert event.json["payload"] == {"data": {"__typename": "Query"}}
    ended = host.take(1)
    assert (ended.kind, ended.id) == (ENDED, "a")


def test_a_pong_belongs_to_no_operation(host):
    host.begin(1)
    host.exchange(text(1, {"type": "ping", "payload": {"n": 1}}))
    pong = host.take(1)
    assert (pong.kind, pong.id, pong.position) == (MESSAGE, "", 0)
    assert pong.json == {"type": "pong", "payload": {"n": 1}}


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (text(1, b"no JSON"), 4400),
        (text(1, b"\xff"), 1007),
        (hosted.command(hosted.BINARY, 1), 4400),
        (hosted.command(hosted.TOO_BIG, 1), 1009),
        (text(1, b" " * 2_000_000), 1009),
        (text(1, INIT), 4429),
    ],
)
def test_what_breaks_the_protocol_closes_the_session_as_it_would_a_socket(host, sent, code):
    host.begin(1)
    host.exchange(sent)
    closed = host.take(1)
    assert (closed.kind, closed.code) == (CLOSED, code)


def test_a_session_without_a_subprotocol_is_closed(host):
    host.exchange(hosted.open_session(1, ""))
    assert host.take(1).code == 4406


def test_a_session_that_does_not_present_itself_is_closed(orders):
    with Host(orders(init_timeout="200ms")) as host:
        host.exchange(hosted.open_session(1))
        closed = host.take(1)
        assert (closed.kind, closed.code) == (CLOSED, 4408)


def test_an_event_larger_than_what_one_call_returns_otherwise_comes_whole(orders):
    cluster = orders(max_event_size="8MB", ring_size="64MB")
    with Host(cluster) as host:
        host.begin(1)
        host.start(1, "a", QUERY)
        status = "x" * 3_000_000
        publish(cluster, "1", status=status)
        assert host.take(1, EVENT).json["payload"]["data"]["orderUpdated"]["status"] == status


def test_two_links_have_sessions_of_the_same_number(server):
    with Host(server) as one, Host(server) as other:
        one.begin(1)
        other.begin(1)
        one.start(1, "a", QUERY)
        publish(server, "1")
        assert id_of(one.take(1, EVENT)) == "1"
        assert other.exchange(wait_ms=0) == []


def test_a_thousand_sessions_share_a_link(server, host):
    numbers = range(1, 1001)
    host.exchange(*(hosted.open_session(n) + text(n, INIT) for n in numbers), wait_ms=0)
    for n in numbers:
        assert host.take(n, MESSAGE).json["type"] == "connection_ack"
    host.exchange(*(hosted.subscribe(n, "a", QUERY) for n in numbers), wait_ms=0)
    for n in numbers:
        host.take(n, STARTED)
    for id in ("1", "2", "3"):
        publish(server, id)
    for n in numbers:
        assert [id_of(host.take(n, EVENT)) for _ in range(3)] == ["1", "2", "3"]


# Who a client is ---------------------------------------------------------------------------------


def test_a_client_is_whom_the_host_vouches_for(server, host):
    claims = {"sub": "alice", "tenant_id": "acme", "roles": ["admin"]}
    host.begin(1, claims=claims, peer="192.0.2.7:4321")
    rows = connections(server, "user_id, tenant_id, roles, peer, protocol, state")
    assert rows == [
        ("alice", "acme", ["admin"], "192.0.2.7:4321", "graphql-transport-ws", "acknowledged")
    ]


def test_whom_a_host_vouches_for_needs_no_token(orders):
    cluster = orders(allow_anonymous="off")
    with Host(cluster) as host:
        host.begin(1, claims={"sub": "alice"})
        host.exchange(hosted.open_session(2), text(2, INIT))
        closed = host.take(2)
        assert (closed.kind, closed.code) == (CLOSED, 4403)


def test_claims_that_have_expired_are_refused(host):
    host.exchange(hosted.open_session(1, claims={"sub": "alice", "exp": 1}), text(1, INIT))
    closed = host.take(1)
    assert (closed.kind, closed.code) == (CLOSED, 4403)


def test_claims_end_when_they_say(orders):
    with Host(orders()) as host:
        host.begin(1, claims={"sub": "alice", "exp": time.time() + 3})
        closed = host.take(1, CLOSED)
        assert (closed.code, closed.reason) == (4403, "Token expired")


def test_a_token_of_the_client_is_verified_where_nobody_vouches(orders):
    cluster = orders(allow_anonymous="off")
    cluster.sql(
        "SELECT fraiseql_register_issuer('tests', algorithms => ARRAY['HS256'], secret => %s)",
        (SECRET,),
    )
    with Host(cluster) as host:
        good = {"type": "connection_init", "payload": {"token": make_token(sub="bob")}}
        bad = {"type": "connection_init", "payload": {"token": make_token("x" * 40, sub="bob")}}
        host.exchange(hosted.open_session(1), text(1, good))
        assert host.take(1).json["type"] == "connection_ack"
        assert connections(cluster, "user_id") == [("bob",)]
        host.exchange(hosted.open_session(2), text(2, bad))
        assert host.take(2).code == 4403
        headers = {"authorization": f"Bearer {make_token(sub='carol')}"}
        host.begin(3, headers=headers)
        assert ("carol",) in connections(cluster, "user_id")


def test_a_page_that_is_not_allowed_gets_no_session(orders):
    cluster = orders(allowed_origins="https://shop.example")
    with Host(cluster) as host:
        host.begin(1, headers={"origin": "https://shop.example", "host": "shop.example"})
        host.exchange(hosted.open_session(2, headers={"origin": "https://evil.example"}))
        closed = host.take(2)
        assert (closed.kind, closed.code, closed.reason) == (CLOSED, 4403, "Forbidden")


def test_another_function_that_authenticates_leaves_those_who_are_vouched_for(orders):
    cluster = orders()
    with Host(cluster) as host:
        host.begin(1, claims={"sub": "alice"})
        cluster.set(authenticate="nowhere.login")
        wait_until(lambda: cluster.value("SHOW fraiseql_subs.authenticate") != "", "it is set")
        host.exchange(text(1, {"type": "ping"}))
        assert host.take(1).json["type"] == "pong"


def test_limits_of_a_users_connections_hold(orders):
    cluster = orders(limit_connections_per_user="1")
    with Host(cluster) as host:
        host.begin(1, claims={"sub": "alice"})
        host.begin(2, claims={"sub": "bob"})
        host.exchange(hosted.open_session(3, claims={"sub": "alice"}), text(3, INIT))
        closed = host.take(3)
        assert (closed.code, closed.reason) == (1013, "connections_per_user")


@pytest.mark.parametrize(
    ("peers", "other"),
    [
        (["192.0.2.1:1", "192.0.2.1:2", "192.0.2.1"], "192.0.2.2:1"),
        (["[2001:db8::1]:1", "[2001:db8::2]:1", "2001:db8::3"], "[2001:db8:1::1]:1"),
    ],
)
def test_what_an_address_may_have_holds_for_the_clients_address(orders, peers, other):
    cluster = orders(limit_connections_per_address="2")
    with Host(cluster) as host:
        host.begin(1, peer=peers[0])
        host.begin(2, peer=peers[1])
        host.exchange(hosted.open_session(3, peer=peers[2]))
        closed = host.take(3)
        assert (closed.code, closed.reason) == (1013, "connections_per_address")
        host.begin(4, peer=other)
        host.exchange(hosted.close(1))
        host.take(1, CLOSED)
        host.begin(5, peer=peers[2])


def test_a_peer_that_is_no_address_has_no_limit(orders):
    with Host(orders(limit_connections_per_address="1")) as host:
        for number in range(1, 4):
            host.begin(number, peer="somebody")


def test_a_disconnected_user_is_told_through_the_link(server, host):
    host.begin(1, claims={"sub": "mallory"})
    assert server.value("SELECT fraiseql_disconnect(user_id => 'mallory', reason => 'Bye')") == 1
    closed = host.take(1)
    assert (closed.kind, closed.code, closed.reason) == (CLOSED, 4403, "Bye")


# Time --------------------------------------------------------------------------------------------


def test_a_host_that_tells_nothing_vouches_for_its_sockets(orders):
    with Host(orders(keepalive_interval="100ms")) as host:
        host.begin(1)
        for _ in range(5):
            host.take(1, PING)


def test_a_client_of_which_the_host_hears_no_more_is_closed(orders):
    with Host(orders(keepalive_interval="1s")) as host:
        host.begin(1)
        for _ in range(3):
            host.take(1, PING)
            host.exchange(hosted.command(hosted.HEARD, 1), wait_ms=0)
        closed = host.take(1, CLOSED)
        assert (closed.code, closed.reason) == (1001, "No answer to a ping")


def test_a_ping_tells_up_to_where_all_events_were_handed_over(orders):
    cluster = orders(keepalive_interval="100ms")
    with Host(cluster) as host:
        host.begin(1)
        start = host.start(1, "a", "subscription { orderUpdated(id: 7) { id } }")
        for number in range(3):
            publish(cluster, str(number))
        wait_until(lambda: host.take(1, PING).position >= start + 3, "a ping tells of them")


# The link ----------------------------------------------------------------------------------------


def test_a_call_that_may_not_wait_returns_what_is_there(host):
    assert host.exchange(wait_ms=0) == []


def test_a_call_waits_no_longer_than_it_may(host):
    assert host.exchange(wait_ms=50) == []
    host.begin(1)


def test_frames_that_come_after_a_call_are_there_for_the_next(server, host):
    host.begin(1)
    host.start(1, "a", QUERY)
    assert host.exchange(wait_ms=1) == []
    publish(server, "1")
    assert id_of(host.take(1, EVENT)) == "1"


def test_waiting_holds_no_snapshot(server, host):
    waiting = Waiting(host, server)
    assert wait_event(server, host.pid)[2:] == (None, None)
    server.sql("SELECT fraiseql_subs.session_send(%s, %s)", (host.link, hosted.open_session(1, "")))
    assert waiting.end().frames[0].kind == CLOSED


def test_waiting_holds_no_snapshot_where_transactions_keep_theirs(server):
    options = "-c default_transaction_isolation=repeatable\\ read"
    with Host(server, options=options) as host:
        waiting = Waiting(host, server)
        assert wait_event(server, host.pid)[2:] == (None, None)
        host.connection.cancel()
        assert isinstance(waiting.end().error, errors.QueryCanceled)


def test_a_cancelled_call_loses_nothing(server, host):
    host.begin(1)
    host.start(1, "a", QUERY)
    waiting = Waiting(host, server)
    host.connection.cancel()
    assert isinstance(waiting.end().error, errors.QueryCanceled)
    publish(server, "1")
    assert id_of(host.take(1, EVENT)) == "1"


def test_a_transaction_block_has_no_link(server):
    with (
        server.connect(autocommit=False) as connection,
        pytest.raises(errors.ActiveSqlTransaction),
    ):
        connection.execute("CALL fraiseql_subs.session_exchange(NULL, NULL, 0, NULL)")


def test_a_negative_wait_is_refused(server):
    with server.connect() as connection, pytest.raises(errors.InvalidParameterValue):
        connection.execute("CALL fraiseql_subs.session_exchange(NULL, NULL, -1, NULL)")


def test_links_cannot_be_guessed(server):
    with Host(server) as one, Host(server) as other:
        names = [one.link.split(":")[0], other.link.split(":")[0]]
        assert names[0] != names[1]
        assert all(len(name) == 32 and int(name, 16) for name in names)
        assert one.epoch == other.epoch


def test_a_link_is_that_of_its_session_alone(server, host):
    with server.connect() as connection, pytest.raises(errors.ConnectionFailure):
        connection.execute("CALL fraiseql_subs.session_exchange(%s, NULL, 0, NULL)", (host.link,))


def test_a_session_that_opens_another_link_ends_the_one_before(server, host):
    before = host.link
    host.begin(1)
    host.link = None
    host.exchange(wait_ms=0)
    assert host.link != before
    wait_until(lambda: connections(server) == [], "its sessions are gone")
    with pytest.raises(errors.ConnectionFailure):
        server.sql("SELECT fraiseql_subs.session_send(%s, '')", (before,))


def test_a_link_ends_with_its_session(server):
    with Host(server) as host:
        host.begin(1)
        host.begin(2)
        assert len(connections(server)) == 2
    wait_until(lambda: connections(server) == [], "its sessions are gone")


def test_a_terminated_session_ends_its_link(server):
    host = Host(server)
    host.begin(1)
    waiting = Waiting(host, server)
    server.sql("SELECT pg_terminate_backend(%s)", (host.pid,))
    assert isinstance(waiting.end().error, psycopg.OperationalError)
    wait_until(lambda: connections(server) == [], "its sessions are gone")


HELPER = """
import sys
sys.path[:0] = sys.argv[2:]
import psycopg, hosted

class Cluster:
    def connect(self):
        return psycopg.connect(sys.argv[1], autocommit=True)

host = hosted.Host(Cluster())
host.begin(1)
print(host.pid, flush=True)
host.exchange(wait_ms=600_000)
"""


def test_a_link_ends_when_the_process_behind_it_is_killed(server):
    process = subprocess.Popen(
        [
            sys.executable,
            "-c",
            HELPER,
            f"host={server.directory} user=postgres dbname={server.database}",
            *sys.path,
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        pid = int(process.stdout.readline())
        wait_until_waiting(server, pid)
        assert len(connections(server)) == 1
        process.kill()
    gone = "SELECT count(*) FROM pg_stat_activity WHERE pid = %s"
    wait_until(lambda: server.value(gone, (pid,)) == 0, "its session is gone")
    wait_until(lambda: connections(server) == [], "its client is gone")


# Commands of others ------------------------------------------------------------------------------


def send(connection, link, *commands):
    connection.execute("SELECT fraiseql_subs.session_send(%s, %s)", (link, b"".join(commands)))


def test_others_hand_in_commands_while_a_link_waits(server, host):
    waiting = Waiting(host, server)
    with server.connect() as other:
        send(other, host.link, hosted.open_session(1), text(1, INIT))
    assert waiting.end().frames[0].json["type"] == "connection_ack"


def test_commands_keep_the_order_in_which_somebody_hands_them_in(server, host):
    host.begin(1)
    with server.connect() as other:
        for number in range(200):
            send(other, host.link, text(1, {"type": "ping", "payload": {"n": number}}))
    assert [host.take(1).json["payload"]["n"] for _ in range(200)] == list(range(200))


def test_many_hand_in_commands_at_once(server, host):
    host.begin(1)

    def ping(number):
        with server.connect() as other:
            for _ in range(50):
                send(other, host.link, text(1, {"type": "ping", "payload": {"n": number}}))

    threads = [threading.Thread(target=ping, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    told = [host.take(1).json["payload"]["n"] for _ in range(200)]
    for thread in threads:
        thread.join()
    assert sorted(told) == sorted(list(range(4)) * 50)


@pytest.mark.parametrize("link", ["", "x", "0" * 32, "0" * 32 + ":1", "f" * 31 + "\u00e9"])
def test_a_link_that_there_is_not_is_told(server, link):
    with server.connect() as connection:
        with pytest.raises(errors.ConnectionFailure, match="there is no such link"):
            send(connection, link, hosted.open_session(1))
        with pytest.raises(errors.ConnectionFailure, match="there is no such link"):
            connection.execute("CALL fraiseql_subs.session_exchange(%s, NULL, 0, NULL)", (link,))


def test_a_link_cannot_be_null_for_others(server):
    with server.connect() as connection, pytest.raises(errors.NullValueNotAllowed):
        send(connection, None, b"")


# Commands that make no sense ---------------------------------------------------------------------

MALFORMED = {
    "half a length": (b"\x05\x00", "ends within its length"),
    "a length of four gigabytes": (
        struct.pack("<IBI", 2**32 - 1, hosted.TEXT, 1) + b"x",
        "4294967295 bytes",
    ),
    "more than there is": (struct.pack("<IBI", 6, hosted.TEXT, 1), "a command of 6 bytes has 5"),
    "less than a head": (struct.pack("<IB", 1, hosted.TEXT), "less than its header"),
    "nothing": (struct.pack("<I", 0), "less than its header"),
    "a kind too low": (hosted.command(0, 1), "no command of the kind 0"),
    "a kind too high": (hosted.command(8, 1), "no command of the kind 8"),
    "no session": (hosted.command(hosted.TEXT, 0), "number 0"),
    "no position": (hosted.command(hosted.RESUME, 1, b"1234567"), "no position"),
    "no code": (hosted.command(hosted.CLOSE, 1, b"1"), "no code"),
    "rubbish behind a command": (hosted.open_session(1) + b"\0", "ends within its length"),
}
SENSELESS = {
    "a session that was never opened": (text(1, INIT), "session 1 was not opened"),
    "a session twice": (hosted.open_session(1) * 2, "session 1 is open already"),
}
UNREADABLE = {
    "an opening that is not JSON": (hosted.command(hosted.OPEN, 1, b"{"), "is not JSON"),
    "an opening that is no object": (hosted.command(hosted.OPEN, 1, b"[]"), "no JSON object"),
    "headers that are none": (hosted.open_session(1, headers=[]), '"headers" is no object'),
    "a header that is none": (hosted.open_session(1, headers={"a": 1}), '"a" is no string'),
    "claims that are none": (hosted.open_session(1, claims="alice"), '"claims" is no object'),
    "an opening without end": (hosted.open_session(1, a="x" * 300_000), "it is too long"),
    "claims without end": (hosted.open_session(1, claims={"a": "x" * 70_000}), "too long"),
    "a path that is none": (hosted.open_session(1, path="/%zz"), "that of a URL"),
    "a peer that is none": (hosted.open_session(1, peer=1), '"peer" is no string'),
}


@pytest.mark.parametrize("case", MALFORMED | SENSELESS)
def test_commands_that_make_no_sense_end_their_link(server, case):
    commands, told = (MALFORMED | SENSELESS)[case]
    (worker,) = server.worker_pids()
    with Host(server) as host, Host(server) as other:
        other.begin(1)
        with pytest.raises(errors.ProtocolViolation) as refused:
            host.exchange(commands)
        assert told in refused.value.diag.message_detail
        with pytest.raises(errors.ConnectionFailure):
            host.exchange(wait_ms=0)
        other.exchange(text(1, {"type": "ping"}))
        assert other.take(1).json["type"] == "pong"
        # The same session may open another.
        host.link = None
        host.begin(1)
    assert server.worker_pids() == [worker]


@pytest.mark.parametrize("case", UNREADABLE)
def test_an_opening_that_cannot_be_read_ends_its_session_alone(server, host, case):
    opening, told = UNREADABLE[case]
    host.begin(2)
    host.exchange(opening + text(1, INIT))
    closed = host.take(1)
    assert closed.kind == hosted.CLOSED
    assert closed.code == 4400
    assert told in closed.reason
    host.exchange(text(2, {"type": "ping"}))
    assert host.take(2).json["type"] == "pong"


@pytest.mark.parametrize("case", MALFORMED)
def test_who_hands_in_commands_that_make_no_sense_is_told(server, case):
    commands, told = MALFORMED[case]
    with Host(server) as host, server.connect() as connection:
        host.begin(1)
        with pytest.raises(errors.ProtocolViolation) as refused:
            send(connection, host.link, commands)
        assert told in refused.value.diag.message_detail
        with pytest.raises(psycopg.OperationalError):
            host.exchange()
        with pytest.raises(errors.ConnectionFailure):
            send(connection, host.link, hosted.open_session(1))


def test_too_many_commands_for_one_call_are_refused(server, host):
    host.begin(1)
    many = b"\0" * (16 * 2**20 + 1)
    with pytest.raises(errors.ProgramLimitExceeded):
        host.exchange(many)
    with server.connect() as connection, pytest.raises(errors.ProgramLimitExceeded):
        send(connection, host.link, many)
    host.exchange(text(1, {"type": "ping"}))
    assert host.take(1).json["type"] == "pong"


def test_a_host_that_opens_sessions_in_vain_and_takes_no_frames_loses_its_link(server, host):
    # Each is refused, and tells so.
    numbers = itertools.count(1)
    with server.connect() as connection, pytest.raises(errors.ConnectionFailure):
        while True:
            refused = [hosted.open_session(n, "") for n in itertools.islice(numbers, 10_000)]
            send(connection, host.link, *refused)
    with pytest.raises(errors.ProtocolViolation) as ended:
        host.exchange()
    assert ended.value.diag.message_detail == "its frames are not taken"


# Links that are not read -------------------------------------------------------------------------


def test_a_link_that_is_not_read_loses_its_slow_sessions_and_is_told(orders):
    cluster = orders(slow_timeout="3s", outbox_size="64kB")
    with Host(cluster) as still, Host(cluster) as other:
        still.begin(1)
        still.start(1, "a", QUERY)
        still.begin(2)
        other.begin(1)
        other.start(1, "a", QUERY)
        status = "x" * 100_000
        published = 0

        def slow_one_is_closed():
            nonlocal published
            with cluster.connect() as connection:
                for _ in range(10):
                    publish(cluster, str(published), connection, status=status)
                    published += 1
            other.exchange(wait_ms=0)
            return len(connections(cluster)) == 2

        wait_until(slow_one_is_closed, "the slow session is closed")
        ids = [id_of(other.take(1, EVENT)) for _ in range(published)]
        assert ids == [str(n) for n in range(published)]
        slow = []
        while not slow or slow[-1].kind != CLOSED:
            slow.append(still.take(1))
        assert (slow[-1].code, slow[-1].reason) == (4413, "Slow consumer")
        assert sum(len(frame.payload) for frame in slow) < 6_000_000
        still.exchange(text(2, {"type": "ping"}))
        assert still.take(2).json["type"] == "pong"


def test_a_link_that_is_read_again_in_time_gets_everything(orders):
    cluster = orders(slow_timeout="60s", outbox_size="64kB")
    with Host(cluster) as host:
        host.begin(1)
        host.start(1, "a", QUERY)
        status = "x" * 100_000
        with cluster.connect() as connection:
            for number in range(100):
                publish(cluster, str(number), connection, status=status)
        wait_until(
            lambda: connections(cluster, where="hosted AND queued_bytes > 0"), "its session is slow"
        )
        assert [id_of(host.take(1, EVENT)) for _ in range(100)] == [str(n) for n in range(100)]


# Restoring ---------------------------------------------------------------------------------------


def kill_worker(cluster):
    (pid,) = cluster.worker_pids()
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: cluster.worker_pids() not in ([], [pid]), "another worker runs")


def reopen(host):
    """Open a link as soon as the worker takes one."""
    host.link = None
    host.frames.clear()

    def opened():
        try:
            return host.exchange(wait_ms=0) == []
        except psycopg.OperationalError as error:
            assert error.sqlstate.startswith("08"), error
            return False

    wait_until(opened, "the worker takes a link")


@pytest.mark.expects_crash
def test_a_restored_subscription_loses_nothing_and_gets_nothing_twice(orders):
    cluster = orders()
    with Host(cluster) as host:
        host.begin(1)
        host.start(1, "a", QUERY)
        for number in range(5):
            publish(cluster, str(number))
        got = [host.take(1, EVENT) for _ in range(3)]
        epoch = host.epoch
        kill_worker(cluster)
        for number in range(5, 10):
            publish(cluster, str(number))
        with pytest.raises(errors.ConnectionFailure):
            for _ in range(10):
                host.exchange(wait_ms=0)
        reopen(host)
        assert host.epoch == epoch
        host.begin(1)
        host.exchange(hosted.resume(1, got[-1].position, "a", QUERY))
        started = host.take(1)
        assert (started.kind, started.id, started.position) == (STARTED, "a", got[-1].position)
        publish(cluster, "10")
        got += [host.take(1) for _ in range(8)]
        assert [id_of(frame) for frame in got] == [str(n) for n in range(11)]
        assert host.exchange(wait_ms=0) == []


def test_each_subscription_goes_on_where_it_was(server):
    queries = {id: f"subscription {{ orderUpdated(id: {id}) {{ id status }} }}" for id in "123"}
    got = {id: [] for id in queries}
    with Host(server) as host:
        host.begin(1)
        positions = {id: host.start(1, id, query) for id, query in queries.items()}
        for number in range(9):
            publish(server, str(number % 3 + 1), status=str(number))
        # Of "3" nothing is received, of "2" not all.
        for frame in [host.take(1, EVENT) for _ in range(9)]:
            if frame.id == "1" or (frame.id == "2" and len(got["2"]) < 1):
                got[frame.id].append(frame)
                positions[frame.id] = frame.position
    with Host(server) as host:
        host.begin(1)
        commands = [hosted.resume(1, positions[id], id, query) for id, query in queries.items()]
        host.exchange(*commands, wait_ms=0)
        for _ in queries:
            host.take(1, STARTED)
        for number in range(9, 12):
            publish(server, str(number % 3 + 1), status=str(number))
        for frame in [host.take(1, EVENT) for _ in range(8)]:
            got[frame.id].append(frame)
        assert host.exchange(wait_ms=0) == []
    for id, frames in got.items():
        statuses = [frame.json["payload"]["data"]["orderUpdated"]["status"] for frame in frames]
        assert statuses == [str(n) for n in range(12) if str(n % 3 + 1) == id]


def test_a_position_is_good_in_another_link_as_well(server):
    with Host(server) as host:
        host.begin(1)
        position = host.start(1, "a", QUERY)
        publish(server, "1")
        publish(server, "2")
        position = host.take(1, EVENT).position
    with Host(server) as host:
        host.begin(1)
        host.exchange(hosted.resume(1, position, "a", QUERY))
        assert host.take(1, STARTED).position == position
        assert id_of(host.take(1, EVENT)) == "2"


def test_what_a_live_subscription_has_got_is_not_repeated_when_another_resumes(server, host):
    host.begin(1)
    position = host.start(1, "a", QUERY)
    for number in range(3):
        publish(server, str(number))
        assert id_of(host.take(1, EVENT)) == str(number)
    host.exchange(hosted.resume(1, position, "b", QUERY))
    assert host.take(1).kind == STARTED
    again = [host.take(1) for _ in range(3)]
    assert [(frame.id, id_of(frame)) for frame in again] == [("b", str(n)) for n in range(3)]
    publish(server, "3")
    last = [host.take(1), host.take(1)]
    assert sorted(frame.id for frame in last) == ["a", "b"]
    assert host.exchange(wait_ms=0) == []


def test_a_position_whose_events_have_left_the_ring_tells_how_many_are_lost(orders):
    cluster = orders(ring_size="1MB")
    with Host(cluster) as host:
        host.begin(1)
        position = host.start(1, "a", QUERY)
        with cluster.connect() as connection:
            for number in range(60):
                publish(cluster, str(number), connection, status="x" * 50_000)
                # Each before the next: all of them are more than the ring holds.
                assert id_of(host.take(1, EVENT)) == str(number)
        host.exchange(hosted.resume(1, position, "b", QUERY))
        assert host.take(1).kind == STARTED
        loss = host.take(1)
        (error,) = loss.json["payload"]["errors"]
        assert error["extensions"]["code"] == "EVENTS_LOST"
        lost = error["extensions"]["count"]
        rest = [host.take(1) for _ in range(60 - lost)]
        assert [id_of(frame) for frame in rest] == [str(n) for n in range(lost, 60)]
        assert loss.position + 1 == rest[0].position
        assert host.exchange(wait_ms=0) == []


@pytest.fixture
def resolved(orders):
    """A server where processes outside make the values of orderUpdated."""
    cluster = orders(keepalive_interval="100ms")
    cluster.sql("SELECT fraiseql_register_resolver('orderUpdated', timeout => '1 min')")
    return cluster


def give_all(resolver, count):
    resolver.serve(lambda call: {"id": f"made of {call['event']['data']['id']}"}, count)


def made_of(frame):
    return id_of(frame).removeprefix("made of ")


def wait_for_no_sessions(cluster):
    """What was resolved for a session is its likes' too, as long as the worker knows of it."""
    wait_until(lambda: not connections(cluster), "the worker has ended the session")


def test_a_subscription_of_a_resolved_field_resumes_behind_its_position_in_order(resolved):
    resolver = Resolver(resolved, "orderUpdated")
    with Host(resolved) as host:
        host.begin(1)
        host.start(1, "a", QUERY)
        for number in range(4):
            publish(resolved, str(number))
        give_all(resolver, 4)
        frames = [host.take(1, EVENT) for _ in range(4)]
        assert [made_of(frame) for frame in frames] == ["0", "1", "2", "3"]
        position = frames[1].position
    wait_for_no_sessions(resolved)
    with Host(resolved) as host:
        host.begin(1)
        host.exchange(hosted.resume(1, position, "a", QUERY))
        assert host.take(1, STARTED).position == position
        calls = resolver.next_calls(2)
        # The second is done first.
        for call in reversed(calls):
            resolver.give(call, {"id": f"made of {call['event']['data']['id']}"})
        assert [made_of(host.take(1, EVENT)) for _ in range(2)] == ["2", "3"]
        publish(resolved, "4")
        give_all(resolver, 1)
        assert made_of(host.take(1, EVENT)) == "4"
        assert host.exchange(wait_ms=0) == []
    resolver.close()


def test_what_a_resolver_had_when_the_link_was_lost_comes_in_the_next(resolved):
    resolver = Resolver(resolved, "orderUpdated")
    with Host(resolved) as host:
        host.begin(1)
        position = host.start(1, "a", QUERY)
        publish(resolved, "0")
        publish(resolved, "1")
        lost = resolver.next_calls(2)
        # Those that came before the event was read may tell of the place in front of it.
        host.pings.clear()
        for _ in range(2):
            position = max(position, host.take(1, PING).position)
        resolved.sql("SELECT pg_terminate_backend(%s)", (host.pid,))
        with pytest.raises(psycopg.OperationalError):
            host.exchange()
    wait_for_no_sessions(resolved)
    for call in lost:
        resolver.give(call, {"id": "for nobody"})
    with Host(resolved) as host:
        host.begin(1)
        host.exchange(hosted.resume(1, position, "a", QUERY))
        assert host.take(1, STARTED).position == position
        give_all(resolver, 2)
        assert [made_of(host.take(1, EVENT)) for _ in range(2)] == ["0", "1"]
        assert host.exchange(wait_ms=0) == []
    resolver.close()


def test_a_ping_counts_what_a_resolver_had_once_it_is_handed_over(resolved):
    resolver = Resolver(resolved, "orderUpdated")
    with Host(resolved) as host:
        host.begin(1)
        host.start(1, "a", QUERY)
        publish(resolved, "0")
        call = resolver.next_call()
        wait_until(lambda: host.take(1, PING).position == 0, "no place is told while it is held")
        resolver.give(call, {"id": "1"})
        position = host.take(1, EVENT).position
        wait_until(lambda: host.take(1, PING).position >= position, "a ping tells of it")
    resolver.close()


@pytest.mark.parametrize("position", [0, 2**40, 2**64 - 1])
def test_a_position_that_is_none_starts_anew_and_tells_of_a_loss_without_a_count(
    server, host, position
):
    host.begin(1)
    publish(server, "0")
    host.exchange(hosted.resume(1, position, "a", QUERY))
    started = host.take(1)
    assert started.kind == STARTED and started.position > 0
    (error,) = host.take(1).json["payload"]["errors"]
    assert error["extensions"]["code"] == "EVENTS_LOST"
    assert "count" not in error["extensions"]
    publish(server, "1")
    assert id_of(host.take(1)) == "1"


def test_what_was_committed_before_a_position_is_not_for_it(server, host):
    host.begin(1)
    publish(server, "0")
    position = host.start(1, "a", QUERY)
    host.exchange(hosted.resume(1, position, "b", QUERY))
    assert host.take(1).kind == STARTED
    publish(server, "1")
    assert {host.take(1).id, host.take(1).id} == {"a", "b"}
    assert host.exchange(wait_ms=0) == []


def test_a_query_is_answered_although_it_is_resumed(host):
    host.begin(1)
    host.exchange(hosted.resume(1, 1, "a", "{ __typename }"))
    assert host.take(1).json["payload"] == {"data": {"__typename": "Query"}}


def test_another_ring_has_another_epoch(orders):
    cluster = orders()
    with Host(cluster) as host:
        before = host.epoch
    cluster.restart()
    cluster.wait_until_serving()
    with Host(cluster) as host:
        assert host.epoch != before


# Ends --------------------------------------------------------------------------------------------


def test_sessions_are_told_goodbye_when_the_worker_is_restarted(orders):
    cluster = orders()
    with Host(cluster) as host:
        host.begin(1)
        host.begin(2)
        (pid,) = cluster.worker_pids()
        waiting = Waiting(host, cluster)
        os.kill(pid, signal.SIGTERM)
        waiting.end()
        assert sorted((f.session, f.kind, f.code, f.reason) for f in waiting.frames) == [
            (1, CLOSED, 1001, "Going away"),
            (2, CLOSED, 1001, "Going away"),
        ]
        with pytest.raises(errors.ConnectionFailure):
            for _ in range(10):
                host.exchange()
        reopen(host)
        host.begin(1)


def test_a_link_that_is_not_read_does_not_keep_the_worker_from_its_end(orders):
    cluster = orders(drain_timeout="60s")
    with Host(cluster) as host:
        host.begin(1)
        (pid,) = cluster.worker_pids()
        os.kill(pid, signal.SIGTERM)
        wait_until(lambda: pid not in cluster.worker_pids(), "the worker has ended")


def test_the_server_stops_while_a_link_waits(orders):
    cluster = orders()
    host = Host(cluster)
    host.begin(1)
    waiting = Waiting(host, cluster)
    cluster.stop()
    assert isinstance(waiting.end().error, psycopg.OperationalError)


def test_a_worker_that_is_not_there_is_told(orders):
    cluster = orders()
    cluster.sql("ALTER SYSTEM SET fraiseql_subs.listen_address = '203.0.113.1'")
    cluster.restart()

    def attempts():
        return cluster.log().count("could not listen on 203.0.113.1")

    with cluster.connect() as connection:
        # Also while it tries to start.
        while attempts() < 3:
            with pytest.raises(errors.SqlclientUnableToEstablishSqlconnection) as missing:
                connection.execute("CALL fraiseql_subs.session_exchange(NULL, NULL, 0, NULL)")
            assert missing.value.diag.message_hint


def test_sessions_outlive_the_extension_until_their_client_goes(orders):
    cluster = orders()
    with Host(cluster) as host:
        host.begin(1)
        host.start(1, "a", QUERY)
        cluster.sql("DROP EXTENSION fraiseql_subs")
        with pytest.raises(errors.Error):
            while True:
                host.exchange(wait_ms=0)
    cluster.install()


# A worker that says nonsense ---------------------------------------------------------------------


class StandIn:
    """Answers at the side door in the worker's place, one connection after the other."""

    def __init__(self, cluster):
        path = cluster.data / "pg_stat_tmp/fraiseql_subs.sock"
        path.unlink(missing_ok=True)
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(path))
        path.chmod(0o666)
        self.listener.listen()
        self.thread = None

    def answer(self, *answers):
        """Answer each frame with one of these, and hang up."""
        self.thread = threading.Thread(target=self._run, args=answers)
        self.thread.start()

    def _run(self, *answers):
        connection, _ = self.listener.accept()
        with connection:
            for answer in answers:
                (length,) = struct.unpack("<I", connection.recv(4, socket.MSG_WAITALL))
                connection.recv(length, socket.MSG_WAITALL)
                connection.sendall(answer)

    def close(self):
        if self.thread is not None:
            self.thread.join(20)
        self.listener.close()


def side_door(content):
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    return struct.pack("<I", len(body)) + body


WELCOME = side_door({"op": "session_link", "rows": ["0123456789abcdef" * 2]})
PONG = hosted.Frame(MESSAGE, 1, 0, "", b"{}")
GOOD = struct.pack("<IBIQH", 17, MESSAGE, 1, 0, 0) + b"{}"


@pytest.fixture(scope="module")
def deserted():
    """A server whose worker nobody finds."""
    with serving() as cluster:
        yield cluster


@pytest.fixture
def stand_in(deserted):
    stand_in = StandIn(deserted)
    yield deserted, stand_in
    stand_in.close()


def test_what_stands_in_for_a_worker_is_believed_if_it_makes_sense(stand_in):
    cluster, worker = stand_in
    worker.answer(WELCOME, side_door(b"\0" + GOOD))
    with Host(cluster) as host:
        assert host.frames == [PONG]


@pytest.mark.parametrize(
    "welcome",
    [
        {},
        {"op": "session_link", "rows": []},
        {"op": "session_link", "rows": [1]},
        {"op": "session_link", "rows": "0123456789abcdef" * 2},
        {"op": "session_link", "rows": ["0123456789abcdef"]},
        {"op": "session_link", "rows": ["0123456789ABCDEF" * 2]},
        {"op": "session_link", "rows": ["'; DROP TABLE links; -- 12345678"]},
        [],
        b"{",
        b"\xff\xff",
        b"",
    ],
)
def test_a_link_without_a_proper_name_is_none(stand_in, welcome):
    cluster, worker = stand_in
    worker.answer(side_door(welcome))
    with pytest.raises(errors.ProtocolViolation):
        Host(cluster)


def test_of_a_worker_that_hangs_up_is_told_where_to_look(stand_in):
    cluster, worker = stand_in
    worker.answer()
    with pytest.raises(errors.ConnectionFailure, match="ended before it answered") as ended:
        Host(cluster)
    assert "server log" in ended.value.diag.message_hint


def test_a_worker_that_takes_no_link_says_why(stand_in):
    cluster, worker = stand_in
    worker.answer(side_door({"op": "session_link", "error": "it has no catalog yet"}))
    with pytest.raises(errors.SqlclientUnableToEstablishSqlconnection, match="no catalog yet"):
        Host(cluster)


@pytest.mark.parametrize(
    "answer",
    [
        side_door(b""),
        side_door(b"\x07"),
        side_door(b"\0\0"),
        side_door(b"\0" + GOOD[:-1]),
        side_door(b"\0" + GOOD + b"\0\0\0\0"),
        side_door(b"\0" + struct.pack("<I", 2**32 - 1) + GOOD[4:]),
        side_door(b"\0" + struct.pack("<I", 14) + GOOD[4:]),
        side_door(b"\0" + struct.pack("<IBIQH", 17, MESSAGE, 1, 0, 3) + b"{}"),
        struct.pack("<I", 2**32 - 1),
        struct.pack("<I", 64 * 2**20 + 1) + b"x",
    ],
)
def test_frames_that_are_none_end_the_link(stand_in, answer):
    cluster, worker = stand_in
    worker.answer(WELCOME, answer)
    with cluster.connect() as connection:
        link = None
        with pytest.raises(errors.ProtocolViolation):
            for _ in range(3):
                (link, _) = connection.execute(
                    "CALL fraiseql_subs.session_exchange(%s, NULL, 0, NULL)", (link,)
                ).fetchone()
        with pytest.raises(errors.ConnectionFailure, match="there is no such link"):
            connection.execute(
                "CALL fraiseql_subs.session_exchange(%s, NULL, 0, NULL)", ("0" * 32,)
            )


@pytest.mark.parametrize("reason", [b"because", b"\xff\xfe", b"a\0b", b"", b"x" * 100_000])
def test_a_reason_that_is_no_text_is_left_out(stand_in, reason):
    cluster, worker = stand_in
    worker.answer(WELCOME, side_door(b"\x01" + reason))
    with pytest.raises(errors.ProtocolViolation) as refused:
        Host(cluster)
    detail = refused.value.diag.message_detail
    assert detail is None or set(detail) <= set("because" + "x")


def test_a_worker_that_ends_amid_a_frame_has_ended_the_link(stand_in):
    cluster, worker = stand_in
    worker.answer(WELCOME, side_door(b"\0" + GOOD)[:-1])
    with pytest.raises(errors.ConnectionFailure):
        Host(cluster)


# Privileges --------------------------------------------------------------------------------------


def test_nobody_may_host_without_the_role(server, name):
    server.sql(f"CREATE ROLE {name} LOGIN")
    try:
        with server.connect() as connection:
            connection.execute(f"SET ROLE {name}")
            for statement in (
                "CALL fraiseql_subs.session_exchange(NULL, NULL, 0, NULL)",
                "SELECT fraiseql_subs.session_send('', '')",
            ):
                with pytest.raises(errors.InsufficientPrivilege):
                    connection.execute(statement)
    finally:
        server.sql(f"DROP ROLE {name}")


def test_the_role_fraiseql_host_may_host_and_no_more(orders, name):
    cluster = orders()
    cluster.sql("SELECT fraiseql_create_roles()")
    cluster.sql(f"CREATE ROLE {name} LOGIN IN ROLE fraiseql_host")
    with cluster.connect() as connection:
        connection.execute(f"SET ROLE {name}")
        (link, frames) = connection.execute(
            "CALL fraiseql_subs.session_exchange(NULL, NULL, 0, NULL)"
        ).fetchone()
        assert frames == b""
        connection.execute("SELECT fraiseql_subs.session_send(%s, '')", (link,))
        with pytest.raises(errors.InsufficientPrivilege):
            connection.execute("SELECT fraiseql_metrics()")
        with pytest.raises(errors.InsufficientPrivilege):
            connection.execute("SELECT fraiseql_subs.ring_stats()")


# Observation -------------------------------------------------------------------------------------


def test_hosted_clients_are_seen_as_such(server, host, connect):
    client = connect(server)
    host.begin(1, peer="192.0.2.9:99")
    host.start(1, "a", QUERY)
    rows = dict(server.sql("SELECT peer, hosted FROM fraiseql_connections()"))
    assert rows == {"192.0.2.9:99": True, client.peer: False}
    assert server.sql("SELECT subscription_id, field FROM fraiseql_subscriptions()") == [
        ("a", "orderUpdated")
    ]

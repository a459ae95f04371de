import asyncio
import json

import pytest
from worker_side import commands

from fraiseql_subs import _records as records
from fraiseql_subs import _session as session_module
from fraiseql_subs._session import HostedSocket, QueueLimits
from fraiseql_subs.errors import SessionClosed, SubscriptionError

ACK = b'{"type":"connection_ack","payload":{"connectionId":"1"}}'
INIT = b'{"type":"connection_init"}'


class Carrier:
    """A link that keeps what sessions put."""

    def __init__(self):
        self.bytes = b""
        self.held = 0
        self.removed = []
        self.gave_up = False
        self.refused = []

    def put(self, record):
        self.bytes += record

    def hold(self, size):
        self.held += size

    def remove(self, session):
        self.removed.append(session)

    def retry(self, session):
        self.refused.append(session)

    def give_up(self):
        self.gave_up = True

    async def room(self):
        pass

    def take(self):
        """The commands since the last look, without the session's number."""
        data, self.bytes = self.bytes, b""
        return [(kind, rest) for kind, _, rest in commands(data)]


@pytest.fixture
def carrier():
    return Carrier()


@pytest.fixture
def make(carrier):
    def make(
        claims=None,
        limits=None,
        subprotocol="graphql-transport-ws",
        path="/graphql",
        headers=None,
    ):
        return HostedSocket(
            carrier,
            7,
            limits or QueueLimits(),
            subprotocol=subprotocol,
            peer="192.0.2.1:5",
            headers={"X-Tenant": "a"} if headers is None else headers,
            path=path,
            claims=claims,
        )

    return make


@pytest.fixture
def socket(make, carrier):
    """One that is acknowledged."""
    socket = make()
    socket.attach(True)
    socket.send_text(INIT)
    socket.deliver(records.MESSAGE, 0, b"", ACK)
    carrier.take()
    socket._frames.clear()
    return socket


def subscribe(id):
    return json.dumps({"id": id, "type": "subscribe", "payload": {"query": "q"}}).encode()


def subscribed(socket, carrier, message=None):
    """With one subscription, which began at position 5."""
    socket.attach(True)
    socket.send_text(INIT)
    socket.deliver(records.MESSAGE, 0, b"", ACK)
    socket._frames.clear()
    socket._size = 0
    socket.send_text(message or subscribe("a"))
    socket.deliver(records.STARTED, 5, b"a", b"")
    carrier.take()
    return socket


def text(message):
    return (records.TEXT, message)


def lose(socket, same_ring=True):
    socket.detach()
    socket.attach(same_ring)


def test_a_session_opens_with_what_is_known_of_the_client(make, carrier):
    make(claims={"sub": "u"}).attach(True)
    ((kind, opening),) = carrier.take()
    assert kind == records.OPEN
    assert json.loads(opening) == {
        "subprotocol": "graphql-transport-ws",
        "peer": "192.0.2.1:5",
        "headers": {"x-tenant": "a"},
        "path": "/graphql",
        "claims": {"sub": "u"},
    }


def test_without_claims_nothing_is_vouched_for(make, carrier):
    make().attach(True)
    assert "claims" not in json.loads(carrier.take()[0][1])


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("/a%2Fb?c=%C3%A9", "/a%2Fb?c=%C3%A9"),
        ("/a?discount=50%&b=%zz#c", "/a?discount=50%25&b=%25zz%23c"),
        ("", "/"),
    ],
)
def test_a_path_is_one_that_the_worker_takes(make, carrier, path, told):
    make(path=path).attach(True)
    assert json.loads(carrier.take()[0][1])["path"] == told


def test_what_opens_a_session_is_utf_8(make, carrier):
    make(headers={"X-Name": "Zo\u00eb \ud800"}).attach(True)
    opening = carrier.take()[0][1]
    assert json.loads(opening.decode())["headers"] == {"x-name": "Zo\u00eb ?"}


@pytest.mark.parametrize(
    "given",
    [{"claims": {"sub": "u" * 65_536}}, {"headers": {"cookie": "c" * 262_144}}],
)
def test_what_opens_a_session_has_a_limit(make, given):
    with pytest.raises(SubscriptionError) as raised:
        make(**given)
    assert raised.value.code == "LIMIT_EXCEEDED"


def test_claims_have_only_numbers_of_json(make):
    with pytest.raises(ValueError, match="JSON"):
        make(claims={"level": float("nan")})


def test_texts_that_come_before_the_link_is_open_follow_it(make, carrier):
    socket = make()
    socket.send_text('{"type":"connection_init"}')
    assert carrier.take() == []
    assert carrier.held == len(INIT)
    socket.attach(True)
    assert carrier.take()[1:] == [text(INIT)]
    assert carrier.held == 0


def test_texts_go_as_they_are(socket, carrier):
    malformed = [b"\xff", b"[]", b"{", b"[" * 100_000, b'{"type":7,"id":{}}', b'"a"']
    for message in malformed:
        socket.send_text(message)
    assert carrier.take() == [text(message) for message in malformed]


async def test_frames_are_received_in_order(socket):
    socket.send_text(subscribe("a"))
    socket.deliver(records.STARTED, 5, b"a", b"")
    socket.deliver(records.EVENT, 6, b"a", b"next 6")
    socket.deliver(records.MESSAGE, 0, b"", b"ping")
    socket.deliver(records.ENDED, 0, b"a", b"complete")
    assert await socket.receive() == [b"next 6", b"ping", b"complete"]


async def test_who_receives_waits_for_frames(socket):
    received = asyncio.create_task(socket.receive())
    await asyncio.sleep(0)
    socket.deliver(records.MESSAGE, 0, b"", b"a")
    assert await received == [b"a"]


async def test_the_end_comes_behind_all_frames(socket, carrier):
    socket.deliver(records.MESSAGE, 0, b"", b"a")
    socket.deliver(records.CLOSED, 0, b"", b"\x33\x11Forbidden")
    assert await socket.receive() == [b"a"]
    for _ in range(2):
        with pytest.raises(SessionClosed) as raised:
            await socket.receive()
        assert (raised.value.code, raised.value.reason) == (4403, "Forbidden")
    with pytest.raises(SessionClosed):
        socket.send_text("{}")
    assert carrier.removed == [socket]


async def test_who_waits_hears_of_the_end(socket):
    received = asyncio.create_task(socket.receive())
    await asyncio.sleep(0)
    socket.close(1001, "bye")
    with pytest.raises(SessionClosed) as raised:
        await received
    assert raised.value.code == 1001


def test_a_host_that_closes_tells_the_worker_once(socket, carrier):
    socket.close(1000, "bye")
    socket.close()
    assert carrier.take() == [(records.CLOSE, (1000, b"bye"))]


def test_what_is_no_text_is_reported(socket, carrier):
    socket.send_binary()
    socket.note_too_big()
    socket.note_heard()
    assert [kind for kind, _ in carrier.take()] == [
        records.BINARY,
        records.TOO_BIG,
        records.HEARD,
    ]


def test_a_text_that_no_call_can_carry_is_too_big(socket, carrier):
    most = session_module._MOST_TEXT_BYTES
    socket.send_text(b"x" * most)
    socket.send_text("\u00e9" * (most // 2 + 1))
    assert [(kind, len(rest)) for kind, rest in carrier.take()] == [
        (records.TEXT, most),
        (records.TOO_BIG, 0),
    ]


def test_what_is_no_text_ends_a_session_that_the_worker_does_not_have(make):
    for report, code in (("send_binary", 1003), ("note_too_big", 1009)):
        socket = make()
        getattr(socket, report)()
        assert socket.closed.code == code


def test_pings_of_the_worker_are_answered(socket, carrier):
    socket.deliver(records.PING, 0, b"", b"")
    assert carrier.take() == [(records.HEARD, b"")]


class TestRestoring:
    def test_operations_wait_for_the_acknowledgement(self, socket, carrier):
        socket.send_text(subscribe("a"))
        carrier.take()
        lose(socket)
        opened, init = carrier.take()
        assert (opened[0], init) == (records.OPEN, text(INIT))
        socket.send_text(subscribe("b"))
        assert carrier.take() == []
        socket.deliver(records.MESSAGE, 0, b"", ACK)
        assert carrier.take() == [text(subscribe("a")), text(subscribe("b"))]

    def test_the_client_hears_of_one_acknowledgement(self, socket):
        lose(socket)
        socket.deliver(records.MESSAGE, 0, b"", ACK)
        assert not socket.waiting

    def test_an_acknowledgement_that_was_lost_is_passed_on(self, make):
        socket = make()
        socket.attach(True)
        socket.send_text(INIT)
        lose(socket)
        socket.deliver(records.MESSAGE, 0, b"", ACK)
        assert socket._frames == [ACK]

    def test_subscriptions_go_on_behind_the_last_position(self, socket, carrier):
        for id in ("a", "b", "c"):
            socket.send_text(subscribe(id))
            socket.deliver(records.STARTED, 5, id.encode(), b"")
        socket.deliver(records.EVENT, 9, b"b", b"next")
        # A notice that stands nowhere in the ring.
        socket.deliver(records.EVENT, 0, b"b", b"next")
        socket.deliver(records.ENDED, 0, b"c", b"complete")
        carrier.take()
        lose(socket)
        socket.deliver(records.MESSAGE, 0, b"", ACK)
        assert carrier.take()[2:] == [
            (records.RESUME, (5, subscribe("a"))),
            (records.RESUME, (9, subscribe("b"))),
        ]

    def test_what_is_quiet_goes_on_behind_what_was_handed_over(self, socket, carrier):
        for id in ("a", "b"):
            socket.send_text(subscribe(id))
            socket.deliver(records.STARTED, 5, id.encode(), b"")
        socket.deliver(records.EVENT, 12, b"b", b"next")
        socket.deliver(records.PING, 9, b"", b"")
        # It is not known.
        socket.deliver(records.PING, 0, b"", b"")
        carrier.take()
        lose(socket)
        socket.deliver(records.MESSAGE, 0, b"", ACK)
        assert carrier.take()[2:] == [
            (records.RESUME, (9, subscribe("a"))),
            (records.RESUME, (12, subscribe("b"))),
        ]

    def test_nothing_counts_as_handed_over_to_what_the_worker_has_not_started(
        self, socket, carrier
    ):
        socket.send_text(subscribe("a"))
        socket.deliver(records.STARTED, 5, b"a", b"")
        lose(socket)
        socket.deliver(records.MESSAGE, 0, b"", ACK)
        socket.send_text(subscribe("b"))
        # Both are on their way.
        socket.deliver(records.PING, 9, b"", b"")
        socket.deliver(records.STARTED, 5, b"a", b"")
        socket.deliver(records.STARTED, 7, b"b", b"")
        carrier.take()
        lose(socket)
        socket.deliver(records.MESSAGE, 0, b"", ACK)
        assert carrier.take()[2:] == [
            (records.RESUME, (5, subscribe("a"))),
            (records.RESUME, (7, subscribe("b"))),
        ]

    def test_a_new_ring_knows_no_position(self, socket, carrier):
        socket.send_text(subscribe("a"))
        socket.deliver(records.STARTED, 5, b"a", b"")
        lose(socket, same_ring=False)
        socket.deliver(records.MESSAGE, 0, b"", ACK)
        assert carrier.take()[-1] == (records.RESUME, (0, subscribe("a")))
        socket.deliver(records.STARTED, 2, b"a", b"")
        lose(socket)
        socket.deliver(records.MESSAGE, 0, b"", ACK)
        assert carrier.take()[-1] == (records.RESUME, (2, subscribe("a")))

    def test_a_restored_subscription_keeps_its_position_until_an_event_comes(self, socket, carrier):
        socket.send_text(subscribe("a"))
        socket.deliver(records.STARTED, 5, b"a", b"")
        lose(socket)
        socket.deliver(records.MESSAGE, 0, b"", ACK)
        socket.deliver(records.STARTED, 8, b"a", b"")
        carrier.take()
        lose(socket)
        socket.deliver(records.MESSAGE, 0, b"", ACK)
        assert carrier.take()[-1] == (records.RESUME, (5, subscribe("a")))

    def test_what_the_client_completed_is_not_restored(self, socket, carrier):
        socket.send_text(subscribe("a"))
        socket.deliver(records.STARTED, 5, b"a", b"")
        socket.send_text('{"id":"a","type":"complete"}')
        lose(socket)
        carrier.take()
        socket.deliver(records.MESSAGE, 0, b"", ACK)
        assert carrier.take() == []

    def test_what_is_completed_in_between_is_completed_once_it_is_restored(self, socket, carrier):
        socket.send_text(subscribe("a"))
        socket.deliver(records.STARTED, 5, b"a", b"")
        socket.detach()
        complete = b'{"id":"a","type":"complete"}'
        socket.send_text(complete)
        carrier.take()
        socket.attach(True)
        socket.deliver(records.MESSAGE, 0, b"", ACK)
        assert carrier.take()[2:] == [(records.RESUME, (5, subscribe("a"))), text(complete)]

    def test_a_query_that_was_answered_is_completed_and_not_asked_again(self, socket, carrier):
        socket.send_text(subscribe("é"))
        socket.deliver(records.EVENT, 0, "é".encode(), b"next")
        carrier.take()
        lose(socket)
        socket.deliver(records.MESSAGE, 0, b"", ACK)
        assert [kind for kind, _ in carrier.take()] == [records.OPEN, records.TEXT]
        assert socket._frames[1:] == ['{"id":"é","type":"complete"}'.encode()]

    def test_pings_that_were_not_answered_are_sent_again(self, socket, carrier):
        socket.send_text('{"type":"ping","payload":{"n":1}}')
        socket.send_text('{"type":"ping","payload":{"n":2}}')
        socket.deliver(records.MESSAGE, 0, b"", b'{"type":"pong","payload":{"n":1}}')
        carrier.take()
        lose(socket)
        socket.deliver(records.MESSAGE, 0, b"", ACK)
        assert carrier.take()[2:] == [text(b'{"type":"ping","payload":{"n":2}}')]

    @pytest.mark.parametrize(
        ("payload", "rest"),
        [
            ({"token": "old", "x": 1}, {"x": 1}),
            ({"headers": {"AUTHORIZATION": "old", "y": 2}}, {"headers": {"y": 2}}),
            ({}, {}),
        ],
    )
    def test_a_renewed_token_stands_for_the_first(self, make, carrier, payload, rest):
        socket = make()
        socket.attach(True)
        socket.send_text(json.dumps({"type": "connection_init", "payload": payload}))
        socket.deliver(records.MESSAGE, 0, b"", ACK)
        socket.send_text('{"type":"ping","payload":{"authorization":"Bearer new"}}')
        pong = b'{"type":"pong","payload":{"expiresAt":"2026-01-01T00:00:00.000000Z"}}'
        socket.deliver(records.MESSAGE, 0, b"", pong)
        carrier.take()
        lose(socket)
        _, (_, init) = carrier.take()
        assert json.loads(init)["payload"] == rest | {"authorization": "Bearer new"}

    def test_a_token_that_was_refused_stands_for_nothing(self, socket, carrier):
        socket.send_text('{"type":"ping","payload":{"authorization":"Bearer new"}}')
        socket.deliver(records.MESSAGE, 0, b"", b'{"type":"pong","payload":{"error":"no"}}')
        carrier.take()
        lose(socket)
        assert carrier.take()[1] == text(INIT)

    def test_a_worker_that_goes_away_ends_no_session(self, socket, carrier):
        socket.send_text(subscribe("a"))
        socket.deliver(records.STARTED, 5, b"a", b"")
        socket.deliver(records.CLOSED, 0, b"", b"\xe9\x03Going away")
        assert socket.closed is None
        assert carrier.gave_up
        carrier.take()
        socket.attach(True)
        socket.deliver(records.MESSAGE, 0, b"", ACK)
        assert carrier.take()[2:] == [(records.RESUME, (5, subscribe("a")))]

    def test_a_worker_that_cannot_serve_yet_is_asked_again(self, make, carrier, monkeypatch):
        times = iter([0.0, 5.0, 11.0])
        monkeypatch.setattr(session_module.time, "monotonic", lambda: next(times))
        socket = make()
        socket.attach(True)
        socket.send_text(INIT)
        for refusals in (1, 2):
            carrier.take()
            socket.deliver(records.CLOSED, 0, b"", b"\xf5\x03Service unavailable")
            assert (socket.closed, carrier.refused) == (None, [socket] * refusals)
            socket.attach(True)
            assert carrier.take()[1:] == [text(INIT)]
        socket.deliver(records.CLOSED, 0, b"", b"\xf5\x03Service unavailable")
        assert socket.closed.code == 1013

    def test_a_client_that_may_not_come_back_is_closed(self, socket):
        lose(socket)
        socket.deliver(records.CLOSED, 0, b"", b"\x33\x11Token expired")
        assert socket.closed.code == 4403

    def test_a_session_closed_in_between_is_not_told(self, socket, carrier):
        socket.detach()
        socket.close()
        assert carrier.take() == []

    def test_the_older_protocol_is_restored_likewise(self, make, carrier):
        socket = make(subprotocol="graphql-ws")
        start = b'{"id":"a","type":"start","payload":{"query":"q"}}'
        socket.attach(True)
        socket.send_text(INIT)
        socket.deliver(records.MESSAGE, 0, b"", ACK)
        socket.send_text(start)
        socket.deliver(records.STARTED, 5, b"a", b"")
        carrier.take()
        lose(socket)
        socket.deliver(records.MESSAGE, 0, b"", ACK)
        assert carrier.take()[2:] == [(records.RESUME, (5, start))]
        socket.send_text('{"id":"a","type":"stop"}')
        carrier.take()
        lose(socket)
        socket.deliver(records.MESSAGE, 0, b"", ACK)
        assert len(carrier.take()) == 2


class TestSlowReaders:
    async def test_more_messages_than_may_wait_end_the_session(self, make, carrier):
        socket = make(limits=QueueLimits(messages=2))
        socket.attach(True)
        carrier.take()
        for message in (b"1", b"2", b"3", b"4"):
            socket.deliver(records.MESSAGE, 0, b"", message)
        assert carrier.take() == [(records.CLOSE, (4413, b"Slow consumer"))]
        assert await socket.receive() == [b"1", b"2"]
        with pytest.raises(SessionClosed) as raised:
            await socket.receive()
        assert raised.value.code == 4413

    async def test_more_bytes_than_may_wait_end_the_session(self, make):
        socket = make(limits=QueueLimits(bytes=10))
        socket.attach(True)
        socket.deliver(records.MESSAGE, 0, b"", b"a" * 6)
        assert await socket.receive() == [b"a" * 6]
        socket.deliver(records.MESSAGE, 0, b"", b"a" * 6)
        socket.deliver(records.MESSAGE, 0, b"", b"a" * 6)
        assert socket.closed.code == 4413

    async def test_one_message_may_be_of_any_size(self, make):
        socket = make(limits=QueueLimits(bytes=10))
        socket.attach(True)
        socket.deliver(records.MESSAGE, 0, b"", b"a" * 100)
        assert await socket.receive() == [b"a" * 100]

    @pytest.mark.parametrize("limits", [{"messages": 2}, {"bytes": 4}])
    async def test_events_that_have_no_room_are_fetched_once_there_is(self, make, carrier, limits):
        socket = subscribed(make(limits=QueueLimits(**limits)), carrier)
        for position in (6, 7, 8, 9):
            socket.deliver(records.EVENT, position, b"a", b"n%d" % position)
        assert carrier.take() == [text(b'{"id":"a","type":"complete"}')]
        assert await socket.receive() == [b"n6", b"n7"]
        assert carrier.take() == []
        receiving = asyncio.create_task(socket.receive())
        await asyncio.sleep(0)
        assert carrier.take() == [(records.RESUME, (7, subscribe("a")))]
        socket.deliver(records.EVENT, 9, b"a", b"n9")  # sent before the worker knew
        socket.deliver(records.STARTED, 7, b"a", b"")
        socket.deliver(records.EVENT, 8, b"a", b"n8")
        assert await receiving == [b"n8"]
        assert socket.closed is None

    async def test_what_ends_while_its_events_have_no_room_is_not_fetched(self, make, carrier):
        socket = subscribed(make(limits=QueueLimits(messages=1)), carrier)
        for position in (6, 7):
            socket.deliver(records.EVENT, position, b"a", b"n%d" % position)
        socket.send_text(b'{"id":"a","type":"complete"}')
        assert await socket.receive() == [b"n6"]
        carrier.take()
        receiving = asyncio.create_task(socket.receive())
        await asyncio.sleep(0)
        assert carrier.take() == []
        receiving.cancel()

    async def test_a_new_link_fetches_events_that_had_no_room(self, make, carrier):
        socket = subscribed(make(limits=QueueLimits(messages=1)), carrier)
        for position in (6, 7):
            socket.deliver(records.EVENT, position, b"a", b"n%d" % position)
        lose(socket)
        carrier.take()
        socket.deliver(records.MESSAGE, 0, b"", ACK)
        assert carrier.take() == [(records.RESUME, (6, subscribe("a")))]
        assert await socket.receive() == [b"n6"]
        receiving = asyncio.create_task(socket.receive())
        await asyncio.sleep(0)
        assert carrier.take() == []
        socket.deliver(records.STARTED, 6, b"a", b"")
        socket.deliver(records.EVENT, 7, b"a", b"n7")
        assert await receiving == [b"n7"]

    @pytest.mark.parametrize("answered", [False, True])
    async def test_the_older_protocol_s_answer_to_stop_is_the_client_s_alone(
        self, make, carrier, answered
    ):
        socket = make(limits=QueueLimits(messages=2), subprotocol="graphql-ws")
        socket = subscribed(socket, carrier, b'{"id":"a","type":"start"}')
        for position in (6, 7, 8):
            socket.deliver(records.EVENT, position, b"a", b"n%d" % position)
        assert carrier.take() == [text(b'{"id":"a","type":"stop"}')]
        complete = b'{"id":"a","type":"complete"}'
        if answered:
            socket.deliver(records.ENDED, 0, b"a", complete)
        assert await socket.receive() == [b"n6", b"n7"]
        socket.send_text(b'{"id":"a","type":"stop"}')
        if not answered:
            socket.deliver(records.ENDED, 0, b"a", complete)
        assert await socket.receive() == [complete]

    def test_limits_must_be_positive(self):
        for limits in ({"messages": 0}, {"bytes": 0}):
            with pytest.raises(ValueError, match="must be positive"):
                QueueLimits(**limits)

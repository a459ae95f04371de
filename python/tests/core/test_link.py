import asyncio
import logging

import pytest

from fraiseql_subs import SubscriptionError
from fraiseql_subs import _link as link_module
from fraiseql_subs._link import Link
from silent import SilentConnection


class Session:
    """What the link needs of one."""

    def __init__(self, number):
        self.number = number
        self.closed = None
        self.attached = asyncio.Event()
        self.attachments = 0

    def attach(self, same_ring):
        assert same_ring
        self.attachments += 1
        self.attached.set()

    def detach(self):
        pass


async def never():
    raise AssertionError("nobody is to connect")


@pytest.fixture
async def link(monkeypatch):
    monkeypatch.setattr(link_module, "_RETRY_S", 0.01)
    link = Link(never, lambda: None)
    link._opened.set()
    return link


async def test_sessions_that_were_refused_come_again(link):
    sessions = [Session(number) for number in (1, 2, 3)]
    for session in sessions:
        link._sessions[session.number] = session
        link.retry(session)
    sessions[1].closed = "meanwhile"
    await sessions[2].attached.wait()
    assert [session.attachments for session in sessions] == [1, 0, 1]
    link.retry(sessions[0])
    sessions[0].attached.clear()
    await sessions[0].attached.wait()


async def test_the_next_link_attaches_them_instead(link):
    session = Session(1)
    link.retry(session)
    link._note_loss()
    marker = Session(2)
    link._opened.set()
    link.retry(marker)
    await marker.attached.wait()
    assert session.attachments == 0


async def test_clients_wait_while_much_waits_for_the_worker(link):
    await link.room()
    link.put(b"x" * link_module._ROOM_BYTES)
    waiting = asyncio.create_task(link.room())
    await asyncio.sleep(0)
    assert not waiting.done()
    assert link._take_batch() == b"x" * link_module._ROOM_BYTES
    await waiting
    link.hold(link_module._ROOM_BYTES)
    waiting = asyncio.create_task(link.room())
    await asyncio.sleep(0)
    assert not waiting.done()
    link.hold(-link_module._ROOM_BYTES)
    await waiting


async def test_commands_go_in_batches(link):
    for _ in range(3):
        link.put(b"x" * (link_module._BATCH_BYTES // 2))
    assert len(link._take_batch()) == link_module._BATCH_BYTES
    assert link._has_outgoing.is_set()
    assert len(link._take_batch()) == link_module._BATCH_BYTES // 2
    assert not link._has_outgoing.is_set()


async def test_a_batch_is_no_larger_than_one_call_carries(link):
    most = link_module._MOST_BATCH_BYTES
    link.put(b"x")
    link.put(b"y" * most)
    assert link._take_batch() == b"x"
    assert link._has_outgoing.is_set()
    assert len(link._take_batch()) == most


async def test_without_a_link_commands_are_for_the_next(link):
    link.put(b"x")
    link._note_loss()
    link.put(b"y")
    assert link._take_batch() == b""


async def test_numbers_are_not_given_twice(link):
    link._last_number = 0xFFFF_FFFE
    link._sessions[1] = Session(1)
    assert [link.next_number() for _ in range(3)] == [0xFFFF_FFFF, 2, 3]


async def test_a_fault_of_this_program_is_logged_and_does_not_end_the_attempts(caplog):
    attempts = []

    async def fail():
        attempts.append(1)
        raise RuntimeError("a fault")

    link = Link(fail, lambda: None)
    with (
        caplog.at_level(logging.WARNING, "fraiseql_subs"),
        pytest.raises(SubscriptionError, match="a fault") as raised,
    ):
        await link.start(0.3)
    assert raised.value.code == "UNAVAILABLE"
    assert len(attempts) > 1
    assert "Traceback" in caplog.text
    await link.stop()


async def test_a_server_that_says_nothing_while_a_link_opens_is_given_up(monkeypatch):
    monkeypatch.setattr(link_module, "_LATE_S", 0.01)
    connected_again = asyncio.Event()
    connections = []

    async def connect():
        if len(connections) == 2:
            connected_again.set()
            await asyncio.get_running_loop().create_future()
        connections.append(SilentConnection())
        return connections[-1]

    link = Link(connect, lambda: None)
    starting = asyncio.create_task(link.start(60))
    await connected_again.wait()
    starting.cancel()
    await asyncio.gather(starting, return_exceptions=True)

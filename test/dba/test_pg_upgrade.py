"""pg_upgrade, by default to the same version, which it allows.

OLD_PG_CONFIG names the pg_config of another PostgreSQL, from which it then goes.
"""

import os
import shutil
import socket
import tempfile
import threading
from pathlib import Path

import pytest

from cluster import give_to_server_user
from watched import events_flow, registered, serve


@pytest.fixture
def old(make_server):
    return serve(make_server(pg_config=os.environ.get("OLD_PG_CONFIG")))


@pytest.fixture
def new(make_server):
    return make_server(start=False)


@pytest.fixture
def upgrade():
    """A function that runs pg_upgrade; what it writes about itself is left in `logs`."""
    directory = Path(tempfile.mkdtemp(prefix="fsubs-", dir="/tmp"))
    give_to_server_user(directory)

    def run(old, new, *options):
        done = new.run_program(
            "pg_upgrade",
            *("--old-bindir", old.programs, "--new-bindir", new.programs),
            *("--old-datadir", old.data, "--new-datadir", new.data),
            *("--username", "postgres", "--socketdir", directory, "--retain"),
            *options,
            as_server_user=True,
            cwd=directory,
        )
        logs = new.data.rglob("pg_upgrade_output.d/**/*.log")
        return done.stdout + "".join(log.read_text() for log in logs)

    yield run
    shutil.rmtree(directory)


class Knocker:
    """Tries ports again and again, in a thread, and counts who listens there."""

    def __init__(self, *ports):
        self.ports = ports
        self.answers = 0
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self.run)

    def run(self):
        while not self.ended.wait(0.002):
            for port in self.ports:
                with socket.socket() as probe:
                    self.answers += probe.connect_ex(("127.0.0.1", port)) == 0

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.thread.join()


def test_a_check_beside_the_running_server_disturbs_nobody(old, new, upgrade, listen):
    listener = listen(old)
    with Knocker(new.port) as knocker:
        assert "Clusters are compatible" in upgrade(old, new, "--check")
    assert knocker.answers == 0
    listener.assert_hears_nothing()


@pytest.mark.parametrize("mode", [["--link"], []], ids=["link", "copy"])
def test_an_upgraded_server_serves_what_was_registered(old, new, upgrade, mode):
    before = registered(old)
    rows = old.sql("SELECT * FROM item ORDER BY id")
    old.stop()
    with Knocker(old.port, new.port) as knocker:
        told = upgrade(old, new, *mode)
    assert knocker.answers == 0
    assert "worker started" not in told
    new.start()
    assert registered(new) == before
    assert new.sql("SELECT * FROM item ORDER BY id") == rows
    events_flow(new)
    # What pg_upgrade recommends in the end.
    new.program("vacuumdb", "--all", "--analyze-in-stages", "--quiet")
    new.sql("ALTER EXTENSION fraiseql_subs UPDATE")


def test_an_upgrade_to_a_server_that_does_not_preload_the_library(old, make_server, upgrade):
    """The line is forgotten easily: what was upgraded is whole, and is served once it is there."""
    new = make_server(start=False, postgresql__shared_preload_libraries="")
    before = registered(old)
    old.stop()
    upgrade(old, new, "--link")
    new.start()
    assert registered(new) == before
    new.sql("INSERT INTO item (name) VALUES ('unheard')")
    new.sql("ALTER SYSTEM SET shared_preload_libraries = 'fraiseql_subs'")
    new.restart()
    events_flow(new)

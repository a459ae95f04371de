"""A server with a catalog for its schema is the worker alone."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from fraiseql_subs.testing import ServerUnavailable, WorkerServer

from .waiting import wait_until

ALL = "subscription { orderUpdated { id } }"


# [start:catalog]
CATALOG: dict[str, object] = {
    "types": "type Order { id: ID! }",
    "subscriptions": [{"field": "orderUpdated(id: ID): Order", "channel": "orders"}],
}


async def test_silence_is_proven_without_a_database() -> None:
    with WorkerServer(CATALOG) as running:
        client = running.client()
        query = "subscription { orderUpdated(id: 2) { id } }"
        async with client, client.subscribe(query) as s:
            running.publish("any", "orders", {"id": 1})
            await s.assert_silent()
            running.publish("any", "orders", {"id": 2})
            with pytest.raises(AssertionError):
                await s.assert_silent()


# [end:catalog]


@pytest.mark.parametrize("given", ["file", "text", "dictionary"])
async def test_what_is_published_reaches_clients(tmp_path: Path, given: str) -> None:
    file = tmp_path / "catalog.json"
    file.write_text(json.dumps(CATALOG))
    schema = CATALOG if given == "dictionary" else file if given == "file" else str(file)
    async with WorkerServer(schema) as running:
        client = running.client()
        async with client, client.subscribe(ALL) as s:
            running.publish("any", "orders", {"id": 1}, correlation_id="c", subgraph=None)
            assert await s.next() == {"orderUpdated": {"id": "1"}}


async def test_a_catalog_of_another_server_is_served() -> None:
    field = {"name": "orderUpdated", "field": "orderUpdated: Order", "channel": "orders"}
    snapshot = {
        "extension_version": "0.1.0",
        "server_version": "15.0",
        "types": "type Order { id: ID! }",
        "subscriptions": [field],
    }
    with WorkerServer(snapshot) as running:
        client = running.client()
        async with client, client.subscribe(ALL) as s:
            running.publish("any", "orders", {"id": 1})
            assert await s.next() == {"orderUpdated": {"id": "1"}}
            await s.assert_silent()


def test_settings_are_those_of_postgresql() -> None:
    settings = {"fraiseql_subs.worker_threads": 2, "introspection": False}
    with WorkerServer(CATALOG, settings=settings) as running:
        wait_until(lambda: "with 2 shards" in running.log(), "the log says so")
        assert 0 < len(running.log(running.log_size - 10)) <= 10


def test_there_is_no_database() -> None:
    with WorkerServer(CATALOG) as running:
        for ask in (
            lambda: running.dsn,
            lambda: running.environment,
            lambda: running.execute("SELECT 1"),
        ):
            with pytest.raises(RuntimeError, match="no database"):
                ask()
        with pytest.raises(RuntimeError, match="is running"):
            running.start()


def test_an_event_that_makes_no_sense_is_refused() -> None:
    with WorkerServer(CATALOG) as running:
        with pytest.raises(ValueError, match='"channel" cannot be empty'):
            running.publish("any", "", {})
        running.publish("any", "orders", {"id": 1})


def test_one_that_has_crashed_can_be_started_again() -> None:
    server = WorkerServer(CATALOG)
    with server as running:
        worker = running._worker  # pyright: ignore[reportPrivateUsage]
        assert worker is not None
        os.kill(worker.pid, signal.SIGKILL)
        wait_until(lambda: not worker.is_running, "it has ended")
        with pytest.raises(ConnectionError, match="has ended"):
            running.publish("any", "orders", {})
    server.stop()
    with server as again:
        again.publish("any", "orders", {"id": 1})


def test_a_catalog_that_cannot_be_served_is_told(tmp_path: Path) -> None:
    with pytest.raises(ServerUnavailable, match="Nobody"):
        WorkerServer(CATALOG | {"types": "type Order { id: Nobody }"}).start()
    listed = tmp_path / "list.json"
    listed.write_text("[]")
    with pytest.raises(ValueError, match="no JSON object"):
        WorkerServer(listed).start()


def test_a_catalog_is_all_of_a_schema() -> None:
    with pytest.raises(ValueError, match="no database"):
        WorkerServer(CATALOG, "SELECT 1")


def test_files_that_a_catalog_names_begin_beside_it(tmp_path: Path) -> None:
    (tmp_path / "keys.json").write_text('{"keys": []}')
    catalog = tmp_path / "catalog.json"
    issuer = {"name": "tests", "jwks_file": "keys.json"}
    catalog.write_text(json.dumps(CATALOG | {"issuers": [issuer]}))
    # The file is found; that it has no key is the next problem.
    with pytest.raises(ServerUnavailable, match="key"):
        WorkerServer(catalog).start()
    (tmp_path / "keys.json").unlink()
    with pytest.raises(FileNotFoundError):
        WorkerServer(catalog).start()


def test_a_program_that_is_not_there_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FRAISEQL_WORKER", "/nowhere/worker")
    monkeypatch.setenv("PG_CONFIG", "/nowhere/pg_config")
    with pytest.raises(ServerUnavailable, match="FRAISEQL_WORKER"):
        WorkerServer(CATALOG).start()


def test_the_worker_ends_with_the_process_that_wanted_it() -> None:
    program = f"""
import os, signal
from fraiseql_subs.testing import WorkerServer
server = WorkerServer({CATALOG!r}).start()
print(server._worker.pid, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    process = Path(f"/proc/{said.stdout.strip()}")
    wait_until(lambda: not process.exists(), "the worker has ended")

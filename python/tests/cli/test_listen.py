"""`fraiseql-subs listen`."""

import json
import os
import pty
import signal
import subprocess
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager

import psycopg
import pytest
from rich.console import Console

from fraiseql_subs.cli import _listen
from fraiseql_subs.testing import WorkerServer

from .program import COMMAND, run, start
from .workers import worker_of

ALL = "subscription { orderUpdated { id status } }"


def wait_until(predicate: Callable[[], object], description: str) -> None:
    """Return when it holds. The pauses leave the cores to those who are waited for."""
    deadline = time.monotonic() + 30
    while not predicate():
        assert time.monotonic() < deadline, f"gave up waiting until {description}"
        time.sleep(0.02)


def listeners(server: WorkerServer) -> list[tuple[object, ...]]:
    return server.execute(
        "SELECT c.user_id, c.tenant_id FROM fraiseql_connections() AS c WHERE c.subscriptions > 0"
    )


@contextmanager
def listening(
    server: WorkerServer, *arguments: str
) -> Generator["subprocess.Popen[str]", None, None]:
    """The program once it has subscribed; its end is waited for, and killed after an error."""
    process = start("--dsn", server.dsn, "listen", *arguments)
    try:
        wait_until(lambda: process.poll() is not None or listeners(server), "it listens")
        yield process
    finally:
        process.kill()
        process.communicate()
        # The next one to listen is not to be taken for this one.
        wait_until(lambda: not listeners(server), "nobody listens any more")


def publish(server: WorkerServer, *ids: int) -> None:
    for id in ids:
        server.publish("orderUpdated", "orders", {"id": id, "status": "paid"})


def test_as_json_each_event_is_a_line_until_there_were_enough(subs_server: WorkerServer) -> None:
    arguments = (ALL, "--user", "7", "--json", "--count", "2")
    with listening(subs_server, *arguments) as process:
        publish(subs_server, 1, 2, 3)
        output, errors = process.communicate(timeout=30)
    assert (process.returncode, errors) == (0, "")
    events = [json.loads(line) for line in output.splitlines()]
    assert [event["data"]["orderUpdated"]["id"] for event in events] == ["1", "2"]
    assert set(events[0]) == {"data", "position", "committedAt", "latencyMs"}


def test_in_a_pipe_each_event_is_a_line_for_people(subs_server: WorkerServer) -> None:
    query = "subscription ($id: ID) { orderUpdated(id: $id) { id } }"
    arguments = (query, "--user", "7", "--count", "1", "--variables", '{"id": 5}')
    with listening(subs_server, *arguments) as process:
        publish(subs_server, 4, 5)
        output, _ = process.communicate(timeout=30)
    assert process.returncode == 0
    (line,) = output.splitlines()
    assert line.endswith('{"orderUpdated": {"id": "5"}}') and " ms " in line


def test_who_listens_is_said_by_options(subs_server: WorkerServer) -> None:
    arguments = (ALL, "--user", "u7", "--tenant", "t1", "--claims", '{"role": "clerk"}')
    with listening(subs_server, *arguments):
        assert listeners(subs_server) == [("u7", "t1")]


def test_errors_are_told_beside_the_data(subs_server: WorkerServer) -> None:
    arguments = (ALL, "--user", "7", "--json", "--count", "1")
    with listening(subs_server, *arguments) as process:
        subs_server.publish("orderUpdated", "orders", {"id": 1, "status": [1]})
        output, _ = process.communicate(timeout=30)
    event = json.loads(output)
    assert event["data"] == {"orderUpdated": None}
    assert event["errors"][0]["extensions"]["code"] == "DATA_MISMATCH"


def test_ctrl_c_ends_it_with_130_and_leaves_nobody(subs_server: WorkerServer) -> None:
    with listening(subs_server, ALL, "--user", "7") as process:
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=30)
    assert (process.returncode, output, errors) == (130, "", "")
    wait_until(lambda: not listeners(subs_server), "nobody listens")


def test_it_goes_on_when_the_worker_has_died(subs_server: WorkerServer) -> None:
    arguments = (ALL, "--user", "7", "--json", "--count", "1")
    with listening(subs_server, *arguments) as process:
        worker = worker_of(subs_server)
        assert worker is not None
        os.kill(worker, signal.SIGKILL)
        wait_until(lambda: worker_of(subs_server) not in (None, worker), "it has a successor")
        publish(subs_server, 1)
        output, _ = process.communicate(timeout=60)
    assert json.loads(output)["data"]["orderUpdated"]["id"] == "1"


def test_it_ends_quietly_when_nobody_reads_its_output(subs_server: WorkerServer) -> None:
    with listening(subs_server, ALL, "--user", "7", "--json") as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.close()
        publish(subs_server, 1)
        assert process.wait(30) == 2
        assert process.stderr.read() == ""


def test_a_query_is_answered_and_over(subs_server: WorkerServer) -> None:
    result = run("--dsn", subs_server.dsn, "listen", "--user", "7", "--json", "{ __typename }")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["data"] == {"__typename": "Query"}


def test_a_wrong_document_is_refused_in_one_line(subs_server: WorkerServer) -> None:
    query = "subscription { orderUpdated { nothing } }"
    result = run("--dsn", subs_server.dsn, "listen", "--user", "7", query)
    assert result.exit_code == 2
    assert result.stderr == (
        'fraiseql-subs: refused: Cannot query field "nothing" on type "Order".\n'
    )


def test_who_is_not_let_in_is_told_by_which_options_to_say_who_he_is() -> None:
    with WorkerServer(settings={"fraiseql_subs.allow_anonymous": False}) as server:
        result = run("--dsn", server.dsn, "listen", ALL)
    assert result.exit_code == 2
    assert "the worker closed the connection: 4403 Forbidden" in result.stderr
    assert "--user" in result.stderr and result.stderr.count("\n") == 1


def test_a_database_out_of_reach_is_told_at_once_in_one_line() -> None:
    result = run("--dsn", "postgresql://127.0.0.1:9/none", "listen", ALL)
    assert result.exit_code == 2
    assert "cannot reach PostgreSQL: " in result.stderr and result.stderr.count("\n") == 1


def test_a_worker_that_is_not_there_is_told_in_one_line() -> None:
    with WorkerServer(database="shop") as server:
        elsewhere = server.environment | {"PGDATABASE": "postgres"}
        with psycopg.connect(server.dsn, dbname="postgres", autocommit=True) as connection:
            connection.execute("CREATE EXTENSION fraiseql_subs")
        worker = worker_of(server)
        assert worker is not None
        os.kill(worker, signal.SIGSTOP)
        try:
            result = run("listen", "--user", "7", ALL, env=elsewhere)
        finally:
            os.kill(worker, signal.SIGCONT)
    assert result.exit_code == 2
    assert result.stderr.startswith("fraiseql-subs: ") and result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--variables", "{"), "--variables is not JSON"),
        (("--claims", "[]"), "--claims is no JSON object"),
        (("--claims", '{"sub": "1"}', "--user", "2"), "user_id"),
    ],
)
def test_wrong_options_are_named(arguments: tuple[str, ...], told: str) -> None:
    result = run("listen", ALL, *arguments)
    assert result.exit_code == 2
    assert told in result.stderr and result.stderr.count("\n") == 1


def test_on_a_terminal_it_is_a_live_view(subs_server: WorkerServer) -> None:
    screen, terminal = pty.openpty()
    process = subprocess.Popen(
        [*COMMAND, "--dsn", subs_server.dsn, "listen", ALL, "--user", "7", "--count", "1"],
        env=os.environ | {"TERM": "xterm", "COLUMNS": "120", "LINES": "40"},
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
    )
    os.close(terminal)
    try:
        wait_until(lambda: listeners(subs_server), "it listens")
        publish(subs_server, 1)
        shown = b""
        # A terminal whose programs are gone cannot be read.
        while True:
            try:
                shown += os.read(screen, 65536)
            except OSError:
                break
        assert process.wait(30) == 0
    finally:
        process.kill()
        os.close(screen)
    assert b"per second" in shown and b'"orderUpdated"' in shown


def test_the_live_view_shows_rates_latencies_and_the_last_events() -> None:
    view = _listen._View()  # pyright: ignore[reportPrivateUsage]
    console = Console(width=120, record=True, file=open(os.devnull, "w"))  # noqa: SIM115
    console.print(view.render())
    for id in range(30):
        payload = {
            "data": {"id": f"[{id}]"},
            "errors": [{"message": "odd"}] if id % 2 else None,
            "extensions": {"position": "p", "committedAt": "2026-01-01T00:00:00.000000Z"},
        }
        view.show(_listen._Event(payload, 0.0))  # pyright: ignore[reportPrivateUsage]
    view.show(_listen._Event({"data": None}, 0.0))  # pyright: ignore[reportPrivateUsage]
    console.print(view.render())
    console.file.close()
    shown = console.export_text()
    assert "per second" in shown and "median" in shown
    assert '{"id": "[29]"}  odd' in shown and '"[3]"' not in shown
    assert " 31 " in shown and " 15 " in shown

"""A server for tests starts by itself, is its own, and leaves nothing behind."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from fraiseql_subs.testing import ServerUnavailable, WorkerServer, _postgres, server

from .waiting import wait_until

ALL = "subscription { orderUpdated { id } }"


def is_running(pid: int) -> bool:
    return Path(f"/proc/{pid}/cmdline").exists() and bool(Path(f"/proc/{pid}/cmdline").read_bytes())


def directory_of(running: WorkerServer) -> Path:
    ((path,),) = running.execute("SHOW data_directory")
    return Path(path).parent


async def test_clients_find_what_files_and_texts_of_the_schema_register(tmp_path: Path) -> None:
    file = tmp_path / "types.sql"
    file.write_text("SELECT fraiseql_register_types('type Order { id: ID! }');")
    field = "SELECT fraiseql_register_subscription('orderUpdated: Order', 'orders');"
    for types in (file, str(file)):
        async with WorkerServer(types, field) as running:
            client = running.client()
            async with client, client.subscribe(ALL) as s:
                running.publish("any", "orders", {"id": 1}, correlation_id="c")
                assert await s.next() == {"orderUpdated": {"id": "1"}}


def test_nothing_is_left_of_one_that_was_stopped() -> None:
    with WorkerServer() as running:
        directory = directory_of(running)
        ((pid,),) = running.execute("SELECT pg_backend_pid()")
        assert directory.exists() and is_running(pid)
    assert not directory.exists()
    assert not is_running(pid)
    running.stop()


def test_one_can_be_started_again_and_only_once_at_a_time() -> None:
    again = WorkerServer()
    for _ in range(2):
        again.start()
        with pytest.raises(RuntimeError, match="is running"):
            again.start()
        again.stop()
    with pytest.raises(RuntimeError, match="not running"):
        _ = again.dsn


def test_it_ends_with_the_process_that_started_it_however_that_ends() -> None:
    program = (
        "from fraiseql_subs.testing import WorkerServer\n"
        "server = WorkerServer().start()\n"
        "print(*server.execute('SHOW data_directory')[0], flush=True)\n"
        "input()\n"
    )
    owner = subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with owner:
        assert owner.stdout is not None
        data = Path(owner.stdout.readline().strip())
        pid = int((data / "postmaster.pid").read_text().split()[0])
        owner.send_signal(signal.SIGKILL)
    wait_until(lambda: not is_running(pid), "the server has ended")
    wait_until(lambda: not data.parent.exists(), "its directory is gone")


@pytest.mark.timeout(300)
def test_nothing_is_left_of_one_whose_owner_died_before_it_was_made() -> None:
    program = "from fraiseql_subs.testing import WorkerServer; WorkerServer().start()"
    # Not below pytest's own, which each of its runs closes to others.
    with tempfile.TemporaryDirectory() as directory:
        place = Path(directory)
        place.chmod(0o777)
        environment = os.environ | {"TMPDIR": directory}
        with subprocess.Popen([sys.executable, "-c", program], env=environment) as owner:
            wait_until(lambda: any(place.glob("*/data/*")), "initdb runs")
            owner.send_signal(signal.SIGKILL)
        wait_until(lambda: not any(place.iterdir()), "its directory is gone")


def test_settings_are_those_of_postgresql_conf() -> None:
    settings = {
        "fraiseql_subs.worker_threads": 2,
        "fraiseql_subs.playground": True,
        "my.text": "it's, \\here",
    }
    with WorkerServer(settings=settings) as running:
        values = [running.execute(f"SHOW {name}")[0][0] for name in settings]
    assert values == ["2", "on", "it's, \\here"]


def test_another_database_may_be_served() -> None:
    with WorkerServer(database="shop floor") as running:
        assert running.execute("SELECT current_database()") == [("shop floor",)]
        with psycopg.connect(running.dsn) as connection:
            assert connection.info.dbname == "shop floor"


def test_only_who_has_its_dsn_may_log_in(subs_server: WorkerServer) -> None:
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(subs_server.dsn, password="guessed")


def test_statements_return_the_rows_of_the_last(subs_server: WorkerServer) -> None:
    assert subs_server.execute("SELECT 1; SELECT 2, '50%'") == [(2, "50%")]
    assert subs_server.execute("SELECT %s::int", [3]) == [(3,)]
    assert subs_server.execute("DO $$ BEGIN END $$") == []


def test_ended_backends_do_not_end_its_use(subs_server: WorkerServer) -> None:
    subs_server.execute("SELECT 1")
    with psycopg.connect(subs_server.dsn, autocommit=True) as other:
        other.execute(
            "SELECT pg_terminate_backend(pid, 20000) FROM pg_stat_activity"
            " WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"
        )
    assert subs_server.execute("SELECT 1") == [(1,)]


def test_its_log_can_be_read_from_a_place_on(subs_server: WorkerServer) -> None:
    start = subs_server.log_size
    subs_server.execute("DO $$ BEGIN RAISE WARNING 'look here'; END $$")
    assert "look here" in subs_server.log(start)
    assert "look here" not in subs_server.log(subs_server.log_size)


def test_a_port_that_was_taken_is_tried_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    free_port = _postgres.free_port
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ports = iter([taken.getsockname()[1]])
        monkeypatch.setattr(_postgres, "free_port", lambda: next(ports, None) or free_port())
        with WorkerServer() as running:
            assert running.execute("SELECT 1") == [(1,)]


# What is missing is named -------------------------------------------------------------------------


def test_without_postgresql_the_error_names_pg_config(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PG_CONFIG", "/nowhere/pg_config")
    with pytest.raises(ServerUnavailable, match='no program "/nowhere/pg_config".*PG_CONFIG'):
        WorkerServer().start()


@pytest.fixture
def empty_installation(tmp_path: Path) -> Iterator[Path]:
    """A pg_config for which nothing is installed."""
    pg_config = tmp_path / "pg_config"
    pg_config.write_text(
        f"#!/bin/sh\ncase $1 in --version) echo PostgreSQL 15.0;; *) echo {tmp_path};; esac\n"
    )
    pg_config.chmod(0o755)
    yield pg_config


def test_without_a_server_the_error_names_its_programs(empty_installation: Path) -> None:
    with pytest.raises(ServerUnavailable, match=r"PostgreSQL 15.0 has no server: .*/initdb"):
        WorkerServer(pg_config=empty_installation).start()


def test_without_the_extension_the_error_names_its_file(empty_installation: Path) -> None:
    for name in ("initdb", "postgres"):
        (empty_installation.parent / name).touch()
    with pytest.raises(ServerUnavailable, match=r"no extension .*fraiseql_subs\.control; run"):
        WorkerServer(pg_config=empty_installation).start()


def test_a_server_that_cannot_start_shows_its_log() -> None:
    with pytest.raises(ServerUnavailable, match='(?s)did not start.*"shared_buffers"'):
        WorkerServer(settings={"shared_buffers": "nonsense"}).start()


def test_a_directory_that_cannot_be_made_shows_what_initdb_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "initdb").write_text("#!/bin/sh\necho no space; exit 1\n")
    (programs / "initdb").chmod(0o755)
    monkeypatch.setattr(_postgres, "_server_user", lambda: None)
    for path in (tmp_path, *tmp_path.parents):
        if path == Path(tempfile.gettempdir()):
            break
        path.chmod(0o755)
    (programs / "postgres").touch()
    (tmp_path / "extension").mkdir()
    (tmp_path / "extension" / "fraiseql_subs.control").touch()
    pg_config = tmp_path / "pg_config"
    pg_config.write_text(
        f"#!/bin/sh\ncase $1 in --bindir) echo {programs};; *) echo {tmp_path};; esac\n"
    )
    pg_config.chmod(0o755)
    with pytest.raises(ServerUnavailable, match="initdb failed in .*:\nno space"):
        WorkerServer(pg_config=pg_config).start()


def test_a_worker_that_serves_nobody_shows_the_log(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "_SERVING_SECONDS", 0.0)
    with pytest.raises(ServerUnavailable, match="(?s)the worker serves nobody at .*log"):
        WorkerServer(settings={"fraiseql_subs.database": "another"}).start()


def test_a_wrong_schema_is_named_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "schema.sql"
    file.write_text("SELECT 1;\nSELECT 2;\nSELECT nothing;\n")
    with pytest.raises(psycopg.errors.UndefinedColumn, match=r"schema\.sql, line 3: .*nothing"):
        WorkerServer(file).start()


def test_a_schema_that_makes_the_extension_is_told_how(tmp_path: Path) -> None:
    file = tmp_path / "schema.sql"
    file.write_text("CREATE EXTENSION fraiseql_subs;")
    with pytest.raises(psycopg.errors.DuplicateObject, match="CREATE EXTENSION IF NOT EXISTS"):
        WorkerServer(file).start()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root must run servers as another user")
def test_root_without_a_user_for_servers_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody(name: str) -> object:
        raise KeyError(name)

    monkeypatch.setattr("pwd.getpwnam", nobody)
    with pytest.raises(ServerUnavailable, match="does not run as root"):
        WorkerServer().start()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_another_user_than_root_runs_it_as_himself() -> None:
    runuser = shutil.which("runuser")
    assert runuser is not None
    become_nobody = [runuser, "-u", "nobody", "--"]
    if subprocess.run([*become_nobody, sys.executable, "-c", ""], capture_output=True).returncode:
        pytest.skip("this Python is root's alone")
    program = (
        "from fraiseql_subs.testing import WorkerServer\n"
        "with WorkerServer() as server: print(*server.execute('SELECT 1')[0])\n"
    )
    done = subprocess.run(
        [*become_nobody, sys.executable, "-c", program],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "TMPDIR": "/tmp"},
        capture_output=True,
        text=True,
        cwd="/",
    )
    assert done.stdout == "1\n", done.stderr

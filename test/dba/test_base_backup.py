"""pg_basebackup and other copies of the files of a running server."""

import stat

import pytest

from cluster import wait_until
from copies import base_backup, copied, snapshot
from watched import events_flow, registered, serve, write


@pytest.fixture(scope="module")
def shared_source(make_shared_server):
    return serve(make_shared_server())


@pytest.fixture
def source(shared_source, log_watch):
    log_watch.add(shared_source)
    return shared_source


@pytest.fixture
def large_transaction(source):
    """A transaction whose events do not fit into its memory, open during the test."""
    with source.connect(autocommit=False) as connection:
        connection.execute("SET fraiseql_subs.transaction_memory = '64kB'")
        connection.execute(
            "UPDATE item SET name = repeat('large', 20000)"
            " WHERE id BETWEEN 1 AND 40 AND name IS NOT NULL"
        )
        assert source.sql("SELECT * FROM pg_ls_tmpdir()"), "its events are in a file"
        yield
        connection.rollback()


def strangers(path):
    """Files that a data directory without the product would not have."""
    return [
        str(file.relative_to(path))
        for file in path.rglob("*")
        if stat.S_ISSOCK(file.lstat().st_mode)
        or "fraiseql" in file.name
        or "pgsql_tmp" in str(file.parent.relative_to(path))
    ]


@pytest.mark.parametrize("format", ["plain", "tar"])
def test_pg_basebackup_warns_of_nothing(source, listen, large_transaction, tmp_path, format):
    listener = listen(source)
    done = source.run_program(
        "pg_basebackup", "-D", tmp_path / "backup", "-F", format, "-c", "fast", "--no-sync"
    )
    assert done.stderr == ""
    listener.assert_hears()


def test_a_base_backup_holds_nothing_of_the_product(source, large_transaction, tmp_path):
    source.run_program("pg_basebackup", "-D", tmp_path / "backup", "-c", "fast", "--no-sync")
    assert strangers(tmp_path / "backup") == []
    source.run_program("pg_verifybackup", "--quiet", tmp_path / "backup")


def test_a_restored_base_backup_serves_what_was_registered(source, make_server):
    restored = make_server(data=base_backup(source))
    events_flow(restored)
    assert registered(restored) == registered(source)


def test_a_snapshot_of_the_running_servers_files_serves(source, make_server, listen):
    listener = listen(source)
    restored = make_server(data=snapshot(source))
    events_flow(restored)
    listener.assert_hears_nothing()


def test_a_copy_of_a_crashed_servers_files_serves(make_server):
    source = serve(make_server())
    source.stop("immediate")
    restored = make_server(data=copied(source))
    events_flow(restored)


def test_a_copy_does_not_disturb_its_source_of_the_same_port(source, make_server, listen):
    listener = listen(source)
    restored = make_server(data=base_backup(source), port=source.port)
    wait_until(
        lambda: "could not" in restored.log() or "in use" in restored.log(),
        "the copy says that it has no port",
    )
    restored.sql("INSERT INTO item (name) VALUES ('in the copy')")
    listener.assert_hears_nothing()


def test_positions_of_a_copy_are_not_those_of_its_source(source, make_server, listen):
    copies = [make_server(data=base_backup(source)) for _ in range(2)]
    seen = []
    for cluster in copies:
        events_flow(cluster)
        listener = listen(cluster)
        write(cluster)
        seen.append(listener.subscription.next()["extensions"]["position"])
    assert seen[0] != seen[1]

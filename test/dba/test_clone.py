"""Copies of a database and of a whole server, and what they inherit."""

import pytest

from cluster import wait_until
from copies import copied
from watched import events_flow, registered, serve, wait_for_field, write


@pytest.fixture
def source(make_server):
    return serve(make_server())


def test_a_served_database_can_be_a_template(source, listen):
    listener = listen(source)
    source.sql("CREATE DATABASE copy TEMPLATE postgres")
    assert registered(source, dbname="copy") == registered(source)
    listener.assert_hears()


def test_a_database_copied_from_the_served_one_can_be_written_to_and_is_not_heard(source, listen):
    listener = listen(source)
    source.sql("CREATE DATABASE copy TEMPLATE postgres")
    with source.connect(dbname="copy") as copy:
        copy.execute("INSERT INTO item (name) VALUES ('unheard')")
        copy.execute("UPDATE item SET name = 'unheard'")
        copy.execute("TRUNCATE item")
    listener.assert_hears_nothing()
    source.sql("DROP DATABASE copy")


def test_a_template_takes_the_place_of_the_served_database(source, listen):
    """As tests do it: a prepared database is copied over and over."""
    source.database = "template1"
    source.sql("CREATE DATABASE prepared TEMPLATE postgres")
    source.sql("ALTER SYSTEM SET fraiseql_subs.database = 'run'")
    source.restart()
    for _ in range(3):
        source.database = "template1"
        source.sql("DROP DATABASE IF EXISTS run")
        source.sql("CREATE DATABASE run TEMPLATE prepared")
        source.database = "run"
        wait_for_field(source)
        listen(source).assert_hears()


def test_a_copied_data_directory_serves_at_a_port_of_its_own(source, make_server, listen):
    source.stop()
    clone = make_server(data=copied(source))
    source.start()
    events_flow(clone)
    assert registered(clone) == registered(source)
    wait_for_field(source)
    listener = listen(source)
    write(clone)
    listener.assert_hears_nothing()


@pytest.mark.parametrize("threads", [1, 2])
def test_a_clone_that_kept_the_port_serves_when_its_source_has_ended(
    source, make_server, listen, threads
):
    """Two servers with one port: the second does not take clients from the first."""
    source.sql(f"ALTER SYSTEM SET fraiseql_subs.worker_threads = {threads}")
    source.stop()
    clone = make_server(data=copied(source), start=False, port=source.port)
    clone.port = source.port
    source.start()
    wait_for_field(source)
    listeners = [listen(source) for _ in range(8)]
    clone.start()
    wait_until(lambda: str(source.port) in clone.log(), "the clone tried to get the port")
    listeners += [listen(source) for _ in range(8)]
    write(clone)
    id = write(source)
    assert {listener.next()["row"]["id"] for listener in listeners} == {str(id)}
    source.stop()
    events_flow(clone)

"""What a server says at its start when it lacks something."""

import contextlib
import os
from pathlib import Path

import pytest
from psycopg import errors

from cluster import wait_until

pytestmark = pytest.mark.extension_only


def test_a_launcher_without_a_background_worker_slot_is_told(make_cluster):
    cluster = make_cluster(install=False, postgresql__max_worker_processes=0)
    assert "no background worker slot was left for the launcher" in cluster.log()
    assert cluster.get("/livez")[0] == 0
    cluster.sql("CREATE EXTENSION fraiseql_subs")
    with pytest.raises(errors.SqlclientUnableToEstablishSqlconnection) as told:
        cluster.sql("SELECT * FROM fraiseql_connections()")
    assert "No background worker slot" in told.value.diag.message_detail
    assert "max_worker_processes" in told.value.diag.message_hint
    assert cluster.metric("fraiseql_subs_worker_up") == 0


def test_an_executor_without_a_background_worker_slot_is_told_once(make_cluster):
    # PostgreSQL's own launcher of logical replication has the other.
    cluster = make_cluster(install=False, postgresql__max_worker_processes=2)
    reason = "no catalog: no background worker slot is free (max_worker_processes)\n"
    wait_until(lambda: cluster.get("/readyz") == (503, reason), "it is told")
    assert cluster.log().count("no background worker slot is free for the executor") == 1


def test_a_ring_that_the_machine_has_no_memory_for_is_refused_at_the_start(make_cluster):
    with pytest.raises(RuntimeError) as told:
        make_cluster(install=False, ring_size="1TB")
    assert "could not reserve" in str(told.value)
    assert "Decrease fraiseql_subs.ring_size" in str(told.value)


def test_the_memory_of_the_ring_is_taken_at_the_start(make_cluster):
    cluster = make_cluster(install=False, ring_size="32MB")
    launcher = wait_until(
        lambda: cluster.sql(
            "SELECT pid FROM pg_stat_activity WHERE backend_type = 'fraiseql_subs launcher'"
        ),
        "the launcher runs",
    )[0][0]
    found = []
    for file in Path(f"/proc/{launcher}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # it has closed it meanwhile
            if "memfd:fraiseql_subs ring" in os.readlink(file):
                status = os.stat(file)
                found.append(status.st_blocks * 512 >= status.st_size > 32 << 20)
    assert found == [True]


def test_what_the_extensions_processes_wait_for_has_a_name(make_cluster):
    cluster = make_cluster()
    with cluster.connect() as connection:
        named = connection.info.server_version >= 170000
        connection.execute(
            "CREATE FUNCTION public.resolve(jsonb, jsonb) RETURNS jsonb LANGUAGE sql AS 'SELECT $1'"
        )
        connection.execute("SELECT fraiseql_register_types('type Order { id: ID }')")
        connection.execute("SELECT fraiseql_register_subscription('orderUpdated: Order', 'orders')")
        connection.execute("SELECT fraiseql_register_resolver('orderUpdated', 'public.resolve')")
    wait_until(
        lambda: (
            dict(
                cluster.sql(
                    "SELECT backend_type, wait_event FROM pg_stat_activity"
                    " WHERE backend_type LIKE 'fraiseql_subs %'"
                )
            )
            == {
                "fraiseql_subs launcher": "FraiseqlSubsLauncher" if named else "Extension",
                "fraiseql_subs executor": "FraiseqlSubsExecutor" if named else "Extension",
                "fraiseql_subs resolver": "FraiseqlSubsExecutor" if named else "Extension",
            }
        ),
        "each process waits under its name",
    )

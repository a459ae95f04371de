"""A standby does not get the primary's events: it must send clients away until it is promoted."""

import json

import psycopg
import pytest
from websockets.exceptions import InvalidStatus

from cluster import wait_until
from http_client import post

QUERY = "subscription { orderUpdated { id } }"


@pytest.fixture
def primary(make_cluster):
    cluster = make_cluster()
    cluster.sql("SELECT fraiseql_register_types('type Order { id: ID! }')")
    cluster.sql("SELECT fraiseql_register_subscription('orderUpdated: Order', 'orders')")
    return cluster


def replica_of(primary):
    """For Cluster(data=…): a base backup that starts as a standby."""

    def make(path):
        arguments = ("-D", path, "--write-recovery-conf", "--checkpoint=fast", "--no-sync")
        primary.run_program("pg_basebackup", *arguments, as_server_user=True)

    return make


@pytest.fixture
def standby(primary, make_cluster):
    """A standby of the primary, whose worker answers."""
    cluster = make_cluster(install=False, data=replica_of(primary))
    wait_until(lambda: cluster.get("/livez")[0] == 200, "the standby's worker answers")
    return cluster


def promote(standby):
    assert standby.value("SELECT pg_promote()")
    standby.wait_until_serving()


def assert_events_flow(cluster, connect, field="orderUpdated", channel="orders"):
    subscription = connect(cluster).subscribe(f"subscription {{ {field} {{ id }} }}")
    cluster.publish("any", channel, {"id": 7})
    assert subscription.data() == {field: {"id": "7"}}


def assert_refused_as_standby(answer):
    (error,) = answer["errors"]
    assert error["extensions"]["code"] == "STANDBY"


@pytest.mark.extension_only
def test_publishing_on_a_standby_is_refused_until_it_is_promoted(primary, standby, connect):
    with pytest.raises(psycopg.errors.ReadOnlySqlTransaction) as error:
        standby.sql("SELECT fraiseql_publish('a', 'b', '1')")
    assert "on the primary" in error.value.diag.message_hint
    promote(standby)
    assert_events_flow(standby, connect)


def test_a_standby_sends_clients_away_until_it_is_promoted(primary, standby, connect):
    for path in ("/readyz", "/healthz"):
        status, text = standby.get(path)
        assert (status, text.startswith("standby: ")) == (503, True)
    assert standby.get("/livez") == (200, "ok\n")
    assert "fraiseql_subs_ready 0\n" in standby.get("/metrics")[1]

    with pytest.raises(InvalidStatus) as refused:
        connect(standby)
    assert refused.value.response.status_code == 503
    assert_refused_as_standby(json.loads(refused.value.response.body))
    for query, accept in ((QUERY, "text/event-stream"), ("{ serverVersion }", "application/json")):
        status, _, answer = post(standby, query, accept=accept)
        assert status == 503
        assert_refused_as_standby(answer)
    status, body = standby.get("/graphql?query=%7BserverVersion%7D")
    assert status == 503
    assert_refused_as_standby(json.loads(body))

    pid = standby.worker_pids()
    promote(standby)
    assert standby.worker_pids() == pid
    assert_events_flow(standby, connect)


def test_a_promoted_standby_knows_what_was_registered_meanwhile(primary, standby, connect):
    primary.sql("SELECT fraiseql_register_subscription('late: Order', 'late')")
    position = primary.value("SELECT pg_current_wal_lsn()")
    wait_until(
        lambda: standby.value("SELECT pg_last_wal_replay_lsn() >= %s::pg_lsn", (position,)),
        "the registration is replayed",
    )
    promote(standby)

    def accepts_late():
        client = connect(standby)
        client.start("subscription { late { id } }")
        client.settle()
        return not client.subscriptions["1"].messages

    wait_until(accepts_late, "the catalog of the former primary is served")
    assert_events_flow(standby, connect, "late", "late")

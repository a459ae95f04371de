"""Who was refused what stands in the log, and nothing there can be forged."""

import pytest

from cluster import wait_until
from tokens import SECRET, make_token


@pytest.fixture
def guarded(make_cluster):
    """A server that lets nobody in without a token, with a field for tenants alone."""
    cluster = make_cluster(allow_anonymous="off")
    cluster.sql("SELECT fraiseql_register_issuer('tests', secret => %s)", (SECRET,))
    cluster.sql("SELECT fraiseql_register_types('type Note { id: ID! }')")
    cluster.sql(
        "SELECT fraiseql_register_subscription('note: Note', 'notes', tenant_field => 'tenant_id')"
    )
    return cluster


def audited(cluster, what):
    lines = [line for line in cluster.log().splitlines() if f"audit: {what}" in line]
    return [line.split("audit: ", 1)[1] for line in lines]


def test_a_refused_log_in_is_told(guarded, connect):
    client = connect(guarded, init=False)
    client.send({"type": "connection_init"})
    assert client.wait_for_close()[0] == 4403
    wait_until(lambda: audited(guarded, "login refused"), "the refusal is logged")
    (line,) = audited(guarded, "login refused")
    assert "reason=no_token" in line and "peer=127.0.0.1:" in line


def test_a_refused_subscription_is_told_with_its_user(guarded, connect):
    client = connect(guarded, init=False)
    client.init({"token": make_token(sub='u1" code=OK\naudit: forged')})
    client.subscribe("subscription { note { id } }").errors()
    wait_until(lambda: audited(guarded, "subscription refused"), "the refusal is logged")
    (line,) = audited(guarded, "subscription refused")
    assert line.endswith('field="note" code=FORBIDDEN reason=TENANT_REQUIRED')
    assert r'user="u1\" code=OK\x0Aaudit: forged"' in line
    assert "worker: audit: forged" not in guarded.log()


def test_denied_events_are_told_in_sums(guarded, connect):
    client = connect(guarded, init=False)
    client.init({"token": make_token(sub="u1", tenant_id="a")})
    subscription = client.subscribe("subscription { note { id } }")
    for tenant in ("b", "c", "a"):
        guarded.publish("written", "notes", {"id": 1, "tenant_id": tenant})
    assert subscription.data() == {"note": {"id": "1"}}
    wait_until(lambda: audited(guarded, "events denied"), "denied events are logged")
    assert audited(guarded, "events denied")[0].startswith("events denied module=tenant count=")


def test_it_can_be_turned_off(make_cluster, connect):
    cluster = make_cluster(allow_anonymous="off", audit_log="off")
    client = connect(cluster, init=False)
    client.send({"type": "connection_init"})
    assert client.wait_for_close()[0] == 4403
    assert "audit:" not in cluster.log()

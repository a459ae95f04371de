"""Row filter, tenant, federation and scope of real subscriptions. Unit tests have all the cases."""

import json

import pytest

from cluster import Cluster, wait_until

CLAIMS = {"owner": "u1", "regions": ["eu", "us"]}

TYPES = "type Doc { id: ID! owner: ID } type DocChange { operation: String row: Doc old: Doc }"


@pytest.fixture(scope="module")
def cluster_of_module():
    cluster = Cluster(anonymous_claims=json.dumps(CLAIMS))
    try:
        cluster.start().install()
        cluster.sql("SELECT fraiseql_register_types(%s)", (TYPES,))
        yield cluster
    finally:
        cluster.destroy()


@pytest.fixture
def guarded(cluster_of_module, log_watch):
    """A server whose anonymous clients have claims."""
    log_watch.add(cluster_of_module)
    return cluster_of_module


def register(cluster, field, channel, **rules):
    types = {name: "::jsonb" if isinstance(value, dict) else "" for name, value in rules.items()}
    named = "".join(f", {name} => %s{type}" for name, type in types.items())
    values = [json.dumps(v) if isinstance(v, dict) else v for v in rules.values()]
    cluster.sql(f"SELECT fraiseql_register_subscription(%s, %s{named})", (field, channel, *values))


def refusal(connect, cluster, query):
    (error,) = connect(cluster).subscribe(query).errors()
    assert error["extensions"].pop("code") == "FORBIDDEN"
    return error["extensions"]["reason"], error["path"]


def test_a_row_filter_lets_through_what_the_claims_name(guarded, connect, name):
    register(guarded, f"{name}: Doc", name, row_filter={"owner": "$.owner", "region": "$.regions"})
    subscription = connect(guarded).subscribe(f"subscription {{ {name} {{ id }} }}")
    for id, owner, region in ((1, "u2", "eu"), (2, "u1", "ap"), (3, "u1", None), (4, "u1", "us")):
        guarded.publish("doc", name, {"id": id, "owner": owner, "region": region})
    guarded.publish("doc", name, {"id": 5, "owner": ["u3", "u1"], "region": ["ap", "eu"]})
    assert [subscription.data()[name]["id"] for _ in range(2)] == ["4", "5"]


def test_rows_of_a_watched_table_compare_by_columns_that_clients_do_not_see(guarded, connect, name):
    guarded.sql(f"CREATE TABLE {name} (id int PRIMARY KEY, author text, regions text[])")
    guarded.sql(f"SELECT fraiseql_watch('{name}')")
    rules = {"row_filter": {"author": "$.owner", "regions": "$.regions"}}
    register(guarded, f"{name}: DocChange", name, **rules)
    subscription = connect(guarded).subscribe(
        f"subscription {{ {name} {{ operation row {{ id }} old {{ id }} }} }}"
    )
    guarded.sql(f"INSERT INTO {name} VALUES (1, 'u2', '{{eu}}'), (2, 'u1', '{{ap,eu}}')")
    guarded.sql(f"UPDATE {name} SET author = 'u1' WHERE id = 1")
    guarded.sql(f"UPDATE {name} SET id = 3 WHERE id = 1")
    guarded.sql(f"UPDATE {name} SET author = 'u2' WHERE id = 3")
    guarded.sql(f"DELETE FROM {name} WHERE id = 3")
    guarded.sql(f"DELETE FROM {name} WHERE id = 2")
    events = [subscription.data()[name] for _ in range(4)]
    assert [(e["operation"], e["row"]["id"], e["old"] and e["old"]["id"]) for e in events] == [
        ("INSERT", "2", None),
        ("UPDATE", "1", None),  # from somebody else, whose row it was
        ("UPDATE", "3", "1"),
        ("DELETE", "2", None),
    ]


def test_who_is_refused_is_told_why_and_counted(guarded, connect, name):
    def refused():
        return guarded.metric("fraiseql_subs_subscriptions_refused_total", reason="UNAUTHENTICATED")

    before = refused()
    register(guarded, f"{name}: Doc", name, tenant_field="tenant")
    query = f"subscription {{ mine: {name} {{ id }} }}"
    assert refusal(connect, guarded, query) == ("UNAUTHENTICATED", ["mine"])
    register(guarded, f"{name}: Doc", name, subgraph="docs")
    assert refusal(connect, guarded, query) == ("UNAUTHENTICATED", ["mine"])
    register(guarded, f"{name}(owner: ID): Doc", name, scope={"owner": "$.owner"})
    query = f"subscription ($o: ID) {{ mine: {name}(owner: $o) {{ id }} }}"
    assert refusal(connect, guarded, query) == ("UNAUTHENTICATED", ["mine"])
    assert refused() == before + 3
    subscription = connect(guarded).subscribe(query, variables={"o": "u1"})
    guarded.publish("doc", name, {"id": 1, "owner": "u1"})
    assert subscription.data() == {"mine": {"id": "1"}}


def test_a_shared_field_serves_those_without_a_tenant(guarded, connect, name):
    register(guarded, f"{name}: Doc", name, tenant_field="tenant", shared=True)
    subscription = connect(guarded).subscribe(f"subscription {{ {name} {{ id }} }}")
    guarded.publish("doc", name, {"id": 1, "tenant": "a"})
    guarded.publish("doc", name, {"id": 2})
    assert subscription.data()[name]["id"] == "2"


def test_events_of_a_subgraph_reach_nobody_who_does_not_have_it(guarded, connect, name):
    register(guarded, f"{name}: Doc", name)
    subscription = connect(guarded).subscribe(f"subscription {{ {name} {{ id }} }}")
    guarded.sql("SELECT fraiseql_publish('doc', %s, '{\"id\": 1}'::jsonb, NULL, 's')", (name,))
    guarded.publish("doc", name, {"id": 2})
    assert subscription.data()[name]["id"] == "2"


def test_a_rule_that_is_registered_later_ends_what_it_no_longer_permits(guarded, connect, name):
    register(guarded, f"{name}: Doc", name)
    subscription = connect(guarded).subscribe(f"subscription {{ {name} {{ id }} }}")
    register(guarded, f"{name}: Doc", name, row_filter={"owner": "$.missing"})
    (error,) = subscription.errors()
    assert error["extensions"] == {"code": "FORBIDDEN", "reason": "UNAUTHENTICATED"}


def test_the_tenant_field_of_the_server_is_effective_at_once(make_cluster, connect):
    cluster = make_cluster()
    cluster.sql("SELECT fraiseql_register_types(%s)", (TYPES,))
    register(cluster, "doc: Doc", "docs")
    register(cluster, "free: Doc", "docs", tenant_field="")
    client = connect(cluster)
    doc = client.subscribe("subscription { doc { id } }")
    free = client.subscribe("subscription { free { id } }")
    cluster.sql("ALTER SYSTEM SET fraiseql_subs.tenant_field = 'tenant'")
    cluster.sql("SELECT pg_reload_conf()")
    (error,) = doc.errors()
    assert error["extensions"]["reason"] == "UNAUTHENTICATED"
    cluster.publish("doc", "docs", {"id": 1, "tenant": "a"})
    assert free.data() == {"free": {"id": "1"}}


def explained(cluster, position, connection, subscription):
    rows = cluster.sql(
        "SELECT step, module, outcome FROM fraiseql_explain_delivery(%s, %s, %s)",
        (position, connection, subscription),
    )
    assert [step for step, _, _ in rows] == list(range(1, len(rows) + 1))
    return [(module, outcome) for _, module, outcome in rows][-1]


def test_why_an_event_did_or_did_not_arrive_is_explained(guarded, connect, name):
    register(guarded, f"{name}: Doc", name, row_filter={"owner": "$.owner"})
    register(guarded, f"all_{name}: Doc", name)
    client = connect(guarded)
    mine = client.subscribe(f"subscription {{ {name} {{ id }} }}", id="mine")
    every = client.subscribe(f"subscription {{ all_{name} {{ id }} }}", id="every")
    denied = guarded.metric("fraiseql_subs_events_denied_total", module="row_filter")
    guarded.publish("doc", name, {"id": 1, "owner": "u2"})
    guarded.publish("doc", name, {"id": 2, "owner": "u1"})
    others, own = (every.next()["extensions"]["position"] for _ in range(2))
    assert mine.next()["extensions"]["position"] == own
    connection = guarded.value(
        "SELECT connection_id FROM fraiseql_subscriptions() WHERE field = %s", (name,)
    )
    assert explained(guarded, own, connection, "mine") == ("delivery", "delivered")
    assert explained(guarded, others, connection, "mine") == ("row_filter", "denied")
    assert explained(guarded, others, connection, "every") == ("delivery", "delivered")
    assert explained(guarded, others, connection, "none") == ("subscription", "unknown")
    assert explained(guarded, others, connection + 1, "mine") == ("connection", "unknown")
    assert explained(guarded, others, -1, "mine") == ("connection", "unknown")
    assert explained(guarded, "0-0", connection, "mine") == ("event", "unknown")
    assert explained(guarded, 'x"y', connection, "mine") == ("event", "unknown")
    wait_until(
        lambda: (
            guarded.metric("fraiseql_subs_events_denied_total", module="row_filter") == denied + 1
        ),
        "the denied event is counted",
    )

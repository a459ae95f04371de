"""What a node tells of the bus that it reads in PostgreSQL, and what the database cannot tell."""

import pytest

from cluster import wait_until
from nodes import ANY, ids, metric


def test_a_node_counts_what_it_reads(served, node):
    subscription = node.client().subscribe(ANY)
    served.publish(range(1, 11))
    assert ids(subscription, 10) == list(range(1, 11))
    bus = "fraiseql_subs_bus_"
    assert metric(node, bus + "connected") == 1
    assert metric(node, bus + "connects_total") >= 1
    assert metric(node, bus + "read_total") == 10
    assert metric(node, bus + "read_bytes_total") > 0
    assert metric(node, bus + "lost_total") == 0
    assert metric(node, bus + "append_to_read_seconds_sum") > 0
    assert metric(node, "fraiseql_subs_commit_to_read_seconds_count") > 0
    wait_until(lambda: metric(node, bus + "behind_events") == 0, "all is handed on")


def test_a_node_whose_database_turns_it_away_counts_that_and_is_not_ready(served, node):
    before = metric(node, "fraiseql_subs_bus_errors_total")
    served.send_readers_away()
    wait_until(lambda: node.get("/readyz")[0] == 503, "the node is not ready")
    assert metric(node, "fraiseql_subs_bus_connected") == 0
    assert metric(node, "fraiseql_subs_bus_errors_total") > before
    served.let_readers_in()
    wait_until(lambda: node.get("/readyz")[0] == 200, "the node is ready again", timeout=60)
    assert metric(node, "fraiseql_subs_bus_connected") == 1


def test_the_database_does_not_know_its_nodes(database):
    with pytest.raises(Exception, match="needs the extension"):
        database.sql("SELECT * FROM fraiseql_nodes()")

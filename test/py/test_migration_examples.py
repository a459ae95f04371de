"""What the pages about migrating show does what they say."""

import json

import pytest

from cluster import ROOT
from tokens import make_token

EXAMPLES = ROOT / "examples/migrate"


@pytest.mark.parametrize("origin", ["hasura", "postgraphile", "supabase"])
def test_the_example_delivers_what_it_says(make_cluster, connect, origin):
    example = EXAMPLES / origin
    cluster = make_cluster(allow_anonymous=False)
    cluster.program("psql", "-v", "ON_ERROR_STOP=1", "-f", example / "setup.sql", "postgres")
    who = json.loads((example / "client.json").read_text())
    client = connect(cluster, init=False)
    token = make_token(who["secret"], **who["claims"])
    client.init({"headers": {"Authorization": f"Bearer {token}"}})
    subscription = client.subscribe((example / "subscription.graphql").read_text())
    cluster.program("psql", "-v", "ON_ERROR_STOP=1", "-f", example / "change.sql", "postgres")
    received = json.loads((example / "received.json").read_text())
    assert [subscription.data() for _ in received] == received
    client.settle()
    assert subscription.messages == []

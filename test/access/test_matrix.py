"""Every identity asks for every field, every event is published, and the model says what comes."""

import json
import random

from cases import arguments, events, fields, identities
from model import Event, reaches, refusal
from presented import payload, register

IDENTITIES = 30
FIELDS = 60
EVENTS = 80

TYPE = "type Document { id: ID! owner_id: ID region: String tags: [String] }"


def register_fields(cluster, registered):
    cluster.sql("SELECT fraiseql_register_types(%s)", (TYPE,))
    for what in registered:
        cluster.sql(
            """SELECT fraiseql_register_subscription(%s, 'documents', row_filter => %s,
                   tenant_field => %s, shared => %s, subgraph => %s, scope => %s, roles => %s,
                   scopes => %s)""",
            (
                f"{what.name}(owner_id: ID): Document",
                what.row_filter and json.dumps(what.row_filter),
                what.tenant_field,
                what.shared,
                what.subgraph,
                what.scope and json.dumps(what.scope),
                what.roles and list(what.roles),
                what.scopes and list(what.scopes),
            ),
        )
    cluster.sql("SELECT fraiseql_register_subscription('last: Document', 'last')")


def ask(client, what, asked):
    given = f"(owner_id: {json.dumps(asked['owner_id'])})" if asked else ""
    return client.start(f"subscription {{ it: {what.name}{given} {{ id }} }}", id=what.name)


def publish(cluster, event: Event):
    cluster.sql(
        "SELECT fraiseql_publish('changed', 'documents', %s::jsonb, NULL, %s)",
        (json.dumps(event.data), event.subgraph),
    )


def outcome(subscription):
    """The reason of a refusal, or the ids that came."""
    received = []
    for message in subscription.messages:
        if message["type"] == "error":
            (error,) = message["payload"]
            assert error["extensions"]["code"] == "FORBIDDEN", error
            return error["extensions"]["reason"]
        assert message["type"] == "next" and "errors" not in message["payload"], message
        received.append(message["payload"]["data"]["it"]["id"])
    return received


def test_every_cell_is_as_the_model_says(make_cluster, connect, seed):
    choose = random.Random(seed)
    who = identities(choose, IDENTITIES)
    registered = fields(choose, FIELDS)
    published = events(choose, EVENTS)
    asked = {(i.name, f.name): arguments(choose, f) for i in who for f in registered}
    cluster = make_cluster(allow_anonymous="on", worker_threads=2)
    register(cluster)
    register_fields(cluster, registered)
    clients = {}
    for identity in who:
        client = clients[identity.name] = connect(cluster, init=False)
        client.init(payload(identity.claims))
        for what in registered:
            ask(client, what, asked[identity.name, what.name])
        client.start("subscription { last { id } }", id="last")
        client.settle()
    for event in published:
        publish(cluster, event)
    cluster.sql("""SELECT fraiseql_publish('changed', 'last', '{"id": "last"}')""")

    differing = []
    cells = 0
    for identity in who:
        client = clients[identity.name]
        client.subscriptions["last"].next()
        for what in registered:
            given = asked[identity.name, what.name]
            expected = refusal(identity, what, given)
            if expected is None:
                expected = [
                    event.data["id"] for event in published if reaches(event, identity, what, given)
                ]
            found = outcome(client.subscriptions[what.name])
            cells += len(published)
            if found != expected:
                differing.append((identity, what, given, expected, found))
    print(f"{cells} cells, {len(differing)} subscriptions differ")
    assert cells >= 5000
    assert not differing, differing[:3]

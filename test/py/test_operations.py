"""GraphQL operations as clients send them: selections, filters, variables, errors."""

import re

import pytest

ORDER = {
    "id": 7,
    "status": "paid",
    "total": 42.5,
    "customer": {"name": "Ada"},
    "lines": [{"sku": "a", "quantity": 1}, {"sku": "b", "quantity": 2}],
}


@pytest.fixture
def client(server, connect):
    return connect(server)


def receive(server, client, query, variables=None, event=ORDER, **options):
    subscription = client.subscribe(query, variables, **options)
    server.publish("orderUpdated", "orders", event)
    return subscription.data()


def test_nested_selections_and_lists_are_delivered_in_the_order_of_the_selection(server, client):
    data = receive(
        server,
        client,
        "subscription { orderUpdated { lines { quantity sku } customer { name } id } }",
    )
    assert list(data["orderUpdated"]) == ["lines", "customer", "id"]
    assert data["orderUpdated"] == {
        "lines": [{"quantity": 1, "sku": "a"}, {"quantity": 2, "sku": "b"}],
        "customer": {"name": "Ada"},
        "id": "7",
    }


def test_aliases_and_typename(server, client):
    data = receive(
        server,
        client,
        """subscription {
            changed: orderUpdated { __typename key: id other: id customer { __typename } }
        }""",
    )
    assert data == {
        "changed": {
            "__typename": "Order",
            "key": "7",
            "other": "7",
            "customer": {"__typename": "Customer"},
        }
    }


def test_fragments_and_directives(server, client):
    data = receive(
        server,
        client,
        """subscription ($skip: Boolean!) {
            orderUpdated {
                ...ids
                status @skip(if: $skip)
                ... on Order { total @include(if: $skip) }
            }
        }
        fragment ids on Order { id }""",
        {"skip": True},
    )
    assert data == {"orderUpdated": {"id": "7", "total": 42.5}}


def test_the_operation_name_chooses_the_operation(server, client):
    document = """
        subscription A { orderUpdated { id } }
        subscription B { orderUpdated { status } }
    """
    assert receive(server, client, document, operation_name="B") == {
        "orderUpdated": {"status": "paid"}
    }


def test_an_unknown_operation_name_is_an_error(client):
    (error,) = client.start("subscription A { orderUpdated { id } }", operation_name="C").errors()
    assert error["message"] == 'Unknown operation named "C".'
    assert error["extensions"]["code"] == "OPERATION_RESOLUTION_FAILURE"


@pytest.mark.parametrize(
    ("query", "variables"),
    [
        ("subscription { orderUpdated(id: 7) { id } }", None),
        ('subscription { orderUpdated(id: "7") { id } }', None),
        ("subscription ($id: ID) { orderUpdated(id: $id) { id } }", {"id": "7"}),
        ("subscription ($id: ID = 7) { orderUpdated(id: $id) { id } }", None),
        ('subscription { orderUpdated(id: 7, status: "paid") { id } }', None),
    ],
)
def test_arguments_filter_by_equality(server, client, query, variables):
    subscription = client.subscribe(query, variables)
    for id, status in ((6, "paid"), (7, "paid"), ("7x", "paid"), (None, "paid"), (8, "sent")):
        server.publish("orderUpdated", "orders", {"id": id, "status": status})
    server.publish("orderUpdated", "orders", {"id": "7", "status": "paid"})
    assert subscription.data() == {"orderUpdated": {"id": "7"}}
    assert subscription.data() == {"orderUpdated": {"id": "7"}}
    client.settle()
    assert subscription.messages == []


def test_all_arguments_must_match(server, client):
    subscription = client.subscribe(
        'subscription { orderUpdated(id: 7, status: "sent") { status } }'
    )
    server.publish("orderUpdated", "orders", {"id": 7, "status": "paid"})
    server.publish("orderUpdated", "orders", {"id": 8, "status": "sent"})
    server.publish("orderUpdated", "orders", {"id": 7, "status": "sent"})
    assert subscription.data() == {"orderUpdated": {"status": "sent"}}


def test_an_omitted_variable_does_not_filter(server, client):
    query = "subscription ($id: ID) { orderUpdated(id: $id) { id } }"
    assert receive(server, client, query) == {"orderUpdated": {"id": "7"}}


def test_null_matches_only_null_or_absent(server, client):
    subscription = client.subscribe("subscription { orderUpdated(status: null) { id } }")
    server.publish("orderUpdated", "orders", {"id": 1, "status": "paid"})
    server.publish("orderUpdated", "orders", {"id": 2, "status": None})
    server.publish("orderUpdated", "orders", {"id": 3})
    assert subscription.data() == {"orderUpdated": {"id": "2"}}
    assert subscription.data() == {"orderUpdated": {"id": "3"}}


def test_channels_are_apart(server, client):
    subscription = client.subscribe("subscription { orderUpdated { id } }")
    server.publish("orderUpdated", "other", ORDER | {"id": 1})
    server.publish("orderUpdated", "orders", ORDER | {"id": 2})
    assert subscription.data() == {"orderUpdated": {"id": "2"}}


def test_event_types_choose_events_of_a_channel(server, client, name):
    server.sql(
        "SELECT fraiseql_register_subscription(%s, %s, %s)",
        (f"{name}: Order", name, ["made", "paid"]),
    )
    subscription = client.subscribe(f"subscription {{ {name} {{ id }} }}")
    for id, event_type in enumerate(("made", "sent", "paid", "Paid")):
        server.publish(event_type, name, {"id": id, "status": "x"})
    assert [subscription.data()[name]["id"] for _ in range(2)] == ["0", "2"]
    client.settle()
    assert subscription.messages == []


def test_data_of_the_wrong_kind_is_an_error_at_its_path(server, client):
    subscription = client.subscribe("subscription { orderUpdated { id total customer { name } } }")
    server.publish("orderUpdated", "orders", {"id": 1, "total": "much", "customer": {"name": None}})
    payload = subscription.next()
    assert payload["data"] == {"orderUpdated": {"id": "1", "total": None, "customer": None}}
    paths = [error["path"] for error in payload["errors"]]
    assert paths == [["orderUpdated", "total"], ["orderUpdated", "customer", "name"]]


def test_unicode_and_numbers_pass_unchanged(server, client):
    event = {"id": '\u00e4\U0001f600"\\\n\u0001', "status": "", "total": 12345678.0625}
    data = receive(server, client, "subscription { orderUpdated { id status total } }", event=event)
    assert data == {"orderUpdated": event}


@pytest.mark.parametrize(
    ("query", "message", "location"),
    [
        ("", "Syntax Error: Unexpected <EOF>.", (1, 1)),
        (
            "subscription { orderUpdated { id }",
            "Syntax Error: Expected Name, found <EOF>.",
            (1, 35),
        ),
        (
            "subscription {\n  orderUpdated { idd }\n}",
            'Cannot query field "idd" on type "Order". Did you mean "id"?',
            (2, 18),
        ),
        (
            "subscription { orderUpdated(ids: 1) { id } }",
            'Unknown argument "ids" on field "Subscription.orderUpdated". Did you mean "id"?',
            (1, 29),
        ),
        (
            "subscription { orderUpdated }",
            'Field "orderUpdated" of type "Order" must have a selection of subfields.'
            ' Did you mean "orderUpdated { ... }"?',
            (1, 16),
        ),
        (
            "subscription { orderUpdated { id { x } } }",
            'Field "id" must not have a selection since type "ID!" has no subfields.',
            (1, 34),
        ),
        ("subscription { orderUpdated { ...F } }", 'Unknown fragment "F".', (1, 34)),
        (
            "subscription ($id: Nope) { orderUpdated(id: $id) { id } }",
            'Unknown type "Nope".',
            (1, 20),
        ),
    ],
)
def test_invalid_documents_are_refused_with_message_and_location(client, query, message, location):
    errors = client.start(query).errors()
    assert errors[0]["message"] == message
    line, column = location
    assert errors[0]["locations"] == [{"line": line, "column": column}]
    syntax = message.startswith("Syntax Error")
    assert errors[0]["extensions"]["code"] == (
        "GRAPHQL_PARSE_FAILED" if syntax else "GRAPHQL_VALIDATION_FAILED"
    )


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({}, 'Variable "$id" of required type "ID!" was not provided.'),
        ({"id": None}, 'Variable "$id" of non-null type "ID!" must not be null.'),
        ({"id": [1]}, 'Variable "$id" got invalid value [1]; ID cannot represent value: [1]'),
    ],
)
def test_invalid_variables_are_refused(client, variables, message):
    (error,) = client.start(
        "subscription ($id: ID!) { orderUpdated(id: $id) { id } }", variables
    ).errors()
    assert error["message"] == message
    assert error["extensions"]["code"] == "BAD_USER_INPUT"


def test_an_id_is_free_again_after_an_error(server, client):
    client.start("subscription { nothing }", id="x").errors()
    assert receive(server, client, "subscription { orderUpdated { id } }", id="x") == {
        "orderUpdated": {"id": "7"}
    }


def test_a_query_is_answered_by_next_and_complete(client):
    query = client.start("{ serverVersion __schema { subscriptionType { name } } }")
    data = query.data()
    assert "PostgreSQL" in data["serverVersion"]
    assert data["__schema"] == {"subscriptionType": {"name": "Subscription"}}
    query.message("complete")


def test_introspection_can_be_switched_off_and_names_are_then_not_suggested(make_cluster, connect):
    cluster = make_cluster(introspection="off")
    client = connect(cluster)
    for query in (
        "{ __schema { types { name } } }",
        "{ subscriptions { name } }",
        "{ _service { sdl } }",
    ):
        errors = client.start(query, id=query).errors()
        assert "introspection has been disabled" in errors[0]["message"]
    (error,) = client.start("{ serverVersio }", id="x").errors()
    assert error["message"] == 'Cannot query field "serverVersio" on type "Query".'
    assert client.start("{ serverVersion __typename }", id="y").data()["__typename"] == "Query"


def test_mutations_publish_nothing(client):
    errors = client.start("mutation { publish }").errors()
    assert errors[0]["message"] == 'Cannot query field "publish" on type "Mutation".'


def test_a_subscriber_may_ask_when_an_event_was_committed(server, client):
    payload = {
        "query": "subscription { orderUpdated { id } }",
        "extensions": {"timing": True},
    }
    subscription = client.start(payload["query"])
    client.send({"id": "timed", "type": "subscribe", "payload": payload})
    client.settle()
    server.publish("orderUpdated", "orders", {"id": 7})
    assert set(subscription.next()["extensions"]) == {"position"}
    message = client.wait_for("next")
    assert re.fullmatch(
        r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z",
        message["payload"]["extensions"]["committedAt"],
    )


@pytest.mark.parametrize(
    ("setting", "value", "query"),
    [
        ("max_query_tokens", 10, "subscription { orderUpdated { " + "id " * 10 + "} }"),
        ("max_query_depth", 2, "subscription { orderUpdated { customer { name } } }"),
        ("max_query_aliases", 1, "subscription { a: orderUpdated { b: id } }"),
        (
            "max_query_selections",
            4,
            "subscription { orderUpdated { ...F ...F } } fragment F on Order { id x: id }",
        ),
        ("max_query_size", 256, "subscription { orderUpdated { id } } #" + "x" * 256),
    ],
)
def test_documents_beyond_the_limits_are_refused(make_cluster, connect, setting, value, query):
    cluster = make_cluster(**{setting: value})
    cluster.sql(
        "SELECT fraiseql_register_types("
        "'type Order { id: ID customer: C } type C { name: String }')"
    )
    cluster.sql("SELECT fraiseql_register_subscription('orderUpdated: Order', 'orders')")
    client = connect(cluster)
    errors = client.start(query).errors()
    assert str(value) in errors[0]["message"]
    client.subscribe("subscription { orderUpdated { id } }")
    assert cluster.value("SELECT count(*) FROM fraiseql_subscriptions()") == 1

"""Who may see what of the schema: directives and registrations, over real sockets."""

import json
from urllib.parse import quote

import graphql
import pytest

TYPES = """
    type Order { id: ID! status: Status total: Float @requiresRole(roles: ["accounts"]) }
    enum Status { NEW FRAUD @authenticated }
"""


@pytest.fixture
def cluster(make_cluster):
    cluster = make_cluster()
    cluster.sql("SELECT fraiseql_register_types(%s)", (TYPES,))
    cluster.sql(
        "SELECT fraiseql_register_subscription('ordered(where: OrderFilter): Order', 'orders')"
    )
    cluster.sql(
        "SELECT fraiseql_register_subscription('internal: Order', 'orders', roles => '{clerk}')"
    )
    return cluster


def query(cluster, text):
    return json.loads(cluster.get(f"/graphql?query={quote(text)}")[1])


def test_a_denied_selection_is_refused_with_its_path(cluster, connect):
    (error,) = connect(cluster).start("subscription { a: ordered { b: total } }").errors()
    assert error["path"] == ["a", "b"]
    assert error["extensions"] == {"code": "FORBIDDEN", "reason": "UNAUTHENTICATED"}


def test_a_role_of_the_registration_is_demanded(cluster, connect):
    (error,) = connect(cluster).start("subscription { internal { id } }").errors()
    assert error["extensions"] == {"code": "FORBIDDEN", "reason": "UNAUTHENTICATED"}


def test_a_filter_by_a_denied_field_is_refused(cluster, connect):
    client = connect(cluster)
    text = "subscription($w: OrderFilter) { ordered(where: $w) { id } }"
    (error,) = client.start(text, {"w": {"total": {"gt": 5}}}).errors()
    assert error["path"] == ["ordered"]
    assert error["extensions"]["code"] == "FORBIDDEN"


def test_a_denied_enum_value_is_null_with_an_error(cluster, connect):
    subscription = connect(cluster).subscribe("subscription { ordered { id status } }")
    cluster.publish("x", "orders", {"id": 1, "status": "FRAUD"})
    payload = subscription.next()
    assert payload["data"] == {"ordered": {"id": "1", "status": None}}
    assert payload["errors"][0]["path"] == ["ordered", "status"]
    assert payload["errors"][0]["extensions"]["code"] == "FORBIDDEN"
    cluster.publish("x", "orders", {"id": 2, "status": "NEW"})
    assert subscription.data() == {"ordered": {"id": "2", "status": "NEW"}}


def test_a_subscription_ends_when_what_it_selects_is_denied(cluster, connect):
    subscription = connect(cluster).subscribe("subscription { ordered { id } }")
    cluster.sql(
        "SELECT fraiseql_register_types(%s)", (TYPES.replace("id: ID!", "id: ID! @authenticated"),)
    )
    (error,) = subscription.errors()
    assert error["extensions"] == {"code": "FORBIDDEN", "reason": "UNAUTHENTICATED"}


def test_introspection_shows_a_schema_without_what_is_denied(cluster):
    answer = query(cluster, graphql.get_introspection_query(descriptions=False))
    schema = graphql.build_client_schema(answer["data"])
    assert graphql.validate_schema(schema) == []
    assert list(schema.type_map["Order"].fields) == ["id", "status"]
    assert list(schema.type_map["Status"].values) == ["NEW"]
    assert "total" not in schema.type_map["OrderFilter"].fields
    assert list(schema.subscription_type.fields) == ["ordered"]
    offered = query(cluster, "{ subscriptions { name } }")
    assert offered == {"data": {"subscriptions": [{"name": "ordered"}]}}


def test_the_schema_s_text_is_for_clients_that_are_denied_nothing(cluster):
    (error,) = query(cluster, "{ _service { sdl } }")["errors"]
    assert error["extensions"] == {"code": "FORBIDDEN", "reason": "UNAUTHENTICATED"}

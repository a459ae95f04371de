"""What is registered is kept, and nodes hear of each change."""

import psycopg
import pytest

from bus_reader import CATALOG_CHANGED

TYPES = '''
    # a comment { with a bracket
    "An order" type Order @key(fields: "id") { id: ID! status(of: [Int!] = [1]): String type: Kind }
    """ A "quoted" \\""" description """
    enum Kind { type input }
    union Any =
      | Order
      | Other
    type Other implements Node & Named { id: ID! name: String }
    interface Node { id: ID! }
    interface Named { name: String }
    scalar Money @specifiedBy(url: "https://example.com")
    input Where { kind: Kind = type }
    directive @key(fields: String!) repeatable on OBJECT | INTERFACE
    extend schema @link(url: "x")
'''


def test_definitions_are_told_apart(database):
    database.sql("SELECT fraiseql_register_types(%s)", (TYPES,))
    definitions = dict(
        database.sql("SELECT name, definition FROM fraiseql_subs.type", user="owner")
    )
    assert sorted(definitions) == [
        "@key", "Any", "Kind", "Money", "Named", "Node", "Order", "Other", "Where", "schema",
    ]  # fmt: skip
    assert definitions["Kind"].startswith('""" A "quoted"')
    assert definitions["Kind"].endswith("enum Kind { type input }")
    assert definitions["Any"].split() == ["union", "Any", "=", "|", "Order", "|", "Other"]
    assert definitions["Order"].startswith('"An order" type Order')
    assert definitions["Node"] == "interface Node { id: ID! }"


@pytest.mark.parametrize(
    "sdl",
    [
        "type Order {",
        "type Order } {",
        "Order { id: ID }",
        "{ id: ID }",
        "extend type Order { id: ID }",
        "type Query { id: ID }",
        "schema { query: Q }",
        "type A { a: ID } type A { b: ID }",
        '"a description of nothing"',
    ],
)
def test_what_is_no_definition_is_refused(database, sdl):
    with pytest.raises((psycopg.errors.InvalidObjectDefinition, psycopg.errors.DuplicateObject)):
        database.sql("SELECT fraiseql_register_types(%s)", (sdl,))


@pytest.mark.parametrize(
    ("field", "name"),
    [
        ("a: ID", "a"),
        ('"text" b(x: Int): ID', "b"),
        ("# c\n d : [ID!]!", "d"),
        ('"""x: y""" e: ID', "e"),
    ],
)
def test_a_field_is_registered_by_its_name(database, field, name):
    database.sql("SELECT fraiseql_register_subscription(%s, 'c')", (field,))
    assert database.value("SELECT name FROM fraiseql_subs.subscription") == name


def test_a_node_hears_of_each_change_where_it_was_made(database, reader):
    for statement in (
        "SELECT fraiseql_register_types('type T { id: ID }')",
        "SELECT fraiseql_register_subscription('a: T', 'c')",
        "SELECT fraiseql_register_resolver('a')",
        'SELECT fraiseql_set_limits(NULL, \'{"events_per_user": "100/s"}\')',
        "SELECT fraiseql_register_issuer('i', secret => repeat('x', 32))",
        "SELECT fraiseql_unregister_subscription('a')",
        "CREATE TABLE item (id int); SELECT fraiseql_watch('item')",
        "SELECT fraiseql_unwatch('item')",
    ):
        database.sql(statement)
        assert {row.kind for row in reader.drain()} == {CATALOG_CHANGED}, statement


def test_a_snapshot_has_what_is_registered_and_the_columns_of_watched_tables(database):
    database.sql("""
        CREATE TABLE item (id uuid, at timestamptz[], mood text);
        SELECT fraiseql_watch('item', 'changes');
        SELECT fraiseql_register_types('type T { id: ID }');
        SELECT fraiseql_register_subscription('a: T', 'changes', roles => '{staff}')""")
    snapshot = database.value("SELECT fraiseql_subs.catalog_snapshot()")
    assert snapshot["types"] == "type T { id: ID }"
    assert snapshot["subscriptions"][0]["field"] == "a: T"
    assert snapshot["subscriptions"][0]["roles"] == ["staff"]
    assert snapshot["columns"] == {"changes": {"id": "uuid", "at": "timestamptz[]", "mood": "text"}}


@pytest.mark.parametrize(
    "value", ["100", "01/s", "1/day", "1/s burst 0", "0/s burst 1", "2000000000/s"]
)
def test_a_rate_that_is_none_is_refused(database, value):
    with pytest.raises(psycopg.errors.InvalidParameterValue, match="invalid value"):
        database.sql(
            "SELECT fraiseql_register_subscription('a: ID', 'c', rate_limit => %s)", (value,)
        )


@pytest.mark.parametrize("value", ["", "0", "0/s", "100/s", "600/min", "5000/h  burst 200"])
def test_a_rate_is_taken(database, value):
    database.sql("SELECT fraiseql_register_subscription('a: ID', 'c', rate_limit => %s)", (value,))


def test_an_application_registers_what_it_wants_and_no_more(database):
    wanted = '{"types": "type T { id: ID }", "subscriptions": [{"field": "a: T", "channel": "c"}]}'
    sync = "SELECT fraiseql_sync_application('app', %s)"
    assert len(database.value(sync, (wanted,))["changes"]) == 2
    assert database.value(sync, (wanted,))["changes"] == []
    assert len(database.value(sync, ("{}",))["changes"]) == 2

"""What arguments filter by where a resolver makes a value of another type than the data."""

import json

import pytest

from tokens import SECRET, make_token

RESOLVER = """
    CREATE FUNCTION {name}_resolve(event jsonb, variables jsonb) RETURNS jsonb LANGUAGE sql AS $$
        SELECT jsonb_build_object('label',
            coalesce(event->'data'->'row', event->'data')->>'id', 'variables', variables::text) $$
"""


@pytest.fixture
def field(server, name):
    """A function that registers the field `name` with a resolver, for a table of that name."""

    def register(arguments, fields="label: String variables: String", watched=True, **options):
        server.sql(RESOLVER.format(name=name))
        server.sql("SELECT fraiseql_register_types(%s)", (f"type {name}Value {{ {fields} }}",))
        given = "".join(f", {key} => %s" for key in options)
        server.sql(
            f"SELECT fraiseql_register_subscription(%s, %s{given})",
            (f"{name}({arguments}): {name}Value", name, *options.values()),
        )
        server.sql("SELECT fraiseql_register_resolver(%s, %s)", (name, f"public.{name}_resolve"))
        if watched:
            server.sql(f"CREATE TABLE {name} (id int, customer_id int, note text)")
            server.sql("SELECT fraiseql_watch(%s)", (name,))
        return name

    return register


def labels(subscription, count):
    return [next(iter(subscription.data().values()))["label"] for _ in range(count)]


def test_an_argument_filters_by_the_key_that_it_names(server, connect, field):
    name = field('customerId: ID @filters(by: "customer_id")', watched=False)
    listening = connect(server).subscribe(f"subscription {{ {name}(customerId: 7) {{ label }} }}")
    for id, customer in enumerate([7, 8, 7]):
        server.publish("made", name, {"id": id, "customer_id": customer})
    assert labels(listening, 2) == ["0", "2"]


def test_of_a_watched_table_the_key_is_a_column(server, connect, field):
    name = field('customerId: ID @filters(by: "customer_id")')
    listening = connect(server).subscribe(f"subscription {{ {name}(customerId: 7) {{ label }} }}")
    server.sql(f"INSERT INTO {name} VALUES (1, 7), (2, 8), (3, 7)")
    assert labels(listening, 2) == ["1", "3"]


def test_and_so_is_what_the_value_has_under_that_name(server, connect, field):
    name = field("id: ID", fields="label: String id: ID")
    listening = connect(server).subscribe(f"subscription {{ {name}(id: 2) {{ label }} }}")
    server.sql(f"INSERT INTO {name} VALUES (1, 7), (2, 8)")
    assert labels(listening, 1) == ["2"]


def test_in_a_filter_as_well(server, connect, field, name):
    field(f"where: {name}ValueFilter", fields="label: String id: Int note: String")
    listening = connect(server).subscribe(
        f'subscription {{ {name}(where: {{ id: {{ gt: 1 }}, not: {{ note: {{ eq: "x" }} }} }}) '
        "{ label } }"
    )
    server.sql(f"INSERT INTO {name} VALUES (1, 7, 'y'), (2, 8, 'x'), (3, 8, 'y')")
    assert labels(listening, 1) == ["3"]


def test_an_argument_of_the_resolver_filters_nothing(server, connect, field):
    name = field("currency: String @filtersNothing, tags: [String!] @filtersNothing")
    listening = connect(server).subscribe(
        f'subscription {{ {name}(currency: "EUR", tags: ["a"]) {{ label variables }} }}'
    )
    server.sql(f"INSERT INTO {name} VALUES (1, 7)")
    (value,) = listening.data().values()
    assert value["label"] == "1"
    assert json.loads(value["variables"]) == {"currency": "EUR", "tags": ["a"]}


def test_the_directives_are_defined_in_the_schema(server, field):
    field('customerId: ID @filters(by: "customer_id"), currency: String @filtersNothing')
    schema = server.value("SELECT fraiseql_schema()")
    assert "directive @filters(by: String!) on ARGUMENT_DEFINITION" in schema
    assert "directive @filtersNothing on ARGUMENT_DEFINITION" in schema


def test_a_scope_keeps_clients_to_what_the_argument_filters_by(make_cluster, connect, name):
    cluster = make_cluster()
    cluster.sql("SELECT fraiseql_register_issuer('tests', secret => %s)", (SECRET,))
    cluster.sql(RESOLVER.format(name=name))
    cluster.sql("SELECT fraiseql_register_types('type Value { label: String }')")
    cluster.sql(
        'SELECT fraiseql_register_subscription(%s, %s, scope => \'{"customerId": "user"}\')',
        (f'{name}(customerId: ID @filters(by: "customer_id")): Value', name),
    )
    cluster.sql("SELECT fraiseql_register_resolver(%s, %s)", (name, f"public.{name}_resolve"))
    cluster.sql(f"CREATE TABLE {name} (id int, customer_id int)")
    cluster.sql("SELECT fraiseql_watch(%s)", (name,))
    client = connect(cluster, init=False)
    client.init({"authToken": make_token(sub="7")})
    refused = client.start(f"subscription {{ {name}(customerId: 8) {{ label }} }}")
    assert refused.errors()
    listening = client.subscribe(f"subscription {{ {name}(customerId: 7) {{ label }} }}")
    cluster.sql(f"INSERT INTO {name} VALUES (1, 8), (2, 7)")
    assert labels(listening, 1) == ["2"]

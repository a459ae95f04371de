"""`where` arguments over a real server; what each operator means is proven in the unit tests."""

import pytest

TYPES = """
    type Ticket { id: ID! price: Float at: DateTime tags: [String!] owner: Owner state: State }
    type Owner { name: String! }
    enum State { OPEN DONE }
    scalar DateTime
"""
FIELD = "ticketChanged(id: ID, where: TicketFilter): Ticket"
SUBSCRIPTION = "subscription ($where: TicketFilter) { ticketChanged(where: $where) { id } }"


@pytest.fixture
def tickets(server):
    """The shared server with the field ticketChanged on the channel tickets."""
    server.sql("SELECT fraiseql_register_types(%s)", (TYPES,))
    server.sql("SELECT fraiseql_register_subscription(%s, 'tickets')", (FIELD,))
    return server


def ids(subscription, count):
    return [subscription.data()["ticketChanged"]["id"] for _ in range(count)]


def publish(server, *events):
    with server.connect() as connection:
        for event in events:
            server.publish("x", "tickets", event, connection)


def test_filters_are_generated_and_served(tickets, connect):
    schema = tickets.value("SELECT fraiseql_schema()")
    assert "input TicketFilter {" in schema
    assert "input OwnerFilter {" in schema
    query = connect(tickets).start('{ __type(name: "TicketFilter") { inputFields { name } } }')
    names = [field["name"] for field in query.data()["__type"]["inputFields"]]
    assert names[:4] == ["id", "price", "at", "tags"]
    assert names[-4:] == ["and", "or", "not", "exists"]


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ({"id": {"in": ["1", 3]}}, ["1", "3"]),
        ({"price": {"gte": 10, "lt": 30}}, ["1", "2"]),
        ({"at": {"gt": "2026-01-01T12:00:00+01:00"}}, ["2", "3"]),
        ({"tags": {"contains": "vip"}}, ["2"]),
        ({"owner": {"name": {"startsWith": "A"}}, "state": {"eq": "OPEN"}}, ["1"]),
        ({"or": [{"id": {"eq": 3}}, {"not": {"price": {"gt": 15}}}]}, ["1", "3"]),
    ],
)
def test_a_filter_lets_only_its_events_through(tickets, connect, where, expected):
    subscription = connect(tickets).subscribe(SUBSCRIPTION, {"where": where})
    last = connect(tickets).subscribe(SUBSCRIPTION)
    publish(
        tickets,
        {"id": 1, "price": 10, "at": "2026-01-01 11:00:00+00", "tags": ["new"],
         "owner": {"name": "Ada"}, "state": "OPEN"},
        {"id": 2, "price": 20, "at": "2026-01-01 11:00:00.000001+00", "tags": ["vip"],
         "owner": {"name": "Ada"}, "state": "DONE"},
        {"id": 3, "price": 30.0, "at": "2026-01-02 00:00:00+00", "tags": [],
         "owner": {"name": "Bob"}, "state": "OPEN"},
    )  # fmt: skip
    assert ids(last, 3) == ["1", "2", "3"]
    assert ids(subscription, len(expected)) == expected
    subscription.client.settle()
    assert subscription.messages == []


def test_a_watched_table_is_filtered_by_its_columns(tickets, connect, name):
    tickets.sql(f"CREATE TABLE {name} (id int PRIMARY KEY, price numeric)")
    tickets.sql("SELECT fraiseql_watch(%s)", (name,))
    tickets.sql(
        "SELECT fraiseql_register_types(%s)",
        (f"type {name}Change {{ operation: String! row: {name} }} "
         f"type {name} {{ id: ID! price: Decimal }} scalar Decimal",),
    )  # fmt: skip
    tickets.sql(
        "SELECT fraiseql_register_subscription(%s, %s)",
        (f"{name}Changed(where: {name}ChangeFilter): {name}Change", name),
    )
    query = '{ row: {price: {gt: 99.99}}, operation: {ne: "DELETE"} }'
    subscription = connect(tickets).subscribe(
        f"subscription {{ {name}Changed(where: {query}) {{ row {{ id price }} }} }}"
    )
    tickets.sql(f"INSERT INTO {name} VALUES (1, 99.99), (2, 99.990000000000000000001)")
    tickets.sql(f"DELETE FROM {name}")
    tickets.sql(f"INSERT INTO {name} VALUES (3, 1e30)")
    rows = [subscription.data()[f"{name}Changed"]["row"]["id"] for _ in range(2)]
    assert rows == ["2", "3"]
    tickets.sql(f"DROP TABLE {name}")


def test_a_subscriber_can_hear_that_a_row_left_its_filter(tickets, connect, name):
    tickets.sql(f"CREATE TABLE {name} (id int PRIMARY KEY, status text)")
    tickets.sql("SELECT fraiseql_watch(%s)", (name,))
    tickets.sql(
        "SELECT fraiseql_register_types(%s)",
        (f"type {name}Change {{ operation: String row: {name} old: {name} }} "
         f"type {name} {{ id: Int status: String }}",),
    )  # fmt: skip
    tickets.sql(
        "SELECT fraiseql_register_subscription(%s, %s)",
        (f"{name}(where: {name}ChangeFilter): {name}Change", name),
    )
    where = (
        '{or: [{row: {status: {eq: "open"}}}, {old: {status: {eq: "open"}}},'
        ' {operation: {eq: "TRUNCATE"}}]}'
    )
    subscription = connect(tickets).subscribe(
        f"subscription {{ {name}(where: {where}) {{ operation row {{ id status }} }} }}"
    )
    tickets.sql(f"INSERT INTO {name} VALUES (1, 'open'), (2, 'new')")
    tickets.sql(f"UPDATE {name} SET status = 'paid'")
    tickets.sql(f"TRUNCATE {name}")
    told = [subscription.data()[name] for _ in range(3)]
    assert told == [
        {"operation": "INSERT", "row": {"id": 1, "status": "open"}},
        {"operation": "UPDATE", "row": {"id": 1, "status": "paid"}},
        {"operation": "TRUNCATE", "row": None},
    ]


def test_an_invalid_operand_is_refused_with_its_place(tickets, connect):
    subscription = connect(tickets).start(
        'subscription { ticketChanged(where: {at: {gt: "soon"}}) { id } }'
    )
    (error,) = subscription.errors()
    assert error["message"] == (
        'Argument "where" has an invalid value: "soon" is not a value of "DateTime".'
    )
    assert error["locations"] == [{"line": 1, "column": 37}]
    assert error["extensions"]["code"] == "BAD_USER_INPUT"


def test_a_filter_of_too_many_conditions_is_refused_with_its_place(make_cluster, connect):
    cluster = make_cluster(max_filter_conditions=10)
    cluster.sql("SELECT fraiseql_register_types('type N { a: Int }')")
    cluster.sql("SELECT fraiseql_register_subscription('n(where: NFilter): N', 'numbers')")
    client = connect(cluster)
    query = "subscription ($where: NFilter) { n(where: $where) { a } }"
    assert client.subscribe(query, {"where": {"or": [{}] * 9}}).messages == []
    (error,) = client.subscribe(query, {"where": {"or": [{}] * 10}}).errors()
    assert "more than 10 conditions" in error["message"]
    assert error["locations"] == [{"line": 1, "column": 43}]
    assert error["extensions"]["code"] == "BAD_USER_INPUT"


def test_an_unknown_member_is_refused_as_graphql_says(tickets, connect):
    subscription = connect(tickets).start(SUBSCRIPTION, {"where": {"prise": {"eq": 1}}})
    assert 'Did you mean "price"' in subscription.errors()[0]["message"]

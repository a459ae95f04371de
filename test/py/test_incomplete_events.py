"""What subscribers of a watched table get of a row that is too large for an event."""

import pytest

TYPES = """
    type Page { id: ID! title: String body: String }
    type PageChange { operation: String! row: Page old: Page }
"""


@pytest.fixture(scope="module")
def register(shared_cluster):
    shared_cluster.sql("SELECT fraiseql_register_types(%s)", (TYPES,))
    shared_cluster.sql(
        "SELECT fraiseql_register_subscription("
        "'pageChanged(id: ID, body: String): PageChange', 'page')"
    )


@pytest.fixture
def page(server, register):
    server.sql("DROP TABLE IF EXISTS page")
    server.sql("CREATE TABLE page (id int PRIMARY KEY, title text, body text)")
    server.sql("SELECT fraiseql_watch('page')")
    return server


QUERY = "subscription { pageChanged { operation row { id title body } } }"


def test_a_row_that_is_too_large_arrives_without_what_does_not_fit_and_with_an_error(page, connect):
    subscription = connect(page).subscribe(QUERY)
    page.sql("INSERT INTO page VALUES (1, 'War and Peace', repeat('x', 1100000))")
    payload = subscription.next()
    assert payload["data"]["pageChanged"] == {
        "operation": "INSERT",
        "row": {"id": "1", "title": "War and Peace", "body": None},
    }
    [error] = payload["errors"]
    assert error["path"] == ["pageChanged"]
    assert error["locations"] == [{"line": 1, "column": 16}]
    assert error["extensions"]["code"] == "EVENT_INCOMPLETE"
    page.sql("UPDATE page SET body = 'short'")
    assert subscription.next()["errors"][0]["extensions"]["code"] == "EVENT_INCOMPLETE"
    page.sql("UPDATE page SET title = 'short'")
    assert "errors" not in subscription.next()


def test_all_members_of_an_incomplete_event_are_told(page, connect):
    subscriptions = [
        connect(page).subscribe(QUERY),
        connect(page).subscribe(QUERY),
        connect(page).subscribe("subscription { pageChanged(id: 1) { row { title } } }"),
    ]
    page.sql("INSERT INTO page VALUES (1, 'large', repeat('x', 1100000))")
    for subscription in subscriptions:
        payload = subscription.next()
        assert payload["data"]["pageChanged"]["row"]["title"] == "large"
        assert payload["errors"][0]["extensions"]["code"] == "EVENT_INCOMPLETE"


def test_a_filter_sees_null_where_a_value_was_left_out(page, connect):
    query = "subscription($body: String) { pageChanged(body: $body) { row { id } } }"
    null = connect(page).subscribe(query, {"body": None})
    large = connect(page).subscribe(query, {"body": "x"})
    page.sql("INSERT INTO page VALUES (1, 'large', repeat('x', 1100000)), (2, 'small', 'x')")
    assert null.next()["data"]["pageChanged"]["row"]["id"] == "1"
    assert large.next()["data"]["pageChanged"]["row"]["id"] == "2"


def test_values_do_not_depend_on_the_session(page, connect):
    subscription = connect(page).subscribe("subscription { pageChanged { row { title } } }")
    page.sql("ALTER TABLE page ALTER title TYPE interval USING NULL")
    with page.connect(autocommit=True) as session:
        session.execute("INSERT INTO page VALUES (1, '1 day 2 hours')")
        session.execute("SET IntervalStyle = 'iso_8601'")
        session.execute("INSERT INTO page VALUES (2, '1 day 2 hours')")
    for _ in range(2):
        assert subscription.data()["pageChanged"]["row"]["title"] == "1 day 02:00:00"

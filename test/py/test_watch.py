"""fraiseql_watch: what subscribers are told of a table's changes."""

import pytest

TYPES = """
    type Item { id: ID! name: String price: Float }
    type ItemChange { operation: String! table: String! row: Item old: Item }
"""
QUERY = (
    "subscription { itemChanged { operation table row { id name price } old { id name price } } }"
)


class Watched:
    def __init__(self, cluster, subscription):
        self.cluster = cluster
        self.subscription = subscription
        self.sql = cluster.sql

    def change(self):
        return self.subscription.data()["itemChanged"]

    def assert_no_more(self):
        self.sql("INSERT INTO item VALUES (999, 'last', 0)")
        assert self.change()["row"]["id"] == "999"


@pytest.fixture(scope="module")
def register(shared_cluster):
    shared_cluster.sql("SELECT fraiseql_register_types(%s)", (TYPES,))
    shared_cluster.sql(
        "SELECT fraiseql_register_subscription('itemChanged(id: ID): ItemChange', 'item')"
    )


@pytest.fixture
def item(server, register, connect):
    server.sql("DROP TABLE IF EXISTS item")
    server.sql("CREATE TABLE item (id int PRIMARY KEY, name text, price numeric)")
    server.sql("SELECT fraiseql_watch('item')")
    return Watched(server, connect(server).subscribe(QUERY))


def row(id, name, price):
    return {"id": str(id), "name": name, "price": price}


def change(operation, row=None, old=None, table="public.item"):
    return {"operation": operation, "table": table, "row": row, "old": old}


def test_insert_tells_the_row(item):
    item.sql("INSERT INTO item VALUES (1, 'pen', 1.50)")
    assert item.change() == change("INSERT", row(1, "pen", 1.5))


def test_update_tells_the_row_and_what_it_was(item):
    item.sql("INSERT INTO item VALUES (1, 'pen', 1)")
    item.change()
    item.sql("UPDATE item SET price = 2")
    assert item.change() == change("UPDATE", row(1, "pen", 2), old=row(1, "pen", 1))


def test_update_that_changes_nothing_is_not_told(item):
    item.sql("INSERT INTO item VALUES (1, 'pen', NULL)")
    item.change()
    item.sql("UPDATE item SET name = 'pen', price = NULL")
    item.assert_no_more()


def test_delete_tells_the_row_that_is_gone(item):
    item.sql("INSERT INTO item VALUES (1, 'pen', 1)")
    item.change()
    item.sql("DELETE FROM item")
    assert item.change() == change("DELETE", row(1, "pen", 1))


def test_truncate_is_told_once(item):
    item.sql("INSERT INTO item VALUES (1, 'pen', 1), (2, 'ink', 2)")
    item.change()
    item.change()
    item.sql("TRUNCATE item")
    assert item.change() == change("TRUNCATE")
    item.assert_no_more()


def test_rows_of_one_statement_are_told_in_its_order(item):
    item.sql("INSERT INTO item SELECT i, NULL, NULL FROM generate_series(1, 50) AS i")
    assert [item.change()["row"]["id"] for _ in range(50)] == [str(i) for i in range(1, 51)]


def test_a_rolled_back_change_is_not_told(item):
    with item.cluster.connect(autocommit=False) as connection:
        connection.execute("INSERT INTO item VALUES (1, 'pen', 1)")
        connection.rollback()
    item.assert_no_more()


def test_an_argument_filters_by_the_column_of_its_name(item, connect):
    second = connect(item.cluster).subscribe("subscription { itemChanged(id: 2) { row { id } } }")
    item.sql("INSERT INTO item VALUES (1, 'pen', 1), (2, 'ink', 2), (3, 'cap', 3)")
    item.sql("DELETE FROM item")
    assert second.data() == {"itemChanged": {"row": {"id": "2"}}}
    assert second.data() == {"itemChanged": {"row": {"id": "2"}}}
    second.client.settle()
    assert second.messages == []


def test_unwatch_ends_it(item):
    item.sql("SELECT fraiseql_unwatch('item')")
    item.sql("INSERT INTO item VALUES (1, 'pen', 1)")
    item.sql("SELECT fraiseql_watch('item')")
    item.assert_no_more()


def test_dropped_columns_are_left_out_and_added_ones_told(item, name):
    item.sql("ALTER TABLE item DROP COLUMN name")
    item.sql("ALTER TABLE item ADD COLUMN name text DEFAULT 'new'")
    item.sql("INSERT INTO item (id, price) VALUES (1, 1)")
    assert item.change() == change("INSERT", row(1, "new", 1))


def test_generated_columns_are_told(item):
    item.sql("ALTER TABLE item DROP COLUMN price")
    item.sql("ALTER TABLE item ADD COLUMN price numeric GENERATED ALWAYS AS (id * 2) STORED")
    item.sql("INSERT INTO item (id) VALUES (4)")
    assert item.change() == change("INSERT", row(4, None, 8))


def test_a_watched_partitioned_table_tells_changes_in_its_partitions(server, register, connect):
    server.sql("DROP TABLE IF EXISTS item")
    server.sql("CREATE TABLE item (id int, name text, price numeric) PARTITION BY RANGE (id)")
    server.sql("CREATE TABLE IF NOT EXISTS item_low PARTITION OF item FOR VALUES FROM (0) TO (10)")
    server.sql("SELECT fraiseql_watch('item')")
    server.sql(
        "CREATE TABLE IF NOT EXISTS item_high PARTITION OF item FOR VALUES FROM (10) TO (99)"
    )
    item = Watched(server, connect(server).subscribe(QUERY))
    server.sql("INSERT INTO item VALUES (1, 'pen', 1), (11, 'ink', 1)")
    assert [item.change()["row"]["id"] for _ in range(2)] == ["1", "11"]
    server.sql("INSERT INTO item_high VALUES (12, 'cap', 1)")
    assert item.change()["row"]["id"] == "12"
    server.sql("UPDATE item SET price = 2 WHERE id = 1")
    told = item.change()
    assert (told["operation"], told["old"]["price"]) == ("UPDATE", 1)
    server.sql("DROP TABLE item")


def test_a_channel_of_choice_can_be_given(server, register, connect):
    server.sql("DROP TABLE IF EXISTS thing")
    server.sql("CREATE TABLE thing (id int, name text, price numeric)")
    server.sql("SELECT fraiseql_watch('thing', 'item')")
    item = Watched(server, connect(server).subscribe(QUERY))
    server.sql("INSERT INTO thing VALUES (1, 'x', 1)")
    assert item.change() == change("INSERT", row(1, "x", 1), table="public.thing")
    server.sql("DROP TABLE thing")

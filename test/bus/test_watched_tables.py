"""Changes of a watched table come as they were made, byte by byte the same whatever the bus."""

import pytest

from feed import next_frame, subscribe

VALUES = {
    "big": ("bigint", "9007199254740993", "9007199254740993"),
    "exact": ("numeric", "12345678901234567890.500", "12345678901234567890.500"),
    "no_number": ("numeric", "'NaN'", '"NaN"'),
    "float": ("float8", "1e300", "1e+300"),
    "text": ("text", "E'größer 漢字 🎉 \"\\\\\\n\\x01'", '"größer 漢字 🎉 \\"\\\\\\n\\u0001"'),
    "padded": ("char(4)", "'a'", '"a   "'),
    "nothing": ("text", "NULL", "null"),
    "flag": ("boolean", "true", "true"),
    "day": ("date", "'2024-02-29'", '"2024-02-29"'),
    "moment": (
        "timestamptz",
        "'2024-02-29 12:00:00.000001+02'",
        '"2024-02-29T10:00:00.000001+00:00"',
    ),
    "ever": ("timestamptz", "'infinity'", '"infinity"'),
    "span": ("interval", "'1 mon -3 days 00:00:00.5'", '"1 mon -3 days +00:00:00.5"'),
    "bytes": ("bytea", r"'\x00ff'", r'"\\x00ff"'),
    "id": (
        "uuid",
        "'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'",
        '"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"',
    ),
    "list": ("int[]", "'{{1,2},{3,NULL}}'", "[[1,2],[3,null]]"),
    "document": (
        "jsonb",
        """'{"b": [1, 2.50, {"c": null}], "a": 1e30}'""",
        '{"a": 1000000000000000000000000000000, "b": [1, 2.50, {"c": null}]}',
    ),
}


@pytest.fixture
def item(bus, name, connect):
    """A watched table, and what a subscriber is told of it."""
    bus.sql(f"CREATE TABLE {name} (n int PRIMARY KEY, key text); SELECT fraiseql_watch('{name}')")
    bus.register_types(f"type {name}Change {{ operation: String! row: Item old: Item }}")
    bus.register(f"{name}(n: Int): {name}Change", name)
    query = f"subscription {{ {name} {{ operation row {{ n key }} old {{ n key }} }} }}"
    return subscribe(connect(), query)


def told(item, name):
    """The next change: operation, row, old row, as tuples."""
    change = item.data()[name]
    rows = [row and tuple(row.values()) for row in (change["row"], change["old"])]
    return (change["operation"], *rows)


def test_every_change_of_a_row_is_told_with_what_was_there(bus, item, name):
    bus.sql(f"INSERT INTO {name} VALUES (1, 'a'), (2, 'b')")
    bus.sql(f"UPDATE {name} SET key = 'c' WHERE n = 1")
    bus.sql(f"UPDATE {name} SET key = 'c' WHERE n = 1")
    bus.sql(f"UPDATE {name} SET n = 3 WHERE n = 2")
    bus.sql(f"DELETE FROM {name} WHERE n = 1")
    bus.sql(f"TRUNCATE {name}")
    assert [told(item, name) for _ in range(6)] == [
        ("INSERT", (1, "a"), None),
        ("INSERT", (2, "b"), None),
        ("UPDATE", (1, "c"), (1, "a")),
        ("UPDATE", (3, "b"), (2, "b")),
        ("DELETE", (1, "c"), None),
        ("TRUNCATE", None, None),
    ]


def test_changes_that_are_rolled_back_are_not_told(bus, item, name):
    with bus.connect(autocommit=False) as connection:
        connection.execute(f"INSERT INTO {name} VALUES (1, 'a')")
        connection.rollback()
        with connection.transaction(force_rollback=True):
            connection.execute(f"INSERT INTO {name} VALUES (2, 'b')")
        connection.execute(f"INSERT INTO {name} VALUES (3, 'c')")
        connection.commit()
    assert told(item, name) == ("INSERT", (3, "c"), None)


def test_a_statement_that_writes_thousands_of_rows_is_told_row_by_row(bus, item, name):
    bus.sql(f"INSERT INTO {name} SELECT n, 'a' FROM generate_series(1, 3000) AS n")
    bus.sql(f"UPDATE {name} SET key = 'b' WHERE n <= 10")
    for n in range(1, 3001):
        assert told(item, name) == ("INSERT", (n, "a"), None)
    updated = [told(item, name) for _ in range(10)]
    assert sorted(updated) == [("UPDATE", (n, "b"), (n, "a")) for n in range(1, 11)]


def test_what_a_merge_and_an_upsert_do_is_told(bus, item, name):
    bus.sql(f"INSERT INTO {name} VALUES (1, 'a'), (2, 'b')")
    bus.sql(
        f"INSERT INTO {name} VALUES (1, 'c'), (3, 'd')"
        " ON CONFLICT (n) DO UPDATE SET key = EXCLUDED.key"
    )
    bus.sql(
        f"MERGE INTO {name} t USING (VALUES (2)) AS s (n) ON t.n = s.n WHEN MATCHED THEN DELETE"
    )
    assert [told(item, name) for _ in range(5)] == [
        ("INSERT", (1, "a"), None),
        ("INSERT", (2, "b"), None),
        ("UPDATE", (1, "c"), (1, "a")),
        ("INSERT", (3, "d"), None),
        ("DELETE", (2, "b"), None),
    ]


def test_an_argument_filters_by_the_column_of_its_name(bus, item, name, connect):
    two = subscribe(connect(), f"subscription {{ {name}(n: 2) {{ operation row {{ n }} }} }}")
    bus.sql(f"INSERT INTO {name} VALUES (1, 'a'), (2, 'b')")
    assert two.data() == {name: {"operation": "INSERT", "row": {"n": 2}}}


def test_a_table_that_is_watched_no_more_is_not_told_of(bus, item, name):
    bus.sql(f"INSERT INTO {name} VALUES (1, 'a')")
    bus.sql(f"SELECT fraiseql_unwatch('{name}')")
    bus.sql(f"INSERT INTO {name} VALUES (2, 'b')")
    bus.sql(f"SELECT fraiseql_watch('{name}')")
    bus.sql(f"INSERT INTO {name} VALUES (3, 'c')")
    assert [told(item, name)[1] for _ in range(2)] == [(1, "a"), (3, "c")]


def test_values_of_columns_are_written_the_same_byte_by_byte(bus, name, connect):
    columns = ", ".join(f'"{column}" {type}' for column, (type, _, _) in VALUES.items())
    bus.sql(f"CREATE TABLE {name} ({columns}); SELECT fraiseql_watch('{name}')")
    bus.register_types(
        f"scalar {name}Any type {name}Change {{ row: {name}Row }} type {name}Row {{"
        + " ".join(f"{column}: {name}Any" for column in VALUES)
        + " }"
    )
    bus.register(f"{name}: {name}Change", name)
    changed = subscribe(connect(), f"subscription {{ {name} {{ row {{ {' '.join(VALUES)} }} }} }}")
    literals = ", ".join(literal for _, literal, _ in VALUES.values())
    with bus.connect() as connection:
        connection.execute("SET timezone = 'Asia/Tokyo'; SET datestyle = 'German, DMY'")
        connection.execute("SET intervalstyle = 'iso_8601'; SET bytea_output = 'escape'")
        connection.execute(f"INSERT INTO {name} VALUES ({literals})")
    frame = next_frame(changed)
    row = ",".join(f'"{column}":{text}' for column, (_, _, text) in VALUES.items())
    assert frame.startswith(
        f'{{"id":"{changed.id}","type":"next","payload":'
        f'{{"data":{{"{name}":{{"row":{{{row}}}}}}},"extensions":{{"position":"'
    ), frame

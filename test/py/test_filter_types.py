"""A filter finds a row of a watched table if and only if SQL's `=` or `<` would."""

import json

import psycopg
import pytest
from psycopg import sql

U = "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"

# For each type texts that it takes. PostgreSQL says which of them are equal.
SPELLINGS = {
    "uuid": [U, U.upper(), "{" + U + "}", U.replace("-", ""),
             "A0EE-bc99-9c0b-4ef8-bb6d-6bb9-bd38-0a11", U.replace("a", "b")],
    "int2": ["7", "007", "+7", " 7 ", "-7", "0", "-0"],
    "int4": ["2147483647", "02147483647", "-7", "7"],
    "int8": ["9007199254740993", "9007199254740992", "+9007199254740993", "-1"],
    "oid": ["7", "07", "4294967295"],
    "numeric": ["1.50", "1.5", "15e-1", "+1.5", " 01.5 ", ".5", "0.50", "5.", "5", "NaN", "nan",
                "Infinity", "-inf", "-0", "0.000", "1e20", "100000000000000000000",
                "100000000000000000001", "-1.5", "-1.50"],
    "float8": ["0.3", "0.30000000000000001", "0.30000000000000004", "NaN", "-0", "0", "1e308",
               "Infinity", "-Infinity", "1", "1.0", "-1e-300"],
    "float4": ["0.3", "0.30000000000000001", "0.30001", "16777217", "16777216", "NaN", "-1"],
    "bool": ["true", "t", "YES", "on", "1", "f", "no", "off", "0", " FAL "],
    "char(5)": ["a", "a  ", "b", " a"],
    "text": ["a", "A", "a ", "", "é", "e\u0301"],
    "name": ["a", "A"],
    '"char"': ["a", "A"],
    "citext": ["a", "A", "É", "é", "ΑΣ", "ας", "Жук", "жУК", "ß"],
    "date": ["2026-01-02", "2026-1-2", "2026-01-02T10:00:00Z", "0044-03-15 BC", "0043-03-15 BC",
             "infinity", "-Infinity", "20260-01-02", "2000-02-29"],
    "timestamp": ["2026-01-02 03:04:05", "2026-01-02T03:04:05.0000004Z", "2026-01-02 03:04:05+05",
                  "2026-01-02 03:04:05.0000006", "2026-01-02 03:04:05.000001", "2026-01-02",
                  "2026-01-01 24:00:00", "2026-01-01 23:59:60", "0044-03-15 01:02:03 BC",
                  "infinity", "-infinity", "2026-01-02 03:04:05.9999999",
                  "2026-01-02 03:04:06", "294276-12-31 23:59:59"],
    "timestamptz": ["2026-01-02 03:04:05+00", "2026-01-02T04:04:05+01:00", "2026-01-02 03:04:05",
                    "2026-01-02T03:04:05.000Z", "2026-01-01 22:04:05-0500", "2026-01-02 03:04:05.5",
                    "0044-03-15 01:02:03+00 BC", "infinity", "2026-01-02 03:04:05 UTC"],
    "time": ["04:05:06", "4:05:06.000", "04:05:06.0000004", "04:05:06.000001", "04:05", "24:00:00",
             "00:00", "04:05:06+02"],
    "timetz": ["04:05:06+02", "02:05:06+00", "04:05:06+02:00", "02:05:06", "02:05:06Z"],
    "interval": ["1 day", "24 hours", "24:00:00", "P1D", "PT24H", "1 mon", "30 days", "P1M",
                 "1 year 2 mons 3 days 04:05:06.789", "P1Y2M3DT4H5M6.789S", "-1 day", "1 day ago",
                 "@ 1 day", "1.5 days", "36:00", "0", "1 week", "7 d", "-1 days +02:03:04",
                 "1.5 years", "18 mons", "P1.5Y", "3 04:05:06", "0.0000005 s", "1 us", "5",
                 "178000000 years", "-178000000 years", "1 decade", "10 years"],
    "inet": ["10.0.0.1", "10.0.0.1/32", "10.0.0.1/8", "10.0.0.0/8", "10.0.0.0/16", "10.5.0.0/16",
             "::1", "0:0:0:0:0:0:0:1", "::FFFF:1.2.3.4", "::ffff:102:304", "2001:DB8::/32",
             "1.2.3.4"],
    "cidr": ["10.0.0.0/8", "10.0.0.0/16", "2001:db8::/32", "2001:DB8:0::/32", "10.1.2.3"],
    "macaddr": ["08:00:2b:01:02:03", "08-00-2B-01-02-03", "08002b:010203", "0800.2b01.0203",
                "08002b010203", "8:0:2b:1:2:3", "08:00:2b:01:02:04"],
    "macaddr8": ["08:00:2b:01:02:03", "08:00:2b:ff:fe:01:02:03", "08002bfffe010203",
                 "0800.2b01.0203.0405", "08-00-2B-01-02-03-04-05"],
    "bytea": ["\\xDEADbeef", "\\xdeadbeef", "\\xde ad be ef", "\\336\\255\\276\\357", "abc",
              "\\x616263", "", "\\x", "\\\\", "\\x5c"],
    "bit(4)": ["0101", "B0101", "X5", "x5", "1010"],
    "varbit": ["101", "b101", "1010", "XA", "", "X0a", "00001010"],
    "money": ["$1,234.56", "1234.56", "-1234.56", "($1,234.56)", "-$1,234.56", "1234.555", "0",
              "1234.5", "$1,234.50", "1"],
    "pg_lsn": ["16/B374D848", "16/b374d848", "0/0", "00000000/00000000", "1/0"],
    "xid8": ["7", "07", "8"],
    "int4range": ["[1,4)", "[1,3]", "(0,4)", " [ 1 , 3 ] ", "empty", "(3,3)", "[3,4)", "[3,3]",
                  "(,5)", "(,4]", "[1,)", "(,)", "EMPTY"],
    "int8range": ["[1,4)", "[1,3]", '["1",4)'],
    "numrange": ["[1.0,2.50)", "[1,2.5)", "[1,2.5]", "(1,2.5)", "[1,1)", "empty", "(,)",
                 "[-1,NaN)"],
    "daterange": ["[2026-01-01,2026-01-03)", "[2026-01-01,2026-01-02]", "(2025-12-31,2026-01-03)",
                  "[2026-01-01,infinity)", "[2026-01-01,)", "[2026-01-01,infinity]"],
    "tsrange": ["[2026-01-01,2026-01-02)", '["2026-01-01 00:00:00","2026-01-01 24:00:00")',
                "[2026-01-01,2026-01-02]"],
    "tstzrange": ["[2026-01-01 00:00+00,)", "[2026-01-01 01:00+01,)", "(2026-01-01 01:00+01,)"],
    "int4multirange": ["{[1,3),[5,8)}", "{[5,7],[1,2]}", "{[1,3),[3,8)}", "{[1,8)}", "{}",
                       "{empty}", "{[1,5),[2,8)}", "{(,1)}"],
    "nummultirange": ["{[1,2),(2,3)}", "{[1,2],(2,3)}", "{[1,3)}", "{[1.0,3.00)}"],
    "tsvector": ["'a' 'b'", "'a'"],
    "ltree": ["a.b", "a.B"],
    "mood": ["sad", "happy"],
    "positive": ["7", "007", "8"],  # a domain over a domain over an integer
    "jsonb": ['{"a": 1, "b": [true, null]}', '{"b":[true,null],"a":1.0}', "1", "1.00", "10e-1",
              '"1"', "[1, 2]", "[2, 1]", '{"a": 2, "a": 1, "b": [true, null]}', "{}", "[]"],
    "json": ['{"a": 1, "b": 2}', '{"b": 2.0, "a": 1}', "[1]", "[1.0]"],
    "hstore": ["a=>1, b=>NULL", '"b"=>null,"a"=>"1"', "a=>1", 'a=>"NULL", b=>2', ""],
}  # fmt: skip

# Texts order by code point, which is not SQL's order. The others have none in SQL, or none here.
UNORDERED = {"text", "name", '"char"', "char(5)", "citext", "xid8", "tsvector", "ltree", "mood",
             "jsonb", "json", "hstore"}  # fmt: skip
SCALARS = {"jsonb": "Json", "json": "Json", "hstore": "Hstore"}
ORACLE = {"json": "jsonb"}  # json has no equality

# What sessions print differently, and how the same values come then.
STYLES = [
    ("interval", "intervalstyle", "postgres_verbose"),
    ("interval", "intervalstyle", "iso_8601"),
    ("bytea", "bytea_output", "escape"),
    ("float8", "extra_float_digits", "3"),
]

DEFINITIONS = """
    CREATE EXTENSION citext;
    CREATE EXTENSION hstore;
    CREATE EXTENSION ltree;
    CREATE TYPE mood AS ENUM ('sad', 'happy');
    CREATE DOMAIN whole AS int;
    CREATE DOMAIN positive AS whole CHECK (value > 0);
"""


def column(type_name):
    return "c_" + "".join(c for c in type_name if c.isalnum())


def operand(type_name, text):
    return json.loads(text) if type_name in ("jsonb", "json") else text


@pytest.fixture
def spelled(make_cluster):
    """A server with a watched table that has a column of every type."""
    cluster = make_cluster(
        max_subscriptions_per_connection=10000, postgresql__timezone="UTC", max_message_size="1MB"
    )
    cluster.sql(DEFINITIONS)
    columns = ", ".join(f"{column(name)} {name}" for name in SPELLINGS)
    cluster.sql(f"CREATE TABLE spelled (n int, {columns})")
    fields = " ".join(f"{column(name)}: {SCALARS.get(name, 'String')}" for name in SPELLINGS)
    arguments = fields.replace(" c_", ", c_")
    cluster.sql(
        "SELECT fraiseql_register_types(%s)",
        (f"type Spelled {{ n: Int {fields} }} type SpelledChange {{ row: Spelled }} "
         "scalar Json scalar Hstore",),
    )  # fmt: skip
    cluster.sql(
        "SELECT fraiseql_register_subscription(%s, 'spelled')",
        (f"spelled({arguments}, where: SpelledChangeFilter): SpelledChange",),
    )
    cluster.sql("SELECT fraiseql_watch('spelled')")
    return cluster


def expected(connection, type_name, operator):
    """Pairs of the numbers of spellings that SQL says are so."""
    compared = ORACLE.get(type_name, type_name)
    return {
        (row[0], row[1])
        for row in connection.execute(
            f"SELECT a.i, b.i FROM unnest(%s::text[]) WITH ORDINALITY AS a(v, i), "
            f"unnest(%s::text[]) WITH ORDINALITY AS b(v, i) "
            f"WHERE a.v::{compared} {operator} b.v::{compared}",
            (SPELLINGS[type_name], SPELLINGS[type_name]),
        )
    }


def test_a_filter_finds_what_sql_finds(spelled, connect):
    client = connect(spelled)
    asked = {}
    for name, texts in SPELLINGS.items():
        scalar = SCALARS.get(name, "String")
        for i, text in enumerate(texts, 1):
            ways = {"argument": f"{column(name)}: $v", "eq": None}
            if name not in UNORDERED:
                ways["lt"] = None
            for way, argument in ways.items():
                argument = argument or f"where: {{row: {{{column(name)}: {{{way}: $v}}}}}}"
                query = f"subscription ($v: {scalar}) {{ spelled({argument}) {{ row {{ n }} }} }}"
                asked[name, i, way] = client.start(query, {"v": operand(name, text)})
    everything = client.subscribe("subscription { spelled { row { n } } }")

    rows = {}
    with spelled.connect() as connection:

        def insert(name, i, text):
            rows[len(rows)] = name, i
            connection.execute(
                sql.SQL("INSERT INTO spelled (n, {}) VALUES (%s, %s::text::{})").format(
                    sql.Identifier(column(name)), sql.SQL(name)
                ),
                (len(rows) - 1, text),
            )

        for name, texts in SPELLINGS.items():
            for i, text in enumerate(texts, 1):
                insert(name, i, text)
        for name, setting, value in STYLES:
            connection.execute(f"SET {setting} = {value}")
            for i, text in enumerate(SPELLINGS[name], 1):
                insert(name, i, text)
            connection.execute(f"RESET {setting}")
        wanted = {
            (name, operator): expected(connection, name, operator)
            for name in SPELLINGS
            for operator in ("=", "<")
            if operator == "=" or name not in UNORDERED
        }
    for _ in rows:
        everything.data()
    client.settle()

    wrong = []
    for (name, i, way), subscription in asked.items():
        errors = [m["payload"] for m in subscription.messages if m["type"] == "error"]
        got = {
            rows[m["payload"]["data"]["spelled"]["row"]["n"]]
            for m in subscription.messages
            if m["type"] == "next"
        }
        pairs = wanted[name, "<" if way == "lt" else "="]
        want = {(name, a) for a, b in pairs if b == i}
        if got != want or errors:
            spelling = SPELLINGS[name][i - 1]
            told = [SPELLINGS[name][a - 1] for _, a in sorted(got)]
            should = [SPELLINGS[name][a - 1] for _, a in sorted(want)]
            wrong.append(f"{name} {way} {spelling!r}: {told}, in SQL {should} {errors}")
    assert not wrong, "\n".join(wrong)


# One for each kind of reader.
NOT_VALUES = [("uuid", "soon"), ("int4", "x"), ("date", "2026-13-01"), ("inet", "10.0.0"),
              ("bool", "maybe"), ("int4range", "[3,1]"), ("bytea", "\\xabc"), ("float8", "1e400"),
              ("interval", "1 parsec"), ("macaddr", "08:00:2b"), ("time", "25:00"),
              ("money", "$1.2.3"), ("varbit", "102"), ("pg_lsn", "16")]  # fmt: skip


def test_what_the_columns_type_does_not_allow_is_refused(spelled, connect):
    client = connect(spelled)
    for column_type, text in NOT_VALUES:
        with pytest.raises(psycopg.DataError):
            spelled.value(f"SELECT %s::text::{column_type}", (text,))
        name = column(column_type)
        for argument in (
            f"{name}: $v",
            f"where: {{row: {{{name}: {{eq: $v}}}}}}",
            f"where: {{row: {{{name}: {{in: [$v]}}}}}}",
        ):
            query = f"subscription ($v: String!) {{ spelled({argument}) {{ row {{ n }} }} }}"
            (error,) = client.start(query, {"v": text}).errors()
            assert f'is not a value of "{column_type}", the type of its column' in error["message"]
            assert error["extensions"]["code"] == "BAD_USER_INPUT"


def serve(server, name, *tables, key="String"):
    """Watch tables that have the column `key` on a channel, and serve it as a field of its name."""
    for table in tables:
        server.sql("SELECT fraiseql_watch(%s, %s)", (table, name))
    server.sql(
        "SELECT fraiseql_register_types(%s)",
        (f"type {name}Row {{ key: {key} }} type {name}Change {{ row: {name}Row old: {name}Row }}",),
    )
    server.sql(
        "SELECT fraiseql_register_subscription(%s, %s)",
        (f"{name}(where: {name}ChangeFilter): {name}Change", name),
    )


def told(client, name, where):
    """What comes of the only event that was published since."""
    return client.subscribe(f"subscription {{ {name}(where: {where}) {{ row {{ key }} }} }}")


def is_told(subscription):
    subscription.client.settle()
    return bool(subscription.messages)


def test_an_arrays_elements_compare_as_their_type_does(server, connect, name):
    server.sql(f"CREATE TABLE {name} (key uuid[])")
    serve(server, name, name, key="[String]")
    client = connect(server)
    same = told(client, name, f'{{row: {{key: {{contains: "{U.upper()}"}}}}}}')
    some = told(client, name, f'{{row: {{key: {{some: {{eq: "{{{U}}}"}}}}}}}}')
    none = told(client, name, f'{{row: {{key: {{none: {{eq: "{U.upper()}"}}}}}}}}')
    last = told(client, name, "{}")
    server.sql(f"INSERT INTO {name} VALUES (ARRAY[%s]::uuid[])", (U,))
    last.data()
    assert (is_told(same), is_told(some), is_told(none)) == (True, True, False)


def test_the_row_before_an_update_compares_by_its_columns_too(server, connect, name):
    server.sql(f"CREATE TABLE {name} (key uuid)")
    server.sql(f"INSERT INTO {name} VALUES (%s)", (U,))
    serve(server, name, name)
    client = connect(server)
    left = told(client, name, f'{{old: {{key: {{eq: "{U.upper()}"}}}}}}')
    server.sql(f"UPDATE {name} SET key = NULL")
    assert left.data() == {name: {"row": {"key": None}}}


def test_a_partitioned_tables_columns_count_once(server, connect, name):
    server.sql(f"CREATE TABLE {name} (key uuid) PARTITION BY HASH (key)")
    server.sql(
        f"CREATE TABLE {name}_0 PARTITION OF {name} FOR VALUES WITH (MODULUS 1, REMAINDER 0)"
    )
    serve(server, name, name)
    same = told(connect(server), name, f'{{row: {{key: {{eq: "{U.upper()}"}}}}}}')
    server.sql(f"INSERT INTO {name} VALUES (%s)", (U,))
    assert same.data() == {name: {"row": {"key": U}}}


def test_where_two_tables_of_a_channel_disagree_the_scalar_decides(server, connect, name):
    server.sql(f"CREATE TABLE {name} (key uuid)")
    server.sql(f"CREATE TABLE {name}_text (key text)")
    serve(server, name, name, name + "_text")
    client = connect(server)
    words = told(client, name, '{row: {key: {eq: "soon"}}}')
    upper = told(client, name, f'{{row: {{key: {{eq: "{U.upper()}"}}}}}}')
    server.sql(f"INSERT INTO {name} VALUES (%s)", (U,))
    server.sql(f"INSERT INTO {name}_text VALUES ('soon')")
    assert words.data() == {name: {"row": {"key": "soon"}}}
    assert not is_told(upper)
    # From the commit on, without the other table.
    server.sql(f"SELECT fraiseql_unwatch('{name}_text')")
    same = told(client, name, f'{{row: {{key: {{eq: "{U.upper()}"}}}}}}')
    server.sql(f"INSERT INTO {name} VALUES (%s)", (U,))
    assert same.data() == {name: {"row": {"key": U}}}

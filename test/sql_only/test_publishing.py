"""fraiseql_publish() takes and refuses what the extension's does."""

import psycopg
import pytest


@pytest.mark.parametrize("kind", ["text", "json", "jsonb"])
def test_json_of_every_type_is_published(database, reader, kind):
    database.sql(
        f"SELECT fraiseql_publish('t', 'c', '{{\"a\": [1, null]}}'::{kind}, 'corr', 'sub')"
    )
    (row,) = reader.events()
    assert (row.event_type, row.channel, row.correlation_id, row.subgraph) == (
        "t",
        "c",
        "corr",
        "sub",
    )
    assert row.json == {"a": [1, None]}


def test_an_event_may_be_larger_than_a_notification(database, reader):
    text = "x" * 500_000
    database.sql("SELECT fraiseql_publish('t', 'c', to_json(%s::text))", (text,))
    assert reader.events()[0].json == text


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ("NULL, 'c', '{}'", psycopg.errors.NullValueNotAllowed),
        ("'', 'c', '{}'", psycopg.errors.InvalidParameterValue),
        ("'t', NULL, '{}'", psycopg.errors.NullValueNotAllowed),
        ("'t', '', '{}'", psycopg.errors.InvalidParameterValue),
        ("'t', 'c', NULL::text", psycopg.errors.NullValueNotAllowed),
        ("'t', 'c', '{'", psycopg.errors.InvalidTextRepresentation),
        (r"""'t', 'c', '"\ud800"'""", psycopg.errors.InvalidTextRepresentation),
        (r"""'t', 'c', '"\ud800"'::json""", psycopg.errors.InvalidTextRepresentation),
        ("'t', 'c', '{}', NULL, ''", psycopg.errors.InvalidParameterValue),
        ("'t', 'c', to_json(repeat('x', 1048575))", psycopg.errors.ProgramLimitExceeded),
        ("repeat('t', 65536), 'c', '{}'", psycopg.errors.ProgramLimitExceeded),
        ("'t', 'c', repeat('[', 501) || repeat(']', 501)", psycopg.errors.ProgramLimitExceeded),
    ],
)
def test_what_nobody_could_read_is_refused(database, reader, arguments, error):
    with pytest.raises(error):
        database.sql(f"SELECT fraiseql_publish({arguments})")
    assert reader.drain() == []


@pytest.mark.parametrize(
    "data", ["repeat('[', 500) || repeat(']', 500)", "to_json(repeat('[', 5000))"]
)
def test_what_can_be_read_is_taken(database, reader, data):
    database.sql(f"SELECT fraiseql_publish('t', 'c', {data})")
    assert len(reader.events()) == 1

"""Settings: each refuses what it cannot work with, and the README tells the truth about them."""

import re

import psycopg
import pytest

from cluster import ROOT, wait_until

BAD_NUMBERS = ["-1", "1000000001", "1.5", "many", "5/s"]
BAD_RATES = ["5", "-1/s", "5/day", "5 / s", "5/s burst 0", "0/s burst 1", "1000000001/s"]

BAD_VALUES = {
    "database": ["", "x" * 64],
    "ring_size": ["1023kB", "2TB", "-1", "many"],
    "overflow": ["", "drop", "1"],
    "overflow_timeout": ["0", "61min", "soon"],
    "capture_failure": ["", "fail", "1"],
    "max_event_size": ["1023", "257MB"],
    "max_transaction_size": ["1023kB", "2TB"],
    "transaction_memory": ["63kB", "2TB"],
    "worker_threads": ["0", "65", "1.5kB"],
    "listen_address": ["", "localhost", "127.0.0.1:80", "256.0.0.1", "*"],
    "port": ["0", "65536", "http"],
    "unix_socket": ["graphql.sock", "/" + "x" * 107, '/a"b', "/tab\t"],
    "proxy_protocol_from": ["proxy.internal", "10.0.0.0/33", "10.0.0.1/", "::/129", "10.0.0.1;::1"],
    "ssl": ["", "perhaps"],
    "ssl_cert_file": ["", 'a"b', "back\\slash"],
    "ssl_key_file": ["", 'a"b', "back\\slash"],
    "ssl_ca_file": ['a"b', "back\\slash"],
    "ssl_ciphers": ["", 'a"b'],
    "ssl_min_protocol_version": ["", "TLSv1.1", "TLSv1"],
    "sandbox": ["", "perhaps"],
    "allow_anonymous": ["", "perhaps"],
    "anonymous_claims": ["", "[]", '"text"', '{"a"}', '{"a": 1', "{} {}"],
    "token_in_url": ["", "perhaps"],
    "authenticate": ["login", "a.b.c", "auth.", '"auth.login'],
    "authenticate_timeout": ["0", "61s"],
    "expiry_notice": ["1ms", "999ms", "61min", "-1"],
    "audit_log": ["", "perhaps"],
    # Any text may be a field's name. One that is none delivers nothing.
    "tenant_field": [],
    "allowed_origins": [
        'a"b',
        "tab\t",
        "back\\slash",
        "null",
        "app.example.com",
        "https://app.example.com/",
        "https://App.example.com",
        "https://app.example.com:443",
        "https://a.example https://b.example",
        "https://a.example,",
        "https://*",
        "wss://app.example.com",
    ],
    "key_directory": ["keys", "./keys"],
    "introspection": ["", "perhaps"],
    "playground": ["", "perhaps"],
    "init_timeout": ["9ms", "61min", "-1"],
    "keepalive_interval": ["1ms", "99ms", "61min", "-1"],
    "slow_timeout": ["99ms", "61min", "-1"],
    "max_message_size": ["1023", "17MB"],
    "max_connections": ["0", "1000001"],
    "limit_connections_per_user": BAD_NUMBERS,
    "limit_connections_per_address": BAD_NUMBERS,
    "limit_connections_per_tenant": BAD_NUMBERS,
    "limit_new_connections_per_address": BAD_RATES,
    "limit_subscriptions_per_user": BAD_NUMBERS,
    "limit_subscriptions_created_per_user": BAD_RATES,
    "limit_events_per_subscription": BAD_RATES,
    "limit_events_per_user": BAD_RATES,
    "limit_messages_per_connection": BAD_RATES,
    "max_unfinished_per_address": ["-1", "1000001"],
    "max_subscriptions_per_connection": ["0", "100001"],
    "outbox_size": ["15kB", "1025MB"],
    "max_query_tokens": ["9", "1000001"],
    "max_query_depth": ["0", "201"],
    "max_query_size": ["255", "17MB"],
    "max_query_aliases": ["-1", "1000001"],
    "max_query_selections": ["0", "20001"],
    "max_filter_conditions": ["0", "100001"],
    "max_held_size": ["63kB", "65GB"],
    "resolver_processes": ["0", "65"],
    "max_connection_memory": ["63kB", "1025MB"],
    "bus": ["", "kafka"],
    "bus_url": ["redis://", "redis://h:x", "redis://h/-1", "redis+sentinel://h", "rediss://h?a=b"],
    "bus_ca_file": ['a"b', "back\\slash"],
    "bus_max_length": ["999", "2000000001"],
    "bus_max_age": ["-1", "1ms", "21d"],
    "node_name": ['a"b', "tab\t"],
    "drain_timeout": ["-1", "601s"],
    "stuck_timeout": ["1ms", "4999ms", "61min", "-1"],
    "log_level": ["", "loud"],
}


@pytest.mark.parametrize(
    ("setting", "value"), [(name, value) for name in BAD_VALUES for value in BAD_VALUES[name]]
)
def test_a_bad_value_is_refused(server, setting, value):
    with pytest.raises(psycopg.errors.InvalidParameterValue):
        server.sql(f"ALTER SYSTEM SET fraiseql_subs.{setting} = '{value}'")


def test_every_setting_is_tried_with_bad_values(server):
    names = server.sql("SELECT name FROM pg_settings WHERE name LIKE 'fraiseql\\_subs.%'")
    assert {name.removeprefix("fraiseql_subs.") for (name,) in names} == set(BAD_VALUES)


def test_the_ends_of_every_range_are_accepted(server):
    rows = server.sql(
        "SELECT name, min_val, max_val FROM pg_settings"
        " WHERE name LIKE 'fraiseql\\_subs.%' AND vartype = 'integer'"
    )
    assert rows
    with server.connect() as connection:
        for name, *ends in rows:
            for value in ends:
                connection.execute(f"ALTER SYSTEM SET {name} = {value}")
            connection.execute(f"ALTER SYSTEM RESET {name}")


def test_a_misspelt_setting_is_refused(server):
    with pytest.raises(psycopg.Error, match="fraiseql_subs"):
        server.sql("SET fraiseql_subs.prot = 1")


def test_settings_are_described(server):
    assert (
        server.sql(
            "SELECT name FROM pg_settings"
            " WHERE name LIKE 'fraiseql\\_subs.%' AND (short_desc = '' OR short_desc NOT LIKE '%.')"
        )
        == []
    )


def test_ordinary_users_cannot_change_what_all_share(server):
    server.sql("DROP ROLE IF EXISTS ordinary")
    server.sql("CREATE ROLE ordinary")
    with server.connect() as connection:
        connection.execute("SET ROLE ordinary")
        for name in ("overflow", "max_event_size", "max_transaction_size", "transaction_memory"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(f"SET fraiseql_subs.{name} = DEFAULT")
    server.sql("DROP ROLE ordinary")


def test_a_reload_reaches_the_worker(make_cluster, connect):
    cluster = make_cluster(allow_anonymous="off")
    client = connect(cluster, init=False)
    client.send({"type": "connection_init"})
    assert client.wait_for_close() == (4403, "Forbidden: there is no token")
    cluster.set(allow_anonymous="on")

    def is_accepted():
        client = connect(cluster, init=False)
        client.send({"type": "connection_init"})
        try:
            return client.wait_for("connection_ack")
        except Exception as refusal:
            assert "4403" in str(refusal)

    wait_until(is_accepted, "anonymous clients are accepted")


def test_an_event_above_max_event_size_is_refused_where_it_is_published(server):
    statement = "SELECT fraiseql_publish('orderUpdated', 'orders', to_jsonb(repeat('x', %s)))"
    with server.connect(autocommit=False) as connection:
        connection.execute("SET fraiseql_subs.max_event_size = '2kB'")
        connection.execute(statement, (1000,))
        with pytest.raises(
            psycopg.errors.ProgramLimitExceeded, match="fraiseql_subs.max_event_size"
        ):
            connection.execute(statement, (2100,))


def documented_settings():
    rows = re.findall(r"^\| `(\w+)` \| ([^|]*) \| ([^|]*) \| ([^|]*) \|", readme(), re.MULTILINE)
    return {name: [cell.strip() for cell in cells] for name, *cells in rows}


def readme():
    text = (ROOT / "README.md").read_text()
    return text[text.index("## Settings") :]


CONTEXTS = {"postmaster": "restart", "sighup": "reload", "superuser": "session"}


def in_base_unit(cluster, kind, text):
    function = {"interval": "extract(epoch FROM %s::interval)", "size": "pg_size_bytes(%s)"}[kind]
    return cluster.value(f"SELECT {function}", (text,))


def test_the_readme_lists_every_setting_with_its_default_and_how_it_is_changed(make_cluster):
    cluster = make_cluster(install=False)
    documented = documented_settings()
    rows = cluster.sql(
        "SELECT substr(name, 15), boot_val, coalesce(unit, ''), context FROM pg_settings"
        " WHERE name LIKE 'fraiseql\\_subs.%'"
    )
    assert set(documented) == {name for name, *_ in rows}
    for name, boot_value, unit, context in rows:
        default, _, changed_by = documented[name]
        assert changed_by == CONTEXTS[context], name
        if unit:
            kind = "interval" if unit == "ms" else "size"
            boot = f"{boot_value} {'bytes' if unit == 'B' else unit}"
            assert in_base_unit(cluster, kind, default) == in_base_unit(cluster, kind, boot), name
        else:
            assert default == boot_value, name

"""What a node does when its database, or the way there, is away or is not what it should be."""

import shutil
import threading

import pytest

from cluster import wait_until
from conftest import Database
from nodes import ANY, ServedDatabase, ids, lost


def test_nothing_is_lost_or_twice_when_sessions_are_ended(served, node):
    subscription = node.client().subscribe(ANY)
    count = 600
    ended = threading.Event()

    def end_sessions():
        while not ended.is_set():
            served.terminate_readers()
            ended.wait(0.05)

    thread = threading.Thread(target=end_sessions)
    thread.start()
    try:
        with served.connect() as connection:
            for id in range(count):
                served.publish(id, connection=connection)
    finally:
        ended.set()
        thread.join()
    assert ids(subscription, count) == list(range(count))


@pytest.fixture
def other_served(make_cluster, sql_file):
    """A database on a server that no other test uses."""
    database = Database(make_cluster())
    database.install(sql_file)
    return ServedDatabase(database)


def test_a_node_goes_on_where_it_was_when_the_server_is_back(other_served, make_node):
    node = make_node(bus_url=other_served.dsn()).start()
    subscription = node.client().subscribe(ANY)
    other_served.publish(range(1, 101))
    other_served.cluster.stop()
    node.wait_until(lambda: not node.is_ready(), "it says that it gets no events")
    other_served.cluster.start()
    other_served.publish(range(101, 201))
    assert ids(subscription, 200) == list(range(1, 201))
    node.wait_until(node.is_ready, "it is ready again")


def test_after_a_crash_of_the_server_clients_are_told_of_a_gap(other_served, make_node):
    """Cursors of before mean nothing any more, so nobody knows how many events it has."""
    node = make_node(bus_url=other_served.dsn()).start()
    subscription = node.client().subscribe(ANY)
    other_served.publish(range(1, 101))
    assert ids(subscription, 100) == list(range(1, 101))
    other_served.cluster.stop("immediate")
    node.wait_until(lambda: not node.is_ready(), "it says that it gets no events")
    other_served.cluster.start()
    assert lost(subscription) is None
    other_served.publish(range(101, 201))
    assert ids(subscription, 100) == list(range(101, 201))


def test_a_restarted_node_serves_what_comes(served, node):
    served.publish(1)
    node.stop()
    served.publish(2)
    node.start()
    subscription = node.client().subscribe(ANY)
    served.publish(3)
    assert ids(subscription, 1) == [3]


def test_events_are_found_where_nobody_notifies(served, node):
    subscription = node.client().subscribe(ANY)
    with served.connect(options="-c fraiseql_subs.notify=off") as connection:
        for id in range(1, 21):
            served.publish(id, connection=connection)
    assert ids(subscription, 20) == list(range(1, 21))


def test_a_node_works_through_a_pooler(served, pooler, make_node):
    node = make_node(bus_url=pooler, bus_listen_url=served.dsn()).start()
    subscription = node.client().subscribe(ANY)
    served.publish(range(1, 1001))
    assert ids(subscription, 1000) == list(range(1, 1001))
    node.wait_for_log("events come when the server notifies of them")


def test_a_node_asks_again_and_again_where_notifications_do_not_reach_it(served, pooler, make_node):
    # Those of another database are not this one's.
    elsewhere = f"host={served.cluster.directory} dbname=postgres user=node"
    node = make_node(bus_url=pooler, bus_listen_url=elsewhere).start()
    node.wait_for_log("notifications do not reach this node")
    subscription = node.client().subscribe(ANY)
    for id in range(1, 21):
        served.publish(id)
    assert ids(subscription, 20) == list(range(1, 21))


def test_a_session_that_listens_outlives_its_roles_limit_for_idle_ones(served, make_node):
    served.sql(
        f"ALTER ROLE node IN DATABASE {served.name} SET idle_session_timeout = '1500ms'",
        user="postgres",
    )
    make_node().start()
    listens_on = (
        "SELECT count(*) FROM pg_stat_activity WHERE datname = %s AND usename = 'node'"
        " AND query LIKE 'LISTEN %%' AND now() - state_change > '4 s'"
    )
    wait_until(
        lambda: served.value(listens_on, (served.name,), user="postgres") == 1,
        "one has been idle for longer than the limit",
    )


def rotate(served):
    served.sql("SELECT fraiseql_subs.bus_maintain()")


def test_rotation_under_load_loses_nothing_for_those_who_read(served, node):
    served.sql("UPDATE fraiseql_subs.bus SET slot_bytes = 65536")
    subscription = node.client().subscribe(ANY)
    with served.connect() as connection:
        for start in range(0, 2000, 20):
            served.publish(range(start, start + 20), connection=connection)
            rotate(served)
    assert ids(subscription, 2000) == list(range(2000))


def test_a_gap_is_told_with_its_count(served, node):
    subscription = node.client().subscribe(ANY)
    served.publish(0)
    assert ids(subscription, 1) == [0]
    served.send_readers_away()
    served.sql("UPDATE fraiseql_subs.bus SET slot_bytes = 1, retention = '0'")
    served.publish(range(1, 51))

    def is_gone():
        rotate(served)
        return served.value("SELECT count(*) FROM fraiseql_subs.event") == 0

    wait_until(is_gone, "the events are gone")
    served.sql("UPDATE fraiseql_subs.bus SET retention = '1 hour'")
    served.let_readers_in()
    served.publish(51)
    assert lost(subscription) == 50
    assert ids(subscription, 1) == [51]


def assert_tells(node, *texts):
    """Its log has one of these lines, and /readyz says the same."""
    node.launch()
    for text in texts:
        node.wait_for_log(text)
    replies = []

    def says_so():
        """The control thread hears of it from the bus's, which writes the log."""
        replies.append(node.get("/readyz"))
        return any(text in replies[-1][1] for text in texts)

    node.wait_until(says_so, f"/readyz says: {texts}")
    status, reply = replies[-1]
    assert status == 503
    assert "hunter2" not in node.log() + reply


def test_a_node_says_that_the_sql_file_is_missing(bare_database, make_node):
    dsn = f"host={bare_database.cluster.directory} dbname={bare_database.name} user=owner"
    assert_tells(make_node(bus_url=dsn), "run the SQL file of fraiseql_subs in database")


def test_a_node_says_that_a_role_is_missing(served, make_node):
    served.sql("DROP ROLE IF EXISTS stranger; CREATE ROLE stranger LOGIN", user="postgres")
    assert_tells(make_node(bus_url=served.dsn("stranger")), 'GRANT fraiseql_node TO "stranger"')


def test_a_node_says_that_nobody_is_there(make_node):
    assert_tells(make_node(bus_url="host=127.0.0.1 port=1 password=hunter2"), "refused")


def test_a_node_says_that_a_host_is_not_known(make_node):
    assert_tells(make_node(bus_url="postgresql://u:hunter2@nowhere.invalid/d"), "is not known")


def test_a_node_says_that_a_password_is_wrong(served, make_node):
    cluster = served.cluster
    served.sql(
        "DROP ROLE IF EXISTS locked; CREATE ROLE locked LOGIN PASSWORD 'right'", user="postgres"
    )
    rules = cluster.data / "pg_hba.conf"
    before = rules.read_text()
    rules.write_text("local all locked scram-sha-256\n" + before)
    try:
        cluster.sql("SELECT pg_reload_conf()")
        wait_until(
            lambda: cluster.sql("SELECT 1 FROM pg_hba_file_rules WHERE 'locked' = ANY (user_name)"),
            "the rule is there",
        )
        node = make_node(bus_url=served.dsn("locked") + " password=hunter2")
        assert_tells(node, "password authentication failed")
    finally:
        rules.write_text(before)
        cluster.sql("SELECT pg_reload_conf()")


def test_a_node_says_that_the_database_has_the_extension(cluster, make_node):
    # As a database with the extension looks to somebody who reads its catalogs.
    cluster.sql("DROP DATABASE IF EXISTS extended")
    cluster.sql("CREATE DATABASE extended")
    with cluster.connect(dbname="extended") as connection:
        connection.execute("CREATE EXTENSION fraiseql_subs")
    dsn = f"host={cluster.directory} dbname=extended user=postgres"
    assert_tells(make_node(bus_url=dsn), "has the extension")


def test_a_connection_string_that_is_none_is_refused_at_the_start(make_node):
    code, log = make_node(bus_url="password=hunter2 nonsense").run()
    assert code != 0
    assert "bus_url" in log
    assert "hunter2" not in log


def test_no_connection_string_is_refused_at_the_start(make_node):
    code, log = make_node(bus_url=None).run()
    assert code != 0
    assert "--bus-url" in log


HOSTILE_ROWS = """
CREATE OR REPLACE FUNCTION fraiseql_subs.bus_read(
    cursor text, max_events integer DEFAULT 1000, max_bytes bigint DEFAULT 4194304
) RETURNS TABLE (
    kind smallint, flags smallint, seq bigint, event_type text, channel text, correlation_id text,
    subgraph text, data text, published_at timestamptz, xid xid8
)
LANGUAGE sql SECURITY DEFINER AS $$
    SELECT 1::smallint, flags::smallint, seq, type, channel, NULL, NULL, data, at::timestamptz,
        '9'::xid8
    FROM (VALUES
        (0, 1, 'orderUpdated', 'orders', '{"id": 1}', 'infinity'),
        (0, -1, 'orderUpdated', 'orders', '{"id": 2}', 'now'),
        (77, 1, 'orderUpdated', 'orders', '{"id": 3}', 'now'),
        (0, 1, '', 'orders', '{"id": 4}', 'now'),
        (0, 1, 'orderUpdated', 'orders', 'no JSON', 'now'),
        (0, 1, repeat('t', 70000), 'orders', '{}', 'now')
    ) AS rows (flags, seq, type, channel, data, at)
    UNION ALL SELECT 99::smallint, 0::smallint, 1, NULL, NULL, NULL, NULL, NULL, now(), NULL
    UNION ALL SELECT 1::smallint, 0::smallint, 7, 'orderUpdated', 'orders', NULL, NULL,
        '{"id": 7}', now(), '9'
    UNION ALL SELECT 0::smallint, 0::smallint, NULL, cursor, NULL, NULL, NULL, cursor, now(), NULL
$$
"""


def test_rows_without_sense_harm_nothing_and_are_counted(served, node):
    subscription = node.client().subscribe(ANY)
    served.sql(HOSTILE_ROWS)
    count = 0
    while True:
        payload = subscription.next()
        if payload.get("data") and payload["data"]["orderUpdated"]:
            assert payload["data"]["orderUpdated"]["id"] == "7"
            break
        (error,) = payload["errors"]
        assert error["extensions"]["code"] == "EVENTS_LOST", payload
        count += error["extensions"]["count"]
    assert count == 6
    node.wait_for_log("made no sense")


COLUMNS = """kind smallint, flags smallint, seq bigint, event_type text, channel text,
    correlation_id text, subgraph text, data text, published_at timestamptz, xid xid8"""
HOSTILE_FORMS = {
    "other columns": "RETURNS TABLE (kind text) LANGUAGE sql AS $$ SELECT 'x' $$",
    "no end": f"""RETURNS TABLE ({COLUMNS}) LANGUAGE sql AS $$
        SELECT 1::smallint, 0::smallint, 1::bigint, '', '', '', '', '', now(), '1'::xid8
        WHERE false $$""",
}


@pytest.mark.parametrize("body", HOSTILE_FORMS.values(), ids=HOSTILE_FORMS.keys())
def test_an_answer_in_another_form_is_told(served, node, body):
    function = "fraiseql_subs.bus_read(text, integer, bigint)"
    served.sql(f"DROP FUNCTION {function}")
    served.sql(
        "CREATE FUNCTION fraiseql_subs.bus_read(cursor text, max_events integer,"
        f" max_bytes bigint) {body}; GRANT EXECUTE ON FUNCTION {function} TO fraiseql_node"
    )
    node.wait_until(lambda: not node.is_ready(), "it is not ready")
    assert node.process.poll() is None


@pytest.fixture
def standby(make_cluster, served):
    """A replica of the server."""

    def copy(data):
        served.cluster.program(
            "pg_basebackup", "-D", data, "--write-recovery-conf", "--checkpoint=fast", "--no-sync"
        )
        for path in [data, *data.rglob("*")]:
            shutil.chown(path, "postgres", "postgres")

    return make_cluster(data=copy)


def test_a_node_says_that_a_server_is_a_replica(served, standby, make_node):
    dsn = f"host={standby.directory} dbname={served.name} user=node"
    assert_tells(make_node(bus_url=dsn), "read-only")
    explicit = make_node(bus_url=dsn + " target_session_attrs=any")
    assert_tells(explicit, "is a replica")


def test_a_node_finds_the_primary_among_several_servers(served, standby, make_node):
    dsn = served.dsn().replace("host=", f"host={standby.directory},")
    node = make_node(bus_url=dsn).start()
    subscription = node.client().subscribe(ANY)
    served.publish(1)
    assert ids(subscription, 1) == [1]

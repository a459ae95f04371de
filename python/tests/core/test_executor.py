import json
import multiprocessing
import threading
import time
import uuid
from datetime import datetime, timezone
from decimal import Decimal

import psycopg
import pytest

from fraiseql_subs import (
    SubscriptionError,
    SubscriptionExecutor,
    SubscriptionRefused,
)
from fraiseql_subs import executor as executor_module

QUERY = "subscription ($id: ID) { orderUpdated(id: $id) { id status } }"


@pytest.fixture
def executor(conninfo):
    with SubscriptionExecutor(conninfo=conninfo) as executor:
        yield executor


def publish(executor, id):
    executor.publish_event("orderUpdated", "orders", {"id": id, "status": "paid"})


def next_id(executor, subscription_id):
    message = executor.next_event(subscription_id, timeout=20)
    assert message is not None
    return json.loads(message)["payload"]["data"]["orderUpdated"]["id"]


def test_events_come_as_ready_messages(executor):
    executor.register_subscription("c", "s", QUERY)
    publish(executor, 1)
    message = executor.next_event("s", timeout=20)
    assert isinstance(message, bytes)
    decoded = json.loads(message)
    assert (decoded["id"], decoded["type"]) == ("s", "next")
    assert decoded["payload"]["data"] == {"orderUpdated": {"id": "1", "status": "paid"}}


def test_without_time_nothing_is_waited_for(executor):
    executor.register_subscription("c", "s", QUERY)
    assert executor.next_event("s") is None
    assert executor.next_event("s", timeout=0.01) is None


def test_variables_and_the_operations_name_are_handed_on(executor):
    executor.register_subscription(
        "c", "s", QUERY.replace("subscription", "subscription A", 1), "A", {"id": 2}
    )
    publish(executor, 1)
    publish(executor, 2)
    assert next_id(executor, "s") == "2"


def test_a_document_that_does_not_fit_is_refused(executor):
    with pytest.raises(SubscriptionRefused) as raised:
        executor.register_subscription("c", "s", "subscription { nothing }")
    assert raised.value.code == "GRAPHQL_VALIDATION_FAILED"
    assert raised.value.errors


def test_ids_are_unique_and_known(executor):
    executor.register_subscription("c", "s", QUERY)
    with pytest.raises(ValueError, match="in use"):
        executor.register_subscription("d", "s", QUERY)
    with pytest.raises(ValueError, match="other claims"):
        executor.register_subscription("c", "t", QUERY, user_id="ann")
    for unknown in (
        lambda: executor.next_event("t"),
        lambda: executor.complete_subscription("t"),
        lambda: executor.complete_connection("d"),
    ):
        with pytest.raises(KeyError):
            unknown()


def test_the_last_message_frees_the_id(executor):
    for _ in range(2):
        executor.register_subscription("c", "s", "{ __typename }")
        assert json.loads(executor.next_event("s", timeout=20))["type"] == "next"
        assert json.loads(executor.next_event("s", timeout=20))["type"] == "complete"
        with pytest.raises(KeyError):
            executor.next_event("s", timeout=20)


def test_a_completed_subscription_gets_no_more(executor):
    executor.register_subscription("c", "s", QUERY)
    executor.complete_subscription("s")
    with pytest.raises(KeyError):
        executor.next_event("s")
    executor.register_subscription("c", "s", QUERY)
    executor.register_subscription("c", "t", QUERY)
    executor.complete_connection("c")
    for id in ("s", "t"):
        with pytest.raises(KeyError):
            executor.next_event(id)


def test_a_thread_that_waits_gets_the_event(executor):
    executor.register_subscription("c", "s", QUERY)
    found = []
    thread = threading.Thread(target=lambda: found.append(next_id(executor, "s")))
    thread.start()
    wait_for_reader(executor, "s")
    publish(executor, 1)
    thread.join()
    assert found == ["1"]


def test_a_thread_that_waits_hears_of_the_end(executor):
    executor.register_subscription("c", "s", QUERY)
    told = []

    def read():
        try:
            executor.next_event("s", timeout=60)
        except KeyError as error:
            told.append(error)

    thread = threading.Thread(target=read)
    thread.start()
    wait_for_reader(executor, "s")
    executor.complete_subscription("s")
    thread.join()
    assert len(told) == 1


def wait_for_reader(executor, id):
    while not executor._engine.subscriptions[id].stream._waiting:
        time.sleep(0.001)


def test_threads_share_an_executor(executor):
    events = 50
    ids = [f"s{number}" for number in range(8)]
    found = {id: [] for id in ids}

    def run(id):
        executor.register_subscription(f"c-{id}", id, QUERY)
        ready.wait()
        for number in range(events):
            executor.publish_event("orderUpdated", "orders", {"id": f"{id}-{number}", "status": ""})
        for _ in range(events * len(ids)):
            found[id].append(next_id(executor, id))

    ready = threading.Barrier(len(ids))
    threads = [threading.Thread(target=run, args=(id,)) for id in ids]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    everything = {f"{id}-{number}" for id in ids for number in range(events)}
    for id in ids:
        assert len(found[id]) == len(everything)
        assert set(found[id]) == everything


def test_threads_that_read_one_subscription_share_its_events(executor):
    executor.register_subscription("c", "s", QUERY)
    found = []

    def read():
        while (message := executor.next_event("s", timeout=20)) is not None:
            id = json.loads(message)["payload"]["data"]["orderUpdated"]["id"]
            if id == "stop":
                return
            found.append(id)

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for number in range(200):
        publish(executor, number)
    for _ in threads:
        publish(executor, "stop")
    for thread in threads:
        thread.join()
    assert sorted(found, key=int) == [str(number) for number in range(200)]


def publish_many(server, count):
    """In one transaction, so that they come at once."""
    server.sql(
        "SELECT fraiseql_publish('orderUpdated', 'orders',"
        " jsonb_build_object('id', n, 'status', 'x')) FROM generate_series(0, %s) AS n",
        (count - 1,),
    )


def test_what_has_no_room_waits_in_the_ring(conninfo, server):
    with SubscriptionExecutor(conninfo=conninfo, max_queue_messages=5) as executor:
        executor.register_subscription("c", "s", QUERY)
        executor.register_subscription("c", "quick", QUERY)
        publish_many(server, 500)
        everything = [str(number) for number in range(500)]
        for id in ("quick", "s"):
            assert [next_id(executor, id) for _ in everything] == everything


def test_one_that_reads_nothing_ends_and_nobody_else(conninfo, server):
    with SubscriptionExecutor(conninfo=conninfo, max_queue_messages=5, slow_timeout=2) as executor:
        executor.register_subscription("c", "slow", QUERY)
        executor.register_subscription("c", "quick", QUERY)
        publish_many(server, 50)
        assert [next_id(executor, "quick") for _ in range(50)] == [str(n) for n in range(50)]
        stream = executor._engine.subscriptions["slow"].stream
        while not stream.ended:
            time.sleep(0.01)
        assert [next_id(executor, "slow") for _ in range(5)] == ["0", "1", "2", "3", "4"]
        with pytest.raises(SubscriptionError) as raised:
            executor.next_event("slow")
        assert raised.value.code == "SLOW_CONSUMER"
        executor.register_subscription("c", "slow", QUERY)


def test_metrics_tell_of_the_server_and_of_this_process(executor):
    executor.register_subscription("c", "s", QUERY)
    metrics = executor.get_metrics()
    assert metrics["fraiseql_subs_worker_up"] == 1
    assert metrics["host_subscriptions"] == 1


def test_what_the_database_refuses_is_raised(executor):
    with pytest.raises(psycopg.Error):
        executor.publish_event("", "", None)


def test_a_closed_executor_says_so(conninfo):
    executor = SubscriptionExecutor(conninfo=conninfo)
    executor.register_subscription("c", "s", QUERY)
    executor.close()
    executor.close()
    with pytest.raises(KeyError):
        executor.next_event("s")
    with pytest.raises(SubscriptionError) as raised:
        publish(executor, 1)
    assert raised.value.code == "STOPPED"


def test_threads_that_wait_for_an_answer_hear_of_the_close(server, conninfo):
    executor = SubscriptionExecutor(conninfo=conninfo)
    told = []

    def publish_and_wait():
        try:
            publish(executor, 1)
        except (SubscriptionError, psycopg.Error) as error:
            told.append(error)

    # Nobody publishes while the function is changed.
    with server.connect(autocommit=False) as connection:
        connection.execute("LOCK TABLE pg_proc IN ACCESS EXCLUSIVE MODE")
        thread = threading.Thread(target=publish_and_wait)
        thread.start()
        while not server_waits(server, connection):
            time.sleep(0.01)
        executor.close()
        thread.join()
    assert len(told) == 1


def server_waits(server, connection):
    """Whether a backend waits for a lock of a connection, which has all locks that asking needs."""
    return connection.execute(
        "SELECT 1 FROM pg_locks WHERE NOT granted AND relation = 'pg_proc'::regclass"
    ).fetchone()


def test_what_cannot_be_started_leaves_no_thread(tmp_path):
    before = threading.active_count()
    with pytest.raises(SubscriptionError) as raised:
        SubscriptionExecutor(conninfo=f"host={tmp_path}", timeout=0.2)
    assert raised.value.code == "UNAVAILABLE"
    assert threading.active_count() == before


class Engine:
    """One that needs no server."""

    def __init__(self, *options):
        self.subscriptions = {}

    async def start(self):
        pass

    async def publish(self, *event):
        pass

    async def stop(self):
        pass


def test_calls_that_race_with_the_close_return_or_hear_of_it(monkeypatch):
    monkeypatch.setattr(executor_module, "Engine", Engine)
    for _ in range(20):
        executor = SubscriptionExecutor()
        ready = threading.Barrier(5)
        codes = []

        def publish_until_closed(executor=executor, ready=ready, codes=codes):
            ready.wait()
            try:
                while True:
                    publish(executor, 1)
            except SubscriptionError as error:
                codes.append(error.code)

        threads = [threading.Thread(target=publish_until_closed, daemon=True) for _ in range(4)]
        for thread in threads:
            thread.start()
        ready.wait()
        executor.close()
        for thread in threads:
            thread.join(20)
        assert codes == ["STOPPED"] * 4


def test_data_may_hold_what_resolvers_may_return(executor):
    executor.register_subscription("c", "s", QUERY)
    id = uuid.uuid4()
    moment = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc)
    executor.publish_event("orderUpdated", "orders", {"id": id, "status": moment})
    message = executor.next_event("s", timeout=20)
    assert json.loads(message)["payload"]["data"]["orderUpdated"] == {
        "id": str(id),
        "status": "2026-01-02T03:04:05+00:00",
    }
    executor.publish_event("orderUpdated", "orders", {"id": Decimal("1.50"), "status": ""})
    assert next_id(executor, "s") == "1.50"


def test_data_that_json_cannot_express_is_refused_before_it_is_sent(executor):
    for data, error in (({"id": object()}, TypeError), ({"id": float("nan")}, ValueError)):
        with pytest.raises(error):
            executor.publish_event("orderUpdated", "orders", data)


@pytest.mark.parametrize("conninfo", ["nonsense", "host=/tmp colour=blue", "postgresql://[::1"])
def test_a_conninfo_that_is_none_is_refused_at_once(conninfo):
    with pytest.raises(ValueError, match="^conninfo: "):
        SubscriptionExecutor(conninfo=conninfo)


def test_a_forked_process_hears_that_it_needs_one_of_its_own(executor):
    executor.register_subscription("c", "s", QUERY)

    def use(told):
        errors = []
        for call in (
            lambda: publish(executor, 1),
            lambda: executor.next_event("s", timeout=20),
            lambda: executor.complete_subscription("s"),
        ):
            try:
                call()
            except SubscriptionError as error:
                errors.append((error.code, str(error)))
        executor.close()
        told.put(errors)

    context = multiprocessing.get_context("fork")
    told = context.SimpleQueue()
    process = context.Process(target=use, args=(told,))
    process.start()
    errors = told.get()
    process.join()
    assert [code for code, _ in errors] == ["STOPPED"] * 3
    assert all("make another here" in text for _, text in errors)
    publish(executor, 2)
    assert next_id(executor, "s") == "2"

"""What events cost on their way through Redis, and what nodes that share the clients cost."""

import statistics
import time

from figures import Figure, Result, Target
from redis_testbed import RedisTestbed
from testbed import OURS, BenchmarkError

BATCHES = {"filtered": True, "batch": 100, "in_flight": 5000, "pipeline": 4}
SINGLE = {"filtered": True, "in_flight": 1000, "pipeline": 16}
BYSTANDER = {"100 a transaction": BATCHES, "one a transaction": SINGLE}
NODE_COUNTS = (1, 2, 4)
DATA = '{"id": "1", "seq": 1, "sentAt": "1234567890123", "text": "0123456789"}'
PUBLISH = f"SELECT fraiseql_publish('tick', 'tick', '{DATA}');\n"

# Of one turn that counts what a session spends.
TRANSACTIONS = 10_000


def medians(found):
    return {name: statistics.median(values) for name, values in found.items()}


def redis_bus(testbed, runs, seconds):
    """The worker's way into Redis and out of it, beside bare commands with the same entries."""
    result = Result("redis-bus", "entries through Redis, appended and read at the same time")
    one, four, ours = "bare", "bare, 4 batches under way", OURS
    contenders = {one: ["--bare"], four: ["--bare", "--under-way", "4"], ours: []}
    figures = (
        ("events/s", "events_per_second", Target("at least", 0.8, of_ratio=True)),
        ("CPU of Redis an event, us", "redis_us_per_event", None),
        ("CPU of appending an event, us", "publishing_us_per_event", None),
        ("CPU of reading an event, us", "reading_us_per_event", None),
    )
    with RedisTestbed(testbed) as redis:
        found = bus_runs(result, testbed, redis, contenders, runs, seconds)
        for name, key, target in figures:
            values = {name: [r[key] for r in reports] for name, reports in found.items()}
            result.figures.append(Figure(name, medians(values), one, target))
        single = {one: ["--bare", "--rate", "200"], ours: ["--rate", "200"]}
        found = bus_runs(result, testbed, redis, single, runs, seconds)
        for name, key in (("median, ms", "age_p50_ms"), ("99th percentile, ms", "age_p99_ms")):
            values = {name: [r[key] for r in reports] for name, reports in found.items()}
            result.figures.append(Figure(f"200 events/s, {name}", medians(values), one))
    return result


def bus_runs(result, testbed, redis, contenders, runs, seconds):
    found = {name: [] for name in contenders}
    for run in range(runs):
        for name, arguments in contenders.items():
            testbed.progress(f"{result.name}: {name}, run {run + 1} of {runs}")
            report = redis.bus("--json", "--seconds", str(seconds), *arguments)
            if report["lost"] or not report["events"]:
                raise BenchmarkError(f"{name} lost events: {report}")
            found[name].append(report)
    return found


class _Runs:
    """Runs of the load generator against servers of several kinds, and what they reported."""

    def __init__(self, testbed, result):
        self.testbed, self.result, self.found = testbed, result, {}

    def load(self, label, server, ports, pids, **options):
        self.testbed.progress(f"{self.result.name}: {label}, {server}")
        report = self.testbed.load_at(ports, pids, **options)
        if not report["messages"]:
            raise BenchmarkError(f"{server} delivered nothing: {report}")
        self.result.reports.append({"server": server, "options": options} | report)
        self.found.setdefault(label, {}).setdefault(server, []).append(report)

    def figure(self, name, label, key, reference, target=None):
        reports = self.found[label]
        values = {server: [report[key] for report in reports[server]] for server in reports}
        self.result.figures.append(Figure(name, medians(values), reference, target))


def redis(testbed, runs, seconds):
    """Clients of the server itself, and of a node that has the events by Redis."""
    result = Result("redis", "the server's own clients, and those of a node behind Redis")
    own, node = "memory", "through Redis"
    loads = {
        "latency": {"connections": 100, "rate": 200},
        "batches": {"connections": 100} | BATCHES,
        "single": {"connections": 100} | SINGLE,
    }
    made = _Runs(testbed, result)
    with RedisTestbed(testbed) as redis:
        for _ in range(runs):
            testbed.restart()
            for label, options in loads.items():
                made.load(label, own, [testbed.port], [testbed.worker], seconds=seconds, **options)
            with redis.publishing(), redis.nodes(1) as (ports, pids):
                for label, options in loads.items():
                    made.load(label, node, ports, pids, seconds=seconds, **options)
    for name, label, key in (
        ("200 events/s to 100, median, ms", "latency", "delay_p50_ms"),
        ("200 events/s to 100, 99th percentile, ms", "latency", "delay_p99_ms"),
        ("events/s, 100 a transaction", "batches", "events_per_second"),
        ("CPU of server or node an event, us", "batches", "server_us_per_event"),
        ("events/s, one a transaction", "single", "events_per_second"),
    ):
        made.figure(name, label, key, own)
    return result


def nodes(testbed, runs, seconds):
    """The same clients, shared by more and more nodes, all on one core."""
    result = Result("nodes", "1,000 clients of the server, or of nodes behind Redis, on one core")
    own = "the server"
    names = {count: f"{count} node{'s' if count > 1 else ''}" for count in NODE_COUNTS}
    fan_out = {"connections": 1000, "in_flight": 16, "seconds": seconds}
    loads = {
        "an event a transaction": fan_out,
        "16 events a transaction": fan_out | {"batch": 16},
    }
    made = _Runs(testbed, result)
    with RedisTestbed(testbed) as redis:
        for _ in range(runs):
            testbed.restart()
            for label, options in loads.items():
                made.load(label, own, [testbed.port], [testbed.worker], **options)
            with redis.publishing():
                for count, name in names.items():
                    with redis.nodes(count) as (ports, pids):
                        for label, options in loads.items():
                            made.load(label, name, ports, pids, **options)
                        of_redis = {"connections": 100, "seconds": seconds} | BATCHES
                        made.load("of Redis", name, ports, [redis.pid], **of_redis)
                measure_bystander(made, redis, seconds)
    for label in loads:
        made.figure(f"CPU of all a message, us, {label}", label, "server_us_per_message", own)
    made.figure("CPU of Redis an event, us", "of Redis", "server_us_per_event", names[1])
    made.result.figures.append(
        Figure(
            "CPU of a node an event that none of its 100 clients is for, us",
            medians(
                {
                    label: [report["server_us_per_event"] for report in made.found[label]["a node"]]
                    for label in BYSTANDER
                }
            ),
            next(iter(BYSTANDER)),
        )
    )
    return result


def measure_bystander(made, redis, seconds):
    """Two nodes with 100 clients each, of which only one has clients that the events are for."""
    with redis.nodes(2) as (ports, pids):
        for label, options in BYSTANDER.items():
            options = options | {"connections": 200, "keys": 100, "seconds": seconds}
            made.load(label, "a node", ports, pids[1:], **options)


def redis_commit(testbed, runs, seconds):
    """What a session that publishes pays for the bus. The bus and Redis are on the other core."""
    result = Result("redis-commit", "sessions that publish, without a bus and with Redis")
    found = {"transactions/s": {}, "CPU of the session a transaction, us": {}}
    with RedisTestbed(testbed, testbed.server_core) as redis:
        for run in range(runs):
            for name, bus in (("memory", "memory"), ("redis", "redis")):
                testbed.progress(f"redis-commit: {name}, run {run + 1} of {runs}")
                redis.set_bus(bus)
                rate = testbed.transactions_per_second(PUBLISH, 1, seconds)
                with testbed.session() as session:
                    for values, value in zip(
                        found.values(), (rate, spent_us(session, TRANSACTIONS)), strict=True
                    ):
                        values.setdefault(name, []).append(value)
        redis.set_bus("memory")
    for name, values in found.items():
        result.figures.append(Figure(name, medians(values), "memory"))
    return result


def spent_us(session, transactions):
    """CPU microseconds that a session of the database spends on each of so many transactions."""
    pid = int(session("SELECT pg_backend_pid();\n"))
    # The CPU clock of another process: see clock_getcpuclockid(3).
    clock = ~pid << 3 | 2
    session(PUBLISH * 1000 + "SELECT 1;\n", answers=1001)
    before = time.clock_gettime_ns(clock)
    session(PUBLISH * transactions, answers=transactions)
    return (time.clock_gettime_ns(clock) - before) / transactions / 1000

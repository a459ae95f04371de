"""What is measured. A scenario is called with a testbed, the number of runs and their seconds."""

import statistics

import access
import python_hosts
import redis_nodes
import writes
from figures import Figure, Result, Target
from testbed import FLOOR_JOINED, OURS, SERVERS, BenchmarkError, possible_connections

# A hundred events a commit, each for one subscriber of a hundred.
BATCHES = {"filtered": True, "batch": 100, "in_flight": 5000, "pipeline": 4}


def ratio(comparison, limit):
    return Target(comparison, limit, of_ratio=True)


def measure(testbed, result, label, runs, fresh=False, **options):
    """Run the load generator against all servers in turn; return its reports by server."""
    reports = {server: [] for server in SERVERS}
    for run in range(runs):
        for server in SERVERS:
            testbed.progress(f"{result.name}: {label}, {server}, run {run + 1} of {runs}")
            if fresh and server == OURS:
                testbed.restart()
            report = testbed.load(server, **options)
            if not report["messages"]:
                raise BenchmarkError(f"{server} delivered nothing: {report}")
            reports[server].append(report)
            result.reports.append({"server": server, "options": options} | report)
    return reports


def median_figure(name, reports, key, target=None):
    values = {
        server: statistics.median(report[key] for report in reports[server]) for server in SERVERS
    }
    return Figure(name, values, FLOOR_JOINED, target)


def fan_out(testbed, runs, seconds):
    result = Result("fan-out", "1,000 subscribers receive every event, 16 events in flight")
    options = {"connections": 1000, "in_flight": 16, "seconds": seconds}
    # How many events a write joins depends on how close together they come. In one transaction they
    # come together whatever brings them, so the second variant compares the sending alone.
    for label, batch in (("an event a transaction", 1), ("16 events a transaction", 16)):
        reports = measure(testbed, result, label, runs, batch=batch, **options)
        result.figures += [
            median_figure(
                f"messages/s, {label}", reports, "messages_per_second", ratio("at least", 0.7)
            ),
            median_figure(f"server CPU per message, us, {label}", reports, "server_us_per_message"),
        ]
    return result


def latency(testbed, runs, seconds):
    result = Result("latency", "200 events/s to 100 subscribers, from publishing to receiving")
    reports = measure(
        testbed, result, "200 events/s", runs, connections=100, rate=200, seconds=seconds
    )
    result.figures = [
        median_figure("median, ms", reports, "delay_p50_ms", ratio("at most", 1.5)),
        median_figure("99th percentile, ms", reports, "delay_p99_ms", ratio("at most", 1.5)),
        median_figure("server CPU per message, us", reports, "server_us_per_message"),
    ]
    return result


def events(testbed, runs, seconds):
    result = Result("events", "100 subscriptions that match 1 % of the events each, events/s")
    hundred = {"connections": 100, "seconds": seconds}
    single = hundred | {"filtered": True, "in_flight": 1000}
    variants = [
        ("100 events a transaction", hundred | BATCHES, Target("at least", 100_000)),
        ("one event a transaction", single | {"pipeline": 16}, ratio("at least", 1)),
        (
            "one event and one durable row, 10 sessions",
            single | {"pipeline": 1, "publishers": 10, "durable": True},
            ratio("at least", 2),
        ),
    ]
    for label, options, target in variants:
        reports = measure(testbed, result, label, runs, **options)
        result.figures.append(median_figure(label, reports, "events_per_second", target))
    return result


def selective(testbed, runs, seconds):
    result = Result("selective", "subscriptions to distinct ids, server CPU per event in us")
    # One batch at a time: otherwise the fewer the connections, the more messages one write joins.
    options = {"filtered": True, "batch": 100, "in_flight": 100, "seconds": seconds}
    key = "server_us_per_event"

    few = measure(testbed, result, "100 subscriptions", runs, connections=100, **options)
    many = measure(
        testbed,
        result,
        "10,000 subscriptions, 100 connections",
        runs,
        connections=100,
        per_connection=100,
        **options,
    )
    connections = possible_connections(10_000)
    spread = measure(
        testbed, result, f"{connections:,} connections", runs, connections=connections, **options
    )
    to_floor = ratio("at most", 1.3)
    base = median_figure("100 subscriptions on 100 connections", few, key, to_floor)
    indexed = median_figure("10,000 subscriptions on 100 connections", many, key)
    wide = median_figure(
        f"{connections:,} subscriptions on as many connections", spread, key, to_floor
    )
    result.figures = [
        base,
        indexed,
        growth("10,000 to 100 subscriptions", base, indexed, Target("at most", 1.3)),
        wide,
        growth("the same, one connection each", base, wide),
    ]
    return result


def shards(testbed, runs, seconds):
    result = Result("shards", "1,000 subscribers receive every event, all shards on one core")
    contenders = {"one shard": 1, "two shards": 2}
    for label, batch in (("an event a transaction", 1), ("16 events a transaction", 16)):
        found = {name: [] for name in contenders}
        for run in range(runs):
            for name, count in contenders.items():
                testbed.progress(f"shards: {label}, {name}, run {run + 1} of {runs}")
                testbed.restart(shards=count)
                options = {"connections": 1000, "in_flight": 16, "batch": batch}
                report = testbed.load(OURS, seconds=seconds, **options)
                found[name].append(report["server_us_per_message"])
                result.reports.append({"server": name, "options": options} | report)
        result.figures.append(
            Figure(
                f"server CPU per message, us, {label}",
                {name: statistics.median(values) for name, values in found.items()},
                "one shard",
                ratio("at most", 1.1),
            )
        )
    testbed.restart()
    return result


def tls(testbed, runs, seconds):
    result = Result("tls", "1,000 subscribers receive every event, without TLS and with it")
    contenders = {"without TLS": False, "with TLS": True}
    resident = {name: [] for name in contenders}
    for label, batch in (("an event a transaction", 1), ("16 events a transaction", 16)):
        found = {name: [] for name in contenders}
        for run in range(runs):
            for name, on in contenders.items():
                testbed.progress(f"tls: {label}, {name}, run {run + 1} of {runs}")
                testbed.restart(tls=on)
                options = {"connections": 1000, "in_flight": 16, "batch": batch}
                report = testbed.load(OURS, seconds=seconds, **options)
                found[name].append(report["server_us_per_message"])
                resident[name].append(report["resident_bytes_per_connection"])
                result.reports.append({"server": name, "options": options} | report)
        medians = {name: statistics.median(values) for name, values in found.items()}
        result.figures.append(
            Figure(f"server CPU per message, us, {label}", medians, "without TLS")
        )
    medians = {name: statistics.median(values) for name, values in resident.items()}
    result.figures.append(Figure("resident bytes per connection", medians, "without TLS"))
    testbed.restart()
    return result


def handshakes(testbed, runs, seconds):
    result = Result("handshakes", "WebSockets opened and closed, 32 at a time")
    for label, options in (
        ("without TLS", []),
        ("TLS", ["--tls"]),
        ("TLS, resumed", ["--tls", "--resume"]),
    ):
        found = {"libwebsockets": [], OURS: []}
        with_tls = bool(options)
        testbed.restart(tls=with_tls)
        with testbed.libwebsockets(with_tls) as peer:
            for run in range(runs):
                for name, (port, pid) in (
                    ("libwebsockets", peer),
                    (OURS, (testbed.port, testbed.worker)),
                ):
                    testbed.progress(f"handshakes: {label}, {name}, run {run + 1} of {runs}")
                    found[name].append(
                        testbed.handshakes(port, pid, "--seconds", str(seconds), *options)
                    )
        for unit, key in (
            ("a second", "handshakes_per_second"),
            ("server CPU, us", "server_us_per_handshake"),
        ):
            medians = {
                name: statistics.median(report[key] for report in reports)
                for name, reports in found.items()
            }
            result.figures.append(Figure(f"{label}, {unit}", medians, "libwebsockets"))
    testbed.restart()
    return result


def growth(name, small, large, target=None):
    values = {server: large.values[server] / small.values[server] for server in SERVERS}
    return Figure(name, values, FLOOR_JOINED, target)


def idle(testbed, runs, seconds):
    connections = possible_connections(10_000)
    result = Result("idle", f"{connections:,} subscribers, and twice a second an event for all")
    reports = measure(
        testbed,
        result,
        f"{connections:,} connections",
        runs,
        fresh=True,
        connections=connections,
        rate=2,
        seconds=max(seconds, 3),
    )
    result.figures = [
        median_figure(
            "resident bytes per connection",
            reports,
            "resident_bytes_per_connection",
            Target("at most", 2000),
        ),
        median_figure(
            "until the last has it, ms", reports, "to_last_p50_ms", ratio("at most", 1.5)
        ),
    ]
    return result


def keepalive(testbed, runs, seconds):
    connections = possible_connections(5_000)
    result = Result("keepalive", f"{connections:,} clients, pinged once a second and not at all")
    options = {"connections": connections, "filtered": True, "rate": 10, "seconds": max(seconds, 3)}
    found = {"not at all": [], "pinged": []}
    for run in range(runs):
        for (name, shares), interval in zip(found.items(), ("0", "1s"), strict=True):
            testbed.progress(f"keepalive: {name}, run {run + 1} of {runs}")
            testbed.query(f"ALTER SYSTEM SET fraiseql_subs.keepalive_interval = '{interval}'")
            testbed.restart()
            report = testbed.load(OURS, **options)
            shares.append(report["server_cpu_share"])
            result.reports.append({"server": name, "options": options} | report)
    testbed.query("ALTER SYSTEM RESET fraiseql_subs.keepalive_interval")
    testbed.restart()
    without, pinged = (statistics.median(shares) for shares in found.values())
    each_us = (pinged - without) / connections * 1e6
    result.figures = [
        Figure("share of the core", {"not at all": without, "pinged": pinged}, "not at all"),
        Figure("server CPU of a ping and its pong, us", {OURS: each_us}, OURS),
    ]
    return result


def publishing(testbed, runs, seconds):
    result = Result("publishing", "transactions/s of pgbench sessions on one core")
    data = '{"id": "1", "seq": 1, "sentAt": "1234567890123", "text": "0123456789"}'
    insert = "INSERT INTO bench_tick VALUES (1);\n"
    contenders = {
        "nothing": "SELECT 1;\n",
        "pg_notify": f"SELECT pg_notify('fraiseql_subs_floor', '{data}');\n",
        "fraiseql_publish": f"SELECT fraiseql_publish('tick', 'tick', '{data}');\n",
    }
    # NOTIFY costs most when somebody listens, as the worker always does.
    with testbed.floor("joined"):
        for clients in (1, 8):
            sessions = f"{clients} session{'s' if clients > 1 else ''}"
            for label, scripts in (
                (sessions, contenders),
                (
                    f"{sessions}, with a durable row",
                    {
                        name: f"BEGIN;\n{insert}{script}COMMIT;\n"
                        for name, script in contenders.items()
                    },
                ),
            ):
                rates = {name: [] for name in scripts}
                for run in range(runs):
                    testbed.progress(f"publishing: {label}, run {run + 1} of {runs}")
                    for name, script in scripts.items():
                        rates[name].append(
                            testbed.transactions_per_second(script, clients, seconds)
                        )
                medians = {name: statistics.median(found) for name, found in rates.items()}
                result.figures.append(Figure(label, medians, "pg_notify", ratio("at least", 1)))
    return result


SCENARIOS = {
    "fan-out": fan_out,
    "latency": latency,
    "events": events,
    "selective": selective,
    "shards": shards,
    "tls": tls,
    "handshakes": handshakes,
    "access": access.access,
    "idle": idle,
    "keepalive": keepalive,
    "publishing": publishing,
    "batches": writes.batches,
    "capture": writes.capture,
    "copy": writes.copy,
    "neighbours": writes.neighbours,
    "redis-bus": redis_nodes.redis_bus,
    "redis": redis_nodes.redis,
    "redis-commit": redis_nodes.redis_commit,
    "nodes": redis_nodes.nodes,
    "python-fan-out": python_hosts.fan_out,
    "python-idle": python_hosts.idle,
    "python-engine": python_hosts.engine,
    "python-rules": python_hosts.rules,
}

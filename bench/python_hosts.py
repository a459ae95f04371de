"""Subscriptions that a Python process serves, beside the libraries that Python has for them."""

import json
import statistics
from contextlib import contextmanager

from access import CLAIMS, FIELDS, undisturbed
from figures import Figure, Result, Target
from testbed import OURS, BenchmarkError, possible_connections

HOSTED = "hosted"
FLOOR = "floor"

# Peers hear by LISTEN, write JSON as they like, and start a subscription behind the pong that
# follows it.
PEERS = {"Strawberry": "strawberry", "Ariadne": "ariadne"}
PEER_OPTIONS = {"floor": True, "any_layout": True, "settle": 1}


def at_most(limit):
    return Target("at most", limit)


def at_most_of(limit):
    return Target("at most", limit, of_ratio=True)


def at_least_of(limit):
    return Target("at least", limit, of_ratio=True)


@contextmanager
def serving(testbed, contender):
    """An application. Gives its port, the processes that do its work, and options of the load."""
    if contender in PEERS:
        with testbed.python("server.py", PEERS[contender]) as (port, pid):
            yield port, [pid], PEER_OPTIONS
    elif contender == HOSTED:
        # Memory that the worker has used before it would not show again.
        testbed.restart()
        with testbed.python("server.py", "hosted") as (port, pid):
            yield port, [pid, testbed.worker, *testbed.link_backends()], {}
    else:
        testbed.restart()
        yield testbed.port, [testbed.worker], {}


def measure(testbed, result, label, runs, contenders, **options):
    """Run the load generator against applications in turn; return its reports by contender."""
    reports = {name: [] for name in contenders}
    for run in range(runs):
        for name in contenders:
            testbed.progress(f"{result.name}: {label}, {name}, run {run + 1} of {runs}")
            with serving(testbed, name) as (port, pids, own_options):
                report = testbed.load_at([port], pids, **own_options, **options)
            if not report["messages"]:
                raise BenchmarkError(f"{name} delivered nothing: {report}")
            reports[name].append(report)
            result.reports.append({"server": name, "options": options} | report)
    return reports


def medians(reports, key):
    return {
        name: statistics.median(report[key] for report in found) for name, found in reports.items()
    }


def fan_out(testbed, runs, seconds):
    connections = 1000
    result = Result(
        "python-fan-out",
        f"{connections:,} subscribers of a FastAPI application receive every event, 16 in flight",
    )
    contenders = (*PEERS, HOSTED)
    options = {"connections": connections, "in_flight": 16, "seconds": seconds}
    reports = measure(testbed, result, "an event a transaction", runs, contenders, **options)
    messages = medians(reports, "messages_per_second")
    cpu = medians(reports, "server_us_per_message")
    memory = medians(reports, "resident_bytes_per_connection")
    for peer in PEERS:
        result.figures += [
            Figure("messages/s", messages, peer, at_least_of(4)),
            Figure("CPU a message, us", cpu, peer),
            Figure("resident bytes a connection", memory, peer, at_most_of(1 / 3)),
        ]
    return result


def idle(testbed, runs, seconds):
    connections = possible_connections(10_000)
    result = Result("python-idle", f"{connections:,} subscribers, and twice a second an event")
    reports = measure(
        testbed,
        result,
        f"{connections:,} connections",
        runs,
        (OURS, HOSTED),
        connections=connections,
        rate=2,
        seconds=max(seconds, 3),
    )
    result.figures = [
        Figure("until the last has it, ms", medians(reports, "to_last_p50_ms"), OURS, at_most(100)),
        Figure(
            "resident bytes a connection", medians(reports, "resident_bytes_per_connection"), OURS
        ),
    ]
    found = {name: [] for name in (FLOOR, "fraiseql_subs")}
    for run in range(runs):
        for name in found:
            testbed.progress(f"python-idle: no sockets, {name}, run {run + 1} of {runs}")
            testbed.restart()
            found[name].append(
                testbed.engine(
                    "many",
                    contender=name,
                    subscriptions=10_000,
                    count=5,
                    server_pid=[testbed.worker] if name == "fraiseql_subs" else [],
                )
            )
    result.figures += [
        Figure(
            "without sockets: until all 10,000 have it, ms",
            medians(found, "all_served_ms"),
            FLOOR,
            at_most(100),
        ),
        Figure(
            "without sockets: bytes a subscription, here", medians(found, "process_bytes"), FLOOR
        ),
        Figure(
            "without sockets: bytes a subscription, worker", medians(found, "server_bytes"), FLOOR
        ),
    ]
    return result


def engine(testbed, runs, _seconds):
    """Subscribing, and reading what has come."""
    result = Result("python-engine", "subscriptions without sockets, of one process")
    found = {"register": [], **{name: [] for name in (FLOOR, OURS)}}
    fanned = {name: [] for name in (FLOOR, OURS)}
    testbed.restart()
    for run in range(runs):
        testbed.progress(f"python-engine: run {run + 1} of {runs}")
        found["register"].append(testbed.engine("register", count=500))
        for name, contender in ((FLOOR, "floor"), (OURS, "fraiseql_subs")):
            found[name].append(testbed.engine("ready", contender=contender, count=10_000))
            fanned[name].append(
                testbed.engine(
                    "fan",
                    contender=contender,
                    count=10_000,
                    subscriptions=100,
                    server_pid=[testbed.worker] if name == OURS else [],
                )
            )

    def registering(key):
        return {
            "SELECT 1": statistics.median(one[f"statement_{key}"] for one in found["register"]),
            "subscribe": statistics.median(one[f"subscription_{key}"] for one in found["register"]),
        }

    ready = {name: found[name] for name in (FLOOR, OURS)}
    result.figures = [
        Figure("us, median", registering("median_us"), "SELECT 1", at_most(1000)),
        Figure("us, 99th percentile", registering("p99_us"), "SELECT 1"),
        Figure(
            "next_event, us a ready message", medians(ready, "next_event_us"), FLOOR, at_most(10)
        ),
        Figure("10,000 events x 100, messages/s", medians(fanned, "messages_per_second"), FLOOR),
        Figure(
            "10,000 events x 100, CPU a message, us",
            medians(fanned, "us_per_message"),
            FLOOR,
            at_most(10),
        ),
    ]
    return result


def rules(testbed, runs, _seconds):
    """What the access rules of a field add for a host: the same events, claims and document."""
    result = Result("python-rules", "10,000 events x 100 subscriptions without sockets, by rules")
    testbed.query(FIELDS.replace(", subgraph => 'ticks'", ""))
    testbed.restart()
    claims = CLAIMS | {"team": "red", "tenant_id": "t", "regions": ["r", "us"]}
    del claims["subgraphs"]
    contenders = {
        # Messages of one length.
        "without rules": ('guardedTick: tick(team: "red")', {}),
        "with four modules": ('guardedTick(team: "red")', {"claims": claims}),
    }
    found = {name: [] for name in contenders}
    turns = 4 * runs
    for turn in range(turns):
        testbed.progress(f"python-rules: turn {turn + 1} of {turns}")
        # Forth and back, so that what changes slowly on the machine is the same for all.
        for name in list(contenders) if turn % 2 == 0 else list(reversed(contenders)):
            field, options = contenders[name]
            found[name].append(
                testbed.engine(
                    "fan",
                    field=field,
                    claims=json.dumps(options),
                    count=10_000,
                    subscriptions=100,
                    server_pid=[testbed.worker],
                )
            )

    def of_turns(key):
        return {
            name: undisturbed([one[key] for one in turns_of]) for name, turns_of in found.items()
        }

    result.figures = [
        Figure(
            "worker CPU a message, us",
            of_turns("server_us_per_message"),
            "without rules",
            at_most_of(1.05),
        ),
        Figure("CPU a message, us", of_turns("us_per_message"), "without rules"),
    ]
    return result

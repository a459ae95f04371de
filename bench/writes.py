"""What watching a table costs its writers, and a large commit the other publishers."""

import statistics
import time

from figures import Figure, Result, Target

TABLES = """
DROP TABLE IF EXISTS bench_plain, bench_empty, bench_notify, bench_watched;
CREATE TABLE bench_plain (id bigint PRIMARY KEY, status text, total numeric, at timestamptz);
CREATE TABLE bench_empty (LIKE bench_plain INCLUDING ALL);
CREATE TABLE bench_notify (LIKE bench_plain INCLUDING ALL);
CREATE TABLE bench_watched (LIKE bench_plain INCLUDING ALL);
CREATE OR REPLACE FUNCTION bench_empty() RETURNS trigger LANGUAGE plpgsql AS
    'BEGIN RETURN NULL; END';
CREATE OR REPLACE FUNCTION bench_notify() RETURNS trigger LANGUAGE plpgsql AS
    'BEGIN PERFORM pg_notify(''bench'', row_to_json(NEW)::text); RETURN NULL; END';
CREATE TRIGGER bench AFTER INSERT ON bench_empty FOR EACH ROW EXECUTE FUNCTION bench_empty();
CREATE TRIGGER bench AFTER INSERT ON bench_notify FOR EACH ROW EXECUTE FUNCTION bench_notify();
SELECT fraiseql_watch('bench_watched');
"""
ROW = "i, 'paid', i * 1.25, '2026-01-01 00:00:00+00'::timestamptz + i * interval '1 s'"

PUBLISH = "SELECT fraiseql_publish('tick', 'bench', '{}');\n"

CONTENDERS = {
    "no trigger": "bench_plain",
    "an empty trigger": "bench_empty",
    "pg_notify in a trigger": "bench_notify",
    "watched": "bench_watched",
}


def capture(testbed, runs, _seconds):
    rows = 200_000
    result = Result("capture", f"an INSERT of {rows:,} rows, us per row")
    testbed.query(TABLES)
    statement = f"INSERT INTO {{table}} SELECT {ROW} FROM generate_series(1, {rows}) AS i"
    found = measure(testbed, result, runs, statement, rows)
    result.figures = [Figure("us per row", found, "pg_notify in a trigger", at_most_as_much())]
    return result


def copy(testbed, runs, _seconds):
    rows = 1_000_000
    result = Result("copy", f"COPY of {rows:,} rows, us per row")
    testbed.query(TABLES)
    file = testbed.directory / "data/bench_rows"
    testbed.query(f"COPY (SELECT {ROW} FROM generate_series(1, {rows}) AS i) TO '{file}'")
    found = measure(testbed, result, runs, f"COPY {{table}} FROM '{file}'", rows)
    result.figures = [Figure("us per row", found, "pg_notify in a trigger", at_most_as_much())]
    return result


def neighbours(testbed, runs, _seconds):
    """Another session publishes while a large transaction commits."""
    rows = 1_000_000
    result = Result(
        "neighbours", f"the longest commit, ms, of a session that publishes while {rows:,} rows"
    )
    testbed.query(TABLES)
    longest = {"go into no table": [], "go into a plain table": [], "go into a watched table": []}
    for run in range(runs):
        for name, table in zip(longest, (None, "bench_plain", "bench_watched"), strict=True):
            testbed.progress(f"neighbours: rows {name}, run {run + 1} of {runs}")
            testbed.query(*([f"TRUNCATE {table}"] if table else []), "CHECKPOINT")
            target = f"INSERT INTO {table} " if table else ""
            rest = f"FROM generate_series(1, {rows}) AS i"
            writing = f"{target}SELECT {ROW} {rest}" if table else f"SELECT count(*) {rest}"
            with testbed.publishing(PUBLISH, rate=500, seconds=20) as delays:
                testbed.query(testbed.to_server_core(), writing)
            longest[name].append(max(delays))
    medians = {name: statistics.median(found) for name, found in longest.items()}
    result.figures = [Figure("longest, ms", medians, "go into a plain table")]
    return result


def batches(testbed, runs, seconds):
    events = 100
    result = Result("batches", f"transactions/s of {events} events, a statement each")
    data = '{"id": "1", "seq": 1, "sentAt": "1234567890123", "text": "0123456789-%d"}'
    statements = {
        "pg_notify": "SELECT pg_notify('fraiseql_subs_floor', '{}');",
        "fraiseql_publish": "SELECT fraiseql_publish('tick', 'tick', '{}');",
    }
    rates = {name: [] for name in statements}
    # NOTIFY costs most when somebody listens, as the worker always does.
    with testbed.floor("joined"):
        for run in range(runs):
            testbed.progress(f"batches: run {run + 1} of {runs}")
            for name, statement in statements.items():
                lines = [statement.replace("{}", data % i) for i in range(events)]
                script = "\n".join(["BEGIN;", *lines, "COMMIT;", ""])
                rates[name].append(testbed.transactions_per_second(script, 1, seconds))
    medians = {name: statistics.median(found) for name, found in rates.items()}
    result.figures = [Figure("1 session", medians, "pg_notify", at_least_as_much())]
    return result


def at_most_as_much():
    return Target("at most", 1, of_ratio=True)


def at_least_as_much():
    return Target("at least", 1, of_ratio=True)


def measure(testbed, result, runs, statement, rows):
    """Microseconds a row of a statement, by contender: the median of the runs."""
    found = {name: [] for name in CONTENDERS}
    for run in range(runs):
        for name, table in CONTENDERS.items():
            testbed.progress(f"{result.name}: {name}, run {run + 1} of {runs}")
            testbed.query(f"TRUNCATE {table}", "CHECKPOINT")
            started = time.monotonic()
            testbed.query(statement.format(table=table))
            found[name].append((time.monotonic() - started) / rows * 1e6)
    return {name: statistics.median(values) for name, values in found.items()}

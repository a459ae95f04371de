#!/usr/bin/env python3
"""Measure the events of a server without the extension beside LISTEN/NOTIFY and a polled outbox.

    build/venv/bin/python bench/sql_only.py [--seconds 5] [--rate 200] [publish] [read] [stream]
                                            [latency]

A private server writes to disk as servers do by default. What is printed:

    publish   events/s that one session publishes in transactions of 1, 20 and 1000
    read      events/s that one reader takes out of what is there already
    stream    events/s published and read at the same time, and how old they are when they are read
    latency   of single events at a rate that loads nobody: from the statement to the reader

Readers are psycopg's; where build/release/bench/sql_bus is built, stream and latency are measured
with the reader of a node, too. All run on the cores that there are.
"""

import argparse
import contextlib
import json
import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "test/py"))

from cluster import Cluster  # noqa: E402

NODE = ROOT / "build/release/bench/sql_bus"

DATA = '{"id": 42, "status": "paid", "total": 42.5, "customer": {"name": "Ada"}}'
POLL = 0.005


class Bus:
    """Published events, read by their cursor; notifications wake the reader."""

    name = "fraiseql_publish"
    publish = f"SELECT fraiseql_publish('t', 'c', '{DATA}')"
    bulk = f"SELECT fraiseql_publish('t', 'c', '{DATA}') FROM generate_series(1, %s)"

    def __init__(self, cluster):
        self.connection = cluster.connect()
        self.listener = cluster.connect()
        self.listener.execute("LISTEN fraiseql_subs")
        self.cursor = self.connection.execute("SELECT fraiseql_subs.bus_cursor()").fetchone()[0]

    def read(self):
        """Times at which events were published, and whether there is more."""
        *events, end = self.connection.execute(
            "SELECT data, extract(epoch FROM published_at)::float8, flags, kind"
            " FROM fraiseql_subs.bus_read(%s, 5000)",
            (self.cursor,),
            binary=True,
        ).fetchall()
        self.cursor = end[0]
        assert all(event[3] == 1 for event in events)
        return [event[1] for event in events], end[2] == 1

    def wait(self):
        for _ in self.listener.notifies(timeout=0.5, stop_after=1):
            pass


class Notify:
    """Payloads of notifications."""

    name = "NOTIFY"
    publish = f"SELECT pg_notify('c', '@' || clock_timestamp()::text || '{DATA}')"
    # Equal payloads of a transaction would be one.
    bulk = (
        f"SELECT pg_notify('c', i || '@' || clock_timestamp()::text || '{DATA}')"
        " FROM generate_series(1, %s) AS i"
    )

    def __init__(self, cluster):
        self.listener = cluster.connect()
        self.listener.execute("LISTEN c; SET TimeZone = 'UTC'")
        self.parse = cluster.connect()

    def read(self):
        times = []
        for notification in self.listener.notifies(timeout=0.5, stop_after=1):
            times.append(notification.payload.partition("@")[2].partition("{")[0])
        return times, False

    def wait(self):
        pass


class Outbox:
    """A table with a number, read behind the highest one seen, which loses what commits late."""

    name = "outbox, polled every 5 ms"
    publish = f"INSERT INTO outbox (data) VALUES ('{DATA}')"
    bulk = f"INSERT INTO outbox (data) SELECT '{DATA}' FROM generate_series(1, %s)"

    def __init__(self, cluster):
        self.connection = cluster.connect()
        self.last = self.connection.execute("SELECT coalesce(max(id), 0) FROM outbox").fetchone()[0]

    def read(self):
        rows = self.connection.execute(
            "SELECT id, data, extract(epoch FROM at)::float8 FROM outbox WHERE id > %s"
            " ORDER BY id LIMIT 5000",
            (self.last,),
            binary=True,
        ).fetchall()
        if rows:
            self.last = rows[-1][0]
        return [row[2] for row in rows], len(rows) == 5000

    def wait(self):
        time.sleep(POLL)


OUTBOX = """
    CREATE TABLE outbox (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, data text NOT NULL,
        at timestamptz NOT NULL DEFAULT clock_timestamp())
"""


@contextlib.contextmanager
def server():
    cluster = Cluster(postgresql__shared_preload_libraries="")
    try:
        cluster.start()
        sql = subprocess.check_output([ROOT / "scripts/sql-only"], text=True)
        cluster.program("psql", "-q", "-v", "ON_ERROR_STOP=1", input=sql)
        cluster.sql(OUTBOX)
        yield cluster
    finally:
        cluster.destroy()


def pgbench(cluster, directory, statement, seconds, *options):
    """A pgbench that runs a statement for that long; started, not waited for."""
    script = Path(directory) / f"{abs(hash(statement))}.sql"
    script.write_text(statement + ";\n")
    return subprocess.Popen(
        [
            cluster.programs / "pgbench",
            "-n",
            "-T",
            str(seconds),
            "-f",
            script,
            *options,
            "postgres",
        ],
        env=cluster.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def rate_of(process):
    output = process.communicate()[0]
    line = next(line for line in output.splitlines() if line.startswith("tps"))
    return float(line.split()[2])


def of_one_session(cluster, kind, seconds):
    for size in (1, 20, 1000):
        statement = kind.publish if size == 1 else kind.bulk % size
        rate = rate_of(pgbench(cluster, cluster.directory, statement, seconds, "-M", "prepared"))
        print(f"publish  {kind.name:28} {size:5} in a transaction {rate * size:10.0f} events/s")


def of_one_reader(cluster, kind, count=200_000):
    reader = kind(cluster)
    for _ in range(count // 1000):
        cluster.sql(kind.bulk % 1000)
    begin = time.perf_counter()
    read = 0
    while read < count:
        read += len(reader.read()[0])
    rate = read / (time.perf_counter() - begin)
    print(f"read     {kind.name:28} {rate:29.0f} events/s")


class Listening(threading.Thread):
    """Reads until it is told to stop, and keeps how old each event was."""

    def __init__(self, reader):
        super().__init__()
        self.reader = reader
        self.ages = []
        self.stopped = False
        self.start()

    def run(self):
        while True:
            times, more = self.reader.read()
            now = time.time()
            self.ages += [(now, published) for published in times]
            if not times and self.stopped:
                return
            if not more:
                self.reader.wait()

    def stop(self):
        self.stopped = True
        self.join()
        return self.ages


def milliseconds(reader, pairs):
    if isinstance(reader, Notify):
        texts = [text for _, text in pairs]
        times = reader.parse.execute(
            "SELECT array_agg(extract(epoch FROM t::timestamptz)::float8 ORDER BY n)"
            " FROM unnest(%s::text[]) WITH ORDINALITY AS u (t, n)",
            (texts,),
        ).fetchone()[0]
        pairs = [(now, then) for (now, _), then in zip(pairs, times, strict=True)]
    return sorted((now - then) * 1000 for now, then in pairs)


def describe(ages):
    return f"median {statistics.median(ages):7.2f} ms   99 % {ages[int(len(ages) * 0.99)]:7.2f} ms"


def of_both(cluster, kind, seconds):
    reader = kind(cluster)
    listening = Listening(reader)
    statement = kind.bulk % 20
    begin = time.perf_counter()
    process = pgbench(
        cluster, cluster.directory, statement, seconds, "-M", "prepared", "-R", "1100", "-c", "4"
    )
    published = rate_of(process) * 20
    ages = milliseconds(reader, listening.stop())
    read = len(ages) / (time.perf_counter() - begin)
    print(
        f"stream   {kind.name:28} {published:7.0f} published {read:7.0f} read/s   {describe(ages)}"
    )


def of_single_events(cluster, kind, seconds, rate):
    reader = kind(cluster)
    listening = Listening(reader)
    pgbench(
        cluster, cluster.directory, kind.publish, seconds, "-M", "prepared", "-R", str(rate)
    ).communicate()
    ages = milliseconds(reader, listening.stop())
    print(f"latency  {kind.name:28} {len(ages):10} events   {describe(ages)}")


@contextlib.contextmanager
def reading_node(cluster, seconds):
    """The reader of a node, as a process that reports after so many seconds; yields a function
    that returns its report."""
    dsn = f"host={cluster.directory} dbname=postgres user=postgres"
    with subprocess.Popen([NODE, dsn, str(seconds)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "ready\n"
        yield lambda: json.loads(process.stdout.read().splitlines()[-1])


def of_a_node(cluster, seconds, name, statement, per_second, sessions):
    if not NODE.exists():
        return
    with reading_node(cluster, seconds + 2) as report:
        options = ("-M", "prepared", "-R", str(per_second), "-c", sessions)
        pgbench(cluster, cluster.directory, statement, seconds, *options).communicate()
        figures = report()
    print(
        f"{name:8} {'a node':28} {figures['per_second']:9.0f} read/s"
        f"   median {figures['median_ms']:7.2f} ms   99 % {figures['p99_ms']:7.2f} ms"
    )


def publish(cluster, options):
    for kind in (Bus, Notify, Outbox):
        of_one_session(cluster, kind, options.seconds)


def read(cluster, _):
    for kind in (Bus, Outbox):
        of_one_reader(cluster, kind)


def stream(cluster, options):
    for kind in (Bus, Notify, Outbox):
        of_both(cluster, kind, options.seconds)
    of_a_node(cluster, options.seconds, "stream", Bus.bulk % 20, 1100, "4")


def latency(cluster, options):
    for kind in (Bus, Notify, Outbox):
        of_single_events(cluster, kind, options.seconds, options.rate)
    of_a_node(cluster, options.seconds, "latency", Bus.publish, options.rate, "1")


WHAT = {"publish": publish, "read": read, "stream": stream, "latency": latency}


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=int, default=5, help="of each run; default: %(default)s")
    parser.add_argument(
        "--rate", type=int, default=200, help="single events/s; default: %(default)s"
    )
    parser.add_argument("what", nargs="*", help=f"{', '.join(WHAT)}; default: all of them")
    options = parser.parse_args()
    what = options.what or list(WHAT)
    if unknown := set(what) - set(WHAT):
        parser.error(f"there is no {', '.join(sorted(unknown))}")
    with server() as cluster:
        for name in what:
            WHAT[name](cluster, options)


main()

"""Subscriptions that a Python process serves, beside the libraries that Python has for them."""

import statistics

from figures import Figure, Result, Target
from testbed import BenchmarkError

# What each is to the load generator. Peers start a subscription behind the pong that follows it.
PEERS = {
    "Strawberry": ("strawberry", {"floor": True, "any_layout": True, "settle": 1}),
    "Ariadne": ("ariadne", {"floor": True, "any_layout": True, "settle": 1}),
}
HOSTED = "hosted"


def measure(testbed, result, label, runs, contenders, **options):
    """Run the load generator against applications in turn; return its reports by contender."""
    reports = {name: [] for name in contenders}
    for run in range(runs):
        for name, (app, own_options) in contenders.items():
            testbed.progress(f"{result.name}: {label}, {name}, run {run + 1} of {runs}")
            with testbed.python_server(app) as (port, pid):
                report = testbed.load_at(port, [pid], **own_options, **options)
            if not report["messages"]:
                raise BenchmarkError(f"{name} delivered nothing: {report}")
            reports[name].append(report)
            result.reports.append({"server": name, "options": options} | report)
    return reports


def median_figure(name, reports, key, reference, target=None):
    values = {
        contender: statistics.median(report[key] for report in found)
        for contender, found in reports.items()
    }
    return Figure(name, values, reference, target)


def python_fan_out(testbed, runs, seconds):
    connections = 1000
    result = Result(
        "python-fan-out",
        f"{connections:,} subscribers of a FastAPI application receive every event, 16 in flight",
    )
    reports = measure(
        testbed,
        result,
        "fan-out",
        runs,
        PEERS,
        connections=connections,
        in_flight=16,
        seconds=seconds,
    )
    result.figures = [
        median_figure(
            "messages/s",
            reports,
            "messages_per_second",
            "Strawberry",
            Target("at least", 4, of_ratio=True),
        ),
        median_figure("server CPU per message, us", reports, "server_us_per_message", "Strawberry"),
        median_figure(
            "resident bytes per connection",
            reports,
            "resident_bytes_per_connection",
            "Strawberry",
            Target("at most", 1 / 3, of_ratio=True),
        ),
    ]
    return result

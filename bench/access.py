"""What access rules and log-ins cost, by real tokens on a real server."""

from figures import Figure, Result, Target
from testbed import OURS, possible_connections

FIELDS = """
SELECT fraiseql_register_subscription('tenantTick: Tick', 'tick', tenant_field => 'id');
SELECT fraiseql_register_subscription('guardedTick(team: String): Tick', 'tick',
    row_filter => '{"region": "$.regions"}', tenant_field => 'tenant', subgraph => 'ticks',
    scope => '{"team": "$.team"}', roles => '{reader,editor}', scopes => '{ticks:read}');
"""

# As much as tokens of common services hold.
CLAIMS = {
    "sub": "5be1f1a8-9a5c-4c2b-8f1e-%",
    "email": "somebody-%@example.com",
    "aud": "authenticated",
    "team": "red",
    "tenant_id": "acme",
    "regions": ["eu", "us"],
    "roles": ["reader"],
    "scope": "openid profile ticks:read",
    "subgraphs": ["ticks"],
}

# What the rules of guardedTick look at.
MEMBERS = '{"team": "red", "tenant": "acme", "region": "eu"}'

# Seconds of a turn. What else the machine does lasts longer, so it meets all contenders alike.
TURN = 0.5

# More than the server remembers, so that presented in turns each is verified.
NEW_TOKENS = 20_000


def access(testbed, runs, seconds):
    result = Result("access", "what access rules add, and what log-ins cost")
    testbed.query(FIELDS)
    testbed.restart()
    modules(testbed, result, runs, seconds)
    tenants(testbed, result, runs, seconds)
    log_ins(testbed, result, runs, seconds)
    testbed.restart()
    return result


def modules(testbed, result, runs, seconds):
    """The same document, events and number of subscribers; a client's own filter is in both."""
    users = testbed.tokens("HS256", CLAIMS, 1000)
    contenders = {
        "without rules": {"field": 'tick(team: "red")'},
        "with five modules": {
            "field": 'guardedTick(team: "red")',
            "tokens": users,
            "subgraph": "ticks",
        },
    }
    for label, batch in (("an event a transaction", 1), ("16 events a transaction", 16)):
        options = {"connections": 1000, "in_flight": 16, "batch": batch, "members": MEMBERS}
        found = measure(
            testbed,
            result,
            label,
            turns(runs, seconds),
            contenders,
            "server_us_per_message",
            **options,
            warm_up=0.25,
            seconds=TURN,
        )
        result.figures.append(
            Figure(
                f"server CPU per message, us, {label}",
                found,
                "without rules",
                Target("at most", 1.05, of_ratio=True),
            )
        )


def tenants(testbed, result, runs, seconds):
    """A client of each tenant; an event is for one of them.

    Ten tenants get all events in both contests of the first figure, which leaves the same sockets
    to be written to. The second has as many sockets and as many keys to look up on either side.
    """
    count = possible_connections(10_000)
    tokens = testbed.tokens("HS256", CLAIMS | {"tenant_id": "%"}, count)
    options = {"filtered": True, "batch": 100, "in_flight": 100, "seconds": seconds}
    by_tenant = {"field": "tenantTick", "tokens": tokens}
    few, many = "10 tenants", f"{count:,} tenants"
    for label, contenders in (
        (
            "for ten of the tenants",
            {
                few: by_tenant | {"connections": 10},
                many: by_tenant | {"connections": count, "keys": 10},
            },
        ),
        (
            f"{count:,} clients",
            {
                "an argument each": {"connections": count},
                "a tenant each": by_tenant | {"connections": count},
            },
        ),
    ):
        key = "server_us_per_event"
        found = measure(testbed, result, label, runs, contenders, key, **options)
        result.figures.append(
            Figure(
                f"server CPU per event, us, {label}",
                found,
                next(iter(contenders)),
                Target("at most", 1.1, of_ratio=True),
            )
        )


def log_ins(testbed, result, runs, seconds):
    """A client connects, says who it is, subscribes and leaves; 32 at a time."""
    by_secret = testbed.tokens("HS256", CLAIMS, NEW_TOKENS)
    by_curve = testbed.tokens("ES256", CLAIMS, NEW_TOKENS)
    one = testbed.tokens("HS256", CLAIMS, 1)
    contenders = {
        "anonymous": [],
        "one token": ["--tokens", one],
        "HS256, a token each": ["--tokens", by_secret],
        "ES256, a token each": ["--tokens", by_curve],
    }
    reports = {name: [] for name in contenders}
    for turn in range(turns(runs, seconds)):
        testbed.progress(f"access: log-ins, turn {turn + 1} of {turns(runs, seconds)}")
        for name, arguments in contenders.items():
            presented = sum(report["log_ins"] for report in reports[name])
            options = ["--seconds", str(TURN), "--skip", str(presented), *arguments]
            reports[name].append(testbed.log_ins(*options))
    for unit, key, most in (
        ("log-ins a second", "log_ins_per_second", True),
        ("server CPU per log-in, us", "server_us_per_log_in", False),
    ):
        values = {
            name: undisturbed([report[key] for report in found], most=most)
            for name, found in reports.items()
        }
        result.figures.append(Figure(unit, values, "anonymous"))


def turns(runs, seconds):
    return max(1, round(runs * seconds / TURN))


def measure(testbed, result, label, count, contenders, key, **options):
    """Run the load generator for the contenders in turns; return what a figure is undisturbed.

    :param count: of the turns
    :param contenders: their own options, by name
    """
    found = {name: [] for name in contenders}
    for turn in range(count):
        testbed.progress(f"access: {label}, turn {turn + 1} of {count}")
        # Forth and back, so that what changes slowly on the machine is the same for all.
        for name in list(contenders) if turn % 2 == 0 else list(reversed(contenders)):
            of_run = options | contenders[name]
            report = testbed.load(OURS, **of_run)
            found[name].append(report[key])
            of_run = {option: str(value) for option, value in of_run.items()}
            result.reports.append({"server": name, "options": of_run} | report)
    return {name: undisturbed(values) for name, values in found.items()}


def undisturbed(values, most=False):
    """A quarter of the turns was better.

    What else the machine does only adds, so the better half says more than the median of a few. The
    best may have had luck in how many messages its writes joined.
    """
    return sorted(values, reverse=most)[len(values) // 4]

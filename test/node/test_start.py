import os
import signal

import pytest
from fraiseql_subs.testing._ports import free_port

from certificates import Authority
from client import Client
from node import CATALOG, QUERY


def test_sigterm_closes_with_1001_so_that_clients_come_again(node):
    client = node.client()
    client.subscribe(QUERY)
    node.signal(signal.SIGTERM)
    assert client.wait_for_close()[0] == 1001
    assert node.process.wait(20) == 0
    assert "drained" in node.log()


def test_the_command_line_goes_before_the_environment_and_that_before_the_file(make_node):
    first, second, third = free_port(), free_port(), free_port()

    def port_of(environment, **options):
        node = make_node(environment=environment, port=options.pop("port", None), **options)
        config = node.directory / "node.conf"
        config.write_text(f"port = {third}\n")
        node.command.append(f"--config={config}")
        node.launch()
        node.wait_for_log("listening on")
        return node.log().partition(" port ")[2].split()[0]

    assert port_of({"FRAISEQL_SUBS_PORT": str(second)}, port=first) == str(first)
    assert port_of({"FRAISEQL_SUBS_PORT": str(second)}) == str(second)
    assert port_of({}) == str(third)


def test_everything_can_be_set_in_the_environment(make_node):
    port = free_port()
    node = make_node(bus=None, events=None, port=None, allow_anonymous=None)
    node.command = node.command[:1]
    node.environment |= {
        "FRAISEQL_SUBS_BUS": "memory",
        "FRAISEQL_SUBS_EVENTS": str(node.events),
        "FRAISEQL_SUBS_CATALOG": str(node.catalog),
        "FRAISEQL_SUBS_PORT": str(port),
        "FRAISEQL_SUBS_ALLOW_ANONYMOUS": "on",
        "FRAISEQL_SUBS_WORKER_THREADS": "2",
    }
    node.port = port
    node.start()
    node.wait_for_log("with 2 shards")
    node.client().subscribe(QUERY)


def test_a_bad_variable_says_where_it_stands(make_node):
    code, said = make_node(port=None, environment={"FRAISEQL_SUBS_PORT": "tcp://10.0.0.1:80"}).run()
    assert code != 0
    assert "in the environment" in said and "--port" in said


def test_a_variable_that_is_no_options_is_told(make_node):
    node = make_node(environment={"FRAISEQL_SUBS_MAX_CONECTIONS": "5"})
    node.start()
    assert "WARNING:  the variable FRAISEQL_SUBS_MAX_CONECTIONS" in node.log()


def test_settings_of_the_file_are_read_again_at_sighup(make_node):
    node = make_node(allow_anonymous=None)
    config = node.directory / "node.conf"
    config.write_text("allow_anonymous = false\n")
    node.command.append(f"--config={config}")
    node.start()
    config.write_text("allow_anonymous = true\nlog_level = debug\n")
    node.signal(signal.SIGHUP)
    node.wait_for_log("settings were read again")
    node.client().subscribe(QUERY)


def test_a_configuration_that_is_right_passes_the_check(make_node):
    node = make_node(arguments=["--check-config"])
    assert node.run()[0] == 0
    assert "can be started" in node.log()
    assert not node.events.exists()


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"events": None}, "no events would come"),
        ({"bus": None}, "no bus is named"),
        ({"authenticate": "app.login"}, "authenticate names a function of a database"),
        ({"ssl": "true", "ssl_cert_file": "nowhere.crt"}, "nowhere.crt"),
        ({"arguments": ["--check-config", "--catalog=nowhere.json"]}, "nowhere.json"),
    ],
)
def test_a_configuration_that_is_wrong_does_not(make_node, options, problem):
    code, said = make_node(**{"arguments": ["--check-config"]} | options).run()
    assert code == 1
    assert problem in said


def test_a_misspelt_option_is_refused(make_node):
    code, said = make_node(prot=1).run()
    assert code != 0
    assert "--prot" in said


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("alow_anonymous = false", '"alow_anonymous"'),
        ("[limits]\nmax_connections = 5", '"[limits]"'),
        ("\ufeffport = 4000", "port"),
    ],
    ids=["misspelt", "of a section", "behind a byte order mark"],
)
def test_what_is_no_option_is_refused_in_the_file_too(make_node, line, told):
    node = make_node()
    config = node.directory / "node.conf"
    config.write_text(line + "\n")
    node.command += ["--config", config]
    code, said = node.run()
    assert code == 1
    assert told in said

    config.write_text("")
    node.start()
    config.write_text(line + "\n")
    node.signal(signal.SIGHUP)
    node.wait_for_log("in the file is no option")
    assert node.is_ready()


@pytest.fixture
def authority():
    made = Authority()
    yield made
    made.remove()


def test_a_node_serves_by_tls_and_takes_renewed_certificates(make_node, authority):
    def issue(name):
        certificate, key = authority.issue(name)
        # The tests of PostgreSQL need it for another user.
        os.chown(key, os.geteuid(), -1)
        key.chmod(0o600)
        return certificate, key

    certificate, key = issue("first")
    node = make_node(ssl="true", ssl_cert_file=certificate, ssl_key_file=key)
    key.chmod(0o644)
    code, said = make_node(
        ssl="true", ssl_cert_file=certificate, ssl_key_file=key, arguments=["--check-config"]
    ).run()
    assert code == 1 and "others may read" in said
    key.chmod(0o600)
    node.launch()
    node.wait_for_log("serving 1 subscription field")
    context = authority.context()
    client = Client(f"wss://127.0.0.1:{node.port}", ssl=context)
    client.init()
    client.subscribe(QUERY)
    other_certificate, other_key = issue("second")
    other_certificate.replace(certificate)
    other_key.replace(key)
    node.signal(signal.SIGHUP)
    node.wait_until(lambda: node.log().count("is valid until") == 2, "it has the second")
    Client(f"wss://127.0.0.1:{node.port}", ssl=context).init()


def test_metrics_count_what_was_read(node):
    assert "fraiseql_subs_" in node.get("/metrics")[1]


def test_what_needs_no_postgresql_is_told_as_such(make_node):
    node = make_node(catalog=CATALOG).start()
    assert "fraiseql_subs 0" in node.get("/graphql?query={serverVersion}")[1]
    assert "PostgreSQL" not in node.get("/graphql?query={serverVersion}")[1]

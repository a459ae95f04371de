"""The fixtures work under every plugin that runs coroutines, and say what went wrong."""

import pytest

SCHEMA = """
SELECT fraiseql_register_types('type Order { id: ID! }');
SELECT fraiseql_register_subscription('orderUpdated(id: ID): Order', 'orders');
"""

BODY = """
    async with subs_client.subscribe("subscription { orderUpdated(id: 1) { id } }") as s:
        subs_publish("any", "orders", {"id": 2})
        await s.assert_silent()
        subs_publish("any", "orders", {"id": 1})
        assert await s.next(timeout=10) == {"orderUpdated": {"id": "1"}}
"""


@pytest.fixture
def project(pytester: pytest.Pytester) -> pytest.Pytester:
    """A folder with a schema that its configuration names."""
    pytester.makefile(".sql", schema=SCHEMA)
    pytester.makeini(
        """
        [pytest]
        subs_schema = schema.sql
        addopts = -p no:cacheprovider
        filterwarnings = error
        """
    )
    return pytester


def run(project: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    if not arguments:
        arguments = ("-p", "no:asyncio")
    return project.runpytest_inprocess("-p", "pytest_fraiseql_subs", *arguments)


def test_under_anyio_on_asyncio_and_trio(project: pytest.Pytester) -> None:
    project.makepyfile(
        "import pytest\n"
        "pytestmark = pytest.mark.anyio\n"
        f"async def test_one(subs_client, subs_publish):{BODY}"
        f"async def test_two(subs_client, subs_publish):{BODY}"
    )
    run(project).assert_outcomes(passed=4)


def test_under_pytest_asyncio_strict_and_auto(project: pytest.Pytester) -> None:
    project.makepyfile(
        "import pytest\n"
        "@pytest.mark.asyncio\n"
        f"async def test_one(subs_client, subs_publish):{BODY}"
        "@pytest.mark.asyncio\n"
        f"async def test_two(subs_client, subs_publish):{BODY}"
    )
    with (project.path / "tox.ini").open("a") as configuration:
        configuration.write("\nasyncio_default_fixture_loop_scope = function\n")
    for mode in ("strict", "auto"):
        run(project, f"--asyncio-mode={mode}").assert_outcomes(passed=2)


def test_in_tests_that_are_no_coroutines(project: pytest.Pytester) -> None:
    project.makepyfile(
        "def test_it(subs_server, subs_publish):\n"
        "    subs_publish('any', 'orders', {'id': 1})\n"
        "    assert subs_server.execute('SELECT 1') == [(1,)]\n"
    )
    run(project).assert_outcomes(passed=1)


def test_one_server_serves_a_whole_run(project: pytest.Pytester) -> None:
    project.makepyfile(
        "urls = set()\n"
        "def test_one(subs_server): urls.add(subs_server.url)\n"
        "def test_two(subs_server): urls.add(subs_server.url); assert len(urls) == 1\n"
    )
    run(project).assert_outcomes(passed=2)


def test_its_settings_stand_in_the_configuration(project: pytest.Pytester) -> None:
    with (project.path / "tox.ini").open("a") as configuration:
        configuration.write(
            "\nsubs_settings =\n    fraiseql_subs.worker_threads = 2\n    my.text = 'a, b'\n"
        )
    project.makepyfile(
        "def test_it(subs_server):\n"
        "    assert subs_server.execute('SHOW fraiseql_subs.worker_threads') == [('2',)]\n"
        "    assert subs_server.execute('SHOW my.text') == [('a, b',)]\n"
    )
    run(project).assert_outcomes(passed=1)


def test_a_setting_without_a_value_is_a_mistake_of_usage(project: pytest.Pytester) -> None:
    with (project.path / "tox.ini").open("a") as configuration:
        configuration.write("\nsubs_settings = nonsense\n")
    project.makepyfile("def test_it(subs_server): pass")
    result = run(project)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(['*subs_settings: "nonsense" is not `name = value`'])


def test_a_conftest_may_have_its_own_server(project: pytest.Pytester) -> None:
    project.makeconftest(
        "import pytest\n"
        "from fraiseql_subs.testing import WorkerServer\n"
        "@pytest.fixture(scope='session')\n"
        "def subs_server():\n"
        "    with WorkerServer('CREATE TABLE own AS SELECT 5') as server:\n"
        "        yield server\n"
    )
    project.makepyfile(
        "def test_it(subs_client, subs_server):\n"
        "    assert subs_client.server is subs_server\n"
        "    assert subs_server.execute('TABLE own') == [(5,)]\n"
    )
    run(project).assert_outcomes(passed=1)


def test_a_failed_test_shows_what_the_server_logged_meanwhile(project: pytest.Pytester) -> None:
    project.makepyfile(
        "def test_one(subs_server):\n"
        "    subs_server.execute(\"DO $$ BEGIN RAISE WARNING 'before'; END $$\")\n"
        "def test_two(subs_server):\n"
        "    subs_server.execute(\"DO $$ BEGIN RAISE WARNING 'meanwhile'; END $$\")\n"
        "    assert False\n"
    )
    result = run(project)
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*log of subs_server*", "*WARNING:  meanwhile"])
    result.stdout.no_fnmatch_line("*WARNING:  before")


def test_the_plugin_alone_loads_nothing_of_the_package(project: pytest.Pytester) -> None:
    project.makepyfile("import sys\ndef test_it(): assert 'fraiseql_subs' not in sys.modules")
    result = project.runpytest_subprocess("-p", "pytest_fraiseql_subs", "-p", "no:asyncio")
    result.assert_outcomes(passed=1)

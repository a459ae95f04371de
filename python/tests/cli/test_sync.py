"""`fraiseql-subs sync`: what the code says and the database has, and the former brought there."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from fraiseql_subs.testing import WorkerServer

from .program import run

SHOP = """
import os
from dataclasses import dataclass

from fraiseql_subs import Event, SubscriptionManager

manager: SubscriptionManager[None] = SubscriptionManager(
    conninfo=os.environ.get("SHOP_DSN", ""), application="{application}"
)


@dataclass
class Parcel:
    id: int
    weight: float


@manager.subscription(channel="parcels")
async def parcel_sent(event: Event[Parcel]) -> Parcel:
    return event.data
"""


@pytest.fixture(scope="module")
def subs_server() -> Iterator[WorkerServer]:
    with WorkerServer() as server:
        yield server


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The manager of a module that no other test has imported."""
    name = f"shop_{tmp_path.name}"
    (tmp_path / f"{name}.py").write_text(SHOP.replace("{application}", name))
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    return f"{name}:manager"


def fields(server: WorkerServer) -> list[str]:
    return [name for (name,) in server.execute("SELECT name FROM fraiseql_subs.subscription")]


def test_a_difference_is_shown_and_left_by_check(subs_server: WorkerServer, shop: str) -> None:
    result = run("--dsn", subs_server.dsn, "sync", "--check", shop)
    assert result.exit_code == 1, result.output
    assert "parcelSent" in result.stdout and "Parcel" in result.stdout
    assert "run `fraiseql-subs sync`" in result.stderr
    assert "parcelSent" not in fields(subs_server)


def test_it_brings_the_code_to_the_database(subs_server: WorkerServer, shop: str) -> None:
    result = run("--dsn", subs_server.dsn, "sync", shop)
    assert result.exit_code == 0, result.output
    assert "parcelSent" in result.stdout
    assert "parcelSent" in fields(subs_server)
    for options in ((), ("--check",)):
        again = run("--dsn", subs_server.dsn, "sync", *options, shop)
        assert again.exit_code == 0, again.output
        assert again.stdout == "the database has what the code says\n"


def test_the_manager_says_where_the_database_is(
    subs_server: WorkerServer, shop: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOP_DSN", subs_server.dsn)
    result = run("sync", shop)
    assert result.exit_code == 0, result.output


def test_a_missing_right_names_the_role_to_grant(subs_server: WorkerServer, shop: str) -> None:
    subs_server.execute("CREATE ROLE stranger LOGIN PASSWORD 'stranger'")
    stranger = subs_server.environment | {"PGUSER": "stranger", "PGPASSWORD": "stranger"}
    result = run("sync", shop, env=stranger)
    assert result.exit_code == 2
    assert "GRANT fraiseql_registrar TO" in result.stderr


def test_a_wrong_target_is_one_line(shop: str) -> None:
    result = run("sync", shop.replace("manager", "nothing"))
    assert result.exit_code == 2
    assert f"is no SubscriptionManager; there is {shop}" in result.stderr

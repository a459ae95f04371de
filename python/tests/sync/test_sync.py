"""Code and catalog, on a real server."""

import asyncio
import contextlib
import dataclasses
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any

import psycopg
import pytest
from psycopg.rows import dict_row

from fraiseql_subs.event import Event
from fraiseql_subs.markers import ID
from fraiseql_subs.registry import Registry
from fraiseql_subs.resolvers import ResolverRunner
from fraiseql_subs.sync import Drift, DriftWarning, sync
from servers import conninfo_of

Sync = Callable[..., Awaitable[Drift]]


@pytest.fixture
async def connection(server: Any) -> AsyncIterator[psycopg.AsyncConnection[Any]]:
    async with await psycopg.AsyncConnection.connect(
        conninfo_of(server), autocommit=True
    ) as opened:
        yield opened


@pytest.fixture
async def app(connection: psycopg.AsyncConnection[Any], name: str) -> AsyncIterator[Sync]:
    """Synchronises an application of the test's own, which has registered nothing afterwards."""
    applications: set[str] = set()

    async def call(*registries: Registry, application: str = "", check: bool = False) -> Drift:
        application = application or f"app {name}"
        applications.add(application)
        return await sync(connection, registries, application=application, check=check)

    yield call
    for application in applications:
        await sync(connection, [], application=application)


def code(name: str, fields: dict[str, Any], **options: Any) -> Registry:
    """A registry with the field `name`, of a type with these fields and `id`."""
    registry = Registry()
    type_ = dataclasses.make_dataclass(name.title(), [("id", Annotated[str, ID]), *fields.items()])

    @dataclass
    class Vars:
        id: Annotated[str | None, ID] = None

    def resolve(event: Event[Any], variables: Any) -> Any:
        raise NotImplementedError

    resolve.__name__ = name
    resolve.__annotations__ = {"event": Event[type_], "variables": Vars, "return": type_}  # type: ignore[valid-type]
    registry.subscription(**{"channel": name} | options)(resolve)
    return registry


def kinds(drift: Drift) -> dict[str, list[tuple[str, str]]]:
    """What differed, as (kind, name) by what happened to it."""
    return {
        group: [(one.kind, one.name) for one in getattr(drift, group)]
        for group in ("added", "changed", "removed")
        if getattr(drift, group)
    }


def registered(server: Any, name: str) -> list[Any]:
    """What there is in the catalog for a field that `code` made."""
    rows: list[Any] = server.sql(
        "SELECT field FROM fraiseql_subs.subscription WHERE name = %(name)s "
        "UNION ALL SELECT definition FROM fraiseql_subs.type WHERE name = %(type)s "
        "UNION ALL SELECT per || ' ' || timeout_ms FROM fraiseql_subs.resolver "
        "WHERE field = %(name)s",
        {"name": name, "type": name.title()},
    )
    return [row[0] for row in rows]


async def test_what_is_decorated_is_registered(server: Any, app: Sync, name: str) -> None:
    registry = code(name, {"total": Decimal}, events=["paid"], per="audience", timeout=2.5)
    drift = await app(registry)
    assert drift
    assert drift.applied
    assert kinds(drift) == {
        "added": [
            ("resolver", name),
            ("subscription", name),
            ("type", "Decimal"),
            ("type", name.title()),
        ]
    }
    assert registered(server, name) == [
        f"{name}(id: ID): {name.title()}",
        f"type {name.title()} {{\n  id: ID!\n  total: Decimal!\n}}",
        "audience 2500",
    ]
    assert server.value(
        "SELECT event_types FROM fraiseql_subs.subscription WHERE name = %s", (name,)
    ) == ["paid"]


async def test_what_is_registered_already_is_no_drift(app: Sync, name: str) -> None:
    registry = code(name, {"total": float}, roles=["a"], scope={"id": "user"})
    await app(registry)
    drift = await app(registry)
    assert not drift
    assert not drift.applied
    assert str(drift) == "no drift"


async def test_a_check_changes_nothing(server: Any, app: Sync, name: str) -> None:
    drift = await app(code(name, {}), check=True)
    assert drift
    assert not drift.applied
    assert registered(server, name) == []
    await app(code(name, {}))
    before = registered(server, name)
    drift = await app(code(name, {"total": int}, timeout=1), check=True)
    assert kinds(drift) == {"changed": [("resolver", name), ("type", name.title())]}
    assert registered(server, name) == before


async def test_what_is_changed_in_code_is_changed_and_shown(
    server: Any, app: Sync, name: str
) -> None:
    await app(code(name, {"total": int}))
    drift = await app(code(name, {"total": float}, tenant_field=""))
    assert str(drift).splitlines() == [
        f"~ subscription {name}",
        f"      {name}(id: ID): {name.title()}",
        f'      channel: "{name}"',
        '    + tenant_field: ""',
        f"~ type {name.title()}",
        f"      type {name.title()} {{",
        "        id: ID!",
        "    -   total: Int!",
        "    +   total: Float!",
        "      }",
    ]
    assert "total: Float!" in registered(server, name)[1]


async def test_what_code_has_no_more_is_removed(server: Any, app: Sync, name: str) -> None:
    await app(code(name, {}), code(name + "2", {}))
    drift = await app(code(name + "2", {}))
    assert kinds(drift) == {
        "removed": [("resolver", name), ("subscription", name), ("type", name.title())]
    }
    assert str(drift).startswith(f"- resolver {name}\n")
    assert registered(server, name) == []
    assert registered(server, name + "2")


async def test_what_sql_registered_stays(server: Any, app: Sync, name: str) -> None:
    server.sql("SELECT fraiseql_register_types(%s)", (f"type Kept{name} {{ id: ID }}",))
    await app(code(name, {}))
    await app()
    assert server.sql("SELECT 1 FROM fraiseql_subs.type WHERE name = %s", (f"Kept{name}",))


async def test_what_sql_registered_alike_is_shared_and_stays(
    server: Any, app: Sync, name: str
) -> None:
    server.sql(
        "SELECT fraiseql_register_types(%s)", (f"type {name.title()} {{ id:ID!,  total : Int! }}",)
    )
    drift = await app(code(name, {"total": int}))
    assert kinds(drift) == {"added": [("resolver", name), ("subscription", name)]}
    await app()
    assert registered(server, name) == [f"type {name.title()} {{ id:ID!,  total : Int! }}"]


async def test_what_sql_registered_otherwise_is_never_overwritten(
    server: Any, app: Sync, name: str
) -> None:
    server.sql("SELECT fraiseql_register_types(%s)", (f"type {name.title()} {{ id: ID }}",))
    server.sql("SELECT fraiseql_register_subscription(%s, 'c')", (f"{name}: {name.title()}",))
    before = registered(server, name)
    with pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState) as caught:
        await app(code(name, {}))
    assert caught.value.diag.message_primary == (
        f'application "app {name}" cannot be synchronised: subscription "{name}" is registered '
        "otherwise by SQL"
    )
    assert caught.value.diag.message_detail == (
        f'subscription "{name}" is registered otherwise by SQL\n'
        f'type "{name.title()}" is registered otherwise by SQL'
    )
    assert registered(server, name) == before


async def test_what_sql_takes_over_is_no_longer_the_applications(
    server: Any, app: Sync, name: str
) -> None:
    registry = code(name, {})
    await app(registry)
    field, definition, _ = registered(server, name)
    server.sql("SELECT fraiseql_register_types(%s)", (definition,))
    server.sql("SELECT fraiseql_register_subscription(%s, %s)", (field, name))
    server.sql("SELECT fraiseql_register_resolver(%s)", (name,))
    assert not await app(registry)
    assert not await app()
    assert len(registered(server, name)) == 3


async def test_what_sql_unregisters_is_added_again(server: Any, app: Sync, name: str) -> None:
    registry = code(name, {})
    await app(registry)
    server.sql("SELECT fraiseql_unregister_subscription(%s)", (name,))
    assert kinds(await app(registry)) == {"added": [("resolver", name), ("subscription", name)]}


async def test_scalars_of_others_will_do(server: Any, app: Sync, name: str) -> None:
    server.sql("SELECT fraiseql_register_types('scalar JSON @specifiedBy(url: \"https://a\")')")
    drift = await app(code(name, {"meta": dict[str, Any]}))
    assert ("type", "JSON") not in kinds(drift)["added"]


async def test_applications_share_what_they_register_alike(
    server: Any, app: Sync, name: str
) -> None:
    one, two = f"one {name}", f"two {name}"
    await app(code(name, {}), application=one)
    assert not await app(code(name, {}), application=two)
    with pytest.raises(
        psycopg.errors.ObjectNotInPrerequisiteState, match=f'by application "{one}"'
    ):
        await app(code(name, {"total": int}), application=two)
    assert not await app(application=one), "the other has it still"
    assert registered(server, name)
    assert await app(code(name, {"total": int}), application=two), "nobody else has it now"
    await app(application=two)
    assert registered(server, name) == []


async def test_all_of_it_is_one_transaction(server: Any, app: Sync, name: str) -> None:
    await app(code(name, {}))
    before = registered(server, name)
    wrong = code(name, {"total": int}, timeout=1)
    wrong.subscription(f"{name}2: Missing{name}", channel="c")(lambda event: event)
    with pytest.raises(
        psycopg.errors.InvalidObjectDefinition, match=f'nknown type "Missing{name}"'
    ):
        await app(wrong)
    assert registered(server, name) == before
    with pytest.raises(psycopg.errors.InvalidObjectDefinition):
        await app(wrong, check=True)


async def test_it_is_part_of_the_callers_transaction(server: Any, name: str) -> None:
    async with (
        await psycopg.AsyncConnection.connect(
            conninfo_of(server), row_factory=dict_row
        ) as connection,
        connection.transaction(force_rollback=True),
    ):
        assert await sync(connection, [code(name, {})], application=name)
    assert registered(server, name) == []


async def test_processes_that_start_at_once_do_not_collide(
    server: Any, app: Sync, name: str
) -> None:
    async def start() -> Drift:
        async with await psycopg.AsyncConnection.connect(conninfo_of(server)) as connection:
            return await sync(connection, [code(name, {})], application=f"app {name}")

    drifts = await asyncio.gather(*(start() for _ in range(8)))
    assert [bool(drift) for drift in drifts].count(True) == 1
    assert len(registered(server, name)) == 3
    assert not await app(code(name, {}))


async def test_a_type_that_sql_still_uses_is_not_removed(server: Any, app: Sync, name: str) -> None:
    registry = Registry()
    registry.subscription(
        f"{name}: {name.title()}", channel="c", types=f"type {name.title()} {{ id: ID }}"
    )(lambda event: event)
    await app(registry)
    server.sql("SELECT fraiseql_register_subscription(%s, 'c')", (f"{name}3: {name.title()}",))
    with pytest.raises(
        psycopg.errors.DependentObjectsStillExist, match=f'unregister type "{name.title()}"'
    ):
        await app()
    server.sql("SELECT fraiseql_unregister_subscription(%s)", (f"{name}3",))


async def test_a_filter_by_no_column_of_the_watched_table_is_warned_of(
    server: Any, app: Sync, name: str
) -> None:
    server.sql(f"CREATE TABLE {name} (identity int)")
    server.sql("SELECT fraiseql_watch(%s)", (name,))
    warning = (
        f'argument "id" of subscription "{name}" filters by "id", which is no column of '
        f"public.{name}: it matches no event"
    )
    with pytest.warns(DriftWarning) as caught:
        drift = await app(code(name, {}))
    assert [str(one.message) for one in caught] == [warning]
    assert drift.warnings == [warning]
    assert str(drift).endswith(f"! {warning}")
    server.sql(f"ALTER TABLE {name} RENAME COLUMN identity TO id")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert (await app(code(name, {}))).warnings == []


async def test_the_role_of_registrars_may_synchronise(server: Any, name: str) -> None:
    server.sql("SELECT fraiseql_create_roles()")
    server.sql(f"CREATE ROLE {name} LOGIN")
    try:
        async with await psycopg.AsyncConnection.connect(
            f"host={server.directory} user={name} dbname={server.database}", autocommit=True
        ) as connection:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                await sync(connection, [code(name, {})], application=name)
            server.sql(f"GRANT fraiseql_registrar TO {name}")
            assert await sync(connection, [code(name, {})], application=name)
            assert await sync(connection, [], application=name)
    finally:
        server.sql(f"DROP ROLE {name}")


async def test_an_application_has_a_name(app: Sync, connection: Any) -> None:
    with pytest.raises(psycopg.errors.InvalidParameterValue, match="cannot be null or empty"):
        await sync(connection, [], application="")


async def test_registries_of_one_application_agree(connection: Any, name: str) -> None:
    with pytest.raises(ValueError, match=f'^two registries have a subscription "{name}"$'):
        await sync(connection, [code(name, {}), code(name, {})], application="a")
    other = code(name + "2", {}, types=None)
    row = dataclasses.make_dataclass(name.title(), [("other", int)])

    def changed(event: Event[Any]) -> Any:
        raise NotImplementedError

    changed.__annotations__["return"] = row
    other.subscription(channel="c")(changed)
    with pytest.raises(
        ValueError, match=f'^the type "{name.title()}" of subscription "changed" is'
    ):
        await sync(connection, [code(name, {}), other], application="a")


# With resolvers -----------------------------------------------------------------------------------


async def test_arguments_filter_rows_by_columns_and_reach_the_resolver(
    server: Any, app: Sync, connect: Any, name: str
) -> None:
    server.sql(f"CREATE TABLE {name} (id int, customer_id int, total numeric)")
    server.sql("SELECT fraiseql_watch(%s)", (name,))
    registry = Registry()

    @dataclass
    class Row:
        id: int
        customer_id: int
        total: Decimal

    @dataclass
    class Vars:
        customer_id: int
        currency: str = "EUR"

    Result = dataclasses.make_dataclass(name.title(), [("label", str)])

    async def resolve(event: Event[Row], variables: Vars) -> Any:
        return Result(f"{event.type} {event.data.id}: {event.data.total} {variables.currency}")

    resolve.__name__ = name
    resolve.__annotations__ = {"event": Event[Row], "variables": Vars, "return": Result}
    registry.subscription(channel=name, rename="camel")(resolve)
    await app(registry)
    async with contextlib.AsyncExitStack() as stack:
        runner: ResolverRunner[Any] = ResolverRunner(None, [registry], conninfo=conninfo_of(server))
        await runner.start()
        stack.push_async_callback(runner.stop)

        def listen() -> Any:
            client = connect(server)
            return client.subscribe(
                f'subscription {{ {name}(customerId: 7, currency: "CHF") {{ label }} }}'
            )

        subscription = await asyncio.to_thread(listen)
        server.sql(f"INSERT INTO {name} VALUES (1, 8, 1), (2, 7, 12345678901234567890.10)")
        data = await asyncio.to_thread(subscription.data)
        assert data == {name: {"label": "INSERT 2: 12345678901234567890.10 CHF"}}

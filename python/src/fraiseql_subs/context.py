"""What a resolver may use beside the event: identity, database, look-ups, and the application's."""

import contextlib
import inspect
import json
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Generic, TypeAlias, TypeVar, cast, overload

from psycopg import AsyncConnection
from psycopg.rows import TupleRow
from psycopg_pool import AsyncConnectionPool
from typing_extensions import TypeVar as TypeVarWithDefault

from fraiseql_subs._loader import DataLoader

__all__ = ["CallInfo", "Context", "ContextFactory", "DataLoader"]

App = TypeVarWithDefault("App", default=None)
K = TypeVar("K")
V = TypeVar("V")

Pool: TypeAlias = AsyncConnectionPool[AsyncConnection[TupleRow]]


@dataclass(frozen=True)
class CallInfo:
    """What a resolver is called for."""

    field: str
    """The subscription field that is resolved."""

    plan: str = ""
    """Names what the subscribers who share the result have in common; opaque."""

    correlation_id: str | None = None
    """That of the event; of the first one in a batch."""

    event_id: str | None = None
    """That of the event; of the first one in a batch."""

    attempt: int | None = None
    """1, and more if processes or their links were lost that had the event before; in a batch, of
    the event that was given most often. None where no worker calls."""

    claims: Mapping[str, Any] | None = None
    """Of the subscribers, if the field is resolved per audience; else None."""

    role: str | None = None
    """The database role of the subscribers, if the field is resolved per audience; else None."""


ContextFactory: TypeAlias = Callable[[CallInfo], AbstractAsyncContextManager[App]]
"""Makes the application's part of contexts, `Context.app`: entered before a resolver is called and
left when its result is encoded; once for a whole batch."""


OpenContext: TypeAlias = Callable[[CallInfo], "AbstractAsyncContextManager[Context[Any]]"]


class LoaderScope:
    """The loaders that calls which came together share."""

    def __init__(
        self,
        open_context: "OpenContext | None" = None,
    ) -> None:
        """Make an empty one.

        :param open_context: gives a batch function its own context, because that of the call which
            asked first may have been left before; without it, it gets that of the call.
        """
        self._open_context = open_context
        self._loaders: dict[object, DataLoader[Any, Any]] = {}

    def get(
        self,
        context: "Context[Any]",
        batch_fn: Callable[..., Awaitable[Sequence[Any]]],
        max_size: int,
    ) -> DataLoader[Any, Any]:
        """Return the loader of a function for those of one identity."""
        info = context.info
        # Numbers are Decimals.
        audience = (
            None if info.claims is None else (info.role, json.dumps(info.claims, default=str))
        )
        key = (batch_fn, max_size, audience)
        loader = self._loaders.get(key)
        if loader is None:
            load = self._with_context(context, batch_fn) if _takes_two(batch_fn) else batch_fn
            loader = self._loaders[key] = DataLoader(load, max_size=max_size)
        return loader

    def close(self) -> None:
        """Give up what is still being loaded."""
        for loader in self._loaders.values():
            loader.close()

    def _with_context(
        self, caller: "Context[Any]", batch_fn: Callable[..., Awaitable[Sequence[Any]]]
    ) -> Callable[[list[Any]], Awaitable[Sequence[Any]]]:
        open_context = self._open_context

        async def load(keys: list[Any]) -> Sequence[Any]:
            if open_context is None:
                return await batch_fn(keys, caller)
            async with open_context(caller.info) as context:
                return await batch_fn(keys, context)

        return load


def _takes_two(function: Callable[..., object]) -> bool:
    positional = (
        inspect.Parameter.POSITIONAL_ONLY,
        inspect.Parameter.POSITIONAL_OR_KEYWORD,
    )
    parameters = inspect.signature(function).parameters.values()
    required = [p for p in parameters if p.kind in positional and p.default is p.empty]
    return len(required) >= 2


class Context(Generic[App]):
    """What a resolver that declares it gets, for one call or one batch.

    It belongs to that call: not to be kept, and used on its event loop. A resolver that is a plain
    function runs in a thread, and may read `app`, `info`, `claims` and `role` there.
    """

    def __init__(
        self,
        app: App,
        *,
        info: CallInfo | None = None,
        pool: Pool | None = None,
        loaders: LoaderScope | None = None,
    ) -> None:
        """Make one by hand, as tests of resolvers do; those of real calls are made for them.

        :param app: of the application, as a context factory gives it.
        :param info: what the resolver is called for.
        :param pool: what `connection` takes from.
        :param loaders: what `loader` shares; by default nothing.
        """
        self.app: App = app
        self.info: CallInfo = info or CallInfo(field="")
        self._pool = pool
        self._loaders = loaders or LoaderScope()

    @property
    def claims(self) -> Mapping[str, Any]:
        """The claims of the subscribers whose result this is.

        Raise RuntimeError if the field is resolved once for all of them (`per="plan"`).
        """
        if self.info.claims is None:
            raise self._no_identity("claims")
        return self.info.claims

    @property
    def role(self) -> str | None:
        """The database role of the subscribers whose result this is; None if they have none.

        Raise RuntimeError if the field is resolved once for all of them (`per="plan"`).
        """
        if self.info.claims is None:
            raise self._no_identity("role")
        return self.info.role

    @contextlib.asynccontextmanager
    async def connection(self) -> AsyncGenerator[AsyncConnection[TupleRow], None]:
        """Lend a connection of the pool, in a transaction that commits if nothing is raised.

        If the field is resolved per audience, the transaction has the subscribers' role and their
        claims in the setting `request.jwt.claims`, so that row-level security shows what they may
        see. Both end with the transaction, which cannot be ended in any other way.

        Raise RuntimeError without a pool, and if the subscribers have no role of the database.
        """
        if self._pool is None:
            raise RuntimeError("this context has no pool of connections")
        if self.info.claims is None:
            async with self._pool.connection() as connection, connection.transaction():
                yield connection
            return
        role = self.info.role
        # "none" as a role means the one that the pool logged in with.
        if not role or role == "none":
            raise RuntimeError(
                f"the subscribers of {self.info.field!r} have no role of the database: "
                "ctx.connection() would show them what the pool's own role sees"
            )
        async with self._pool.connection() as connection, connection.transaction():
            await connection.execute(
                "SELECT pg_catalog.set_config('role', %s, true), "
                "pg_catalog.set_config('request.jwt.claims', %s, true)",
                (role, json.dumps(self.info.claims, default=float)),
            )
            yield connection

    @overload
    def loader(
        self,
        batch_fn: "Callable[[list[K], Context[App]], Awaitable[Sequence[V | Exception]]]",
        *,
        max_size: int = 1000,
    ) -> DataLoader[K, V]: ...

    @overload
    def loader(
        self,
        batch_fn: Callable[[list[K]], Awaitable[Sequence[V | Exception]]],
        *,
        max_size: int = 1000,
    ) -> DataLoader[K, V]: ...

    def loader(
        self, batch_fn: Callable[..., Awaitable[Sequence[Any]]], *, max_size: int = 1000
    ) -> DataLoader[Any, Any]:
        """Return the loader of a function, which calls that came together share.

        Calls share it if they name the same function, so it is to be one of a module or a class,
        not made anew in each call; and, if the field is resolved per audience, have the same
        identity.

        :param batch_fn: gets distinct keys, and a context if it has a second parameter; returns as
            many values in the order of the keys. An exception in the place of a value is raised to
            those who wait for that key.
        :param max_size: keys per call of `batch_fn`.
        """
        return self._loaders.get(cast("Context[Any]", self), batch_fn, max_size)

    def _no_identity(self, attribute: str) -> RuntimeError:
        return RuntimeError(
            f"ctx.{attribute}: {self.info.field!r} is resolved once for all subscribers of a plan, "
            'whoever they are; register it with per="audience" to know them'
        )

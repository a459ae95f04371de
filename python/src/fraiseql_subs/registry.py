"""What functions are decorated with, and what is known of those that are.

`subscription` and `batch` register with the `registry` of this module; each `SubscriptionManager`
has a registry of its own besides. Nothing here talks to a database: `fraiseql_subs.sync.sync`
brings the definitions there.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, Generic, Literal, TypeVar

from fraiseql_subs._schema.faults import Fault, UnknownName, fault_of, function_name
from fraiseql_subs._schema.hints import Namespace
from fraiseql_subs._schema.names import NameForm, camel_case, check_name
from fraiseql_subs._schema.options import (
    Resolution,
    check_events,
    check_field_options,
    check_resolution,
)
from fraiseql_subs._schema.sdl_text import read_field
from fraiseql_subs._schema.signature import (
    complete_field,
    infer_field,
    read_codecs,
    read_parameters,
)

__all__ = [
    "BatchDefinition",
    "OnError",
    "Per",
    "Registry",
    "SubscriptionDefinition",
    "batch",
    "registry",
    "subscription",
]

Per = Literal["plan", "audience"]
OnError = Literal["null", "skip", "complete"]

F = TypeVar("F", bound=Callable[..., object])
V = TypeVar("V")


@dataclass(frozen=True)
class _Resolver:
    """What single and batched resolvers have in common."""

    function: Callable[..., object]
    """As it was decorated."""

    field: str
    """Name of the subscription field that it resolves."""

    per: Per
    """``plan``: called once per event and plan; ``audience``: also per role and claims."""

    timeout: float
    """Seconds that a call may take."""

    concurrency: int | None
    """How many calls may run at a time in all processes together; None: no bound of its own."""

    retries: int
    """How often a call that was lost with its process is made again."""

    idempotent: bool
    """Whether a call may be made twice for one event."""

    on_error: OnError
    """What the subscriber gets when a call fails: null and the error, nothing, or the end."""

    event_type: object
    """The annotation of the event; of a batch, of one of its events."""

    variables_type: object
    """The annotation of the variables; None if the function does not take them."""

    takes_variables: bool
    takes_context: bool

    is_async: bool
    """Whether the function must be awaited; others may block, and belong in a thread."""

    decode_event: Callable[[Mapping[str, Any]], Any]
    """From the envelope of a call to what the function takes.

    The envelope is a JSON object of ``id``, ``type``, ``channel``, ``data``, ``old``,
    ``position``, ``commit_time``, ``correlation_id`` and ``subgraph``, best read with
    ``parse_float=Decimal``. `SKIP` for an event that has nothing to decode: ``TRUNCATE``, where
    the event is no ``Event[T | None]``. Raises `DecodeError`.
    """

    decode_variables: Callable[[Mapping[str, Any]], Any]
    """From the field's arguments to what the function takes. Raises `DecodeError`."""

    encode_result: Callable[[object], Any]
    """From a result to what `json.dumps` takes, or `SKIP`. Raises `EncodeError`."""

    def call(self, event: Any, variables: Any, context: Any) -> Any:
        """Call the function with those of these that it declares, and return what it returns."""
        arguments = [event]
        if self.takes_variables:
            arguments.append(variables)
        if self.takes_context:
            arguments.append(context)
        return self.function(*arguments)


@dataclass(frozen=True)
class SubscriptionDefinition(_Resolver):
    """A subscription field and the function that resolves its events."""

    sdl: str
    """The field as in a schema: ``orderUpdated(id: ID): Order``, with its description."""

    types: Mapping[str, str]
    """The types that were made for it: definition by name."""

    types_sdl: str | None
    """The types that were given for it in place of those."""

    channel: str

    events: tuple[str, ...] | None
    """Event types it delivers; None: all of the channel."""

    filters: Mapping[str, str]
    """The key of the event's data for each argument of which it is known that it filters.

    Of a field whose event and result are dicts, the database knows.
    """

    options: Mapping[str, Any]
    """Further parameters of ``fraiseql_register_subscription``, those that were given."""


@dataclass(frozen=True)
class BatchDefinition(_Resolver):
    """A function that resolves several events of one plan at a time.

    `decode_event` and `encode_result` are for one event and one result.
    """

    max_size: int
    """How many events it takes at most."""


class _Lazy(Mapping[str, V], Generic[V]):
    """Definitions by field, each made when it is first asked for.

    Annotations may name classes that are defined further down in the module, so what a decorator
    cannot resolve yet waits until somebody needs it.
    """

    def __init__(self) -> None:
        self._made: dict[str, V] = {}
        self._makers: dict[str, Callable[[], V]] = {}

    def add(self, name: str, make: Callable[[], V]) -> None:
        self._makers[name] = make
        try:
            self._made[name] = make()
        except UnknownName:
            pass
        except BaseException:
            del self._makers[name]
            raise

    def forget(self, name: str) -> None:
        """Make it anew when it is next asked for."""
        self._made.pop(name, None)

    def __getitem__(self, name: str) -> V:
        if name not in self._made:
            make = self._makers[name]
            try:
                self._made[name] = make()
            except UnknownName as error:
                raise ValueError(str(error)) from error
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._makers)

    def __len__(self) -> int:
        return len(self._makers)


class Registry:
    """Subscription fields and their resolvers, by the names of the fields."""

    def __init__(self) -> None:
        """Make an empty one."""
        self._subscriptions: _Lazy[SubscriptionDefinition] = _Lazy()
        self._batches: _Lazy[BatchDefinition] = _Lazy()
        self._functions: dict[str, Callable[..., object]] = {}
        self._batch_functions: dict[str, Callable[..., object]] = {}

    @property
    def subscriptions(self) -> Mapping[str, SubscriptionDefinition]:
        """Fields that `subscription` registered.

        Looking one up raises ValueError if its annotations name what there is not.
        """
        return self._subscriptions

    @property
    def batches(self) -> Mapping[str, BatchDefinition]:
        """Fields for which `batch` registered a function."""
        return self._batches

    def subscription(
        self,
        sdl: str | None = None,
        /,
        *,
        channel: str,
        events: Sequence[str] | str | None = None,
        row_filter: Mapping[str, str] | None = None,
        tenant_field: str | None = None,
        shared: bool = False,
        subgraph: str | None = None,
        scope: Mapping[str, str] | None = None,
        roles: Sequence[str] | None = None,
        scopes: Sequence[str] | None = None,
        rate_limit: str | None = None,
        per: Per = "plan",
        timeout: float | timedelta = 10.0,
        concurrency: int | None = None,
        retries: int = 0,
        idempotent: bool = False,
        on_error: OnError = "null",
        types: str | None = None,
        rename: NameForm | None = None,
    ) -> Callable[[F], F]:
        """Register a function as the resolver of a subscription field; it stays as it is.

        The function takes the event, the field's arguments and, if it declares a parameter `ctx`,
        the context of the call: ``async def order_updated(event: Event[OrderRow], variables:
        OrderVars, ctx: Context[App]) -> Order | Skip``. Plain functions run in threads.

        :param sdl: the field, as in a schema: ``"orderUpdated(id: ID): Order"``. Without it, the
            name is the function's in camelCase, the arguments are the fields of `variables` and
            the type is that of the result; the docstring describes it.
        :param channel: whose events it delivers.
        :param events: the event types it delivers, or one of them; all if left out.
        :param row_filter: claim by field of events: who sees an event has the value in the claim.
        :param tenant_field: the event's field that has its tenant; ``""`` for none.
        :param shared: also deliver events without a tenant, to every tenant.
        :param subgraph: the federated subgraph that a client must have.
        :param scope: claim by argument: what a client may ask for.
        :param roles: a client has one of them.
        :param scopes: a client has all of them.
        :param rate_limit: events per client, as ``"10/s burst 20"``.
        :param per: ``"plan"``: one call per event and distinct selection and arguments, without
            an identity; ``"audience"``: one for each role and claims besides, with an identity.
        :param timeout: what a call may take, in seconds or as a timedelta.
        :param concurrency: how many calls may run at a time.
        :param retries: how often a call that was lost with its process is made again.
        :param idempotent: whether a call may be made twice for one event.
        :param on_error: what subscribers get when a call fails: ``"null"`` and the error,
            ``"skip"``: nothing, ``"complete"``: the error, and the subscription ends.
        :param types: SDL of the types that the field needs; by default they are made from the
            annotation of the result. ``""`` if they are registered elsewhere.
        :param rename: ``"camel"`` makes camelCase of the names of arguments and fields, which
            otherwise are those of the Python classes.
        :raises ValueError: if something about it is wrong; the message names function and fault.
        """

        namespace = Namespace.of_frame(sys._getframe(1))  # pyright: ignore[reportPrivateUsage]

        def decorate(function: F) -> F:
            with fault_of("@subscription", function):
                text = None if sdl is None else read_field(sdl)
                name = text.name if text else camel_case(getattr(function, "__name__", ""))
                check_name(name, "field")
                if name in self._subscriptions:
                    other = function_name(self._functions[name])
                    raise Fault(f'the field "{name}" has a function already, {other}')
                resolution = check_resolution(
                    Resolution(per, timeout, concurrency, retries, idempotent, on_error)
                )
                options = check_field_options(
                    channel,
                    row_filter=row_filter,
                    tenant_field=tenant_field,
                    shared=shared,
                    subgraph=subgraph,
                    scope=scope,
                    roles=roles,
                    scopes=scopes,
                    rate_limit=rate_limit,
                )
                event_types = check_events(events)
                parameters = read_parameters(function)

            def make() -> SubscriptionDefinition:
                with fault_of("@subscription", function):
                    codecs = read_codecs(function, parameters, namespace, rename, is_batch=False)
                    if sdl is None or text is None:
                        field = infer_field(function, name, codecs)
                    else:
                        field = complete_field(sdl, text, codecs)
                    for argument in options.get("scope", {}):
                        if argument not in field.arguments:
                            raise Fault(f'scope: the field has no argument "{argument}"')
                        is_known = codecs.columns is not None
                        if is_known and argument not in field.filters:
                            raise Fault(
                                f'scope: the argument "{argument}" does not filter: the event\'s '
                                "class has no such attribute, so it would keep nobody out"
                            )
                    return SubscriptionDefinition(
                        function=function,
                        field=name,
                        per=resolution.per,
                        timeout=resolution.timeout,
                        concurrency=resolution.concurrency,
                        retries=resolution.retries,
                        idempotent=resolution.idempotent,
                        on_error=resolution.on_error,
                        event_type=codecs.event_type,
                        variables_type=codecs.variables_type,
                        takes_variables=parameters.variables is not None,
                        takes_context=parameters.context is not None,
                        is_async=parameters.is_async,
                        decode_event=codecs.decode_event,
                        decode_variables=codecs.decode_variables,
                        encode_result=codecs.encode_result,
                        sdl=field.sdl,
                        types={} if types is not None else field.types,
                        types_sdl=types,
                        channel=channel,
                        events=event_types,
                        filters=field.filters,
                        options=options,
                    )

            self._subscriptions.add(name, make)
            self._batches.forget(name)
            self._functions[name] = function
            return function

        return decorate

    def batch(
        self,
        field: str,
        /,
        *,
        max_size: int = 64,
        per: Per | None = None,
        timeout: float | timedelta | None = None,
        concurrency: int | None = None,
        retries: int | None = None,
        idempotent: bool | None = None,
        on_error: OnError | None = None,
    ) -> Callable[[F], F]:
        """Register a function that resolves several events of a field at a time.

        ``async def orders_updated(events: Sequence[Event[OrderRow]], variables: OrderVars, ctx:
        Context[App]) -> Sequence[Order | Skip]``: all events are of one plan, with the same
        variables, in the order of their commits; the results are in the order of the events.

        The field is one that `subscription` registers, whose function then gets the events that
        come alone, or one that SQL registers. How it is called is said there where the field has a
        function with `subscription`; otherwise here, with the same options and defaults.

        :param field: its name.
        :param max_size: how many events the function takes at most, from 1 to 10,000.
        :raises ValueError: if something about it is wrong; the message names function and fault.
        """
        namespace = Namespace.of_frame(sys._getframe(1))  # pyright: ignore[reportPrivateUsage]
        given = {
            name: value
            for name, value in {
                "per": per,
                "timeout": timeout,
                "concurrency": concurrency,
                "retries": retries,
                "idempotent": idempotent,
                "on_error": on_error,
            }.items()
            if value is not None
        }

        def decorate(function: F) -> F:
            with fault_of("@batch", function):
                check_name(field, "field")
                if field in self._batches:
                    other = function_name(self._batch_functions[field])
                    raise Fault(f'the field "{field}" has a batch function already, {other}')
                if isinstance(max_size, bool) or not 1 <= max_size <= 10_000:
                    raise Fault(f"max_size is {max_size!r}; it is from 1 to 10000")
                own = check_resolution(Resolution(**given))
                parameters = read_parameters(function)

            def make() -> BatchDefinition:
                with fault_of("@batch", function):
                    resolution = own
                    if field in self._subscriptions:
                        if given:
                            raise Fault(
                                f"{', '.join(given)}: said where the field has its @subscription"
                            )
                        single = self._subscriptions[field]
                        resolution = Resolution(
                            single.per,
                            single.timeout,
                            single.concurrency,
                            single.retries,
                            single.idempotent,
                            single.on_error,
                        )
                    codecs = read_codecs(function, parameters, namespace, None, is_batch=True)
                    return BatchDefinition(
                        function=function,
                        field=field,
                        per=resolution.per,
                        timeout=resolution.timeout,
                        concurrency=resolution.concurrency,
                        retries=resolution.retries,
                        idempotent=resolution.idempotent,
                        on_error=resolution.on_error,
                        event_type=codecs.event_type,
                        variables_type=codecs.variables_type,
                        takes_variables=parameters.variables is not None,
                        takes_context=parameters.context is not None,
                        is_async=parameters.is_async,
                        decode_event=codecs.decode_event,
                        decode_variables=codecs.decode_variables,
                        encode_result=codecs.encode_result,
                        max_size=max_size,
                    )

            self._batches.add(field, make)
            self._batch_functions[field] = function
            return function

        return decorate


registry: Registry = Registry()
"""Where `subscription` and `batch` of this module register."""

subscription: Final = registry.subscription
batch: Final = registry.batch

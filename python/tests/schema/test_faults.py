"""What a decorator refuses, and what it says: the function and the fault."""

import enum
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from datetime import time, timedelta
from typing import Any, Literal

import pytest

from fraiseql_subs.event import Event, Skip
from fraiseql_subs.markers import GraphQLName, GraphQLType
from fraiseql_subs.registry import Registry


@dataclass
class Row:
    id: int


def whole(event: Event[Row], variables: dict[str, Any]) -> int:
    return event.data.id


def refusal(function: Any, *arguments: Any, decorator: str = "subscription", **options: Any) -> str:
    """Return what is said of a function, without its name."""
    registry = Registry()
    if decorator == "subscription":
        options = {"channel": "c"} | options
    with pytest.raises(ValueError) as caught:
        getattr(registry, decorator)(*arguments, **options)(function)
    decorated = f"@{decorator} of {function.__module__}.{function.__qualname__}: "
    message = str(caught.value)
    assert message.startswith(decorated)
    assert not list(registry.subscriptions), "what was refused is not registered"
    assert not list(registry.batches), "what was refused is not registered"
    return message.removeprefix(decorated)


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        ({"channel": ""}, "channel is empty"),
        ({"channel": None}, "channel is None; it is a text"),
        ({"channel": "a\0"}, "channel has a zero byte, which PostgreSQL takes in no text"),
        ({"events": []}, "events is empty; leave it out to deliver every event of the channel"),
        ({"events": [None]}, "events is None; it is a text"),
        ({"events": 5}, "events is 5; it is a list of event types"),
        ({"per": "user"}, 'per is \'user\'; it is "plan" or "audience"'),
        ({"timeout": 0}, "timeout is 0 s; it is from 0.001 s to 3600 s"),
        ({"timeout": -1.5}, "timeout is -1.5 s; it is from 0.001 s to 3600 s"),
        ({"timeout": float("inf")}, "timeout is inf s; it is from 0.001 s to 3600 s"),
        ({"timeout": timedelta(hours=2)}, "timeout is 7200.0 s; it is from 0.001 s to 3600 s"),
        ({"timeout": "5 s"}, "timeout is '5 s'; it is a number of seconds or a timedelta"),
        ({"timeout": True}, "timeout is True; it is a number of seconds or a timedelta"),
        ({"concurrency": 0}, "concurrency is 0; it is from 1 to 100000, or None"),
        ({"concurrency": 1.5}, "concurrency is 1.5; it is from 1 to 100000, or None"),
        ({"retries": -1}, "retries is -1; it is from 0 to 100"),
        ({"retries": 101}, "retries is 101; it is from 0 to 100"),
        ({"retries": None}, "retries is None; it is from 0 to 100"),
        ({"idempotent": "yes"}, "idempotent is 'yes'; it is True or False"),
        ({"on_error": "raise"}, 'on_error is \'raise\'; it is "null", "skip" or "complete"'),
        ({"shared": 1}, "shared is 1; it is True or False"),
        ({"shared": True, "tenant_field": ""}, "shared is about a tenant field, and there is none"),
        ({"tenant_field": "a..b"}, 'tenant_field: "a..b" is not a field of events'),
        ({"subgraph": ""}, "subgraph is empty"),
        ({"roles": []}, "roles is empty or has an empty text; leave roles out to demand none"),
        (
            {"scopes": ["a", ""]},
            "scopes is empty or has an empty text; leave scopes out to demand none",
        ),
        ({"roles": 7}, "roles is 7; it is a list of texts"),
        ({"row_filter": {}}, "row_filter is {}; it has a claim for each event field"),
        ({"row_filter": {"": "user"}}, "row_filter: '' is not an event field"),
        (
            {"row_filter": {"a": "users"}},
            'row_filter: \'users\', for "a", names no claim; there are "user", "tenant", '
            '"roles", "scopes", "subgraphs", "role" and paths such as "$.regions"',
        ),
        ({"scope": {"id": "user"}}, 'scope: the field has no argument "id"'),
        (
            {"rate_limit": "often"},
            'rate_limit is "often"; it is written as "10/s", "600/min burst 50" or "5000/h"',
        ),
    ],
    ids=str,
)
def test_an_option_that_cannot_be_is_refused(options: dict[str, Any], fault: str) -> None:
    assert refusal(whole, "changed: Int", **options) == fault


@pytest.mark.parametrize("claim", ["user", "$.regions", '$."https://example.com/claims".user'])
def test_claims_are_names_and_paths(claim: str) -> None:
    Registry().subscription("a: Int", channel="c", row_filter={"a.b": claim})(whole)


@pytest.mark.parametrize("rate", ["0", "10/s", "600/min burst 50", "5000/h"])
def test_rates_are_written_as_in_sql(rate: str) -> None:
    Registry().subscription("a: Int", channel="c", rate_limit=rate)(whole)


@pytest.mark.parametrize(
    ("sdl", "fault"),
    [
        ("", "SDL has its end where a name is due"),
        (
            "orderUpdated",
            'SDL is not that of a field: after "orderUpdated" there is no ":" and type',
        ),
        (
            "type Order { id: ID }",
            'SDL is not that of a field: after "type" there is no ":" and type',
        ),
        ("a(id: ID: Order", "SDL has ':' where a name is due"),
        ("a(id ID): Order", "SDL has 'ID' where a : is due"),
        ("a(id: ID, id: ID): Order", 'SDL has two arguments "id"'),
        ("a: [Order", "SDL has its end where a ] is due"),
        ("a: Order b: Order", "SDL goes on with 'b' after the field; it is one field"),
        ("a: Order }", "SDL goes on with '}' after the field; it is one field"),
        ("a(x: [Int] = [1, 2", "SDL ends where a ] is due"),
        ("a: %", "SDL cannot have '%' at character 4"),
        ("__a: Int", 'field "__a" begins with two underscores, which GraphQL keeps to itself'),
    ],
)
def test_sdl_that_is_no_field_is_refused(sdl: str, fault: str) -> None:
    assert refusal(whole, sdl) == fault


def test_the_parts_of_a_fields_sdl_that_matter_are_read() -> None:
    registry = Registry()
    registry.subscription(
        '''"""About "it"."""  # more
        a("which" id: ID! = "x" @deprecated(reason: "no"), tags: [[String!]!] = [["]"]],
          o: O = {a: {b: 1.5e3}}, n: Int = -1, e: E = RED, v: Boolean = true
        ): [Order!]! @x(y: $z)''',
        channel="c",
    )(whole)
    assert list(registry.subscriptions) == ["a"]


def test_a_field_has_one_function() -> None:
    registry = Registry()
    registry.subscription("a: Int", channel="c")(whole)
    registry.batch("a")(batched)
    with pytest.raises(ValueError, match=r'"a" has a function already, test_faults\.whole$'):
        registry.subscription("a: Int", channel="c")(whole)
    with pytest.raises(
        ValueError, match=r'"a" has a batch function already, test_faults\.batched$'
    ):
        registry.batch("a")(batched)


def batched(events: Sequence[Event[Row]]) -> Sequence[int | Skip]:
    return [event.data.id for event in events]


# Parameters ---------------------------------------------------------------------------------------


def test_a_function_takes_event_variables_and_context() -> None:
    def none() -> int:
        return 1

    def many(event: Event[Row], variables: dict[str, Any], ctx: Any, more: Any) -> int:
        return 1

    def other(event: Event[Row], variables: dict[str, Any], something: Any) -> int:
        return 1

    def star(*events: Any) -> int:
        return 1

    def keyword(event: Event[Row], *, variables: Any) -> int:
        return 1

    assert refusal(none, "a: Int") == "it takes no event; its first parameter is the event"
    assert refusal(many, "a: Int") == (
        'it has a parameter "more" too many; it takes event, variables and ctx at most'
    )
    assert refusal(other, "a: Int") == (
        'it has the parameters "variables" and "something" behind the event; these are the '
        "variables, and the context if it is called ctx"
    )
    assert refusal(star, "a: Int") == "it takes *events; declare event, variables and ctx"
    assert refusal(keyword, "a: Int") == (
        'its parameter "variables" is keyword-only; arguments come by position'
    )


def test_a_generator_is_no_resolver() -> None:
    async def asynchronous(event: Event[Row]) -> AsyncIterator[int]:
        yield 1

    def plain(event: Event[Row]) -> Iterator[int]:
        yield 1

    for function in (asynchronous, plain):
        assert (
            refusal(function, "a: Int") == "it yields; a resolver returns one result for one event"
        )


# Types --------------------------------------------------------------------------------------------


def test_variables_that_are_a_dict_need_sdl() -> None:
    assert refusal(whole) == (
        "its variables are a dict, which does not name the arguments; annotate them with a class, "
        "or write the field as SDL"
    )


def test_a_result_that_is_not_annotated_needs_sdl() -> None:
    def changed(event: Event[Row]):  # type: ignore[no-untyped-def]
        return 1

    assert (
        refusal(changed)
        == "it does not say what it returns; annotate it, or write the field as SDL"
    )
    Registry().subscription("a: Int", channel="c")(changed)


def test_variables_are_a_class() -> None:
    def changed(event: Event[Row], variables: list[int]) -> int:
        return 1

    assert refusal(changed) == (
        "its variables: list[int] has no names of arguments; a class or dict has"
    )


def test_an_argument_is_no_object() -> None:
    @dataclass
    class Vars:
        row: Row

    def changed(event: Event[Row], variables: Vars) -> int:
        return 1

    assert refusal(changed) == (
        "its variables: Vars.row: an argument is a scalar, an enum or a list; for a filter write "
        'Annotated[dict[str, Any], GraphQLType("OrderFilter")]'
    )


def test_a_default_is_one_that_sdl_can_say() -> None:
    @dataclass
    class Vars:
        amount: int = "many"  # type: ignore[assignment]

    def changed(event: Event[Row], variables: Vars) -> int:
        return 1

    assert refusal(changed) == "its variables: amount: the default is 'many', not an int"


def test_arguments_in_sdl_are_those_of_the_class() -> None:
    @dataclass
    class Vars:
        customer_id: int

    def changed(event: Event[Row], variables: Vars) -> int:
        return 1

    assert refusal(changed, "changed(customerId: Int, id: ID): Int") == (
        'its variables have "customer_id", and the field has the arguments "customerId", "id"; '
        'a name that differs is said by GraphQLName or rename="camel"'
    )
    Registry().subscription("changed(customerId: Int): Int", channel="c", rename="camel")(changed)


def test_a_scope_is_on_an_argument_that_filters() -> None:
    @dataclass
    class Vars:
        owner: int

    def changed(event: Event[Row], variables: Vars) -> int:
        return 1

    assert refusal(changed, scope={"owner": "user"}) == (
        'scope: the argument "owner" does not filter: the event\'s class has no such attribute, so '
        "it would keep nobody out"
    )


class Empty(enum.Enum):
    pass


class Odd(enum.Enum):
    ÉTÉ = 1


@dataclass
class Nothing:
    pass


@dataclass
class Deep:
    inner: "dict[int, str]"


@dataclass
class Deeper:
    deep: list[Deep]


@pytest.mark.parametrize(
    ("result", "fault"),
    [
        (
            int | str,
            "its result: int | str is a union, of which no GraphQL type can be made; use one "
            "class, or write the field as SDL and return a dict",
        ),
        (None, "its result: None is no type of GraphQL's by itself"),
        (Skip, "its result is nothing but Skip"),
        (Literal["a"], "its result: Literal['a'] has no GraphQL type; these have: "),
        (time, "its result: time has no GraphQL type; these have: "),
        (list, "its result: list does not say of what: list[str]"),
        (tuple[int, str], "its result: tuple[int, str] is no list: tuple[T, ...] is one"),
        (dict[int, str], "its result: dict[int, str] is no JSON: its keys must be str"),
        (Empty, "its result: enum Empty has no members"),
        (
            Odd,
            'its result: enum value "ÉTÉ" is not a GraphQL name: letters, digits and underscores',
        ),
        (Nothing, "type Nothing has no fields, and GraphQL wants one at least"),
        (
            Deeper,
            "Deep.inner: dict[int, str] is no JSON: its keys must be str",
        ),
    ],
    ids=str,
)
def test_a_result_that_graphql_has_no_type_for_is_refused(result: object, fault: str) -> None:
    def changed(event: Event[Row]) -> Any:
        return None

    changed.__annotations__["return"] = result
    assert refusal(changed).startswith(fault)


def test_the_fields_on_the_way_to_a_fault_are_named() -> None:
    @dataclass
    class Bad:
        at: time

    @dataclass
    class Order:
        bad: Bad | None

    def changed(event: Event[Order]) -> int:
        return 1

    assert refusal(changed).startswith("its event: Bad.at: time has no GraphQL type; ")


def test_two_classes_cannot_make_one_type() -> None:
    @dataclass
    class Order:
        row: Row

    def make_row() -> type[Any]:
        @dataclass
        class Row:
            note: str
            order: Order

        return Row

    def changed(event: dict[str, Any]) -> Any:
        return None

    changed.__annotations__["return"] = make_row()
    assert "two classes make a type Row: " in refusal(changed)


def test_names_are_those_of_graphql() -> None:
    with pytest.raises(ValueError, match='^name "a b" is not a GraphQL name'):
        GraphQLName("a b")
    with pytest.raises(ValueError, match='^type "__T" begins with two underscores'):
        GraphQLType("__T")
    assert refusal(lambda event: event) == (
        'field "<lambda>" is not a GraphQL name: letters, digits and underscores'
    )


# Batches ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 10_001, True, -1])
def test_a_batch_has_a_size(size: int) -> None:
    assert refusal(batched, "a", decorator="batch", max_size=size) == (
        f"max_size is {size}; it is from 1 to 10000"
    )


def test_a_batch_takes_and_returns_sequences() -> None:
    def single(event: Event[Row]) -> list[int]:
        return [1]

    def result(events: Sequence[Event[Row]]) -> int:
        return 1

    assert refusal(single, "a", decorator="batch") == (
        'parameter "event" is fraiseql_subs.event.Event[test_faults.Row]; a batch takes '
        "Sequence[Event[T]] and returns Sequence[Result]"
    )
    assert refusal(result, "a", decorator="batch") == (
        "the result is int; a batch takes Sequence[Event[T]] and returns Sequence[Result]"
    )


def test_options_are_said_once() -> None:
    registry = Registry()
    registry.subscription("a: Int", channel="c")(whole)
    with pytest.raises(ValueError, match=r"timeout, on_error: said where the field has its @subsc"):
        registry.batch("a", timeout=1, on_error="skip")(batched)


def test_what_an_argument_filters_by_must_be_known() -> None:
    @dataclass
    class Vars:
        customer_id: int

    def changed(event: dict[str, Any], variables: Vars) -> Row:
        return Row(1)

    assert refusal(changed) == (
        'its variables: what "customer_id" filters by is not known, since the event is a dict: '
        'write Annotated[…, FiltersBy("customer_id")] or FiltersNothing(), or take an Event of a '
        "class"
    )

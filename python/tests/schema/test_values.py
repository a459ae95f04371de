"""Values on their way: events and variables into classes, results into JSON."""

import enum
import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Annotated, Any, Generic, TypedDict, TypeVar

import msgspec
import pydantic
import pytest
from typing_extensions import NotRequired

from fraiseql_subs._schema.faults import DecodeError, EncodeError
from fraiseql_subs.event import SKIP, Event, Skip
from fraiseql_subs.markers import ID, GraphQLName
from fraiseql_subs.registry import Registry, SubscriptionDefinition

T = TypeVar("T")
UTC = timezone.utc


class Status(enum.Enum):
    NEW = "new"
    PAID = "paid"


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


def resolver(event: object = dict, variables: object = dict, result: object = Any) -> Any:
    """Register a function with these annotations."""
    registry = Registry()

    def changed(event: Any, variables: Any) -> Any:
        raise NotImplementedError

    changed.__annotations__ = {"event": event, "variables": variables, "return": result}
    sdl = "changed: JSON" if variables is dict else None
    if sdl and result is not Any:
        registry.subscription("changed: JSON", channel="c")(changed)
    else:
        registry.subscription(sdl, channel="c")(changed)
    return registry.subscriptions["changed"]


def envelope(data: object, **changed: object) -> dict[str, Any]:
    """Make one as a call has it: of JSON, with decimals."""
    made = {
        "id": "7",
        "type": "paid",
        "channel": "orders",
        "data": data,
        "old": None,
        "position": "1:7",
        "commit_time": "2026-11-27T20:00:00.123456Z",
        "correlation_id": "c",
        "subgraph": None,
    }
    return json.loads(json.dumps(made | changed), parse_float=Decimal)  # type: ignore[no-any-return]


def decoded(type_: object, value: object) -> Any:
    """Decode a value as the only field of an event."""

    @dataclass
    class Row:
        value: Any

    Row.__annotations__["value"] = type_
    definition: SubscriptionDefinition = resolver(Event[Row])
    return definition.decode_event(envelope({"value": value})).data.value


def encoded(type_: object, value: object) -> Any:
    return resolver(result=type_).encode_result(value)


@pytest.mark.parametrize(
    ("type_", "value", "expected"),
    [
        (int, 7, 7),
        (int, 7.0, 7),
        (int, "12345678901234567890", 12345678901234567890),
        (float, 7, 7.0),
        (float, 0.5, 0.5),
        (float, "-Infinity", float("-inf")),
        (str, "a", "a"),
        (Annotated[str, ID], 7, "7"),
        (bool, True, True),
        (Decimal, 12.5, Decimal("12.5")),
        (Decimal, 3, Decimal(3)),
        (Decimal, "12345678901234567890.10", Decimal("12345678901234567890.10")),
        (
            uuid.UUID,
            "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
            uuid.UUID(int=0xA0EEBC999C0B4EF8BB6D6BB9BD380A11),
        ),
        (datetime, "2026-01-02T03:04:05+00:00", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
        (datetime, "2026-01-02T03:04:05.5Z", datetime(2026, 1, 2, 3, 4, 5, 500000, tzinfo=UTC)),
        (datetime, "2026-01-02 03:04", datetime(2026, 1, 2, 3, 4)),
        (
            datetime,
            "2026-01-02T03:04:05.1234567-05:30",
            datetime(2026, 1, 2, 3, 4, 5, 123456, timezone(-timedelta(hours=5, minutes=30))),
        ),
        (datetime, "2026-01-02T03:04:05+02", datetime(2026, 1, 2, 1, 4, 5, tzinfo=UTC)),
        (date, "2026-01-02", date(2026, 1, 2)),
        (bytes, "\\x00ff", b"\x00\xff"),
        (bytes, "AP8=", b"\x00\xff"),
        (dict[str, Any], {"a": [1.5, {"b": 2}]}, {"a": [1.5, {"b": 2}]}),
        (Status, "paid", Status.PAID),
        (Level, 2, Level.HIGH),
        (Level, "HIGH", Level.HIGH),
        (int | None, None, None),
        (list[int | None], [1, None], [1, None]),
        (tuple[int, ...], [1, 2], (1, 2)),
        (set[str], ["a", "a"], {"a"}),
        (Sequence[date], ["2026-01-02"], [date(2026, 1, 2)]),
    ],
    ids=str,
)
def test_a_column_becomes_what_the_class_says(
    type_: object, value: object, expected: object
) -> None:
    found = decoded(type_, value)
    assert found == expected
    assert type(found) is type(expected)


def test_a_number_keeps_every_digit() -> None:
    text = '{"value": 12345678901234567890.12345678901234567890}'
    data = json.loads(text, parse_float=Decimal)

    @dataclass
    class Row:
        value: Decimal

    definition: SubscriptionDefinition = resolver(Event[Row])
    event = definition.decode_event(envelope(None) | {"data": data})
    assert event.data.value == Decimal("12345678901234567890.12345678901234567890")


@pytest.mark.parametrize(
    ("type_", "value", "fault"),
    [
        (int, "a", "data.value is 'a', not a whole number"),
        (int, 1.5, "data.value is Decimal('1.5'), not a whole number"),
        (int, True, "data.value is True, not a whole number"),
        (int, None, "data.value is None, not a whole number"),
        (float, "x", "data.value is 'x', not a number"),
        (str, 1.5, "data.value is Decimal('1.5'), not a text"),
        (bool, 1, "data.value is 1, not a boolean"),
        (Decimal, "x", "data.value is 'x', not a number"),
        (uuid.UUID, "x", "data.value is 'x', not a UUID"),
        (datetime, "infinity", "data.value is 'infinity', not a date and time"),
        (datetime, "2026-13-01 00:00", "data.value is '2026-13-01 00:00', not a date and time"),
        (date, 5, "data.value is 5, not a date"),
        (bytes, "\\xf", "data.value is '\\\\xf', not bytes in base64 or hex"),
        (Status, "lost", "data.value is 'lost', not a value of Status"),
        (Status, ["new"], "data.value is ['new'], not a value of Status"),
        (list[int], 1, "data.value is 1, not a list"),
        (list[int], [1, "b"], "data.value[1] is 'b', not a whole number"),
        (list[int], "x" * 100, "data.value is '" + "x" * 56 + "..., not a list"),
    ],
    ids=str,
)
def test_what_does_not_fit_is_named_with_its_place(
    type_: object, value: object, fault: str
) -> None:
    with pytest.raises(DecodeError) as caught:
        decoded(type_, value)
    assert str(caught.value) == fault


@dataclass
class Customer:
    name: str


@dataclass
class Row:
    id: int
    customer: Customer | None
    status: Status = Status.NEW
    tags: list[str] = field(default_factory=list)
    label: str = field(init=False, default="made")


def test_an_event_has_its_envelope() -> None:
    event = resolver(Event[Row]).decode_event(
        envelope({"id": 1, "customer": {"name": "A"}, "more": 1})
    )
    assert event == Event(
        id="7",
        type="paid",
        channel="orders",
        data=Row(1, Customer("A")),
        old=None,
        position="1:7",
        commit_time=datetime(2026, 11, 27, 20, 0, 0, 123456, UTC),
        correlation_id="c",
        subgraph=None,
    )


def change(operation: str, row: object, old: object = None) -> dict[str, Any]:
    return envelope(
        {"operation": operation, "table": "public.orders", "row": row, "old": old}, type=operation
    )


def test_the_data_of_a_change_is_the_row() -> None:
    event = resolver(Event[Row]).decode_event(
        change("UPDATE", {"id": 1, "customer": None}, {"id": 1, "customer": None, "status": "paid"})
    )
    assert event.data == Row(1, None)
    assert event.old == Row(1, None, Status.PAID)
    assert event.type == "UPDATE"


def test_a_published_event_may_have_a_key_called_old() -> None:
    @dataclass
    class Price:
        new: int
        old: int

    event = resolver(Event[Price]).decode_event(envelope({"new": 2, "old": 1}, old=1))
    assert (event.data, event.old) == (Price(2, 1), None)


def test_truncate_has_no_row_and_is_for_those_who_say_so() -> None:
    assert resolver(Event[Row]).decode_event(change("TRUNCATE", None)) is SKIP
    assert resolver(Event[Row | None]).decode_event(change("TRUNCATE", None)).data is None
    assert resolver(Event[Any]).decode_event(change("TRUNCATE", None)).data is None


def test_a_dict_is_the_data_as_it_was_published() -> None:
    data = {"operation": "TRUNCATE", "table": "public.orders", "row": None, "old": None}
    assert resolver(dict).decode_event(change("TRUNCATE", None)) == data
    assert resolver(dict[str, Any]).decode_event(envelope({"n": 1.5})) == {"n": 1.5}
    assert isinstance(resolver(Any).decode_event(envelope({"n": 1.5}))["n"], float)
    assert resolver(Row).decode_event(envelope({"id": 1, "customer": None})) == Row(1, None)


def test_what_an_event_lacks_is_null_or_the_default_or_told() -> None:
    decode = resolver(Event[Row]).decode_event
    assert decode(envelope({"id": 1})).data == Row(1, None)
    with pytest.raises(DecodeError, match=r"^data\.id is missing$"):
        decode(envelope({}))
    with pytest.raises(DecodeError, match=r"^data\.customer\.name is missing$"):
        decode(envelope({"id": 1, "customer": {}}))
    with pytest.raises(DecodeError, match=r"^data is \[1\], not a JSON object, as Row is$"):
        decode(envelope([1]))


def test_a_commit_time_may_be_microseconds() -> None:
    event = resolver(Event[Any]).decode_event(envelope(1, commit_time=1_500_000))
    assert event.commit_time == datetime(1970, 1, 1, 0, 0, 1, 500000, UTC)


class Struct(msgspec.Struct, rename="camel"):
    order_id: int
    total: Decimal
    at: datetime | None = None


class Model(pydantic.BaseModel):
    order_id: int = pydantic.Field(alias="orderId", gt=0)
    total: Decimal
    either: int | str = 0


class Dict(TypedDict):
    id: int
    status: Status
    note: NotRequired[str]


def test_msgspec_and_pydantic_read_events_by_their_own_rules() -> None:
    data = {"orderId": 1, "total": 1.25, "at": "2026-01-02T00:00:00Z", "either": "x"}
    assert resolver(Event[Struct]).decode_event(envelope(data)).data == Struct(
        1, Decimal("1.25"), datetime(2026, 1, 2, tzinfo=UTC)
    )
    model = resolver(Event[Model]).decode_event(envelope(data)).data
    assert (model.order_id, model.total, model.either) == (1, Decimal("1.25"), "x")
    with pytest.raises(DecodeError, match=r"^data: Expected `int`, got `str` - at `\$\.orderId`$"):
        resolver(Event[Struct]).decode_event(envelope({"orderId": "x", "total": 1}))
    with pytest.raises(DecodeError, match=r"^data: 1 validation error for Model"):
        resolver(Event[Model]).decode_event(envelope({"orderId": 0, "total": 1}))


def test_a_typed_dict_is_a_dict() -> None:
    data = resolver(Event[Dict]).decode_event(envelope({"id": 1, "status": "new", "x": 1})).data
    assert data == {"id": 1, "status": Status.NEW}


@dataclass
class Box(Generic[T]):
    value: T


def test_generic_events_are_decoded_by_what_they_are_of() -> None:
    data = resolver(Event[Box[date]]).decode_event(envelope({"value": "2026-01-02"})).data
    assert data == Box(date(2026, 1, 2))


# Variables ----------------------------------------------------------------------------------------


@dataclass
class Vars:
    id: int
    level: Level = Level.LOW
    customer_id: Annotated[uuid.UUID | None, GraphQLName("customerId")] = None
    tags: list[str] = field(default_factory=lambda: ["a"])


def test_variables_come_by_their_graphql_names() -> None:
    decode = resolver(Event[Row], Vars, int).decode_variables
    assert decode({"id": 1}) == Vars(1)
    assert decode({"id": 1, "level": "HIGH", "customerId": str(uuid.UUID(int=1))}) == Vars(
        1, Level.HIGH, uuid.UUID(int=1)
    )


def test_null_is_left_out_where_python_has_a_default_that_is_not_none() -> None:
    assert resolver(Event[Row], Vars, int).decode_variables({"id": 1, "tags": None}) == Vars(1)


def test_structs_and_models_get_variables_by_their_own_names() -> None:
    class StructVars(msgspec.Struct, rename="camel"):
        order_id: Annotated[int, GraphQLName("order")]
        level: Level = Level.LOW
        levels: list[Level] = []

    class ModelVars(pydantic.BaseModel):
        order_id: int = pydantic.Field(alias="orderId")
        level: Level | None = None

    struct = resolver(Event[Row], StructVars, int).decode_variables
    assert struct({"order": 1, "level": "HIGH", "levels": ["LOW"]}) == StructVars(
        1, Level.HIGH, [Level.LOW]
    )
    model = resolver(Event[Row], ModelVars, int).decode_variables({"orderId": 1, "level": "HIGH"})
    assert (model.order_id, model.level) == (1, Level.HIGH)


def test_variables_may_be_a_dict() -> None:
    assert resolver(dict, dict).decode_variables({"a": 1.0}) == {"a": 1.0}


# Results ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("type_", "value", "expected"),
    [
        (int, 7, 7),
        (float, 7, 7.0),
        (float, Decimal("0.5"), 0.5),
        (str, "a", "a"),
        (bool, False, False),
        (Decimal, Decimal("1E+3"), "1000"),
        (Decimal, Decimal("12.10"), "12.10"),
        (Decimal, Decimal("NaN"), "NaN"),
        (uuid.UUID, uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (Annotated[int, ID], 7, "7"),
        (Annotated[list[int], ID], [7], ["7"]),
        (datetime, datetime(2026, 1, 2, tzinfo=UTC), "2026-01-02T00:00:00+00:00"),
        (date, date(2026, 1, 2), "2026-01-02"),
        (bytes, b"\x00\xff", "AP8="),
        (Status, Status.PAID, "paid"),
        (Level, Level.HIGH, "HIGH"),
        (int | None, None, None),
        (int | Skip, SKIP, SKIP),
        (list[date], (date(2026, 1, 2),), ["2026-01-02"]),
        (
            dict[str, Any],
            {"at": date(2026, 1, 2), "n": [Decimal("1.0")]},
            {"at": "2026-01-02", "n": ["1.0"]},
        ),
        (
            Any,
            {"level": Level.HIGH, "status": Status.NEW, "none": None},
            {"level": 2, "status": "new", "none": None},
        ),
        (Any, [Customer("A"), {1}, (2,)], [{"name": "A"}, [1], [2]]),
        (Any, Struct(1, Decimal(2)), {"order_id": 1, "total": "2", "at": None}),
        (Any, Model(orderId=1, total=Decimal(2)), {"order_id": 1, "total": "2", "either": 0}),
        (Customer, Customer("A"), {"name": "A"}),
        (Struct, Struct(1, Decimal(2)), {"orderId": 1, "total": "2", "at": None}),
        (Dict, {"id": 1, "status": Status.NEW}, {"id": 1, "status": "new"}),
        (Box[date], Box(date(2026, 1, 2)), {"value": "2026-01-02"}),
    ],
    ids=str,
)
def test_a_result_becomes_json(type_: object, value: object, expected: object) -> None:
    found = encoded(type_, value)
    assert found == expected
    assert found is SKIP or json.loads(json.dumps(found)) == expected


@pytest.mark.parametrize(
    ("type_", "value", "fault"),
    [
        (int, "7", "the result is '7', not an int"),
        (int, True, "the result is True, not an int"),
        (float, float("nan"), "the result is nan, not a finite number"),
        (str, 7, "the result is 7, not a str"),
        (bool, 1, "the result is 1, not a bool"),
        (Decimal, 1.5, "the result is 1.5, not a Decimal"),
        (uuid.UUID, "x", "the result is 'x', not a UUID"),
        (Annotated[str, ID], 1.5, "the result is 1.5, not a str, int or UUID"),
        (datetime, date(2026, 1, 2), "the result is datetime.date(2026, 1, 2), not a datetime"),
        (
            date,
            datetime(2026, 1, 2),
            "the result is datetime.datetime(2026, 1, 2, 0, 0), not a date",
        ),
        (bytes, "x", "the result is 'x', not bytes"),
        (Status, "new", "the result is 'new', not a member of Status"),
        (Customer, None, "the result is None, not of the class Customer"),
        (Customer, {"name": "A"}, "the result is {'name': 'A'}, not of the class Customer"),
        (Customer, Customer(7), "name is 7, not a str"),  # type: ignore[arg-type]
        (list[Customer], [Customer("A"), 7], "[1] is 7, not of the class Customer"),
        (list[int], "ab", "the result is 'ab', not a list"),
        (Dict, 7, "the result is 7, not a dict, as Dict is"),
        (Any, object, "the result is <class 'object'>, not something that JSON can express"),
        (Any, {"a": {7: 1}}, "a is {7: 1}, not a dict with texts as keys"),
        (Any, [float("inf")], "[0] is inf, not a finite number"),
    ],
    ids=str,
)
def test_a_result_that_does_not_fit_is_named(type_: object, value: object, fault: str) -> None:
    with pytest.raises(EncodeError) as caught:
        encoded(type_, value)
    assert str(caught.value) == fault


def test_what_is_unset_is_left_out() -> None:
    class Sparse(msgspec.Struct):
        a: int
        b: int | msgspec.UnsetType = msgspec.UNSET

    assert encoded(Sparse, Sparse(1)) == {"a": 1}


def test_results_have_graphql_names() -> None:
    @dataclass
    class Named:
        customer_id: Annotated[int, GraphQLName("customerId")]

    assert encoded(Named, Named(7)) == {"customerId": 7}


def test_skip_is_falsy_and_says_its_name() -> None:
    assert not SKIP
    assert repr(SKIP) == "SKIP"
    assert encoded(Any, SKIP) is SKIP

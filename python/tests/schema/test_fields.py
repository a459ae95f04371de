"""Fields and types that are made of functions and classes."""

import dataclasses
import enum
import functools
import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, ForwardRef, Generic, NewType, Optional, TypedDict, TypeVar

import msgspec
import pydantic
import pytest
from typing_extensions import Doc, NotRequired, TypeAliasType

from fraiseql_subs._schema.faults import Fault, UnknownName
from fraiseql_subs._schema.hints import Namespace, resolve
from fraiseql_subs.event import Event, Skip
from fraiseql_subs.markers import ID, FiltersBy, FiltersNothing, GraphQLName, GraphQLType
from fraiseql_subs.registry import Registry, SubscriptionDefinition

T = TypeVar("T")


class Status(enum.Enum):
    """What has become of it."""

    NEW = "new"
    PAID = "paid"


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


@dataclass
class Row:
    id: int
    customer_id: int
    status: str


def field_returning(result: object, **options: Any) -> SubscriptionDefinition:
    """Register a function with this annotation of its result."""
    registry = Registry()

    def changed(event: dict[str, Any]) -> Any:
        raise NotImplementedError

    changed.__annotations__["return"] = result
    registry.subscription(channel="c", **options)(changed)
    return registry.subscriptions["changed"]


def field_taking(variables: object, **options: Any) -> SubscriptionDefinition:
    """Register a function with this annotation of its variables."""
    registry = Registry()

    def changed(event: Event[Row], variables: Any) -> str:
        raise NotImplementedError

    changed.__annotations__["variables"] = variables
    registry.subscription(channel="c", **options)(changed)
    return registry.subscriptions["changed"]


@pytest.mark.parametrize(
    ("annotation", "type_"),
    [
        (int, "Int"),
        (float, "Float"),
        (str, "String"),
        (bool, "Boolean"),
        (uuid.UUID, "ID"),
        (Annotated[str, ID], "ID"),
        (Annotated[int, ID], "ID"),
        (Annotated[str | None, ID], "ID"),
        (Annotated[list[int], ID], "[ID!]"),
        (Decimal, "Decimal"),
        (datetime, "DateTime"),
        (date, "Date"),
        (bytes, "String"),
        (dict, "JSON"),
        (dict[str, int], "JSON"),
        (Mapping[str, Any], "JSON"),
        (Status, "Status"),
        (Optional[int], "Int"),  # noqa: UP045
        (int | None, "Int"),
        (int | Skip, "Int"),
        (int | None | Skip, "Int"),
        (list[int], "[Int!]"),
        (list[int | None], "[Int]"),
        (list[list[str]], "[[String!]!]"),
        (Sequence[int], "[Int!]"),
        (tuple[int, ...], "[Int!]"),
        (set[str], "[String!]"),
        (NewType("OrderId", str), "String"),
        (TypeAliasType("Alias", int), "Int"),
        (Annotated[Decimal, GraphQLType("Money")], "Money"),
    ],
    ids=str,
)
def test_a_result_has_the_type_of_its_annotation(annotation: object, type_: str) -> None:
    assert field_returning(annotation).sdl == f"changed: {type_}"


@pytest.mark.parametrize(
    ("annotation", "scalar"),
    [(Decimal, "Decimal"), (datetime, "DateTime"), (date, "Date"), (dict, "JSON")],
)
def test_scalars_that_graphql_lacks_are_defined(annotation: object, scalar: str) -> None:
    assert field_returning(annotation).types == {scalar: f"scalar {scalar}"}


def test_scalars_that_graphql_has_are_not() -> None:
    @dataclass
    class All:
        a: int
        b: float
        c: str
        d: bool
        e: uuid.UUID

    assert list(field_returning(All).types) == ["All"]


def test_a_type_that_is_registered_elsewhere_is_not_defined() -> None:
    assert field_returning(Annotated[Row, GraphQLType("Order")]).types == {}
    assert field_returning(Annotated[int, GraphQLType("BigInt")]).types == {}


@dataclass
class Line:
    sku: str
    order: "Order | None" = None


@dataclass
class Order:
    """An order."""

    id: Annotated[str, ID]
    total: Annotated[Decimal, "With tax."]
    lines: list[Line]
    paid_at: datetime | None = None


ORDER = {
    "DateTime": "scalar DateTime",
    "Decimal": "scalar Decimal",
    "Line": "type Line {\n  sku: String!\n  order: Order\n}",
    "Order": '"An order."\ntype Order {\n  id: ID!\n  "With tax."\n  total: Decimal!\n'
    "  lines: [Line!]!\n  paid_at: DateTime\n}",
}


def test_a_dataclass_is_an_object_type_with_all_that_it_needs() -> None:
    made = field_returning(Order | Skip)
    assert made.sdl == "changed: Order"
    assert made.types == ORDER


class OrderDict(TypedDict):
    """An order."""

    id: Annotated[str, ID]
    note: NotRequired[str]


def test_keys_of_a_typed_dict_that_may_be_missing_are_nullable() -> None:
    class Partly(OrderDict, total=False):
        text: str

    assert field_returning(Partly).types == {
        "Partly": "type Partly {\n  id: ID!\n  note: String\n  text: String\n}"
    }


def test_a_struct_of_msgspec_is_an_object_type() -> None:
    class Order(msgspec.Struct, rename="camel"):
        """An order."""

        customer_id: Annotated[str, ID]
        amount: Annotated[int, msgspec.Meta(description="In cents.", ge=0)]
        note: str | msgspec.UnsetType = msgspec.UNSET

    assert field_returning(Order).types["Order"] == (
        '"An order."\ntype Order {\n  customerId: ID!\n  "In cents."\n  amount: Int!\n'
        "  note: String\n}"
    )


def test_a_model_of_pydantic_is_an_object_type() -> None:
    class Order(pydantic.BaseModel):
        """An order."""

        id: Annotated[str, ID]
        total: Decimal = pydantic.Field(description="With tax.", ge=0)
        customer_id: int = pydantic.Field(alias="customerId")

    assert field_returning(Order).types["Order"] == (
        '"An order."\ntype Order {\n  id: ID!\n  "With tax."\n  total: Decimal!\n'
        "  customerId: Int!\n}"
    )


@dataclass
class Page(Generic[T]):
    items: list[T]
    following: T | None


class OrderPage(Page[Order]):
    pass


class Wrapped(pydantic.BaseModel, Generic[T]):
    value: T


class Boxed(msgspec.Struct, Generic[T]):
    value: T


def test_a_generic_class_is_named_by_what_it_is_of() -> None:
    assert field_returning(Page[Order]).types["OrderPage"] == (
        "type OrderPage {\n  items: [Order!]!\n  following: Order\n}"
    )
    assert field_returning(Wrapped[int]).types["IntWrapped"] == (
        "type IntWrapped {\n  value: Int!\n}"
    )
    assert field_returning(Boxed[list[Order]]).types["OrderBoxed"] == (
        "type OrderBoxed {\n  value: [Order!]!\n}"
    )


def test_a_class_based_on_a_generic_one_knows_its_types() -> None:
    assert field_returning(OrderPage).types["OrderPage"] == (
        "type OrderPage {\n  items: [Order!]!\n  following: Order\n}"
    )


def test_a_class_may_say_what_its_type_is_called() -> None:
    @dataclass
    class OrderModel:
        __graphql_name__ = "Order"
        id: int

    assert list(field_returning(OrderModel).types) == ["Order"]


def test_an_enum_has_its_values_where_they_are_names() -> None:
    assert field_returning(Status).types == {
        "Status": '"What has become of it."\nenum Status {\n  new\n  paid\n}'
    }


def test_and_its_names_where_they_are_not() -> None:
    assert field_returning(Level).types == {"Level": "enum Level {\n  LOW\n  HIGH\n}"}
    odd = enum.Enum("odd", {"YES": "true", "NO": "false"})
    assert field_returning(odd).types == {"odd": "enum odd {\n  YES\n  NO\n}"}


@pytest.mark.parametrize(
    "annotation",
    [Annotated[int, "In cents."], Annotated[int, Doc("In cents.")]],
)
def test_an_annotation_describes(annotation: object) -> None:
    made = dataclasses.make_dataclass("Made", [("amount", annotation)])
    assert field_returning(made).types["Made"] == ('type Made {\n  "In cents."\n  amount: Int!\n}')


def test_descriptions_are_quoted() -> None:
    made = dataclasses.make_dataclass("Made", [("a", Annotated[int, 'say "é"\n\\'])])
    assert '"say \\"é\\"\\n\\\\"' in field_returning(made).types["Made"]


def test_names_are_as_written_unless_renamed() -> None:
    @dataclass
    class Named:
        paid_at: int
        _x_y_: int
        note_text: Annotated[int, GraphQLName("remark")]

    assert field_returning(Named).types["Named"].split()[3:-1:2] == [
        "paid_at:",
        "_x_y_:",
        "remark:",
    ]
    assert field_returning(Named, rename="camel").types["Named"].split()[3:-1:2] == [
        "paidAt:",
        "_xY_:",
        "remark:",
    ]


# Arguments ----------------------------------------------------------------------------------------


@dataclass
class Vars:
    id: Annotated[int, ID]
    customer_id: Annotated[int | None, ID] = None
    status: Status = Status.PAID
    limit: int = 10
    ratio: float = 0.5
    text: str = 'a "b"'
    flag: bool = False
    tags: list[str] = dataclasses.field(default_factory=list)
    states: list[Status] = dataclasses.field(default_factory=lambda: [Status.NEW])
    since: datetime | None = None


def test_arguments_are_the_fields_of_the_class_of_variables() -> None:
    assert field_taking(Vars).sdl == (
        'changed(id: ID! @filters(by: "id"), customer_id: ID @filters(by: "customer_id"), '
        'status: Status! = paid @filters(by: "status"), limit: Int! = 10 @filtersNothing, '
        'ratio: Float! = 0.5 @filtersNothing, text: String! = "a \\"b\\"" @filtersNothing, '
        "flag: Boolean! = false @filtersNothing, tags: [String!]! = [] @filtersNothing, "
        "states: [Status!] @filtersNothing, since: DateTime @filtersNothing): String"
    )


def test_types_of_arguments_are_defined() -> None:
    assert list(field_taking(Vars).types) == ["DateTime", "Status"]


def test_a_default_of_null_is_none_in_sdl_where_it_would_filter() -> None:
    assert "= null" not in field_taking(Vars).sdl


def test_a_struct_and_a_model_have_arguments_too() -> None:
    class Struct(msgspec.Struct):
        id: int
        customer_id: Annotated[int, "whose"] | msgspec.UnsetType = msgspec.UNSET

    class Model(pydantic.BaseModel):
        id: int
        status: Status = Status.NEW

    class Dict(TypedDict, total=False):
        id: int

    def without_directives(annotation: object) -> str:
        return re.sub(r' @filters\(by: "\w+"\)', "", field_taking(annotation).sdl)

    assert without_directives(Struct) == "changed(id: Int!, customer_id: Int): String"
    assert without_directives(Model) == "changed(id: Int!, status: Status! = new): String"
    assert without_directives(Dict) == "changed(id: Int): String"


def test_an_argument_may_be_a_filter_that_the_worker_makes() -> None:
    @dataclass
    class Filtered:
        where: Annotated[dict[str, Any] | None, GraphQLType("RowFilter")] = None

    assert field_taking(Filtered).sdl == "changed(where: RowFilter): String"


def test_arguments_filter_by_the_columns_that_the_event_has() -> None:
    @dataclass
    class Mixed:
        customer_id: int
        status: Annotated[str | None, GraphQLName("state")] = None
        currency: str = "EUR"
        id: list[int] | None = None

    assert field_taking(Mixed).filters == {"customer_id": "customer_id", "state": "status"}
    assert field_taking(Mixed, rename="camel").filters == {
        "customerId": "customer_id",
        "state": "status",
    }


def registered(function: Any, sdl: str | None = None) -> SubscriptionDefinition:
    registry = Registry()
    registry.subscription(sdl, channel="c")(function)
    return next(iter(registry.subscriptions.values()))


@dataclass
class Two:
    id: int
    currency: str = "EUR"


def test_an_argument_that_the_result_has_filters_without_being_told() -> None:
    def changed(event: Event[Row], variables: Two) -> Row:
        raise NotImplementedError

    made = registered(changed)
    assert made.sdl == 'changed(id: Int!, currency: String! = "EUR" @filtersNothing): Row'
    assert made.filters == {"id": "id"}


def test_but_not_where_the_result_has_it_of_another_type_or_a_row() -> None:
    @dataclass
    class Other:
        id: str

    @dataclass
    class Wrapped:
        id: int
        row: Row

    for result in (Other, Wrapped):

        def changed(event: Event[Row], variables: Two) -> Any:
            raise NotImplementedError

        changed.__annotations__["return"] = result
        assert 'id: Int! @filters(by: "id")' in registered(changed).sdl


def test_what_filters_may_be_said() -> None:
    @dataclass
    class Said:
        customer: Annotated[int, FiltersBy("customer_id")]
        id: Annotated[int, FiltersNothing()]

    def changed(event: dict[str, Any], variables: Said) -> Row:
        raise NotImplementedError

    made = registered(changed)
    assert made.sdl == (
        'changed(customer: Int! @filters(by: "customer_id"), id: Int! @filtersNothing): Row'
    )
    assert made.filters == {"customer": "customer_id"}


def test_sdl_is_completed_with_what_its_arguments_filter_by() -> None:
    def changed(event: Event[Row], variables: dict[str, Any]) -> Row:
        raise NotImplementedError

    made = registered(
        changed,
        'changed(id: Int, "whose" customer_id: ID = "7" @deprecated, a: [Int] = [1],'
        ' b: Int @filters(by: "x"), c: Int @filtersNothing, where: RowFilter): Row',
    )
    assert made.sdl == (
        'changed(id: Int, "whose" customer_id: ID = "7" @deprecated @filters(by: "customer_id"), '
        'a: [Int] = [1] @filtersNothing, b: Int @filters(by: "x"), c: Int @filtersNothing, '
        "where: RowFilter): Row"
    )
    assert made.filters == {"b": "x", "customer_id": "customer_id", "id": "id"}


def test_sdl_stays_as_it_is_where_the_event_is_a_dict() -> None:
    def changed(event: dict[str, Any], variables: dict[str, Any]) -> dict[str, Any]:
        raise NotImplementedError

    made = registered(changed, "changed(id: ID, other: ID): Order")
    assert (made.sdl, made.filters) == ("changed(id: ID, other: ID): Order", {})


def test_columns_may_be_called_otherwise_in_the_event() -> None:
    registry = Registry()

    class Row(msgspec.Struct):
        customer: int = msgspec.field(name="customer_id")

    @dataclass
    class Vars:
        customer: int

    @registry.subscription(channel="c")
    def changed(event: Event[Row], variables: Vars) -> int:
        raise NotImplementedError

    assert registry.subscriptions["changed"].filters == {"customer": "customer_id"}


def test_the_columns_of_a_change_are_those_of_its_row() -> None:
    registry = Registry()

    @dataclass
    class Change:
        operation: str
        row: Row | None
        old: Row | None

    @registry.subscription("changed(id: ID, operation: String): Int", channel="c")
    def changed(event: Change) -> int:
        raise NotImplementedError

    assert registry.subscriptions["changed"].filters == {"id": "id"}


# Fields as SDL ------------------------------------------------------------------------------------


def test_a_field_may_be_written_as_sdl() -> None:
    registry = Registry()

    @registry.subscription(
        '"An order." orderUpdated(id: ID, at: DateTime): Order', channel="orders"
    )
    async def any_name(event: dict[str, Any], variables: dict[str, Any]) -> dict[str, Any]:
        raise NotImplementedError

    made = registry.subscriptions["orderUpdated"]
    assert made.sdl == '"An order." orderUpdated(id: ID, at: DateTime): Order'
    assert made.types == {"DateTime": "scalar DateTime"}
    assert made.filters == {}


def test_types_of_the_result_are_made_for_sdl_that_names_them() -> None:
    registry = Registry()

    @registry.subscription("a(id: ID!): [Order!]", channel="orders")
    def a(event: dict[str, Any], variables: dict[str, Any]) -> list[Order]:
        raise NotImplementedError

    @registry.subscription("b(id: ID!): Purchase", channel="orders")
    def b(event: dict[str, Any], variables: dict[str, Any]) -> Order:
        raise NotImplementedError

    @registry.subscription(
        "c(status: Status): Order", channel="orders", types="type Order { id: ID }"
    )
    def c(event: dict[str, Any], variables: dict[str, Any]) -> Order:
        raise NotImplementedError

    assert registry.subscriptions["a"].types == ORDER
    assert registry.subscriptions["b"].types == {}
    assert registry.subscriptions["c"].types == {}
    assert registry.subscriptions["c"].types_sdl == "type Order { id: ID }"


def test_enums_of_arguments_are_made_for_sdl_that_names_them() -> None:
    registry = Registry()

    @dataclass
    class Vars:
        status: Status | None = None

    @registry.subscription("a(status: Status = new @deprecated): Int", channel="orders")
    def a(event: dict[str, Any], variables: Vars) -> int:
        raise NotImplementedError

    assert list(registry.subscriptions["a"].types) == ["Status"]


# Functions ----------------------------------------------------------------------------------------


def test_the_field_is_named_and_described_as_the_function() -> None:
    registry = Registry()

    @registry.subscription(channel="orders")
    def order_was_updated(event: Event[Row]) -> int:
        """An order
        changed.

        More of it is for programmers.
        """
        return event.data.id

    made = registry.subscriptions["orderWasUpdated"]
    assert made.sdl == '"An order changed."\norderWasUpdated: Int'


def test_the_decorator_returns_the_function_itself() -> None:
    registry = Registry()

    def changed(event: dict[str, Any]) -> int:
        return 1

    assert registry.subscription(channel="c")(changed) is changed
    assert registry.batch("changed")(batched) is batched


def batched(events: Sequence[Event[Row]]) -> list[int | Skip]:
    return [event.data.id for event in events]


def test_what_a_function_declares_is_what_it_gets() -> None:
    registry = Registry()

    @registry.subscription(channel="c")
    async def all_three(event: Event[Row], variables: Vars, ctx: Any) -> int | None:
        raise NotImplementedError

    @registry.subscription(channel="c")
    def one(event: dict[str, Any]) -> int:
        return len(event)

    @registry.subscription(channel="c")
    def event_and_context(event: dict[str, Any], context: Any) -> int:
        return len(event) + int(context)

    def bound(prefix: int, event: dict[str, Any], variables: dict[str, Any]) -> int:
        return prefix

    registry.subscription("bound: Int", channel="c")(functools.partial(bound, 7))
    known = registry.subscriptions
    assert [
        (known[name].takes_variables, known[name].takes_context, known[name].is_async)
        for name in ("allThree", "one", "eventAndContext", "bound")
    ] == [(True, True, True), (False, False, False), (False, True, False), (True, False, False)]
    assert known["one"].call({"a": 1}, None, None) == 1
    assert known["eventAndContext"].call({"a": 1}, None, 5) == 6
    assert known["bound"].call({}, None, None) == 7


def test_an_object_that_can_be_called_is_a_function() -> None:
    class Resolver:
        async def __call__(self, event: Event[Row]) -> int:
            return event.data.id

    registry = Registry()
    registry.subscription("changed: Int", channel="c")(Resolver())
    assert registry.subscriptions["changed"].is_async


def test_options_are_kept_as_the_registration_takes_them() -> None:
    made = field_taking(
        Vars,
        events=["paid", "sent"],
        row_filter={"region": "$.regions"},
        tenant_field="row.tenant",
        shared=True,
        subgraph="orders",
        scope={"customer_id": "user"},
        roles="admin",
        scopes=["a", "b"],
        rate_limit="10/s burst 20",
    )
    assert made.events == ("paid", "sent")
    assert made.options == {
        "row_filter": {"region": "$.regions"},
        "tenant_field": "row.tenant",
        "shared": True,
        "subgraph": "orders",
        "scope": {"customer_id": "user"},
        "roles": ["admin"],
        "scopes": ["a", "b"],
        "rate_limit": "10/s burst 20",
    }


def test_options_that_are_left_out_are_not_there() -> None:
    made = field_returning(int)
    assert (made.events, made.options) == (None, {})
    assert (made.per, made.timeout, made.concurrency, made.retries) == ("plan", 10.0, None, 0)
    assert (made.idempotent, made.on_error) == (False, "null")


def test_a_class_may_be_defined_after_the_function_that_names_it() -> None:
    registry = Registry()

    @registry.subscription(channel="c")
    def changed(event: "Event[Later]") -> "Later":  # type: ignore[name-defined] # noqa: F821
        raise NotImplementedError

    assert list(registry.subscriptions) == ["changed"]
    with pytest.raises(ValueError, match=r"test_fields.*changed: .*'Later' is not defined"):
        _ = registry.subscriptions["changed"]
    globals()["Later"] = Row
    try:
        assert registry.subscriptions["changed"].sdl == "changed: Row"
    finally:
        del globals()["Later"]


def test_a_batch_has_the_options_of_its_subscription() -> None:
    registry = Registry()

    @registry.batch("changed", max_size=10)
    async def several(events: Sequence[Event[Row]], variables: Vars, ctx: Any) -> list[int | Skip]:
        raise NotImplementedError

    @registry.subscription(channel="c", per="audience", timeout=2)
    def changed(event: Event[Row], variables: Vars) -> int:
        raise NotImplementedError

    made = registry.batches["changed"]
    assert (made.per, made.timeout, made.max_size, made.is_async) == ("audience", 2.0, 10, True)
    assert made.event_type == Event[Row]


def test_a_batch_of_a_field_that_sql_registers_has_its_own() -> None:
    registry = Registry()
    registry.batch("changed", idempotent=True, on_error="skip")(batched)
    made = registry.batches["changed"]
    assert (made.per, made.idempotent, made.on_error, made.max_size) == ("plan", True, "skip", 64)


def test_texts_inside_of_annotations_are_found() -> None:
    namespace = Namespace({"Local": Order})
    assert resolve("Row", test_texts_inside_of_annotations_are_found, namespace) is Row
    assert resolve("Local", Row, namespace) is Order
    assert resolve(ForwardRef("Row"), Row, Namespace()) is Row
    assert resolve(Row, Row, Namespace()) is Row
    with pytest.raises(UnknownName, match="name 'Nowhere' is not defined"):
        resolve("Nowhere", Row, Namespace())
    with pytest.raises(Fault, match=r'annotation "1 \+": invalid syntax'):
        resolve("1 +", Row, Namespace())


def test_an_annotation_that_is_none_at_all_is_refused() -> None:
    registry = Registry()

    def changed(event: "Event[1 +]") -> int:  # type: ignore[syntax] # noqa: F722
        raise NotImplementedError

    with pytest.raises(ValueError, match="changed: annotations of .*changed: "):
        registry.subscription(channel="c")(changed)


@dataclass
class Labelled(Generic[T]):
    """Type variables within all that can be around them."""

    first: Annotated[T, "The first."]
    rest: list[T | None]
    by_name: dict[str, T]


def test_type_variables_stand_for_types_wherever_they_are() -> None:
    assert field_returning(Labelled[int]).types["IntLabelled"] == (
        '"Type variables within all that can be around them."\ntype IntLabelled {\n'
        '  "The first."\n  first: Int!\n  rest: [Int]!\n  by_name: JSON!\n}'
    )


def test_a_variable_that_stands_for_none_is_refused() -> None:
    with pytest.raises(
        ValueError, match=r"Labelled\.first: the type variable T stands for no type"
    ):
        field_returning(Labelled)

"""What annotations say beside types: ``Annotated[str, ID, "what identifies an order"]``."""

from __future__ import annotations

from dataclasses import dataclass

from fraiseql_subs._schema.faults import Fault
from fraiseql_subs._schema.names import check_name

__all__ = ["ID", "FiltersBy", "FiltersNothing", "GraphQLName", "GraphQLType"]


def _checked(name: str, what: str) -> None:
    try:
        check_name(name, what)
    except Fault as error:
        raise ValueError(str(error)) from None


@dataclass(frozen=True)
class GraphQLName:
    """The GraphQL name of a field or an argument, where it is not the attribute's.

    ``Annotated[str, GraphQLName("customerId")]``. Raises ValueError if GraphQL allows no such name.
    """

    name: str

    def __post_init__(self) -> None:
        """Check the name."""
        _checked(self.name, "name")


@dataclass(frozen=True)
class GraphQLType:
    """The GraphQL type of a value, where it is not the one that Python's stands for.

    It must be registered, as by ``types="scalar BigInt"``, or built in, as `ID`, or made by the
    worker, as the filters: ``Annotated[dict[str, Any] | None, GraphQLType("OrderFilter")]``.
    """

    name: str

    def __post_init__(self) -> None:
        """Check the name."""
        _checked(self.name, "type")


@dataclass(frozen=True)
class FiltersBy:
    """The key of the event's data by which an argument filters, where the event's class has none.

    ``Annotated[int, FiltersBy("customer_id")]``.
    """

    key: str


@dataclass(frozen=True)
class FiltersNothing:
    """Marks an argument as the resolver's alone: ``Annotated[str, FiltersNothing()]``.

    So is every argument that the event's class has no attribute for; it has to be said where an
    event is a dict.
    """


ID = GraphQLType("ID")
"""Makes an argument or a field an ``ID``: ``Annotated[str, ID]``, ``Annotated[int, ID]``."""

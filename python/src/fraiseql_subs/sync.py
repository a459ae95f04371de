"""x"""

from typing import Any
from collections.abc import Sequence
from fraiseql_subs.registry import Registry


class Drift:
    """x"""


async def sync(
    connection: Any, registries: Sequence[Registry], *, application: str, check: bool = False
) -> Drift:
    """x"""
    return Drift()

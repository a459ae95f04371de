"""Finding a manager by `module:attribute`."""

import importlib
import sys
import traceback
from pathlib import Path
from types import ModuleType
from typing import Any

from fraiseql_subs.cli._command import CommandError
from fraiseql_subs.manager import SubscriptionManager

__all__ = ["HELP", "load_manager"]

HELP = "Where the manager is, as for web servers: app:manager, package.module:manager."


def _import(name: str) -> ModuleType:
    # As `python -m` has it: modules of the directory in which the program runs come first.
    if "" not in sys.path:
        sys.path.insert(0, "")
    try:
        return importlib.import_module(name)
    except Exception as error:
        if isinstance(error, ModuleNotFoundError) and error.name in (name, name.split(".")[0]):
            raise CommandError(
                f'there is no module "{name}": run it where it is, or set PYTHONPATH'
            ) from None
        frame = traceback.extract_tb(error.__traceback__)[-1]
        raise CommandError(
            f'the module "{name}" cannot be imported: {type(error).__name__}: {error}'
            f" ({Path(frame.filename).name}, line {frame.lineno})"
        ) from error


def load_manager(target: str) -> SubscriptionManager[Any]:
    """Import a module and return its manager.

    :param target: `module:attribute`.
    :raises CommandError: if there is no such thing; it names what there is.
    """
    name, colon, path = target.partition(":")
    if not (name and colon and path):
        raise CommandError(f'"{target}" names no manager: write module:manager, as app:manager')
    module = _import(name)
    found: Any = module
    for attribute in path.split("."):
        found = getattr(found, attribute, None)
    if isinstance(found, SubscriptionManager):
        return found  # pyright: ignore[reportUnknownVariableType]
    managers = [
        f"{name}:{attribute}"
        for attribute, value in vars(module).items()
        if isinstance(value, SubscriptionManager)
    ]
    instead = f"; there is {', '.join(managers)}" if managers else ""
    raise CommandError(f'"{target}" is no SubscriptionManager{instead}')

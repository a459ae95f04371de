"""The program `fraiseql-subs`; needs the extra `cli`."""

import sys

__all__ = ["main"]

_NEEDED = ("typer", "click", "rich")


def main() -> None:
    """Run the program with the arguments of this process, and exit."""
    try:
        from fraiseql_subs.cli._program import program
    except ModuleNotFoundError as error:
        if error.name not in _NEEDED:
            raise
        print(
            f"fraiseql-subs: the program needs {error.name}: pip install 'fraiseql-subs[cli]'",
            file=sys.stderr,
        )
        raise SystemExit(2) from None
    program()

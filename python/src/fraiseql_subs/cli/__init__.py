"""The program `fraiseql-subs`; needs the extra `cli`."""

import sys

__all__ = ["main"]

_NEEDED = ("typer", "rich")


def main() -> None:
    """Run the program with the arguments of this process, and exit."""
    try:
        from fraiseql_subs.cli._program import program
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing not in _NEEDED:
            raise
        print(
            f"fraiseql-subs: the program needs {missing}: pip install 'fraiseql-subs[cli]'",
            file=sys.stderr,
        )
        raise SystemExit(2) from None
    program(prog_name="fraiseql-subs")

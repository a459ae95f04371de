"""docs/python-cli.md shows commands that exist, and all of them."""

import re
import shlex
from collections.abc import Iterator
from typing import Any

import pytest
import typer

from fraiseql_subs.cli._program import program


def commands_of(group: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands_of(command, (*path, name))
        else:
            yield (*path, name), command


def test_every_command_of_the_page_is_understood(pytestconfig: pytest.Config) -> None:
    page = (pytestconfig.rootpath.parent / "docs/python-cli.md").read_text()
    command = typer.main.get_command(program)
    called: list[tuple[str, ...]] = []
    for path, found in commands_of(command):
        found.callback = lambda path=path, **_: called.append(path)
    shown = re.findall(r"^(?:\S.* \| )?fraiseql-subs (.*)$", page, re.MULTILINE)
    shown += re.findall(r"/fraiseql-subs (.*)$", page, re.MULTILINE)
    assert len(shown) > 10
    for line in shown:
        if line != "--help":
            command.main(shlex.split(line), standalone_mode=False)
    assert set(called) == {path for path, _ in commands_of(command)}


def test_every_option_of_a_command_is_told(pytestconfig: pytest.Config) -> None:
    page = (pytestconfig.rootpath.parent / "docs/python-cli.md").read_text()
    untold = ("--help", "--subgraph")
    for _, command in commands_of(typer.main.get_command(program)):
        for option in (name for parameter in command.params for name in parameter.opts):
            assert option in page or not option.startswith("--") or option in untold, option

"""`fraiseql-subs init`."""

import shutil
from importlib import resources
from pathlib import Path
from typing import Annotated

import typer

from fraiseql_subs.cli._command import CommandError, command

__all__ = ["init"]

_FILES = ("README.md", "app.py", "pyproject.toml", "schema.sql", "test_app.py")


@command()
def init(
    context: typer.Context,
    directory: Annotated[
        Path, typer.Argument(help="Where to; it is made if it is not there, and must be empty.")
    ],
) -> None:
    """Begin a project: an application with one subscription, and its test."""
    if directory.exists() and not directory.is_dir():
        raise CommandError(f'"{directory}" is a file: name a directory')
    if directory.exists() and any(directory.iterdir()):
        raise CommandError(f'"{directory}" is not empty: name another directory')
    directory.mkdir(parents=True, exist_ok=True)
    starter = resources.files("fraiseql_subs.cli") / "_starter"
    for name in _FILES:
        with resources.as_file(starter / name) as source:
            shutil.copyfile(source, directory / name)
        typer.echo(directory / name)
    typer.echo(f"\n{directory / 'README.md'} says how to run it.", err=True)

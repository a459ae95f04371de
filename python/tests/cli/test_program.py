"""The program where it is installed, and where it cannot run."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from .program import environment_of


@pytest.mark.parametrize("missing", ["typer", "rich"])
def test_without_its_extra_it_says_in_a_line_how_to_get_it(missing: str) -> None:
    program = (
        f"import sys; sys.modules[{missing!r}] = None\nfrom fraiseql_subs.cli import main; main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert done.stderr == (
        f"fraiseql-subs: the program needs {missing}: pip install 'fraiseql-subs[cli]'\n"
    )


@pytest.mark.timeout(600)
def test_it_is_a_program_of_its_name(installed: Path) -> None:
    done = subprocess.run(
        [installed / "bin" / "fraiseql-subs", "--help"],
        env=environment_of(installed),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "Usage: fraiseql-subs" in done.stdout


@pytest.mark.timeout(600)
def test_the_plugin_is_there_without_being_asked_for(installed: Path, tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text("def test_it(pytestconfig, request):\n    pass\n")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--fixtures", "-q"],
        env=environment_of(installed),
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    for fixture in ("subs_server", "subs_client", "subs_publish"):
        assert fixture in done.stdout, done.stdout

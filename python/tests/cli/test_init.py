"""`fraiseql-subs init`: the project that it makes runs."""

import subprocess
import sys
from pathlib import Path

import pytest

from .program import environment_of, run

FILES = {"README.md", "app.py", "pyproject.toml", "schema.sql", "test_app.py"}


def test_it_makes_a_directory_and_names_its_files(tmp_path: Path) -> None:
    project = tmp_path / "deep" / "shop"
    result = run("init", str(project))
    assert result.exit_code == 0, result.output
    assert {path.name for path in project.iterdir()} == FILES
    assert set(result.stdout.split()) == {str(project / name) for name in FILES}
    assert "README.md says how" in result.stderr


def test_an_empty_directory_will_do(tmp_path: Path) -> None:
    assert run("init", str(tmp_path)).exit_code == 0
    assert (tmp_path / "app.py").exists()


def test_what_is_there_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "notes"
    file.write_text("mine")
    result = run("init", str(tmp_path))
    assert result.exit_code == 2
    assert "is not empty: name another directory" in result.stderr
    assert run("init", str(file)).exit_code == 2
    assert [path.name for path in tmp_path.iterdir()] == ["notes"] and file.read_text() == "mine"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    assert run("init", str(tmp_path / "shop")).exit_code == 0
    return tmp_path / "shop"


def in_project(project: Path, installed: Path, *command: str) -> "subprocess.CompletedProcess[str]":
    """Run a module of Python there, with nothing but what is installed."""
    return subprocess.run(
        [sys.executable, "-m", *command],
        cwd=project,
        env=environment_of(installed),
        capture_output=True,
        text=True,
    )


@pytest.mark.timeout(600)
def test_its_tests_pass(project: Path, installed: Path) -> None:
    done = in_project(project, installed, "pytest", "-q", "-W", "error")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 passed" in done.stdout


@pytest.mark.timeout(600)
def test_its_types_are_strict(project: Path, installed: Path) -> None:
    done = in_project(project, installed, "mypy", "--strict", "app.py", "test_app.py")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.timeout(600)
def test_it_is_formatted_and_linted(project: Path, installed: Path) -> None:
    for check in (("format", "--check"), ("check", "--select", "E,F,I,B,UP,SIM")):
        done = in_project(project, installed, "ruff", *check, "--line-length", "100", ".")
        assert done.returncode == 0, done.stdout + done.stderr

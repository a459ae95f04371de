"""`fraiseql-subs init`: the project that it makes runs."""

from pathlib import Path

from .program import run

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

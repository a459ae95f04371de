"""What the package imports, and what it leaves to those who use it."""

import json
import subprocess
import sys

import pytest

FRAMEWORKS = {"aiohttp", "fastapi", "pydantic", "starlette", "uvicorn", "websockets"}


@pytest.mark.parametrize(
    ("module", "frameworks"),
    [
        ("fraiseql_subs", set()),
        ("fraiseql_subs.http", set()),
        ("fraiseql_subs.asgi", set()),
        ("fraiseql_subs.custom", set()),
        ("fraiseql_subs.starlette", {"starlette"}),
    ],
)
def test_a_module_imports_no_framework_but_its_own(module: str, frameworks: set[str]) -> None:
    program = f"import json, sys, {module}; print(json.dumps(sorted(sys.modules)))"
    # A process of its own, for this one has imported them all.
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={"PYTHONPATH": ":".join(sys.path)},
        check=True,
        capture_output=True,
        text=True,
    )
    assert set(json.loads(done.stdout)) & FRAMEWORKS == frameworks

"""The programs in docs/python.md and README.md do what stands there."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def programs():
    """Each program, and what it prints by the block behind it."""
    for file in ("docs/python.md", "python/README.md"):
        blocks = FENCE.findall((ROOT / file).read_text())
        for number, (language, program) in enumerate(blocks):
            if language == "python":
                following = blocks[number + 1 : number + 2]
                printed = following[0][1] if following and following[0][0] == "text" else None
                yield pytest.param(program, printed, id=f"{file}-{number}")


@pytest.mark.parametrize(("program", "printed"), list(programs()))
def test_a_program_does_what_stands_there(conninfo, program, printed):
    assert '"dbname=shop"' in program
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program.replace('"dbname=shop"', repr(conninfo))],
        env=os.environ | {"PYTHONPATH": str(ROOT / "python" / "src")},
        text=True,
        capture_output=True,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")
    if printed is not None:
        assert done.stdout == printed

"""The worker process of a server."""

import os
import subprocess
from pathlib import Path

from fraiseql_subs.testing import WorkerServer


def worker_of(server: WorkerServer) -> int | None:
    """Return its id; None while there is none."""
    ((data,),) = server.execute("SHOW data_directory")
    found = subprocess.run(["pgrep", "-x", "fraiseql-worker"], capture_output=True, text=True)
    for pid in map(int, found.stdout.split()):
        try:
            if Path(os.readlink(f"/proc/{pid}/cwd")) == Path(data):
                return pid
        except OSError:
            continue
    return None

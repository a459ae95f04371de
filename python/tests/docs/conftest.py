"""The examples of the documents, run as a reader would."""

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hosting import Uvicorn

ROOT = Path(__file__).resolve().parents[3]

EXAMPLES = ROOT / "examples"


@pytest.fixture
def database(make_cluster: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """A function that starts a server, runs a file of SQL there, and tells libpq of it."""

    def start(setup: Path, **settings: Any) -> Any:
        cluster = make_cluster(**settings)
        run_sql(cluster, setup)
        monkeypatch.setenv("PGHOST", str(cluster.directory))
        monkeypatch.setenv("PGUSER", "postgres")
        monkeypatch.setenv("PGDATABASE", cluster.database)
        return cluster

    return start


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], ModuleType]]:
    """A function that imports a file of the examples, and what it imports from beside it."""
    known = set(sys.modules)

    def load_module(path: str) -> ModuleType:
        file = EXAMPLES / path
        # Another test's module may have the name.
        monkeypatch.delitem(sys.modules, file.stem, raising=False)
        monkeypatch.syspath_prepend(str(file.parent))
        return importlib.import_module(file.stem)

    yield load_module
    for name in set(sys.modules) - known:
        file = getattr(sys.modules[name], "__file__", None)
        if file and Path(file).is_relative_to(EXAMPLES):
            del sys.modules[name]


@pytest.fixture
def serve() -> Iterator[Callable[..., Uvicorn]]:
    """A function that serves an application until the test ends."""
    servers: list[Uvicorn] = []

    def start(app: Any) -> Uvicorn:
        servers.append(Uvicorn(app))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


def run_sql(cluster: Any, file: Path) -> None:
    cluster.program("psql", "-v", "ON_ERROR_STOP=1", "-f", file, cluster.database)


class Hosted:
    """What `connect` takes: a server, at the address of an application that hosts its sockets."""

    tls = None

    def __init__(self, server: Uvicorn, path: str = "/graphql/subscriptions") -> None:
        self.url = server.url + path

from cluster import Cluster
from fixtures import (  # noqa: F401
    connect,
    log_watch,
    make_cluster,
    name,
    pytest_runtest_makereport,
    redis,
    server,
    shared_cluster,
)


def pytest_addoption(parser):
    parser.addoption(
        "--through",
        choices=("worker", "uvicorn"),
        default="worker",
        help="whom WebSocket clients connect to: the worker, or a uvicorn that hosts their sockets",
    )


def pytest_configure(config):
    if config.getoption("--through") == "uvicorn":
        from hosting import host

        Cluster.front = host

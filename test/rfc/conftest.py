"""Every rule holds over TLS as well."""

import contextlib

import pytest

from certificates import Authority
from fixtures import (  # noqa: F401
    connect,
    log_watch,
    make_cluster,
    name,
    pytest_runtest_makereport,
    server,
    serving,
)


@pytest.fixture(scope="session", params=["plain", "tls"])
def shared_cluster(request):
    with contextlib.ExitStack() as context:
        options = {}
        if request.param == "tls":
            authority = Authority()
            context.callback(authority.remove)
            options = {"tls": authority.context()} | authority.settings()
        yield context.enter_context(serving(**options))

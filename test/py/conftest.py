from fixtures import (  # noqa: F401
    connect,
    log_watch,
    make_cluster,
    name,
    pytest_runtest_makereport,
    server,
    shared_cluster,
)

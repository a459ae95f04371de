"""PostgreSQL's programs that work on a server's data directory."""


def pg_ctl(cluster, action, *options, **others):
    arguments = (action, "-D", cluster.data, "--wait", *options)
    return cluster.run_program("pg_ctl", *arguments, as_server_user=True, **others)


def promote(cluster):
    pg_ctl(cluster, "promote")
    cluster.wait_until_serving()


def single_user(cluster, statements, database="postgres"):
    """Run statements, one a line, in a server of one process, and return what it said."""
    done = cluster.run_program(
        "postgres", "--single", "-D", cluster.data, database, input=statements, as_server_user=True
    )
    return done.stdout + done.stderr

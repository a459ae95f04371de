"""How tests reach the servers that `test/py/cluster.py` makes."""


def conninfo_of(cluster):
    """What connects to a server as its superuser."""
    return f"host={cluster.directory} user=postgres dbname={cluster.database}"

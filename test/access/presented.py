"""What a client of these tests presents itself with."""

from tokens import SECRET, make_token


def register(cluster):
    cluster.sql("SELECT fraiseql_register_issuer('tests', secret => %s)", (SECRET,))


def payload(claims):
    """The payload of connection_init; no claims: without a token."""
    return {} if claims is None else {"Authorization": f"Bearer {make_token(**claims)}"}

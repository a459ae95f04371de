"""Tokens by a library that the server does not use."""

import time

import jwt

ISSUER = "https://issuer.test"
SECRET = "a secret of these tests that is long enough"


def register(cluster):
    cluster.sql(
        "SELECT fraiseql_register_issuer('tests', issuer => %s, secret => %s)", (ISSUER, SECRET)
    )


def token(claims, lifetime=3600):
    return jwt.encode({"iss": ISSUER, "exp": int(time.time()) + lifetime} | claims, SECRET)


def payload(identity):
    """The payload of connection_init."""
    if identity.claims is None:
        return {}
    return {"Authorization": f"Bearer {token(identity.claims)}"}

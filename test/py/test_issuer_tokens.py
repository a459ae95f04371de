"""Clients whose tokens are signed with keys that the worker has fetched, or read from files."""

import json
import time

import jwt
import pytest
from websockets.exceptions import ConnectionClosed

from cluster import wait_until
from oidc_issuer import OidcIssuer, SigningKey
from test_issuers import (  # noqa: F401
    SECRET,
    cluster,
    directory,
    issuer,
    register,
    register_url,
    wait_for_error,
    wait_for_keys,
    write_keys,
)


def claims_of(name, **more):
    return {"iss": f"https://{name}", "aud": "me", "sub": "u1", "exp": time.time() + 600} | more


def present(connect, cluster, token):  # noqa: F811
    """A client that has sent its token and waits."""
    client = connect(cluster, init=False)
    client.send({"type": "connection_init", "payload": {"Authorization": f"Bearer {token}"}})
    return client


def outcome(client):
    """What came of it: "connection_ack", or the code with which the connection was closed."""
    try:
        return client.wait_for("connection_ack")["type"]
    except ConnectionClosed as closed:
        return closed.rcvd.code


@pytest.fixture
def log_in(connect, cluster):  # noqa: F811
    return lambda token: outcome(present(connect, cluster, token))


ACCEPTED = "connection_ack"
REFUSED = 4403


@pytest.mark.parametrize("algorithm", ["RS256", "PS384", "ES256", "ES384", "EdDSA"])
def test_fetched_keys_verify_tokens(cluster, issuer, log_in, algorithm):  # noqa: F811
    issuer.keys = [SigningKey("a", algorithm), SigningKey("b", algorithm)]
    register_url(cluster, "idp", issuer.url)
    wait_for_keys(cluster, "idp", 2)
    for key in issuer.keys:
        assert log_in(key.sign(claims_of("idp"))) == ACCEPTED
    assert log_in(SigningKey("a", algorithm).sign(claims_of("idp"))) == REFUSED
    assert log_in(issuer.keys[0].sign(claims_of("idp", aud="others"))) == REFUSED
    assert log_in(issuer.keys[0].sign(claims_of("another"))) == REFUSED
    assert len(issuer.requests) == 1


def test_who_comes_before_the_keys_is_let_in_when_they_come(
    cluster,  # noqa: F811
    issuer,  # noqa: F811
    connect,
):
    issuer.may_answer.clear()
    register_url(cluster, "idp", issuer.url)
    wait_until(lambda: issuer.requests, "the issuer is asked")
    client = present(connect, cluster, issuer.keys[0].sign(claims_of("idp")))
    issuer.may_answer.set()
    assert outcome(client) == ACCEPTED


def test_rotated_keys_are_fetched_when_a_token_has_them(cluster, issuer, log_in):  # noqa: F811
    issuer.headers = {"Cache-Control": "max-age=86400"}
    (old,) = issuer.keys
    register_url(cluster, "idp", issuer.url)
    wait_for_keys(cluster, "idp", 1)
    assert log_in(old.sign(claims_of("idp"))) == ACCEPTED
    new = SigningKey("second")
    issuer.keys = [new]
    assert log_in(old.sign(claims_of("idp"))) == ACCEPTED
    assert log_in(new.sign(claims_of("idp"))) == ACCEPTED
    assert log_in(old.sign(claims_of("idp"))) == REFUSED
    assert len(issuer.requests) == 2


def test_tokens_with_unknown_keys_cause_one_fetch(cluster, issuer, log_in):  # noqa: F811
    register_url(cluster, "idp", issuer.url)
    wait_for_keys(cluster, "idp", 1)
    for n in range(20):
        assert log_in(SigningKey(f"unknown {n}").sign(claims_of("idp"))) == REFUSED
    assert log_in(issuer.keys[0].sign(claims_of("idp"))) == ACCEPTED
    assert len(issuer.requests) == 2


def test_an_issuer_that_is_down_keeps_its_keys(cluster, issuer, log_in):  # noqa: F811
    register_url(cluster, "idp", issuer.url)
    wait_for_keys(cluster, "idp", 1)
    issuer.status = 500
    assert log_in(SigningKey("unknown").sign(claims_of("idp"))) == REFUSED
    wait_for_error(cluster, "idp", "the status 500")
    assert log_in(issuer.keys[0].sign(claims_of("idp"))) == ACCEPTED


def test_no_log_in_waits_longer_than_it_may_nor_holds_up_others(
    cluster,  # noqa: F811
    issuer,  # noqa: F811
    connect,
    log_in,
):
    slow = OidcIssuer()
    try:
        slow.may_answer.clear()
        register_url(cluster, "slow", slow.url)
        register_url(cluster, "idp", issuer.url)
        wait_for_keys(cluster, "idp", 1)
        client = present(connect, cluster, slow.keys[0].sign(claims_of("slow")))
        assert log_in(issuer.keys[0].sign(claims_of("idp"))) == ACCEPTED
        assert outcome(client) in (REFUSED, 4408)
        assert not slow.may_answer.is_set()
    finally:
        slow.close()


def test_keys_of_a_changed_file_replace_those_before(directory, log_in):  # noqa: F811
    cluster, keys = directory  # noqa: F811
    old, new = SigningKey("old"), SigningKey("new", "RS256")
    write_keys(keys / "idp.json", old)
    register(cluster, "idp", issuer="https://idp", jwks_file="idp.json")
    assert log_in(old.sign(claims_of("idp"))) == ACCEPTED
    write_keys(keys / "idp.json", new)
    wait_until(lambda: log_in(new.sign(claims_of("idp"))) == ACCEPTED, "the new key is taken over")
    assert log_in(old.sign(claims_of("idp"))) == REFUSED


def test_a_previous_secret_counts_until_its_end(cluster, log_in):  # noqa: F811
    new_secret = SECRET[::-1]

    def tokens():
        return [jwt.encode(claims_of("idp"), secret) for secret in (SECRET, new_secret)]

    register(cluster, "idp", issuer="https://idp", secret=SECRET)
    assert [log_in(token) for token in tokens()] == [ACCEPTED, REFUSED]
    for until, old in (("2999-01-01", ACCEPTED), ("2026-01-01", REFUSED)):
        register(
            cluster,
            "idp",
            issuer="https://idp",
            secret=new_secret,
            previous_secret=SECRET,
            previous_until=until,
        )
        assert [log_in(token) for token in tokens()] == [old, ACCEPTED]


def test_what_is_unregistered_is_not_taken_any_more(cluster, issuer, log_in):  # noqa: F811
    token = issuer.keys[0].sign(claims_of("idp"))
    register_url(cluster, "idp", issuer.url)
    assert log_in(token) == ACCEPTED
    cluster.sql("SELECT fraiseql_unregister_issuer('idp')")
    assert log_in(token) == REFUSED
    register(cluster, "idp", issuer="https://idp", jwks=json.dumps({"keys": [issuer.keys[0].jwk]}))
    assert log_in(token) == ACCEPTED

"""Tokens as an issuer with a shared secret makes them (RFC 7515, HS256)."""

import base64
import hashlib
import hmac
import json
import time

SECRET = "a secret of the tests, of 32 bytes and more"


def _base64url(raw):
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def make_token(secret=SECRET, expires_in=3600, **claims):
    """:param expires_in: seconds; None: the token does not expire."""
    if expires_in is not None:
        claims["exp"] = int(time.time()) + expires_in
    signed = ".".join(
        _base64url(json.dumps(part).encode()) for part in ({"alg": "HS256", "typ": "JWT"}, claims)
    )
    signature = hmac.new(secret.encode(), signed.encode(), hashlib.sha256).digest()
    return f"{signed}.{_base64url(signature)}"

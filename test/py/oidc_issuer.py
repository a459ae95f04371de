"""A small issuer of tokens, as OpenID Connect has them.

It signs with keys that it rotates, and publishes those on a loopback port of its own.
"""

import base64
import contextlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

PATH = "/jwks.json"


class SigningKey:
    """A private key with its `kid`."""

    def __init__(self, kid, algorithm="ES256"):
        self.kid = kid
        self.algorithm = algorithm
        if algorithm == "EdDSA":
            self.private = ed25519.Ed25519PrivateKey.generate()
        elif algorithm.startswith("ES"):
            self.private = ec.generate_private_key(
                ec.SECP384R1() if algorithm == "ES384" else ec.SECP256R1()
            )
        else:
            self.private = rsa.generate_private_key(65537, 2048)

    @property
    def jwk(self):
        implementation = jwt.get_algorithm_by_name(self.algorithm)
        public = implementation.to_jwk(self.private.public_key(), as_dict=True)
        public.pop("key_ops", None)
        return public | {"kid": self.kid, "alg": self.algorithm, "use": "sig"}

    def sign(self, claims, **headers):
        return jwt.encode(
            claims, self.private, algorithm=self.algorithm, headers={"kid": self.kid} | headers
        )


def secret_jwk(secret, kid):
    encoded = base64.urlsafe_b64encode(secret.encode()).rstrip(b"=").decode()
    return {"kty": "oct", "k": encoded, "kid": kid, "alg": "HS256"}


class OidcIssuer:
    """Serves its keys from the start. What it answers can be changed at any time."""

    def __init__(self, context=None):
        """:param context: of TLS, to speak https."""
        self.keys = [SigningKey("first")]
        self.status = 200
        self.headers = {}
        self.body = None  # instead of the keys
        self.requests = []  # paths
        self.may_answer = threading.Event()
        self.may_answer.set()
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                issuer.requests.append(self.path)
                issuer.may_answer.wait(60)
                body = issuer.document if issuer.body is None else issuer.body
                self.send_response(issuer.status)
                for name, value in issuer.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                # Who asked may have heard enough.
                with contextlib.suppress(OSError):
                    self.wfile.write(body)

            def log_message(self, *_):
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_):
                pass  # a client that does not trust the certificate

        self._server = Server(("127.0.0.1", 0), Handler)
        self._scheme = "http"
        if context is not None:
            self._scheme = "https"
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()

    @property
    def document(self):
        return json.dumps({"keys": [key.jwk for key in self.keys]}).encode()

    @property
    def url(self):
        return f"{self._scheme}://127.0.0.1:{self._server.server_port}{PATH}"

    def close(self):
        self.may_answer.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

"""Certificates of the tests' own, made by the openssl program."""

import shutil
import subprocess
import tempfile
from pathlib import Path

from fraiseql_subs.testing._tls import client_context

from cluster import give_to_server_user


class Authority:
    """One that signs certificates, in a directory that servers can read."""

    def __init__(self, name="authority"):
        self.directory = Path(tempfile.mkdtemp(prefix="fsubs-tls-", dir="/tmp"))
        self.directory.chmod(0o755)
        self.certificate = self.directory / "ca.crt"
        self.key = self.directory / "ca.key"
        self._openssl(
            *("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc"),
            *("-keyout", self.key, "-out", self.certificate, "-days", "30"),
            *("-subj", f"/CN={name}", "-addext", "keyUsage=critical,keyCertSign,cRLSign"),
        )

    def issue(self, name, days=30, key_options=("-noenc",)):
        """Sign one for 127.0.0.1; return the paths of it and of its key."""
        certificate, key = (self.directory / f"{name}.{kind}" for kind in ("crt", "key"))
        request, extensions = (self.directory / f"{name}.{kind}" for kind in ("csr", "ext"))
        extensions.write_text(
            "subjectAltName=IP:127.0.0.1,DNS:localhost\nauthorityKeyIdentifier=keyid\n"
        )
        self._openssl(
            *("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", *key_options),
            *("-keyout", key, "-out", request, "-subj", f"/CN={name}"),
        )
        self._openssl(
            *("x509", "-req", "-in", request, "-CA", self.certificate, "-CAkey", self.key),
            *("-CAcreateserial", "-days", str(days), "-extfile", extensions, "-out", certificate),
        )
        key.chmod(0o600)
        give_to_server_user(key)
        return certificate, key

    def context(self, certificate=None, key=None):
        """What clients connect with that trust this authority."""
        context = client_context(self.certificate)
        if certificate is not None:
            context.load_cert_chain(certificate, key)
        return context

    def settings(self, name="server", **options):
        """Settings of a server with a certificate of this authority."""
        certificate, key = self.issue(name, **options)
        return {"ssl": "on", "ssl_cert_file": certificate, "ssl_key_file": key}

    def remove(self):
        shutil.rmtree(self.directory)

    @staticmethod
    def _openssl(*arguments):
        done = subprocess.run(["openssl", *arguments], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr

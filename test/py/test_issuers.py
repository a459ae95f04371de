"""Issuers of tokens: how they are registered, and how the worker comes to their keys."""

import datetime
import ipaddress
import json
import os
import signal
import ssl
import subprocess
import tempfile
from pathlib import Path

import psycopg
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from cluster import give_to_server_user, wait_until
from oidc_issuer import OidcIssuer, SigningKey, secret_jwk

SECRET = "0123456789abcdef0123456789abcdef-test-secret"


@pytest.fixture
def issuer():
    issuer = OidcIssuer()
    yield issuer
    issuer.close()


@pytest.fixture
def cluster(server):
    """The server that most tests share, without issuers."""
    yield server
    server.sql("SELECT fraiseql_unregister_issuer(name) FROM fraiseql_subs.issuer")
    # Another of the same name would be taken for it.
    wait_until(
        lambda: server.value("SELECT fraiseql_subs.worker_request('issuers')") == [],
        "the worker knows no issuer any more",
    )


@pytest.fixture
def own_cluster(make_cluster):
    return make_cluster()


def register(cluster, name, **arguments):
    assigned = "".join(f", {argument} => %s" for argument in arguments)
    cluster.sql(f"SELECT fraiseql_register_issuer(%s{assigned})", (name, *arguments.values()))


def register_url(cluster, name, url):
    register(cluster, name, issuer=f"https://{name}", jwks_url=url, audiences=["me"])


def state(cluster, name):
    """What fraiseql_issuers() says of it: keys, fetched_at, next_fetch_at, error."""
    return cluster.sql(
        "SELECT keys, fetched_at, next_fetch_at, error FROM fraiseql_issuers() WHERE name = %s",
        (name,),
    )[0]


def wait_for_keys(cluster, name, count):
    wait_until(
        lambda: state(cluster, name)[0] == count and state(cluster, name)[3] is None,
        f'issuer "{name}" has {count} keys',
    )


def wait_for_error(cluster, name, *texts):
    """Wait for an error with any of the texts, of which each version of libcurl has its own."""
    return wait_until(
        lambda: (
            any(text in (state(cluster, name)[3] or "") for text in texts) and state(cluster, name)
        ),
        f'fetching the keys of "{name}" fails: {" or ".join(texts)}',
    )


# Keys at a URL ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "kept"),
    [
        ({}, 600),
        ({"Cache-Control": "public, max-age=300"}, 300),
        ({"Cache-Control": "no-store"}, 60),
    ],
)
def test_keys_are_fetched_when_the_issuer_is_registered_and_kept_as_it_says(
    cluster, issuer, headers, kept
):
    fetches = cluster.metric("fraiseql_subs_key_fetches_total")
    failures = cluster.metric("fraiseql_subs_key_fetch_failures_total")
    issuer.headers = headers
    issuer.keys = [SigningKey("one"), SigningKey("two", "RS256"), SigningKey("three", "EdDSA")]
    register_url(cluster, "idp", issuer.url)
    wait_for_keys(cluster, "idp", 3)
    _, fetched_at, next_fetch_at, _ = state(cluster, "idp")
    assert next_fetch_at - fetched_at == datetime.timedelta(seconds=kept)
    assert issuer.requests == ["/jwks.json"]
    assert cluster.metric("fraiseql_subs_key_fetches_total") == fetches + 1
    assert cluster.metric("fraiseql_subs_key_fetch_failures_total") == failures


def test_an_issuer_that_was_down_is_found_again(cluster, issuer):
    start = cluster.log_size()
    failures = cluster.metric("fraiseql_subs_key_fetch_failures_total")
    issuer.status = 503
    register_url(cluster, "idp", issuer.url)
    keys, fetched_at, next_fetch_at, _ = wait_for_error(cluster, "idp", "the status 503")
    assert (keys, fetched_at) == (0, None)
    assert next_fetch_at is not None
    wait_until(lambda: len(issuer.requests) > 1, "it is tried again")
    issuer.status = 200
    wait_for_keys(cluster, "idp", 1)
    again = 'keys of issuer "idp" could be fetched again'
    wait_until(lambda: again in cluster.log(start), "it is in the log")
    log = cluster.log(start)
    assert log.count('keys of issuer "idp" could not be fetched') == 1
    assert log.count(again) == 1
    assert cluster.metric("fraiseql_subs_key_fetch_failures_total") > failures


def test_issuers_with_one_url_share_its_keys(cluster, issuer):
    register_url(cluster, "one", issuer.url)
    register_url(cluster, "two", issuer.url)
    wait_for_keys(cluster, "one", 1)
    wait_for_keys(cluster, "two", 1)
    assert len(issuer.requests) == 1


def test_keys_stay_while_other_things_are_registered_and_go_with_the_issuer(cluster, issuer):
    register_url(cluster, "idp", issuer.url)
    wait_for_keys(cluster, "idp", 1)
    cluster.sql("SELECT fraiseql_register_types('type T { id: ID }')")
    register(cluster, "other", secret=SECRET)
    wait_for_keys(cluster, "other", 1)
    assert len(issuer.requests) == 1
    cluster.sql("SELECT fraiseql_unregister_issuer('idp')")
    register(cluster, "other", secret=SECRET, jwks=json.dumps({"keys": [SigningKey("k").jwk]}))
    wait_for_keys(cluster, "other", 2)
    register_url(cluster, "idp", issuer.url)
    wait_until(lambda: len(issuer.requests) == 2, "it is asked anew")


def test_no_redirect_is_followed(cluster, issuer):
    issuer.status = 302
    issuer.headers = {"Location": issuer.url.replace("jwks", "elsewhere")}
    register_url(cluster, "idp", issuer.url)
    wait_for_error(cluster, "idp", "the status 302")
    assert set(issuer.requests) == {"/jwks.json"}


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b" " * (256 * 1024 + 1), "larger than 256 kB"),
        (b"<html>not yours</html>", "no JSON object"),
        (b"\xff\xfe", "no JSON object"),
        (b"", "no JSON object"),
    ],
)
def test_an_answer_that_is_no_set_of_keys_is_refused(cluster, issuer, body, error):
    issuer.body = body
    register_url(cluster, "idp", issuer.url)
    wait_for_error(cluster, "idp", error)
    assert "not yours" not in cluster.log()


def test_an_issuer_that_does_not_answer_keeps_nobody_waiting(cluster, issuer):
    slow = OidcIssuer()
    try:
        slow.may_answer.clear()
        register_url(cluster, "slow", slow.url)
        wait_until(lambda: slow.requests, "the slow one is asked")
        register_url(cluster, "idp", issuer.url)
        wait_for_keys(cluster, "idp", 1)
        assert state(cluster, "slow")[0] == 0
        wait_for_error(cluster, "slow", "timed out")
        slow.may_answer.set()
        wait_for_keys(cluster, "slow", 1)
    finally:
        slow.close()


def test_http_goes_to_no_other_machine_whatever_the_table_says(cluster, issuer):
    register_url(cluster, "idp", issuer.url)
    for url, errors in [
        ("http://192.0.2.1/keys", ["http leads to another machine"]),
        ("file:///etc/passwd", ["rotocol"]),
        ("ftp://127.0.0.1/", ["rotocol"]),
        (issuer.url.replace("http://", "http://user:word@"), ["Login denied", "Credentials"]),
    ]:
        cluster.sql("UPDATE fraiseql_subs.issuer SET jwks_url = %s", (url,))
        wait_for_error(cluster, "idp", *errors)


def test_no_proxy_of_the_environment_is_used(make_cluster, issuer, monkeypatch):
    for name in ("http_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://192.0.2.1:3128")
    cluster = make_cluster()
    register_url(cluster, "idp", issuer.url)
    wait_for_keys(cluster, "idp", 1)


# TLS ----------------------------------------------------------------------------------------------


@pytest.fixture
def certificate(tmp_path):
    """A certificate for 127.0.0.1 that it signed itself, and its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "issuer of the tests")])
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    now = datetime.datetime.now(datetime.UTC)
    day = datetime.timedelta(days=1)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - day)
        .not_valid_after(now + day)
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path / "issuer.pem"
    file.write_bytes(
        signed.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return file


@pytest.fixture
def https_issuer(certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    issuer = OidcIssuer(context)
    yield issuer
    issuer.close()


def test_a_certificate_that_the_system_does_not_know_is_refused(cluster, https_issuer):
    register_url(cluster, "idp", https_issuer.url)
    wait_for_error(cluster, "idp", "certificate")
    assert https_issuer.requests == []


def test_certificates_of_ones_own_can_be_named(
    make_cluster, https_issuer, certificate, monkeypatch
):
    certificates = Path("/tmp") / f"fsubs-{os.getpid()}.pem"
    certificates.write_text(certificate.read_text().split("-----BEGIN PRIVATE")[0])
    try:
        monkeypatch.setenv("SSL_CERT_FILE", str(certificates))
        cluster = make_cluster()
        register_url(cluster, "idp", https_issuer.url)
        wait_for_keys(cluster, "idp", 1)
        register_url(cluster, "other", https_issuer.url.replace("127.0.0.1", "localhost"))
        wait_for_error(cluster, "other", "localhost")
    finally:
        certificates.unlink()


# The process that fetches -------------------------------------------------------------------------


def children(pid):
    found = []
    for process in Path("/proc").iterdir():
        try:
            fields = (process / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        # A zombie is no process any more.
        if process.name.isdigit() and int(fields[1]) == pid and fields[0] != "Z":
            found.append(int(process.name))
    return found


def fetchers(cluster):
    """The worker, the process that keeps the fetcher, and the fetcher."""
    (worker,) = wait_until(cluster.worker_pids, "a worker runs")
    (keeper,) = wait_until(lambda: children(worker), "the worker has its child")
    (fetcher,) = wait_until(lambda: children(keeper), "that has the fetcher")
    return worker, keeper, fetcher


def is_gone(pid):
    try:
        return (Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def test_the_fetcher_has_nothing_of_the_workers(cluster):
    worker, *others = fetchers(cluster)
    links = {os.readlink(link) for link in Path(f"/proc/{worker}/fd").iterdir()}
    # What has no file is named by its kind alone: a newer libcurl has an eventfd of its own.
    workers_own = {link for link in links if not link.startswith("anon_inode:")}
    for pid in others:
        process = Path(f"/proc/{pid}")
        assert (process / "comm").read_text() == "fraiseql-fetch\n"
        assert os.readlink(process / "cwd") == "/"
        files = {int(link.name): os.readlink(link) for link in (process / "fd").iterdir()}
        assert {files[0], files[1]} == {"/dev/null"}
        # The log, for what a crashing program writes there.
        assert workers_own & set(files.values()) == {files[2], "/dev/null"}
        assert "memfd" not in (process / "maps").read_text()
        assert not [file for file in files.values() if str(cluster.directory) in file]


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM])
def test_no_fetcher_outlives_its_worker(own_cluster, end):
    worker, *others = fetchers(own_cluster)
    os.kill(worker, end)
    wait_until(lambda: all(is_gone(pid) for pid in others), "the fetcher is gone")
    wait_until(lambda: own_cluster.worker_pids() not in ([], [worker]), "a new worker runs")
    fetchers(own_cluster)


def test_fetchers_end_with_the_server(own_cluster):
    pids = fetchers(own_cluster)
    own_cluster.stop("immediate")
    wait_until(lambda: all(is_gone(pid) for pid in pids), "the worker and its fetcher are gone")


def test_a_fetcher_that_crashes_is_replaced(own_cluster, issuer):
    worker, keeper, fetcher = fetchers(own_cluster)
    issuer.may_answer.clear()
    register_url(own_cluster, "idp", issuer.url)
    wait_until(lambda: issuer.requests, "the issuer is asked")
    os.kill(fetcher, signal.SIGKILL)
    issuer.may_answer.set()
    wait_until(
        lambda: "the process that fetches keys crashed" in own_cluster.log(), "the log tells"
    )
    wait_for_keys(own_cluster, "idp", 1)
    assert fetchers(own_cluster)[:2] == (worker, keeper)


def test_a_worker_without_a_fetcher_keeps_the_keys_that_it_has(own_cluster, issuer):
    worker, keeper, fetcher = fetchers(own_cluster)
    register_url(own_cluster, "idp", issuer.url)
    wait_for_keys(own_cluster, "idp", 1)
    os.kill(keeper, signal.SIGKILL)
    wait_until(lambda: is_gone(fetcher), "the fetcher is gone")
    wait_until(
        lambda: "are not fetched any more until the worker is restarted" in own_cluster.log(),
        "the log says what to do",
    )
    register_url(own_cluster, "new", issuer.url + "?new")
    wait_for_error(own_cluster, "new", "no process that fetches keys")
    assert state(own_cluster, "idp")[0] == 1
    # A child that is waited for leaves nothing to process 1, which may be the postmaster. What it
    # had open is closed before it can be waited for.
    wait_until(lambda: not (Path("/proc") / str(keeper)).exists(), "nothing is left of its child")
    os.kill(worker, signal.SIGTERM)
    wait_until(lambda: own_cluster.worker_pids() not in ([], [worker]), "a new worker runs")
    own_cluster.wait_until_serving()
    wait_for_keys(own_cluster, "new", 1)


# Files --------------------------------------------------------------------------------------------


@pytest.fixture
def directory(cluster):
    """A server with a directory of key files: both."""

    def shown():
        return cluster.value("SHOW fraiseql_subs.key_directory")

    directory = Path(tempfile.mkdtemp(prefix="keys-", dir=cluster.directory))
    give_to_server_user(directory)
    cluster.set(key_directory=directory)
    wait_until(lambda: shown() == str(directory), "the directory is set")
    yield cluster, directory
    cluster.set(key_directory=None)
    wait_until(lambda: shown() == "", "the directory is not set any more")


def write_keys(file, *keys):
    """Replace the file, as who keeps keys in one does."""
    new = file.with_suffix(".new")
    new.write_text(json.dumps({"keys": [getattr(key, "jwk", key) for key in keys]}))
    new.rename(file)


def test_a_changed_file_is_taken_over(directory):
    cluster, keys = directory
    write_keys(keys / "idp.json", SigningKey("one"))
    register(cluster, "idp", jwks_file="idp.json")
    wait_for_keys(cluster, "idp", 1)
    write_keys(keys / "idp.json", SigningKey("one"), SigningKey("two"))
    wait_for_keys(cluster, "idp", 2)


def test_a_file_that_is_gone_has_no_keys_any_more(directory):
    cluster, keys = directory
    start = cluster.log_size()
    write_keys(keys / "idp.json", SigningKey("one"))
    register(cluster, "idp", jwks_file="idp.json", secret=SECRET)
    wait_for_keys(cluster, "idp", 2)
    (keys / "idp.json").unlink()
    wait_for_keys(cluster, "idp", 1)
    # Each of these has the executor read everything anew.
    for _ in range(3):
        loads = cluster.metric("fraiseql_subs_catalog_loads_total")
        cluster.sql("SELECT fraiseql_register_types('type T { id: ID }')")
        wait_until(
            lambda loads=loads: cluster.metric("fraiseql_subs_catalog_loads_total") > loads,
            "the catalog is read",
        )
    assert cluster.log(start).count('key file "idp.json" cannot be used') == 1
    write_keys(keys / "idp.json", SigningKey("one"))
    wait_for_keys(cluster, "idp", 2)
    (keys / "idp.json").unlink()
    wait_for_keys(cluster, "idp", 1)
    assert cluster.log(start).count('key file "idp.json" cannot be used') == 2


def test_links_within_the_directory_are_followed(directory):
    cluster, keys = directory
    (keys / "2026-01").mkdir()
    write_keys(keys / "2026-01" / "idp.json", SigningKey("one"))
    (keys / "current").symlink_to("2026-01")
    (keys / "idp.json").symlink_to("current/idp.json")
    register(cluster, "idp", jwks_file="idp.json")
    wait_for_keys(cluster, "idp", 1)
    register(cluster, "idp", jwks_file="current/idp.json")


def test_files_elsewhere_and_what_is_no_file_of_keys_are_refused(directory):
    cluster, keys = directory
    outside = cluster.directory / "outside.json"
    write_keys(outside, SigningKey("one"))
    write_keys(keys / "idp.json", SigningKey("one"))
    (keys / "link.json").symlink_to(outside)
    (keys / "up").symlink_to("..")
    (keys / "not.json").write_text("-----BEGIN PUBLIC KEY-----")
    (keys / "large.json").write_text(" " * (256 * 1024 + 1))
    (keys / "binary.json").write_bytes(b"\xff\x00")
    (keys / "folder").mkdir()
    os.mkfifo(keys / "pipe.json")
    secret = keys / "secret.json"
    write_keys(secret, SigningKey("one"))
    secret.chmod(0o200)
    if os.getuid() == 0:
        os.chown(secret, 0, 0)
    sibling = keys.with_name(keys.name + "-too")
    sibling.mkdir()
    write_keys(sibling / "idp.json", SigningKey("one"))
    (keys / "sibling.json").symlink_to(f"../{sibling.name}/idp.json")
    for file, reason in [
        ("", "not relative"),
        (str(keys / "idp.json"), "not relative"),
        ("../outside.json", 'a ".."'),
        ("folder/../idp.json", 'a ".."'),
        ("..", 'a ".."'),
        ("link.json", "outside of"),
        ("up/outside.json", "outside of"),
        ("sibling.json", "outside of"),
        ("none.json", "No such file"),
        ("idp.json/x", "Not a directory"),
        ("x" * 5000, "too long"),
        ("folder", "not a regular file"),
        ("pipe.json", "not a regular file"),
        (".", "outside of"),
        ("large.json", "too large"),
        ("binary.json", "not text"),
        ("secret.json", "Permission denied"),
        ("not.json", "not valid JSON"),
    ]:
        with pytest.raises(psycopg.errors.InvalidParameterValue, match=reason):
            register(cluster, "idp", jwks_file=file)
    assert cluster.sql("SELECT * FROM fraiseql_issuers()") == []
    cluster.set(key_directory=None)
    wait_until(
        lambda: cluster.value("SHOW fraiseql_subs.key_directory") == "", "there is no directory"
    )
    with pytest.raises(psycopg.errors.InvalidParameterValue, match="key_directory is not set"):
        register(cluster, "idp", jwks_file="idp.json")


def test_a_link_that_is_turned_outwards_later_is_not_read(directory):
    cluster, keys = directory
    outside = cluster.directory / "outside.json"
    write_keys(outside, SigningKey("one"), SigningKey("two"))
    write_keys(keys / "idp.json", SigningKey("one"))
    register(cluster, "idp", jwks_file="idp.json", secret=SECRET)
    wait_for_keys(cluster, "idp", 2)
    (keys / "link.new").symlink_to(outside)
    (keys / "link.new").rename(keys / "idp.json")
    wait_for_keys(cluster, "idp", 1)


# Secrets ------------------------------------------------------------------------------------------


def test_no_secret_is_shown_anywhere(directory):
    cluster, keys = directory
    start = cluster.log_size()
    write_keys(keys / "idp.json", secret_jwk(SECRET, "k"))
    encoded = secret_jwk(SECRET, "k")["k"]
    register(
        cluster,
        "idp",
        secret=SECRET,
        previous_secret=SECRET,
        previous_until="2026-01-01",
        jwks=json.dumps({"keys": [secret_jwk(SECRET, "k")]}),
        jwks_file="idp.json",
    )
    wait_for_keys(cluster, "idp", 3)
    for wrong in ({"leeway": None}, {"require_exp": None}, {"algorithms": ["RS256"]}):
        with pytest.raises(psycopg.Error) as refused:
            register(cluster, "idp", secret=SECRET, **wrong)
        assert SECRET not in str(refused.value)
    (keys / "idp.json").unlink()
    wait_until(lambda: 'key file "idp.json" cannot be used' in cluster.log(start), "the log tells")
    shown = "\n".join(
        str(cluster.sql(f"SELECT * FROM {function}()"))
        for function in ("fraiseql_issuers", "fraiseql_metrics", "fraiseql_connections")
    )
    shown += cluster.get("/metrics")[1] + cluster.log(start)
    (worker,) = cluster.worker_pids()
    shown += Path(f"/proc/{worker}/cmdline").read_text()
    assert '"idp.json"' in shown
    assert SECRET not in shown and encoded not in shown


def test_dumps_have_issuers_unless_they_leave_out_the_table(cluster):
    register(cluster, "idp", secret=SECRET)
    assert SECRET in cluster.program("pg_dump", "postgres")
    without = cluster.program("pg_dump", "--exclude-table-data=fraiseql_subs.issuer", "postgres")
    assert SECRET not in without


def test_a_dump_can_be_restored(own_cluster, make_cluster):
    register(own_cluster, "idp", issuer="https://idp", secret=SECRET, claims='{"user": "$.a.b"}')
    dump = own_cluster.program("pg_dump", "postgres")
    other = make_cluster(install=False)
    subprocess.run(
        [other.programs / "psql", "-Xq", "-v", "ON_ERROR_STOP=1", "postgres"],
        env=other.environment,
        input=dump,
        text=True,
        check=True,
        capture_output=True,
    )
    table = "SELECT * FROM fraiseql_subs.issuer"
    assert other.sql(table) == own_cluster.sql(table)
    other.wait_until_serving()
    wait_for_keys(other, "idp", 1)

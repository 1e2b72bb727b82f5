"""A hostile certificate server tries each trick; none of them leads anywhere."""

import datetime as dt
import gzip
import socket
import socketserver
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from headwater.stir import fetch
from headwater.stir.certificates import CertificateError
from headwater.stir.fetch import CertificateFetcher, Fetched, HostDecision
from headwater.stir.reasons import Reason
from headwater.stir.x5u import is_public
from tests.stir.pki import Pki

HOST, URL = "certificates.example.com", "https://certificates.example.com/709J.pem"
PUBLIC = "93.184.216.34"
PEM = Pki().leaf.issued.public_bytes(serialization.Encoding.PEM)


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ssl.SSLContext]:
    """A server certificate for HOST and the client context that trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)])
    start = dt.datetime.now(dt.UTC) - dt.timedelta(days=1)
    issued = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(5)
        .not_valid_before(start)
        .not_valid_after(start + dt.timedelta(days=9))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(HOST)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = issued.public_bytes(serialization.Encoding.PEM)
    file = tmp_path_factory.mktemp("tls") / "server.pem"
    file.write_bytes(
        pem
        + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return file, ssl.create_default_context(cadata=pem.decode())


Answer = Callable[[ssl.SSLSocket, bytes], None]


@contextmanager
def server(file: Path, answer: Answer) -> Iterator[tuple[int, list[bytes]]]:
    """A TLS server that reads one request and lets ``answer`` do what it likes."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    requests: list[bytes] = []

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            try:
                with context.wrap_socket(self.request, server_side=True) as secure:
                    request = b""
                    while b"\r\n\r\n" not in request:
                        request += secure.recv(4096)
                    requests.append(request)
                    answer(secure, request)
            except OSError:
                return

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as running:
        running.daemon_threads = True
        threading.Thread(target=running.serve_forever, args=(0.01,), daemon=True).start()
        yield running.server_address[1], requests
        running.shutdown()


def fetcher(context: ssl.SSLContext, port: int, **changes: object) -> CertificateFetcher:
    def dial(address: str, _port: int, timeout: float) -> socket.socket:
        assert address == PUBLIC  # the address that was resolved and judged, and no other
        return socket.create_connection(("127.0.0.1", port), timeout=timeout)

    values: dict[str, object] = {"context": context, "resolve": lambda _host, _port: [PUBLIC], "dial": dial}
    return CertificateFetcher(**(values | changes))  # type: ignore[arg-type]


def says(body: bytes, status: str = "200 OK", headers: str = "") -> Answer:
    octets = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{headers}\r\n".encode() + body
    return lambda secure, _request: secure.sendall(octets)


def refused(fetcher: CertificateFetcher, url: str = URL) -> CertificateError:
    with pytest.raises(CertificateError) as caught:
        fetcher(url)
    return caught.value


def test_a_chain_is_fetched_once_kept_a_day_and_archived(tls):
    seen: list[Fetched] = []
    clock = [1_790_000_000.0]
    with server(tls[0], says(PEM, headers="Cache-Control: max-age=60\r\n")) as (port, requests):
        fetching = fetcher(tls[1], port, archive=seen.append, clock=lambda: clock[0])
        assert fetching(URL)[0].common_name == "SHAKEN 709J"
        clock[0] += 86_399
        fetching(URL)
        assert len(requests) == 1
        clock[0] += 2
        fetching(URL)
    assert len(requests) == 2
    assert b"Host: certificates.example.com\r\n" in requests[0]
    assert b"Cookie" not in requests[0]
    assert [each.octets for each in seen] == [PEM, PEM]


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "192.168.0.1",
        "172.20.0.1",
        "169.254.169.254",
        "100.64.0.1",
        "224.0.0.1",
        "0.0.0.0",  # noqa: S104 - an address to refuse
        "::1",
        "fe80::1%eth0",
        "fc00::1",
        "::ffff:10.0.0.1",
        "64:ff9b::a00:1",
        "64:ff9b:1::a00:1",
        "::10.0.0.1",
        "::ffff:169.254.169.254",
        "fec0::1",
        "ff02::1",
        "fd00:ec2::254",
        "2001:db8::1",
        "2001:0:a00:1::1",
        "3fff::1",
        "192.0.2.1",
        "198.18.0.1",
        "192.88.99.1",
        "240.0.0.1",
        "2002:a00:1::1",
        "255.255.255.255",
    ],
)
def test_a_name_that_resolves_to_no_public_address_is_refused(tls, address):
    assert not is_public(address)
    error = refused(fetcher(tls[1], 1, resolve=lambda _host, _port: [PUBLIC, address]))
    assert error.reason is Reason.X5U_REFUSED


def test_a_redirect_is_not_followed(tls):
    with server(tls[0], says(b"", "302 Found", "Location: https://169.254.169.254/latest\r\n")) as (port, requests):
        error = refused(fetcher(tls[1], port))
    assert error.reason is Reason.CERTIFICATE_UNAVAILABLE
    assert len(requests) == 1


@pytest.mark.parametrize(
    "url",
    [
        "http://certificates.example.com/x",
        "https://certificates.example.com:9443/x",
        "https://certificates.example.com:22/x",
        "https://certificates.example.com:0/x",
        "https://certificates.example.com:99999/x",
        "https://169.254.169.254/latest/meta-data",
        "https://[::ffff:169.254.169.254]/x",
        "https://[64:ff9b::a9fe:a9fe]/x",
        "https://2852039166/x",
        "https://0251.0376.0251.0376/x",
        "https://127.1/x",
        "https://certificates.example.com/x\r\nHost: evil",
        "gopher://certificates.example.com/x",
        "//certificates.example.com/x",
        "https://u:p@certificates.example.com/x",
        "https://certificates.example.com/x?y",
        "https://certificates.example.com/x#y",
        "https://127.0.0.1/x",
        "https://[::1]/x",
        "file:///etc/passwd",
        "https://localhost/x",
    ],
)
def test_an_address_that_breaks_the_rules_is_never_resolved(tls, url):
    def resolve(_host: str, _port: int) -> list[str]:
        raise AssertionError(url)

    assert refused(fetcher(tls[1], 1, resolve=resolve), url).reason is Reason.X5U_REFUSED


def test_whoever_decides_about_hosts_is_asked_and_obeyed(tls):
    asked: list[tuple[str, str]] = []
    decision = HostDecision.QUEUED

    def decide(host: str, x5u: str) -> HostDecision:
        asked.append((host, x5u))
        return decision

    with server(tls[0], says(PEM)) as (port, requests):
        fetching = fetcher(tls[1], port, decide=decide)
        queued = refused(fetching)
        assert (queued.reason, "waits for review" in str(queued)) == (Reason.X5U_REFUSED, True)
        decision = HostDecision.REFUSED
        assert refused(fetching).reason is Reason.X5U_REFUSED
        assert requests == []
        decision = HostDecision.ALLOWED  # what a person allows is asked at once, and not only when memory fades
        assert fetching(URL)
        assert asked == [(HOST, URL)] * 3
        fetching(URL)
    assert (len(asked), len(requests)) == (3, 1)


def test_a_name_is_resolved_once_and_its_second_answer_is_never_asked_for(tls):
    answers = [[PUBLIC], ["127.0.0.1"]]
    with server(tls[0], says(PEM)) as (port, requests):
        fetching = fetcher(tls[1], port, resolve=lambda _host, _port: answers.pop(0))
        assert fetching(URL)
    assert (len(answers), len(requests)) == (1, 1)


def test_the_environment_names_no_proxy_to_us(tls, monkeypatch):
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with server(tls[0], says(PEM)) as (port, requests):
        assert fetcher(tls[1], port)(URL)
    assert len(requests) == 1


def test_a_compressed_answer_is_refused_and_never_inflated(tls):
    bomb = gzip.compress(bytes(50 * 1024 * 1024))
    with server(tls[0], says(bomb, headers="Content-Encoding: gzip\r\n")) as (port, _):
        assert "encoded as 'gzip'" in str(refused(fetcher(tls[1], port)))
    with server(tls[0], says(bomb)) as (port, _):
        assert refused(fetcher(tls[1], port)).reason in (Reason.CERTIFICATE_MALFORMED, Reason.CERTIFICATE_UNAVAILABLE)


def test_the_media_type_is_kept_and_refuses_nothing(tls):
    with server(tls[0], says(PEM, headers="Content-Type: Text/Plain; charset=x\r\n")) as (port, _):
        assert fetcher(tls[1], port).fetch(URL).media_type == "text/plain"


def test_endless_chunks_are_cut_at_the_bound(tls):
    def answer(secure: ssl.SSLSocket, _request: bytes) -> None:
        secure.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            secure.sendall(b"400;extension=" + b"x" * 100 + b"\r\n" + b"y" * 1_024 + b"\r\n")

    with server(tls[0], answer) as (port, _):
        assert "larger" in str(refused(fetcher(tls[1], port)))


def test_a_chain_in_chunks_is_read(tls):
    body = b"".join(b"%x\r\n%b\r\n" % (len(PEM[at : at + 100]), PEM[at : at + 100]) for at in range(0, len(PEM), 100))
    octets = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + body + b"0\r\n\r\n"
    with server(tls[0], lambda secure, _request: secure.sendall(octets)) as (port, _):
        assert len(fetcher(tls[1], port)(URL)) == 1


def test_an_endless_answer_is_cut_at_the_bound(tls):
    def answer(secure: ssl.SSLSocket, _request: bytes) -> None:
        secure.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            secure.sendall(b"x" * 16_384)

    with server(tls[0], answer) as (port, _):
        assert "larger" in str(refused(fetcher(tls[1], port)))


def drip(secure: ssl.SSLSocket, _request: bytes) -> None:
    for octet in b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n" + PEM:
        secure.sendall(bytes([octet]))
        time.sleep(0.05)


def endless_interim(secure: ssl.SSLSocket, _request: bytes) -> None:
    while True:
        secure.sendall(b"HTTP/1.1 100 Continue\r\nX: y\r\n\r\n")


def endless_trailer(secure: ssl.SSLSocket, _request: bytes) -> None:
    secure.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n")
    while True:
        secure.sendall(b"X-Filler: y\r\n")


def endless_header(secure: ssl.SSLSocket, _request: bytes) -> None:
    secure.sendall(b"HTTP/1.1 200 OK\r\n")
    while True:
        secure.sendall(b"X-Filler: " + b"x" * 60_000 + b"\r\n")


@pytest.mark.parametrize(
    "answer", [drip, endless_header, endless_interim, endless_trailer, lambda _secure, _request: time.sleep(2)]
)
def test_a_slow_or_silent_server_costs_a_bounded_time(tls, answer, monkeypatch):
    monkeypatch.setattr(fetch, "TOTAL_S", 0.5)
    started = time.monotonic()
    with server(tls[0], answer) as (port, _):
        assert refused(fetcher(tls[1], port)).reason is Reason.CERTIFICATE_UNAVAILABLE
    assert time.monotonic() - started < 15  # the drip alone would last half a minute


def test_a_short_answer_is_no_answer(tls):
    with server(
        tls[0], lambda secure, _request: secure.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n" + PEM)
    ) as (port, _):
        assert refused(fetcher(tls[1], port)).reason is Reason.CERTIFICATE_UNAVAILABLE


@pytest.mark.parametrize(
    "body", [b"", b"rubbish", b"<html>", PEM * 6, PEM.replace(b"M", b"!"), b"\x30\x82\xff\xff", PEM[:-30]]
)
def test_what_is_no_chain_is_refused_and_remembered_for_a_while(tls, body):
    clock = [0.0]
    with server(tls[0], says(body)) as (port, requests):
        fetching = fetcher(tls[1], port, clock=lambda: clock[0])
        assert refused(fetching).reason is Reason.CERTIFICATE_MALFORMED
        refused(fetching)
        assert len(requests) == 1
        clock[0] = 301
        refused(fetching)
        assert len(requests) == 2


def test_a_server_without_a_trusted_certificate_is_refused(tls):
    with server(tls[0], says(PEM)) as (port, requests):
        assert refused(fetcher(ssl.create_default_context(), port)).reason is Reason.CERTIFICATE_UNAVAILABLE
    assert requests == []


def test_many_callers_cause_one_fetch(tls):
    def answer(secure: ssl.SSLSocket, request: bytes) -> None:
        time.sleep(0.2)
        says(PEM)(secure, request)

    with server(tls[0], answer) as (port, requests):
        fetching = fetcher(tls[1], port)
        threads = [threading.Thread(target=fetching, args=(URL,)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(requests) == 1

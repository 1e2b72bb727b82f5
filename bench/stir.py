"""Full verifications of distinct PASSporTs a second and core, beside the signature alone, OpenSSL and secsipidx.

Ours: header split, token read, claims judged, ES256 verified, freshness and path at this time; certificate known.
Bound: the library's bare verification, and ``openssl speed ecdsap256`` where OpenSSL's command is installed; the two
are not the same OpenSSL, and both versions are printed. Peer: Debian's libsecsipid, without its chain check and with
it, against one authority and against a list as long as a real one; ours holds the long list and checks the chain.

One core is counted in CPU time, as ``openssl speed`` counts; two threads in the time of the clock. The best of
several rounds that take turns is shown, since other work on the machine only ever makes a round slower.

What brought ours from 0.75 to 0.87 of ``openssl speed`` (microseconds a token, of 44.5; the library takes 39.5):

- usual claims judged by one expression over the received octets, objects made only when read: 2.2
- the digest made apart and handed over as ``Prehashed``: 0.6
- one pass to the standard alphabet, strict decoding instead of an alphabet check before it: 0.5
- the parameters of a header remembered by their text, like the token's header: 0.5
- what is wrong with a token's header and address judged once a header: 0.4
- r and s put into DER by hand where neither is short: 0.35
- a judged token keeps its text and no parts of it: 0.6
- a signer found by its address instead of its certificates' hashes: 0.3

Tried and not taken, for they gained nothing: typed decoding with msgspec instead of the expression; reading a token in
one function; verifying in batches of 4 to 64 tokens; the key loaded in another way; no garbage collection. What is
left is 3.8 for header, token, claims and verdict, and the library's call, which takes 1.1 more than one of
``openssl speed``: it sets up a context and parses the DER each time.
"""

import json
import os
import re
import shutil
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from base64 import b64decode
from collections.abc import Callable
from ctypes.util import find_library
from functools import partial
from pathlib import Path

import msgspec
from cryptography.hazmat.backends.openssl import backend
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding

from bench.report import Claim, Figure
from headwater.stir.certificates import Certificate, TrustList, parse_certificate
from headwater.stir.passport import parse_token
from headwater.stir.sign import make_identity, make_token
from headwater.stir.verdict import Result
from headwater.stir.verify import Verifier
from tests.stir.pki import X5U, Pki

TOKENS, PEER_TOKENS, ROUNDS = 12_000, 2_000, 4
NOW = int(time.time())
PEERS = {
    "plain": "no chain check",
    "one": "chain checked, one authority known",
    "list": "chain checked, a real list known",
}
REAL_AUTHORITIES = Path(__file__).parent.parent / "tests" / "data" / "stir" / "real_ca_certs.json"


def run() -> Claim:
    pki = Pki(at=NOW)
    headers = [make_identity(make_token(pki.leaf.key, _claims(number), x5u=X5U), x5u=X5U) for number in range(TOKENS)]
    new = partial(Verifier, pki.certificates, [TrustList([pki.root.certificate, *_real_roots()])])
    verifier = new()
    if not all(verifier.verify_header(each, now=NOW).result is Result.VALID for each in headers):
        raise SystemExit("a token that must be valid was refused: nothing that was measured means anything")
    bare = _bare(pki, headers)
    ours = raw = openssl = one = two = 0.0
    peer: dict[str, float] = {}
    for _ in range(ROUNDS):
        ours = max(ours, TOKENS / _cpu(lambda: _judge(new, headers)))
        raw = max(raw, TOKENS / _cpu(bare))
        openssl = max(openssl, _openssl())
        one = max(one, TOKENS / _clock(lambda: _judge(new, headers)))
        two = max(two, TOKENS / _clock(lambda: _two_threads(new, headers)))
        peer = {name: max(rate, peer.get(name, 0)) for name, rate in _secsipidx(pki, headers[:PEER_TOKENS]).items()}
    again = TOKENS / _cpu(lambda: [verifier.verify_header(each, now=NOW) for each in headers])
    figures = [
        Figure(what="ours: full verification", rate=ours, unit="tokens/s"),
        Figure(what="bound: the library's verification alone", rate=raw, unit="signatures/s"),
        Figure(what="bound: openssl speed ecdsap256", rate=openssl, unit="signatures/s"),
        *(Figure(what=f"peer: libsecsipid, {PEERS[name]}", rate=rate, unit="tokens/s") for name, rate in peer.items()),
    ]
    return Claim(
        title="STIR/SHAKEN: full verification of distinct tokens, certificate known, one core",
        figures=[each for each in figures if each.rate],
        notes=[
            f"two threads: {two:,.0f} tokens/s, one: {one:,.0f}, by the clock: {two / one:.2f} times",
            f"a token judged before: {1e6 / again:.2f} us",
            f"first sight of a chain of two certificates: {_first_sight(pki) * 1e3:.2f} ms",
            f"the library's OpenSSL: {backend.openssl_version_text()}; the command's: {_openssl_version()}",
        ],
    )


def _claims(number: int) -> dict[str, object]:
    calling = {"tn": f"1215{number:07d}"}
    return {"attest": "A", "dest": {"tn": ["12155550131"]}, "iat": NOW, "orig": calling, "origid": str(uuid.uuid4())}


def _real_roots() -> list[Certificate]:
    found = (parse_certificate(b64decode(each["der_b64"])) for each in json.loads(REAL_AUTHORITIES.read_text()))
    return [each for each in found if each.issuer == each.subject]


def _cpu(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def _clock(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _judge(new: Callable[[], Verifier], headers: list[str]) -> None:
    verify = new().verify_header
    for header in headers:
        verify(header, now=NOW)


def _bare(pki: Pki, headers: list[str]) -> Callable[[], None]:
    algorithm = ec.ECDSA(hashes.SHA256())
    verify = pki.leaf.key.public_key().verify
    prepared = []
    for header in headers:
        passport = parse_token(header.partition(";")[0])
        r, s = (int.from_bytes(part, "big") for part in (passport.signature[:32], passport.signature[32:]))
        prepared.append((encode_dss_signature(r, s), passport.signed))

    def work() -> None:
        for signature, signed in prepared:
            verify(signature, signed, algorithm)

    return work


def _two_threads(new: Callable[[], Verifier], headers: list[str]) -> None:
    verify = new().verify_header

    def work(half: list[str]) -> None:
        for header in half:
            verify(header, now=NOW)

    threads = [threading.Thread(target=work, args=(half,)) for half in (headers[::2], headers[1::2])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _first_sight(pki: Pki) -> float:
    octets = [each.octets for each in pki.book[X5U]]
    trust = TrustList([pki.root.certificate])

    def once() -> None:
        leaf, authority = map(parse_certificate, octets)
        trust.path(leaf, [authority])
        _ = leaf.tn_auth_list

    return min(_clock(once) for _ in range(50))


def _openssl() -> float:
    if not shutil.which("openssl"):
        return 0.0
    command = ["openssl", "speed", "-seconds", "1", "ecdsap256"]
    said = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False).stdout
    found = re.search(r"256 bits ecdsa \(nistp256\)\s+\S+\s+\S+\s+\S+\s+([\d.]+)", said)
    return float(found[1]) if found else 0.0


def _openssl_version() -> str:
    if not shutil.which("openssl"):
        return "not installed"
    said = subprocess.run(["openssl", "version"], capture_output=True, text=True, timeout=60, check=True).stdout
    return said.partition("(")[0].strip()


def _secsipidx(pki: Pki, headers: list[str]) -> dict[str, float]:
    if not find_library("secsipid"):
        return {}
    with tempfile.TemporaryDirectory(prefix="headwater-bench-") as name:
        folder = Path(name)
        (folder / "headers").write_text("\n".join(headers))
        leaf, authority, root = (each.issued.public_bytes(Encoding.PEM) for each in (pki.leaf, pki.authority, pki.root))
        real = (ssl.DER_cert_to_PEM_cert(each.octets).encode() for each in _real_roots())
        for file, octets in (("chain", leaf + authority), ("one", root), ("list", root + b"".join(real))):
            (folder / f"{file}.pem").write_bytes(octets)
        command = [sys.executable, "-m", "bench._secsipidx", name]
        alone = os.environ | {"GOMAXPROCS": "1"}
        said = subprocess.run(command, capture_output=True, timeout=120, check=True, env=alone).stdout
    return msgspec.json.decode(said, type=dict[str, float])

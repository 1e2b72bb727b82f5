"""Full verifications of distinct PASSporTs a second and core, beside the signature alone and beside OpenSSL.

Ours: header split, token read, claims judged, ES256 verified, freshness and path at this time; certificate known.
Bound: the library's bare verification, and ``openssl speed ecdsap256`` where OpenSSL's command is installed.
"""

import re
import shutil
import subprocess
import threading
import time
import uuid
from collections.abc import Callable

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from bench.report import Claim, Figure
from headwater.stir.passport import parse_token
from headwater.stir.sign import make_identity, make_token
from headwater.stir.verdict import Result
from tests.stir.pki import IAT, X5U, Pki

TOKENS = 12_000
NOW = IAT + 20


def run() -> Claim:
    pki = Pki()
    headers = [make_identity(make_token(pki.leaf.key, _claims(number), x5u=X5U), x5u=X5U) for number in range(TOKENS)]
    judge = pki.verifier().verify_header
    ours = TOKENS / _seconds(lambda: [judge(each, now=NOW) for each in headers])
    if not all(judge(each, now=NOW).result is Result.VALID for each in headers):
        raise SystemExit("a token that must be valid was refused: nothing that was measured means anything")
    again = TOKENS / _seconds(lambda: [judge(each, now=NOW) for each in headers])
    raw = TOKENS / _bare(pki, headers)
    two = TOKENS / _two_threads(pki, headers)
    first = _first_sight(pki)
    return Claim(
        title="STIR/SHAKEN: full verification of distinct tokens, certificate known, one core",
        figures=[
            Figure(what="ours: full verification", rate=ours, unit="tokens/s"),
            Figure(what="bound: the library's verification alone", rate=raw, unit="signatures/s"),
            *_openssl(),
            Figure(what="ours: two threads", rate=two, unit="tokens/s"),
            Figure(what="ours: tokens judged before", rate=again, unit="tokens/s", note=f"{1e6 / again:.2f} us each"),
        ],
        notes=[f"first sight of a chain of two certificates: {first * 1e3:.2f} ms"],
    )


def _claims(number: int) -> dict[str, object]:
    calling = {"tn": f"1215{number:07d}"}
    return {"attest": "A", "dest": {"tn": ["12155550131"]}, "iat": IAT, "orig": calling, "origid": str(uuid.uuid4())}


def _seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _bare(pki: Pki, headers: list[str]) -> float:
    algorithm = ec.ECDSA(hashes.SHA256())
    key = pki.leaf.key.public_key()
    prepared = []
    for header in headers:
        passport = parse_token(header.partition(";")[0])
        r, s = (int.from_bytes(part, "big") for part in (passport.signature[:32], passport.signature[32:]))
        prepared.append((encode_dss_signature(r, s), passport.signed))
    return _seconds(lambda: [key.verify(signature, signed, algorithm) for signature, signed in prepared])


def _two_threads(pki: Pki, headers: list[str]) -> float:
    judge = pki.verifier().verify_header
    halves = headers[::2], headers[1::2]

    def work(half: list[str]) -> None:
        for header in half:
            judge(header, now=NOW)

    threads = [threading.Thread(target=work, args=(half,)) for half in halves]

    def both() -> None:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    return _seconds(both)


def _first_sight(pki: Pki) -> float:
    from headwater.stir.certificates import TrustList, parse_certificate

    octets = [each.octets for each in pki.book[X5U]]
    trust = TrustList([pki.root.certificate])

    def once() -> None:
        leaf, authority = map(parse_certificate, octets)
        trust.path(leaf, [authority])
        _ = leaf.tn_auth_list

    return min(_seconds(once) for _ in range(50))


def _openssl() -> list[Figure]:
    if not shutil.which("openssl"):
        return []
    command = ["openssl", "speed", "-seconds", "2", "ecdsap256"]
    said = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False).stdout
    found = re.search(r"256 bits ecdsa \(nistp256\)\s+\S+\s+\S+\s+\S+\s+([\d.]+)", said)
    return [Figure(what="bound: openssl speed ecdsap256", rate=float(found[1]), unit="signatures/s")] if found else []

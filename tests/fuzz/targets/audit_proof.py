"""Files about the audit that anybody hands in: proofs, checkpoints, a package's log of custody."""

from contextlib import suppress

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from headwater.audit import proof
from headwater.audit.statement import Checkpoint, parse
from headwater.audit.verify import chain_hash
from headwater.evidence import custody
from headwater.evidence.container import NotAPackage
from tests.evidence import specimen

_KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
_POINT = Checkpoint(
    seq=4,
    hash="0" * 64,
    previous="0" * 64,
    root="0" * 64,
    at="2026-11-24T16:00:00.000000Z",
    key_id="k",
    signature="AA==",
)
_PROOF = proof.Proof(checkpoint=_POINT, path=("0" * 64,), sequence=3, entry='{"tag":"x"}', previous_hash="0" * 64)
SEEDS = [
    b"\0" + proof.octets(_PROOF),
    b"\0" + proof.octets(proof.Proof(checkpoint=_POINT, path=(), earlier=_POINT)),
    b"\1" + _POINT.line(),
    b"\2" + custody.octets(specimen.entries()),
]
TOKENS = [b'"seq":1e300', b'"seq":true', b'"path":[]', b"null", b"NaN", b"-1", b"\\ud800", b"[[[[", b'"sequence":9e99']


def target(data: bytes) -> None:
    kind, data = data[:1], data[1:]
    if kind == b"\1":
        with suppress(ValueError, TypeError, KeyError):
            assert parse(data).line() == data
    elif kind == b"\2":
        with suppress(NotAPackage):
            entries = custody.read(data)
            assert custody.read(custody.octets(entries)) == entries
    else:
        try:
            found = proof.read(data)
        except ValueError:
            return
        said = proof.check(
            found,
            signed=lambda _point: False,
            entry_hash=lambda before, seq, text: chain_hash(prev_hash=before, seq=seq, entry=text),
        )
        assert said, "a proof whose checkpoint nobody signed holds"

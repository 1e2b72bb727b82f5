"""What tracing costs at the carrier: deposit mode, query mode, and a clean-room Jaeger-style mode, in one run.

The peer's mode is our own code by its published design (OPRF label by ``oblivious``, witness encryption by ``blspy``);
no working BBS04 group signature is on PyPI: its cost enters as a constant, scaled by this machine's BLS signing.
It flatters the peer: its authors' own encryption costs 2.5 ms.
"""

import base64
import secrets
import time
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from hashlib import sha256

import blspy
import msgspec
import oblivious.ristretto as oprf
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from joserfc import jws
from joserfc.jwk import ECKey

from bench.report import Claim, Figure
from headwater.calls import deposits
from headwater.calls.commitments import Tree, leaf, record_key
from headwater.calls.deposits import Keys, Row
from headwater.wire.commitments import Short

_ROWS = 1_000
_BATCHES = 20
_PEER_ROWS = 40
#: The peer's constants, measured on a 2-vCPU EPYC: group signature, verification, and BLS signing to scale by.
_GROUP_SIGN_MS, _GROUP_VERIFY_MS, _BLS_SIGN_MS = 1.60, 2.17, 0.37
_PEER_OCTETS = 1_906
_PEER_MS = 6.6
#: Calls that one carrier carries in a minute, at US scale: 2 bn calls a day over 5.14 carriers and 7,346 carriers.
_CALLS_A_MINUTE = 2_000_000_000 * 5.14 / 7_346 / 1_440
_BAR_MS, _BAR_OCTETS = 0.05, 200


def rows() -> list[Row]:
    """Return one batch of records."""
    chance = secrets.SystemRandom()
    return [
        Row(
            called=chance.randrange(12_000_000_000, 19_999_999_999),
            calling=chance.randrange(12_000_000_000, 19_999_999_999),
            start_ms=1_781_010_000_000 + chance.randrange(300_000),
            duration_ms=chance.randrange(60_000),
            kind=0,
            upstream="X001",
            downstream="X002",
            lag_ms=chance.randrange(800),
            call_id=secrets.token_bytes(8),
            identity=secrets.token_bytes(8),
            record_id=secrets.token_bytes(16),
            record_sha256=secrets.token_bytes(32),
        )
        for _ in range(_ROWS)
    ]


def deposit_mode() -> tuple[float, float, float]:
    """Return CPU ms and octets a record at the carrier, and CPU ms a record at the hub."""
    key = ECKey.generate_key("P-256")
    approver = X25519PrivateKey.generate()
    label_key = secrets.token_bytes(32)
    keys = Keys(
        spc="X003",
        epoch="2026-06",
        label_key=label_key,
        label_key_wrapped=deposits.wrap(label_key, approver.public_key()),
        approver=approver.public_key(),
        sign=lambda head: jws.serialize_compact({"alg": "ES256"}, head, key),
    )
    batches = [rows() for _ in range(_BATCHES)]
    now = datetime(2026, 6, 9, 16, tzinfo=UTC)
    octets: list[bytes] = []

    def seal() -> None:
        octets.extend(deposits.encode(deposits.seal(batch, keys, now=now)) for batch in batches)

    def take() -> None:
        for one in octets:
            read = deposits.decode(one)
            jws.deserialize_compact(read.jws, key, algorithms=["ES256"])

    sealed, taken = _cpu_ms(seal), _cpu_ms(take)
    count = _ROWS * _BATCHES
    return sealed / count, sum(map(len, octets)) / count, taken / count


def query_mode() -> tuple[float, float]:
    """Return CPU ms a record at the carrier, and octets a minute that leave it (root and signature) in query mode."""
    key = ECKey.generate_key("P-256")
    secret = secrets.token_bytes(32)
    names = [str(number) for number in range(_ROWS)]
    digest = "ab" * 32
    roots: list[Short] = []

    def commit() -> None:
        for number in range(_BATCHES):
            leaves = [leaf(record_key(secret, name), name, digest) for name in names]
            root = Tree(leaves, secret=secret, minute=str(number)).root
            signed = jws.serialize_compact({"alg": "ES256"}, root, key)
            roots.append(Short(29_000_000 + number, 16, root, base64.urlsafe_b64decode(signed[-86:] + "==")))

    cost = _cpu_ms(commit) / (_ROWS * _BATCHES)
    return cost, len(msgspec.msgpack.encode(roots)) / len(roots)


def peer_mode() -> tuple[float, float, float]:
    """Return CPU ms a record of a Jaeger-style deposit at the carrier, its octets, and the BLS signing of this run."""
    if oprf.rbcl is None and getattr(oprf, "sodium", None) is None:
        raise RuntimeError("oblivious runs in pure Python: install oblivious[rbcl], or the peer is slowed 150 times")
    authority = blspy.AugSchemeMPL.key_gen(secrets.token_bytes(32))
    public, scalar = authority.get_g1(), oprf.scalar()
    call = b"12025550123|15035550142|1781010000"

    def deposit() -> None:
        for number in range(_PEER_ROWS):
            blind = oprf.scalar()
            asked = blind * oprf.point.hash(call + str(number).encode())
            label = bytes(~blind * (scalar * asked))  # the label manager's part is counted: somebody does it
            own = blspy.AugSchemeMPL.key_gen(secrets.token_bytes(32))
            mask = sha256(bytes(public.pair(blspy.BasicSchemeMPL.sign(own, label)))).digest()
            hop = secrets.token_bytes(32)
            bytes(own.get_g1()), bytes(a ^ b for a, b in zip(mask, hop, strict=True))

    if not _opens(authority, public):
        raise RuntimeError("the witness encryption of the peer's design does not open again: the figure means nothing")

    def sign() -> None:
        for number in range(_PEER_ROWS):
            blspy.BasicSchemeMPL.sign(authority, str(number).encode())

    bls = _cpu_ms(sign) / _PEER_ROWS
    group = (_GROUP_SIGN_MS + _GROUP_VERIFY_MS) * bls / _BLS_SIGN_MS
    return _cpu_ms(deposit) / _PEER_ROWS + group, _PEER_OCTETS, bls


def _opens(authority: blspy.PrivateKey, public: blspy.G1Element) -> bool:
    """Tell whether the authority's signature of a label opens what was sealed under it."""
    own, label = blspy.AugSchemeMPL.key_gen(secrets.token_bytes(32)), b"label"
    sealed = bytes(public.pair(blspy.BasicSchemeMPL.sign(own, label)))
    return sealed == bytes(own.get_g1().pair(blspy.BasicSchemeMPL.sign(authority, label)))


def _cpu_ms(work: Callable[[], None]) -> float:
    began = time.process_time()
    work()
    return 1_000 * (time.process_time() - began)


def run() -> Claim:
    """Measure."""
    deposit_mode()  # warm
    ours, octets, taken = deposit_mode()
    query, root = query_mode()
    peer, peer_octets, bls = peer_mode()
    return Claim(
        title="Tracing's cost at the carrier: records a second on one core",
        figures=[
            Figure(
                what="ours, deposit mode, at the carrier",
                rate=1_000 / ours,
                unit="records/s",
                note=f"{ours:.4f} ms and {octets:.0f} octets a record (bar {_BAR_MS} ms, {_BAR_OCTETS} octets)",
            ),
            Figure(what="the hub's part: root and signature", rate=1_000 / taken, unit="records/s",
                   note=f"{taken:.4f} ms a record"),
            Figure(
                what="ours, query mode, at the carrier",
                rate=1_000 / query,
                unit="records/s",
                note=f"{query:.4f} ms a record; {root:.0f} octets of root and signature a minute, "
                f"{root / _CALLS_A_MINUTE:.3f} octets a call at US scale (bar 0.1 a call and 32 a minute, "
                f"that is {_CALLS_A_MINUTE * 0.1 + 32:.0f} a minute)",
            ),
            Figure(what="bound: one SHA-256 of a record's octets", rate=_hashes(), unit="records/s"),
            Figure(
                what="peer's design in this run (clean-room)",
                rate=1_000 / peer,
                unit="records/s",
                note=f"{peer:.2f} ms, group signature as a constant of {_GROUP_SIGN_MS} + {_GROUP_VERIFY_MS} ms scaled "
                f"by {bls / _BLS_SIGN_MS:.2f}; {peer_octets} octets a record",
            ),
            Figure(what="peer, its authors' code (constant)", rate=1_000 / _PEER_MS, unit="records/s",
                   note=f"{_PEER_MS} CPU ms and {_PEER_OCTETS} octets a record"),
        ],
        notes=[
            "Not the same property: the peer hides labels from the store and from the label-key holder, and the signer",
            "from everybody but a group manager. Our batch-signed deposits do neither: the approver, who holds the key",
            "that opens them, can try numbers, and whose batch it is shows. Query mode stores nothing centrally, but",
            "the hub and every carrier that is asked learn that this call is traced. The peer's figure counts its",
            "store's verification.",
            "A request of roots has an envelope of 88 octets besides, and HTTP its own; up to 200 minutes share them.",
        ],
    )  # fmt: skip


def _hashes() -> float:
    octets, rounds = secrets.token_bytes(200), 100_000
    return 1_000 * rounds / _cpu_ms(lambda: deque((sha256(octets).digest() for _ in range(rounds)), maxlen=0).clear())

"""A batch that a carrier deposits, as octets and with a record that says anything: read, opened, or refused."""

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from headwater.calls import deposits
from headwater.wire.deposits import Sealed
from tests.fuzz.targets._cdr import NOW

APPROVER = X25519PrivateKey.from_private_bytes(bytes(range(32)))
LABEL_KEY = bytes(32)
_KEY = bytes(range(32, 64))
_ROW = deposits.Row(
    called=13105550111, calling=12155550100, start_ms=int(NOW.timestamp()) * 1_000, duration_ms=61_000, kind=0,
    upstream="505K", call_id=bytes(8), record_id=bytes(16), record_sha256=bytes(32),
)  # fmt: skip
_KEYS = deposits.Keys(
    spc="709J",
    epoch="2026-11",
    label_key=LABEL_KEY,
    label_key_wrapped=deposits.wrap(LABEL_KEY, APPROVER.public_key()),
    approver=APPROVER.public_key(),
    sign=lambda octets: f"e30.{len(octets)}.AA",
)
_PLAIN = deposits.msgspec.msgpack.encode(deposits.msgspec.structs.astuple(_ROW))
SEEDS = [b"\0" + deposits.encode(deposits.seal([_ROW] * number, _KEYS, now=NOW)) for number in (1, 3)] + [
    b"\1" + _PLAIN
]
TOKENS = [
    b"\xdd\xff\xff\xff\xff", b"\xcf\xff\xff\xff\xff\xff\xff\xff\xff", b"\xc4\x08", b"\xc4\x20",
    b"\xd3\x80\0\0\0\0\0\0\0", b"\xc1", b"\x90", b"\xc0", b"\xcb\x7f\xf0\0\0\0\0\0\0", b"\xff",
]  # fmt: skip


def target(data: bytes) -> None:
    try:
        if data[:1] == b"\1":
            # Whoever holds the batch's key can seal anything in it.
            name = bytes(deposits.LABEL)
            sealed = Sealed(name, AESGCM(_KEY).encrypt(bytes(12), data[1:], name))
            assert 0 <= deposits.open_record(sealed, _KEY).kind < len(deposits.CODES)
            return
        found = deposits.decode(data[1:])
        assert deposits.signed_part(found)
        wanted = deposits.buckets(NOW, 60)
        opened = deposits.open_records(found, APPROVER, LABEL_KEY, called=13105550111, wanted=wanted)
        for one in opened:
            assert deposits.leads_to(found.records[one.place], one.place, deposits.path(found, one.place), found.root)
    except deposits.BadDeposit:
        return

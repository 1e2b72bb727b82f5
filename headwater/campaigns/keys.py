"""What a call is counted under: numbers, their blocks, the signer, the carrier. Pure.

A key is 64 bits: its kind in the highest eight, its value in the rest. A number's or a block's value is its digits; a
name's is a hash of it, the same in every process, so that a checkpoint means the same after a restart.
"""

from collections.abc import Sequence
from enum import IntEnum
from functools import lru_cache
from hashlib import blake2b

import msgspec
import numpy as np
import numpy.typing as npt

from headwater.numbering.numbers import E164, display

Keys = npt.NDArray[np.uint64]
_VALUE_BITS = 56


class KeyKind(IntEnum):
    """What calls are counted by."""

    NUMBER = 1
    """The calling number."""
    BLOCK = 2
    """The thousands block of the calling number: NPA-NXX-X."""
    EXCHANGE = 3
    """The office code of the calling number: NPA-NXX."""
    SIGNER = 4
    """Who signed the call, by Service Provider Code."""
    ORIGID = 5
    """The source that the signer gave the call (RFC 8588)."""
    PROVIDER = 6
    """Where the call came in: the neighbour that handed it over, or the carrier that delivered it."""
    CALLED_BLOCK = 7
    """The thousands block of the called number."""

    @property
    def label(self) -> str:
        """The kind in words."""
        return _LABELS[self]


_LABELS = {
    KeyKind.NUMBER: "calling number",
    KeyKind.BLOCK: "calling thousands block",
    KeyKind.EXCHANGE: "calling office code",
    KeyKind.SIGNER: "signer",
    KeyKind.ORIGID: "origid",
    KeyKind.PROVIDER: "provider",
    KeyKind.CALLED_BLOCK: "called thousands block",
}
KINDS = tuple(KeyKind)


class Heard(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What is known of a call without its media. Times are seconds since 1970; durations milliseconds, -1 unknown."""

    record_id: bytes
    at: float
    calling: str = ""
    called: str = ""
    signer: str = ""
    origid: str = ""
    provider: str = ""
    attest: str = ""
    ring_ms: int = -1
    duration_ms: int = -1
    answered: bool | None = None


@lru_cache(maxsize=65_536)
def _hashed(text: str) -> int:
    return int.from_bytes(blake2b(text.encode("utf-8", "replace"), digest_size=7).digest(), "big")


def _key(kind: KeyKind, value: int) -> int:
    return int(kind) << _VALUE_BITS | value


def _of_number(number: str, digits: int) -> int:
    """Return the leading digits of a North American number as a value, 0 for any other."""
    return int(number[:digits]) if len(number) == 11 and number[0] == "1" else 0


def keys_of(calls: Sequence[Heard]) -> Keys:
    """Return a row of keys a call, in the order of ``KINDS``; 0 where the call has none of that kind."""
    rows = np.zeros((len(calls), len(KINDS)), dtype=np.uint64)
    number, block, exchange, signer, origid, provider, called = (int(kind) << _VALUE_BITS for kind in KINDS)
    for at, call in enumerate(calls):
        calling = call.calling
        north_american = len(calling) == 11 and calling[0] == "1"
        rows[at] = (
            number | int(calling) if calling else 0,
            block | int(calling[:8]) if north_american else 0,
            exchange | int(calling[:7]) if north_american else 0,
            signer | _hashed(call.signer) if call.signer else 0,
            origid | _hashed(call.origid) if call.origid else 0,
            provider | _hashed(call.provider) if call.provider else 0,
            called | int(call.called[:8]) if len(call.called) == 11 and call.called[0] == "1" else 0,
        )
    return rows


def name_of(kind: KeyKind, call: Heard) -> str:
    """Return the key of ``kind`` of ``call`` as it is shown; called numbers by their block alone."""
    shown = {
        KeyKind.NUMBER: display(E164(call.calling)),
        KeyKind.BLOCK: _block(call.calling, 8),
        KeyKind.EXCHANGE: _block(call.calling, 7),
        KeyKind.SIGNER: call.signer,
        KeyKind.ORIGID: call.origid,
        KeyKind.PROVIDER: call.provider,
        KeyKind.CALLED_BLOCK: _block(call.called, 8),
    }
    return shown[kind]


def _block(number: str, digits: int) -> str:
    if not _of_number(number, digits):
        return ""
    return f"{number[1:4]}-{number[4:7]}" + (f"-{number[7]}" if digits == 8 else "")

"""Checks the signatures inside a package's papers (PAdES) with Python's standard library.

Each signature says which octets of the file it covers (``ByteRange``): they must be all but the signature itself, up to
the end of the file as it was then, and the last one must reach the end of the file. What is not judged here is the path
of a certificate to an authority and its revocation: a PDF reader or ``pdfsig`` does that.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import new as new_hash

from headwater.evidence import cms, stamp

_DATA = bytes.fromhex("2a864886f70d010701")
_TIME_STAMP = bytes.fromhex("2a864886f70d010910020e")
_RANGE = re.compile(rb"/ByteRange\s*\[\s*(\d{1,10})\s+(\d{1,10})\s+(\d{1,10})\s+(\d{1,10})\s*\]")
_MOST = 16
"""Signatures that are read of one paper; the custodian's and the archive's time stamp are two."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """One signature that holds: who made it, over how much of the file, and its time stamp."""

    who: str
    certificate_sha256: str
    end: int
    """Octets of the file that it covers, itself included."""
    archive: bool
    """Whether it is an archive time stamp over the whole paper."""
    stamped: stamp.Stamp | None
    checked: bool
    """Whether the algorithm is one that is checked here."""


def signatures(paper: bytes) -> list[Signature]:
    """Return the signatures of a paper, the earliest first.

    Raises:
        ValueError: one of them does not hold, or does not cover what it must.
    """
    found = [_read(paper, *span) for span in _spans(paper)]
    found.sort(key=lambda signature: signature.end)
    if found and found[-1].end != len(paper):
        message = "octets follow that no signature covers"
        raise ValueError(message)
    return found


def _spans(paper: bytes) -> Iterator[tuple[int, int, int]]:
    """Yield where each signature's hexadecimal digits begin and end, and where what it covers ends."""
    for count, match in enumerate(_RANGE.finditer(paper)):
        if count == _MOST:
            message = "it has more signatures than a paper of a package"
            raise ValueError(message)
        start, length, again, rest = (int(number) for number in match.groups())
        if start or again < length + 2 or again + rest > len(paper):
            message = "a signature does not say which octets it covers"
            raise ValueError(message)
        if paper[length : length + 1] != b"<" or paper[again - 1 : again] != b">":
            message = "a signature leaves out more than itself"
            raise ValueError(message)
        yield length, again, again + rest


def _read(paper: bytes, begin: int, again: int, end: int) -> Signature:
    digits = paper[begin + 1 : again - 1]
    octets = bytes.fromhex(digits.decode("ascii"))
    content, after = cms.first(octets)
    if octets.hex().upper().encode() != digits or any(octets[after:]):
        message = "a signature is not written as Headwater writes it"
        raise ValueError(message)
    signed = cms.signed_data(content)

    def digest(name: str) -> bytes:
        state = new_hash(name, paper[:begin])
        state.update(paper[again:end])
        return state.digest()

    if signed.kind == stamp.TST_INFO:
        stamped = stamp.token(signed)
        if stamped.imprint != digest(stamped.digest) or stamped.signed is False:
            message = "its archive time stamp is not over this paper, or not signed"
            raise ValueError(message)
        return _found(signed, end, stamped, archive=True, checked=stamped.signed is True)
    holds = signed.holds(digest) if signed.kind == _DATA else False
    if holds is False:
        message = "what its signature covers was changed, or the signature is not by the certificate in it"
        raise ValueError(message)
    return _found(signed, end, _stamp(signed), archive=False, checked=holds is True)


def _stamp(signed: cms.SignedData) -> stamp.Stamp | None:
    """Return the time stamp over the signature itself, where it carries one."""
    token = signed.unsigned(_TIME_STAMP)
    if token is None:
        return None
    stamped = stamp.token(cms.signed_data(token))
    if stamped.imprint != new_hash(stamped.digest, signed.signature).digest() or stamped.signed is False:
        message = "the time stamp of its signature is over something else, or not signed"
        raise ValueError(message)
    return stamped


def _found(signed: cms.SignedData, end: int, stamped: stamp.Stamp | None, *, archive: bool, checked: bool) -> Signature:
    return Signature(
        who=signed.who,
        certificate_sha256=signed.certificate_sha256,
        end=end,
        archive=archive,
        stamped=stamped,
        checked=checked,
    )

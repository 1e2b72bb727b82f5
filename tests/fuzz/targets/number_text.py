"""A telephone number as anybody writes it: canonical digits or unknown, and no digit of it behind the mask."""

from headwater.numbering import numbers

SEEDS = [
    b"+1 (215) 555-0100", b"tel:+12155550100;ext=7", b"sip:2155550100@h;user=phone", b"0044 20 7946 0018", b"anonymous",
    "\uff0b\uff11\uff12\uff11\uff15\uff15\uff15\uff15\uff10\uff11\uff10\uff10".encode(), b"011442079460018", b"911",
]  # fmt: skip
TOKENS = [b"+1", b"011", b"tel:", b";ext=", b"00", b"\xd9\xa1", b"\xe2\x91\xa0", b"x", b" ", b"%2B"]
LONGEST = 200


def target(data: bytes) -> None:
    found = numbers.canonical(data.decode("utf-8", "replace"))
    assert found == numbers.UNKNOWN or (found.isascii() and found.isdecimal() and len(found) <= 15), found
    assert not found or found.startswith("0") or numbers.canonical("+" + found) == found
    assert numbers.is_possible(found) in {True, False}
    shown = numbers.masked(found)
    assert len(found) < 7 or found[-4:] not in shown or set(found[-4:]) <= set(found[:6])
    for read in (numbers.state, numbers.npa, numbers.npa_nxx, numbers.display, numbers.shortened):
        assert isinstance(read(found), str)

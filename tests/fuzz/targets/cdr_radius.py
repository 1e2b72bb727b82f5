"""RADIUS packets as octets, as hexadecimal lines and as detail text: lengths that lie are refused."""

from headwater.intake.cdr import radius
from tests.fuzz.targets import _cdr

HEX = [one[1:] for one in _cdr.seeds("kamailio-acc_radius-accounting-request.hex")]
DETAIL = b'Sat Nov 21\n\tAcct-Status-Type = Stop\n\tAcct-Session-Id = "x"\n\tEvent-Timestamp = 1795460100\n\n'
SEEDS = [b"\x00" + HEX[0], b"\x00" + DETAIL, b"\x01" + bytes.fromhex(HEX[0].split()[0].decode())]
TOKENS = [b"\x1a", b"\x1a\x08\x00\x00\x00\x09\x01\x02", b"\x04", b"\n\t", b" = ", b"h323-conf-id="]
SHORT_RUN = 400


def target(data: bytes) -> None:
    if data[:1] == b"\x01":
        radius.is_authentic(data[1:], b"secret")
        try:
            found = radius.attributes(data[1:])
        except radius.BadPacket:
            return
        assert all(name and isinstance(value, str) for name, value in found.items())
    else:
        _cdr.read("radius", data[1:])

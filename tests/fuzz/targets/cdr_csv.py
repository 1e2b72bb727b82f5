"""Separated values by every ready format and by a user's own: each row is a record or is refused with its place."""

from tests.fuzz.targets import _cdr

SEEDS = _cdr.seeds("kamailio-acc-carrierA.csv", "kamailio-acc_cdrs-carrierC.csv", "asterisk-Master.csv") + _cdr.TABLES
TOKENS = [b'"', b'""', b"\r\n", b"\n", b",", b";", b"\x00", b"\xff\xfe", b"\xef\xbb\xbf", b"STOP,", b"ATTEMPT,", b"2,"]
NAMES = [
    "kamailio-acc", "kamailio-acc-cdrs", "asterisk-csv", "asterisk-cel", "freeswitch-csv", "cisco-cucm", "ribbon-act",
    "oracle-acme", "sansay", "bandwidth-bdr",
]  # fmt: skip
SHORT_RUN = 400


def target(data: bytes) -> None:
    if data:
        _cdr.read(NAMES[data[0] % len(NAMES)], data[1:])

"""acc's lines in a log of anything."""

from tests.fuzz.targets import _cdr

SEEDS = [one[1:] for one in _cdr.seeds("kamailio-acc-syslog-carrierC.log")]
TOKENS = [b"timestamp=", b";method=", b";code=", b";call_id=", b"\n", b"\x00", b"==", b"9" * 30]
SHORT_RUN = 400


def target(data: bytes) -> None:
    _cdr.read("kamailio-acc-syslog", data)

"""A time-stamp authority's answer and a list of revoked certificates: what they say, or a refusal."""

import json
from pathlib import Path

from headwater.evidence import stamp
from headwater.stir.certificates import CertificateError
from headwater.stir.revocation import parse_revocation_list
from tests.fuzz.targets import _certificates

_VECTOR = json.loads((Path(__file__).parents[2] / "data" / "stir" / "crl.json").read_text())
SEEDS = [
    b"\0" + _certificates.TIME_STAMP,
    b"\1" + _certificates.REVOCATION_LIST,
    *(b"\1" + pem.encode() for pem in list(_VECTOR["pem"].values())[:2] if "CRL" in pem),
]
TOKENS = [b"\x30\x80", b"\x30\x84\xff\xff\xff\xff", b"\x18\x0f", b"\x17\x0d", b"\x06\x00", b"\x02\x01\x00", b"\xa0\x00"]


def target(data: bytes) -> None:
    if data[:1] == b"\1":
        try:
            found = parse_revocation_list(data[1:], _certificates.SIGNER)
        except CertificateError:
            return
        assert found.sha256
        return
    try:
        read = stamp.read(data[1:])
    except ValueError:
        return
    assert read.at.tzinfo is not None

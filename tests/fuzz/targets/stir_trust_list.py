"""Trust lists: what the pinned signer did not sign is refused, and nothing raises but the refusal."""

import json

from headwater.stir.certificates import CertificateError
from headwater.stir.trust import parse_trust_list
from tests.stir.test_trust import ADMINISTRATOR, PKI, listing, pem, signed

LONGEST = 4_096
_TOKEN = signed(listing(PKI.root))
SEEDS = [_TOKEN, json.dumps({"caList": _TOKEN.decode()}).encode(), pem(PKI.root, PKI.authority), b'{"trustList": []}']
TOKENS = [b".", b"caList", b"trustList", b"-----BEGIN CERTIFICATE-----", b"-----END CERTIFICATE-----", b"{", b'"', b"="]


def target(data: bytes) -> None:
    """Read ``data``; a signed list that is taken holds what was signed."""
    try:
        trust = parse_trust_list(data, name="US", signer=ADMINISTRATOR.certificate)
    except CertificateError:
        return
    assert trust.anchors
    if trust.sequence is not None:
        assert [each.octets for each in trust.anchors] == [PKI.root.certificate.octets]

"""What the tests of this room share: the vectors, one SYNTHETIC infrastructure, and tokens signed in it."""

import base64
import json
from pathlib import Path

from headwater.stir.certificates import TrustList, parse_pem_chain
from headwater.stir.sign import make_identity, make_token
from headwater.stir.verify import Policy, Verifier
from tests.stir.pki import IAT, X5U, Pki, claims

DATA = Path(__file__).parent.parent / "data" / "stir"
PKI = Pki()
NOW = IAT + 20


def load(name: str):
    return json.loads((DATA / name).read_text())


PEER = load("passports_peer_signed.json")
CERTIFICATES = load("certs_and_keys.json")


def peer_verifier() -> Verifier:
    chain = parse_pem_chain(CERTIFICATES[PEER["key"]].encode())
    anchor = parse_pem_chain(CERTIFICATES[PEER["anchor"]].encode())
    # The peer's test certificate has a URL where the TNAuthList belongs; its tokens are judged all the same.
    return Verifier(lambda _: chain, [TrustList(anchor)], policy=Policy(require_spc=False))


def header(token: str, **changes: str) -> str:
    part = json.loads(base64.urlsafe_b64decode(token.split(".", maxsplit=1)[0] + "=="))
    return make_identity(token, x5u=part["x5u"], ppt=part.get("ppt"), **changes)


def good(**changes: object) -> str:
    return make_identity(make_token(PKI.leaf.key, claims(**changes), x5u=X5U), x5u=X5U)

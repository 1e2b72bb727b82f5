"""Both ways with Debian's ``secsipidx``: what we sign it accepts, and what it signs we judge.

It is another program in another language with another cryptographic library: agreement is worth something.
"""

import json
import shutil
import subprocess
import time

import pytest
from cryptography.hazmat.primitives import serialization

from headwater.stir.reasons import Reason
from headwater.stir.sign import make_identity, make_token
from headwater.stir.verify import Call
from tests.stir.pki import X5U, Pki, claims

pytestmark = pytest.mark.skipif(not shutil.which("secsipidx"), reason="Debian's secsipidx is not installed")
NOW = int(time.time())
PKI = Pki(at=NOW)
PEM = serialization.Encoding.PEM


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("secsipidx")
    key = PKI.leaf.key.private_bytes(PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption())
    (made / "key.pem").write_bytes(key)
    (made / "chain.pem").write_bytes(PKI.leaf.issued.public_bytes(PEM) + PKI.authority.issued.public_bytes(PEM))
    (made / "root.pem").write_bytes(PKI.root.issued.public_bytes(PEM))
    return made


def secsipidx(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = ["secsipidx", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)


def accepted(folder, header: str) -> bool:
    """Whether it accepts ``header``, with its check of time and chain (bits 0 and 2 of its mode)."""
    given = ("-fpubkey", folder / "chain.pem", "-ca-file", folder / "root.pem", "-cert-verify", 5, "-expire", 3_600)
    done = secsipidx("-check", *given, "-identity", header)
    assert (done.stdout.splitlines()[-1] == "ok") == (done.returncode == 0), done
    return done.returncode == 0


def test_it_accepts_what_we_sign_and_refuses_it_once_an_octet_is_changed(folder):
    header = make_identity(make_token(PKI.leaf.key, claims(iat=NOW), x5u=X5U), x5u=X5U)
    assert accepted(folder, header)
    signature = header.partition(";")[0].rpartition(".")[2]
    other = "A" if signature[10] != "A" else "B"
    assert not accepted(folder, header.replace(signature, signature[:10] + other + signature[11:]))
    stranger = make_identity(make_token(Pki(at=NOW).leaf.key, claims(iat=NOW), x5u=X5U), x5u=X5U)
    assert not accepted(folder, stranger)


def test_its_own_headers_are_valid_calls(folder):
    numbers = ("-orig-tn", "12155550121", "-dest-tn", "12155550131", "-attest", "B")
    done = secsipidx("-sign-full", *numbers, "-x5u", X5U, "-k", folder / "key.pem")
    header = next(line for line in done.stdout.splitlines() if ";info=" in line).strip()
    assert accepted(folder, header)
    call = Call(calling="+12155550121", called="+12155550131")
    verdict = PKI.verifier().verify_call([header], call, now=time.time())
    assert (verdict.result, verdict.signers, verdict.tokens[0].claim("attest")) == ("valid", ("709J",), "B")


def foreign(folder, payload: str, **members: object) -> str:
    """Have it sign any JSON that we give it, octet for octet."""
    header = {"alg": "ES256", "ppt": "shaken", "typ": "passport", "x5u": X5U} | members
    done = secsipidx("-sign", "-header", json.dumps(header), "-payload", payload, "-k", folder / "key.pem")
    return next(line for line in done.stdout.split() if line.count(".") == 2)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, None),
        ({"attest": "AB"}, Reason.ATTEST_BAD),
        ({"orig": {"tn": "+1-215-555-0121"}}, Reason.NUMBER_NOT_CANONICAL),
        ({"dest": {"tn": []}}, Reason.DEST_BAD),
        ({"iat": str(NOW)}, Reason.IAT_BAD),
        ({"iat": NOW - 600}, Reason.STALE),
        ({"iat": NOW + 600}, Reason.FROM_THE_FUTURE),
        ({"origid": None}, Reason.ORIGID_BAD),
    ],
)
def test_its_signature_over_any_claims_holds_and_the_claims_are_judged(folder, changes, reason):
    # Other white space and another order of the members than ours: what was signed is what counts.
    payload = json.dumps(dict(reversed(claims(**({"iat": NOW} | changes)).items())), indent=1)
    verdict = PKI.verifier().verify_token(foreign(folder, payload), now=NOW)
    assert verdict.signature_holds
    assert verdict.reason is reason, verdict.noted

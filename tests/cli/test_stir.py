"""``headwater stir`` as an analyst, a carrier and a foreign program use it."""

import json
import shutil
import subprocess
import sys
import time

import pytest
from cryptography.hazmat.primitives import serialization

from headwater.stir.sign import make_identity, make_token
from tests.stir.pki import IAT, X5U, Pki, claims

PKI = Pki()


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("stir")
    pem = serialization.Encoding.PEM
    (folder / "root.pem").write_bytes(PKI.root.issued.public_bytes(pem))
    (folder / "chain.pem").write_bytes(PKI.leaf.issued.public_bytes(pem) + PKI.authority.issued.public_bytes(pem))
    for form, name in (
        (serialization.PrivateFormat.PKCS8, "key.pem"),
        (serialization.PrivateFormat.TraditionalOpenSSL, "key-ec.pem"),
    ):
        (folder / name).write_bytes(PKI.leaf.key.private_bytes(pem, form, serialization.NoEncryption()))
    (folder / "public.pem").write_bytes(
        PKI.leaf.key.public_key().public_bytes(pem, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    return folder


def headwater(*arguments: object, given: str | bytes = "") -> subprocess.CompletedProcess[str]:
    octets = given.encode() if isinstance(given, str) else given
    done = subprocess.run(
        [sys.executable, "-m", "headwater", "stir", *map(str, arguments)],
        input=octets,
        capture_output=True,
        timeout=60,
        check=False,
    )
    return subprocess.CompletedProcess(done.args, done.returncode, done.stdout.decode(), done.stderr.decode())


def header(**changes: object) -> str:
    return make_identity(make_token(PKI.leaf.key, claims(**changes), x5u=X5U), x5u=X5U)


def test_a_good_header_passes_with_every_check_named(files):
    done = headwater("verify", "--trust", files / "root.pem", "--cert", files / "chain.pem", given=header())
    verdict = json.loads(done.stdout)
    assert (done.returncode, verdict["result"], verdict["signers"]) == (0, "valid", ["709J"])
    assert len(verdict["tokens"][0]["checks"]) == 20


def test_a_bad_one_exits_with_one_and_says_why(files):
    lines = "\n".join([header(), header(attest="Z"), "rubbish", "Identity: " + header()])
    done = headwater("verify", "--trust", files / "root.pem", "--cert", files / "chain.pem", given=lines)
    assert done.returncode == 1
    assert [json.loads(line)["reason"] for line in done.stdout.splitlines()] == [
        None,
        "attest-bad",
        "token-malformed",
        None,
    ]


def test_json_lines_are_held_against_their_numbers(files):
    lines = "\n".join(
        json.dumps({"identity": [header()], "called": called, "calling": "12155550121"})
        for called in ("12155550131", "12155550199")
    )
    done = headwater("verify", "--trust", files / "root.pem", "--cert", files / "chain.pem", given=lines)
    assert [json.loads(line)["reason"] for line in done.stdout.splitlines()] == [None, "dest-differs-from-call"]


def test_a_sip_message_is_judged_by_its_own_numbers(files):
    message = (
        "INVITE sip:12155550131@b SIP/2.0\r\nVia: SIP/2.0/UDP a\r\n"
        "From: <sip:+12155550121@a>;tag=1\r\nTo: <sip:+12155550131@b>\r\nCall-ID: c1\r\nCSeq: 1 INVITE\r\n"
        f"Identity: {header()}\r\n\r\n"
    )
    live = headwater(
        "verify",
        "--trust",
        files / "root.pem",
        "--cert",
        files / "chain.pem",
        "--mode",
        "live",
        "--at",
        IAT + 30,
        given=message,
    )
    assert json.loads(live.stdout)["result"] == "valid", live.stderr
    late = headwater(
        "verify",
        "--trust",
        files / "root.pem",
        "--cert",
        files / "chain.pem",
        "--mode",
        "live",
        "--at",
        IAT + 90,
        given=message,
    )
    assert json.loads(late.stdout)["tokens"][0]["reason"] == "stale"


def test_offline_fetches_nothing_and_says_so(files):
    done = headwater("verify", "--trust", files / "root.pem", "--offline", given=header())
    assert json.loads(done.stdout)["reason"] == "certificate-unavailable"


def test_inspect_shows_a_token_and_a_chain(files):
    token = json.loads(headwater("inspect", given=header()).stdout)
    assert token["claims"]["attest"] == "A"
    leaf, authority = map(json.loads, headwater("inspect", files / "chain.pem").stdout.splitlines())
    assert (leaf["spc"], authority["authority"]) == (["709J"], True)


def test_what_cannot_be_used_is_said_in_one_line(files):
    for arguments in (
        ("verify", "--at", "yesterday"),
        ("verify", "--crl", files / "root.pem"),
        ("sign", "--key", files / "root.pem", "--x5u", X5U, "--claims", "{}"),
        ("sign", "--key", files / "key.pem", "--x5u", X5U, "--claims", "{"),
        ("inspect",),
    ):
        done = headwater(*arguments, given="rubbish")
        assert done.returncode == 1, arguments
        assert done.stderr.startswith("headwater: "), done.stderr
        assert "Traceback" not in done.stderr


secsipidx = pytest.mark.skipif(not shutil.which("secsipidx"), reason="Debian's secsipidx is not installed")


@secsipidx
def test_our_tokens_are_accepted_by_secsipidx(files):
    now = int(time.time())
    ours = headwater("sign", "--key", files / "key.pem", "--x5u", X5U, "--claims", json.dumps(claims(iat=now)))
    done = subprocess.run(
        [
            "secsipidx",
            "-check",
            "-fpubkey",
            str(files / "public.pem"),
            "-identity",
            ours.stdout.strip(),
            "-expire",
            "3600",
        ],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert "ok" in done.stdout + done.stderr, done


@secsipidx
def test_tokens_of_secsipidx_are_accepted_by_ours(files):
    done = subprocess.run(
        [
            "secsipidx",
            "-sign-full",
            "-orig-tn",
            "12155550121",
            "-dest-tn",
            "12155550131",
            "-attest",
            "B",
            "-x5u",
            X5U,
            "-k",
            str(files / "key-ec.pem"),
        ],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    foreign = next(line for line in done.stdout.splitlines() if ";info=" in line)
    verdict = PKI.verifier().verify_header(foreign.strip(), now=time.time())
    assert verdict.signature_holds
    # Only the time is not that of the test authority's certificates.
    assert {each.reason for each in verdict.noted if each.reason} <= {
        "certificate-expired",
        "certificate-not-yet-valid",
    }

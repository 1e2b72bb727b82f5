"""``headwater stir`` as an analyst, a carrier and a foreign program use it."""

import io
import json
import shutil
import subprocess
import sys

import dpkt
import pytest
from cryptography.hazmat.primitives import serialization

from headwater.stir.passport import base64url
from headwater.stir.sign import make_identity, make_token, sign_octets
from tests.stir.pki import IAT, X5U, Pki, claims, issue

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


def test_a_capture_is_judged_live_at_the_time_of_each_call(files):
    octets = io.BytesIO()
    capture = dpkt.pcap.Writer(octets)
    for late in (5, 95):
        message = (
            "INVITE sip:12155550131@b SIP/2.0\r\nVia: SIP/2.0/UDP a\r\n"
            "From: <sip:+12155550121@a>;tag=1\r\nTo: <sip:+12155550131@b>\r\n"
            f"Call-ID: c{late}\r\nCSeq: 1 INVITE\r\nIdentity: {header(attest='B')}\r\n\r\n"
        ).encode()
        datagram = dpkt.udp.UDP(sport=5060, dport=5060, data=message, ulen=8 + len(message))
        packet = dpkt.ip.IP(src=bytes([192, 0, 2, 1]), dst=bytes([192, 0, 2, 2]), p=17, data=datagram)
        packet.len = len(packet)
        frame = dpkt.ethernet.Ethernet(type=0x0800, data=packet)
        capture.writepkt(bytes(frame), ts=IAT + late)
    options = ("verify", "--trust", files / "root.pem", "--cert", files / "chain.pem", "--mode", "live")
    done = headwater(*options, given=octets.getvalue())
    assert [json.loads(line)["reason"] for line in done.stdout.splitlines()] == [None, "stale"], done.stderr


def test_offline_fetches_nothing_and_says_so(files):
    done = headwater("verify", "--trust", files / "root.pem", "--offline", given=header())
    assert json.loads(done.stdout)["reason"] == "certificate-unavailable"


def test_inspect_shows_a_token_and_a_chain(files):
    token = json.loads(headwater("inspect", given=header()).stdout)
    assert token["claims"]["attest"] == "A"
    leaf, authority = map(json.loads, headwater("inspect", files / "chain.pem").stdout.splitlines())
    assert (leaf["spc"], authority["authority"]) == (["709J"], True)
    assert {"policies", "crl-point"} <= {each["rule"] for each in leaf["profile"]}


@pytest.mark.parametrize(
    ("arguments", "given", "exit_code", "says"),
    [
        (("verify", "--at", "yesterday"), "", 2, "neither ISO 8601 nor Unix seconds"),
        (("verify", "--at", "2026-01-01T00:00:00"), "", 2, "has no zone"),
        (("verify", "--at", "1e300"), "", 2, "no time that a call could have"),
        (("verify", "--at", "nan"), "", 2, "no time that a call could have"),
        (("verify", "--crl", "root.pem"), "", 2, "needs --crl-signer"),
        (("verify", "--crl", "root.pem", "--crl-signer", "root.pem"), "", 2, "no revocation list"),
        (("verify", "--trust", "nowhere"), "", 2, "there is no trust list"),
        (("verify", "--trust", "key.pem"), "", 2, "0 certificates"),
        (("verify", "--cert", "nowhere"), "", 2, "cannot be read"),
        (("verify", "nowhere"), "", 2, "cannot be read"),
        (("verify", "--offline"), "", 2, "nothing to judge"),
        (("verify", "--offline"), "SIP/2.0 200 OK\r\nCall-ID: 1\r\n\r\n", 2, "nothing to judge"),
        (("verify", "--offline"), "{", 2, "is no JSON"),
        (("verify", "--offline"), '{"identity": 7}', 2, "a JSON line holds"),
        (("verify", "--offline"), '{"identity": ["a", 7]}', 2, "a JSON line holds"),
        (("verify", "--offline"), '{"at": "soon"}', 2, "neither ISO 8601"),
        (("verify", "--offline"), "x" * 300_000, 2, "line 1 is longer"),
        (("verify", "--offline"), "INVITE sip:a SIP/2.0\r\n" + "x" * 300_000, 2, "longer than"),
        (("sign", "--key", "root.pem", "--x5u", X5U, "--claims", "{}"), "", 1, "no P-256 private key"),
        (("sign", "--key", "key.pem", "--x5u", X5U, "--claims", "{"), "", 1, "no JSON"),
        (("sign", "--key", "key.pem", "--x5u", X5U, "--claims", "[]"), "", 1, "no JSON object"),
        (("inspect",), "rubbish", 1, "neither a certificate nor a token"),
        (("inspect",), "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----", 1, "no X.509 certificate"),
    ],
)
def test_what_cannot_be_used_is_said_in_one_line(files, arguments, given, exit_code, says):
    named = [str(files / each) if (files / each).exists() or each == "nowhere" else each for each in arguments]
    done = headwater(*named, given=given)
    assert done.returncode == exit_code, done
    *_, last = done.stderr.splitlines()
    assert last.startswith("headwater: ")
    assert says in last
    assert "Traceback" not in done.stderr


def test_rubbish_is_a_verdict_a_line(files):
    rubbish = b"\xff\xfe\x00\n;;;\n\n..c2ln;info=<x>\n" + b'{"identity": "\\ud800;info=<x>"}\n{}\n'
    done = headwater("verify", "--offline", "--trust", files / "root.pem", given=rubbish)
    reasons = [json.loads(line)["reason"] for line in done.stdout.splitlines()]
    assert reasons == [
        "token-malformed",
        "header-malformed",
        "compact-form",
        "token-malformed",
        "identity-missing",
    ], done.stderr
    assert done.returncode == 1


def test_a_folded_header_is_one_header(files):
    token, _, rest = header().partition(";")
    given = f"Identity: {token};\r\n  {rest}\r\nidentity : {header()}\r\n"
    done = headwater("verify", "--trust", files / "root.pem", "--cert", files / "chain.pem", given=given)
    assert [json.loads(line)["result"] for line in done.stdout.splitlines()] == ["valid", "valid"]


def test_a_bare_token_says_that_it_came_without_a_header(files):
    token = header().partition(";")[0]
    done = headwater("verify", "--trust", files / "root.pem", "--cert", files / "chain.pem", given=token)
    checks = {each["check"]: each for each in json.loads(done.stdout)["tokens"][0]["checks"]}
    assert (checks[7]["outcome"], checks[7]["detail"]) == ("not made", "the token came without a header")
    assert done.returncode == 0


def test_a_replayed_token_is_flagged_with_its_reason(files):
    value = header(dest={"tn": ["12155550131", "12155550132"]})
    lines = "\n".join(
        json.dumps({"identity": value, "called": called, "at": IAT + 5}) for called in ("12155550131", "12155550132")
    )
    done = headwater("verify", "--trust", files / "root.pem", "--cert", files / "chain.pem", given=lines)
    first, second = (
        {each["check"]: each["outcome"] for each in json.loads(line)["checks"]} for line in done.stdout.splitlines()
    )
    assert (first[21], second[21]) == ("passed", "flagged")


def test_a_signed_trust_list_is_taken_with_its_signer(files):
    administrator = issue("STI-PA", authority=True)
    (files / "pa.crt").write_bytes(administrator.issued.public_bytes(serialization.Encoding.PEM))
    listed = {"sequence": 1, "exp": 1_600_000_000, "trustList": [(files / "root.pem").read_text()]}
    parts = ".".join(base64url(json.dumps(part).encode()) for part in ({"alg": "ES256"}, listed))
    (files / "list.jwt").write_text(sign_octets(administrator.key, parts))
    options = ("verify", "--trust", files / "list.jwt", "--cert", files / "chain.pem")
    done = headwater(*options, "--trust-signer", files / "pa.crt", given=header())
    assert (done.returncode, "a newer one is due" in done.stderr) == (0, True)
    assert headwater(*options, given=header()).returncode == 2


def test_every_sip_table_is_in_the_answer(files):
    done = headwater("verify", "--offline", "--trust", files / "root.pem", given=header().replace(X5U, "https://x"))
    found = json.loads(done.stdout)["tokens"][0]
    assert (found["reason"], found["sip_statuses"]) == (
        "info-differs-from-x5u",
        {"rfc8224": 438, "atis1000082": 436, "asterisk": 438},
    )


@pytest.mark.skipif(not shutil.which("secsipidx"), reason="Debian's secsipidx is not installed")
def test_what_sign_makes_is_accepted_by_another_program(files):
    made = headwater("sign", "--key", files / "key.pem", "--x5u", X5U, "--claims", json.dumps(claims(iat=None)))
    command = ("secsipidx", "-check", "-fpubkey", str(files / "public.pem"), "-expire", "3600", "-identity")
    for value, expected in ((made.stdout.strip(), "ok"), (made.stdout.strip().replace(";", "A;", 1), "not-ok")):
        done = subprocess.run([*command, value], capture_output=True, text=True, timeout=30, check=False)
        assert done.stdout.splitlines()[-1] == expected, done

"""vCons: the draft's own examples, older forms, signatures, and what must be refused."""

import base64
import json
from datetime import UTC, datetime, timedelta
from hashlib import sha256, sha512
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from headwater.api import mapped
from headwater.calls.records import SourceKind
from headwater.cli.main import build
from headwater.errors import Conflict, Invalid, NotFound, TooLarge
from headwater.intake import feed, vcon
from headwater.intake.events.conversations import read_events, vcon_of
from headwater.intake.recordings import Recordings
from headwater.intake.sources import Source
from tests.api.test_feeds import open_door
from tests.product import ROOT

DATA = ROOT / "tests" / "data" / "vcon"
PLAIN = (DATA / "ab_call_ext_rec.vcon").read_bytes()
SIGNED = (DATA / "ab_call_ext_rec_signed.vcon").read_bytes()
NOW = datetime(2026, 11, 24, tzinfo=UTC)
AUDIO = b"RIFF" + bytes(range(256)) * 20
POT = Source(source_id="ORG-POT", source_kind=SourceKind.HONEYPOT)


def b64(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def conversation(**changes: Any) -> dict[str, Any]:
    dialog = {
        "type": "recording", "start": "2026-11-23T15:00:00-05:00", "duration": 12.5, "parties": [0, 1],
        "mediatype": "audio/x-wav", "body": b64(AUDIO), "encoding": "base64url",
        "content_hash": "sha512-" + b64(sha512(AUDIO).digest()),
    }  # fmt: skip
    whole = {
        "uuid": "019f15a6-a752-826f-b9a2-279e0d16bc46",
        "parties": [{"tel": "+12155550100", "name": "IRS"}, {"tel": "+13105550111"}],
        "dialog": [dialog],
        "analysis": [{"type": "transcript", "dialog": 0, "vendor": "whisper", "body": "press one", "encoding": "none"}],
    }
    return whole | changes


def octets(**changes: Any) -> bytes:
    return json.dumps(conversation(**changes)).encode()


def dialog(**changes: Any) -> bytes:
    (held,) = conversation()["dialog"]
    return octets(dialog=[{name: value for name, value in (held | changes).items() if value is not ...}])


def test_the_drafts_example_with_an_external_recording_is_read_and_nothing_is_fetched(tmp_path: Path) -> None:
    (event,) = read_events(PLAIN, Recordings(tmp_path), now=NOW)
    record = feed.read_line(msgspec.json.encode(event), POT, NOW)
    assert (record.calling, record.called, record.duration_ms) == ("12345678901", "19876543210", 33_120)
    assert record.call_at == datetime(2022, 6, 21, 17, 53, 26, tzinfo=UTC)
    assert record.headers["audio"].endswith("/ab_call.mp3")
    assert record.headers["audio_hash"].startswith("sha512-GLy6IPaIUM1")
    assert record.headers["audio_type"] == "audio/x-mp3"
    assert "audio_sha256" not in record.headers
    assert record.headers["vcon"] == "019f15a6-a752-826f-b9a2-279e0d16bc46"
    assert sha256(PLAIN).hexdigest() in Recordings(tmp_path), "the vCon itself is kept as it came"


def test_the_signed_example_says_who_signed_it() -> None:
    found = vcon.read(SIGNED, now=NOW)
    assert found.uuid == vcon.read(PLAIN, now=NOW).uuid
    assert found.signer is not None
    assert "CN=grp.div.fakevcon.io" in found.signer.subject
    assert "CN=fakevcon.io" in found.signer.root
    assert found.signer.chain_holds
    late = vcon.read(SIGNED, now=NOW + timedelta(days=365 * 20)).signer
    assert late is not None
    assert not late.chain_holds


def signed_by(algorithm: str = "ES256", **changes: Any) -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "pot")])
    builder = x509.CertificateBuilder(
        issuer_name=name, subject_name=name, public_key=key.public_key(), serial_number=7,
        not_valid_before=NOW - timedelta(days=1), not_valid_after=NOW + timedelta(days=1),
    )  # fmt: skip
    certificate = builder.sign(key, hashes.SHA256())
    from cryptography.hazmat.primitives.serialization import Encoding

    x5c = [base64.b64encode(certificate.public_bytes(Encoding.DER)).decode()]
    protected = b64(json.dumps({"alg": algorithm, "x5c": x5c}).encode())
    payload = b64(octets())
    r, s = decode_dss_signature(key.sign(f"{protected}.{payload}".encode(), ec.ECDSA(hashes.SHA256())))
    signature = b64(r.to_bytes(32, "big") + s.to_bytes(32, "big"))
    whole = {"payload": payload, "protected": protected, "signature": signature}
    return json.dumps(whole | changes).encode()


def with_a_key_of_no_known_kind(signed: bytes) -> bytes:
    """Put another object identifier where the certificate says that its key is of an elliptic curve."""
    whole = json.loads(signed)
    header = json.loads(base64.urlsafe_b64decode(whole["protected"] + "=="))
    kind, other = bytes.fromhex("06072a8648ce3d0201"), bytes.fromhex("06072a8648ce3d0209")
    header["x5c"] = [base64.b64encode(base64.b64decode(each).replace(kind, other)).decode() for each in header["x5c"]]
    return json.dumps(whole | {"protected": b64(json.dumps(header).encode())}).encode()


def test_a_flattened_signature_by_an_elliptic_key_holds() -> None:
    found = vcon.read(signed_by(), now=NOW).signer
    assert found is not None
    assert (found.subject, found.chain_holds) == ("CN=pot", True)


@pytest.mark.parametrize(
    ("octets_", "said"),
    [
        ((DATA / "simple-vcon.vcon").read_bytes(), "no uuid: it is no vCon"),
        (SIGNED.replace(b"eyJwYXJ0aWVz", b"eyJwYXJ0aWVy"), "does not hold"),
        (signed_by(payload=b64(octets(subject="other"))), "does not hold"),
        (signed_by("none"), "signed with 'none'"),
        (signed_by("HS256"), "signed with 'HS256'"),
        (signed_by("RS256"), "signed with 'RS256'"),
        (signed_by(signature="AA"), "does not hold"),
        (signed_by(protected=b64(b'{"alg":"ES256"}')), "no certificates"),
        (signed_by(protected=b64(b'{"alg":"ES256","x5c":["AAAA"]}')), "cannot be read"),
        (with_a_key_of_no_known_kind(signed_by()), "cannot be read: Unknown key type"),
        (signed_by(signatures=[]), "no payload and signatures"),
        (b'{"recipients": [], "ciphertext": "x", "protected": "y"}', "is encrypted"),
        (b"{}", "no uuid"),
        (b"[]", "no JSON object"),
        (b"\xff", "no JSON"),
        (b"[" * 9_000, "no JSON"),
        (octets(parties=[]), "names no parties"),
        (octets(parties=[7]), "no list of objects"),
        (octets(dialog=[{"type": "song"}]), "of type 'song'"),
        (octets(dialog=[{"type": "text"}] * 201), "at most 200"),
        (octets(dialog=[]), "no dialog of the vCon is a call"),
        (dialog(start="yesterday"), "no time"),
        (dialog(start="2026-11-23T15:00:00"), "no zone"),
        (dialog(parties=[0, 9]), "there is none of"),
        (dialog(body="%%%"), "not base64url"),
        (dialog(body=b64(b"another recording")), "it was changed"),
    ],
)
def test_what_is_refused_says_why(tmp_path: Path, octets_: bytes, said: str) -> None:
    with pytest.raises(vcon.BadVcon, match=said):
        read_events(octets_, Recordings(tmp_path), now=NOW)


def test_a_recording_inside_is_kept_by_its_digest_and_the_transcript_is_the_calls(tmp_path: Path) -> None:
    here = Recordings(tmp_path)
    (event,) = read_events(octets(), here, now=NOW)
    name = sha256(AUDIO).hexdigest()
    assert event.data.content.sha256 == name
    assert here.get(name) == AUDIO
    assert (event.data.content.transcript, event.data.content.asr) == ("press one", "whisper")
    path = next((tmp_path / "recordings").rglob(name))
    assert path.stat().st_mode & 0o77 == 0


def test_names_of_older_drafts_are_read(tmp_path: Path) -> None:
    old = dialog(mediatype=..., mimetype="audio/x-wav", content_hash=..., alg="SHA-512",
                 signature=b64(sha512(AUDIO).digest()), start=1_790_000_000)  # fmt: skip
    (event,) = read_events(old, Recordings(tmp_path), now=NOW)
    assert event.data.content.mediatype == "audio/x-wav"
    assert event.data.content.content_hash == "sha512-" + b64(sha512(AUDIO).digest())
    with pytest.raises(vcon.BadVcon, match="it was changed"):
        read_events(dialog(content_hash=..., alg="SHA-512", signature="AAAA"), Recordings(tmp_path), now=NOW)


@pytest.mark.parametrize(
    "body",
    [
        "press one",
        '{"text": "press one"}',
        {"transcript": {"segments": [{"text": "press"}, {"text": "one"}]}},
        [{"speaker": 0, "message": "press"}, {"speaker": 1, "message": "one"}],
    ],
)
def test_a_transcript_is_read_in_each_makers_form(body: Any) -> None:
    analysis = [{"type": "transcript", "dialog": [0], "body": body, "encoding": "json"}]
    assert vcon.read(octets(analysis=analysis), now=NOW).transcripts[0].text == "press one"


def test_a_text_dialog_is_its_own_transcript_and_a_transfer_is_no_call(tmp_path: Path) -> None:
    first = {"type": "text", "start": "2026-11-23T15:00:00Z", "parties": [1, 0], "body": "hello", "encoding": "none"}
    both = octets(dialog=[{"type": "transfer", "start": "2026-11-23T15:00:00Z"}, first], analysis=[])
    (event,) = read_events(both, Recordings(tmp_path), now=NOW)
    assert event.id.endswith("/1")
    assert event.data.content.transcript == "hello"
    assert event.data.calling.raw == "+13105550111"


def test_an_export_is_read_back_to_the_same_call(tmp_path: Path) -> None:
    here = Recordings(tmp_path)
    (event,) = read_events(octets(), here, now=NOW)
    record = feed.read_line(msgspec.json.encode(event), POT, NOW)
    again = vcon.read(vcon_of(record, AUDIO, open_called=True), now=NOW)
    (back,) = again.dialogs
    assert again.uuid == conversation()["uuid"]
    assert (back.body, back.start, back.duration_s, back.mediatype) == (AUDIO, record.call_at, 12.5, "audio/x-wav")
    assert again.transcripts[0].text == "press one"
    assert [party.number for party in again.parties] == ["+12155550100", "+13105550111"]
    masked = vcon_of(record, AUDIO, open_called=False)
    assert b"3105550111" not in masked
    assert vcon.read(masked, now=NOW).parties[1].name == "+1 310 *** ****"


def test_recordings_are_bounded_and_a_changed_one_is_noticed(tmp_path: Path) -> None:
    here = Recordings(tmp_path, most_octets=1_000)
    with pytest.raises(TooLarge):
        here.put(b"x" * 1_001)
    with pytest.raises(Invalid):
        here.put(b"")
    name = here.put(b"voice")
    assert here.put(b"voice") == name
    next((tmp_path / "recordings").rglob(name)).write_bytes(b"other")
    with pytest.raises(Conflict, match="was changed"):
        here.get(name)
    for wrong in ("0" * 64, "../../etc/passwd"):
        with pytest.raises(NotFound):
            here.get(wrong)
        assert wrong not in here


def test_the_door_and_the_command_take_vcons(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADWATER_HOME", str(tmp_path / "home"))
    token, good, bad = tmp_path / "token", tmp_path / "good.vcon", tmp_path / "bad.vcon"
    token.write_text("good")
    good.write_bytes(octets())
    bad.write_bytes((DATA / "simple-vcon.vcon").read_bytes())
    with open_door(tmp_path / "calls") as door:
        assert door.post(SIGNED, mapped.VCON).json()["accepted"] == 1
        assert door.post(PLAIN, mapped.VCON).status_code == 422, "the same call by another hand says something else"
        answer = door.post(bad.read_bytes(), mapped.VCON)
        assert answer.status_code == 422
        assert "no vCon" in answer.json()["detail"]
        words = ["vcon", str(good), str(bad), "--token-file", str(token), "--to", f"http://127.0.0.1:{door.port}"]
        result = CliRunner().invoke(build(["intake"]), ["intake", *words])
        assert "good.vcon: 1 dialogs, 0 stored, 0 there already, 1 refused" in result.output
        good.write_bytes(octets(uuid="019f15a6-a752-826f-b9a2-279e0d16bc47"))
        result = CliRunner().invoke(build(["intake"]), ["intake", *words])
        assert "1 stored" in result.output
        assert "1 recordings kept" in result.output
        assert "bad.vcon: refused: the object has no uuid" in result.output
        assert result.exit_code == 1
    assert Recordings(tmp_path / "home").get(sha256(AUDIO).hexdigest()) == AUDIO


@given(st.recursive(st.none() | st.integers(-3, 3) | st.text(max_size=8), lambda inner: (
    st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["parties", "dialog", "analysis", "type", "start",
    "body", "encoding", "originator", "tel", "content_hash", "alg", "signature", "duration"]), inner, max_size=5)),
    max_leaves=20))  # fmt: skip
def test_whatever_a_vcon_holds_it_is_read_or_refused(value: Any) -> None:
    whole = conversation() | (value if isinstance(value, dict) else {"dialog": value})
    try:
        found = vcon.read(json.dumps(whole).encode(), now=NOW)
    except vcon.BadVcon:
        return
    assert found.parties

"""One package's material by hand, without a database: for the writer and the verifier."""

import io
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import cache
from hashlib import sha256
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.x509 import load_pem_x509_certificate
from joserfc import jws
from joserfc.jwk import ECKey

from headwater.audit import merkle
from headwater.audit.statement import Checkpoint
from headwater.evidence import build, custody, keys
from headwater.evidence.material import (
    AuditProofs,
    Call,
    CallSignature,
    CampaignFacts,
    Counted,
    Material,
    Matter,
    Recording,
    Ringing,
    SignedAnswer,
    Withheld,
    instant,
)
from headwater.evidence.paper_seal import PaperKey, PaperSeal
from headwater.evidence.told_to_stop import ToldToStop
from headwater.legal.rules import Grant, ProcessType, Request
from headwater.site import secret_files
from headwater.wire.canonical import canonical_json

NOW = datetime(2026, 11, 24, 15, 0, tzinfo=UTC)
KEY = Ed25519PrivateKey.from_private_bytes(b"headwater tests only, 32 octets!")
PROVIDER = ECKey.generate_key("P-256", private=True)
RECORD = "0806ead2-b5b1-0e65-acb2-99cdf749252b"
IDENTITY = "e30.e30.c2ln;info=<https://certificates.example.com/a.pem>;alg=ES256;ppt=shaken"
TOKEN = sha256(IDENTITY.partition(";")[0].encode()).hexdigest()
AUDIO = b"RIFF the words as they were heard"
RAW = b'{"event_id":"1","called":"13135550101"}'


def entries(number: int = 4) -> tuple[custody.Entry, ...]:
    """Return a custody log with one gap, as entries about another matter leave it."""
    found, previous = [], "0" * 64
    for sequence in [*range(1, number), number + 5]:
        text = canonical_json({"actor": "user:rae@consortium.example", "subject": "LP-1", "tag": "x"}).decode()
        entry = custody.Entry(sequence=sequence, entry=text, previous_hash=previous, hash="")
        whole = custody.Entry(sequence=sequence, entry=text, previous_hash=previous, hash=custody.audit_hash(entry))
        found.append(whole)
        previous = whole.hash
    return tuple(found)


AUDIT_KEY = Ed25519PrivateKey.from_private_bytes(b"headwater audit tests, 32 octets")


@cache
def proofs(number: int = 4) -> AuditProofs:
    """Return a signed checkpoint over a log that holds those entries among others, and their proofs."""
    known = {entry.sequence: entry.hash for entry in entries(number)}
    size = max(known) + 3
    leaves = [merkle.leaf(known.get(n, f"{n:064x}")) for n in range(1, size + 1)]

    def node(height: int, index: int) -> bytes:
        if height == 0:
            return leaves[index]
        return merkle.parent(node(height - 1, 2 * index), node(height - 1, 2 * index + 1))

    public = keys.raw(AUDIT_KEY.public_key())
    unsigned = Checkpoint(
        seq=size, hash=f"{size:064x}", root=merkle.root(size, node).hex(), at=instant(NOW),
        key_id=sha256(public).hexdigest(), previous="0" * 64,
    )  # fmt: skip
    signed = replace(unsigned, signature=AUDIT_KEY.sign(unsigned.signed()).hex())
    paths = {n: tuple(step.hex() for step in merkle.inclusion(n - 1, size, node)) for n in known}
    return AuditProofs(checkpoint=signed.line(), public_key=public, paths=paths)


@cache
def signed_answer() -> SignedAnswer:
    """Return an answer whose octets a provider's key signed: once, because an ES256 signature holds a random number."""
    said = {"code": "ORIGINATED", "question_id": "Q-1"}
    octets = jws.serialize_compact(
        {"alg": "ES256", "kid": PROVIDER.thumbprint()}, canonical_json(said), PROVIDER, algorithms=["ES256"]
    ).encode()
    row = {
        "answer_id": "RC-1",
        "version": 1,
        "traceback_id": "TB-1",
        "hop": 1,
        "question_id": "Q-1",
        "provider": "Cedar VoIP",
        "provider_spc": "709C",
        "code": "ORIGINATED",
        "upstream": "",
        "upstream_spc": "",
        "key_id": PROVIDER.thumbprint(),
        "answered_by": "provider:709C",
        "deposit": "",
        "received_at": instant(NOW),
        "octets_sha256": sha256(octets).hexdigest(),
    }
    return SignedAnswer(row=row, octets=octets)


COUNTED = Counted(calls=1, states={"MI": 1}, callers=1, sources={"FP-1": 1})
RINGING = Ringing(
    at=NOW, last_call_at=NOW, calls_last_minute=1, rate_per_minute=1.0, rate_low=0.1, rate_high=3.0,
    window_s=600, still_ringing=True, next_call_expected_at=NOW,
)  # fmt: skip


LETTER = b"CEASE AND DESIST\nStop carrying the calls of this campaign.\n"
TOLD = ToldToStop(
    row={
        "notice_id": "RN-SPECIMEN01", "kind": "Cease and desist", "campaign": "C-SPECIMEN01", "provider": "Cedar VoIP",
        "provider_spc": "709C", "sent_at": instant(NOW), "acknowledged_at": "", "reported_action": "",
        "letter_sha256": sha256(LETTER).hexdigest(),
    },
    deliveries=(
        {
            "notice_id": "RN-SPECIMEN01", "way": "Courier", "state": "delivered", "delivered_at": instant(NOW),
            "proof": "7",
        },
    ),
    letter=LETTER,
)  # fmt: skip


def campaign(**changes: Any) -> CampaignFacts:
    """Return the facts of one campaign with one call in the scope."""
    values: dict[str, Any] = {
        "id": "C-SPECIMEN01", "name": "Legal-Enforcement-Notice", "whole": True, "went_into_it": (),
        "name_is_new": False, "state": "active", "first_call_at": NOW, "last_call_at": NOW, "detected_at": NOW,
        "confirmed_at": NOW, "rule_version": "r/1", "name_basis": {}, "calls_known": 3, "in_scope": COUNTED,
        "ringing": RINGING,
    }  # fmt: skip
    return CampaignFacts(**{**values, **changes})


def material(
    *, provider: str = "Cedar VoIP", transcript: str = "This is an important call.", **changes: Any
) -> Material:
    """Return the material of one call, traced over one hop."""
    fields = {
        "record_id": RECORD,
        "call_at": instant(NOW),
        "source": "FP-1",
        "called": "+1 313 555 0101",
        "transcript": transcript,
        "raw_sha256": sha256(RAW).hexdigest(),
        "recording_sha256": sha256(AUDIO).hexdigest(),
        "identity_token_sha256": TOKEN,
    }
    path = {
        "traceback_id": "TB-1", "hop": 1, "provider": provider, "provider_spc": "709C", "role": "Originating",
        "asked_at": instant(NOW), "answered_at": instant(NOW), "took_seconds": 0.5, "state": "Answered",
        "answer": "ORIGINATED", "upstream": "", "upstream_spc": "", "basis": "", "signed": "yes",
        "answer_id": "RC-1", "question_id": "Q-1",
    }  # fmt: skip
    trace = {
        "traceback_id": "TB-1", "record_id": RECORD, "campaign": "C-SPECIMEN01",
        "campaign_name": "Legal-Enforcement-Notice", "call_at": instant(NOW), "calling": "+1 202 555 0123",
        "called_masked": "+1 313 *** ****", "grade": "origin_confirmed", "grade_words": "Origin confirmed",
        "outcome": f"{provider} states that its customer placed the call.", "origin": provider, "origin_spc": "709C",
        "flags": [],
    }  # fmt: skip
    request = Request(
        process_type=ProcessType.SUBPOENA, authority="Michigan AG", statute="47 U.S.C. § 227(g)(1)",
        case_number="2026-CP-0815", scope="All records.", covers_from=NOW - timedelta(days=1), covers_to=None,
        return_date=date(2026, 12, 8), signer="Alex Example", called_numbers=True, customer_identity=False,
    )  # fmt: skip
    values: dict[str, Any] = {
        "software": "0.1.0",
        "sealed_at": NOW,
        "matter": Matter(
            package_id="EP-SPECIMEN01", process_id="LP-SPECIMEN01", process_type="Subpoena", agency="Michigan AG",
            requester="Alex Example", request=request, grant=Grant(called_numbers=True, customer_identity=False),
            served_at=NOW, decided_at=NOW, decided_by="user:rae@consortium.example", decision_reason="In order.",
            documents=({"filename": "subpoena.pdf", "size": 1, "sha256": "ab" * 32, "received_at": instant(NOW)},),
        ),
        "campaigns": (campaign(),),
        "in_scope": COUNTED,
        "members": (
            {"record_id": RECORD, "campaign": "C-SPECIMEN01", "calling": '=HYPERLINK("http://x")', "in_full": "yes"},),
        "calls": (
            Call(
                record_id=RECORD, fields=fields, transcript=transcript, raw=RAW, raw_sha256=sha256(RAW).hexdigest(),
                recording=Recording(octets=AUDIO, mediatype="audio/x-wav"), vcon=b"{}",
            ),
        ),
        "tracebacks": (trace,),
        "path": (path,),
        "answers": (signed_answer(),),
        "provider_keys": (
            {
                "key_id": PROVIDER.thumbprint(), "provider": provider, "provider_spc": "709C",
                "jwk": PROVIDER.as_dict(private=False), "valid_from": instant(NOW), "revoked_at": "",
            },
        ),
        "notices": (
            {
                "notice_id": "Q-1", "traceback_id": "TB-1", "hop": 1, "provider": provider, "provider_spc": "709C",
                "campaign": "Legal-Enforcement-Notice", "way": "By its agent, in seconds", "sent_at": instant(NOW),
                "seen_at": instant(NOW), "seen_by": "provider:709C", "legal_due_at": instant(NOW),
                "answered_at": instant(NOW), "answer": "ORIGINATED", "in_time": "yes",
            },
        ),
        "told_to_stop": (TOLD,),
        "dossiers": ({"provider_id": "PR-SPECIMEN01", "name": provider, "spc": "709C"},),
        "signatures": (CallSignature(row={"record_id": RECORD, "token_sha256": TOKEN}, identities=(IDENTITY,)),),
        "certificates": {sha256(b"certificate").hexdigest(): b"certificate"},
        "timeline": ({"at": instant(NOW), "subject": "C-1", "what": "First call"},),
        "custody": entries(),
        "proofs": proofs(),
        "withheld": (Withheld(what="customer identity", count=0, why="Path data only."),),
        "limits": ("A sample, not every call.",),
    }  # fmt: skip
    return Material(**{**values, **changes})


@cache
def papers() -> PaperSeal:
    """Return what signs the papers, without an authority."""
    key = ec.derive_private_key(0x4EAD_3A7E, ec.SECP256R1())
    made = load_pem_x509_certificate(secret_files.self_made(key, NOW).encode())
    return PaperSeal(key=PaperKey(key=key, chain=(made,)), at=NOW)


def octets(found: Material | None = None) -> bytes:
    """Return the package of ``found`` as octets."""
    out = io.BytesIO()
    build.write(out, found or material(), KEY, papers=papers())
    return out.getvalue()

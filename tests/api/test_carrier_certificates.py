"""A carrier that signs with its own STI certificate instead of a registered key."""

import base64
import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from joserfc import jws, jwt
from joserfc.jwk import ECKey

from headwater import clock
from headwater.audit.models import AuditEntry
from headwater.providers import statements
from headwater.signers import carriers
from headwater.signers.models import Address, Certificate
from headwater.site.secret_files import _ed25519
from headwater.tracebacks import actions, receipts
from headwater.tracebacks.models import Answer
from headwater.wire import agents as wire
from headwater.wire.agents import AnswerCode
from tests.api.test_carriers import ANSWERS, QUESTIONS, READ, WRITE, Agent
from tests.conftest import Browser
from tests.stir.pki import Holder, issue, revocation_list, spc_list
from tests.tracebacks.support import Pen, call, octets, opened, register

pytestmark = pytest.mark.django_db
NOW = int(time.time())


@pytest.fixture
def authority(tmp_path: Path, settings: Any) -> Iterator[Holder]:
    """An approved authority in the trust list of this data directory."""
    found = issue("STI CA", authority=True, not_before=NOW - 86_400)
    (tmp_path / "trust" / "US").mkdir(parents=True)
    (tmp_path / "trust" / "US" / "ca.pem").write_bytes(found.issued.public_bytes(Encoding.PEM))
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / statements.RECEIPT_KEY).write_text(_ed25519())
    settings.HEADWATER = replace(settings.HEADWATER, home=tmp_path)
    carriers._read = carriers._Read()
    yield found
    carriers._read = carriers._Read()


class Carrier(Agent):
    """An agent that holds a certificate."""

    @classmethod
    def holding(cls, spc: str, leaf: Holder, **header: Any) -> "Carrier":
        pem = leaf.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        made = cls(Pen(register(spc)), ECKey.import_key(pem), Browser("carrier"))
        made.leaf = leaf
        made.header = header or {"x5c": [base64.b64encode(leaf.issued.public_bytes(Encoding.DER)).decode()]}
        return made

    leaf: Holder
    header: dict[str, Any]

    def bearer(self, claims: dict[str, Any], key: Any = None, **header: Any) -> str:
        return f"Bearer {jwt.encode({'alg': 'ES256'} | self.header | header, claims, key or self.key)}"

    def signed(self, answer: wire.Answer | bytes, key: Any = None) -> bytes:
        payload = answer if isinstance(answer, bytes) else octets(answer)
        return jws.serialize_compact({"alg": "ES256"} | self.header, payload, key or self.key).encode()


def leaf(authority: Holder, spc: str = "709A", **more: Any) -> Holder:
    more.setdefault("not_before", NOW - 3_600)
    return issue(f"SHAKEN {spc}", by=authority, tn_auth_list=spc_list(spc), **more)


def test_a_certificate_of_its_own_code_lets_a_carrier_ask_answer_and_fetch_its_receipt(authority: Holder) -> None:
    alder = Carrier.holding("709A", leaf(authority))
    opened(call("709A"))
    (asked,) = alder.questions()
    taken = alder.post(alder.signed(alder.pen.answer(asked, AnswerCode.ORIGINATED)))
    assert taken.status_code == 201, taken.content
    receipt = msgspec.json.decode(taken.content, type=wire.Receipt)
    assert Answer.objects.get().key_id == alder.leaf.certificate.sha256
    token = alder.bearer(alder.claims("receipts.read"))
    got = alder.http.get(f"/api/agents/v1/receipts/{receipt.receipt_id}", headers={"Authorization": token})
    key = json.loads(alder.http.get("/api/agents/v1/receipt-key").content)
    stated = receipts.verified(got.content.decode(), key)
    assert (stated.receipt_id, stated.answer_sha256, stated.in_time) == (
        receipt.receipt_id, receipt.answer_sha256, True,
    )  # fmt: skip
    changed = got.content.decode().split(".")
    payload = base64.urlsafe_b64encode(
        base64.urlsafe_b64decode(changed[1] + "==").replace(b'"in_time":true', b'"in_time":null')
    ).rstrip(b"=")
    with pytest.raises(statements.BadStatement):
        receipts.verified(f"{changed[0]}.{payload.decode()}.{changed[2]}", key)


def test_by_address_only_what_is_in_the_archive_counts_and_nothing_is_fetched(authority: Holder) -> None:
    x5u = "https://certificates.example.com/709A.pem"
    alder = Carrier.holding("709A", leaf(authority), x5u=x5u)
    assert alder.poll().status_code == 401
    der = alder.leaf.issued.public_bytes(Encoding.DER)
    digest = alder.leaf.certificate.sha256
    now = clock.now()
    Certificate.objects.create(
        sha256=digest, octets=der, subject="", issuer="", serial="1", spc="709A", authority=False, not_before=now,
        not_after=now, first_seen_at=now, last_seen_at=now,
    )  # fmt: skip
    Address.objects.create(
        x5u=x5u, chain=[digest], octets_sha256=digest, came_by="fetched", first_had_at=now, last_had_at=now
    )
    assert alder.poll().status_code == 200
    Certificate.objects.update(revoked_at=now)
    assert alder.poll().status_code == 401


@pytest.mark.parametrize(
    "spoil",
    ["stranger", "expired", "not yet", "other code", "two codes", "no code", "other key", "rubbish", "too many"],
)
def test_a_certificate_that_does_not_hold_opens_nothing(authority: Holder, spoil: str) -> None:
    held = {
        "stranger": lambda: leaf(issue("Nobody", authority=True, not_before=NOW - 86_400)),
        "expired": lambda: leaf(authority, not_before=NOW - 86_400 * 3, days=1),
        "not yet": lambda: leaf(authority, not_before=NOW + 3_600),
        "other code": lambda: leaf(authority, "709B"),
        "two codes": lambda: issue("x", by=authority, tn_auth_list=spc_list("709A", "709B"), not_before=NOW - 3_600),
        "no code": lambda: issue("SHAKEN 709A", by=authority, not_before=NOW - 3_600),
    }.get(spoil, lambda: leaf(authority))()
    alder = Carrier.holding("709A", held)
    register("709B")
    if spoil == "other key":
        alder.key = ECKey.generate_key("P-256")
    if spoil == "rubbish":
        alder.header = {"x5c": ["AAAA"]}
    if spoil == "too many":
        alder.header = {"x5c": alder.header["x5c"] * 9}
    assert alder.poll().status_code == 401
    assert not Answer.objects.exists()


def test_a_revoked_certificate_opens_nothing_from_the_moment_of_the_list(authority: Holder, tmp_path: Path) -> None:
    held = leaf(authority)
    alder = Carrier.holding("709A", held)
    assert alder.poll().status_code == 200
    signer = issue("STI-PA CRL", authority=True, not_before=NOW - 86_400)
    listed = revocation_list(signer, [(authority.issued.subject, held.issued.serial_number, NOW - 60)])
    (tmp_path / "trust" / "crl-signer.pem").write_bytes(signer.issued.public_bytes(Encoding.PEM))
    (tmp_path / "trust" / "crl.pem").write_bytes(
        listed if isinstance(listed, bytes) else listed.public_bytes(Encoding.DER)
    )
    assert alder.poll().status_code == 401
    assert carriers._read.revoked is not None


def test_one_carriers_certificate_does_not_sign_anothers_answer(authority: Holder) -> None:
    alder, birch = Carrier.holding("709A", leaf(authority)), Carrier.holding("709B", leaf(authority, "709B"))
    opened(call("709A"))
    (asked,) = alder.questions()
    answer = alder.pen.answer(asked, AnswerCode.ORIGINATED)
    forged = birch.signed(answer)
    assert alder.post(forged).status_code == 422
    token = alder.bearer(alder.claims(WRITE, forged))
    assert birch.http.post(
        ANSWERS, forged, content_type="application/jose", headers={"Authorization": token}
    ).status_code
    assert not Answer.objects.exists()
    assert AuditEntry.objects.filter(tag="hop:answer:refused").exists()


def test_the_receipts_and_the_record_of_others_are_not_shown(authority: Holder) -> None:
    alder, birch = Carrier.holding("709A", leaf(authority)), Carrier.holding("709B", leaf(authority, "709B"))
    opened(call("709A"))
    (asked,) = alder.questions()
    alder.post(alder.signed(alder.pen.answer(asked, AnswerCode.ORIGINATED)))
    number = Answer.objects.get().id
    actions.advance(asked.traceback_id)
    token = birch.bearer(birch.claims("receipts.read"))
    assert birch.http.get(f"/api/agents/v1/receipts/{number}", headers={"Authorization": token}).status_code == 404
    token = alder.bearer(alder.claims("record.read"))
    own = alder.http.get("/api/agents/v1/record", headers={"Authorization": token})
    assert json.loads(own.content)["provider"]["spc"] == "709A"
    assert json.loads(own.content)["answered_in_time"]["whole"] == 1
    assert alder.http.get(QUESTIONS, headers={"Authorization": alder.bearer(alder.claims(READ))}).status_code == 200

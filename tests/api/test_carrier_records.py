"""Deposits and blind searches as carriers' agents hand them in, and as an impostor does."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey
from joserfc import jws
from joserfc.jwk import ECKey

from headwater import clock
from headwater.agent.keys import SigningKey
from headwater.audit.models import AuditEntry
from headwater.calls import blind, deposits
from headwater.calls.deposits import Keys, Row
from headwater.evidence import signatures as evidence
from headwater.providers import actions as providers
from headwater.site import secret_files
from headwater.site.config import Process
from headwater.tracebacks import actions
from headwater.tracebacks import deposits as kept
from headwater.tracebacks.answering import Submission, record_answer
from headwater.tracebacks.models import Answer, BlindSearch, Deposit, Hop
from headwater.tracebacks.states import Grade
from headwater.wire import agents as wire
from headwater.wire.agents import AnswerCode
from headwater.wire.deposits import Deposited, DepositTerms, Sealed, Wrapped
from headwater.wire.searches import Hit, Hits, HitsTaken, Search
from tests.conduct.test_process_roles import acting_as
from tests.conftest import Browser
from tests.site.test_grants import roles  # noqa: F401 - a fixture
from tests.tracebacks.support import OPERATOR, Pen, call, opened, register

pytestmark = pytest.mark.django_db
API = "/api/agents/v1"
CALLED = "15035550142"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, settings: Any) -> Path:
    """A data directory with the approver's key, as `headwater up` makes it."""
    settings.HEADWATER = replace(settings.HEADWATER, home=tmp_path)
    secret_files.private_folder(tmp_path / "secrets")
    secret_files._deposit_keys(tmp_path / "secrets")
    return tmp_path


@dataclass
class Carrier:
    """A provider with its key, its label key, and its way to the hub."""

    spc: str
    key: SigningKey = field(init=False)
    pen: Pen = field(init=False)
    label_key: bytes = b"k" * 32
    sealed: Any = None

    def __post_init__(self) -> None:
        made = ECKey.generate_key("P-256")
        self.key = SigningKey(made, made.thumbprint())
        self.pen = Pen(register(self.spc))
        providers.register_key(OPERATOR, self.pen.provider.id, self.key.public_jwk)

    def send(self, method: str, path: str, action: str, body: bytes = b"", kind: str = "application/msgpack") -> Any:
        token = self.key.bearer(issuer=self.spc, action=action, body=body, now=datetime.now(UTC))
        http = Browser("carrier")
        headers = {"Authorization": f"Bearer {token}"}
        if method == "GET":
            return http.get(API + path, headers=headers)
        return http.post(API + path, body, content_type=kind, headers=headers)

    def terms(self) -> DepositTerms:
        response = self.send("GET", "/deposit-terms", "terms.read")
        assert response.status_code == 200, response.content
        return msgspec.json.decode(response.content, type=DepositTerms)

    def keys(self, **change: Any) -> Keys:
        approver = X25519PublicKey.from_public_bytes(bytes.fromhex(self.terms().approver))
        self.sealed = self.sealed or deposits.wrap(self.label_key, approver)
        keys = Keys(
            spc=self.spc, epoch="2026-06", label_key=self.label_key, label_key_wrapped=self.sealed, approver=approver,
            sign=self.key.signed,
        )  # fmt: skip
        return replace(keys, **change)

    def batch(self, *rows: Row, at: datetime | None = None, **change: Any) -> bytes:
        return deposits.encode(deposits.seal(rows, self.keys(**change), now=at or clock.now()))

    def deposit(self, octets: bytes) -> Any:
        return self.send("POST", "/deposits", "deposits.write", octets)

    def poll(self, seen: str | None = "") -> wire.Questions:
        also = "" if seen is None else f"&seen={seen}"
        response = self.send("GET", f"/questions?wait=0{also}", "questions.read")
        assert response.status_code == 200, response.content
        return msgspec.json.decode(response.content, type=wire.Questions)

    def hits(self, *hits: Hit) -> Any:
        return self.send("POST", "/hits", "hits.write", msgspec.json.encode(Hits(hits=list(hits))), "application/json")

    def answers(self, code: AnswerCode, upstream: Any = None, **more: Any) -> None:
        [asked] = self.poll(None).questions
        answer = self.pen.answer(asked, code, upstream, **more)
        octets = self.key.signed(msgspec.json.encode(answer)).encode()
        record_answer(self.pen.actor, Submission(octets=octets, answer=answer, key_id=self.key.thumbprint))


def row(at: datetime, *, downstream: str = "709A", called: int = int(CALLED), **change: Any) -> Row:
    made = Row(
        called=called, calling=12025550123, start_ms=round(at.timestamp() * 1_000), duration_ms=9_000, kind=2,
        downstream=downstream, lag_ms=150, record_id=b"i" * 16, record_sha256=b"s" * 32,
    )  # fmt: skip
    return msgspec.structs.replace(made, **change)


@pytest.fixture
def alder() -> Carrier:
    return Carrier("709A")


@pytest.fixture
def birch() -> Carrier:
    return Carrier("709B")


def test_a_batch_is_on_disk_when_it_is_acknowledged_and_the_same_again_changes_nothing(birch: Carrier) -> None:
    octets = birch.batch(row(clock.now()), row(clock.now(), called=15035550143))
    first, again = birch.deposit(octets), birch.deposit(octets)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.content == again.content
    taken = msgspec.json.decode(first.content, type=Deposited)
    kept_row = Deposit.objects.get()
    assert (kept_row.id, kept_row.records, bytes(kept_row.octets)) == (taken.deposit_id, 2, octets)
    assert AuditEntry.objects.filter(tag="deposit:batch:taken").count() == 1
    assert CALLED.encode() not in bytes(kept_row.octets)


def foreign(_birch: Carrier, alder: Carrier) -> bytes:
    return alder.batch(row(clock.now()))


def signed_by_another(birch: Carrier, alder: Carrier) -> bytes:
    return birch.batch(row(clock.now()), sign=alder.key.signed)


def resigned(birch: Carrier, _alder: Carrier) -> bytes:
    return birch.batch(row(clock.now()), sign=lambda head: birch.key.signed(head + b" "))


def unsigned(birch: Carrier, _alder: Carrier) -> bytes:
    return birch.batch(row(clock.now()), sign=lambda _head: "not a signature")


def damaged(birch: Carrier, _alder: Carrier) -> bytes:
    made = deposits.decode(birch.batch(row(clock.now()), row(clock.now())))
    return deposits.encode(msgspec.structs.replace(made, records=made.records[::-1]))


def to_come(birch: Carrier, _alder: Carrier) -> bytes:
    return birch.batch(row(clock.now()), at=clock.now() + timedelta(hours=1))


@pytest.mark.parametrize("make", [foreign, signed_by_another, resigned, unsigned, damaged, to_come])
def test_a_forged_or_foreign_deposit_is_refused_audited_and_not_kept(
    make: Callable[[Carrier, Carrier], bytes], birch: Carrier, alder: Carrier
) -> None:
    response = birch.deposit(make(birch, alder))
    assert response.status_code == 422, response.content
    assert not Deposit.objects.exists()
    assert AuditEntry.objects.get(tag="deposit:batch:refused").subject == birch.pen.provider.id


def test_an_epoch_has_one_label_key_and_another_provider_may_use_its_name(birch: Carrier, alder: Carrier) -> None:
    assert birch.deposit(birch.batch(row(clock.now()))).status_code == 201
    assert alder.deposit(alder.batch(row(clock.now()))).status_code == 201
    birch.sealed = None
    birch.label_key = b"x" * 32
    assert birch.deposit(birch.batch(row(clock.now()))).status_code == 409


def test_a_question_about_that_very_call_is_answered_from_the_deposit(birch: Carrier, alder: Carrier) -> None:
    at = clock.now() - timedelta(minutes=1)
    assert birch.deposit(birch.batch(row(at), row(at, called=15035550143, record_id=b"o" * 16))).status_code == 201
    traceback_id = opened(call("709A", at=at))
    alder.answers(AnswerCode.UPSTREAM_US, birch.pen.provider)
    actions.advance(traceback_id)
    trace = actions.advance(traceback_id)
    assert trace.grade is Grade.ORIGIN_CONFIRMED, trace.outcome
    assert trace.origin is not None
    assert trace.origin.spc == "709B"
    assert "a record that it had deposited; nobody there answered" in trace.outcome
    stored = Answer.objects.get(hop__provider_id=birch.pen.provider.id)
    assert (stored.code, stored.key_id, stored.deposit) == (
        "ORIGINATED",
        birch.key.thumbprint,
        Deposit.objects.get().id,
    )
    opened_now = AuditEntry.objects.get(tag="deposit:record:opened").detail
    assert opened_now["opened"] == [[stored.deposit, 0]], "the other call of the batch stays closed"
    _holds_offline(bytes(stored.octets), birch)


def _holds_offline(octets: bytes, birch: Carrier) -> None:
    """What is kept of the answer proves itself: signature, path to the root, and the record's own key."""
    hop = Hop.objects.get(provider_id=birch.pen.provider.id)
    listed = [{"key_id": birch.key.thumbprint, "provider_spc": "709B", "jwk": birch.key.public_jwk}]
    index = {"key_id": birch.key.thumbprint, "provider_spc": "709B", "code": "ORIGINATED", "question_id": hop.id}
    public, index = evidence.provider_keys(listed), index | {"upstream_spc": ""}
    assert evidence.check_deposited(octets, index, public) == ""
    for word in (b'"label":"', b'"sealed":"'):
        place = octets.index(word) + len(word)
        changed = octets[:place] + (b"0" if octets[place : place + 1] != b"0" else b"1") + octets[place + 1 :]
        assert "none of those" in evidence.check_deposited(changed, index, public)
    assert "not one that" in evidence.check_deposited(octets, index | {"provider_spc": "709A"}, public)
    assert "something else" in evidence.check_deposited(octets, index | {"code": "UPSTREAM_US"}, public)
    shown = msgspec.json.decode(octets)["deposit"]
    head = msgspec.json.decode(shown["head"])
    signed = jws.deserialize_compact(shown["jws"], birch.key._key, algorithms=["ES256"])
    assert signed.payload == shown["head"].encode()
    record = Sealed(bytes.fromhex(shown["label"]), bytes.fromhex(shown["sealed"]))
    siblings = [bytes.fromhex(one) for one in shown["siblings"]]
    assert deposits.leads_to(record, shown["place"], siblings, bytes.fromhex(head["root"]))
    assert deposits.open_record(record, bytes.fromhex(shown["record_key"])).called == int(CALLED)


def test_a_deposit_that_comes_after_the_question_answers_it_and_says_so(birch: Carrier, alder: Carrier) -> None:
    at = clock.now() - timedelta(minutes=1)
    assert birch.deposit(birch.batch(row(at - timedelta(hours=2)))).status_code == 201
    traceback_id = opened(call("709A", at=at))
    alder.answers(AnswerCode.UPSTREAM_US, birch.pen.provider)
    actions.advance(traceback_id)
    assert actions.advance(traceback_id).grade is Grade.NONE, "its record may still come"
    assert birch.deposit(birch.batch(row(at))).status_code == 201
    assert actions.advance(traceback_id).grade is Grade.ORIGIN_CONFIRMED
    assert "AFTER it was asked" in Answer.objects.get(hop__provider_id=birch.pen.provider.id).payload["note"]


def test_one_carriers_deposits_answer_for_no_other(birch: Carrier, alder: Carrier) -> None:
    """Two carriers of one agent, one of which has the call: the other's question stays open."""
    at = clock.now() - timedelta(minutes=1)
    cedar = Carrier("709C")
    assert cedar.deposit(cedar.batch(row(at))).status_code == 201
    assert birch.deposit(birch.batch(row(at, called=15035550143))).status_code == 201
    traceback_id = opened(call("709A", at=at))
    alder.answers(AnswerCode.UPSTREAM_US, birch.pen.provider)
    actions.advance(traceback_id)
    actions.advance(traceback_id)
    assert not Answer.objects.filter(hop__provider_id=birch.pen.provider.id).exists()


def test_a_deposit_that_was_changed_in_the_store_answers_nothing(birch: Carrier, alder: Carrier) -> None:
    at = clock.now() - timedelta(minutes=1)
    birch.deposit(birch.batch(row(at)))
    stored = Deposit.objects.get()
    stored.octets = birch.batch(row(at, kind=0, upstream="709C"), sign=alder.key.signed)
    stored.save()
    traceback_id = opened(call("709A", at=at))
    alder.answers(AnswerCode.UPSTREAM_US, birch.pen.provider)
    actions.advance(traceback_id)
    actions.advance(traceback_id)
    assert not Answer.objects.filter(hop__provider_id=birch.pen.provider.id).exists()


def test_keys_that_nobody_can_open_stop_no_search_of_others(birch: Carrier, alder: Carrier) -> None:
    dogwood = Carrier("709D")
    dogwood.sealed = Wrapped(b"s" * 32, bytes(48))
    assert dogwood.deposit(dogwood.batch(row(clock.now()))).status_code == 201
    traceback_id, _search, _at = searched(alder, birch)
    assert not actions.advance(traceback_id, now=clock.now() + timedelta(seconds=6)).waits


def test_deposits_are_forgotten_after_their_time_and_answers_stay(birch: Carrier) -> None:
    birch.deposit(birch.batch(row(clock.now())))
    assert kept.forget(days=90, now=clock.now()) == 0
    assert kept.of_provider(birch.pen.actor, birch.pen.provider.id).records == 1
    assert kept.forget(days=90, now=clock.now() + timedelta(days=91)) == 1
    assert not Deposit.objects.exists()
    assert AuditEntry.objects.filter(tag="deposit:batch:forgotten").count() == 1


def test_a_provider_sees_how_much_it_deposited_and_no_other_provider_does(birch: Carrier, alder: Carrier) -> None:
    birch.deposit(birch.batch(row(clock.now())))
    assert kept.of_provider(alder.pen.actor, birch.pen.provider.id).records == 0


# -- blind searches


def searched(alder: Carrier, birch: Carrier) -> tuple[str, Search, datetime]:
    """709A names 709B, which never has a record: the others are searched."""
    at = clock.now() - timedelta(minutes=1)
    traceback_id = opened(call("709A", at=at))
    alder.answers(AnswerCode.UPSTREAM_US, birch.pen.provider)
    actions.advance(traceback_id)
    for _ in range(3):
        birch.answers(AnswerCode.RECORD_NOT_FOUND)
        actions.advance(traceback_id)
    alder.answers(AnswerCode.UPSTREAM_US, birch.pen.provider)
    actions.advance(traceback_id)
    row_ = BlindSearch.objects.get()
    [search] = birch.poll().searches
    assert search.search_id == row_.id
    return traceback_id, search, at


def test_a_search_shows_no_number_and_only_who_carried_the_call_is_asked(birch: Carrier, alder: Carrier) -> None:
    cedar, dogwood = Carrier("709C"), Carrier("709D")
    for one in (cedar, dogwood):
        one.poll()
    traceback_id, search, at = searched(alder, birch)
    told = msgspec.json.encode(search)
    assert CALLED[-10:].encode() not in told
    assert b"709" not in told, "neither is the provider named that does not lead on"
    assert cedar.poll(search.search_id).searches == []
    found = blind.hit(search, [(CALLED, "709B", at)])
    assert found is not None
    assert msgspec.json.decode(cedar.hits(found).content, type=HitsTaken).taken == 1
    wrong = blind.hit(search, [(CALLED, "709C", at)])
    assert wrong is not None
    assert dogwood.hits(wrong).status_code == 200
    assert actions.advance(traceback_id).waits, "the search is open"
    actions.advance(traceback_id, now=clock.now() + timedelta(seconds=6))
    [asked] = cedar.poll(None).questions
    assert asked.called == CALLED
    assert asked.downstream is not None
    assert asked.downstream.spc == "709B"
    assert dogwood.poll(None).questions == [], "it carried the call, and did not hand it to 709B"
    assert {"hop:search:opened", "hop:search:hit", "hop:search:closed"} <= set(
        AuditEntry.objects.values_list("tag", flat=True)
    )


@pytest.mark.parametrize(
    "hit",
    [
        Hit(search_id="SR-1"),
        Hit(search_id="SR-1", carried=[b"short"]),
        Hit(search_id="SR-1", carried=[bytes(16)] * 9),
        Hit(search_id="SR-1", carried=[bytes(16)], handed=[bytes(16)] * 9),
    ],
)
def test_proofs_that_are_none_are_refused(birch: Carrier, hit: Hit) -> None:
    assert birch.hits(hit).status_code == 422


def test_a_guess_and_a_late_proof_and_a_second_try_count_for_nothing(birch: Carrier, alder: Carrier) -> None:
    cedar = Carrier("709C")
    cedar.poll()
    traceback_id, search, at = searched(alder, birch)
    guess = Hit(search_id=search.search_id, carried=[bytes(16)], handed=[bytes(16)])
    assert msgspec.json.decode(cedar.hits(guess).content, type=HitsTaken).taken == 1
    found = blind.hit(search, [(CALLED, "709B", at)])
    assert found is not None
    assert msgspec.json.decode(cedar.hits(found).content, type=HitsTaken).taken == 0, "the first try was its only one"
    BlindSearch.objects.update(closes_at=clock.now() - timedelta(seconds=1))
    assert msgspec.json.decode(alder.hits(found).content, type=HitsTaken).taken == 0
    actions.advance(traceback_id)
    assert cedar.poll(None).questions == []


def test_who_deposited_the_call_is_found_without_being_asked(birch: Carrier, alder: Carrier) -> None:
    cedar = Carrier("709C")
    at = clock.now() - timedelta(minutes=1)
    assert cedar.deposit(cedar.batch(row(at, downstream="709B"))).status_code == 201
    traceback_id, _search, _at = searched(alder, birch)
    actions.advance(traceback_id, now=clock.now() + timedelta(seconds=6))
    actions.advance(traceback_id, now=clock.now() + timedelta(seconds=6))
    assert Hop.objects.get(provider_id=cedar.pen.provider.id).kind == "bridge"
    assert Answer.objects.get(hop__provider_id=cedar.pen.provider.id).code == "ORIGINATED"


def test_the_approvers_key_is_none_of_the_doors(home: Path, birch: Carrier) -> None:
    (home / "secrets" / kept.KEY).unlink()
    assert birch.deposit(birch.batch(row(clock.now()))).status_code == 201
    assert len(bytes.fromhex(birch.terms().approver)) == 32


@pytest.mark.usefixtures("roles")
def test_each_process_does_its_part_under_its_own_role(birch: Carrier, alder: Carrier) -> None:
    cedar = Carrier("709C")
    at = clock.now() - timedelta(minutes=1)
    with acting_as(Process.CARRIER):
        assert cedar.deposit(cedar.batch(row(at, downstream="709B"))).status_code == 201
        assert kept.of_provider(cedar.pen.actor, cedar.pen.provider.id).records == 1
    with acting_as(Process.DESK):
        traceback_id = opened(call("709A", at=at))
        assert kept.of_provider(OPERATOR, cedar.pen.provider.id).records == 1
    for who, code in ((alder, AnswerCode.UPSTREAM_US), *[(birch, AnswerCode.RECORD_NOT_FOUND)] * 3):
        with acting_as(Process.CARRIER):
            who.answers(code, birch.pen.provider if who is alder else None)
        with acting_as(Process.WORK):
            actions.advance(traceback_id)
    with acting_as(Process.CARRIER):
        alder.answers(AnswerCode.UPSTREAM_US, birch.pen.provider)
    with acting_as(Process.WORK):
        actions.advance(traceback_id)
    with acting_as(Process.CARRIER):
        [search] = birch.poll().searches
        found = blind.hit(search, [(CALLED, "709B", at)])
        assert found is not None
        assert alder.hits(found).status_code == 200
    with acting_as(Process.WORK):
        actions.advance(traceback_id, now=clock.now() + timedelta(seconds=6))
        actions.advance(traceback_id, now=clock.now() + timedelta(seconds=6))
        assert kept.forget(days=90, now=clock.now() + timedelta(days=91)) == 1
    assert Answer.objects.get(hop__provider_id=cedar.pen.provider.id).code == "ORIGINATED"

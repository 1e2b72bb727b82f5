"""The carrier API as an agent meets it, and as an impostor does."""

import asyncio
import base64
import json
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import msgspec
import pytest
from django.db import connection
from joserfc import jws, jwt
from joserfc.jwk import ECKey

from headwater.api import carriers
from headwater.api.wakeups import Wakeups
from headwater.audit.models import AuditEntry
from headwater.providers import actions as providers
from headwater.providers.models import Provider, UsedToken
from headwater.tracebacks import actions
from headwater.tracebacks.models import Answer, CarrierRoot, RefusedAnswer, Viewing
from headwater.tracebacks.states import Grade
from headwater.wire import agents as wire
from headwater.wire.agents import AnswerCode
from headwater.wire.commitments import Proof, Root, Roots, Short, Taken, minute_text, payload_of, protected, rebuilt
from tests.conftest import Browser
from tests.tracebacks.support import OPERATOR, Pen, call, octets, opened, register

pytestmark = pytest.mark.django_db
QUESTIONS, ANSWERS = "/api/agents/v1/questions", "/api/agents/v1/answers"
ROOTS = "/api/agents/v1/roots"
READ, WRITE = "questions.read", "answers.write"


@dataclass
class Agent:
    """A provider's agent with its registered key."""

    pen: Pen
    key: Any
    http: Browser

    @classmethod
    def of(cls, spc: str) -> "Agent":
        key = ECKey.generate_key("P-256")
        pen = Pen(register(spc))
        providers.register_key(OPERATOR, pen.provider.id, key.as_dict(private=False))
        return cls(pen, key, Browser("carrier"))

    def claims(self, doing: str, body: bytes = b"", **more: Any) -> dict[str, Any]:
        now = int(time.time())
        return {
            "iss": self.pen.provider.spc,
            "aud": "headwater",
            "iat": now,
            "exp": now + 45,
            "jti": base64.urlsafe_b64encode(sha256(str(time.time_ns()).encode()).digest()[:12]).decode(),
            "action": doing,
            "body_sha256": sha256(body).hexdigest(),
        } | more

    def bearer(self, claims: dict[str, Any], key: Any = None, **header: Any) -> str:
        held = {"alg": "ES256", "kid": self.key.thumbprint()} | header
        return f"Bearer {jwt.encode(held, claims, key or self.key)}"

    def poll(self, wait: str = "0", **claims: Any) -> Any:
        return self.get(self.bearer(self.claims(READ, **claims)), wait)

    def get(self, authorization: str, wait: str = "0") -> Any:
        return self.http.get(f"{QUESTIONS}?wait={wait}", headers={"Authorization": authorization})

    def questions(self) -> list[wire.Question]:
        response = self.poll()
        assert response.status_code == 200, response.content
        return msgspec.json.decode(response.content, type=wire.Questions).questions

    def signed(self, answer: wire.Answer | bytes, key: Any = None) -> bytes:
        payload = answer if isinstance(answer, bytes) else octets(answer)
        return jws.serialize_compact(
            {"alg": "ES256", "kid": (key or self.key).thumbprint()}, payload, key or self.key
        ).encode()

    def post(self, body: bytes, **claims: Any) -> Any:
        token = self.bearer(self.claims(WRITE, **({"body": body} | claims)))
        return self.http.post(ANSWERS, body, content_type="application/jose", headers={"Authorization": token})

    def publish(self, roots: Roots | bytes, **claims: Any) -> Any:
        body = roots if isinstance(roots, bytes) else msgspec.msgpack.encode(roots)
        token = self.bearer(self.claims("roots.write", **({"body": body} | claims)))
        return self.http.post(ROOTS, body, content_type="application/msgpack", headers={"Authorization": token})

    def roots(self, count: int, *, key: Any = None, root: bytes = b"r" * 32, previous: bytes = bytes(32)) -> Roots:
        """Sign so many minutes in a row, the last one a few minutes ago."""
        key, spc = key or self.key, self.pen.provider.spc
        first = int(time.time()) // 60 - count - 5
        short, before = [], previous.hex()
        for minute in range(first, first + count):
            made = Root(spc=spc, minute=minute_text(minute), depth=4, root=root.hex(), previous=before)
            unsigned = rebuilt(made, key.thumbprint(), b"")
            signed = jws.serialize_compact(protected(key.thumbprint()), payload_of(made), key)
            assert signed.startswith(unsigned), "the very octets that the hub makes of it"
            short.append(Short(minute, 4, root, _unb64(signed.rpartition(".")[2])))
            before = sha256(signed.encode()).hexdigest()
        return Roots(1, spc, key.thumbprint(), previous, short)


def _unb64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


@pytest.fixture
def alder() -> Agent:
    return Agent.of("709A")


@pytest.fixture
def birch() -> Agent:
    return Agent.of("709B")


def test_an_agent_fetches_its_question_and_its_signed_answer_moves_the_walk(alder: Agent, birch: Agent) -> None:
    traceback_id = opened(call("709A"))
    [asked] = alder.questions()
    assert birch.questions() == []
    assert asked.called == "15035550142"
    body = alder.signed(alder.pen.answer(asked, AnswerCode.UPSTREAM_US, birch.pen.provider))
    response = alder.post(body)
    assert response.status_code == 201
    receipt = msgspec.json.decode(response.content, type=wire.Receipt)
    assert (receipt.question_id, receipt.answer_sha256) == (asked.question_id, sha256(body).hexdigest())
    assert alder.questions() == []
    actions.advance(traceback_id)
    [next_] = birch.questions()
    trace_over = birch.post(birch.signed(birch.pen.answer(next_, AnswerCode.ORIGINATED)))
    assert trace_over.status_code == 201
    assert actions.advance(traceback_id).grade is Grade.ORIGIN_CONFIRMED
    assert Answer.objects.get(id=receipt.receipt_id).key_id == alder.key.thumbprint()


def test_the_same_answer_again_is_200_with_the_same_receipt(alder: Agent) -> None:
    opened(call("709A"))
    body = alder.signed(alder.pen.answer(alder.questions()[0], AnswerCode.ORIGINATED))
    first, again = alder.post(body), alder.post(body)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.content == again.content
    assert Answer.objects.count() == 1


def test_a_fetched_question_counts_as_viewed_and_the_agent_as_seen(alder: Agent) -> None:
    opened(call("709A"))
    assert Provider.objects.get(spc="709A").agent_seen_at is None
    alder.questions()
    assert Viewing.objects.get().by == "provider:709A"
    assert Provider.objects.get(spc="709A").agent_seen_at is not None


MINUTE = 60


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({"iss": "709B"}, "wrong_issuer"),
        ({"iss": None}, "wrong_issuer"),
        ({"aud": "elsewhere"}, "wrong_audience"),
        ({"aud": ["headwater"]}, "wrong_audience"),
        ({"action": WRITE}, "wrong_action"),
        ({"body_sha256": sha256(b"x").hexdigest()}, "wrong_body"),
        ({"body_sha256": None}, "wrong_body"),
        ({"body_sha256": "\u00e9" * 64}, "wrong_body"),
        ({"jti": "short"}, "malformed"),
        ({"jti": None}, "malformed"),
        ({"jti": "x" * 200}, "malformed"),
        ({"exp": "soon"}, "malformed"),
        ({"iat": True}, "malformed"),
        ({"exp": 10**30, "iat": 10**30 - 5}, "malformed"),
    ],
)
def test_a_token_with_one_wrong_claim_is_refused_and_audited(alder: Agent, claims: dict[str, Any], reason: str) -> None:
    response = alder.poll(**claims)
    assert_refused(response, reason)


@pytest.mark.parametrize(
    ("issued", "expires", "reason"),
    [
        (-100, -40, "expired"),
        (-10, 60, "lives_too_long"),
        (40, 80, "not_yet_valid"),
        (0, 0, "lives_too_long"),
        (0, -5, "lives_too_long"),
    ],
)
def test_a_token_outside_its_time_is_refused(alder: Agent, issued: int, expires: int, reason: str) -> None:
    now = int(time.time())
    assert_refused(alder.poll(iat=now + issued, exp=now + expires), reason)


def test_clocks_may_differ_by_half_a_minute(alder: Agent) -> None:
    now = int(time.time())
    assert alder.poll(iat=now - 70, exp=now - 20).status_code == 200
    assert alder.poll(iat=now + 20, exp=now + 60).status_code == 200


def assert_refused(response: Any, reason: str) -> None:
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"].startswith("Bearer")
    assert response.headers["Content-Type"] == "application/problem+json"
    assert set(json.loads(response.content)) == {"type", "title", "status", "detail"}
    assert reason not in response.content.decode(), "who is refused does not learn by which check"
    last = AuditEntry.objects.order_by("-seq").first()
    assert last
    assert (last.tag, last.detail["reason"]) == ("provider:request:refused", reason)


def test_a_token_opens_once(alder: Agent) -> None:
    token = alder.bearer(alder.claims(READ))
    assert alder.get(token).status_code == 200
    assert_refused(alder.get(token), "replayed")


def test_a_forged_signature_is_refused(alder: Agent) -> None:
    forged = alder.bearer(alder.claims(READ), key=ECKey.generate_key("P-256"))
    assert_refused(alder.get(forged), "bad_signature")


def test_another_providers_key_does_not_open_this_ones_questions(alder: Agent, birch: Agent) -> None:
    opened(call("709A"))
    token = birch.bearer(birch.claims(READ, iss="709A"))
    assert_refused(birch.get(token), "wrong_issuer")
    assert birch.questions() == []


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer",
        "Bearer ",
        "Basic dXNlcjpwYXNz",
        "Bearer a.b.c",
        "Bearer " + "a" * 5_000,
        "Bearer a.b",
        "Bearer ...",
        "Bearer \u00e9.b.c",
        # {"alg":"none","kid":"x"} and an empty signature
        "Bearer eyJhbGciOiJub25lIiwia2lkIjoieCJ9.e30.",
    ],
)
def test_what_is_no_token_is_refused_without_an_entry_that_an_impostor_could_multiply(
    alder: Agent, header: str
) -> None:
    before = AuditEntry.objects.count()
    assert alder.get(header).status_code == 401
    assert AuditEntry.objects.count() == before


def test_a_critical_or_foreign_header_is_refused(alder: Agent) -> None:
    for extra in ({"crit": ["b64"], "b64": False}, {"jwk": {"kty": "oct"}}, {"x5u": "https://evil.example"}):
        raw = json.dumps({"alg": "ES256", "kid": alder.key.thumbprint(), **extra}).encode()
        head = base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
        assert alder.get(f"Bearer {head}.e30.AAAA").status_code == 401


def test_a_revoked_key_opens_nothing_and_signs_nothing(alder: Agent) -> None:
    providers.revoke_key(OPERATOR, alder.key.thumbprint())
    assert_refused(alder.poll(), "unknown_key")


def test_a_token_for_another_body_is_refused_and_nothing_is_kept(alder: Agent) -> None:
    opened(call("709A"))
    body = alder.signed(alder.pen.answer(alder.questions()[0], AnswerCode.ORIGINATED))
    assert alder.post(body, body_sha256=sha256(b"other").hexdigest()).status_code == 401
    assert (Answer.objects.count(), RefusedAnswer.objects.count()) == (0, 0)


def test_a_token_for_reading_does_not_write(alder: Agent) -> None:
    assert alder.post(b"x", action=READ).status_code == 401


def test_an_answer_signed_with_another_key_is_refused_and_kept(alder: Agent, birch: Agent) -> None:
    opened(call("709A"))
    answer = alder.pen.answer(alder.questions()[0], AnswerCode.ORIGINATED)
    for body in (alder.signed(answer, ECKey.generate_key("P-256")), birch.signed(answer)):
        response = alder.post(body)
        assert response.status_code == 422
        assert "registered key" in json.loads(response.content)["detail"]
    assert RefusedAnswer.objects.count() == 2
    assert Answer.objects.count() == 0


def test_a_changed_answer_is_refused(alder: Agent) -> None:
    opened(call("709A"))
    head, _payload, signature = alder.signed(alder.pen.answer(alder.questions()[0], AnswerCode.ORIGINATED)).split(b".")
    changed = base64.urlsafe_b64encode(b'{"code":"DECLINED"}').rstrip(b"=")
    response = alder.post(b".".join([head, changed, signature]))
    assert response.status_code == 422
    assert "does not verify" in json.loads(response.content)["detail"]


@pytest.mark.parametrize("payload", [b"", b"{}", b"[]", b"\xff", b"nonsense", b'{"code":"WHATEVER"}', b"[" * 5_000])
def test_a_signed_payload_that_is_no_answer_is_refused_and_kept(alder: Agent, payload: bytes) -> None:
    response = alder.post(alder.signed(payload))
    assert response.status_code == 422
    assert RefusedAnswer.objects.count() == 1
    assert AuditEntry.objects.filter(tag="hop:answer:refused").count() == 1


def test_an_impossible_answer_is_422_with_its_reason_and_kept(alder: Agent) -> None:
    opened(call("709A"))
    response = alder.post(alder.signed(alder.pen.answer(alder.questions()[0], AnswerCode.UPSTREAM_US)))
    assert response.status_code == 422
    assert "must name the provider" in json.loads(response.content)["detail"]
    assert RefusedAnswer.objects.get().key_id == alder.key.thumbprint()
    assert len(alder.questions()) == 1


def test_another_providers_question_is_not_found(alder: Agent, birch: Agent) -> None:
    opened(call("709A"))
    stolen = birch.pen.answer(alder.questions()[0], AnswerCode.ORIGINATED)
    assert birch.post(birch.signed(stolen)).status_code == 404
    assert Answer.objects.count() == 0


def test_a_withdrawn_question_is_409(alder: Agent) -> None:
    traceback_id = opened(call("709A"))
    asked = alder.questions()[0]
    actions.cancel(OPERATOR, traceback_id, reason="x")
    assert alder.post(alder.signed(alder.pen.answer(asked, AnswerCode.ORIGINATED))).status_code == 409


@pytest.mark.parametrize("size", [262_145, 3_000_000])
def test_a_body_that_is_too_large_is_413(alder: Agent, size: int) -> None:
    response = alder.post(b"x" * size)
    assert response.status_code == 413
    assert (Answer.objects.count(), RefusedAnswer.objects.count()) == (0, 0)


@pytest.mark.parametrize("wait", ["-1", "61", "nan", "inf", "1e9", "x"])
def test_a_wait_that_is_none_is_422(alder: Agent, wait: str) -> None:
    assert alder.poll(wait=wait).status_code == 422


def test_an_empty_poll_waits_as_long_as_it_says(alder: Agent) -> None:
    began = time.monotonic()
    assert alder.poll(wait="0.4").status_code == 200
    assert 0.35 < time.monotonic() - began < 3


def test_used_tokens_are_forgotten_when_they_have_expired(alder: Agent) -> None:
    alder.questions()
    assert UsedToken.objects.count() == 1
    assert providers.forget_used_tokens(datetime.now(UTC)) == 0
    assert providers.forget_used_tokens(datetime.now(UTC) + timedelta(minutes=2)) == 1


def test_roots_are_taken_once_and_a_later_request_goes_on_from_there(alder: Agent) -> None:
    sent = alder.roots(3)
    first = alder.publish(sent)
    assert first.status_code == 200, first.content
    assert msgspec.json.decode(first.content, type=Taken).taken == 3
    again = msgspec.json.decode(alder.publish(sent).content, type=Taken)
    assert (again.taken, again.last) == (0, minute_text(sent.roots[-1].minute))
    asks = msgspec.json.decode(alder.publish(alder.roots(0)).content, type=Taken)
    assert asks.last == again.last


def test_another_root_for_a_minute_is_409(alder: Agent) -> None:
    assert alder.publish(alder.roots(2)).status_code == 200
    assert alder.publish(alder.roots(2, root=b"x" * 32)).status_code == 409


def test_roots_that_another_signed_or_sent_or_changed_are_refused(alder: Agent, birch: Agent) -> None:
    assert alder.publish(alder.roots(1, key=birch.key)).status_code == 422
    assert birch.publish(alder.roots(1)).status_code == 422
    sent = alder.roots(1)
    [one] = sent.roots
    changed = Roots(1, sent.spc, sent.key_id, sent.previous, [Short(one.minute, 4, b"x" * 32, one.signature)])
    assert alder.publish(changed).status_code == 422
    assert CarrierRoot.objects.count() == 0


@pytest.mark.parametrize("body", [b"", b"{}", b"\x95\x01", bytes(1_000)])
def test_a_body_that_holds_no_roots_is_422(alder: Agent, body: bytes) -> None:
    assert alder.publish(body).status_code == 422


def test_an_answer_with_a_false_proof_is_422_and_kept(alder: Agent) -> None:
    opened(call("709A"))
    [asked] = alder.questions()
    sent = alder.roots(1)
    assert alder.publish(sent).status_code == 200
    good = alder.pen.answer(asked, AnswerCode.ORIGINATED)
    assert good.ingress
    proof = Proof(minute=minute_text(sent.roots[0].minute), position=0, key="ab" * 32, path=["cd" * 32] * 4)
    forged = msgspec.structs.replace(good, ingress=msgspec.structs.replace(good.ingress, proof=proof))
    response = alder.post(alder.signed(forged))
    assert response.status_code == 422
    assert "does not lead to the root" in response.json()["detail"]
    assert RefusedAnswer.objects.count() == 1
    assert Answer.objects.count() == 0


def test_openapi_describes_each_endpoint_by_the_wire_messages() -> None:
    document = json.loads(Browser("carrier").get("/api/agents/v1/openapi.json").content)
    assert {QUESTIONS, ANSWERS, ROOTS} <= set(document["paths"])
    assert {"Question", "Questions", "Answer", "Receipt", "Party", "Leg", "Proof", "Taken"} <= set(
        document["components"]["schemas"]
    )


@pytest.mark.django_db(transaction=True)
def test_a_notification_wakes_the_waiter_it_is_for_within_milliseconds() -> None:
    settings = connection.get_connection_params()
    plain = {name: value for name, value in settings.items() if name not in {"cursor_factory", "context"}}

    async def waits() -> tuple[float, bool]:
        hub = Wakeups("test_channel", plain)
        with hub.waiter("PR-A") as mine, hub.waiter("PR-B") as other:
            while not hub.hearing:
                await hub.wait(other, 0.05)
            await hub.wait(other, 0.2)  # waking at the start of hearing is over
            mine.clear()
            other.clear()
            began = time.monotonic()
            sent = asyncio.create_task(asyncio.to_thread(notify))
            await hub.wait(mine, 5)
            took = time.monotonic() - began
            await sent
            woken = other.is_set()
        assert hub.count() == 0
        await hub.close()
        return took, woken

    def notify() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_notify('test_channel', 'PR-A')")
        connection.close()

    took, other_woken = asyncio.run(waits())
    assert took < 1
    assert not other_woken


def test_the_channel_is_the_one_that_the_engine_notifies() -> None:
    hub = carriers.wakeups()
    assert hub._channel == actions.QUESTIONS_CHANNEL

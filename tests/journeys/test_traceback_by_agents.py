"""Five carriers' agents answer over HTTP: the real product walks one call to its origin in seconds."""

import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import httpx
import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey
from joserfc.jwk import ECKey

from headwater.agent.keys import SigningKey
from headwater.calls import deposits
from headwater.wire import agents as wire
from headwater.wire.agents import AnswerCode
from headwater.wire.deposits import DepositTerms
from tests.product import Product

pytestmark = [pytest.mark.journey, pytest.mark.timeout(300)]

HOPS = 5
SET_UP = """
from headwater.accounts.actors import system
from headwater.providers import actions
from headwater.providers.models import AnswerChannel
for place, jwk in enumerate(arguments["keys"]):
    new = actions.NewProvider(name=f"Carrier {place}", spc=f"70{place}X", channel=AnswerChannel.AGENT)
    actions.register_key(system("operator"), actions.register(system("operator"), new).id, jwk)
"""
# The feed is another journey's: here the call is handed to the action that the desk's page calls.
OPEN = """
from tests.tracebacks.support import call, opened
from datetime import datetime
at = datetime.fromisoformat(arguments["at"]) if arguments.get("at") else None
result = opened(call("700X", event=arguments["event"], at=at))
"""
LOOK = """
from headwater.accounts.actors import system
from headwater.tracebacks import queries
view = queries.traceback(system("operator"), arguments["traceback"])
result = {
    "state": view.state,
    "grade": view.grade,
    "outcome": view.outcome,
    "origin": view.origin.spc if view.origin else "",
    "took": view.took.total_seconds() if view.took else None,
    "path": [hop.provider.spc for hop in view.path],
    "differences": queries.replay(system("operator"), view.id),
}
"""


class Agent(threading.Thread):
    """Polls, and names the next carrier; the last one placed the call."""

    def __init__(self, product: Product, place: int, key: SigningKey, stop: threading.Event) -> None:
        super().__init__(daemon=True)
        self.product, self.place, self.key, self.stop = product, place, key, stop
        self.gone = threading.Event()
        self.refused: list[str] = []
        self.delay_s = 0.0
        self.lost = False
        """Whether it has lost its records."""
        self.seen: list[str] = []

    def run(self) -> None:
        with httpx.Client(base_url=self.product.url("carrier"), timeout=30) as http:
            while not (self.stop.is_set() or self.gone.is_set()):
                try:
                    self._turn(http)
                except httpx.HTTPError:
                    time.sleep(0.2)

    def _turn(self, http: httpx.Client) -> None:
        response = self._send(
            http, "GET", f"/api/agents/v1/questions?wait=5&seen={','.join(self.seen)}", "questions.read", b""
        )
        if response.status_code != 200:
            self.refused.append(response.text)
            time.sleep(0.2)
            return
        self.seen += [one.search_id for one in msgspec.json.decode(response.content, type=wire.Questions).searches]
        asked_now = msgspec.json.decode(response.content, type=wire.Questions).questions
        if asked_now:
            time.sleep(self.delay_s)
        for asked in asked_now:
            body = self.key.signed(msgspec.json.encode(self._answer(asked))).encode()
            taken = self._send(http, "POST", "/api/agents/v1/answers", "answers.write", body)
            if taken.status_code not in (200, 201):
                self.refused.append(taken.text)

    def deposit(self, http: httpx.Client, at: datetime) -> None:
        """Deposit one call from the next carrier, handed to the one before."""
        asked = self._send(http, "GET", "/api/agents/v1/deposit-terms", "terms.read", b"")
        terms = msgspec.json.decode(asked.content, type=DepositTerms)
        approver = X25519PublicKey.from_public_bytes(bytes.fromhex(terms.approver))
        row = deposits.Row(
            called=15035550142, calling=12025550123, start_ms=round(at.timestamp() * 1_000), duration_ms=-1, kind=0,
            upstream=f"70{self.place + 1}X", downstream=f"70{self.place - 1}X", record_id=bytes(16),
            record_sha256=bytes(32),
        )  # fmt: skip
        label_key = bytes(32)
        keys = deposits.Keys(
            spc=f"70{self.place}X", epoch="2026-06", label_key=label_key, approver=approver, sign=self.key.signed,
            label_key_wrapped=deposits.wrap(label_key, approver),
        )  # fmt: skip
        body = deposits.encode(deposits.seal([row], keys, now=datetime.now(UTC)))
        for status in (201, 200):
            taken = self._send(http, "POST", "/api/agents/v1/deposits", "deposits.write", body)
            assert taken.status_code == status, taken.text

    def _send(self, http: httpx.Client, method: str, path: str, action: str, body: bytes) -> httpx.Response:
        token = self.key.bearer(issuer=f"70{self.place}X", action=action, body=body, now=datetime.now(UTC))
        return http.request(method, path, content=body, headers={"Authorization": f"Bearer {token}"})

    def _answer(self, asked: wire.Question) -> wire.Answer:
        last = self.place == HOPS - 1
        if self.lost:
            return wire.Answer(
                question_id=asked.question_id,
                traceback_id=asked.traceback_id,
                provider=wire.Party(spc=f"70{self.place}X"),
                code=AnswerCode.RECORD_NOT_FOUND,
                answered_at=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
                agent="test/1",
            )
        leg = wire.Leg(
            call_at=asked.call_at,
            calling=asked.calling,
            called=asked.called,
            call_id=f"leg-{self.place}@example",
            record_id=str(uuid.uuid4()),
        )
        return wire.Answer(
            question_id=asked.question_id,
            traceback_id=asked.traceback_id,
            provider=wire.Party(spc=f"70{self.place}X"),
            code=AnswerCode.ORIGINATED if last else AnswerCode.UPSTREAM_US,
            upstream=None if last else wire.Party(spc=f"70{self.place + 1}X", name=f"Carrier {self.place + 1}"),
            ingress=leg,
            answered_at=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            agent="test/1",
        )


@contextmanager
def agents(product: Product) -> Iterator[list[Agent]]:
    keys = []
    for _ in range(HOPS):
        key = ECKey.generate_key("P-256")
        keys.append(SigningKey(key, key.thumbprint()))
    product.act(SET_UP, keys=[key.public_jwk for key in keys])
    stop = threading.Event()
    running = [Agent(product, place, key, stop) for place, key in enumerate(keys)]
    for agent in running:
        agent.start()
    try:
        yield running
    finally:
        stop.set()
        for agent in running:
            agent.join(15)


def test_five_hops_are_walked_and_a_killed_worker_delays_but_loses_none() -> None:
    with Product() as product, agents(product) as running:
        first = product.act(OPEN, event="one")
        product.wait_for(lambda: product.act(LOOK, traceback=first)["took"], 30, "the first traceback to end")
        ended = product.act(LOOK, traceback=first)
        assert ended["path"] == [f"70{place}X" for place in range(HOPS)]
        assert (ended["grade"], ended["origin"], ended["differences"]) == ("origin_confirmed", "704X", [])

        worker = product.kill("work")
        second = product.act(OPEN, event="two")
        product.wait_until_back("work", not_pid=worker)
        product.wait_for(lambda: product.act(LOOK, traceback=second)["took"], 60, "the second traceback to end")
        ended = product.act(LOOK, traceback=second)
        assert (ended["grade"], ended["origin"], ended["differences"]) == ("origin_confirmed", "704X", [])
        assert not [words for agent in running for words in agent.refused]
        _walks_over_a_lost_record_to_a_deposit(product, running)


def _walks_over_a_lost_record_to_a_deposit(product: Product, running: list[Agent]) -> None:
    """701X has no record; all agents are searched blindly; 702X has deposited the call and is not asked itself."""
    lost, depositing = running[1], running[2]
    lost.lost = True
    depositing.gone.set()
    depositing.join(15)
    at = datetime.now(UTC) - timedelta(minutes=1)
    with httpx.Client(base_url=product.url("carrier"), timeout=30) as http:
        depositing.deposit(http, at)
    third = product.act(OPEN, event="three", at=at.isoformat())
    product.wait_for(lambda: product.act(LOOK, traceback=third)["took"], 90, "the third traceback to end")
    ended = product.act(LOOK, traceback=third)
    assert ended["path"] == [f"70{place}X" for place in range(HOPS)], ended
    assert (ended["grade"], ended["origin"], ended["differences"]) == ("origin_confirmed", "704X", [])
    assert (
        "What is said of Carrier 2 rests on a record that it had deposited; nobody there answered." in ended["outcome"]
    )
    assert "bridged over Carrier 1" in ended["outcome"]
    assert running[3].seen, "the others were searched, and not told the number"

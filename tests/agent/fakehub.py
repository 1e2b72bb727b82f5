"""A hub for tests of the agent: a real HTTP server with the two routes, that checks what it is sent by itself."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qs

import msgspec
import uvicorn
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from headwater.calls import deposits
from headwater.calls.deposits import Row
from headwater.wire.agents import Answer, Answers, Question, Questions, Receipt, Refusal, Result, Results
from headwater.wire.commitments import Root, Roots, Taken, minute_text, rebuilt
from headwater.wire.deposits import Deposit, Deposited, DepositTerms
from headwater.wire.forward import NumberAnswer, NumberQuestion
from headwater.wire.searches import Hit, Hits, HitsTaken, Search

#: Door -> what the token of its requests must be for.
ACTIONS = {
    "questions": "questions.read",
    "answers": "answers.write",
    "batch": "answers.write",
    "roots": "roots.write",
    "hits": "hits.write",
    "deposit-terms": "terms.read",
    "deposits": "deposits.write",
}


class _Named(msgspec.Struct):
    """What answers of both kinds have."""

    question_id: str


@dataclass
class FakeHub:
    """Holds open questions per carrier and the answers that came, octets and all."""

    keys: dict[str, Any] = field(default_factory=dict)
    """SPC -> registered public key."""
    open: dict[str, list[Question]] = field(default_factory=dict)
    posts: list[tuple[str, bytes]] = field(default_factory=list)
    """(SPC, octets) of every answer that was posted, also of those that got an error."""
    batches: list[int] = field(default_factory=list)
    """How many answers each batch held."""
    knows_batches: bool = True
    numbers: dict[str, list[NumberQuestion]] = field(default_factory=dict)
    """SPC -> open questions about numbers."""
    accepted: dict[str, bytes] = field(default_factory=dict)
    roots: dict[str, dict[str, str]] = field(default_factory=dict)
    """SPC -> minute -> signed root."""
    searches: list[Search] = field(default_factory=list)
    hits: list[tuple[str, Hit]] = field(default_factory=list)
    deposits: dict[str, dict[str, Deposit]] = field(default_factory=dict)
    """SPC -> root -> batch."""
    approver: X25519PrivateKey = field(default_factory=X25519PrivateKey.generate)
    polls: int = 0
    errors: list[tuple[int, bytes]] = field(default_factory=list)
    """What the next answers' requests get instead of a receipt."""
    poll_errors: list[tuple[int, bytes]] = field(default_factory=list)
    keeps_open: bool = False
    """Shows answered questions as open, as a hub restored from a copy does."""
    problems: list[str] = field(default_factory=list)
    asked: asyncio.Event = field(default_factory=asyncio.Event)

    def register(self, spc: str, public_jwk: dict[str, Any]) -> None:
        self.keys[spc] = ECKey.import_key({name: public_jwk[name] for name in ("kty", "crv", "x", "y")})

    def ask(self, spc: str, question: Question) -> None:
        self.open.setdefault(spc, []).append(question)
        self.asked.set()
        self.asked = asyncio.Event()

    def answer(self, question_id: str) -> Answer:
        """The accepted answer to a question."""
        octets = self.accepted[question_id]
        return msgspec.json.decode(
            jws.deserialize_compact(octets, self._key(octets), algorithms=["ES256"]).payload, type=Answer
        )

    def _key(self, octets: bytes) -> Any:
        kid = jws.extract_compact(octets).headers()["kid"]
        return next(key for key in self.keys.values() if key.thumbprint() == kid)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        status, said = await self._reply(scope, body)
        await send(
            {"type": "http.response.start", "status": status, "headers": [(b"content-type", b"application/json")]}
        )
        await send({"type": "http.response.body", "body": said})

    async def _reply(self, scope: Any, body: bytes) -> tuple[int, bytes]:
        authorization = dict(scope["headers"]).get(b"authorization", b"").decode()
        place = scope["path"].rpartition("/")[2]
        action = ACTIONS[place]
        spc = self._signed_in(authorization.removeprefix("Bearer "), action, body)
        if not spc:
            return 401, b"not signed in"
        if place == "questions":
            asked = parse_qs(scope["query_string"].decode(), keep_blank_values=True)
            return await self._questions(spc, float(asked["wait"][0]), asked.get("seen", [None])[0])
        if place == "deposit-terms":
            approver = self.approver.public_key().public_bytes_raw().hex()
            return 200, msgspec.json.encode(DepositTerms(approver=approver, most_records=1_000, kept_days=90))
        if place == "deposits":
            return self._deposit(spc, body)
        if place == "hits":
            found = msgspec.json.decode(body, type=Hits).hits
            self.hits += [(spc, one) for one in found]
            return 200, msgspec.json.encode(HitsTaken(taken=len(found)))
        return {"batch": self._batch, "roots": self._keep, "answers": self._take}[place](spc, body)

    def _batch(self, spc: str, body: bytes) -> tuple[int, bytes]:
        """Take each answer as if it came alone."""
        if not self.knows_batches:
            return 404, b"no such address"
        if self.errors:
            return self.errors.pop(0)
        sent = msgspec.json.decode(body, type=Answers).answers
        self.batches.append(len(sent))
        results = []
        for one in sent:
            status, said = self._take(spc, one.encode())
            digest = sha256(one.encode()).hexdigest()
            if status in {200, 201}:
                receipt = msgspec.json.decode(said, type=Receipt)
                results.append(Result(answer_sha256=digest, status=status, receipt=receipt))
            else:
                problem = Refusal(type="about:blank", title="", status=status, detail=said.decode())
                results.append(Result(answer_sha256=digest, status=status, problem=problem))
        return 200, msgspec.json.encode(Results(results=results))

    def number_answer(self, question_id: str) -> NumberAnswer:
        """The accepted answer to a question about a number."""
        octets = self.accepted[question_id]
        opened = jws.deserialize_compact(octets, self._key(octets), algorithms=["ES256"])
        return msgspec.json.decode(opened.payload, type=NumberAnswer)

    def _deposit(self, spc: str, body: bytes) -> tuple[int, bytes]:
        """Keep a deposit of the carrier that signed it; the same octets again are the same deposit."""
        if self.errors:
            return self.errors.pop(0)
        made = deposits.decode(body)
        signed = jws.deserialize_compact(made.jws.encode(), self.keys[spc], algorithms=["ES256"])
        if (made.spc, signed.payload) != (spc, deposits.signed_part(made)):
            self.problems.append(f"a deposit of {made.spc} came from {spc}")
            return 422, b"not yours"
        self.deposits.setdefault(spc, {})[made.root.hex()] = made
        taken = Deposited(deposit_id="DP-1", root=made.root.hex(), records=len(made.records), received_at="")
        return 201, msgspec.json.encode(taken)

    def opened(self, spc: str, *, called: str, at: datetime) -> list[Row]:
        """The deposited records of calls to a number at about a time."""
        found = []
        for made in self.deposits.get(spc, {}).values():
            label_key = deposits.unwrap(made.label_key, self.approver)
            wanted = deposits.buckets(at, 60.0)
            found += deposits.open_records(made, self.approver, label_key, called=int(called), wanted=wanted)
        return [one.row for one in found]

    def _keep(self, spc: str, body: bytes) -> tuple[int, bytes]:
        """Keep roots: each must follow from the one before."""
        kept = self.roots.setdefault(spc, {})
        came = msgspec.msgpack.decode(body, type=Roots)
        previous = came.previous.hex()
        for one in came.roots:
            root = Root(
                spc=came.spc, minute=minute_text(one.minute), depth=one.depth, root=one.root.hex(), previous=previous
            )
            sent = rebuilt(root, came.key_id, one.signature)
            jws.deserialize_compact(sent.encode(), self.keys[spc], algorithms=["ES256"])
            last = list(kept.values())[-1:]
            if last and root.previous != sha256(last[0].encode()).hexdigest():
                self.problems.append(f"the root of {root.minute} does not follow from the one before")
            previous = sha256(sent.encode()).hexdigest()
            kept[root.minute] = sent
        return 200, msgspec.json.encode(Taken(last=max(kept, default=""), taken=len(kept)))

    def _signed_in(self, token: str, action: str, body: bytes) -> str:
        for spc, key in self.keys.items():
            try:
                claims = jwt.decode(token, key, algorithms=["ES256"]).claims
            except (JoseError, ValueError):
                continue
            now = time.time()
            wrong = [
                claims["iss"] != spc,
                claims["aud"] != "headwater",
                not now - 5 < claims["iat"] <= now + 1,
                claims["exp"] - claims["iat"] > 60,
                claims["action"] != action,
                claims["body_sha256"] != sha256(body).hexdigest(),
                len(claims["jti"]) < 16,
            ]
            if any(wrong):
                self.problems.append(f"bearer of {spc}: {claims} {wrong}")
                return ""
            return spc
        self.problems.append("a bearer of nobody")
        return ""

    async def _questions(self, spc: str, wait: float, seen: str | None) -> tuple[int, bytes]:
        self.polls += 1
        if self.poll_errors:
            return self.poll_errors.pop(0)
        until = time.monotonic() + wait
        known = None if seen is None else seen.split(",")
        while not (self.open.get(spc) or self._unseen(known)) and time.monotonic() < until:
            try:
                await asyncio.wait_for(self.asked.wait(), min(until - time.monotonic(), 0.1))
            except TimeoutError:
                continue
        came = Questions(
            questions=self.open.get(spc, []), searches=self._unseen(known), numbers=self.numbers.get(spc, [])
        )
        return 200, msgspec.json.encode(came)

    def _unseen(self, known: list[str] | None) -> list[Search]:
        return [] if known is None else [one for one in self.searches if one.search_id not in known]

    def _take(self, spc: str, body: bytes) -> tuple[int, bytes]:
        self.posts.append((spc, body))
        if self.errors:
            return self.errors.pop(0)
        payload = jws.deserialize_compact(body, self.keys[spc], algorithms=["ES256"]).payload
        answer = msgspec.json.decode(payload, type=_Named)
        before = self.accepted.get(answer.question_id)
        if before not in {None, body}:
            self.problems.append(f"{answer.question_id} answered twice with different octets")
            return 409, b"another answer is recorded"
        self.accepted[answer.question_id] = body
        if not self.keeps_open:
            for waiting in (self.open, self.numbers):
                waiting[spc] = [one for one in waiting.get(spc, []) if one.question_id != answer.question_id]
        receipt = Receipt(
            receipt_id="RC-1",
            question_id=answer.question_id,
            received_at="2026-11-24T15:00:00.000000Z",
            answer_sha256=sha256(body).hexdigest(),
        )
        return (201 if before is None else 200), msgspec.json.encode(receipt)


@asynccontextmanager
async def serving(hub: FakeHub, port: int = 0) -> AsyncIterator[int]:
    """Serve ``hub`` on a loopback port and yield it."""
    server = uvicorn.Server(uvicorn.Config(hub, host="127.0.0.1", port=port, log_level="error", lifespan="off"))
    task = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn sets a flag, no event
        await asyncio.sleep(0.01)
    try:
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        server.force_exit = True
        await task

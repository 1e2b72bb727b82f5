"""A hub for tests of the agent: a real HTTP server with the two routes, that checks what it is sent by itself."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qs

import msgspec
import uvicorn
from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from headwater.wire.agents import Answer, Question, Questions, Receipt
from headwater.wire.commitments import Root, Roots, Taken, minute_text, rebuilt


@dataclass
class FakeHub:
    """Holds open questions per carrier and the answers that came, octets and all."""

    keys: dict[str, Any] = field(default_factory=dict)
    """SPC -> registered public key."""
    open: dict[str, list[Question]] = field(default_factory=dict)
    posts: list[tuple[str, bytes]] = field(default_factory=list)
    """(SPC, octets) of every answer that was posted, also of those that got an error."""
    accepted: dict[str, bytes] = field(default_factory=dict)
    roots: dict[str, dict[str, str]] = field(default_factory=dict)
    """SPC -> minute -> signed root."""
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
        of_roots = scope["path"].endswith("/roots")
        action = "questions.read" if scope["method"] == "GET" else "roots.write" if of_roots else "answers.write"
        spc = self._signed_in(authorization.removeprefix("Bearer "), action, body)
        if not spc:
            return 401, b"not signed in"
        if scope["method"] == "GET":
            return await self._questions(spc, float(parse_qs(scope["query_string"].decode())["wait"][0]))
        return self._keep(spc, body) if of_roots else self._take(spc, body)

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

    async def _questions(self, spc: str, wait: float) -> tuple[int, bytes]:
        self.polls += 1
        if self.poll_errors:
            return self.poll_errors.pop(0)
        until = time.monotonic() + wait
        while not self.open.get(spc) and time.monotonic() < until:
            try:
                await asyncio.wait_for(self.asked.wait(), min(until - time.monotonic(), 0.1))
            except TimeoutError:
                continue
        return 200, msgspec.json.encode(Questions(questions=self.open.get(spc, [])))

    def _take(self, spc: str, body: bytes) -> tuple[int, bytes]:
        self.posts.append((spc, body))
        if self.errors:
            return self.errors.pop(0)
        payload = jws.deserialize_compact(body, self.keys[spc], algorithms=["ES256"]).payload
        answer = msgspec.json.decode(payload, type=Answer)
        before = self.accepted.get(answer.question_id)
        if before not in {None, body}:
            self.problems.append(f"{answer.question_id} answered twice with different octets")
            return 409, b"another answer is recorded"
        self.accepted[answer.question_id] = body
        if not self.keeps_open:
            self.open[spc] = [one for one in self.open.get(spc, []) if one.question_id != answer.question_id]
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

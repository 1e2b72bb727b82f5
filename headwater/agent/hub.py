"""The hub as the agent sees it: requests over HTTPS, each signed, each bounded."""

import ssl
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final, TypeVar

import httpx
import msgspec

from headwater import clock
from headwater.agent.config import Hub
from headwater.agent.keys import SigningKey
from headwater.errors import HeadwaterError, Unavailable
from headwater.wire.agents import Answers, Questions, Receipt, Result, Results
from headwater.wire.commitments import Roots, Taken
from headwater.wire.deposits import Deposited, DepositTerms
from headwater.wire.searches import Hits, HitsTaken

_Reply = TypeVar("_Reply", bound=msgspec.Struct)

MOST_OCTETS: Final = 4 * 1024 * 1024
"""Longest body taken from the hub: 2,000 questions are about 1 MB."""
TIMEOUT_S: Final = 15.0
ANSWERS: Final = "/api/agents/v1/answers"
BATCH: Final = "/api/agents/v1/answers/batch"
QUESTIONS: Final = "/api/agents/v1/questions"
ROOTS: Final = "/api/agents/v1/roots"
HITS: Final = "/api/agents/v1/hits"
TERMS: Final = "/api/agents/v1/deposit-terms"
DEPOSITS: Final = "/api/agents/v1/deposits"
_KINDS: Final = {ANSWERS: "application/jose", BATCH: "application/json", HITS: "application/json"}
MOST_ROOTS: Final = 200
"""Roots in one request: three hours and more."""

#: What will be no different when the same octets come again. A wrong signature in of ours (401, 403) is mended by an
#: operator or a clock, so it is tried again.
_FINAL: Final = frozenset({400, 404, 405, 409, 410, 413, 415, 422})


class HubAway(Unavailable):
    """The hub did not answer, or not usefully; the same request may work later."""


class AnswerRefused(HeadwaterError):
    """The hub will never take this answer; the message has its words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HubClient:
    """One carrier's way to the hub."""

    http: httpx.AsyncClient
    spc: str
    key: SigningKey
    wait_s: float

    async def questions(self, *, seen: Iterable[str] | None = None) -> Questions:
        """Wait for open questions and blind searches, at most ``wait_s``; return them, oldest first.

        ``seen``: the searches that are not wanted again; None where none is wanted at all.

        Raises:
            HubAway: no answer, or one that is no list of questions.
        """
        also = "" if seen is None else f"&seen={','.join(seen)}"
        status, body = await self._send(
            "GET", f"{QUESTIONS}?wait={self.wait_s:g}{also}", action="questions.read", body=b"", patience_s=self.wait_s
        )
        if status != HTTPStatus.OK:
            raise HubAway(f"hub answered {status} to the poll of {self.spc}: {_words(body)}")
        try:
            return msgspec.json.decode(body, type=Questions)
        except msgspec.MsgspecError as error:
            raise HubAway(f"hub sent no list of questions to {self.spc}: {error}") from error

    async def answer(self, jws: str) -> Receipt:
        """Hand in a signed answer; the same octets may be handed in again.

        Raises:
            AnswerRefused: the hub will not take it, now or later.
            HubAway: it may take it later.
        """
        return await self._post(ANSWERS, "answers.write", jws.encode(), "an answer", Receipt)

    async def answers(self, many: Sequence[str]) -> list[Receipt | AnswerRefused | HubAway]:
        """Hand in many signed answers at once; return what became of each, in their order.

        Raises:
            AnswerRefused: the hub takes no such request.
            HubAway: it may take them later.
        """
        body = msgspec.json.encode(Answers(answers=list(many)))
        said = await self._post(BATCH, "answers.write", body, "answers", Results)
        if len(said.results) != len(many):
            raise HubAway(f"hub said what became of {len(said.results)} answers of {self.spc}'s {len(many)}")
        return [_became(one) for one in said.results]

    async def publish(self, roots: Roots) -> Taken:
        """Hand in signed roots, oldest first; the same may be handed in again.

        Raises:
            AnswerRefused: the hub will not take them: another root stands for one of the minutes.
            HubAway: it may take them later.
        """
        return await self._post(ROOTS, "roots.write", msgspec.msgpack.encode(roots), "roots", Taken)

    async def hits(self, hits: Hits) -> HitsTaken:
        """Hand in what was found for blind searches.

        Raises:
            AnswerRefused: the hub will not take them.
            HubAway: it may take them later, while the searches are open.
        """
        return await self._post(HITS, "hits.write", msgspec.json.encode(hits), "hits", HitsTaken)

    async def deposit_terms(self) -> DepositTerms:
        """Return to whom deposits are sealed.

        Raises:
            HubAway: no answer, or none that can be used.
        """
        status, body = await self._send("GET", TERMS, action="terms.read", body=b"", patience_s=0)
        if status != HTTPStatus.OK:
            raise HubAway(f"hub answered {status} to {self.spc}, which asks to whom deposits go: {_words(body)}")
        try:
            return msgspec.json.decode(body, type=DepositTerms)
        except msgspec.MsgspecError as error:
            raise HubAway(f"hub did not say to {self.spc} to whom deposits go: {error}") from error

    async def deposit(self, octets: bytes) -> Deposited:
        """Hand in a sealed batch; the same octets may be handed in again.

        Raises:
            AnswerRefused: the hub will never take it.
            HubAway: it may take it later.
        """
        return await self._post(DEPOSITS, "deposits.write", octets, "a deposit", Deposited)

    async def _post(self, path: str, action: str, body: bytes, what: str, reply: type[_Reply]) -> _Reply:
        status, said = await self._send("POST", path, action=action, body=body, patience_s=0)
        if status in _FINAL:
            raise AnswerRefused(f"{status}: {_words(said)}")
        if status not in {HTTPStatus.OK, HTTPStatus.CREATED}:
            raise HubAway(f"hub answered {status} to {what} of {self.spc}: {_words(said)}")
        try:
            return msgspec.json.decode(said, type=reply)
        except msgspec.MsgspecError as error:
            raise HubAway(f"hub did not say what it took of {self.spc}'s {what}: {error}") from error

    async def _send(self, method: str, path: str, *, action: str, body: bytes, patience_s: float) -> tuple[int, bytes]:
        token = self.key.bearer(issuer=self.spc, action=action, body=body, now=clock.now())
        headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
        if body:
            headers["Content-Type"] = _KINDS.get(path, "application/msgpack")
        timeout = httpx.Timeout(TIMEOUT_S, read=TIMEOUT_S + patience_s)
        try:
            async with self.http.stream(method, path, headers=headers, content=body or None, timeout=timeout) as reply:
                said = bytearray()
                async for part in reply.aiter_bytes():
                    said += part
                    if len(said) > MOST_OCTETS:
                        raise HubAway(f"hub sent more than {MOST_OCTETS} octets to {self.spc}")
                return reply.status_code, bytes(said)
        except httpx.HTTPError as error:
            raise HubAway(f"hub {self.http.base_url} cannot be reached: {error or type(error).__name__}") from error


def client(hub: Hub) -> httpx.AsyncClient:
    """Return the connections to the hub, with its certificate checked.

    Raises:
        HubAway: the file of trusted authorities cannot be used.
    """
    try:
        trust = ssl.create_default_context(cafile=str(hub.ca_file) if hub.ca_file else None)
    except (OSError, ssl.SSLError) as error:
        raise HubAway(f"hub.ca_file {hub.ca_file} cannot be used: {error}") from error
    # A proxy of the environment is for the way out, not for a hub on this machine.
    return httpx.AsyncClient(base_url=hub.url, verify=trust, trust_env=not hub.is_loopback, follow_redirects=False)


def _became(one: Result) -> Receipt | AnswerRefused | HubAway:
    if one.receipt is not None:
        return one.receipt
    words = one.problem.detail if one.problem else "(no words)"
    return AnswerRefused(f"{one.status}: {words}") if one.status in _FINAL else HubAway(f"{one.status}: {words}")


def _words(body: bytes) -> str:
    return body[:500].decode("utf-8", "replace").strip() or "(no words)"

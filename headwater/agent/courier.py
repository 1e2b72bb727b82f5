"""Handing answers in: each until the hub acknowledges or finally refuses it, many in one request where many wait.

One request is under way at a time. What is decided meanwhile waits, and goes with the next: so a single answer leaves
at once, and the answers of an hour without the hub leave in a few requests. Each answer keeps its own signature,
journal line and receipt.
"""

import asyncio
import random
from collections.abc import Callable, Sequence
from typing import Final, Protocol

from headwater.agent.hub import AnswerRefused, HubAway
from headwater.wire.agents import Receipt

MOST_AT_ONCE: Final = 50
"""Answers in one request; the hub takes 100."""
MOST_OCTETS: Final = 1_500_000
FIRST_PAUSE_S: Final = 0.25
LONGEST_PAUSE_S: Final = 20.0


class Hub(Protocol):
    """What the courier needs of ``hub.HubClient``."""

    async def answer(self, jws: str) -> Receipt:
        """Hand one answer in."""

    async def answers(self, many: Sequence[str]) -> list[Receipt | AnswerRefused | HubAway]:
        """Hand many answers in."""


class Courier:
    """One carrier's."""

    def __init__(self, hub: Hub, away: Callable[[str], None], *, first_pause_s: float = FIRST_PAUSE_S) -> None:
        """``away`` is told why the hub could not be reached; the pause before it is tried again doubles each time."""
        self._hub, self._away, self._first_pause_s = hub, away, first_pause_s
        self._waiting: dict[str, asyncio.Future[Receipt]] = {}
        self._round: asyncio.Task[None] | None = None
        self._one_by_one = False
        """The hub knows no batches: an older one."""
        self._singly = 0
        """So many go alone, after a request of many failed: what one of them does must not keep the others here."""
        self.requests = 0
        """Requests that were made."""

    async def hand_in(self, jws: str) -> Receipt:
        """Return the hub's receipt of one signed answer, however long that takes.

        Raises:
            AnswerRefused: the hub will never take it.
        """
        found = self._waiting.get(jws)
        if found is None:
            found = self._waiting[jws] = asyncio.get_running_loop().create_future()
        if self._round is None or self._round.done():
            self._round = asyncio.create_task(self._go(), name="courier")
        return await asyncio.shield(found)

    async def close(self) -> None:
        """Stop; what waits stays in the journal."""
        if self._round is not None:
            self._round.cancel()
            await asyncio.gather(self._round, return_exceptions=True)
        for one in self._waiting.values():
            one.cancel()
        self._waiting.clear()

    async def _go(self) -> None:
        pause = self._first_pause_s
        while self._waiting:
            load = self._load()
            try:
                self.requests += 1
                came = await self._hand_over(load)
            except HubAway as error:
                self._away(str(error))
                self._put_back(load)
                await asyncio.sleep(pause * random.uniform(0.5, 1.5))  # noqa: S311 - spreads agents, keeps no secret
                pause = min(pause * 2, LONGEST_PAUSE_S)
                continue
            for jws, result in zip(load, came, strict=True):
                self._settle(jws, result)
            if any(isinstance(one, HubAway) for one in came):
                await asyncio.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE_S)
            else:
                pause = self._first_pause_s
                self._singly = max(0, self._singly - 1)

    def _put_back(self, load: list[str]) -> None:
        """Put what did not arrive behind the others; of a request of many each goes alone next."""
        self._singly = len(load) if len(load) > 1 else max(0, self._singly - 1)
        for jws in load:
            self._waiting[jws] = self._waiting.pop(jws)

    def _load(self) -> list[str]:
        """Return the answers of the next request, those that wait longest first."""
        load: list[str] = []
        octets = 0
        for jws in self._waiting:
            octets += len(jws) + 3
            if load and (self._one_by_one or self._singly or len(load) >= MOST_AT_ONCE or octets > MOST_OCTETS):
                break
            load.append(jws)
        return load

    async def _hand_over(self, load: list[str]) -> list[Receipt | AnswerRefused | HubAway]:
        if len(load) == 1:
            try:
                return [await self._hub.answer(load[0])]
            except AnswerRefused as error:
                return [error]
        try:
            return await self._hub.answers(load)
        except AnswerRefused as error:
            self._one_by_one = True
            raise HubAway(f"the hub takes no batch of answers: {error}") from error

    def _settle(self, jws: str, result: Receipt | AnswerRefused | HubAway) -> None:
        if isinstance(result, HubAway):
            self._away(str(result))
            self._waiting[jws] = self._waiting.pop(jws)  # behind the others
            return
        waiting = self._waiting.pop(jws)
        if waiting.done():
            return
        if isinstance(result, AnswerRefused):
            waiting.set_exception(result)
        else:
            waiting.set_result(result)

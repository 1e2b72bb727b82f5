"""How answers leave: at once where one waits, together where many do, and each by itself where something is wrong."""

import asyncio
from hashlib import sha256
from typing import Any

from headwater.agent.courier import MOST_AT_ONCE, Courier
from headwater.agent.hub import AnswerRefused, HubAway
from headwater.wire.agents import Receipt

Became = Receipt | AnswerRefused | HubAway


def receipt(jws: str) -> Receipt:
    return Receipt(receipt_id=jws, question_id="", received_at="", answer_sha256=sha256(jws.encode()).hexdigest())


class Hub:
    """Takes what it is handed, but for what the test says."""

    def __init__(self, **bad: Became) -> None:
        self.bad, self.sizes, self.down, self.old = bad, [], 0, False

    def became(self, jws: str) -> Became:
        return self.bad.get(jws) or receipt(jws)

    async def answer(self, jws: str) -> Receipt:
        [came] = await self._take([jws])
        if isinstance(came, Receipt):
            return came
        raise came

    async def answers(self, many: list[str]) -> list[Became]:
        if self.old:
            raise AnswerRefused("404: no such address")
        if any(isinstance(self.became(one), HubAway) for one in many) and "crash" in many:
            self.sizes.append(len(many))
            raise HubAway("500")
        return await self._take(many)

    async def _take(self, many: list[str]) -> list[Became]:
        self.sizes.append(len(many))
        await asyncio.sleep(0)
        if self.down:
            self.down -= 1
            raise HubAway("away")
        return [self.became(one) for one in many]


def handed(hub: Any, *answers: str, patience_s: float = 5.0) -> list[Any]:
    async def play() -> list[Any]:
        one = Courier(hub, lambda _problem: None, first_pause_s=0.001)
        try:
            work = (asyncio.wait_for(one.hand_in(jws), patience_s) for jws in answers)
            return await asyncio.gather(*work, return_exceptions=True)
        finally:
            await one.close()

    return asyncio.run(play())


def test_one_answer_leaves_alone_and_many_leave_together() -> None:
    hub = Hub()
    assert handed(hub, "a") == [receipt("a")]
    assert hub.sizes == [1]
    many = [str(number) for number in range(MOST_AT_ONCE + 20)]
    hub = Hub()
    assert handed(hub, *many) == [receipt(one) for one in many]
    assert hub.sizes == [MOST_AT_ONCE, 20]


def test_the_same_answer_handed_in_twice_is_one_and_both_get_its_receipt() -> None:
    hub = Hub()
    assert handed(hub, "a", "a", "b") == [receipt("a"), receipt("a"), receipt("b")]
    assert hub.sizes == [2]


def test_a_refused_answer_costs_its_neighbours_nothing() -> None:
    refused = AnswerRefused("409: recorded")
    assert handed(Hub(b=refused), "a", "b", "c") == [receipt("a"), refused, receipt("c")]


def test_after_an_hour_without_the_hub_all_leave_and_none_is_lost() -> None:
    hub = Hub()
    hub.down = 5
    assert handed(hub, "a", "b", "c") == [receipt("a"), receipt("b"), receipt("c")]


def test_an_answer_that_always_fails_keeps_no_other_here() -> None:
    """Whether the hub says so of the one, or falls over on the whole request."""
    for name in ("later", "crash"):
        hub = Hub(**{name: HubAway("503")})
        came = handed(hub, name, "a", "b", patience_s=0.5)
        assert isinstance(came[0], TimeoutError)
        assert came[1:] == [receipt("a"), receipt("b")]


def test_a_hub_that_knows_no_batches_gets_answers_one_by_one() -> None:
    hub = Hub()
    hub.old = True
    assert handed(hub, "a", "b", "c") == [receipt("a"), receipt("b"), receipt("c")]
    assert hub.sizes == [1, 1, 1]

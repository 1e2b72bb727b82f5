"""Plays of the engine: what happens, what it does, where that leaves the traceback. No I/O, no database."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Self

from headwater.tracebacks import engine
from headwater.tracebacks.commands import Ask, Close, Command, Escalate, Flag, Remind, Reopen
from headwater.tracebacks.states import Deadline, FlagKind, HopState
from headwater.tracebacks.trace import (
    Answered,
    Call,
    Cancelled,
    DeadlinePassed,
    Event,
    Hop,
    Opened,
    Party,
    Refused,
    Respondent,
    Statement,
    Trace,
    Viewed,
)
from headwater.wire.agents import AnswerCode
from tests.tracebacks.support import NOON


def provider(spc: str, *, by_agent: bool = True, country: str = "US") -> Respondent:
    return Respondent(
        provider_id=f"PR-{spc}",
        spc=spc,
        name=f"{spc.capitalize()} Voice",
        country=country,
        office_zone="America/New_York",
        by_agent=by_agent,
    )


ALDER, BIRCH, CEDAR, DOGWOOD = (provider(spc) for spc in ("ALDER", "BIRCH", "CEDAR", "DOGWOOD"))
PAPER = provider("PAPER", by_agent=False)
CALL = Call(calling="12025550123", called="15035550142", call_at=NOON - timedelta(minutes=2))


def party(who: Respondent) -> Party:
    return Party(spc=who.spc, name=who.name, country=who.country)


@dataclass
class Play:
    """One traceback from its opening; ``now`` moves on by 100 ms with every event unless it is told."""

    trace: Trace = field(default_factory=lambda: Trace(traceback_id="TB-PLAY"))
    now: datetime = NOON
    done: list[Command] = field(default_factory=list)
    last: tuple[Command, ...] = ()
    events: list[tuple[Event, datetime]] = field(default_factory=list)
    answers: int = 0

    def sees(self, event: Event) -> Self:
        self.now += timedelta(milliseconds=100)
        self.trace, self.last = engine.step(self.trace, event, self.now)
        self.events.append((event, self.now))
        self.done += self.last
        return self

    def opens(self, at: Respondent = ALDER) -> Self:
        return self.sees(Opened(call=CALL, terminating=at))

    def hop(self, who: Respondent) -> Hop:
        """The newest question to ``who``, standing or not."""
        return [hop for hop in self.trace.hops if hop.respondent.spc == who.spc][-1]

    def statement(
        self, who: Respondent, code: AnswerCode, upstream: Respondent | Party | None, more: dict
    ) -> Statement:
        self.answers += 1
        call = self.hop(who).call
        said = Statement(
            answer_id=f"RC-{self.answers}",
            code=code,
            upstream=party(upstream) if isinstance(upstream, Respondent) else upstream,
            respondent=upstream
            if isinstance(upstream, Respondent) and code is not AnswerCode.UPSTREAM_FOREIGN
            else None,
            ingress=replace(call, call_id=f"into-{who.spc}") if code is not AnswerCode.RECORD_NOT_FOUND else None,
            matched_at=call.call_at,
            record=f"record-{who.spc}",
            answered_at=self.now,
            received_at=self.now,
        )
        return replace(said, **more)

    def answers_with(
        self, who: Respondent, code: AnswerCode, upstream: Respondent | Party | None = None, **more: object
    ) -> Self:
        said = self.statement(who, code, upstream, more)
        return self.sees(Answered(question_id=self.hop(who).question_id, statement=said))

    def names(self, who: Respondent, upstream: Respondent, **more: object) -> Self:
        return self.answers_with(who, AnswerCode.UPSTREAM_US, upstream, **more)

    def originated(self, who: Respondent) -> Self:
        return self.answers_with(who, AnswerCode.ORIGINATED)

    def lapses(self, who: Respondent, deadline: Deadline) -> Self:
        hop = self.hop(who)
        due = {
            Deadline.PLATFORM: hop.platform_due_at,
            Deadline.LEGAL: hop.legal_due_at,
            Deadline.FINAL: hop.final_due_at,
        }[deadline]
        self.now = max(self.now, due)
        return self.sees(DeadlinePassed(question_id=hop.question_id, deadline=deadline))

    def goes_silent(self, who: Respondent) -> Self:
        for deadline in (Deadline.PLATFORM, Deadline.LEGAL, Deadline.FINAL):
            self.lapses(who, deadline)
        return self

    def views(self, who: Respondent) -> Self:
        return self.sees(Viewed(question_id=self.hop(who).question_id, seen_at=self.now))

    def cancels(self) -> Self:
        return self.sees(Cancelled(by="user:dana", reason="wrong call"))

    def does(self, *kinds: type[Command]) -> Self:
        """Check the commands of the last event by kind, in order."""
        assert tuple(type(command) for command in self.last) == kinds, self.last
        return self

    def asks(self, who: Respondent) -> Self:
        asked = [self.trace.hop(command.question_id) for command in self.last if isinstance(command, Ask)]
        assert [hop.respondent.spc for hop in asked if hop] == [who.spc], self.last
        return self

    def flags(self, who: Respondent, kind: FlagKind) -> Self:
        found = [
            command
            for command in self.last
            if isinstance(command, Flag) and command.kind is kind and self._of(command.question_id) == who.spc
        ]
        assert found, self.last
        return self

    def _of(self, question_id: str) -> str:
        hop = self.trace.hop(question_id)
        return hop.respondent.spc if hop else ""

    def ends(self, state: object, grade: object) -> Self:
        assert (self.trace.state, self.trace.grade) == (state, grade), self.trace
        assert isinstance(self.last[-1], Close)
        return self

    def stands(self, who: Respondent, state: HopState) -> Self:
        assert self.hop(who).state is state
        return self

    def path(self) -> list[str]:
        return [hop.respondent.spc for hop in self.trace.path]


__all__ = ["ALDER", "BIRCH", "CEDAR", "DOGWOOD", "PAPER", "Escalate", "Play", "Refused", "Remind", "Reopen", "party"]

"""Trace forward: who serves a call-back number, and whose customer has it. One event in, a new trace out. Pure.

The other direction of a traceback (ITG Policies and Procedures: "find the VSP that serves the call-back DID and ask who
its customer is"). It begins with pointers: the holder of the number's block, the responsible organisation of a
toll-free number, carriers whose records show where they hand calls to it. All that are pointed at are asked at once;
each answer serves the number itself or points on. Two independent sources must meet before anything is confirmed.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Final

from headwater.errors import Conflict, Invalid
from headwater.labels import Labelled
from headwater.tracebacks.clocks import DEFAULT_READINGS, Readings, legal_clock
from headwater.tracebacks.trace import Party, Respondent
from headwater.wire.forward import ForwardCode

VERSION: Final = "forward-1"
#: Providers that one number is followed over at most: ported and resold more often than this is an error.
MOST_ASKED: Final = 16


class ForwardError(Conflict):
    """The event does not fit the trace: the mistake is on our side."""


class ForwardAnswerError(Invalid):
    """The answer is impossible: it is refused."""


class ForwardState(Labelled):
    """Where a trace forward stands."""

    SUBMITTED = "submitted", "Submitted"
    IN_PROGRESS = "in_progress", "In progress"
    COMPLETED_SERVING = "completed_serving", "Completed: serving provider found"
    ENDED_FOREIGN = "ended_foreign", "Ended: the number is served abroad"
    ENDED_NOT_SERVED = "ended_not_served", "Ended: nobody who was asked serves it"
    ENDED_NON_RESPONSIVE = "ended_non_responsive", "Ended: no response"
    ENDED_UNREACHABLE = "ended_unreachable", "Ended: the next provider cannot be asked"
    ENDED_DISPUTED = "ended_disputed", "Ended: disputed"
    CANCELLED = "cancelled", "Cancelled"


class ForwardMove(StrEnum):
    """What can happen to a trace forward."""

    ASK = "ask"
    FIND_SERVER = "find_server"
    LEAVE_COUNTRY = "leave_country"
    FIND_NOBODY = "find_nobody"
    MISS_RESPONSE = "miss_response"
    MISS_PROVIDER = "miss_provider"
    MEET_DISPUTE = "meet_dispute"
    CANCEL = "cancel"


class ForwardGrade(Labelled):
    """What the outcome says."""

    NONE = "", "No outcome yet"
    SERVER_CONFIRMED = "server_confirmed", "Serving provider confirmed"
    SERVER_STATED = "server_stated", "Serving provider by its own statement"
    SERVER_NAMED = "server_named", "Serving provider named by others"
    UNKNOWN = "unknown", "Serving provider not known"


#: Codes that name the next provider.
POINTS_ON: Final = frozenset({ForwardCode.RESOLD, ForwardCode.PORTED, ForwardCode.ROUTED})

_S, _M = ForwardState, ForwardMove
_ENDINGS: Final[dict[ForwardMove, ForwardState]] = {
    _M.FIND_SERVER: _S.COMPLETED_SERVING,
    _M.LEAVE_COUNTRY: _S.ENDED_FOREIGN,
    _M.FIND_NOBODY: _S.ENDED_NOT_SERVED,
    _M.MISS_RESPONSE: _S.ENDED_NON_RESPONSIVE,
    _M.MISS_PROVIDER: _S.ENDED_UNREACHABLE,
    _M.MEET_DISPUTE: _S.ENDED_DISPUTED,
}
#: A late answer or a correction opens it again or ends it otherwise.
FORWARD_TRANSITIONS: Final[dict[ForwardState, dict[ForwardMove, ForwardState]]] = {
    _S.SUBMITTED: {_M.ASK: _S.IN_PROGRESS, _M.MISS_PROVIDER: _S.ENDED_UNREACHABLE},
    _S.IN_PROGRESS: {_M.ASK: _S.IN_PROGRESS, **_ENDINGS, _M.CANCEL: _S.CANCELLED},
    **{ended: {_M.ASK: _S.IN_PROGRESS, **_ENDINGS} for ended in _ENDINGS.values()},
    _S.CANCELLED: {},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Pointer:
    """Why a provider is asked: who or what points at it."""

    to: Respondent
    source: str
    """In words: ``number block registry``, ``responsible organisation``, or the provider that named it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One provider's answer in force."""

    code: ForwardCode
    party: Party | None = None
    """Whom it names, with RESOLD, PORTED and ROUTED."""
    respondent: Respondent | None = None
    """The same where it is in the register."""
    note: str = ""
    answer_id: str = ""
    """Record of the answer: a letter, a mail, a signed message."""
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One provider that was asked."""

    respondent: Respondent
    sources: tuple[str, ...]
    """Everything that points at it, each once, in order."""
    asked_at: datetime
    due_at: datetime
    answers: tuple[Said, ...] = ()
    lapsed: bool = False

    @property
    def said(self) -> Said | None:
        """The answer in force: the last."""
        return self.answers[-1] if self.answers else None

    @property
    def waiting(self) -> bool:
        """Tell whether its answer is still awaited."""
        return not self.answers and not self.lapsed


@dataclass(frozen=True, slots=True, kw_only=True)
class ForwardTrace:
    """One number being traced forward, as its events have made it."""

    number: str
    state: ForwardState = ForwardState.SUBMITTED
    grade: ForwardGrade = ForwardGrade.NONE
    server: Respondent | None = None
    """Set with the grade *serving provider confirmed* and with no other."""
    outcome: str = ""
    asked: tuple[Asked, ...] = ()
    readings: Readings = DEFAULT_READINGS

    def of(self, provider_id: str) -> Asked | None:
        """Return one provider that was asked, or None."""
        return next((one for one in self.asked if one.respondent.provider_id == provider_id), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class ForwardOpened:
    """A trace forward begins at what points at a provider."""

    number: str
    pointers: tuple[Pointer, ...]
    by: str = ""
    readings: Readings = DEFAULT_READINGS


@dataclass(frozen=True, slots=True, kw_only=True)
class ForwardAnswered:
    """A provider answered: for the first time, late, or with a correction."""

    provider_id: str
    said: Said


@dataclass(frozen=True, slots=True, kw_only=True)
class ForwardLapsed:
    """The due time of a provider's answer passed."""

    provider_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ForwardCancelled:
    """A person called it off."""

    by: str
    reason: str


ForwardEvent = ForwardOpened | ForwardAnswered | ForwardLapsed | ForwardCancelled


def move(state: ForwardState, by: ForwardMove) -> ForwardState:
    """Look one pair up in the table.

    Raises:
        ForwardError: the pair is not in it.
    """
    try:
        return FORWARD_TRANSITIONS[state][by]
    except KeyError:
        raise ForwardError(f"a trace forward that is {state.value!r} cannot {by.value!r}") from None


def step(trace: ForwardTrace, event: ForwardEvent, now: datetime) -> ForwardTrace:
    """Advance one trace forward by one event. Whoever stands in it newly and waits is to be asked.

    Raises:
        ForwardAnswerError: the answer is impossible.
        ForwardError: the event does not fit the trace.
    """
    match event:
        case ForwardOpened():
            return _open(trace, event, now)
        case ForwardAnswered():
            return _answer(trace, event, now)
        case ForwardLapsed():
            return _lapse(trace, event, now)
        case ForwardCancelled():
            return replace(trace, state=move(trace.state, _M.CANCEL))


def fold(number: str, events: Iterable[tuple[ForwardEvent, datetime]]) -> ForwardTrace:
    """Build the trace again from its events."""
    trace = ForwardTrace(number=number)
    for event, at in events:
        trace = step(trace, event, at)
    return trace


def _open(trace: ForwardTrace, event: ForwardOpened, now: datetime) -> ForwardTrace:
    if trace.asked or trace.state is not ForwardState.SUBMITTED:
        raise ForwardError("the trace forward is open already")
    trace = replace(trace, number=event.number, readings=event.readings)
    for pointer in event.pointers:
        trace = _point(trace, pointer.to, pointer.source, now)
    if not trace.asked:
        sentence = "No registry and no carrier names a provider of the number."
        return replace(trace, state=move(trace.state, _M.MISS_PROVIDER), grade=ForwardGrade.UNKNOWN, outcome=sentence)
    return replace(trace, state=move(trace.state, _M.ASK))


def _point(trace: ForwardTrace, to: Respondent, source: str, now: datetime) -> ForwardTrace:
    """Ask a provider, or note one more source that points at one that was asked."""
    known = trace.of(to.provider_id)
    if known is not None:
        return _with(trace, replace(known, sources=tuple(dict.fromkeys((*known.sources, source)))))
    if len(trace.asked) >= MOST_ASKED:
        return trace
    due = legal_clock(now, to.office_zone, trace.readings).due_at
    return replace(trace, asked=(*trace.asked, Asked(respondent=to, sources=(source,), asked_at=now, due_at=due)))


def _with(trace: ForwardTrace, changed: Asked) -> ForwardTrace:
    same = changed.respondent.provider_id
    return replace(trace, asked=tuple(changed if one.respondent.provider_id == same else one for one in trace.asked))


def _standing(trace: ForwardTrace, provider_id: str) -> Asked:
    found = trace.of(provider_id)
    if found is None:
        raise ForwardError(f"{provider_id} was never asked about the number")
    return found


def _answer(trace: ForwardTrace, event: ForwardAnswered, now: datetime) -> ForwardTrace:
    if trace.state is ForwardState.CANCELLED:
        raise ForwardError("the trace forward was called off")
    asked, said = _standing(trace, event.provider_id), event.said
    _check(asked, said, now)
    name = asked.respondent.name
    if asked.said is not None and asked.said.respondent is not None:
        trace = _forget(trace, asked.said.respondent.provider_id, name)
        asked = _standing(trace, event.provider_id)
    trace = _with(trace, replace(asked, answers=(*asked.answers, said)))
    if said.code in POINTS_ON and said.respondent is not None:
        trace = _point(trace, said.respondent, name, now)
    return _settle(trace)


def _forget(trace: ForwardTrace, provider_id: str, source: str) -> ForwardTrace:
    """Take a pointer back that a correction no longer gives; whom nothing points at any more leaves the trace."""
    known = trace.of(provider_id)
    if known is None:
        return trace
    sources = tuple(one for one in known.sources if one != source)
    if sources or known.answers:
        return _with(trace, replace(known, sources=sources))
    return replace(trace, asked=tuple(one for one in trace.asked if one is not known))


def _check(asked: Asked, said: Said, now: datetime) -> None:
    name = asked.respondent.name
    if said.code in POINTS_ON and said.party is None:
        raise ForwardAnswerError(f"{said.code} must name the provider that the number or its calls went to")
    if said.code not in POINTS_ON and said.party is not None:
        raise ForwardAnswerError(f"{said.code} names no other provider, but {said.party.title} is named")
    if said.party and said.party.spc and said.party.spc == asked.respondent.spc:
        raise ForwardAnswerError(f"{name} names itself: answer SERVES where its own customer has the number")
    if said.at > now:
        raise ForwardAnswerError("answered in the future")


def _lapse(trace: ForwardTrace, event: ForwardLapsed, now: datetime) -> ForwardTrace:
    asked = _standing(trace, event.provider_id)
    if not asked.waiting or now < asked.due_at or trace.state is not ForwardState.IN_PROGRESS:
        raise ForwardError(f"nothing has run out at {asked.respondent.name}")
    return _settle(_with(trace, replace(asked, lapsed=True)))


def _settle(trace: ForwardTrace) -> ForwardTrace:
    """Bring state, grade and sentence in line with the answers."""
    if any(one.waiting for one in trace.asked):
        going = move(trace.state, _M.ASK)
        return replace(trace, state=going, grade=ForwardGrade.NONE, server=None, outcome="")
    by, grade, sentence, server = _outcome(trace)
    return replace(trace, state=move(trace.state, by), grade=grade, outcome=sentence, server=server)


def _outcome(trace: ForwardTrace) -> tuple[ForwardMove, ForwardGrade, str, Respondent | None]:
    serving = [one for one in trace.asked if one.said and one.said.code is ForwardCode.SERVES]
    if len(serving) > 1:
        names = " and ".join(one.respondent.name for one in serving)
        return _M.MEET_DISPUTE, ForwardGrade.UNKNOWN, f"{names} each state that they serve the number.", None
    if serving:
        return _served(trace, serving[0])
    return _not_served(trace)


def _served(trace: ForwardTrace, one: Asked) -> tuple[ForwardMove, ForwardGrade, str, Respondent | None]:
    name = one.respondent.name
    rivals = [
        other
        for other in trace.asked
        if other is not one
        and other.said
        and other.said.code in {ForwardCode.PORTED, ForwardCode.RESOLD}
        and other.said.respondent != one.respondent
        and _ends_elsewhere(trace, other, one)
    ]
    if rivals:
        said = rivals[0].said
        to = said.party.title if said and said.party else "another"
        sentence = f"{name} states that it serves the number; {rivals[0].respondent.name} states that it went to {to}."
        return _M.MEET_DISPUTE, ForwardGrade.UNKNOWN, sentence, None
    if one.sources:
        sources = " and ".join(one.sources)
        sentence = f"{name} states that a customer of its own has the number; {sources} independently points at it."
        return _M.FIND_SERVER, ForwardGrade.SERVER_CONFIRMED, sentence, one.respondent
    sentence = f"{name} states that a customer of its own has the number; nothing else points at it any more."
    return _M.FIND_SERVER, ForwardGrade.SERVER_STATED, sentence, None


def _ends_elsewhere(trace: ForwardTrace, start: Asked, server: Asked) -> bool:
    """Tell whether the chain of names from ``start`` ends at somebody other than ``server``."""
    seen, here = set[str](), start
    while here.respondent.provider_id not in seen:
        seen.add(here.respondent.provider_id)
        if here is server:
            return False
        onward = here.said.respondent if here.said and here.said.code in POINTS_ON else None
        found = trace.of(onward.provider_id) if onward else None
        if found is None:
            return True
        here = found
    return True


def _not_served(trace: ForwardTrace) -> tuple[ForwardMove, ForwardGrade, str, Respondent | None]:
    named = [one for one in trace.asked if one.said and one.said.code in POINTS_ON and one.said.party]
    for one in named:
        said = one.said
        party = said.party if said else None
        if said is None or party is None or said.respondent is not None:
            continue
        if party.country != "US":
            sentence = f"{one.respondent.name} states that the number is served by {party.title} ({party.country})."
            return _M.LEAVE_COUNTRY, ForwardGrade.SERVER_NAMED, sentence, None
        sentence = f"{one.respondent.name} names {party.title}, which is in no register of ours."
        return _M.MISS_PROVIDER, ForwardGrade.SERVER_NAMED, sentence, None
    silent = [one for one in trace.asked if not one.answers or (one.said and one.said.code is ForwardCode.DECLINED)]
    if silent:
        one = silent[-1]
        how = "has declined to answer" if one.said else "has not answered"
        sentence = f"{' and '.join(one.sources)} points at {one.respondent.name}, which {how}."
        return _M.MISS_RESPONSE, ForwardGrade.SERVER_NAMED, sentence, None
    if named:
        names = ", ".join(one.respondent.name for one in named)
        sentence = f"The names that {names} give lead to no provider that says it serves the number."
        return _M.MEET_DISPUTE, ForwardGrade.UNKNOWN, sentence, None
    empty = next((one for one in trace.asked if one.said and one.said.code is ForwardCode.NOT_IN_SERVICE), None)
    sentence = (
        f"{empty.respondent.name} holds the number and states that it is assigned to nobody."
        if empty
        else "Nobody who was asked serves the number."
    )
    return _M.FIND_NOBODY, ForwardGrade.UNKNOWN, sentence, None

"""The traceback engine: one event in; a new trace, and what is to be done, out. No I/O, no clock of its own.

Rule 1 (after h11): everything that decides a state or a change of state lives in this file. The two tables are
the whole of it; an illegal pair raises and changes nothing. docs/reference/traceback-engine.md is drawn from them.
Whose fault it is has two classes of errors: ``ProviderError`` (their answer is impossible) and ``TracebackError``
(we asked wrongly, or about something that no longer stands).
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from enum import StrEnum

from headwater.errors import Conflict
from headwater.tracebacks.checks import ProviderError, check
from headwater.tracebacks.clocks import after_business_time, legal_clock
from headwater.tracebacks.outcomes import NOT_FOUND, PASSED_ON, code, conclude, proven
from headwater.tracebacks.states import Deadline, FlagKind, Grade, HopState, TracebackState
from headwater.tracebacks.trace import (
    Answered,
    Ask,
    Call,
    Cancelled,
    Close,
    Command,
    DeadlinePassed,
    Escalate,
    Event,
    Flag,
    Hop,
    Opened,
    Refused,
    Remind,
    Reopen,
    Respondent,
    Statement,
    Terms,
    Trace,
    Viewed,
    question_id,
)
from headwater.wire.agents import AnswerCode

#: Kept with every traceback: which rules made it.
VERSION = "engine-1"
#: Longest path that is walked (traceback model, section 3.4).
MAX_HOPS = 12
#: Search windows each way in seconds, first and after each NEED_INFO: at the terminating provider, where an app saw
#: the call, and further up, where the downstream's own record gives the time.
WINDOWS_TERMINATING = (60, 300, 900)
WINDOWS_UPSTREAM = (30, 120, 600)

Result = tuple[Trace, tuple[Command, ...]]

__all__ = ["HOP_TRANSITIONS", "TRACEBACK_TRANSITIONS", "VERSION", "ProviderError", "TracebackError", "fold", "step"]


class TracebackError(Conflict):
    """The question does not stand, or the event does not fit the state: the mistake is on our side."""


class Move(StrEnum):
    """What can happen to a traceback."""

    ASK = "ask"
    FIND_ORIGIN = "find_origin"
    REACH_BORDER = "reach_border"
    MISS_RECORD = "miss_record"
    MISS_RESPONSE = "miss_response"
    MISS_PROVIDER = "miss_provider"
    MEET_DISPUTE = "meet_dispute"
    CANCEL = "cancel"


class HopMove(StrEnum):
    """What can happen to a hop."""

    VIEW = "view"
    ANSWER = "answer"
    NEED_INFO = "need_info"
    DISPUTE = "dispute"
    RESOLVE = "resolve"
    PASS_PLATFORM_TARGET = "pass_platform_target"  # noqa: S105 - a move, not a secret
    PASS_LEGAL_DUE = "pass_legal_due"  # noqa: S105 - a move, not a secret
    PASS_FINAL_DUE = "pass_final_due"  # noqa: S105 - a move, not a secret


_S, _H, _M = TracebackState, HopState, HopMove
_ENDINGS: dict[Move, TracebackState] = {
    Move.FIND_ORIGIN: _S.COMPLETED_ORIGINATING,
    Move.REACH_BORDER: _S.ENDED_FOREIGN,
    Move.MISS_RECORD: _S.ENDED_RECORD_NOT_FOUND,
    Move.MISS_RESPONSE: _S.ENDED_NON_RESPONSIVE,
    Move.MISS_PROVIDER: _S.ENDED_UNREACHABLE,
    Move.MEET_DISPUTE: _S.ENDED_DISPUTED,
}
#: An ended traceback goes on when a late answer or a correction comes: it asks again or ends otherwise.
_AGAIN: dict[Move, TracebackState] = {Move.ASK: _S.IN_PROGRESS, **_ENDINGS}

TRACEBACK_TRANSITIONS: dict[TracebackState, dict[Move, TracebackState]] = {
    _S.SUBMITTED: {Move.ASK: _S.IN_PROGRESS},
    _S.IN_PROGRESS: {Move.ASK: _S.IN_PROGRESS, **_ENDINGS, Move.CANCEL: _S.CANCELLED},
    **dict.fromkeys(_ENDINGS.values(), _AGAIN),
    _S.CANCELLED: {},
}

_ANSWERS: dict[HopMove, HopState] = {_M.ANSWER: _H.ANSWERED, _M.NEED_INFO: _H.NEEDS_INFO}
_ANSWERS_LATE: dict[HopMove, HopState] = {_M.ANSWER: _H.ANSWERED_LATE, _M.NEED_INFO: _H.NEEDS_INFO}

HOP_TRANSITIONS: dict[HopState, dict[HopMove, HopState]] = {
    _H.NOTIFIED: {
        **_ANSWERS,
        _M.VIEW: _H.VIEWED,
        _M.PASS_PLATFORM_TARGET: _H.NOTIFIED,
        _M.PASS_LEGAL_DUE: _H.OVERDUE,
    },
    _H.VIEWED: {**_ANSWERS, _M.VIEW: _H.VIEWED, _M.PASS_PLATFORM_TARGET: _H.VIEWED, _M.PASS_LEGAL_DUE: _H.OVERDUE},
    _H.ANSWERED: {**_ANSWERS, _M.VIEW: _H.ANSWERED, _M.DISPUTE: _H.DISPUTED},
    _H.NEEDS_INFO: {**_ANSWERS, _M.VIEW: _H.NEEDS_INFO},
    _H.DISPUTED: {**_ANSWERS, _M.VIEW: _H.DISPUTED, _M.DISPUTE: _H.DISPUTED, _M.RESOLVE: _H.ANSWERED},
    _H.OVERDUE: {**_ANSWERS_LATE, _M.VIEW: _H.OVERDUE, _M.PASS_FINAL_DUE: _H.NON_RESPONSIVE},
    _H.NON_RESPONSIVE: {**_ANSWERS_LATE, _M.VIEW: _H.NON_RESPONSIVE},
    _H.ANSWERED_LATE: {**_ANSWERS_LATE, _M.VIEW: _H.ANSWERED_LATE, _M.DISPUTE: _H.DISPUTED},
}


def step(trace: Trace, event: Event, now: datetime) -> Result:
    """Advance one traceback by one event that happened at ``now``.

    Raises:
        ProviderError: the answer is impossible.
        TracebackError: the event does not fit the trace.
    """
    match event:
        case Opened():
            return _open(trace, event, now)
        case Viewed():
            return _view(trace, event)
        case Answered():
            return _answer(trace, event, now)
        case DeadlinePassed():
            return _lapse(trace, event, now)
        case Cancelled():
            return _cancel(trace, now)
        case Refused():
            _standing(trace, event.question_id)
            return trace, ()


def fold(traceback_id: str, events: Iterable[tuple[Event, datetime]]) -> Trace:
    """Build the trace again from its events."""
    trace = Trace(traceback_id=traceback_id)
    for event, at in events:
        trace, _commands = step(trace, event, at)
    return trace


def move(state: TracebackState, by: Move) -> TracebackState:
    """Look one pair up in the table of tracebacks."""
    try:
        return TRACEBACK_TRANSITIONS[state][by]
    except KeyError:
        raise TracebackError(f"a traceback that is {state.value!r} cannot {by.value!r}") from None


def move_hop(state: HopState, by: HopMove) -> HopState:
    """Look one pair up in the table of hops."""
    try:
        return HOP_TRANSITIONS[state][by]
    except KeyError:
        raise TracebackError(f"a hop that is {state.value!r} cannot {by.value!r}") from None


def _standing(trace: Trace, asked: str) -> Hop:
    hop = trace.hop(asked)
    if hop is None:
        raise TracebackError(f"{trace.traceback_id} never asked {asked}")
    return hop


def _with(trace: Trace, changed: Hop) -> Trace:
    hops = tuple(changed if hop.question_id == changed.question_id else hop for hop in trace.hops)
    return replace(trace, hops=hops)


def _open(trace: Trace, event: Opened, now: datetime) -> Result:
    if trace.hops:
        raise TracebackError(f"{trace.traceback_id} is open already")
    state = move(trace.state, Move.ASK)
    trace = replace(trace, terms=event.terms, state=state)
    return _ask(trace, respondent=event.terminating, call=event.call, downstream=None, now=now)


def _view(trace: Trace, event: Viewed) -> Result:
    hop = _standing(trace, event.question_id)
    state = move_hop(hop.state, HopMove.VIEW)
    return _with(trace, replace(hop, state=state, viewed_at=hop.viewed_at or event.seen_at)), ()


def _cancel(trace: Trace, now: datetime) -> Result:
    state = move(trace.state, Move.CANCEL)
    trace = replace(trace, state=state, closed_at=now)
    return trace, (Close(state=state, grade=trace.grade),)


# -- asking


def _due(respondent: Respondent, terms: Terms, now: datetime) -> tuple[datetime, datetime, datetime]:
    """Return legal, platform and final due time of a question asked ``now``."""
    legal = legal_clock(now, respondent.office_zone, terms.readings).due_at
    if respondent.by_agent:
        platform = now + timedelta(seconds=terms.agent_target_s)
    else:
        running = timedelta(minutes=terms.pages_target_minutes)
        platform = after_business_time(now, respondent.office_zone, running, terms.readings)
    return legal, platform, legal_clock(legal, respondent.office_zone, terms.readings).due_at


def _ask(  # noqa: PLR0913 - one argument a fact of the question, each by name
    trace: Trace, *, respondent: Respondent, call: Call, downstream: Hop | None, now: datetime, widened: int = 0
) -> Result:
    index = downstream.index + 1 if downstream else 1
    asked_here = [
        hop for hop in trace.hops if (hop.index, hop.respondent.provider_id) == (index, respondent.provider_id)
    ]
    windows = WINDOWS_UPSTREAM if downstream else WINDOWS_TERMINATING
    legal, platform, final = _due(respondent, trace.terms, now)
    hop = Hop(
        question_id=question_id(trace.traceback_id, len(trace.hops) + 1),
        index=index,
        attempt=len(asked_here) + 1,
        widened=widened,
        window_s=windows[widened],
        respondent=respondent,
        downstream=downstream.question_id if downstream else "",
        call=call,
        asked_at=now,
        legal_due_at=legal,
        platform_due_at=platform,
        final_due_at=final,
    )
    return replace(trace, hops=(*trace.hops, hop)), (Ask(question_id=hop.question_id),)


def _ask_again(trace: Trace, hop: Hop, now: datetime) -> Result:
    """Replace a question by a wider one to the same provider."""
    windows = WINDOWS_UPSTREAM if hop.downstream else WINDOWS_TERMINATING
    trace = _withdraw_above(trace, hop, now)
    trace, commands = _ask(
        trace,
        respondent=hop.respondent,
        call=hop.call,
        downstream=trace.hop(hop.downstream) if hop.downstream else None,
        now=now,
        widened=min(hop.widened + 1, len(windows) - 1),
    )
    replaced = replace(hop, withdrawn_at=now, replaced_by=trace.hops[-1].question_id)
    return _with(trace, replaced), commands


def _withdraw_above(trace: Trace, hop: Hop, now: datetime) -> Trace:
    """Take every question upstream of ``hop`` off the path: what named it no longer stands."""
    hops = tuple(
        replace(other, withdrawn_at=now) if other.live and other.index > hop.index else other for other in trace.hops
    )
    return replace(trace, hops=hops)


# -- answers


def _answer(trace: Trace, event: Answered, now: datetime) -> Result:
    hop, said = _standing(trace, event.question_id), event.statement
    if trace.state is TracebackState.CANCELLED:
        raise TracebackError(f"{trace.traceback_id} was called off; nothing is to be answered any more")
    if not hop.live:
        instead = f"; answer {hop.replaced_by} instead" if hop.replaced_by else ""
        raise TracebackError(f"the question {hop.question_id} was withdrawn{instead}")
    check(trace, hop, said, now)
    state = move_hop(hop.state, HopMove.NEED_INFO if said.code is AnswerCode.NEED_INFO else HopMove.ANSWER)
    before = hop.statement
    hop = replace(hop, state=state, statements=(*hop.statements, said), answered_at=hop.answered_at or said.received_at)
    trace = _with(trace, hop)
    if before is not None and _leads_to(before) == _leads_to(said):
        return _settle(trace, now, cause=hop)
    if before is not None and before.code is AnswerCode.NOT_OURS:
        trace = _resolve(trace, hop)
    trace = _withdraw_above(trace, hop, now)
    trace, commands = _follow(trace, hop, said, now)
    trace, settled = _settle(trace, now, cause=hop)
    return trace, (*_flags(hop, said), *commands, *settled)


def _leads_to(said: Statement) -> tuple[object, ...]:
    """What of a statement the walk depends on: a correction that keeps it changes no question."""
    return said.code, said.upstream, said.respondent, said.ingress, said.record


def _follow(trace: Trace, hop: Hop, said: Statement, now: datetime) -> Result:
    """Ask whom the answer leads to, if anybody."""
    if said.code in PASSED_ON and said.respondent is not None and hop.index < MAX_HOPS:
        return _ask(trace, respondent=said.respondent, call=said.ingress or hop.call, downstream=hop, now=now)
    if said.code is AnswerCode.NEED_INFO and hop.widened < len(WINDOWS_UPSTREAM) - 1:
        return _ask_again(trace, hop, now)
    if said.code is AnswerCode.NOT_OURS and hop.downstream:
        return _dispute(trace, hop, now)
    return trace, ()


def _dispute(trace: Trace, hop: Hop, now: datetime) -> Result:
    """Return the call to the hop that named ``hop``: once; the second time the dispute stands."""
    named_by = _standing(trace, hop.downstream)
    disputed_before = any(
        other.state is HopState.DISPUTED
        and other.index == named_by.index
        and other.respondent.provider_id == named_by.respondent.provider_id
        for other in trace.hops
    )
    named_by = replace(named_by, state=move_hop(named_by.state, HopMove.DISPUTE))
    trace = _with(trace, named_by)
    if disputed_before:
        return trace, ()
    return _ask_again(trace, named_by, now)


def _resolve(trace: Trace, hop: Hop) -> Trace:
    """Take back the dispute that ``hop`` raised by a denial which it has now corrected."""
    named_by = trace.hop(hop.downstream)
    if named_by is None or named_by.state is not HopState.DISPUTED:
        return trace
    return _with(trace, replace(named_by, state=move_hop(named_by.state, HopMove.RESOLVE)))


def _flags(hop: Hop, said: Statement) -> tuple[Command, ...]:
    if said.code is AnswerCode.DECLINED:
        return (Flag(question_id=hop.question_id, kind=FlagKind.DECLINED, detail=said.note),)
    if said.code is AnswerCode.NOT_OURS and hop.downstream:
        detail = f"{hop.respondent.name} denies the call that {hop.downstream} says came from it"
        return tuple(
            Flag(question_id=asked, kind=FlagKind.CONTRADICTED, detail=detail)
            for asked in (hop.question_id, hop.downstream)
        )
    return ()


# -- clocks


def _lapse(trace: Trace, event: DeadlinePassed, now: datetime) -> Result:
    hop = _standing(trace, event.question_id)
    due = hop.next_deadline
    if due is None or due[0] is not event.deadline or now < due[1] or trace.state is not TracebackState.IN_PROGRESS:
        raise TracebackError(f"{event.deadline.value} has not run out on {hop.question_id}")
    by = {
        Deadline.PLATFORM: HopMove.PASS_PLATFORM_TARGET,
        Deadline.LEGAL: HopMove.PASS_LEGAL_DUE,
        Deadline.FINAL: HopMove.PASS_FINAL_DUE,
    }[event.deadline]
    hop = replace(hop, state=move_hop(hop.state, by), lapsed=(*hop.lapsed, event.deadline))
    trace = _with(trace, hop)
    if event.deadline is Deadline.PLATFORM:
        return trace, (Remind(question_id=hop.question_id),)
    if event.deadline is Deadline.LEGAL:
        late = Flag(question_id=hop.question_id, kind=FlagKind.LATE, detail=f"due {hop.legal_due_at.isoformat()}")
        return trace, (late, Escalate(question_id=hop.question_id))
    silent = Flag(question_id=hop.question_id, kind=FlagKind.NON_RESPONSIVE, detail=f"due {due[1].isoformat()}")
    trace, settled = _settle(trace, now, cause=hop)
    return trace, (silent, *settled)


# -- endings


def _ending(path: tuple[Hop, ...]) -> Move:
    """Return how a walk ends whose last question is no longer waiting."""
    tip = path[-1]
    said = code(tip)
    if said is None:
        return Move.MISS_RESPONSE
    if said in {AnswerCode.NOT_OURS, AnswerCode.LEGIT_CLAIM} or not proven(path):
        return Move.MEET_DISPUTE
    if said in NOT_FOUND or said is AnswerCode.NEED_INFO:
        return Move.MISS_RECORD
    if said is AnswerCode.DECLINED:
        return Move.MISS_RESPONSE
    if said is AnswerCode.ORIGINATED:
        return Move.FIND_ORIGIN
    return Move.REACH_BORDER if said is AnswerCode.UPSTREAM_FOREIGN else Move.MISS_PROVIDER


def _settle(trace: Trace, now: datetime, *, cause: Hop) -> Result:
    """Bring state, grade and sentence in line with the path."""
    path, was = trace.path, trace.state
    if path[-1].waiting:
        state = move(was, Move.ASK)
        going = replace(trace, state=state, grade=Grade.NONE, origin=None, outcome="", closed_at=None)
        return going, () if was is state else (Reopen(question_id=cause.question_id),)
    state = move(was, _ending(path))
    outcome = conclude(path, exhausted=path[-1].index >= MAX_HOPS)
    ended = replace(trace, state=state, grade=outcome.grade, origin=outcome.origin, outcome=outcome.sentence)
    if (ended.state, ended.grade, ended.outcome) == (was, trace.grade, trace.outcome):
        return ended, ()
    return replace(ended, closed_at=now), (Close(state=state, grade=outcome.grade),)

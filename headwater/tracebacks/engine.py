"""The traceback engine: one event in; a new trace, and what is to be done, out. No I/O, no clock of its own.

Rule 1 (after h11): everything that changes a state is looked up in the two tables of ``tracebacks.tables``; an
illegal pair raises and changes nothing. What is tried when a provider does not lead on is in ``tracebacks.detours``.
Whose fault it is has two classes of errors: ``ProviderError`` (their answer is impossible) and ``TracebackError``
(we asked wrongly, or about something that no longer stands).
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from headwater.tracebacks import detours
from headwater.tracebacks.asking import (
    MAX_HOPS,
    WINDOWS_TERMINATING,
    WINDOWS_UPSTREAM,
    Result,
    ask,
    ask_again,
    standing,
    with_hop,
    withdraw_above,
)
from headwater.tracebacks.checks import ProviderError, check
from headwater.tracebacks.commands import Close, Command, Escalate, Flag, Remind, Reopen
from headwater.tracebacks.outcomes import NOT_FOUND, code, conclude, proven
from headwater.tracebacks.states import Deadline, FlagKind, Grade, HopKind, HopState, TracebackState
from headwater.tracebacks.tables import (
    HOP_TRANSITIONS,
    TRACEBACK_TRANSITIONS,
    HopMove,
    Move,
    TracebackError,
    move,
    move_hop,
)
from headwater.tracebacks.trace import (
    Answered,
    Cancelled,
    Candidates,
    DeadlinePassed,
    Event,
    Hop,
    Opened,
    Refused,
    Reopened,
    Statement,
    Trace,
    Viewed,
)
from headwater.wire.agents import AnswerCode

#: Kept with every traceback: which rules made it.
VERSION = "engine-4"

__all__ = [
    "HOP_TRANSITIONS",
    "MAX_HOPS",
    "TRACEBACK_TRANSITIONS",
    "VERSION",
    "WINDOWS_TERMINATING",
    "WINDOWS_UPSTREAM",
    "HopMove",
    "Move",
    "ProviderError",
    "Result",
    "TracebackError",
    "fold",
    "move",
    "move_hop",
    "step",
]


def step(trace: Trace, event: Event, now: datetime) -> Result:  # noqa: PLR0911 - one return an event, as a table
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
            standing(trace, event.question_id)
            return trace, ()
        case Candidates():
            return _bridge(trace, event, now)
        case Reopened():
            return _reopen(trace, event, now)


def fold(traceback_id: str, events: Iterable[tuple[Event, datetime]]) -> Trace:
    """Build the trace again from its events."""
    trace = Trace(traceback_id=traceback_id)
    for event, at in events:
        trace, _commands = step(trace, event, at)
    return trace


def _open(trace: Trace, event: Opened, now: datetime) -> Result:
    if trace.hops:
        raise TracebackError(f"{trace.traceback_id} is open already")
    state = move(trace.state, Move.ASK)
    trace = replace(trace, terms=event.terms, state=state, signer=event.signer)
    trace, commands = ask(trace, respondent=event.terminating, call=event.call, downstream=None, now=now)
    signer = event.signer.respondent if event.signer else None
    if signer is None or signer.provider_id == event.terminating.provider_id:
        return trace, commands
    trace, also = ask(
        trace,
        respondent=signer,
        call=event.call,
        downstream=None,
        now=now,
        kind=HopKind.ATTESTED,
        widened=len(WINDOWS_TERMINATING) - 1,
    )
    return trace, (*commands, *also)


def _view(trace: Trace, event: Viewed) -> Result:
    hop = standing(trace, event.question_id)
    state = move_hop(hop.state, HopMove.VIEW)
    return with_hop(trace, replace(hop, state=state, viewed_at=hop.viewed_at or event.seen_at)), ()


def _cancel(trace: Trace, now: datetime) -> Result:
    state = move(trace.state, Move.CANCEL)
    trace = replace(trace, state=state, closed_at=now)
    return trace, (Close(state=state, grade=trace.grade),)


# -- answers


def _answer(trace: Trace, event: Answered, now: datetime) -> Result:
    hop, said = standing(trace, event.question_id), event.statement
    if trace.state is TracebackState.CANCELLED:
        raise TracebackError(f"{trace.traceback_id} was called off; nothing is to be answered any more")
    if not hop.live:
        instead = f"; answer {hop.replaced_by} instead" if hop.replaced_by else ""
        raise TracebackError(f"the question {hop.question_id} was withdrawn{instead}")
    check(trace, hop, said, now)
    unclear = said.code is AnswerCode.NEED_INFO or said.doubtful
    state = move_hop(hop.state, HopMove.NEED_INFO if unclear else HopMove.ANSWER)
    before = hop.statement
    hop = replace(hop, state=state, statements=(*hop.statements, said), answered_at=hop.answered_at or said.received_at)
    trace = with_hop(trace, hop)
    if hop.kind is HopKind.ATTESTED:
        return _settle(trace, now, cause=hop) if trace.state is not TracebackState.IN_PROGRESS else (trace, ())
    if hop.kind is HopKind.CHECK:
        trace, commands = detours.checked(trace, hop, said, now)
        return _settled(trace, hop, now, commands)
    if before is not None and _leads_to(before) == _leads_to(said):
        return _settle(trace, now, cause=hop)
    if before is not None and before.code is AnswerCode.NOT_OURS:
        trace = _resolve(trace, hop)
    trace = withdraw_above(trace, hop, now)
    trace, commands = detours.follow(trace, hop, now)
    return _settled(trace, hop, now, (*_flags(hop, said), *commands))


def _settled(trace: Trace, cause: Hop, now: datetime, commands: tuple[Command, ...]) -> Result:
    trace, settled = _settle(trace, now, cause=cause)
    return trace, (*commands, *settled)


def _bridge(trace: Trace, event: Candidates, now: datetime) -> Result:
    hop = standing(trace, event.question_id)
    trace, commands = detours.candidates(trace, hop, event, now)
    return _settled(trace, hop, now, commands)


def _reopen(trace: Trace, event: Reopened, now: datetime) -> Result:
    """Let the walk go on from its tip, which is asked again as if for the first time."""
    if not event.reason.strip():
        raise TracebackError("say why the traceback is opened again: the reason is kept")
    state = move(trace.state, Move.REOPEN)
    tip = trace.path[-1]
    trace = replace(trace, state=state, grade=Grade.NONE, origin=None, outcome="", closed_at=None)
    trace, commands = ask_again(trace, tip, now)
    return trace, (*commands, Reopen(question_id=trace.hops[-1].question_id))


def _leads_to(said: Statement) -> tuple[object, ...]:
    """What of a statement the walk depends on: a correction that keeps it changes no question."""
    return said.code, said.upstream, said.respondent, said.ingress, said.record


def _resolve(trace: Trace, hop: Hop) -> Trace:
    """Take back the dispute that ``hop`` raised by a denial which it has now corrected."""
    named_by = trace.hop(hop.downstream)
    if named_by is None or named_by.state is not HopState.DISPUTED:
        return trace
    return with_hop(trace, replace(named_by, state=move_hop(named_by.state, HopMove.RESOLVE)))


def _flags(hop: Hop, said: Statement) -> tuple[Command, ...]:
    if said.doubtful:
        detail = f"the record given fits the call with probability {said.link_ppm / 1e6:.3f} only"
        return (Flag(question_id=hop.question_id, kind=FlagKind.CONTRADICTED, detail=detail),)
    if said.code is AnswerCode.DECLINED:
        return (Flag(question_id=hop.question_id, kind=FlagKind.DECLINED, detail=said.note),)
    if said.code is AnswerCode.NOT_OURS and hop.downstream and hop.kind is HopKind.WALK:
        detail = f"{hop.respondent.name} denies the call that {hop.downstream} says came from it"
        return tuple(
            Flag(question_id=asked, kind=FlagKind.CONTRADICTED, detail=detail)
            for asked in (hop.question_id, hop.downstream)
        )
    return ()


# -- clocks


def _lapse(trace: Trace, event: DeadlinePassed, now: datetime) -> Result:
    hop = standing(trace, event.question_id)
    due = hop.next_deadline
    if due is None or due[0] is not event.deadline or now < due[1] or trace.state is not TracebackState.IN_PROGRESS:
        raise TracebackError(f"{event.deadline.value} has not run out on {hop.question_id}")
    by = {
        Deadline.PLATFORM: HopMove.PASS_PLATFORM_TARGET,
        Deadline.LEGAL: HopMove.PASS_LEGAL_DUE,
        Deadline.FINAL: HopMove.PASS_FINAL_DUE,
    }[event.deadline]
    hop = replace(hop, state=move_hop(hop.state, by), lapsed=(*hop.lapsed, event.deadline))
    trace = with_hop(trace, hop)
    if hop.kind in {HopKind.CHECK, HopKind.BRIDGE, HopKind.GAP}:
        trace, commands = detours.lapsed(trace, hop, now)
        return _settled(trace, hop, now, commands)
    if event.deadline is Deadline.PLATFORM:
        trace, commands = detours.bridge(trace, hop) if hop.kind is HopKind.WALK else (trace, ())
        return trace, (Remind(question_id=hop.question_id), *commands)
    if event.deadline is Deadline.LEGAL:
        late = Flag(question_id=hop.question_id, kind=FlagKind.LATE, detail=f"due {hop.legal_due_at.isoformat()}")
        return trace, (late, Escalate(question_id=hop.question_id))
    silent = Flag(question_id=hop.question_id, kind=FlagKind.NON_RESPONSIVE, detail=f"due {due[1].isoformat()}")
    if hop.kind is HopKind.ATTESTED:
        return trace, (silent,)
    trace, commands = detours.fall_back(trace, hop, now)
    return _settled(trace, hop, now, (silent, *commands))


# -- endings


def _ending(trace: Trace) -> Move:  # noqa: PLR0911 - one return a move, as a table
    """Return how a walk ends whose last question is no longer waiting."""
    path = trace.path
    tip = path[-1]
    said = code(tip)
    if said is None:
        return Move.MISS_RESPONSE
    if said in {AnswerCode.NOT_OURS, AnswerCode.LEGIT_CLAIM} or not proven(path) or trace.branches:
        return Move.MEET_DISPUTE
    if said in NOT_FOUND or said is AnswerCode.NEED_INFO:
        return Move.MISS_RECORD
    if tip.unsteady:
        return Move.MEET_DISPUTE
    if said is AnswerCode.DECLINED:
        return Move.MISS_RESPONSE
    if said is AnswerCode.ORIGINATED and tip.kind is HopKind.BRIDGE:
        # Its own statement alone: the walk ended at the neighbour that does not bear it out.
        return Move.MISS_RECORD if code(path[-2]) in NOT_FOUND else Move.MISS_RESPONSE
    if any(hop.meets for hop in path) and said in {AnswerCode.ORIGINATED, AnswerCode.UPSTREAM_FOREIGN}:
        return Move.MISS_RESPONSE  # somebody between has not answered
    if said is AnswerCode.ORIGINATED:
        return Move.FIND_ORIGIN
    return Move.REACH_BORDER if said is AnswerCode.UPSTREAM_FOREIGN else Move.MISS_PROVIDER


def _settle(trace: Trace, now: datetime, *, cause: Hop) -> Result:
    """Bring state, grade and sentence in line with the path."""
    path, was = trace.path, trace.state
    if trace.waits:
        state = move(was, Move.ASK)
        going = replace(trace, state=state, grade=Grade.NONE, origin=None, outcome="", closed_at=None)
        return going, () if was is state else (Reopen(question_id=cause.question_id),)
    state = move(was, _ending(trace))
    outcome = conclude(path, exhausted=path[-1].index >= MAX_HOPS, trace=trace)
    ended = replace(trace, state=state, grade=outcome.grade, origin=outcome.origin, outcome=outcome.sentence)
    if (ended.state, ended.grade, ended.outcome) == (was, trace.grade, trace.outcome):
        return ended, ()
    return replace(ended, closed_at=now), (Close(state=state, grade=outcome.grade),)

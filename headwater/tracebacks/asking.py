"""Putting questions: a hop is made, replaced by a wider one, or taken off the path. Pure."""

from dataclasses import replace
from datetime import datetime, timedelta

from headwater.tracebacks.clocks import after_business_time, legal_clock
from headwater.tracebacks.commands import Ask, Command
from headwater.tracebacks.states import HopKind
from headwater.tracebacks.tables import TracebackError
from headwater.tracebacks.trace import Call, Hop, Respondent, Terms, Trace, question_id

#: Longest path that is walked (traceback model, section 3.4).
MAX_HOPS = 12
#: Search windows each way in seconds, first and after each NEED_INFO: at the terminating provider, where an app saw
#: the call, and further up, where the downstream's own record gives the time.
WINDOWS_TERMINATING = (60, 300, 900)
WINDOWS_UPSTREAM = (30, 120, 600)

Result = tuple[Trace, tuple[Command, ...]]


def standing(trace: Trace, asked: str) -> Hop:
    """Return the hop of a question.

    Raises:
        TracebackError: it was never asked.
    """
    hop = trace.hop(asked)
    if hop is None:
        raise TracebackError(f"{trace.traceback_id} never asked {asked}")
    return hop


def with_hop(trace: Trace, changed: Hop) -> Trace:
    """Return the trace with one hop in a new state."""
    hops = tuple(changed if hop.question_id == changed.question_id else hop for hop in trace.hops)
    return replace(trace, hops=hops)


def _due(respondent: Respondent, terms: Terms, now: datetime) -> tuple[datetime, datetime, datetime]:
    """Return legal, platform and final due time of a question asked ``now``."""
    legal = legal_clock(now, respondent.office_zone, terms.readings).due_at
    if respondent.by_agent:
        platform = now + timedelta(seconds=terms.agent_target_s)
    else:
        running = timedelta(minutes=terms.pages_target_minutes)
        platform = after_business_time(now, respondent.office_zone, running, terms.readings)
    return legal, platform, legal_clock(legal, respondent.office_zone, terms.readings).due_at


def ask(  # noqa: PLR0913 - one argument a fact of the question, each by name
    trace: Trace,
    *,
    respondent: Respondent,
    call: Call,
    downstream: Hop | None,
    now: datetime,
    widened: int = 0,
    kind: HopKind = HopKind.WALK,
    about: str = "",
) -> Result:
    """Ask one provider. An attested signer's distance is not known: its index is 0."""
    index = 0 if kind is HopKind.ATTESTED else downstream.index + 1 if downstream else 1
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
        kind=kind,
        about=about,
    )
    return replace(trace, hops=(*trace.hops, hop)), (Ask(question_id=hop.question_id),)


def ask_again(trace: Trace, hop: Hop, now: datetime, *, call: Call | None = None) -> Result:
    """Replace a question by a wider one to the same provider, about the same call or another view of it."""
    windows = WINDOWS_UPSTREAM if hop.downstream else WINDOWS_TERMINATING
    trace = withdraw_above(trace, hop, now)
    trace, commands = ask(
        trace,
        respondent=hop.respondent,
        call=call or hop.call,
        downstream=trace.hop(hop.downstream) if hop.downstream else None,
        now=now,
        widened=min(hop.widened + 1, len(windows) - 1),
        kind=hop.kind,
        about=hop.about,
    )
    replaced = replace(hop, withdrawn_at=now, replaced_by=trace.hops[-1].question_id)
    return with_hop(trace, replaced), commands


def withdraw_above(trace: Trace, hop: Hop, now: datetime) -> Trace:
    """Take every question that rests on ``hop`` off the path: what named it no longer stands."""
    resting = {hop.question_id}
    hops = []
    for other in trace.hops:  # a question is always asked after the one that it rests on
        if {other.downstream, other.about} & resting and other.kind is not HopKind.CHECK:
            resting.add(other.question_id)
            hops.append(replace(other, withdrawn_at=now) if other.live else other)
        else:
            gone = other.kind is HopKind.CHECK and other.about in resting and other.live
            hops.append(replace(other, withdrawn_at=now) if gone else other)
    return replace(trace, hops=tuple(hops))

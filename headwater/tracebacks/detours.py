"""What is tried when a provider does not lead on, and what an answer leads to. Pure.

In this order: an answer "no record", or with a record of another call, is asked once more; whoever named the provider
is asked once more whom it names; then others are asked whether they handed the call to that provider (a bridge over
it), and, where nobody did, to the one that named it: a false name is found so. Only then does the walk end.
"""

from dataclasses import replace
from datetime import datetime, timedelta

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
from headwater.tracebacks.commands import Bridge, Command, Flag
from headwater.tracebacks.outcomes import NOT_FOUND, PASSED_ON, code, names
from headwater.tracebacks.states import Deadline, FlagKind, HopKind, HopState
from headwater.tracebacks.tables import HopMove, TracebackError, move_hop
from headwater.tracebacks.trace import CARRIED, SURE_PPM, Call, Candidates, Hop, Statement, Trace
from headwater.wire.agents import AnswerCode

#: How often one provider is asked once more whom it names.
MOST_CHECKS = 2
#: How often a provider that was named searches for its record: by its namer's time, by the time of the one before, and
#: by its namer's time in the widest window.
MOST_SEARCHES = 3
#: Most providers that are asked at once whether they handed the call to one.
MOST_CANDIDATES = 24
#: How much later than the record below it one beyond a gap may begin: the clocks of two that never meet.
GAP_SLACK = timedelta(seconds=1)


def follow(trace: Trace, hop: Hop, now: datetime) -> Result:
    """Ask whom the answer in force of ``hop`` leads to; where it leads to nobody, try something else."""
    said = hop.statement
    if said is None or (said.code is AnswerCode.ORIGINATED and hop.carried and hop.kind is HopKind.WALK):
        return trace, ()
    if hop.kind is HopKind.GAP and not hop.meets:
        return _gathered(trace, hop, now)
    if hop.kind is HopKind.BRIDGE and not (_sure(hop) and _leads_up(trace, hop)):
        return _no_bridge(trace, hop, now)
    if said.doubtful:
        return ask_again(trace, hop, now) if hop.attempt == 1 else fall_back(trace, hop, now)
    if said.code in CARRIED:
        return _upstream(trace, hop, said, now)
    return _unclear(trace, hop, said, now)


def _upstream(trace: Trace, hop: Hop, said: Statement, now: datetime) -> Result:
    """Ask the provider that a sound answer names; where none can be asked, who handed the call to the answerer."""
    if said.code is AnswerCode.ORIGINATED:
        return trace, ()
    if said.code in PASSED_ON and said.respondent is not None:
        if hop.index >= MAX_HOPS:
            return trace, ()
        return ask(trace, respondent=said.respondent, call=said.ingress or hop.call, downstream=hop, now=now)
    return bridge(trace, hop)


def _unclear(trace: Trace, hop: Hop, said: Statement, now: datetime) -> Result:
    if said.code is AnswerCode.NEED_INFO and said.others:
        found = Candidates(question_id=hop.question_id, respondents=said.others)
        return candidates(trace, replace(hop, bridged=True), found, now)
    if said.code is AnswerCode.NEED_INFO and hop.widened < len(WINDOWS_UPSTREAM) - 1:
        return ask_again(trace, hop, now)
    if said.code is AnswerCode.NOT_OURS and hop.downstream:
        return _dispute(trace, hop, now)
    return fall_back(trace, hop, now)


def fall_back(trace: Trace, hop: Hop, now: datetime) -> Result:
    """Try what has not been tried yet at a provider that leads nowhere."""
    if trace.terms.second_look and code(hop) in NOT_FOUND and (searches := _searches(trace, hop)) < _most(hop):
        return ask_again(trace, hop, now, call=_seen_below(trace, hop) if searches == 1 else _as_named(trace, hop))
    namer = trace.hop(hop.downstream)
    if trace.terms.second_look and namer is not None and namer.checked < MOST_CHECKS and names(namer, hop):
        return _check(trace, namer, now)
    return bridge(trace, hop)


def _seen_below(trace: Trace, hop: Hop) -> Call:
    """Return the call by the time of the provider before the namer: the namer's own clock may be what misled."""
    namer = trace.hop(hop.downstream)
    if namer is None:
        return hop.call
    return replace(hop.call, call_at=namer.call.call_at, trunk=namer.call.trunk)


def _most(hop: Hop) -> int:
    """Return how often a provider searches: a person is not sent to the archive a third time."""
    return MOST_SEARCHES if hop.respondent.by_agent else 2


def _as_named(trace: Trace, hop: Hop) -> Call:
    """Return the call as whoever named the provider has it."""
    namer = trace.hop(hop.downstream)
    said = namer.statement if namer else None
    return (said.ingress if said else None) or hop.call


def _searches(trace: Trace, hop: Hop) -> int:
    """Count how often the provider has found no record of this call, this time included."""
    return sum(
        (other.index, other.respondent.provider_id) == (hop.index, hop.respondent.provider_id)
        and code(other) in NOT_FOUND
        for other in trace.hops
    )


def bridge(trace: Trace, hop: Hop) -> Result:
    """Ask who handed the call to ``hop``'s provider; where that was asked in vain, to the one that named it."""
    if not trace.terms.bridges or hop.index >= MAX_HOPS:
        return trace, ()
    for one in (hop, None if hop.carried else trace.hop(hop.downstream)):
        if one is not None and one.live and not one.bridged:
            return with_hop(trace, replace(one, bridged=True, sought=True)), (Bridge(question_id=one.question_id),)
    return _search(trace, hop)


def _search(trace: Trace, hop: Hop) -> Result:
    """Ask who carried the call at all, above ``hop``; above its namer where ``hop`` denies the call or lacks it."""
    namer = trace.hop(hop.downstream)
    if namer and (namer.unsteady or code(hop) in NOT_FOUND | {AnswerCode.NOT_OURS, AnswerCode.NEED_INFO}):
        hop = namer
    if not trace.terms.gaps or hop.searched or not hop.live:
        return trace, ()
    return with_hop(trace, replace(hop, searched=True, sought=True)), (Bridge(question_id=hop.question_id, far=True),)


def candidates(trace: Trace, hop: Hop, found: Candidates, now: datetime) -> Result:
    """Put the question of the bridge to those who may have handed the call over.

    Raises:
        TracebackError: no bridge was asked for there.
    """
    if not (hop.searched if found.far else hop.bridged):
        raise TracebackError(f"nobody asked who handed the call to {hop.respondent.name}")
    named = {one.respondent.provider_id for one in trace.hops if one.live and one.downstream == hop.question_id}
    if found.far:
        named |= {one.respondent.provider_id for one in trace.path}
    chosen = [one for one in found.respondents if one.provider_id not in named | {hop.respondent.provider_id}][
        :MOST_CANDIDATES
    ]
    hop = replace(hop, bridge_asked=max(found.asked, len(chosen)), sought=False)
    trace = with_hop(trace, hop)
    if not hop.live or _gone_on(trace, hop):
        return trace, ()
    if not chosen:
        return _next(trace, hop)
    commands: list[Command] = []
    widest = len(WINDOWS_UPSTREAM if hop.downstream else WINDOWS_TERMINATING) - 1
    for one in chosen:
        trace, asked = ask(
            trace,
            respondent=one,
            call=hop.call,
            downstream=hop,
            now=now,
            widened=min(1, widest),
            kind=HopKind.GAP if found.far else HopKind.BRIDGE,
        )
        commands.extend(asked)
    return trace, tuple(commands)


def _gone_on(trace: Trace, hop: Hop) -> bool:
    """Tell whether the walk went on above ``hop`` while others were searched: it answered meanwhile."""
    return any(
        one.carried or (one.waiting and Deadline.PLATFORM not in one.lapsed)
        for one in trace.hops
        if one.live and one.kind is HopKind.WALK and one.downstream == hop.question_id
    )


def lapsed(trace: Trace, hop: Hop, now: datetime) -> Result:
    """Go on without a check or a bridge that nobody answered in the platform's time."""
    if hop.kind is HopKind.BRIDGE:
        return _no_bridge(trace, hop, now)
    if hop.kind is HopKind.GAP:
        gone = replace(hop, withdrawn_at=now)
        return _gathered(with_hop(trace, gone), gone, now)
    return _past_check(with_hop(trace, replace(hop, withdrawn_at=now)), hop, now)


def checked(trace: Trace, hop: Hop, said: Statement, now: datetime) -> Result:
    """Compare what a provider says the second time with its answer in force."""
    namer = standing(trace, hop.about)
    trace = with_hop(trace, replace(standing(trace, hop.question_id), withdrawn_at=now))
    before = namer.statement
    told = said.code in PASSED_ON | {AnswerCode.ORIGINATED, AnswerCode.UPSTREAM_FOREIGN} and not said.doubtful
    if not told and namer.live and namer.checked < MOST_CHECKS:
        return _check(trace, namer, now)
    if not told or before is None or (said.code, said.upstream) == (before.code, before.upstream) or not namer.live:
        return _past_check(trace, hop, now)
    if _above_by_record(trace, namer):
        return trace, ()  # a record above it shows the hand-over: that outweighs what it says now
    namer = replace(
        standing(trace, namer.question_id),
        statements=(*namer.statements, said),
        state=HopState.ANSWERED if namer.state is HopState.DISPUTED else namer.state,
    )
    trace = withdraw_above(with_hop(trace, namer), namer, now)
    changed = Flag(
        question_id=namer.question_id,
        kind=FlagKind.CONTRADICTED,
        detail=f"asked once more, {namer.respondent.name} names another than before",
    )
    trace, commands = follow(trace, namer, now)
    return trace, (changed, *commands)


def _sure(hop: Hop) -> bool:
    """Tell whether a bridge's answer may join the path: the provider carried the call, by a record that fits."""
    said = hop.statement
    if not hop.carried or said is None or not said.record:
        return False
    return said.link_ppm >= SURE_PPM if said.link_ppm >= 0 else not said.by_person


def _leads_up(trace: Trace, hop: Hop) -> bool:
    """Tell whether a bridge leads on: one that names a provider below it goes in a circle."""
    said = hop.statement
    below = {one.respondent.provider_id for one in trace.path if one.index < hop.index}
    return said is None or said.respondent is None or said.respondent.provider_id not in below


def _above_by_record(trace: Trace, namer: Hop) -> bool:
    """Tell whether somebody's own record, found by a bridge, shows the hand-over to ``namer`` or to whom it names."""
    path = trace.path
    place = next((n for n, one in enumerate(path) if one.question_id == namer.question_id), len(path))
    return any(one.kind is HopKind.BRIDGE for one in path[place + 1 : place + 3])


def _check(trace: Trace, namer: Hop, now: datetime) -> Result:
    trace = with_hop(trace, replace(namer, checked=namer.checked + 1))
    return ask(
        trace,
        respondent=namer.respondent,
        call=namer.call,
        downstream=trace.hop(namer.downstream) if namer.downstream else None,
        now=now,
        widened=namer.widened,
        kind=HopKind.CHECK,
        about=namer.question_id,
    )


def _past_check(trace: Trace, hop: Hop, now: datetime) -> Result:
    """Go on where the name stands: no further check, so the tip above the namer is bridged next."""
    namer = standing(trace, hop.about)
    trace = with_hop(trace, replace(namer, checked=MOST_CHECKS))
    tip = trace.path[-1]
    return fall_back(trace, tip, now) if not tip.waiting and not tip.carried else (trace, ())


def _no_bridge(trace: Trace, hop: Hop, now: datetime) -> Result:
    """Take a bridge question off: its provider did not hand the call over, or cannot be sure, or did not answer."""
    below = standing(trace, hop.downstream)
    if trace.terms.second_look and code(hop) in NOT_FOUND and _searches(trace, hop) == 1:
        return ask_again(trace, hop, now)
    trace = with_hop(trace, replace(standing(trace, hop.question_id), withdrawn_at=now))
    return _next(trace, below)


def _gathered(trace: Trace, hop: Hop, now: datetime) -> Result:
    """When all who were asked over a gap have been heard: go on from whoever had the call last before it.

    A record that starts after the one below it is of the way on, not of the way here.
    """
    asked = [one for one in trace.hops if one.kind is HopKind.GAP and one.downstream == hop.downstream]
    if any(one.waiting for one in asked):
        return trace, ()
    below = standing(trace, hop.downstream)
    latest = below.call.call_at + GAP_SLACK
    fit = [one for one in asked if one.live and _sure(one) and _matched(one) <= latest]
    trace = replace(
        trace, hops=tuple(replace(one, withdrawn_at=now) if one in asked and one.live else one for one in trace.hops)
    )
    if not fit:
        return trace, ()
    nearest = max(fit, key=lambda one: (_matched(one), one.question_id))
    nearest = replace(nearest, meets=True)
    trace = with_hop(trace, nearest)
    return follow(trace, nearest, now)


def _matched(hop: Hop) -> datetime:
    said = hop.statement
    return said.matched_at if said and said.matched_at else hop.call.call_at


def _next(trace: Trace, below: Hop) -> Result:
    """After the last answer about one bridge: where nobody handed the call over, try the namer's side."""
    still = any(one.live and one.kind is HopKind.BRIDGE and one.downstream == below.question_id for one in trace.hops)
    tip = trace.path[-1]
    overdue = Deadline.PLATFORM in tip.lapsed
    if still or (tip.waiting and not overdue) or (tip.carried and code(tip) is AnswerCode.ORIGINATED):
        return trace, ()
    if tip.question_id not in {below.question_id, below.downstream, _above(trace, below)}:
        return trace, ()
    return bridge(trace, tip)


def _above(trace: Trace, below: Hop) -> str:
    path = [hop.question_id for hop in trace.path]
    place = path.index(below.question_id) + 1 if below.question_id in path else len(path)
    return path[place] if place < len(path) else ""


def _dispute(trace: Trace, hop: Hop, now: datetime) -> Result:
    """Return the call to the hop that named ``hop``: once; the second time the dispute stands."""
    named_by = standing(trace, hop.downstream)
    disputed_before = any(
        other.state is HopState.DISPUTED
        and other.index == named_by.index
        and other.respondent.provider_id == named_by.respondent.provider_id
        for other in trace.hops
    )
    named_by = replace(named_by, state=move_hop(named_by.state, HopMove.DISPUTE))
    trace = with_hop(trace, named_by)
    if disputed_before:
        return bridge(trace, hop)
    return ask_again(trace, named_by, now)

"""What a walk has proven, and the sentence that says so: never more than is proven. Pure.

The grade is worked out from the questions that stand, afresh after every event; nothing is carried over.
"""

from dataclasses import dataclass
from itertools import pairwise

from headwater.tracebacks.states import Grade, HopKind, HopRole, HopState
from headwater.tracebacks.trace import Hop, Respondent, Trace
from headwater.wire.agents import AnswerCode

#: Codes that name who handed the call over, and after which the walk goes on.
PASSED_ON = frozenset({AnswerCode.UPSTREAM_US, AnswerCode.ORIGINATED_RESELLER})
#: Codes that name an upstream.
NAMES_UPSTREAM = PASSED_ON | {AnswerCode.UPSTREAM_FOREIGN}
NOT_FOUND = frozenset({AnswerCode.RECORD_NOT_FOUND, AnswerCode.RECORD_EXPIRED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What the path allows to be said."""

    grade: Grade
    sentence: str
    origin: Respondent | None = None


def code(hop: Hop) -> AnswerCode | None:
    """Return the code of the answer in force, or None while there is none. A doubtful record tells nothing yet."""
    if hop.statement is None:
        return None
    return AnswerCode.NEED_INFO if hop.statement.doubtful else hop.statement.code


def names(hop: Hop, upstream: Hop) -> bool:
    """Tell whether ``hop``'s answer in force hands the walk to ``upstream`` without an open dispute."""
    return hop.state is not HopState.DISPUTED and _hands_to(hop, upstream)


def _hands_to(hop: Hop, upstream: Hop) -> bool:
    said = hop.statement
    return (
        said is not None
        and upstream.kind is HopKind.WALK
        and code(hop) in PASSED_ON
        and said.respondent is not None
        and said.respondent.provider_id == upstream.respondent.provider_id
        and upstream.downstream == hop.question_id
    )


def joined(hop: Hop, upstream: Hop) -> bool:
    """Tell whether the call went from ``upstream`` to ``hop``: ``hop`` names it, or its own record shows it."""
    return _hands_to(hop, upstream) or (
        (upstream.kind is HopKind.BRIDGE or upstream.meets)
        and upstream.carried
        and upstream.downstream == hop.question_id
    )


def broken(path: tuple[Hop, ...]) -> bool:
    """Tell whether somebody between two providers of ``path`` is not known at all."""
    return any(hop.meets for hop in path)


def proven(path: tuple[Hop, ...]) -> bool:
    """Tell whether every hop of ``path`` is joined to the one before it, from hop 1 on.

    A dispute below a bridge is bridged over: the records on both sides of that provider agree without it, and bear
    out whoever named it.
    """
    if not path or path[0].index != 1:
        return False
    bridged = {
        one
        for below, hop in pairwise(path)
        if hop.kind in {HopKind.BRIDGE, HopKind.GAP}
        for one in (below.question_id, below.downstream)
    }
    if any(hop.state is HopState.DISPUTED and hop.question_id not in bridged for hop in path):
        return False
    return all(joined(hop, upstream) for hop, upstream in pairwise(path))


def role(hop: Hop) -> HopRole:
    """Return a provider's part in this call, as far as its answer shows it."""
    said = code(hop)
    if hop.index == 0:
        return HopRole.UNKNOWN
    if said is AnswerCode.UPSTREAM_FOREIGN:
        return HopRole.GATEWAY
    if said is AnswerCode.ORIGINATED:
        return HopRole.ORIGINATING
    if hop.index == 1:
        return HopRole.TERMINATING
    return HopRole.INTERMEDIATE if said in PASSED_ON else HopRole.UNKNOWN


def conclude(path: tuple[Hop, ...], *, exhausted: bool, trace: Trace | None = None) -> Outcome:
    """Grade a walk that cannot go on.

    Args:
        path: From the terminating provider upstream.
        exhausted: The limit of hops was reached.
        trace: Whose path it is: its signer and branches.
    """
    outcome = _graded(path, trace, exhausted=exhausted)
    also = _deposited(path) + _bridges(path) + (_signature(path, trace) if trace else "")
    return Outcome(grade=outcome.grade, sentence=outcome.sentence + also, origin=outcome.origin)


def _graded(path: tuple[Hop, ...], trace: Trace | None, *, exhausted: bool) -> Outcome:
    tip = path[-1]
    if trace is not None and trace.branches:
        return _forked(trace)
    said = code(tip)
    if said is AnswerCode.ORIGINATED and proven(path):
        if broken(path):
            return _beyond(path)
        return _originated(path) if tip.kind is HopKind.WALK else _stated(path)
    if said is AnswerCode.UPSTREAM_FOREIGN and proven(path) and not broken(path):
        return _entered(path)
    if trace is not None and _is_named(path, trace):
        return _named(path)
    return Outcome(grade=Grade.FRONTIER, sentence=f"{_reach(path)} {_why(tip, exhausted=exhausted)}".strip())


def _is_named(path: tuple[Hop, ...], trace: Trace) -> bool:
    """Tell whether a silent tip is named twice: by its proven neighbour, and by a token under its own certificate.

    Only attestation A says that the signer's customer may show the number (ATIS-1000074 5.2.3). B stands on calls that
    carriers downstream pass on, too: it made three of four wrong names among the simulated.
    """
    tip = path[-1]
    return (
        len(path) > 1
        and not tip.carried
        and tip.bridged
        and code(tip) is not AnswerCode.NOT_OURS
        and names(path[-2], tip)
        and proven(path[:-1])
        and trace.signer is not None
        and trace.signer.attest == "A"
        and trace.signer.respondent.provider_id == tip.respondent.provider_id
    )


def _named(path: tuple[Hop, ...]) -> Outcome:
    tip, namer = path[-1], path[-2].respondent.name
    name = tip.respondent.name
    sentence = (
        f"{namer} names {name}, and the call bears a token with attestation A that verifies under {name}'s own "
        f"certificate; nobody who was asked handed the call to {name}. {_silence(tip)} "
        f"No finding that {name} originated."
    )
    return Outcome(grade=Grade.ORIGIN_NAMED, sentence=sentence)


def _silence(tip: Hop) -> str:
    said, name = code(tip), tip.respondent.name
    if said in NOT_FOUND:
        return f"{name} searched and gave no record."
    return f"{name} has not answered." if said is None else f"{name} has not said who handed it the call."


def _stated(path: tuple[Hop, ...]) -> Outcome:
    tip, below = path[-1], path[-2].respondent.name
    name = tip.respondent.name
    sentence = (
        f"{name} states that its customer placed the call and that it handed the call to {below}. {below} has not "
        f"named {name}: no neighbour confirms it.{_by_hand(tip)}"
    )
    return Outcome(grade=Grade.ORIGIN_STATED, sentence=sentence)


def _beyond(path: tuple[Hop, ...]) -> Outcome:
    name = path[-1].respondent.name
    sentence = (
        f"{name} states that its customer placed the call. No unbroken path joins {name} to the called party."
        f"{_by_hand(path[-1])}"
    )
    return Outcome(grade=Grade.ORIGIN_STATED, sentence=sentence)


def _forked(trace: Trace) -> Outcome:
    other = trace.branches[0]
    fork = trace.hop(other.downstream)
    at = fork.respondent.name if fork else "a provider"
    rivals = sorted(
        {one.respondent.name for one in (*trace.path, *trace.branches) if one.downstream == other.downstream}
    )
    sentence = (
        f"Proven up to {at}. {' and '.join(rivals)} each show a record of having handed it the call; one call comes "
        "from one of them. Which is not known."
    )
    return Outcome(grade=Grade.FRONTIER, sentence=sentence)


def _bridges(path: tuple[Hop, ...]) -> str:
    over = [below.respondent.name for below, hop in pairwise(path) if hop.kind is HopKind.BRIDGE]
    said = "".join(
        f" Who handed the call on between {hop.respondent.name} and {below.respondent.name} is not known; "
        f"{hop.respondent.name}'s own record shows the same call{_handed_to(hop)}."
        for below, hop in pairwise(path)
        if hop.meets
    )
    if over:
        said += f" The path is bridged over {', '.join(over)}: the next provider's own record shows the hand-over."
    return said


def _deposited(path: tuple[Hop, ...]) -> str:
    """Say whose part rests on records that were deposited, and on no answer."""
    found = [hop.respondent.name for hop in path if hop.statement and hop.statement.deposited and hop.carried]
    whose = "records that they had deposited" if len(found) > 1 else "a record that it had deposited"
    return f" What is said of {' and '.join(found)} rests on {whose}; nobody there answered." if found else ""


def _handed_to(hop: Hop) -> str:
    to = hop.statement.handed_to if hop.statement else None
    return f", handed to {to.title}" if to else ""


def _signature(path: tuple[Hop, ...], trace: Trace) -> str:
    """Say whether the walk met the verified signer."""
    if trace.signer is None:
        return ""
    name = trace.signer.respondent.name
    met = next((hop for hop in path if hop.respondent.provider_id == trace.signer.respondent.provider_id), None)
    if met is None:
        return f" The call was signed by {name}, which the walk has not met."
    attested = trace.attested
    same = attested is not None and bool(_rests_on(attested)) and _rests_on(attested) == _rests_on(met)
    how = "by the same record that it gave when asked as the signer" if same else "at hop " + str(met.index)
    return f" The walk met the signer, {name}, {how}."


def _rests_on(hop: Hop) -> str:
    return hop.statement.record if hop.statement and hop.carried else ""


def _by_hand(hop: Hop) -> str:
    said = hop.statement
    if said is None or said.record:
        return ""
    who = "A person gave this answer" if said.by_person else "The answer came"
    return f" {who} without a record."


def _originated(path: tuple[Hop, ...]) -> Outcome:
    tip = path[-1]
    name = tip.respondent.name
    if tip.index == 1:
        sentence = (
            f"{name} states that its own customer placed the call to its own subscriber (on-net). "
            f"No other provider carried it, so no neighbour confirms it.{_by_hand(tip)}"
        )
        return Outcome(grade=Grade.ON_NET, sentence=sentence)
    neighbour = path[-2].respondent.name
    sentence = (
        f"{name} states that its customer placed the call; "
        f"{neighbour} independently states that it received the call from {name}.{_by_hand(tip)}"
    )
    return Outcome(grade=Grade.ORIGIN_CONFIRMED, sentence=sentence, origin=tip.respondent)


def _entered(path: tuple[Hop, ...]) -> Outcome:
    tip = path[-1]
    name = tip.respondent.name
    said = tip.statement
    foreign = said.upstream if said else None
    origin = f"the foreign provider {foreign.title} ({foreign.country})" if foreign else "a foreign provider"
    if tip.index == 1:
        witness = "It is itself the terminating provider; no neighbour confirms it."
    else:
        witness = f"{path[-2].respondent.name} independently states that it received the call from {name}."
    sentence = (
        f"{name} states that it received the call from {origin}: {name} is the point of entry into the United States. "
        f"{witness} Who originated the call is not known.{_by_hand(tip)}"
    )
    return Outcome(grade=Grade.ENTRY_CONFIRMED, sentence=sentence)


def _reach(path: tuple[Hop, ...]) -> str:
    """Say how far the walk is proven, and whom the furthest proven provider names."""
    tip = path[-1]
    if tip.unsteady:
        return f"Proven up to {tip.respondent.name}, which names one provider after another for the same record."
    if code(tip) in PASSED_ON and tip.statement and tip.statement.upstream and tip.state is not HopState.DISPUTED:
        return f"Proven up to {tip.respondent.name}, which names {tip.statement.upstream.title}."
    if len(path) > 1 and path[-2].state is not HopState.DISPUTED:
        return f"Proven up to {path[-2].respondent.name}, which names {tip.respondent.name}."
    if len(path) > 1:
        return f"{path[-2].respondent.name} names {tip.respondent.name}, which denies it."
    return f"The call was reported as delivered by {tip.respondent.name}; nothing upstream of it is proven."


_UNKNOWN = "Whether {name} originated the call or passed it on is not known."


def _why(tip: Hop, *, exhausted: bool) -> str:  # noqa: PLR0911 - one return a code, as a table
    """Say why the walk ends at ``tip``."""
    name, said = tip.respondent.name, tip.statement
    if tip.unsteady or (said is not None and said.doubtful):
        why = "None of them bears it out." if tip.unsteady else f"{name} gave the record of another call."
        return f"{why} {_UNKNOWN.format(name=name)}"
    if said is None or tip.state is HopState.NON_RESPONSIVE:
        return f"{name} was asked and has not answered. {_UNKNOWN.format(name=name)}"
    match said.code:
        case AnswerCode.UPSTREAM_US | AnswerCode.ORIGINATED_RESELLER:
            upstream = said.upstream.title if said.upstream else "an unnamed provider"
            stop = "the limit of hops is reached" if exhausted else f"{upstream} is in no register of ours"
            return f"{upstream} was not asked: {stop}. {_UNKNOWN.format(name=upstream)}"
        case AnswerCode.RECORD_NOT_FOUND:
            return f"{name} searched and found no record. {_UNKNOWN.format(name=name)}"
        case AnswerCode.RECORD_EXPIRED:
            return f"{name} no longer keeps records of that time. {_UNKNOWN.format(name=name)}"
        case AnswerCode.DECLINED:
            reason = f", giving as its reason: {said.note}" if said.note else " without giving a reason"
            return f"{name} declined to answer{reason}. {_UNKNOWN.format(name=name)}"
        case AnswerCode.NEED_INFO:
            return f"{name} was asked {tip.attempt} times and could not tell which of its calls is meant."
        case AnswerCode.LEGIT_CLAIM:
            return f"{name} answers that its caller claims the calls are lawful. {_UNKNOWN.format(name=name)}"
        case AnswerCode.NOT_OURS:
            return f"{name} states that it did not carry this call."
        case _:
            return "A contradiction on the path is not resolved."

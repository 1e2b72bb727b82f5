"""What a walk has proven, and the sentence that says so: never more than is proven. Pure.

The grade is worked out from the questions that stand, afresh after every event; nothing is carried over.
"""

from dataclasses import dataclass
from itertools import pairwise

from headwater.tracebacks.states import Grade, HopRole, HopState
from headwater.tracebacks.trace import Hop, Respondent
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
    """Return the code of the answer in force, or None while there is none."""
    return hop.statement.code if hop.statement else None


def names(hop: Hop, upstream: Hop) -> bool:
    """Tell whether ``hop``'s answer in force hands the walk to ``upstream`` without an open dispute."""
    said = hop.statement
    return (
        said is not None
        and said.code in PASSED_ON
        and said.respondent is not None
        and said.respondent.provider_id == upstream.respondent.provider_id
        and upstream.downstream == hop.question_id
        and hop.state is not HopState.DISPUTED
    )


def proven(path: tuple[Hop, ...]) -> bool:
    """Tell whether every hop of ``path`` was named by the answered hop before it, from hop 1 on, undisputed."""
    if not path or path[0].index != 1 or any(hop.state is HopState.DISPUTED for hop in path):
        return False
    return all(names(hop, upstream) for hop, upstream in pairwise(path))


def role(hop: Hop) -> HopRole:
    """Return a provider's part in this call, as far as its answer shows it."""
    said = code(hop)
    if said is AnswerCode.UPSTREAM_FOREIGN:
        return HopRole.GATEWAY
    if said is AnswerCode.ORIGINATED:
        return HopRole.ORIGINATING
    if hop.index == 1:
        return HopRole.TERMINATING
    return HopRole.INTERMEDIATE if said in PASSED_ON else HopRole.UNKNOWN


def conclude(path: tuple[Hop, ...], *, exhausted: bool) -> Outcome:
    """Grade a walk that cannot go on. ``exhausted``: the limit of hops was reached."""
    tip = path[-1]
    said = tip.statement
    if said and said.code is AnswerCode.ORIGINATED and proven(path):
        return _originated(path)
    if said and said.code is AnswerCode.UPSTREAM_FOREIGN and proven(path):
        return _entered(path)
    return Outcome(grade=Grade.FRONTIER, sentence=f"{_reach(path)} {_why(tip, exhausted=exhausted)}".strip())


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

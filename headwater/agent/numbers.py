"""Who serves a call-back number, as far as the carrier's own records show where it hands calls to it. Path data only.

Where they do not show it, or show several kinds of neighbour, nothing is answered: the question waits for the carrier's
people. That no record is there proves nothing of who serves a number, so "we do not serve it" is a person's to say.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from headwater.agent.answers import AGENT, excluded, stamp
from headwater.agent.config import Carrier
from headwater.agent.policy import Policy
from headwater.agent.search import Records
from headwater.calls.legs import Direction, Leg, Peer, PeerKind, Profile, legs
from headwater.numbering.numbers import canonical
from headwater.wire.agents import Party
from headwater.wire.forward import ForwardCode, NumberAnswer, NumberQuestion

#: How far back records are looked at: the nearest time that shows any decides, for a number may have moved.
REACHES: Final = (timedelta(hours=1), timedelta(days=1), timedelta(days=30))
_CODES: Final = {
    PeerKind.CUSTOMER: ForwardCode.SERVES,
    PeerKind.RESELLER: ForwardCode.RESOLD,
    PeerKind.CARRIER: ForwardCode.ROUTED,
    PeerKind.FOREIGN: ForwardCode.ROUTED,
}


def may_answer(question: NumberQuestion, policy: Policy) -> bool:
    """Tell whether the carrier's policy lets its agent answer; else its people do."""
    return policy.numbers and not excluded(question, policy)


def decide(question: NumberQuestion, records: Records, carrier: Carrier, now: datetime) -> NumberAnswer | None:
    """Return the carrier's answer, or None where it is for its people to give. Blocks: call it from a thread."""
    if not may_answer(question, carrier.policy):
        return None
    handed, reach = found(question, records, carrier.profile, now)
    return answer(question, handed, reach=reach, provider=carrier.party, now=now)


def found(question: NumberQuestion, records: Records, profile: Profile, now: datetime) -> tuple[list[Leg], timedelta]:
    """Return the legs on which the carrier handed calls to the number over, lately."""
    number = canonical(question.number)
    for reach in REACHES:
        half = int(reach.total_seconds() // 2)
        at = now - timedelta(seconds=half)
        rows = records.find_sip(called=number, calling="", at=at, window_s=half)
        rows += records.find_cdrs(called=number, at=at, window_s=half)
        handed = [
            leg
            for leg in legs(rows, profile)
            if leg.direction is Direction.EGRESS and leg.peer is not None and leg.called[-10:] == number[-10:]
        ]
        if handed:
            return handed, reach
    return [], REACHES[-1]


def answer(
    question: NumberQuestion, handed: Sequence[Leg], *, reach: timedelta, provider: Party, now: datetime
) -> NumberAnswer | None:
    """Return what the hand-overs say, or None where they do not agree on the kind of neighbour. Pure."""
    peers = Counter(_known_as(leg.peer) for leg in handed if leg.peer is not None)
    codes = {_CODES[kind] for kind, *_ in peers}
    if len(codes) != 1:
        return None
    code = codes.pop()
    (kind, spc, name, country), most = peers.most_common(1)[0]
    names = None if kind is PeerKind.CUSTOMER else Party(spc=spc, name=name, country=country)
    to = "a customer of ours" if names is None else names.name or names.spc
    hours = int(reach.total_seconds() // 3_600)
    return NumberAnswer(
        question_id=question.question_id,
        forward_id=question.forward_id,
        provider=provider,
        code=code,
        names=names,
        basis=[f"{most} of {peers.total()} calls to the number in the last {hours} h went to {to}"],
        answered_at=stamp(now),
        agent=AGENT,
    )


def _known_as(peer: Peer) -> tuple[PeerKind, str, str, str]:
    """Return by what a neighbour may be named: of a customer its kind alone."""
    if peer.kind is PeerKind.CUSTOMER:
        return peer.kind, "", "", ""
    return peer.kind, peer.spc, peer.name, peer.country

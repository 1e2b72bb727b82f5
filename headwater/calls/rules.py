"""Which of a carrier's calls is the one that a question names, and what the carrier answers. Pure.

Fellegi-Sunter: per field and level of agreement the weight is ln(m/u), where m is how often the same call agrees
so far, and u how often another call in the window does. The sum is normalised over all candidates *and* "there is
no record of it"; a candidate is accepted at probability 0.99 and 4.6 nats above the next one, else the answer asks
for more or says that no record was found. It never guesses between close ones.

Digits and start are weighed by ``calls.matching``, with what was learned of the pair of carriers; the weights below are
of legs and identifiers alone. Every decision carries ``VERSION``.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import exp, log
from typing import Final

from headwater.calls import matching
from headwater.calls.learning import Lesson, lesson
from headwater.calls.legs import Leg, Link, Passage, Peer, PeerKind, Profile, passages
from headwater.calls.matching import UNKNOWN_EDGE, Edge, Side
from headwater.calls.records import CallRecord
from headwater.numbering.numbers import E164
from headwater.wire.agents import AnswerCode

VERSION: Final = matching.VERSION
ACCEPT: Final = 0.99
MARGIN_NATS: Final = 4.6

NO_RECORD: Final = 0.05
"""Prior that the carrier has no record of the call: missing records (2%), and questions to the wrong carrier."""
IDENTIFIER_EQUAL: Final = log(0.97 / 1e-6)
CALL_ID_DIFFERS: Final = log(0.13 / 0.97)
"""Weak: an element at the border that no capture agent sees may replace it."""
IDENTITY_DIFFERS: Final = log(0.05 / 0.97)
SENT_TO_ASKER: Final = log(0.90 / 0.30)
SENT_TO_UNKNOWN: Final = log(0.08 / 0.15)
SENT_TO_OTHERS: Final = log(0.02 / 0.70)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """The call that a question names, in the digits and with the identifiers of the carrier that received it."""

    calling: E164
    called: E164
    call_at: datetime
    window_s: float
    downstream_spc: str = ""
    """Service Provider Code of the asker's last witness; "" at the terminating provider."""
    call_id: str = ""
    identity_digest: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """One field's part in a score."""

    field: str
    nats: float
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A passage with its score. ``leg`` is the one that was compared with the question."""

    passage: Passage
    leg: Leg
    grounds: tuple[Ground, ...]
    probability: float = 0.0

    @property
    def nats(self) -> float:
        """Sum of the weights."""
        return sum(ground.nats for ground in self.grounds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """What the carrier's records say to a question. ``best`` is the accepted candidate, if one was accepted."""

    code: AnswerCode
    best: Candidate | None
    upstream: Peer | None
    compared: int
    """Calls in the carrier's records that were compared."""
    no_record: float
    """Probability that the carrier has no record of the call."""
    basis: tuple[str, ...]
    note: str = ""

    @property
    def score_millinats(self) -> int:
        """Score of the accepted candidate in thousandths of a nat; 0 without one."""
        return round(self.best.nats * 1_000) if self.best else 0


def match_call(wanted: Wanted, records: Iterable[CallRecord], profile: Profile, *, edge: Edge = UNKNOWN_EDGE) -> Match:
    """Find the call that ``wanted`` names among the carrier's own captured INVITEs, and who handed it over.

    ``edge`` is what the carrier has learned of its clock against the asker's. The answer does not depend on the order
    of ``records``. Basis sentences name no digits and no other call.
    """
    found = passages(records, profile)
    ranked = _ranked(wanted, found, edge)
    no_record = 1.0 - sum(candidate.probability for candidate in ranked)
    if not ranked:
        return _without(AnswerCode.RECORD_NOT_FOUND, ranked, len(found), 1.0, "no call in the window agrees")
    best = ranked[0]
    margin = best.nats - ranked[1].nats if len(ranked) > 1 else float("inf")
    if best.probability >= ACCEPT and margin >= MARGIN_NATS:
        return _answer(wanted, best, compared=len(found), no_record=no_record, margin=margin)
    if no_record >= max(candidate.probability for candidate in ranked):
        return _without(AnswerCode.RECORD_NOT_FOUND, ranked, len(found), no_record, "no call agrees well enough")
    note = (
        f"{sum(1 for other in ranked if best.nats - other.nats < MARGIN_NATS)} calls fit about equally; the Call-ID or "
        "Identity digest of the leg, or a nearer time, would tell them apart"
        if margin < MARGIN_NATS
        else "one call fits, not surely enough; the Call-ID or Identity digest of the leg would settle it"
    )
    return _without(AnswerCode.NEED_INFO, ranked, len(found), no_record, note)


def _without(code: AnswerCode, ranked: Sequence[Candidate], compared: int, no_record: float, note: str) -> Match:
    best = f"; the best has probability {ranked[0].probability:.3f}" if ranked else ""
    sentence = f"{VERSION}: {compared} calls compared{best}; probability that there is no record {no_record:.3f}"
    return Match(
        code=code, best=None, upstream=None, compared=compared, no_record=no_record, basis=(sentence,), note=note
    )


# -- scoring -----------------------------------------------------------------------------------------------------


def _ranked(wanted: Wanted, found: Sequence[Passage], edge: Edge) -> list[Candidate]:
    """Return the passages that could be the call, best first, with normalised probabilities."""
    eligible = [
        (passage, leg) for passage in found if _could_be(wanted, passage, leg := _reference(wanted, passage), edge)
    ]
    crowd = [(leg.called[-10:], leg.calling[-10:]) for _, leg in eligible]
    candidates = [
        Candidate(passage=passage, leg=leg, grounds=_grounds(wanted, passage, leg, crowd, edge))
        for passage, leg in eligible
    ]
    prior = log((1 - NO_RECORD) / NO_RECORD)
    logits = [prior + candidate.nats for candidate in candidates]
    highest = max([0.0, *logits])
    total = exp(-highest) + sum(exp(logit - highest) for logit in logits)
    scored = [
        Candidate(
            passage=candidate.passage,
            leg=candidate.leg,
            grounds=candidate.grounds,
            probability=exp(logit - highest) / total,
        )
        for candidate, logit in zip(candidates, logits, strict=True)
    ]
    return sorted(scored, key=lambda candidate: (-candidate.nats, candidate.leg.started, candidate.leg.call_id))


def _reference(wanted: Wanted, passage: Passage) -> Leg:
    """Return the leg that the asker saw: the one out to it, else the last one out, else the one in."""
    to_asker = [leg for leg in passage.egress if leg.peer and wanted.downstream_spc and _is_asker(wanted, leg.peer)]
    out = to_asker or passage.egress
    if out:
        return max(out, key=lambda leg: (leg.call_id == wanted.call_id, leg.started, leg.record.record_id.int))
    return passage.ingress or passage.inside[0]


def _is_asker(wanted: Wanted, peer: Peer) -> bool:
    return bool(peer.spc) and peer.spc == wanted.downstream_spc


def _could_be(wanted: Wanted, passage: Passage, leg: Leg, edge: Edge) -> bool:
    if _identified(wanted, passage):
        return True
    near = abs((leg.started - wanted.call_at).total_seconds() - edge.offset_s) <= wanted.window_s
    return near and bool(wanted.called) and leg.called[-7:] == wanted.called[-7:]


def _identified(wanted: Wanted, passage: Passage) -> bool:
    return any(
        (wanted.call_id and leg.call_id == wanted.call_id)
        or (wanted.identity_digest and leg.identity_digest == wanted.identity_digest)
        for leg in passage.legs
    )


def _grounds(
    wanted: Wanted, passage: Passage, leg: Leg, crowd: Sequence[tuple[str, str]], edge: Edge
) -> tuple[Ground, ...]:
    others = [calling for called, calling in crowd if called == leg.called[-10:]]
    same_caller = sum(1 for calling in others if calling == leg.calling[-10:]) - 1
    fields = matching.grounds(
        _side(wanted.call_at, wanted.calling, wanted.called),
        _side(leg.started, leg.calling, leg.called),
        window_s=wanted.window_s,
        edge=edge,
        crowd=(len(others) - 1, same_caller),
    )
    grounds = (
        *(_ground(one.field, one.nats, one.sentence) for one in fields),
        _identifier(wanted, passage, leg),
        _sent_to(wanted, passage),
    )
    return tuple(ground for ground in grounds if ground is not None)


def _side(started: datetime, calling: str, called: str) -> Side:
    return Side(start=started.timestamp(), calling=calling, called=called)


def identified(wanted: Wanted, match: Match) -> Lesson | None:
    """Return what an accepted match teaches of the pair of carriers, where a strong identifier joined it."""
    leg = match.best.leg if match.best else None
    if leg is None or not wanted.downstream_spc:
        return None
    asked = Side(start=wanted.call_at.timestamp(), call_id=wanted.call_id, identity=wanted.identity_digest)
    sent = Side(start=leg.started.timestamp(), call_id=leg.call_id, identity=leg.identity_digest)
    return lesson(asked, sent)


def _identifier(wanted: Wanted, passage: Passage, leg: Leg) -> Ground | None:
    """Weigh Call-ID and Identity as one group, the strongest alone: they depend on each other."""
    if wanted.call_id and any(other.call_id == wanted.call_id for other in passage.legs):
        where = "of the leg out" if leg.call_id == wanted.call_id else "of another leg of the call"
        return _ground("identifier", IDENTIFIER_EQUAL, f"Call-ID {where} agrees")
    if wanted.identity_digest and any(other.identity_digest == wanted.identity_digest for other in passage.legs):
        return _ground("identifier", IDENTIFIER_EQUAL, "Identity token agrees")
    if wanted.identity_digest and leg.identity_digest:
        return _ground("identifier", IDENTITY_DIFFERS, "Identity token differs")
    if wanted.call_id and leg.call_id:
        return _ground("identifier", CALL_ID_DIFFERS, "Call-ID differs")
    return None


def _sent_to(wanted: Wanted, passage: Passage) -> Ground | None:
    if not wanted.downstream_spc or not passage.egress:
        return None
    if any(leg.peer and _is_asker(wanted, leg.peer) for leg in passage.egress):
        return _ground("peer", SENT_TO_ASKER, "a leg out went to the carrier that received the call")
    if any(leg.peer is None for leg in passage.egress):
        return _ground("peer", SENT_TO_UNKNOWN, "a leg out went to an address that no list names")
    return _ground("peer", SENT_TO_OTHERS, "every leg out went to others than the carrier that names us")


def _ground(field: str, nats: float, sentence: str) -> Ground:
    return Ground(field=field, nats=nats, sentence=f"{sentence} ({nats:+.1f})")


# -- answering ---------------------------------------------------------------------------------------------------

_CODES: Final = {
    PeerKind.CARRIER: AnswerCode.UPSTREAM_US,
    PeerKind.FOREIGN: AnswerCode.UPSTREAM_FOREIGN,
    PeerKind.CUSTOMER: AnswerCode.ORIGINATED,
    PeerKind.RESELLER: AnswerCode.ORIGINATED_RESELLER,
}
_JOINED: Final = {
    Link.CALL_ID: "legs in and out have the same Call-ID",
    Link.IDENTITY: "legs in and out have the same Identity token",
    Link.CDR: "the switch's own records join the legs in and out",
    Link.NUMBERS: "legs in and out have the same numbers, {lag:.2f} s apart",
    Link.ALONE: "no leg out was captured",
}


def _answer(wanted: Wanted, best: Candidate, *, compared: int, no_record: float, margin: float) -> Match:
    """Name the upstream of an accepted candidate, or say why none can be named."""
    passage = best.passage
    above = f"{margin:.1f} nats above the next" if margin != float("inf") else "no other candidate"
    basis = [ground.sentence for ground in best.grounds]
    basis.append(f"{VERSION}: probability {best.probability:.4f}, {above}, {compared} calls compared")
    code, upstream, note = _upstream(wanted, passage)
    if passage.ingress is not None:
        lag = (best.leg.started - passage.ingress.started).total_seconds()
        basis.append(_JOINED[passage.link].format(lag=lag))
    return Match(
        code=code,
        best=best,
        upstream=upstream,
        compared=compared,
        no_record=no_record,
        basis=tuple(basis),
        note=note,
    )


def _upstream(wanted: Wanted, passage: Passage) -> tuple[AnswerCode, Peer | None, str]:
    if wanted.downstream_spc and passage.egress and all(leg.peer is not None for leg in passage.egress):
        kept = [leg.peer for leg in passage.egress if leg.peer is not None]
        if not any(_is_asker(wanted, peer) for peer in kept):
            return AnswerCode.NOT_OURS, None, "we carried this call and never handed it to the carrier that names us"
    if passage.ingress is None:
        return AnswerCode.RECORD_NOT_FOUND, None, "the call left us; no record shows where it came from"
    peer = passage.ingress.peer
    if peer is None:
        return AnswerCode.NEED_INFO, None, "the call is found; no list names the address that it came from"
    doubtful = [leg for leg in passage.rivals if leg.peer != peer]
    if doubtful:
        return AnswerCode.NEED_INFO, None, "the call is found; two legs in fit it, from different neighbours"
    return _CODES[peer.kind], peer, ""

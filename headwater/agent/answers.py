"""What leaves the carrier: an answer built from a match under the carrier's policy. Pure.

Path data only. Of a customer nothing leaves: no name, address, Call-ID or number of its own (the call was
ORIGINATED; who placed it needs legal process). Of other calls nothing leaves but how many were compared.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from typing import Final

from headwater import __version__
from headwater.agent.policy import Policy
from headwater.calls.legs import Direction, Leg, Peer, PeerKind
from headwater.calls.records import CallRecord
from headwater.calls.rules import Match, Wanted
from headwater.errors import Invalid
from headwater.numbering.numbers import canonical
from headwater.wire import agents as wire
from headwater.wire.commitments import Proof
from headwater.wire.forward import NumberQuestion

Prove = Callable[[CallRecord], Proof | None]
AGENT: Final = f"headwater-agent/{__version__}"
_UPSTREAM: Final = frozenset(
    {wire.AnswerCode.UPSTREAM_US, wire.AnswerCode.UPSTREAM_FOREIGN, wire.AnswerCode.ORIGINATED_RESELLER}
)


class BadQuestion(Invalid):
    """A question of the hub cannot be understood."""


def wanted(question: wire.Question, policy: Policy) -> Wanted:
    """Return what to look for, with the window cut to the policy's.

    Raises:
        BadQuestion: the time is no aware instant, or the window is none.
    """
    try:
        at = datetime.fromisoformat(question.call_at)
    except ValueError as error:
        raise BadQuestion(f"question {question.question_id}: call_at {question.call_at!r} is no time") from error
    if at.tzinfo is None or question.window_s < 1:
        raise BadQuestion(f"question {question.question_id}: call_at needs a zone, window_s at least 1")
    return Wanted(
        calling=canonical(question.calling),
        called=canonical(question.called),
        call_at=at,
        window_s=min(question.window_s, policy.max_window_s),
        downstream_spc=question.downstream.spc if question.downstream else "",
        call_id=question.call_id,
        identity_digest=question.identity_digest.lower(),
    )


def excluded(question: wire.Question | NumberQuestion, policy: Policy) -> str:
    """Return, in words, what of the policy keeps a question from the agent; "" where nothing does."""
    for what, value, patterns in (
        ("reason", question.reason, policy.reasons),
        ("requester", question.requester, policy.requesters),
        ("campaign", question.campaign, policy.campaigns),
    ):
        if not any(fnmatchcase(value, pattern) for pattern in patterns):
            return what
    return ""


def declined(question: wire.Question, provider: wire.Party, now: datetime, *, because: str = "reason") -> wire.Answer:
    """Return the answer to a question that the policy keeps from the agent."""
    note = f"the carrier's policy excludes this {because}"
    return _answer(question, provider, wire.AnswerCode.DECLINED, now, note=note)


def answer(  # noqa: PLR0913 - one argument a part of the answer, each by name
    question: wire.Question,
    match: Match,
    *,
    provider: wire.Party,
    policy: Policy,
    now: datetime,
    prove: Prove = lambda _record: None,
) -> wire.Answer:
    """Return the answer that ``match`` gives to ``question``. ``prove`` gives a record's proof, where there is one."""
    code = match.code
    note = match.note
    if code is wire.AnswerCode.RECORD_NOT_FOUND and _expired(question, policy, now):
        code, note = wire.AnswerCode.RECORD_EXPIRED, f"records are kept for {policy.retention_days} days"
    ingress, egress = _legs(match)
    show = code is not wire.AnswerCode.NOT_OURS
    return _answer(
        question,
        provider,
        code,
        now,
        upstream=_party(match.upstream) if code in _UPSTREAM and match.upstream else None,
        handed_to=_handed_to(question, egress) if show else None,
        ingress=_leg(ingress, question, policy, prove) if ingress and show else None,
        egress=_leg(egress, question, policy, prove) if egress and show else None,
        score_millinats=match.score_millinats,
        basis=list(match.basis),
        candidates=match.compared,
        note=note,
    )


def _answer(
    question: wire.Question, provider: wire.Party, code: wire.AnswerCode, now: datetime, **said: object
) -> wire.Answer:
    members = {
        "question_id": question.question_id,
        "traceback_id": question.traceback_id,
        "provider": provider,
        "code": code,
        "answered_at": stamp(now),
        "agent": AGENT,
        **said,
    }
    return wire.Answer(**members)  # type: ignore[arg-type]  # checked where each member is given


def _expired(question: wire.Question, policy: Policy, now: datetime) -> bool:
    return datetime.fromisoformat(question.call_at) < now - timedelta(days=policy.retention_days)


def _legs(match: Match) -> tuple[Leg | None, Leg | None]:
    if match.best is None:
        return None, None
    compared = match.best.leg
    return match.best.passage.ingress, compared if compared.direction is Direction.EGRESS else None


def _handed_to(question: wire.Question, egress: Leg | None) -> wire.Party | None:
    """Return the carrier that the call went to, where the question does not name it; a customer is never named."""
    peer = egress.peer if egress else None
    if question.downstream is not None or peer is None or peer.kind not in {PeerKind.CARRIER, PeerKind.FOREIGN}:
        return None
    return _party(peer)


def _party(peer: Peer) -> wire.Party:
    return wire.Party(spc=peer.spc, name=peer.name, country=peer.country)


def _leg(leg: Leg, question: wire.Question, policy: Policy, prove: Prove) -> wire.Leg:
    fields = set(policy.fields)
    calling = leg.calling
    if leg.peer is None or leg.peer.kind is PeerKind.CUSTOMER:  # an address that no list names may be a customer's
        fields -= {"source_ip", "destination_ip"}
        if leg.direction is Direction.INGRESS:
            # A customer's Call-ID names its host, and its own number may stand where the shown one does later.
            fields -= {"call_id"}
            calling = calling if calling == canonical(question.calling) else canonical("")
    return wire.Leg(
        call_at=stamp(leg.started),
        calling=calling,
        called=leg.called,
        call_id=leg.call_id if "call_id" in fields else "",
        source_ip=leg.source_ip if "source_ip" in fields else "",
        destination_ip=leg.destination_ip if "destination_ip" in fields else "",
        identity_digest=leg.identity_digest if "identity_digest" in fields else "",
        attest=leg.attest if "attest" in fields else "",
        origid=leg.origid if "origid" in fields else "",
        record_id=str(leg.record.record_id) if "record" in fields else "",
        record_sha256=leg.record.raw_sha256.hex() if "record" in fields else "",
        duration_ms=leg.record.duration_ms if "duration" in fields else -1,
        proof=prove(leg.record) if "record" in fields else None,
    )


def stamp(moment: datetime) -> str:
    """Return an instant as the wire has it: ISO 8601 in UTC with microseconds and ``Z``."""
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")

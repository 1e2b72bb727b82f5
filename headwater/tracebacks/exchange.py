"""Between the engine's values and the wire's messages: a hop becomes a question, an answer a statement."""

from datetime import UTC, datetime

from headwater.numbering.numbers import canonical
from headwater.providers.queries import ProviderView
from headwater.tracebacks import links
from headwater.tracebacks.checks import ProviderError
from headwater.tracebacks.outcomes import PASSED_ON
from headwater.tracebacks.states import Reason
from headwater.tracebacks.trace import Call, Hop, Party, Respondent, Statement
from headwater.wire import agents as wire

#: Who asks: the consortium traces on its own account; an agency gets what a process opens, and asks no carrier here.
REQUESTER = "consortium"
#: Longest free text that an answer may carry, and most lines of basis.
MAX_NOTE = 2_000
MAX_BASIS = 40


def instant(at: datetime) -> str:
    """Return ``at`` as messages write instants: UTC, microseconds, ``Z``."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def parsed(text: str, what: str) -> datetime:
    """Return the instant that a provider wrote.

    Raises:
        ProviderError: it is none, or has no zone.
    """
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise ProviderError(f"{what} {text[:40]!r} is no ISO 8601 time") from None
    if at.tzinfo is None:
        raise ProviderError(f"{what} {text[:40]!r} has no zone: write UTC with Z")
    return at.astimezone(UTC)


def respondent(provider: ProviderView) -> Respondent:
    """Return a provider of the register as the engine asks it."""
    return Respondent(
        provider_id=provider.id,
        spc=provider.spc,
        name=provider.name,
        country=provider.country,
        office_zone=provider.office_time_zone,
        by_agent=provider.by_agent,
    )


def question(
    hop: Hop, *, traceback_id: str, downstream: Respondent | None, campaign: str, reason: Reason
) -> wire.Question:
    """Return the message that puts ``hop``'s question to its provider."""
    neighbour = wire.Party(spc=downstream.spc, name=downstream.name, country=downstream.country) if downstream else None
    return wire.Question(
        question_id=hop.question_id,
        traceback_id=traceback_id,
        hop=hop.index,
        calling=hop.call.calling,
        called=hop.call.called,
        call_at=instant(hop.call.call_at),
        window_s=hop.window_s,
        downstream=neighbour,
        call_id=hop.call.call_id,
        identity_digest=hop.call.identity_digest,
        campaign=campaign,
        reason=reason.value,
        requester=REQUESTER,
        asked_at=instant(hop.asked_at),
        legal_due_at=instant(hop.legal_due_at),
        platform_due_at=instant(hop.platform_due_at),
    )


def statement(  # noqa: PLR0913 - one argument a fact of the answer, each by name
    answer: wire.Answer,
    *,
    answer_id: str,
    upstream: ProviderView | None,
    by_person: bool,
    received_at: datetime,
    asked: wire.Question | None = None,
    deposited: bool = False,
) -> Statement:
    """Return what of an answer the walk depends on.

    Args:
        answer: As it came.
        answer_id: Its number.
        upstream: The named provider where the register has it.
        by_person: Whether a person gave it.
        received_at: By our clock.
        deposited: Whether it was made of a record that the provider deposited.
        asked: The question, to judge by our own comparison whether the leg that is given is the one asked about.

    Raises:
        ProviderError: a part of it cannot be read.
    """
    if len(answer.note) > MAX_NOTE or len(answer.basis) > MAX_BASIS or any(len(b) > MAX_NOTE for b in answer.basis):
        raise ProviderError(f"note and each of at most {MAX_BASIS} lines of basis may have {MAX_NOTE} characters")
    named = answer.upstream
    matched = answer.egress or answer.ingress
    return Statement(
        answer_id=answer_id,
        code=answer.code,
        upstream=party(named) if named else None,
        respondent=respondent(upstream) if upstream and answer.code in PASSED_ON else None,
        handed_to=party(answer.handed_to) if answer.handed_to else None,
        ingress=_call(answer.ingress) if answer.ingress else None,
        matched_at=parsed(matched.call_at, "call_at of the matched leg") if matched else None,
        record=_record(answer),
        by_person=by_person,
        deposited=deposited,
        note=answer.note,
        link_ppm=links.judge(asked, answer.egress) if asked and answer.egress else -1,
        answered_at=parsed(answer.answered_at, "answered_at"),
        received_at=received_at,
    )


def party(named: wire.Party) -> Party:
    """Return a provider as an answer names it.

    Raises:
        ProviderError: a part of the name is missing or too long.
    """
    if len(named.spc) > 16 or len(named.name) > 200 or len(named.country) != 2:
        raise ProviderError("an upstream has a code of up to 16, a name of up to 200 and a country of 2 characters")
    if not named.spc.strip() and not named.name.strip():
        raise ProviderError("the upstream is named neither by code nor by name")
    return Party(spc=named.spc.strip().upper(), name=named.name.strip(), country=named.country.upper())


def _call(leg: wire.Leg) -> Call:
    calling, called = canonical(leg.calling), canonical(leg.called)
    if not called:
        raise ProviderError(f"the ingress leg's called number {leg.called[:20]!r} is no telephone number")
    if len(leg.call_id) > 256 or len(leg.identity_digest) > 64:
        raise ProviderError("call_id may have 256 and identity_digest 64 characters")
    return Call(
        calling=calling,
        called=called,
        call_at=parsed(leg.call_at, "call_at of the ingress leg"),
        call_id=leg.call_id,
        identity_digest=leg.identity_digest,
        duration_ms=max(-1, leg.duration_ms),
    )


def _record(answer: wire.Answer) -> str:
    for leg in (answer.ingress, answer.egress):
        if leg and (leg.record_sha256 or leg.record_id):
            return (leg.record_sha256 or leg.record_id)[:128]
    return ""

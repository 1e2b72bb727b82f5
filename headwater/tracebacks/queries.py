"""What may be read of tracebacks, and by whom. Frozen values; the called number leaves only masked."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db.models import Count, Prefetch, QuerySet

from headwater.accounts.actors import Actor
from headwater.accounts.permissions import Permission
from headwater.campaigns.merged import united
from headwater.numbering.numbers import E164, masked, state
from headwater.signers import queries as signers
from headwater.signers.rules import anomalies
from headwater.signers.values import PathStep
from headwater.tracebacks import projection
from headwater.tracebacks.actions import TracebackNotFound
from headwater.tracebacks.lies import contradictions
from headwater.tracebacks.models import Answer, Flag, Hop, RefusedAnswer, Traceback
from headwater.tracebacks.states import OPEN_STATES, Deadline, Grade, HopKind, HopRole, HopState, TracebackState
from headwater.tracebacks.views import (
    AnswerView,
    EventView,
    FlagView,
    HopView,
    OutcomeCount,
    ProviderRef,
    SignedView,
    TracebackRow,
    TracebackView,
)

__all__ = [
    "AnswerView",
    "EventView",
    "FlagView",
    "HopView",
    "OutcomeCount",
    "ProviderRef",
    "SignedView",
    "TracebackNotFound",
    "TracebackRow",
    "TracebackView",
    "answer_view",
    "answers",
    "events",
    "for_campaign",
    "outcomes",
    "replay",
    "traceback",
    "tracebacks",
    "visible_to",
]


def visible_to(actor: Actor) -> QuerySet[Traceback]:
    """Return the tracebacks that ``actor`` may see: all for the consortium, none for anybody else.

    An agency sees tracebacks in the packages that an accepted process gave it, a provider its own questions.
    """
    return Traceback.objects.all() if actor.may(Permission.TRACEBACK_READ) else Traceback.objects.none()


def tracebacks(actor: Actor, *, state: str = "", campaign_id: str = "", limit: int = 200) -> list[TracebackRow]:
    """Return tracebacks: open ones by the clock that runs out first, then the others, the newest first."""
    rows = visible_to(actor).select_related("campaign", "origin")
    if state == "open":
        rows = rows.filter(state__in=list(OPEN_STATES))
    elif state:
        rows = rows.filter(state=state)
    if campaign_id:
        rows = rows.filter(campaign_id__in=united({campaign_id}))
    standing = Prefetch(
        "hops",
        Hop.objects.filter(withdrawn_at=None, index__gt=0).select_related("provider").order_by("index"),
        to_attr="standing",
    )
    views = [_row(row) for row in rows.prefetch_related(standing).order_by("-opened_at")[:limit]]
    last = datetime.max.replace(tzinfo=views[0].opened_at.tzinfo) if views else None
    return sorted(views, key=lambda view: (view.state not in OPEN_STATES, view.next_deadline_at or last))


def for_campaign(actor: Actor, campaign_id: str) -> list[TracebackRow]:
    """Return the tracebacks of one campaign, the open ones first."""
    return tracebacks(actor, campaign_id=campaign_id)


def outcomes(campaign_id: str) -> list[OutcomeCount]:
    """Count a campaign's tracebacks by outcome. For a door that has shown the campaign's alert to its reader.

    Reads the five columns that the portal's role may read, and no other.
    """
    rows = Traceback.objects.filter(campaign_id__in=united({campaign_id})).order_by()
    counted = rows.values_list("state", "grade", "origin__name").annotate(Count("id"))
    return [
        OutcomeCount(state=TracebackState(s), grade=Grade(g), origin_name=name or "", tracebacks=number)
        for s, g, name, number in counted
    ]


def traceback(actor: Actor, traceback_id: str) -> TracebackView:
    """Return one traceback in full.

    Raises:
        TracebackNotFound: there is none that the actor may see.
    """
    row = visible_to(actor).select_related("campaign", "origin").filter(id=traceback_id).first()
    if row is None:
        raise TracebackNotFound(f"There is no traceback {traceback_id[:32]}.")
    newest = Prefetch("answers", Answer.objects.order_by("-version").defer("octets"), to_attr="by_version")
    trace = projection.load(row).trace
    hops = list(row.hops.select_related("provider", "upstream").prefetch_related(newest).order_by("asked_at", "index"))
    names = {hop.id: f"{hop.provider.name} (hop {hop.index})" for hop in hops}
    flags = Flag.objects.filter(hop__traceback=row).select_related("provider").order_by("at", "id")
    views = {hop.id: _hop(hop) for hop in hops}
    path_ids = tuple(hop.question_id for hop in trace.path if hop.question_id in views)
    return TracebackView(
        id=row.id,
        campaign_id=row.campaign_id or "",
        campaign_name=row.campaign.name if row.campaign else "",
        record_id=row.record_id,
        calling=row.calling,
        called_masked=masked(E164(row.called)),
        called_state=state(E164(row.called)),
        call_at=row.call_at,
        state=TracebackState(row.state),
        grade=Grade(row.grade),
        outcome=row.outcome,
        origin=_ref(row.origin) if row.origin else None,
        opened_by=row.opened_by,
        opened_at=row.opened_at,
        closed_at=row.closed_at,
        engine_version=row.engine_version,
        hops=tuple(views.values()),
        path_ids=path_ids,
        branches=tuple(views[hop.question_id] for hop in trace.branches if hop.question_id in views),
        contradictions=contradictions(trace),
        signature=_signed(row, [views[question_id] for question_id in path_ids], hops),
        events=tuple(
            EventView(at=at, text=_words(event, names))
            for event, at in row.events.values_list("event", "at").order_by("sequence")
        ),
        flags=tuple(_flag(flag) for flag in flags),
        refused=RefusedAnswer.objects.filter(hop__traceback=row).count(),
    )


def answers(actor: Actor, traceback_id: str) -> list[AnswerView]:
    """Return every version of every answer of a traceback with its octets, for a package.

    Raises:
        TracebackNotFound: there is none that the actor may see.
    """
    if not visible_to(actor).filter(id=traceback_id).exists():
        raise TracebackNotFound(f"There is no traceback {traceback_id[:32]}.")
    rows = Answer.objects.filter(hop__traceback_id=traceback_id).order_by("received_at", "version")
    return [answer_view(row) for row in rows]


def events(actor: Actor, traceback_id: str) -> list[Mapping[str, Any]]:
    """Return the stored events of a traceback as they are, for a package: folding them gives it again.

    Raises:
        TracebackNotFound: there is none that the actor may see.
    """
    row = visible_to(actor).filter(id=traceback_id).first()
    if row is None:
        raise TracebackNotFound(f"There is no traceback {traceback_id[:32]}.")
    stored = row.events.order_by("sequence").values("sequence", "at", "event", "answer_id")
    return [dict(one) for one in stored]


def replay(actor: Actor, traceback_id: str) -> list[str]:
    """Fold a traceback's events again and name every place where the stored rows differ; [] where none does.

    Raises:
        TracebackNotFound: there is none that the actor may see.
    """
    row = visible_to(actor).filter(id=traceback_id).first()
    if row is None:
        raise TracebackNotFound(f"There is no traceback {traceback_id[:32]}.")
    return projection.differences(row)


# -- rows to values


def _ref(row: Any) -> ProviderRef:
    return ProviderRef(id=row.id, name=row.name, spc=row.spc, country=row.country)


def _signed(row: Traceback, path: list[HopView], hops: list[Any]) -> SignedView | None:
    """Hold the call's signature against the walk."""
    found = signers.at_hand([row.record_id])[0].get(row.record_id)
    if found is None or not found.spc:
        return None
    legs = {hop.id: hop.by_version[0].payload.get("ingress") for hop in hops if hop.by_version}
    steps = [
        PathStep(
            hop=place,
            spc=hop.provider.spc,
            name=hop.provider.name,
            question_id=hop.question_id,
            answer=hop.answer_code,
            identity_digest=(legs.get(hop.question_id) or {}).get("identity_digest", ""),
            states_leg=legs.get(hop.question_id) is not None,
        )
        for place, hop in enumerate(path, start=1)
    ]
    odd = anomalies(
        signers=found.signers if found.valid else (),
        attest=found.attest,
        reasons=[found.reason] if found.reason else [],
        path=steps,
        record_id=str(row.record_id),
    )
    own = [flag for flag in found.flags if flag.kind not in {one.kind for one in odd}]
    return SignedView(
        spc=found.spc,
        name=found.provider_name or found.spc,
        attest=found.attest,
        valid=found.valid,
        met=any(step.spc == found.spc for step in steps),
        anomalies=(*odd, *own),
    )


def _named(hop: Hop) -> ProviderRef | None:
    if hop.upstream:
        return _ref(hop.upstream)
    said = hop.upstream_named
    if not said:
        return None
    return ProviderRef(id="", name=said.get("name", ""), spc=said.get("spc", ""), country=said.get("country", ""))


def _hop(hop: Any) -> HopView:
    last = hop.by_version[0] if hop.by_version and hop.answer_code else None
    payload = last.payload if last else {}
    return HopView(
        question_id=hop.id,
        index=hop.index,
        kind=HopKind(hop.kind),
        attempt=hop.attempt,
        provider=_ref(hop.provider),
        by_agent=hop.provider.channel == "agent",
        role=HopRole(hop.role),
        state=HopState(hop.state),
        asked_at=hop.asked_at,
        viewed_at=hop.viewed_at,
        answered_at=hop.answered_at,
        legal_due_at=hop.legal_due_at,
        platform_due_at=hop.platform_due_at,
        final_due_at=hop.final_due_at,
        next_deadline_at=hop.next_deadline_at,
        answer_code=hop.answer_code,
        upstream=_named(hop),
        basis=tuple(hop.basis),
        score_millinats=payload.get("score_millinats", 0),
        candidates=payload.get("candidates", 0),
        note=payload.get("note", ""),
        answered_by=last.answered_by if last else "",
        key_id=last.key_id if last else "",
        deposit=last.deposit if last else "",
        answer_sha256=last.octets_sha256 if last else "",
        versions=len(hop.by_version),
        withdrawn_at=hop.withdrawn_at,
    )


def _row(row: Any) -> TracebackRow:
    waiting = next((hop for hop in row.standing if hop.next_deadline_at is not None), None)
    return TracebackRow(
        id=row.id,
        campaign_id=row.campaign_id or "",
        campaign_name=row.campaign.name if row.campaign else "",
        state=TracebackState(row.state),
        grade=Grade(row.grade),
        calling=row.calling,
        called_masked=masked(E164(row.called)),
        called_state=state(E164(row.called)),
        call_at=row.call_at,
        opened_at=row.opened_at,
        closed_at=row.closed_at,
        hops=len(row.standing),
        waiting_for=waiting.provider.name if waiting else "",
        next_deadline_at=waiting.next_deadline_at if waiting else None,
        legal_due_at=waiting.legal_due_at if waiting else None,
        overdue=waiting is not None and waiting.state == HopState.OVERDUE,
        origin_name=row.origin.name if row.origin else "",
    )


def _flag(flag: Flag) -> FlagView:
    return FlagView(
        at=flag.at,
        kind=flag.kind,
        label=flag.get_kind_display(),
        provider=flag.provider.name,
        question_id=flag.hop_id,
        detail=flag.detail,
    )


def answer_view(row: Answer) -> AnswerView:
    """Return one stored answer as a value."""
    return AnswerView(
        receipt_id=row.id,
        question_id=row.hop_id,
        version=row.version,
        code=row.code,
        payload=row.payload,
        octets=bytes(row.octets),
        octets_sha256=row.octets_sha256,
        key_id=row.key_id,
        answered_by=row.answered_by,
        received_at=row.received_at,
    )


def _search(event: Mapping[str, Any], who: str) -> str:
    found, asked = len(event.get("respondents", [])), event.get("asked", 0)
    what = "carried the call at all" if event.get("far") else f"handed the call to {who}"
    blindly = f"{asked} agents were searched blindly for who {what}: " if asked > found else ""
    if not found:
        return f"{blindly}nobody is found." if blindly else f"Nobody is known that may have {what}."
    return f"{blindly}{found} provider{'s are' if found > 1 else ' is'} asked whether they {what}."


def _beside(event: Mapping[str, Any]) -> str:
    signer = event.get("signer")
    return f", and {signer['respondent']['name']}, which signed the call, beside it" if signer else ""


def _words(event: Mapping[str, Any], names: Mapping[str, str]) -> str:  # noqa: PLR0911 - one return an event, as a table
    """Say one stored event in a sentence."""
    who = names.get(str(event.get("question_id", "")), "A provider")
    match event["event"]:
        case "opened":
            first = f"{event['terminating']['name']} is asked first{_beside(event)}"
            return f"Opened by {event.get('by') or 'Headwater'}; {first}."
        case "viewed":
            return f"{who} saw its question."
        case "answered":
            said = event["statement"]
            if said.get("deposited"):
                return f"{who} did not answer: what it deposited says {said['code']}."
            upstream = said.get("upstream") or {}
            names_it = f", naming {upstream.get('name') or upstream.get('spc')}" if upstream else ""
            return f"{who} answered {said['code']}{names_it}{' by hand' if said.get('by_person') else ''}."
        case "deadlinepassed":
            return f"{Deadline(event['deadline']).label} of {who} passed without an answer."
        case "candidates":
            return _search(event, who)
        case "reopened":
            return f"Opened again by {event['by']}: {event['reason']}"
        case "cancelled":
            return f"Called off by {event['by']}: {event['reason']}"
        case _:
            return f"An answer of {who} could no longer be taken: {event.get('reason', '')}"

"""What may be read of campaigns, and by whom. Hands out frozen values only."""

import uuid
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from django.db import connection, transaction
from django.db.models import Count, QuerySet

from headwater.accounts.actors import Actor
from headwater.accounts.permissions import OrganisationKind, Permission
from headwater.audit.actions import record as audit
from headwater.audit.tags import Tag
from headwater.campaigns import merged, rules
from headwater.campaigns.models import (
    Campaign,
    CampaignExemplar,
    CampaignMember,
    CampaignStateChange,
    DetectorCheckpoint,
    SetAsideCall,
)
from headwater.campaigns.rules import Liveness
from headwater.campaigns.states import CampaignState, NameStatus
from headwater.campaigns.values import (
    CampaignPage,
    CampaignRow,
    CampaignView,
    DetectorView,
    Member,
    MemberPage,
    Provenance,
    Reason,
    Sample,
    Similar,
    StateChange,
)
from headwater.errors import NotFound
from headwater.numbering.numbers import E164

#: A sparkline shows the last hour in two-minute steps.
SPARK_STEPS = 30
SPARK_STEP = timedelta(minutes=2)
_PAGE = 50
_MEMBERS_PAGE = 100


class Order(StrEnum):
    """What a list of campaigns can be sorted by."""

    LAST_CALL = "last_call"
    CALLS = "calls"
    FIRST_CALL = "first_call"
    NAME = "name"
    STATE = "state"


_ORDER_BY = {
    Order.LAST_CALL: ("-last_call_at", "id"),
    Order.CALLS: ("-calls", "-last_call_at", "id"),
    Order.FIRST_CALL: ("-first_call_at", "id"),
    Order.NAME: ("name", "id"),
    Order.STATE: ("state", "-last_call_at", "id"),
}


def visible_to(actor: Actor) -> QuerySet[Campaign]:
    """Return the campaigns that ``actor`` may see: all for the consortium's people, none for others.

    Agencies learn of campaigns through their alerts.
    """
    if actor.organisation_kind == OrganisationKind.CONSORTIUM and actor.may(Permission.CAMPAIGN_READ):
        return Campaign.objects.all()
    return Campaign.objects.none()


def campaigns(
    actor: Actor, *, now: datetime, states: Sequence[CampaignState] = (), order: Order = Order.LAST_CALL, page: int = 1
) -> CampaignPage:
    """Return one page of the campaigns that ``actor`` may see, of ``states`` or of all."""
    # What went into another campaign is counted there; its page still leads to it.
    seen = visible_to(actor).filter(merged_into__isnull=True)
    by_state = dict(seen.order_by().values_list("state").annotate(Count("id")))
    chosen = seen.filter(state__in=states) if states else seen
    total = sum(by_state.get(state, 0) for state in (states or CampaignState))
    pages = max(1, -(-total // _PAGE))
    page = min(max(page, 1), pages)
    rows = list(chosen.order_by("-priority", *_ORDER_BY[order])[(page - 1) * _PAGE : page * _PAGE])
    sparks = _sparks([row.id for row in rows], now)
    return CampaignPage(
        rows=tuple(_row(row, sparks) for row in rows),
        total=total,
        page=page,
        pages=pages,
        by_state={state: by_state.get(state, 0) for state in CampaignState},
    )


def campaign(actor: Actor, campaign_id: str, *, now: datetime) -> CampaignView:
    """Return one campaign in full; the audit notes that it and its sample call were seen."""
    with transaction.atomic():
        found = _visible(actor, campaign_id)
        latest = list(CampaignMember.objects.filter(campaign=found).order_by("-call_at")[:1_000])
        sample = _sample(found.id)
        view = CampaignView(
            row=_row(found, _sparks([found.id], now)),
            name_basis=found.name_basis,
            detected_at=found.detected_at,
            rule_version=found.rule_version,
            liveness=liveness(found.id, now),
            sample=sample,
            history=_history(found.id),
            sources=_counted(member.source_id for member in latest),
            terminating=_counted(member.terminating_spc for member in latest),
            calling_numbers=len({member.calling for member in latest}),
            sampled_calls=len(latest),
            similar=_similar(actor, latest),
            merged_into=found.merged_into_id or "",
            split_from=found.split_from_id or "",
            allowed_because=found.allowed_because,
            told_by=tuple(sorted(found.sources.items(), key=lambda pair: (-pair[1], pair[0]))),
        )
        audit(actor, Tag.CAMPAIGN_VIEWED, found.id)
        if sample is not None:
            audit(actor, Tag.CALL_VIEWED, str(sample.member.record_id), {"campaign": found.id})
    return view


def members(actor: Actor, campaign_id: str, *, page: int = 1) -> MemberPage:
    """Return one page of a campaign's calls, newest first; the audit notes which were seen."""
    with transaction.atomic():
        found = _visible(actor, campaign_id)
        pages = max(1, -(-found.calls // _MEMBERS_PAGE))
        page = min(max(page, 1), pages)
        first = (page - 1) * _MEMBERS_PAGE
        rows = list(
            CampaignMember.objects.filter(campaign=found).order_by("-call_at", "record_id")[
                first : first + _MEMBERS_PAGE
            ]
        )
        exemplars = _exemplars_among(rows)
        audit(
            actor,
            Tag.CALL_VIEWED,
            found.id,
            {"calls": [row.record_id for row in rows]},
        )
    return MemberPage(rows=tuple(_member(row, exemplars) for row in rows), page=page, pages=pages)


def exemplar(actor: Actor, campaign_id: str, record_id: uuid.UUID) -> Sample:
    """Return one exemplar of a campaign in full; the audit notes that the call was seen."""
    with transaction.atomic():
        found = _visible(actor, campaign_id)
        row = CampaignExemplar.objects.filter(campaign=found, record_id=record_id).first()
        if row is None:
            message = f"The call {record_id} is no exemplar of the campaign {campaign_id}."
            raise NotFound(message)
        audit(actor, Tag.CALL_VIEWED, str(record_id), {"campaign": found.id})
        member = CampaignMember.objects.get(record_id=record_id)
    return Sample(member=_member(member, {record_id}), text=row.text)


def membership(actor: Actor, campaign_id: str, record_id: uuid.UUID) -> Member:
    """Return one call of a campaign with why it belongs; the audit notes that it was seen."""
    with transaction.atomic():
        found = _visible(actor, campaign_id)
        row = CampaignMember.objects.filter(campaign=found, record_id=record_id).first()
        if row is None:
            raise NotFound(f"The call {record_id} is not in the campaign {campaign_id}.")
        audit(actor, Tag.CALL_VIEWED, str(record_id), {"campaign": found.id})
    return _member(row, _exemplars_among([row]))


def exemplars(actor: Actor, campaign_id: str) -> tuple[tuple[uuid.UUID, str], ...]:
    """Return (record id, text) of what calls are compared with now, oldest first; the audit notes that it was seen."""
    with transaction.atomic():
        found = _visible(actor, campaign_id)
        rows = CampaignExemplar.objects.filter(campaign=found, retired__isnull=True).order_by("added")
        texts = tuple(rows.values_list("record_id", "text"))
        audit(actor, Tag.CALL_VIEWED, found.id, {"calls": [record_id for record_id, _ in texts]})
    return texts


def samples(actor: Actor, campaign_id: str, *, state: str = "", limit: int = 3) -> tuple[Sample, ...]:
    """Return exemplars of a campaign in full, those heard in ``state`` first; the audit notes that they were seen."""
    with transaction.atomic():
        found = _visible(actor, campaign_id)
        rows = {row.record_id: row for row in CampaignExemplar.objects.filter(campaign=found)}
        heard = CampaignMember.objects.filter(record_id__in=rows).order_by("call_at", "record_id")
        chosen = sorted(heard, key=lambda member: member.called_state != state)[:limit]
        audit(actor, Tag.CALL_VIEWED, found.id, {"calls": [member.record_id for member in chosen]})
    return tuple(Sample(member=_member(m, {m.record_id}), text=rows[m.record_id].text) for m in chosen)


def liveness(campaign_id: str, now: datetime) -> Liveness:
    """Return whether the campaign rings at ``now``; the rule is in ``rules.liveness``. For Headwater itself.

    Of one that went into another: whether that one rings (``merged``).

    Raises:
        NotFound: There is no such campaign.
    """
    found = Campaign.objects.filter(id=campaign_id).first()
    if found is None:
        message = f"There is no campaign {campaign_id}."
        raise NotFound(message)
    found = merged.standing(found)
    rang = CampaignMember.objects.filter(campaign=found, call_at__lte=now)
    latest = list(rang.order_by("-call_at").values_list("call_at", flat=True)[: rules.RATE_CALLS])
    window = rules.rate_window(found.first_call_at, now)
    return rules.liveness(
        latest or [found.first_call_at],
        first_call_at=found.first_call_at,
        in_last_minute=rang.filter(call_at__gt=now - timedelta(minutes=1)).count(),
        in_window=rang.filter(call_at__gt=now - window).count(),
        now=now,
    )


def of_calls(actor: Actor, record_ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, tuple[str, str]]:
    """Return (id, name) of the campaign of each of these records that is in one which the actor may see."""
    rows = CampaignMember.objects.filter(record_id__in=list(record_ids), campaign__in=visible_to(actor))
    return {
        record: (campaign, name)
        for record, campaign, name in rows.values_list("record_id", "campaign_id", "campaign__name")
    }


def detector() -> DetectorView:
    """Return how far the detector has read, and what it could not group. Figures only: anyone may know them."""
    row = DetectorCheckpoint.objects.filter(id=1).first()
    if row is None:
        return DetectorView(read_to=None, placed=0, without_text=0, too_short=0, set_aside=0)
    return DetectorView(
        read_to=row.received_at,
        placed=row.placed,
        without_text=row.without_text,
        too_short=row.too_short,
        set_aside=SetAsideCall.objects.count(),
    )


def _visible(actor: Actor, campaign_id: str) -> Campaign:
    found = visible_to(actor).filter(id=campaign_id).first()
    if found is None:
        message = f"There is no campaign {campaign_id} that you may see."
        raise NotFound(message)
    return found


def _row(row: Campaign, sparks: Mapping[str, Sequence[int]]) -> CampaignRow:
    hit = sorted(((s, n) for s, n in row.states_hit.items() if s), key=lambda pair: (-pair[1], pair[0]))
    return CampaignRow(
        id=row.id,
        name=row.name,
        name_status=NameStatus(row.name_status),
        name_is_new=row.name_is_new,
        family=row.family,
        state=CampaignState(row.state),
        calls=row.calls,
        first_call_at=row.first_call_at,
        last_call_at=row.last_call_at,
        confirmed_at=row.confirmed_at,
        states_hit=tuple(hit),
        spark=tuple(sparks.get(row.id, (0,) * SPARK_STEPS)),
    )


def _sparks(ids: Sequence[str], now: datetime) -> dict[str, list[int]]:
    """Count the calls of each campaign in each step of the last hour, oldest step first."""
    sparks = {campaign_id: [0] * SPARK_STEPS for campaign_id in ids}
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT campaign_id,
                   LEAST(FLOOR(EXTRACT(EPOCH FROM %(now)s - call_at) / %(step)s), %(steps)s - 1)::int AS ago,
                   COUNT(*)
            FROM campaigns_campaignmember
            WHERE campaign_id = ANY(%(ids)s)
              AND call_at > %(since)s
              AND call_at <= %(now)s
            GROUP BY campaign_id, ago
            """,
            {
                "now": now,
                "since": now - SPARK_STEPS * SPARK_STEP,
                "step": SPARK_STEP.total_seconds(),
                "steps": SPARK_STEPS,
                "ids": list(ids),
            },
        )
        for campaign_id, ago, calls in cursor.fetchall():
            sparks[campaign_id][SPARK_STEPS - 1 - ago] = calls
    return sparks


def _counted(values: Iterable[str]) -> tuple[tuple[str, int], ...]:
    counts = Counter(value for value in values if value)
    return tuple(sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])))


def _exemplars_among(rows: Iterable[CampaignMember]) -> set[uuid.UUID]:
    ids = [row.record_id for row in rows]
    return set(CampaignExemplar.objects.filter(record_id__in=ids).values_list("record_id", flat=True))


def _member(row: CampaignMember, exemplars: set[uuid.UUID]) -> Member:
    runner_up = row.reasons.get("runner_up") or {}
    return Member(
        record_id=row.record_id,
        call_at=row.call_at,
        joined_at=row.joined_at,
        source_id=row.source_id,
        calling=E164(row.calling),
        called_masked=row.called_masked,
        called_state=row.called_state,
        terminating_spc=row.terminating_spc,
        is_exemplar=row.record_id in exemplars,
        reason=Reason(
            score=row.score,
            support=row.reasons["support"],
            nearest=row.nearest_record_id,
            exact_duplicate=row.reasons["exact_duplicate"],
            join_at=row.reasons["join_at"],
            runner_up_campaign=runner_up.get("campaign", ""),
            runner_up_score=runner_up.get("score"),
            rule_version=row.rule_version,
            exemplars=row.reasons.get("exemplars", 0),
            evidence=tuple((e["kind"], e["value"], e["weight"]) for e in row.reasons.get("evidence", ())),
            founded_as=row.reasons.get("campaign") or "",
            words_from=_words_from(row.reasons.get("words")),
        ),
    )


def _words_from(told: Mapping[str, Any] | None) -> str:
    """Return where a call's words come from, in words; "" where they are the sender's own."""
    return Provenance(**told).sentence if told else ""


def _sample(campaign_id: str) -> Sample | None:
    """Return the oldest exemplar: what the campaign was first heard as."""
    row = CampaignExemplar.objects.filter(campaign_id=campaign_id).order_by("added").first()
    if row is None:
        return None
    member = CampaignMember.objects.get(record_id=row.record_id)
    return Sample(member=_member(member, {row.record_id}), text=row.text)


def _history(campaign_id: str) -> tuple[StateChange, ...]:
    rows = CampaignStateChange.objects.filter(campaign_id=campaign_id).order_by("id")
    return tuple(
        StateChange(at=row.at, from_state=row.from_state, to_state=CampaignState(row.to_state), evidence=row.evidence)
        for row in rows
    )


def _similar(actor: Actor, latest: Iterable[CampaignMember]) -> tuple[Similar, ...]:
    """Return the campaigns that these calls came nearest to without joining, most often named first."""
    scores: dict[str, list[float]] = {}
    for member in latest:
        runner_up = member.reasons.get("runner_up")
        if runner_up and runner_up["campaign"] != member.campaign_id:
            scores.setdefault(runner_up["campaign"], []).append(runner_up["score"])
    found = [
        Similar(
            id=row.id,
            name=row.name,
            state=CampaignState(row.state),
            calls=len(scores[row.id]),
            best_score=max(scores[row.id]),
        )
        for row in visible_to(actor).filter(id__in=scores)
    ]
    return tuple(sorted(found, key=lambda similar: (-similar.calls, -similar.best_score))[:10])


def read_to() -> datetime | None:
    """Return when the newest record that was taken had been received; ``None`` before the first."""
    return DetectorCheckpoint.objects.filter(id=1).values_list("received_at", flat=True).first()

"""What may be read of relief, and by whom: the consortium all, a provider its own notices, an agency what calls did."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Count, Max, Min, QuerySet

from headwater.accounts.actors import Actor
from headwater.accounts.permissions import OrganisationKind, Permission
from headwater.audit.actions import record
from headwater.audit.tags import Tag
from headwater.campaigns.merged import standing, united
from headwater.campaigns.models import Campaign, CampaignMember
from headwater.campaigns.queries import visible_to as visible_campaigns
from headwater.errors import NotFound
from headwater.legal import queries as legal
from headwater.numbering.numbers import E164
from headwater.providers.models import Provider
from headwater.relief import block_list, rules
from headwater.relief.block_list import BlockView
from headwater.relief.delivery import Proof, Served, proofs, served
from headwater.relief.models import Measure, Notice, NoticeReport
from headwater.relief.rules import Effect, Reporting, Sources
from headwater.relief.states import MeasureKind, NoticeKind, NoticeState, ReportedAction
from headwater.tracebacks.models import Hop, Traceback
from headwater.tracebacks.states import Grade
from headwater.tracebacks.stopping import Step, Stopper, stoppers

#: Hours that the chart of one campaign shows at most.
_LONGEST_CHART = timedelta(days=7)
#: Steps of the chart: as many, unless the campaign is too young for that.
_STEPS = 48
_SHORTEST_STEP = timedelta(seconds=10)
#: Reports of which the delay is learned.
_DELAYS = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportView:
    """One report of a provider on a notice."""

    version: int
    action: ReportedAction
    acted_at: datetime
    note: str
    reported_at: datetime
    reported_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeView:
    """One notice."""

    id: str
    campaign_id: str
    campaign_name: str
    provider_id: str
    provider_name: str
    provider_spc: str
    kind: NoticeKind
    state: NoticeState
    letter: str
    letter_sha256: str
    traceback_ids: tuple[str, ...]
    sent_at: datetime
    sent_by: str
    mitigation_due_at: datetime
    report_due_at: datetime
    seen_at: datetime | None
    seen_by: str
    acknowledged_at: datetime | None
    acknowledged_by: str
    reports: tuple[ReportView, ...]
    documents: tuple[Served, ...] = ()
    proofs: tuple[Proof, ...] = ()
    """Every way in which it went out; for the desk alone."""

    @property
    def answered(self) -> bool:
        """Tell whether the provider reported what it did."""
        return bool(self.reports)

    def overdue(self, now: datetime) -> bool:
        """Tell whether the provider should have said by now what it did."""
        return not self.reports and now > self.mitigation_due_at


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectView:
    """What the calls did at one measure."""

    kind: MeasureKind
    at: datetime
    what: str
    entered_by: str
    effect: Effect
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """Calls of a campaign in equal steps, oldest first, with the step in which each measure falls."""

    start: datetime
    step: timedelta
    counts: tuple[int, ...]
    measures: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CallingNumber:
    """One calling number that a campaign's calls showed."""

    number: E164
    calls: int
    first_call_at: datetime
    last_call_at: datetime
    blocked: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class StopperView:
    """Who can stop the calls, with the notice that it has."""

    stopper: Stopper
    provider_id: str
    """"" where the provider is in no register: it can get no notice here."""
    notices: tuple[NoticeView, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReliefView:
    """Everything about stopping one campaign."""

    campaign_id: str
    campaign_name: str
    stoppers: tuple[StopperView, ...]
    notices: tuple[NoticeView, ...]
    effects: tuple[EffectView, ...]
    chart: Chart
    numbers: tuple[CallingNumber, ...]
    blocks: tuple[BlockView, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Addendum:
    """What one campaign did until now, for the people to whom an accepted process opened it."""

    at: datetime
    campaign_id: str
    campaign_name: str
    chart: Chart
    effects: tuple[EffectView, ...]


def own_notices(actor: Actor) -> QuerySet[Notice]:
    """Return the notices of the actor's own provider."""
    if not actor.may(Permission.NOTICE_ANSWER) or not actor.provider_id:
        return Notice.objects.none()
    return Notice.objects.filter(provider_id=actor.provider_id).select_related("campaign", "provider")


def visible_to(actor: Actor) -> QuerySet[Notice]:
    """Return the notices that ``actor`` may see: all for the consortium, its own for a provider."""
    if actor.organisation_kind is OrganisationKind.CONSORTIUM and actor.may(Permission.RELIEF_READ):
        return Notice.objects.select_related("campaign", "provider")
    return own_notices(actor)


def notices(actor: Actor) -> list[NoticeView]:
    """Return the notices that ``actor`` may see, the newest first."""
    return [view(row) for row in visible_to(actor).prefetch_related("reports").order_by("-sent_at", "-id")[:500]]


def relief(actor: Actor, campaign_id: str, *, now: datetime) -> ReliefView:
    """Return what stops one campaign, for the desk; the look is audited.

    Raises:
        Forbidden: the actor may not read it.
        NotFound: there is no such campaign.
    """
    actor.require(Permission.RELIEF_READ)
    with transaction.atomic():
        campaign = visible_campaigns(actor).filter(id=campaign_id).first()
        if campaign is None:
            message = f"There is no campaign {campaign_id[:20]} that you may see."
            raise NotFound(message)
        campaign = standing(campaign)
        record(actor, Tag.RELIEF_VIEWED, campaign.id)
        rows = visible_to(actor).filter(campaign_id__in=united({campaign.id})).order_by("-sent_at", "-id")
        sent = [replace(view(row), proofs=proofs(row)) for row in rows]
        return ReliefView(
            campaign_id=campaign.id,
            campaign_name=campaign.name,
            stoppers=_stoppers(campaign, sent),
            notices=tuple(sent),
            effects=effects(campaign, now),
            chart=chart(campaign, now),
            numbers=_numbers(campaign, now),
            blocks=block_list.of_campaign(campaign.id, now),
        )


def _stoppers(campaign: Campaign, sent: Sequence[NoticeView]) -> tuple[StopperView, ...]:
    hops = (
        Hop.objects.filter(traceback__campaign_id__in=united({campaign.id}), withdrawn_at=None, index__gt=0)
        .select_related("provider", "upstream")
        .order_by("asked_at", "id")
    )
    steps = [
        Step(
            traceback_id=hop.traceback_id,
            hop=hop.index,
            provider=hop.provider.name,
            spc=hop.provider.spc,
            answer=hop.answer_code,
            upstream=hop.upstream.name if hop.upstream else str(hop.upstream_named.get("name", "")),
        )
        for hop in hops
    ]
    known = dict(Provider.objects.filter(spc__in={step.spc for step in steps}).values_list("spc", "id"))
    return tuple(
        StopperView(
            stopper=found,
            provider_id=known.get(found.spc, ""),
            notices=tuple(notice for notice in sent if notice.provider_spc == found.spc),
        )
        for found in stoppers(steps)
    )


def addenda(actor: Actor, process_id: str, *, now: datetime) -> tuple[Addendum, ...]:
    """Return what each campaign did until now that a process opened as a whole; () where it is closed to the actor.

    Measures name providers, which are path data: they follow the acceptance. Where calls came from since is in the
    next package. The look is audited with the process.

    Raises:
        Forbidden, NotFound: as for ``legal.queries.process``.
    """
    if not legal.process(actor, process_id).accepted:
        return ()
    row = legal.find(actor, process_id)
    if legal.closed(actor, row, now=now):
        return ()
    opened = Campaign.objects.filter(id__in=legal.scope_of(row).subjects.campaigns, merged_into=None)
    return tuple(
        Addendum(
            at=now,
            campaign_id=campaign.id,
            campaign_name=campaign.name,
            chart=chart(campaign, now),
            effects=effects(campaign, now, ends=[]),
        )
        for campaign in opened.order_by("-calls", "id")
    )


def effects(
    campaign: Campaign, now: datetime, *, ends: list[tuple[datetime, str]] | None = None
) -> tuple[EffectView, ...]:
    """Return what the campaign's calls did at each measure, the newest first. For Headwater itself.

    ``ends``: where traced calls came from, with the time of each call; looked up where it is not given.
    """
    rows = list(Measure.objects.filter(campaign_id__in=united({campaign.id})).order_by("-at", "-id")[:50])
    if not rows:
        return ()
    start = min(row.at for row in rows) - rules.LONGEST
    times = list(
        CampaignMember.objects.filter(campaign=campaign, call_at__gt=start, call_at__lte=now)
        .order_by("call_at")
        .values_list("call_at", flat=True)
    )
    if ends is None:
        ends = _ends(campaign)
    delays = _delays(campaign)
    found = []
    for row in rows:
        sources = Sources(
            before=frozenset(spc for at, spc in ends if at < row.at),
            after=frozenset(spc for at, spc in ends if at >= row.at),
            traced_since=sum(at >= row.at for at, _ in ends),
        )
        effect = rules.effect(times, row.at, now, first_call_at=campaign.first_call_at, sources=sources, delays=delays)
        found.append(
            EffectView(
                kind=MeasureKind(row.kind),
                at=row.at,
                what=row.what,
                entered_by=row.entered_by,
                effect=effect,
                sentence=rules.sentence(effect),
            )
        )
    return tuple(found)


def _delays(campaign: Campaign) -> Reporting:
    """Return how long the campaign's reports took to come in, from those that came last.

    By the time at which they came, not that of their calls: of the newest calls only the quick reports are known.
    """
    rows = CampaignMember.objects.filter(campaign=campaign).order_by("-joined_at").values_list("call_at", "joined_at")
    return rules.reporting((joined - placed).total_seconds() for placed, joined in rows[:_DELAYS])


def _ends(campaign: Campaign) -> list[tuple[datetime, str]]:
    """Return when each call was placed that was traced to a confirmed end, and the code of who stood there."""
    origins = Traceback.objects.filter(campaign_id__in=united({campaign.id}), grade=Grade.ORIGIN_CONFIRMED).exclude(
        origin=None
    )
    entries = Hop.objects.filter(
        traceback__campaign_id__in=united({campaign.id}),
        traceback__grade=Grade.ENTRY_CONFIRMED,
        withdrawn_at=None,
        answer_code="UPSTREAM_FOREIGN",
    )
    return [
        *origins.values_list("call_at", "origin__spc"),
        *entries.values_list("traceback__call_at", "provider__spc"),
    ]


def chart(campaign: Campaign, now: datetime) -> Chart:
    """Return the campaign's calls over its life, or its last week, in equal steps. For Headwater itself."""
    start = max(campaign.first_call_at, now - _LONGEST_CHART)
    step = max((now - start) / _STEPS, _SHORTEST_STEP)
    steps = max(1, min(_STEPS, math.ceil((now - start) / step)))
    counts = [0] * steps
    for at in CampaignMember.objects.filter(campaign=campaign, call_at__gte=start, call_at__lte=now).values_list(
        "call_at", flat=True
    ):
        counts[min(int((at - start) / step), steps - 1)] += 1
    marked = {
        min(int((at - start) / step), steps - 1)
        for at in Measure.objects.filter(campaign_id__in=united({campaign.id}), at__gte=start, at__lte=now).values_list(
            "at", flat=True
        )
    }
    return Chart(start=start, step=step, counts=tuple(counts), measures=tuple(sorted(marked)))


def _numbers(campaign: Campaign, now: datetime, *, limit: int = 50) -> tuple[CallingNumber, ...]:
    blocked = set(
        block_list.in_force(now).filter(campaign_id__in=united({campaign.id})).values_list("number", flat=True)
    )
    rows = (
        CampaignMember.objects.filter(campaign=campaign)
        .exclude(calling="")
        .values("calling")
        .annotate(calls=Count("record_id"), first=Min("call_at"), last=Max("call_at"))
        .order_by("-calls", "calling")[:limit]
    )
    return tuple(
        CallingNumber(
            number=E164(row["calling"]),
            calls=row["calls"],
            first_call_at=row["first"],
            last_call_at=row["last"],
            blocked=row["calling"] in blocked,
        )
        for row in rows
    )


def view(row: Notice) -> NoticeView:
    """Return a row as a value."""
    return NoticeView(
        id=row.id,
        campaign_id=row.campaign_id,
        campaign_name=row.campaign.name,
        provider_id=row.provider_id,
        provider_name=row.provider.name,
        provider_spc=row.provider.spc,
        kind=NoticeKind(row.kind),
        state=NoticeState(row.state),
        letter=row.letter,
        letter_sha256=row.letter_sha256,
        traceback_ids=tuple(row.traceback_ids),
        sent_at=row.sent_at,
        sent_by=row.sent_by,
        mitigation_due_at=row.mitigation_due_at,
        report_due_at=row.report_due_at,
        seen_at=row.seen_at,
        seen_by=row.seen_by,
        acknowledged_at=row.acknowledged_at,
        acknowledged_by=row.acknowledged_by,
        reports=tuple(_report(said) for said in sorted(row.reports.all(), key=lambda said: -said.version)),
        documents=served(row),
    )


def _report(row: NoticeReport) -> ReportView:
    return ReportView(
        version=row.version,
        action=ReportedAction(row.action),
        acted_at=row.acted_at,
        note=row.note,
        reported_at=row.reported_at,
        reported_by=row.reported_by,
    )

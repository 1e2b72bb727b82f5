"""What may be read of reports, and by whom: an agency its own and what became of them, the desk all."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet

from headwater.accounts.actors import Actor
from headwater.accounts.permissions import OrganisationKind, Permission
from headwater.audit.actions import record
from headwater.audit.tags import Tag
from headwater.campaigns.models import Campaign, CampaignMember
from headwater.campaigns.states import CampaignState
from headwater.errors import NotFound
from headwater.reports.models import AgencyReport, ReportedCall
from headwater.reports.states import ReportKind, ReportState, TraceRequest
from headwater.tracebacks.models import Traceback
from headwater.tracebacks.states import Grade, TracebackState

LISTED = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Joined:
    """One campaign that reported calls went into."""

    campaign_id: str
    name: str
    state: CampaignState
    calls: int
    """Of this report."""
    known: int
    """Of everybody."""
    confirmed: bool
    """Whether two senders at least tell of it: from then on the agency may name it in a process."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceView:
    """One traceback that came of a report: how far it is, without its path, which follows a process."""

    id: str
    state: TracebackState
    grade: Grade


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportView:
    """One report, and what became of it."""

    id: str
    agency_id: str
    agency: str
    reported_by: str
    reported_at: datetime
    kind: ReportKind
    state: ReportState
    filename: str
    size: int
    sha256: str
    note: str
    stored: int
    duplicates: int
    refused: int
    reasons: tuple[tuple[str, int], ...]
    problem: str
    settled_at: datetime | None
    trace: TraceRequest
    trace_reason: str
    trace_asked_at: datetime | None
    trace_decided_at: datetime | None
    trace_answer: str
    calls: int = 0
    """Records in the call store."""
    placed: int = 0
    """Of these, in some campaign."""
    campaigns: tuple[Joined, ...] = ()
    tracebacks: tuple[TraceView, ...] = ()


def visible_to(actor: Actor) -> QuerySet[AgencyReport]:
    """Return the reports that ``actor`` may know of."""
    actor.require(Permission.REPORT_READ)
    rows = AgencyReport.objects.select_related("agency").defer("octets")
    if actor.organisation_kind is OrganisationKind.CONSORTIUM:
        return rows
    if actor.organisation_kind is OrganisationKind.AGENCY and actor.organisation_id:
        return rows.filter(agency_id=actor.organisation_id)
    return rows.none()


def find(actor: Actor, report_id: str) -> AgencyReport:
    """Return the row of one report.

    Raises:
        NotFound: there is none that the actor may know of.
    """
    row = visible_to(actor).filter(id=report_id).first()
    if row is None:
        raise NotFound(f"There is no report {report_id[:20]} that you may open. Check the number.")
    return row


def reports(actor: Actor) -> list[ReportView]:
    """Return the newest reports that ``actor`` may know of; the look is audited."""
    with transaction.atomic():
        found = [view(row) for row in visible_to(actor).order_by("-reported_at", "-id")[:LISTED]]
        record(actor, Tag.REPORT_VIEWED, "", {"reports": len(found)})
    return found


def waiting(actor: Actor) -> list[ReportView]:
    """Return the reports whose tracebacks wait for the desk, the longest waiting first; the look is audited."""
    actor.require(Permission.TRACEBACK_OPEN)
    with transaction.atomic():
        rows = visible_to(actor).filter(trace=TraceRequest.ASKED).order_by("trace_asked_at")[:LISTED]
        found = [view(row) for row in rows]
        record(actor, Tag.REPORT_VIEWED, "waiting", {"reports": len(found)})
    return found


def report(actor: Actor, report_id: str) -> ReportView:
    """Return one report with what became of it; the look is audited.

    Raises:
        NotFound: as for ``find``.
    """
    with transaction.atomic():
        row = find(actor, report_id)
        record(actor, Tag.REPORT_VIEWED, row.id, {"state": row.state})
        return view(row)


def campaigns_reported(agency: str) -> set[str]:
    """Return the confirmed campaigns that hold a call which the agency itself reported."""
    records = ReportedCall.objects.filter(report__agency_id=agency).values("record_id")
    joined = CampaignMember.objects.filter(record_id__in=records, campaign__confirmed_at__isnull=False)
    return set(joined.values_list("campaign_id", flat=True).distinct())


def agency_of(report_id: str) -> str:
    """Return whose report it is. For the worker, which sends it on the agency's behalf.

    Raises:
        NotFound: there is none.
    """
    found = AgencyReport.objects.filter(id=report_id).values_list("agency_id", flat=True).first()
    if found is None:
        raise NotFound(f"There is no report {report_id[:20]}.")
    return found


def view(row: AgencyReport) -> ReportView:
    """Return a row as a value, with what became of its calls."""
    records = list(row.calls.values_list("record_id", flat=True))
    joined = Counter(CampaignMember.objects.filter(record_id__in=records).values_list("campaign_id", flat=True))
    campaigns = Campaign.objects.filter(id__in=joined)
    traced = Traceback.objects.filter(id__in=row.tracebacks).values_list("id", "state", "grade").order_by("id")
    return ReportView(
        id=row.id,
        agency_id=row.agency_id,
        agency=row.agency.name,
        reported_by=row.reported_by,
        reported_at=row.reported_at,
        kind=ReportKind(row.kind),
        state=ReportState(row.state),
        filename=row.filename,
        size=row.size,
        sha256=row.sha256,
        note=row.note,
        stored=row.stored,
        duplicates=row.duplicates,
        refused=row.refused,
        reasons=tuple(sorted(row.reasons.items(), key=lambda each: -each[1])),
        problem=row.problem,
        settled_at=row.settled_at,
        trace=TraceRequest(row.trace),
        trace_reason=row.trace_reason,
        trace_asked_at=row.trace_asked_at,
        trace_decided_at=row.trace_decided_at,
        trace_answer=row.trace_answer,
        calls=len(records),
        placed=joined.total(),
        campaigns=tuple(
            Joined(
                campaign_id=one.id,
                name=one.name,
                state=CampaignState(one.state),
                calls=joined[one.id],
                known=one.calls,
                confirmed=one.confirmed_at is not None,
            )
            for one in campaigns.order_by("-calls", "id")
        ),
        tracebacks=tuple(TraceView(id=i, state=TracebackState(s), grade=Grade(g)) for i, s, g in traced),
    )

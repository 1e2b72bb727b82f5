"""Complaints and tags beside campaigns, as they are kept and read: joined as they come, and as campaigns grow."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Count

from headwater.accounts.actors import Actor, system
from headwater.accounts.permissions import OrganisationKind, Permission
from headwater.audit.actions import record as audit
from headwater.audit.tags import Tag
from headwater.calls.records import CallRecord, SourceKind
from headwater.campaigns.joining import WITHIN, Trace, join
from headwater.campaigns.models import CampaignMember, CampaignNode, JoinedReport
from headwater.campaigns.script import legible
from headwater.numbering.numbers import E164, npa_nxx

DETECTOR = system("detector")
_AT_ONCE = 2_000
_SHOWN = 50
_CALLS_LOOKED_AT = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinedRow:
    """One complaint or tag that speaks for a campaign."""

    record_id: UUID
    kind: str
    source_id: str
    calling: E164
    at: datetime
    whole_day: bool
    category: str
    probability: float
    reasons: dict[str, Any]

    @property
    def sentence(self) -> str:
        """Why, in words."""
        gap = self.reasons["gap_s"] / 3600
        when = "within the hour" if self.reasons["same_hour"] else f"within {max(gap, 1):.0f} hours"
        if self.whole_day:
            when = "on the day" if gap == 0 else f"{gap / 24:.1f} days away"
        return f"Same {self.reasons['by']} as {self.reasons['calls']} of its calls, {when}."


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinedPage:
    """The latest that speak for a campaign, and how many there are."""

    rows: tuple[JoinedRow, ...]
    complaints: int
    tags: int


def note(reports: Iterable[CallRecord]) -> None:
    """Keep reports without words that name a number, to be joined. Within the transaction that takes them."""
    kept = []
    for report in reports:
        code = npa_nxx(report.calling)
        is_complaint = report.source_kind is SourceKind.COMPLAINT
        if code and (is_complaint or report.labels or report.headers.get("category")):
            kept.append(
                JoinedReport(
                    record_id=report.record_id,
                    kind="complaint" if is_complaint else "tag",
                    source_id=legible(report.source_id)[:64],
                    calling=report.calling,
                    office_code=code,
                    at=min(report.call_at, report.received_at),
                    whole_day=report.headers.get("call_at_precision") == "day",
                    category=legible(report.headers.get("category", ""))[:32],
                )
            )
    JoinedReport.objects.bulk_create(kept, ignore_conflicts=True)


@transaction.atomic
def join_waiting(*, now: datetime) -> int:
    """Join what waits and is young enough to be joined; return how many were. For the detector."""
    codes = CampaignNode.objects.filter(kind="block", last_at__gte=now - 2 * WITHIN).values("value")
    waiting = JoinedReport.objects.filter(campaign__isnull=True, at__gte=now - 2 * WITHIN, office_code__in=codes)
    rows = list(waiting.select_for_update(no_key=True).order_by("-at", "record_id")[:_AT_ONCE])
    traces = _traces(rows)
    done = []
    for row in rows:
        found = join(traces[row.record_id], at=row.at, category=row.category, whole_day=row.whole_day)
        if found is not None:
            row.campaign_id, row.probability = found.campaign_id, found.probability
            row.reasons, row.joined_at = found.reasons, now
            done.append(row)
    JoinedReport.objects.bulk_update(done, ["campaign", "probability", "reasons", "joined_at"], batch_size=500)
    for campaign, count in _counted(done).items():
        audit(DETECTOR, Tag.CAMPAIGN_REPORTS_JOINED, campaign, {"reports": count})
    return len(done)


def _counted(rows: Iterable[JoinedReport]) -> dict[str, int]:
    counts: dict[str, int] = defaultdict(int)
    for row in rows:
        counts[str(row.campaign_id)] += 1
    return dict(counts)


def _traces(rows: Sequence[JoinedReport]) -> dict[UUID, list[Trace]]:
    """Return for each report what the campaigns that used its office code have in common with it."""
    by_code: dict[str, list[tuple[str, str, str, datetime]]] = {}
    for code in {row.office_code for row in rows}:
        members = CampaignMember.objects.filter(
            campaign_id__in=CampaignNode.objects.filter(kind="block", value=code).values("campaign_id"),
            campaign__merged_into__isnull=True,
            calling__startswith=f"1{code}",
        )
        called = members.order_by("-call_at").values_list("campaign_id", "campaign__family", "calling", "call_at")
        by_code[code] = list(called[:_CALLS_LOOKED_AT])
    return {row.record_id: _of(row, by_code[row.office_code]) for row in rows}


def _of(row: JoinedReport, calls: Sequence[tuple[str, str, str, datetime]]) -> list[Trace]:
    near = [call for call in calls if abs(call[3] - row.at) <= 2 * WITHIN]
    found = []
    having = {campaign for campaign, _, calling, _ in near if calling == row.calling}
    for campaign, family in dict.fromkeys((campaign, family) for campaign, family, _, _ in near):
        own = [call for call in near if call[0] == campaign]
        same = [call for call in own if call[2] == row.calling]
        moments = [call[3] for call in same or own]
        found.append(
            Trace(
                campaign_id=campaign,
                family=family,
                same_number=bool(same),
                calls=len(moments),
                campaigns=len(having) if same else len({call[0] for call in near}),
                nearest_at=min(moments, key=lambda at: abs(at - row.at)),
            )
        )
    return found


def page(actor: Actor, campaign_id: str) -> JoinedPage:
    """Return the latest complaints and tags that speak for a campaign; for the consortium's people alone."""
    if actor.organisation_kind != OrganisationKind.CONSORTIUM or not actor.may(Permission.CAMPAIGN_READ):
        return JoinedPage(rows=(), complaints=0, tags=0)
    rows = JoinedReport.objects.filter(campaign_id=campaign_id)
    counts = dict(rows.values_list("kind").annotate(Count("record_id")))
    return JoinedPage(
        rows=tuple(
            JoinedRow(
                record_id=row.record_id,
                kind=row.kind,
                source_id=row.source_id,
                calling=E164(row.calling),
                at=row.at,
                whole_day=row.whole_day,
                category=row.category,
                probability=row.probability or 0.0,
                reasons=row.reasons,
            )
            for row in rows.order_by("-at", "record_id")[:_SHOWN]
        ),
        complaints=counts.get("complaint", 0),
        tags=counts.get("tag", 0),
    )


def leave(*campaigns: str | None) -> int:
    """Let go of everything that was joined to these campaigns: it is joined anew. After a merge, a split or an undo."""
    return JoinedReport.objects.filter(campaign_id__in=[one for one in campaigns if one]).update(
        campaign=None, probability=None, reasons={}, joined_at=None
    )

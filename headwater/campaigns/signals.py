"""Signals of metadata as they are kept and read: evidence beside what calls say, suspects where they say nothing."""

import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.db import transaction

from headwater.accounts.actors import Actor, system
from headwater.accounts.permissions import OrganisationKind, Permission
from headwater.audit.actions import record as audit
from headwater.audit.tags import Tag
from headwater.campaigns.metadata import Signal
from headwater.campaigns.models import CampaignMember, CampaignSignal
from headwater.campaigns.script import legible

DETECTOR = system("detector")
_PAGE = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalRow:
    """One signal in a list."""

    id: int
    kind: str
    name: str
    at: datetime
    calls: int
    expected: float
    reasons: tuple[str, ...]
    patterns: tuple[str, ...]
    campaign_id: str
    campaign_name: str
    members: int
    """How many of ``sampled`` calls belong to the campaign."""
    sampled: int
    rule_version: str


@transaction.atomic
def raise_all(found: Sequence[Signal]) -> int:
    """Keep signals; one that is known by its key and bin is passed over. Return how many are new."""
    keys = [str(signal.key) for signal in found]
    known = set(CampaignSignal.objects.filter(key__in=keys).values_list("key", "bin"))
    fresh = {(str(s.key), s.bin): s for s in found if (str(s.key), s.bin) not in known}
    ids = {uuid.UUID(bytes=one) for signal in fresh.values() for one in signal.record_ids}
    member_of = dict(CampaignMember.objects.filter(record_id__in=ids).values_list("record_id", "campaign_id"))
    rows = [_row(signal, member_of) for signal in fresh.values()]
    CampaignSignal.objects.bulk_create(rows)
    for row in rows:
        detail = {"name": row.name, "calls": row.calls, "expected": str(row.expected), "rule": row.rule_version}
        audit(DETECTOR, Tag.CAMPAIGN_SIGNAL_RAISED, row.campaign_id or f"{row.kind}:{row.name}", detail)
    return len(rows)


def _row(signal: Signal, member_of: dict[uuid.UUID, str]) -> CampaignSignal:
    ids = [uuid.UUID(bytes=one) for one in signal.record_ids]
    campaigns = Counter(member_of[one] for one in ids if one in member_of)
    campaign, members = campaigns.most_common(1)[0] if campaigns else (None, 0)
    figures: dict[str, Any] = {pattern.name: pattern.figures for pattern in signal.patterns}
    if signal.burst is not None:
        burst = signal.burst
        figures["burst"] = {
            "ewma": burst.ewma,
            "cusum": burst.cusum,
            "quick": burst.quick,
            "mean": burst.expected,
        }
    return CampaignSignal(
        kind=signal.kind.name.lower(),
        name=legible(signal.name)[:80],
        key=str(signal.key),
        bin=signal.bin,
        at=datetime.fromtimestamp(signal.at, UTC),
        calls=signal.calls,
        expected=signal.expected,
        reasons=list(signal.reasons),
        figures=figures,
        record_ids=[str(one) for one in ids],
        campaign_id=campaign,
        members=members,
        rule_version=signal.rule_version,
    )


def signals(actor: Actor, *, campaign_id: str = "", limit: int = _PAGE) -> tuple[SignalRow, ...]:
    """Return the newest signals, of one campaign or of all; for the consortium's people alone."""
    if actor.organisation_kind != OrganisationKind.CONSORTIUM or not actor.may(Permission.CAMPAIGN_READ):
        return ()
    rows = CampaignSignal.objects.select_related("campaign").order_by("-at", "-id")
    if campaign_id:
        rows = rows.filter(campaign_id=campaign_id)
    return tuple(
        SignalRow(
            id=row.pk,
            kind=row.kind.replace("_", " "),
            name=row.name,
            at=row.at,
            calls=row.calls,
            expected=row.expected,
            reasons=tuple(row.reasons),
            patterns=tuple(row.figures),
            campaign_id=row.campaign_id or "",
            campaign_name=row.campaign.name if row.campaign else "",
            members=row.members,
            sampled=len(row.record_ids),
            rule_version=row.rule_version,
        )
        for row in rows[:limit]
    )

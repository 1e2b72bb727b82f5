"""Campaigns with calls at chosen times, as the detector keeps them."""

import uuid
from collections.abc import Iterable
from datetime import datetime

from headwater.campaigns.models import Campaign, CampaignMember
from headwater.campaigns.states import CampaignState


def campaign(name: str, family: str = "Utility", *, at: datetime) -> Campaign:
    """Save a confirmed campaign without calls."""
    return Campaign.objects.create(
        name=name, family=family, state=CampaignState.ACTIVE, first_call_at=at, last_call_at=at, detected_at=at,
        confirmed_at=at, rule_version="test",
    )  # fmt: skip


def ring(of: Campaign, times: Iterable[datetime], *, state: str = "MI", vantage: str = "app") -> list[CampaignMember]:
    """Save calls of a campaign, all in one statement, as a batch of the detector is."""
    return CampaignMember.objects.bulk_create(
        CampaignMember(
            record_id=uuid.uuid4(), campaign=of, call_at=at, joined_at=at, source_id="ORG-X", source_kind=vantage,
            calling="12155550100", called_masked="+1 313 ***", called_state=state, score=1.0, rule_version="test",
            reasons={"support": 1.0, "exact_duplicate": False, "join_at": 0.9},
        )
        for at in times
    )  # fmt: skip

"""The recordings of a campaign's calls: which calls have one, and who listens."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass

from django.conf import settings
from django.db import transaction

from headwater.accounts.actors import Actor
from headwater.accounts.permissions import Permission
from headwater.audit.actions import record as audit
from headwater.audit.tags import Tag
from headwater.calls.queries import connect
from headwater.campaigns.models import CampaignMember
from headwater.campaigns.queries import visible_to
from headwater.errors import NotFound

#: Names under which the call store keeps what a sender said of its recording, in a record's ``headers``.
AUDIO, AUDIO_TYPE = "audio_sha256", "audio_type"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """A call's recording: where it lies, and of what form it is."""

    sha256: str
    media_type: str


def of_calls(record_ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, Recorded]:
    """Return the recordings of these calls, of those that have one. For pages that have shown the calls.

    Raises:
        Unavailable: the call store does not answer.
    """
    wanted = list(record_ids)
    records = connect(settings.HEADWATER.calls_url).records(wanted) if wanted else []
    return {
        record.record_id: Recorded(sha256=record.headers[AUDIO], media_type=record.headers.get(AUDIO_TYPE, ""))
        for record in records
        if record.headers.get(AUDIO)
    }


def hear(actor: Actor, campaign_id: str, record_id: uuid.UUID) -> Recorded:
    """Return the recording of one call of a campaign; the audit notes who listens to it.

    Raises:
        Forbidden: the actor may not look at calls.
        NotFound: the call is not in a campaign that the actor may see, or has no recording.
        Unavailable: the call store does not answer.
    """
    actor.require(Permission.CALL_READ)
    member = CampaignMember.objects.filter(campaign__in=visible_to(actor), campaign_id=campaign_id, record_id=record_id)
    found = of_calls([record_id]).get(record_id) if member.exists() else None
    if found is None:
        raise NotFound(f"The call {record_id} of {campaign_id[:20]} has no recording that you may hear.")
    with transaction.atomic():
        audit(actor, Tag.RECORDING_PLAYED, str(record_id), {"campaign": campaign_id, "sha256": found.sha256})
    return found

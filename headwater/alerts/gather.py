"""Looks up what an alert says beside its campaign: how far it was traced, who signed, who saw it, what was recorded."""

from collections import Counter
from collections.abc import Sequence
from statistics import fmean
from uuid import UUID

import structlog
from django.db.models import Sum

from headwater.alerts.values import Origin, Recorded, Told
from headwater.campaigns import recordings
from headwater.campaigns.models import Campaign, CampaignMember
from headwater.campaigns.values import Sample
from headwater.errors import Invalid, Unavailable
from headwater.signers import queries as signers
from headwater.tracebacks.queries import outcomes
from headwater.tracebacks.states import OPEN_STATES, Grade
from headwater.trends.models import Cut, TrendHour

log = structlog.get_logger(__name__)

#: The latest memberships that support and signers are taken from.
LATEST = 200
SIGNERS_OF = 50
#: Best first: what an alert says of several tracebacks.
_ORDER = (
    Grade.ORIGIN_CONFIRMED,
    Grade.ENTRY_CONFIRMED,
    Grade.ORIGIN_STATED,
    Grade.ORIGIN_NAMED,
    Grade.ON_NET,
    Grade.FRONTIER,
)


def told(campaign: Campaign, samples: Sequence[Sample]) -> Told:
    """Return what is known of a campaign beside itself."""
    rows = TrendHour.objects.filter(cut=Cut.CAMPAIGN, campaign_id=campaign.id, calls__gt=0).order_by()
    vantages = dict(rows.values_list("vantage").annotate(number=Sum("calls")).values_list("vantage", "number"))
    latest = list(
        CampaignMember.objects.filter(campaign=campaign)
        .order_by("-call_at")
        .values_list("record_id", "reasons")[:LATEST]
    )
    supports = [reasons["support"] for _, reasons in latest if isinstance(reasons.get("support"), int | float)]
    recordings, note = _recordings([sample.member.record_id for sample in samples])
    return Told(
        origin=_origin(campaign.id, [record_id for record_id, _ in latest]),
        vantages=vantages,
        recordings=recordings,
        recordings_note=note,
        senders=len(campaign.sources),
        support=fmean(supports) if supports else None,
    )


def traced(campaign_id: str) -> Origin:
    """Return how far a campaign's calls were traced, without who signed them."""
    return _origin(campaign_id, ())


def _origin(campaign_id: str, record_ids: Sequence[UUID]) -> Origin:
    counts = outcomes(campaign_id)
    running = sum(count.tracebacks for count in counts if count.state in OPEN_STATES)
    ended = [count for count in counts if count.state not in OPEN_STATES]
    best = next((grade for grade in _ORDER if any(count.grade is grade for count in ended)), Grade.NONE)
    names: Counter[str] = Counter()
    for count in ended:
        if count.grade is Grade.ORIGIN_CONFIRMED and count.origin_name:
            names[count.origin_name] += count.tracebacks
    name, confirmed = names.most_common(1)[0] if names else ("", 0)
    signed = signers.mix(record_ids[:SIGNERS_OF], campaign=campaign_id).rows if record_ids else ()
    return Origin(
        tracebacks=sum(count.tracebacks for count in counts),
        running=running,
        grade=best.value,
        grade_words=best.label if best.value else "",
        name=name,
        confirmed=confirmed,
        signers=tuple((row.spc, row.attest, row.calls) for row in signed if row.spc)[:5],
    )


def _recordings(record_ids: Sequence[UUID]) -> tuple[dict[str, Recorded], str]:
    """Return the recordings of these calls, and why they could not be looked up where that is so.

    An alert does not wait for the call store: it goes out, and says what it lacks.
    """
    try:
        found = recordings.of_calls(record_ids)
    except (Unavailable, Invalid) as error:
        log.warning("an alert goes out without recordings", error=str(error))
        return {}, "The call store did not answer when this was written; recordings were not looked up."
    return {
        str(record_id): Recorded(sha256=one.sha256, media_type=one.media_type or "audio/x-wav")
        for record_id, one in found.items()
    }, ""

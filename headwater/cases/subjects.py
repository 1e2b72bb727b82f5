"""What can belong to a case, and who tells of it.

Legal process, packages and notices belong to rooms above this one. They register here what they know of a kind of
subject (``register``, from their application's ``ready``); this room asks whoever registered and knows none of them.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from django.db.models import Max, Min

from headwater.accounts.actors import Actor
from headwater.accounts.permissions import OrganisationKind, Permission
from headwater.alerts.queries import visible_to as visible_alerts
from headwater.campaigns.merged import standing, united
from headwater.campaigns.models import Campaign, CampaignMember, CampaignStateChange
from headwater.campaigns.queries import visible_to as visible_campaigns
from headwater.campaigns.states import CampaignState
from headwater.cases.states import Lane, Precision, SubjectKind
from headwater.cases.timeline import Moment, cut
from headwater.providers.models import Provider
from headwater.tracebacks.models import Traceback
from headwater.tracebacks.queries import visible_to as visible_tracebacks

_STATE_WORDS = {
    CampaignState.SUSPECTED: "suspected",
    CampaignState.CONFIRMED: "confirmed",
    CampaignState.ACTIVE: "active",
    CampaignState.DORMANT: "dormant",
    CampaignState.STOPPED: "stopped",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """Something that belongs, or may belong, to a case."""

    kind: SubjectKind
    reference: str
    name: str


class Source(Protocol):
    """What a room tells of one kind of subject."""

    def find(self, actor: Actor, reference: str) -> Subject | None:
        """Return the subject, None where there is none that the actor may know of."""

    def moments(self, actor: Actor, reference: str) -> Iterable[Moment]:
        """Return what happened, of a subject that the actor may know of; nothing of one that they may not."""


_SOURCES: dict[SubjectKind, list[Source]] = {kind: [] for kind in SubjectKind}


def register(kind: SubjectKind, source: Source) -> None:
    """Let ``source`` tell of subjects of ``kind``; the same one twice counts once."""
    if not any(type(known) is type(source) for known in _SOURCES[kind]):
        _SOURCES[kind].append(source)


def find(actor: Actor, kind: SubjectKind, reference: str) -> Subject | None:
    """Return a subject that ``actor`` may know of, None where no room knows it."""
    for source in _SOURCES[kind]:
        if (found := source.find(actor, reference)) is not None:
            return found
    return None


def moments(actor: Actor, kind: SubjectKind, reference: str) -> list[Moment]:
    """Return what happened to a subject, as far as ``actor`` may know of it now."""
    if find(actor, kind, reference) is None:
        return []
    return [moment for source in _SOURCES[kind] for moment in source.moments(actor, reference)]


class Campaigns:
    """Campaigns: the consortium's people see all, an agency those of its alerts."""

    def find(self, actor: Actor, reference: str) -> Subject | None:
        """Return the campaign."""
        row = visible_campaigns(actor).filter(id=reference).first()
        if row is None:
            told = visible_alerts(actor).filter(campaign_id__in=united({reference}))
            row = Campaign.objects.filter(id=reference).first() if told.exists() else None
        return Subject(kind=SubjectKind.CAMPAIGN, reference=row.id, name=row.name) if row else None

    def moments(self, actor: Actor, reference: str) -> Iterable[Moment]:  # noqa: ARG002 - ``find`` has let them in
        """Return first and last call of each vantage point, and how the campaign's state went."""
        campaign = Campaign.objects.get(id=reference)
        seen = CampaignMember.objects.filter(campaign=standing(campaign)).values("source_kind")
        for row in seen.annotate(first=Min("call_at"), last=Max("call_at")).order_by("source_kind"):
            # A complaint names the day of its call; the hour that its form asks for is what people remember.
            precision = Precision.DAY if row["source_kind"] == "complaint" else Precision.EXACT
            place = f" ({row['source_kind'].replace('_', ' ')})" if row["source_kind"] else ""
            for word, at in (("First", row["first"]), ("Last", row["last"])):
                yield _of(campaign, cut(at, precision), f"{word} call reported{place}", precision)
        one = united({reference})
        changes = (
            CampaignStateChange.objects.filter(campaign_id__in=one).select_related("campaign").order_by("at", "id")
        )
        for change in changes:
            yield _of(campaign, change.at, f"{change.campaign.name} is {_STATE_WORDS[CampaignState(change.to_state)]}")


def _of(campaign: Campaign, at: datetime, what: str, precision: Precision = Precision.EXACT) -> Moment:
    return Moment(
        at=at, lane=Lane.CALLS, what=what, precision=precision, kind=SubjectKind.CAMPAIGN, reference=campaign.id
    )


class Tracebacks:
    """Tracebacks, for the consortium's people; an agency has them by an accepted process."""

    def find(self, actor: Actor, reference: str) -> Subject | None:
        """Return the traceback."""
        if not visible_tracebacks(actor).filter(id=reference).exists():
            return None
        return Subject(kind=SubjectKind.TRACEBACK, reference=reference, name=reference)

    def moments(self, actor: Actor, reference: str) -> Iterable[Moment]:  # noqa: ARG002 - ``find`` has let them in
        """Return when its call was placed, when it was opened, and how it ended."""
        return traceback_moments(reference)


def traceback_moments(reference: str) -> list[Moment]:
    """Return what happened to one traceback. For the room that lets an agency have it."""
    columns = ("call_at", "opened_at", "closed_at", "outcome")
    row = Traceback.objects.filter(id=reference).values(*columns).first()
    if row is None:
        return []

    def at(moment: datetime, what: str, lane: Lane = Lane.TRACEBACKS) -> Moment:
        return Moment(at=moment, lane=lane, what=what, kind=SubjectKind.TRACEBACK, reference=reference)

    found = [at(row["call_at"], "Traced call placed", Lane.CALLS), at(row["opened_at"], "Traceback opened")]
    if row["closed_at"]:
        found.append(at(row["closed_at"], f"Traceback closed: {row['outcome'] or 'no outcome'}"))
    return found


class Providers:
    """Providers: the register of who they are is no secret; what they did is."""

    def find(self, actor: Actor, reference: str) -> Subject | None:
        """Return the provider, by its identifier or its code."""
        if not actor.may(Permission.CASE_READ):
            return None
        rows = Provider.objects.filter(id=reference) | Provider.objects.filter(spc=reference.upper())
        row = rows.values("id", "name", "spc").first()
        if row is None:
            return None
        return Subject(kind=SubjectKind.PROVIDER, reference=row["id"], name=f"{row['name']} ({row['spc']})")

    def moments(self, actor: Actor, reference: str) -> Iterable[Moment]:
        """Return when the consortium's register took it in."""
        if actor.organisation_kind is not OrganisationKind.CONSORTIUM:
            return
        row = Provider.objects.filter(id=reference).values("name", "created_at").first()
        if row:
            what = f"{row['name']} entered in the register"
            yield Moment(
                at=row["created_at"], lane=Lane.PROVIDER, what=what, kind=SubjectKind.PROVIDER, reference=reference
            )


register(SubjectKind.CAMPAIGN, Campaigns())
register(SubjectKind.TRACEBACK, Tracebacks())
register(SubjectKind.PROVIDER, Providers())

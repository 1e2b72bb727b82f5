"""Deconfliction: agencies opt in, enter matters, learn of each other, and take matters out again. All audited.

The portal keeps who takes part and with which matter. The worker alone holds the key and the pointers, and finds
matches (``index``); the portal can delete pointers, and cannot read one.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from django.db import transaction
from django.db.models import Count, Q, QuerySet

from headwater import clock
from headwater.accounts.actors import Actor
from headwater.accounts.models import Organisation
from headwater.accounts.permissions import OrganisationKind, Permission
from headwater.alerts.models import Alert
from headwater.audit.actions import record
from headwater.audit.tags import Tag
from headwater.campaigns.merged import united
from headwater.campaigns.models import CampaignMember
from headwater.cases import deconfliction, queries
from headwater.cases.models import Case, Consent, Match, Matter, Pointer
from headwater.cases.states import CaseState, MatterKind, SubjectKind
from headwater.errors import Conflict, Forbidden, Invalid, NotFound
from headwater.jobs import Job, defer

MAX_LINE = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """Whom another agency calls."""

    name: str
    telephone: str
    email: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentView:
    """Whether the agency takes part."""

    given: bool
    contact: Contact
    since: datetime | None
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MatterView:
    """One matter of the agency's own."""

    id: str
    kind: MatterKind
    reference: str
    entered_at: datetime
    entered_by: str
    indexed_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchView:
    """Another agency has a matter that shares something with one of ours. All that is told of it."""

    id: str
    matter: MatterView
    agency: str
    contact: Contact
    found_at: datetime


class Ground(Protocol):
    """What a room knows of matters of one kind."""

    def name(self, actor: Actor, reference: str) -> str | None:
        """Return what the matter is called, None where it is none of the actor's own that is open."""

    def campaigns(self, organisation_id: str, reference: str) -> frozenset[str]:
        """Return the campaigns for which the matter is a real ground now; none where it is over."""


GROUNDS: dict[MatterKind, Ground] = {}


def register(kind: MatterKind, ground: Ground) -> None:
    """Let ``ground`` tell of matters of ``kind``."""
    GROUNDS[kind] = ground


@transaction.atomic
def set_consent(actor: Actor, *, given: bool, contact: Contact | None = None) -> None:
    """Let the agency take part, or no more; with the end of it all its matters are out at once.

    Raises:
        Forbidden: the actor may not, or is of no agency.
        Invalid: the contact is incomplete.
    """
    agency = _agency(actor)
    row = Consent.objects.select_for_update(no_key=True).filter(organisation_id=agency).first()
    if given:
        named = _checked(contact)
        values: dict[str, Any] = {
            "contact_name": named.name, "contact_telephone": named.telephone, "contact_email": named.email,
        }  # fmt: skip
    elif row is None:
        return
    else:
        values = {}
        take_out(actor, Matter.objects.filter(organisation_id=agency, withdrawn_at=None))
    values |= {"given": given, "since": clock.now(), "by": actor.label}
    Consent.objects.update_or_create(organisation_id=agency, defaults=values)
    record(actor, Tag.DECONFLICTION_CHANGED, agency, {"given": given})


@transaction.atomic
def enter(actor: Actor, kind: MatterKind, reference: str) -> str:
    """Have one matter of the agency's own checked against those of others, from now on. Return its number.

    Raises:
        Forbidden: the actor may not, or is of no agency.
        NotFound: it is no open matter of the agency's own.
        Conflict: the agency does not take part, the matter is in already, or too many were entered.
        Invalid: the matter has no ground: neither an accepted process nor a campaign that rings in the state.
    """
    agency = _agency(actor)
    # Of two who enter at once, the second waits here and then sees what the first entered.
    consent = Consent.objects.select_for_update(no_key=True).filter(organisation_id=agency, given=True).first()
    if consent is None:
        raise Conflict("Your agency does not take part in deconfliction. Let it take part first.")
    ground = GROUNDS[kind]
    if ground.name(actor, reference) is None:
        raise NotFound(f"There is no open {kind.label.lower()} {reference[:20]} of your agency. Check the number.")
    if not ground.campaigns(agency, reference):
        raise Invalid(
            "This matter has no ground yet: it needs an accepted process, or a campaign of your alerts with at least "
            f"{deconfliction.CALLS_OF_A_GROUND} reported calls in your state."
        )
    own = Matter.objects.filter(organisation_id=agency)
    if own.filter(kind=kind, reference=reference, withdrawn_at=None).exists():
        raise Conflict("This matter is in already.")
    now = clock.now()
    same = own.filter(kind=kind, reference=reference).exclude(withdrawn_at=None).order_by("-withdrawn_at")
    withdrawn = same.values_list("withdrawn_at", flat=True).first()
    entered = own.filter(entered_at__gt=now - timedelta(days=1)).values_list("entered_at", flat=True)
    if why := deconfliction.may_enter(entered, withdrawn, now):
        raise Conflict(why)
    row = Matter.objects.create(
        organisation_id=agency, kind=kind.value, reference=reference, entered_at=now, entered_by=actor.label
    )
    record(actor, Tag.DECONFLICTION_OPTED_IN, row.id, {"kind": kind, "reference": reference})
    defer(Job.INDEX_MATTERS, once="cases.index_matters")
    return row.id


@transaction.atomic
def withdraw(actor: Actor, matter_id: str) -> None:
    """Take a matter out: its pointers and matches are gone before this returns.

    Raises:
        Forbidden: the actor may not, or is of no agency.
        NotFound: the agency has no such matter in.
    """
    agency = _agency(actor)
    if not take_out(actor, Matter.objects.filter(id=matter_id, organisation_id=agency, withdrawn_at=None)):
        raise NotFound(f"Your agency has no matter {matter_id[:20]} in. Check the number.")


def withdraw_of(actor: Actor, kind: MatterKind, reference: str) -> None:
    """Take out the matter of a case or process that is over, in the present transaction."""
    take_out(actor, Matter.objects.filter(kind=kind, reference=reference, withdrawn_at=None))


@transaction.atomic
def consent(actor: Actor) -> ConsentView:
    """Return whether the agency takes part, and its contact.

    Raises:
        Forbidden: the actor may not, or is of no agency.
    """
    row = Consent.objects.filter(organisation_id=_agency(actor)).first()
    if row is None:
        return ConsentView(given=False, contact=Contact(name="", telephone="", email=""), since=None, by="")
    return ConsentView(given=row.given, contact=_contact(row), since=row.since, by=row.by)


@transaction.atomic
def matters(actor: Actor) -> list[MatterView]:
    """Return the agency's matters that are in, the newest first.

    Raises:
        Forbidden: the actor may not, or is of no agency.
    """
    rows = Matter.objects.filter(organisation_id=_agency(actor), withdrawn_at=None).order_by("-entered_at")
    return [_view(row) for row in rows]


@transaction.atomic
def matches(actor: Actor) -> list[MatchView]:
    """Return which matters of other agencies share something with ours: that they exist, and whom to call. Audited.

    Raises:
        Forbidden: the actor may not, or is of no agency.
    """
    agency = _agency(actor)
    found = [_match(row, agency) for row in _standing(agency).order_by("-found_at", "id")]
    record(actor, Tag.DECONFLICTION_VIEWED, agency, {"matches": [one.id for one in found]})
    return found


def match_of(actor: Actor, match_id: str) -> tuple[MatchView, str]:
    """Return one match of the actor's agency, and the identifier of the other agency. For an invitation.

    Raises:
        NotFound: there is none.
    """
    agency = _agency(actor)
    row = _standing(agency).filter(id=match_id).first()
    if row is None:
        raise NotFound(f"There is no match {match_id[:20]} of yours. It may have ended.")
    return _match(row, agency), _other(row, agency).organisation_id


def alerted_campaigns(organisation: Organisation, references: tuple[str, ...]) -> frozenset[str]:
    """Return which of these campaigns an agency was told of and that ring in its state often enough to be a ground."""
    told = Alert.objects.filter(organisation=organisation, campaign_id__in=united(references))
    calls = CampaignMember.objects.filter(campaign_id__in=united(told.values_list("campaign_id", flat=True)))
    if organisation.state:
        calls = calls.filter(called_state=organisation.state)
    counted = calls.values("campaign_id").annotate(calls=Count("record_id"))
    enough = counted.filter(calls__gte=deconfliction.CALLS_OF_A_GROUND)
    return frozenset(enough.values_list("campaign_id", flat=True))


class Cases:
    """Cases as matters: their ground is an accepted process in them, or a campaign that rings in the state."""

    def name(self, actor: Actor, reference: str) -> str | None:
        """Return the case's title; who does not see a case does not enter it."""
        row = queries.visible_to(actor).filter(id=reference, state=CaseState.OPEN).first()
        return row.title if row else None

    def campaigns(self, organisation_id: str, reference: str) -> frozenset[str]:
        """Return the campaigns of the case that have a ground."""
        row = Case.objects.filter(id=reference, organisation_id=organisation_id, state=CaseState.OPEN).first()
        if row is None:
            return frozenset()
        listed = queries.references(row.id, SubjectKind.CAMPAIGN)
        found = alerted_campaigns(row.organisation, listed)
        if (process := GROUNDS.get(MatterKind.PROCESS)) is not None:
            for process_id in queries.references(row.id, SubjectKind.PROCESS):
                found |= process.campaigns(organisation_id, process_id)
        return found


register(MatterKind.CASE, Cases())


def take_out(actor: Actor, rows: QuerySet[Matter]) -> int:
    """Take matters out with their pointers and matches, in the present transaction; return how many."""
    chosen = list(rows.select_for_update(no_key=True).order_by("id"))
    identifiers = [row.id for row in chosen]
    Pointer.objects.filter(matter_id__in=identifiers).delete()
    Match.objects.filter(Q(one_id__in=identifiers) | Q(other_id__in=identifiers)).delete()
    for row in chosen:
        row.withdrawn_at, row.withdrawn_by = clock.now(), actor.label
        row.save(update_fields=["withdrawn_at", "withdrawn_by"])
        record(actor, Tag.DECONFLICTION_OPTED_OUT, row.id, {"reference": row.reference})
    return len(chosen)


def _standing(agency: str) -> QuerySet[Match]:
    """Return the matches of an agency whose both sides take part now, whatever the index has got to."""
    rows = Match.objects.select_related("one", "other", "one__organisation", "other__organisation")
    given = Consent.objects.filter(given=True).values("organisation_id")
    return rows.filter(
        Q(one__organisation_id=agency) | Q(other__organisation_id=agency),
        one__withdrawn_at=None,
        other__withdrawn_at=None,
        one__organisation_id__in=given,
        other__organisation_id__in=given,
    )


def _other(row: Match, agency: str) -> Matter:
    return row.other if row.one.organisation_id == agency else row.one


def _match(row: Match, agency: str) -> MatchView:
    other = _other(row, agency)
    return MatchView(
        id=row.id,
        matter=_view(row.one if other is row.other else row.other),
        agency=other.organisation.name,
        contact=_contact(Consent.objects.get(organisation_id=other.organisation_id)),
        found_at=row.found_at,
    )


def _view(row: Matter) -> MatterView:
    return MatterView(
        id=row.id,
        kind=MatterKind(row.kind),
        reference=row.reference,
        entered_at=row.entered_at,
        entered_by=row.entered_by,
        indexed_at=row.indexed_at,
    )


def _contact(row: Consent) -> Contact:
    return Contact(name=row.contact_name, telephone=row.contact_telephone, email=row.contact_email)


def _agency(actor: Actor) -> str:
    actor.require(Permission.DECONFLICTION_MANAGE)
    if actor.organisation_kind is not OrganisationKind.AGENCY or not actor.organisation_id:
        raise Forbidden("Deconfliction is between agencies.")
    return actor.organisation_id


def _checked(contact: Contact | None) -> Contact:
    if contact is None:
        raise Invalid("Say whom other agencies call.")
    lines = {name: " ".join(getattr(contact, name).split()) for name in ("name", "telephone", "email")}
    if not all(0 < len(line) <= MAX_LINE and line.isprintable() for line in lines.values()):
        raise Invalid("Give a name, a telephone number and an address for other agencies.")
    if "@" not in lines["email"] or len(lines["telephone"]) > 40:
        raise Invalid("Give a mail address and a telephone number that others can use.")
    return Contact(**lines)

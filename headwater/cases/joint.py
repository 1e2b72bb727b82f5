"""Joint cases: two or more agencies share notes, and nothing else of their own cases. All audited."""

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet

from headwater import clock
from headwater.accounts.actors import Actor
from headwater.accounts.permissions import OrganisationKind, Permission
from headwater.audit.actions import record
from headwater.audit.tags import Tag
from headwater.cases import matters, queries
from headwater.cases.actions import MAX_TEXT
from headwater.cases.models import JointCase, JointNote, JointParty
from headwater.cases.states import NEXT_PARTY_STATES, MatterKind, PartyState
from headwater.errors import Conflict, Forbidden, Invalid, NotFound

MOST_NOTES = 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class PartyView:
    """One agency of a joint case."""

    agency: str
    state: PartyState
    since: datetime
    own: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedNote:
    """One shared note."""

    agency: str
    text: str
    written_at: datetime
    written_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JointView:
    """One joint case as one of its agencies sees it."""

    id: str
    title: str
    state: PartyState
    """Where the reader's own agency stands."""
    case_id: str
    parties: tuple[PartyView, ...]
    notes: tuple[SharedNote, ...]

    @property
    def together(self) -> bool:
        """Whether anybody else has joined: only then is there somebody to share with."""
        return sum(party.state is PartyState.JOINED for party in self.parties) > 1 and self.state is PartyState.JOINED


@transaction.atomic
def invite(actor: Actor, match_id: str, *, title: str) -> str:
    """Invite the agency of a match to a joint case. Nothing is shared until it accepts. Return the joint case.

    Raises:
        Forbidden: the actor may not write cases, or is of no agency.
        NotFound: there is no such match.
        Invalid: it has no title.
        Conflict: the two are invited or joined already.
    """
    agency = _agency(actor)
    title = " ".join(title.split())
    if not 0 < len(title) <= queries.LONGEST_LIST or len(title) > 200 or not title.isprintable():
        raise Invalid("Give the joint case a title of one line; the other agency reads it.")
    match, other = matters.match_of(actor, match_id)
    both = JointCase.objects.filter(parties__organisation_id=agency, parties__state=PartyState.JOINED).filter(
        id__in=JointParty.objects.filter(
            organisation_id=other, state__in=[PartyState.INVITED, PartyState.JOINED]
        ).values("joint_id")
    )
    if both.exists():
        raise Conflict("You have invited this agency already, or work with it in a joint case.")
    now = clock.now()
    row = JointCase.objects.create(title=title, opened_at=now, opened_by=actor.label)
    case_id = match.matter.reference if match.matter.kind is MatterKind.CASE else None
    JointParty.objects.create(
        joint=row, organisation_id=agency, case_id=case_id, state=PartyState.JOINED.value, since=now, by=actor.label
    )
    JointParty.objects.create(
        joint=row, organisation_id=other, state=PartyState.INVITED.value, since=now, by=actor.label
    )
    record(actor, Tag.JOINT_INVITED, row.id, {"match": match.id, "organisation": other})
    return row.id


@transaction.atomic
def answer(actor: Actor, joint_id: str, *, accept: bool, case_id: str = "") -> None:
    """Accept or decline an invitation; with a case of one's own where there is one.

    Raises:
        Forbidden: the actor may not write cases, or is of no agency.
        NotFound: there is no such invitation, or no such case of the agency's own.
        Conflict: it was answered before.
    """
    own = _locked(actor, joint_id)
    _move(own, PartyState.JOINED if accept else PartyState.DECLINED)
    if accept and case_id:
        own.case = queries.find(actor, case_id)
    own.since, own.by = clock.now(), actor.label
    own.save(update_fields=["state", "case", "since", "by"])
    record(actor, Tag.JOINT_ANSWERED, own.joint_id, {"accepted": accept})


@transaction.atomic
def leave(actor: Actor, joint_id: str) -> None:
    """Leave a joint case: its notes are closed to the agency from now on; what it wrote stays with the others.

    Raises:
        Forbidden, NotFound: as for ``answer``.
        Conflict: the agency is not in it.
    """
    own = _locked(actor, joint_id)
    _move(own, PartyState.LEFT)
    own.since, own.by = clock.now(), actor.label
    own.save(update_fields=["state", "since", "by"])
    record(actor, Tag.JOINT_LEFT, own.joint_id)


@transaction.atomic
def add_note(actor: Actor, joint_id: str, text: str) -> None:
    """Write a note that every agency of the joint case reads.

    Raises:
        Forbidden, NotFound: as for ``answer``.
        Conflict: the agency has not joined, or nobody else has yet.
        Invalid: it says nothing or too much, or the joint case is full.
    """
    own = _locked(actor, joint_id)
    text = text.strip()
    if not text or len(text) > MAX_TEXT or "\x00" in text:
        raise Invalid(f"Write a note of at most {MAX_TEXT:,} characters.")
    if not _view(own).together:
        raise Conflict("A note is shared once both sides have joined. Nobody would read it now.")
    if JointNote.objects.filter(joint_id=own.joint_id).count() >= MOST_NOTES:
        raise Invalid(f"A joint case holds {MOST_NOTES:,} notes at most.")
    JointNote.objects.create(
        joint_id=own.joint_id, organisation_id=actor.organisation_id, text=text, written_at=clock.now(),
        written_by=actor.label,
    )  # fmt: skip
    record(actor, Tag.JOINT_NOTE_ADDED, own.joint_id)


@transaction.atomic
def joint_cases(actor: Actor) -> list[JointView]:
    """Return the joint cases of the actor's agency, without notes.

    Raises:
        Forbidden: the actor may not read cases, or is of no agency.
    """
    rows = list(_own(actor).select_related("joint").order_by("-joint__opened_at"))
    record(actor, Tag.JOINT_VIEWED, "joint", {"joint_cases": len(rows)})
    return [_view(row) for row in rows]


@transaction.atomic
def joint_case(actor: Actor, joint_id: str) -> JointView:
    """Return one joint case with its notes, as far as the agency has joined; the look is audited.

    Raises:
        Forbidden: the actor may not read cases, or is of no agency.
        NotFound: the agency is not in it.
    """
    own = _find(actor, joint_id)
    record(actor, Tag.JOINT_VIEWED, own.joint_id)
    return _view(own, with_notes=True)


def _own(actor: Actor) -> QuerySet[JointParty]:
    actor.require(Permission.CASE_READ)
    if actor.organisation_kind is not OrganisationKind.AGENCY or not actor.organisation_id:
        raise Forbidden("Joint cases are between agencies.")
    return JointParty.objects.filter(organisation_id=actor.organisation_id)


def _find(actor: Actor, joint_id: str) -> JointParty:
    found = _own(actor).select_related("joint").filter(joint_id=joint_id).first()
    if found is None:
        raise NotFound(f"There is no joint case {joint_id[:20]} of your agency. Check the number.")
    return found


def _locked(actor: Actor, joint_id: str) -> JointParty:
    _agency(actor)
    found = _find(actor, joint_id)
    return JointParty.objects.select_for_update(no_key=True, of=("self",)).select_related("joint").get(id=found.pk)


def _agency(actor: Actor) -> str:
    actor.require(Permission.CASE_WRITE)
    _own(actor)
    return actor.organisation_id


def _move(row: JointParty, to: PartyState) -> None:
    if to not in NEXT_PARTY_STATES[PartyState(row.state)]:
        raise Conflict(f"Your agency is {PartyState(row.state).label.lower()} in {row.joint_id}; load the page again.")
    row.state = to.value


def _view(own: JointParty, *, with_notes: bool = False) -> JointView:
    joint, state = own.joint, PartyState(own.state)
    parties = joint.parties.select_related("organisation").order_by("since", "id")
    notes = joint.notes.select_related("organisation").order_by("-written_at", "-id")
    # Who has not joined, or has left, reads none of what was shared.
    shown = notes if with_notes and state is PartyState.JOINED else ()
    return JointView(
        id=joint.id,
        title=joint.title,
        state=state,
        case_id=own.case_id or "",
        parties=tuple(
            PartyView(
                agency=one.organisation.name, state=PartyState(one.state), since=one.since,
                own=one.organisation_id == own.organisation_id,
            )
            for one in parties
        ),
        notes=tuple(
            SharedNote(
                agency=one.organisation.name, text=one.text, written_at=one.written_at, written_by=one.written_by
            )
            for one in shown
        ),
    )  # fmt: skip

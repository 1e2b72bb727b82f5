"""The index of deconfliction: which matters point at the same things. Run by the worker, which alone holds the key."""

from django.db import transaction
from django.db.models import Count

from headwater import clock
from headwater.accounts.actors import Actor
from headwater.audit.actions import record
from headwater.audit.tags import Tag
from headwater.campaigns.merged import standing, united
from headwater.campaigns.models import Campaign, CampaignExemplar, CampaignMember, CampaignNode
from headwater.cases import deconfliction
from headwater.cases.deconfliction import Open, Thing, pointer
from headwater.cases.matters import GROUNDS, take_out
from headwater.cases.models import Consent, Match, Matter, Pointer
from headwater.cases.states import MatterKind
from headwater.outbox import actions as outbox
from headwater.tracebacks.models import Traceback
from headwater.tracebacks.states import Grade

#: Marks of a campaign's evidence graph that become pointers, and as what: a number is one whoever shows or speaks it.
_MARKS = {"callback": "number", "address": "address", "recording": "recording", "origid": "origid"}


@transaction.atomic
def index(actor: Actor, key: bytes) -> int:
    """Bring the pointers of every matter up to date and find the matches; return how many matches are new.

    What has lost its ground is taken out. Run by the worker, which alone holds the key.
    """
    # One index at a time: two would find the same match twice.
    rows = list(Matter.objects.select_for_update(no_key=True).filter(withdrawn_at=None).order_by("id"))
    given = set(Consent.objects.filter(given=True).values_list("organisation_id", flat=True))
    open_now = []
    for row in rows:
        campaigns = GROUNDS[MatterKind(row.kind)].campaigns(row.organisation_id, row.reference)
        if not campaigns or row.organisation_id not in given:
            take_out(actor, Matter.objects.filter(id=row.id))
            continue
        pointers = frozenset(pointer(key, thing) for thing in _things(campaigns))
        _keep_pointers(actor, row, pointers)
        open_now.append(Open(matter=row.id, organisation=row.organisation_id, takes_part=True, pointers=pointers))
    return _keep_matches(actor, deconfliction.pairs(open_now))


def _keep_pointers(actor: Actor, row: Matter, pointers: frozenset[str]) -> None:
    there = frozenset(row.pointers.values_list("digest", flat=True))
    if there != pointers or row.indexed_at is None:
        row.pointers.exclude(digest__in=pointers).delete()
        Pointer.objects.bulk_create(Pointer(matter=row, digest=digest) for digest in sorted(pointers - there))
        row.indexed_at = clock.now()
        row.save(update_fields=["indexed_at"])
        record(actor, Tag.DECONFLICTION_INDEXED, row.id, {"pointers": len(pointers)})


def _keep_matches(actor: Actor, wanted: frozenset[tuple[str, str]]) -> int:
    there = {(row.one_id, row.other_id): row.id for row in Match.objects.all()}
    Match.objects.filter(id__in=[there[pair] for pair in there.keys() - wanted]).delete()
    for one, other in sorted(wanted - there.keys()):
        row = Match.objects.create(one_id=one, other_id=other, found_at=clock.now())
        record(actor, Tag.DECONFLICTION_MATCHED, row.id, {"matters": [one, other]})
        for matter_id in (one, other):
            _tell(row, Matter.objects.get(id=matter_id))
    return len(wanted - there.keys())


def _tell(match: Match, own: Matter) -> None:
    consent_row = Consent.objects.get(organisation_id=own.organisation_id)
    outbox.queue_mail(
        key=f"deconfliction:{match.id}:{own.id}",
        to=consent_row.contact_email,
        subject=f"Another agency works on a matter near {own.reference}",
        text=(
            f"Your matter {own.reference} shares something with a matter of another agency that takes part in "
            "deconfliction.\n\nWhich agency, and whom to call, stands in your portal under Deconfliction. Nothing of "
            "either matter's content was told to the other.\n"
        ),
        about=own.id,
        organisation_id=own.organisation_id,
    )


def _things(campaigns: frozenset[str]) -> list[Thing]:
    """Return what campaigns are about, from Headwater's own records: nothing in it was typed by an agency."""
    found = []
    for campaign in Campaign.objects.filter(id__in=united(campaigns)):
        found.append(Thing("campaign", standing(campaign).id))
        numbers = CampaignMember.objects.filter(campaign=campaign).exclude(calling="").values("calling")
        many = numbers.annotate(calls=Count("record_id")).filter(calls__gte=deconfliction.CALLS_OF_A_NUMBER)
        ranked = many.order_by("-calls", "calling")[: deconfliction.MARKS_OF_A_CAMPAIGN]
        found += [Thing("number", row["calling"]) for row in ranked]
        nodes = CampaignNode.objects.filter(campaign=campaign, kind__in=_MARKS)
        counted = nodes.filter(calls__gte=deconfliction.CALLS_OF_A_NUMBER).order_by("-calls", "value")
        found += [
            Thing(_MARKS[kind], value)
            for kind, value in counted.values_list("kind", "value")[: deconfliction.MARKS_OF_A_CAMPAIGN]
        ]
        scripts = CampaignExemplar.objects.filter(campaign=campaign, retired=None).values_list("text", flat=True)
        found += [Thing("script", " ".join(_words(text))) for text in scripts]
        origins = Traceback.objects.filter(campaign=campaign, grade=Grade.ORIGIN_CONFIRMED).exclude(origin=None)
        found += [Thing("provider", spc) for spc in origins.values_list("origin__spc", flat=True).distinct()]
    return found


def _words(text: str) -> list[str]:
    """Return the words of a script in small letters, without figures and marks, in which two transcripts differ."""
    return "".join(char if char.isalpha() else " " for char in text.lower()).split()

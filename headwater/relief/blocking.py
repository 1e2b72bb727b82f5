"""What is done with block and do-not-originate entries: entered, taken back, appealed against, published. Audited."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.db import transaction
from django.db.models import Count

from headwater import clock
from headwater.accounts.actors import Actor
from headwater.accounts.permissions import Permission
from headwater.audit.actions import record
from headwater.audit.checkpoints import private_key
from headwater.audit.tags import Tag
from headwater.campaigns.merged import united
from headwater.campaigns.models import CampaignMember
from headwater.errors import Conflict, Invalid, NotFound
from headwater.evidence import keys
from headwater.numbering.numbers import E164, display, is_possible
from headwater.relief import block_list, feed
from headwater.relief.actions import Taken, campaign_of, check_length, note_measure
from headwater.relief.block_list import AppealView, appeal_view
from headwater.relief.models import BlockAppeal, BlockEntry, FeedVersion
from headwater.relief.states import (
    DO_NOT_ORIGINATE_REASONS,
    AppealState,
    BlockReason,
    ListKind,
    MeasureKind,
    Removal,
)

#: A block entry ends by itself: numbers are spoofed and given to others.
LONGEST_BLOCK = timedelta(days=30)
#: A do-not-originate entry rests on the holder's word or the plan, and is looked at again within a year.
LONGEST_DO_NOT_ORIGINATE = timedelta(days=366)
#: Numbers that one call may enter.
MOST_NUMBERS = 500
#: Appeals of one provider that may wait for a decision.
MOST_OPEN_APPEALS = 50
MAX_LINE = 200
KEY_FILE = "block-feed-key.pem"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What a do-not-originate entry rests on."""

    reason: BlockReason
    evidence: str
    """The letter, order or notice that says so, as the feed shows it."""


@transaction.atomic
def block_numbers(actor: Actor, campaign_id: str, numbers: Sequence[E164], *, days: int) -> int:
    """Enter calling numbers of a campaign's own calls to be blocked; return how many are new.

    Raises:
        Forbidden: the actor may not.
        NotFound: there is no such campaign.
        Invalid: none or too many numbers, a time out of bounds, or a number that no call of the campaign showed.
    """
    actor.require(Permission.RELIEF_WRITE)
    campaign = campaign_of(actor, campaign_id)
    chosen = _chosen(numbers, days, LONGEST_BLOCK)
    shown = dict(
        CampaignMember.objects.filter(campaign=campaign, calling__in=chosen)
        .values_list("calling")
        .annotate(Count("record_id"))
    )
    if strangers := [number for number in chosen if number not in shown]:
        message = f"No call of this campaign showed {display(strangers[0])}; only its own numbers can be entered."
        raise Invalid(message)
    now = clock.now()
    there = set(
        block_list.in_force(now)
        .filter(campaign_id__in=united({campaign.id}), number__in=chosen)
        .values_list("number", flat=True)
    )
    # What ended by itself makes room for the new entry.
    ended = BlockEntry.objects.filter(campaign=campaign, number__in=chosen, withdrawn_at=None, valid_to__lte=now)
    ended.update(withdrawn_at=now, withdrawn_by="system:ended", removal=Removal.ENDED.value)
    new = [number for number in chosen if number not in there]
    reason = f"Shown by calls of {campaign.name} ({campaign.id})"
    BlockEntry.objects.bulk_create(
        BlockEntry(
            number=number, campaign=campaign, reason=reason, evidence=f"campaign {campaign.id}", calls=shown[number],
            valid_from=now, valid_to=now + timedelta(days=days), entered_by=actor.label,
        )
        for number in new
    )  # fmt: skip
    if new:
        numbers_word = "number" if len(new) == 1 else "numbers"
        taken = Taken(kind=MeasureKind.NUMBERS_BLOCKED, at=now, what=f"{len(new)} calling {numbers_word} entered")
        note_measure(actor, campaign, taken)
        record(actor, Tag.BLOCK_ENTERED, campaign.id, {"numbers": new, "days": days})
    return len(new)


@transaction.atomic
def enter_do_not_originate(actor: Actor, numbers: Sequence[E164], *, ground: Ground, days: int) -> int:
    """Enter numbers that no call may show (47 CFR 64.1200(o)); return how many are new.

    Raises:
        Forbidden: the actor may not.
        Invalid: none or too many numbers, a time out of bounds, a ground that does not fit, or a number that the
            numbering plan holds valid though the ground says otherwise, or the other way round.
    """
    actor.require(Permission.RELIEF_WRITE)
    chosen = _chosen(numbers, days, LONGEST_DO_NOT_ORIGINATE)
    evidence = " ".join(ground.evidence.split())
    if ground.reason not in DO_NOT_ORIGINATE_REASONS or not 0 < len(evidence) <= MAX_LINE or not evidence.isprintable():
        message = f"Say what the entry rests on in at most {MAX_LINE} characters, and choose its reason."
        raise Invalid(message)
    for number in chosen:
        if is_possible(number) == (ground.reason is BlockReason.INVALID):
            word = "a valid number" if ground.reason is BlockReason.INVALID else "not a valid number"
            message = f"{display(number)} is {word} of the numbering plan; choose the reason that fits."
            raise Invalid(message)
    now = clock.now()
    same = BlockEntry.objects.filter(campaign=None, number__in=chosen, reason_class=ground.reason, withdrawn_at=None)
    same.filter(valid_to__lte=now).update(withdrawn_at=now, withdrawn_by="system:ended", removal=Removal.ENDED.value)
    there = set(same.values_list("number", flat=True))
    new = [number for number in chosen if number not in there]
    BlockEntry.objects.bulk_create(
        BlockEntry(
            number=number, listed=ListKind.DO_NOT_ORIGINATE.value, reason_class=ground.reason.value,
            reason=ground.reason.label, evidence=evidence, valid_from=now, valid_to=now + timedelta(days=days),
            entered_by=actor.label,
        )
        for number in new
    )  # fmt: skip
    if new:
        detail = {"numbers": new, "days": days, "list": ListKind.DO_NOT_ORIGINATE, "reason": ground.reason}
        record(actor, Tag.BLOCK_ENTERED, "do-not-originate", detail)
    return len(new)


@transaction.atomic
def withdraw_block(actor: Actor, entry_id: int, *, reason: str) -> None:
    """Take an entry back, for instance because its number is a subscriber's who never called.

    Raises:
        Forbidden: the actor may not.
        NotFound: there is no such entry in force.
        Invalid: no reason is given.
    """
    actor.require(Permission.RELIEF_WRITE)
    reason = _said(reason, "Say why the entry is taken back.")
    row = BlockEntry.objects.select_for_update(no_key=True).filter(id=entry_id, withdrawn_at=None).first()
    if row is None:
        message = f"There is no block entry {entry_id} in force."
        raise NotFound(message)
    _take_back(actor, row, Removal.WITHDRAWN, reason)


@transaction.atomic
def appeal(actor: Actor, reference: str, *, text: str, appellant: str = "", contact: str = "") -> AppealView:
    """Take in an appeal against an entry: a provider's own, or what somebody wrote to the desk.

    Raises:
        Forbidden: the actor may neither appeal nor write relief.
        NotFound: no entry of that reference is in force.
        Invalid: it gives no reason, or does not say who appeals and how to reach them.
        Conflict: too many appeals of the provider wait.
    """
    own = actor.may(Permission.BLOCK_APPEAL) and bool(actor.provider_id)
    if not own:
        actor.require(Permission.RELIEF_WRITE)
    text = _said(text, "Say why the entry is wrong.")
    who = actor.label if own else " ".join(appellant.split())
    how = (actor.email or actor.label) if own else " ".join(contact.split())
    if not (0 < len(who) <= MAX_LINE and 0 < len(how) <= MAX_LINE):
        raise Invalid("Say who appeals, and how to reach them.")
    entry = block_list.in_force(clock.now()).filter(reference=reference).first()
    if entry is None:
        message = f"There is no entry {reference[:20]} in force. Check its reference in the feed."
        raise NotFound(message)
    if own and BlockAppeal.objects.filter(provider_id=actor.provider_id, state=AppealState.OPEN).count() >= (
        MOST_OPEN_APPEALS
    ):
        raise Conflict(f"{MOST_OPEN_APPEALS} appeals of yours wait for a decision. Wait until some are decided.")
    row = BlockAppeal.objects.create(
        entry=entry,
        provider_id=actor.provider_id if own else None,
        appellant=who,
        contact=how,
        text=text,
        received_at=clock.now(),
        entered_by=actor.label,
    )
    record(actor, Tag.BLOCK_APPEALED, row.id, {"entry": entry.reference})
    return appeal_view(row)


@transaction.atomic
def decide_appeal(actor: Actor, appeal_id: str, *, upheld: bool, reason: str) -> AppealView:
    """Decide an appeal; one that is upheld takes its entry back in the same transaction.

    Raises:
        Forbidden: the actor may not.
        NotFound: there is none that waits.
        Invalid: no reason is given.
    """
    actor.require(Permission.RELIEF_WRITE)
    reason = _said(reason, "Give the reason: whoever appealed reads it.")
    row = BlockAppeal.objects.select_for_update(no_key=True, of=("self",)).select_related("entry")
    found = row.filter(id=appeal_id, state=AppealState.OPEN).first()
    if found is None:
        raise NotFound(f"No appeal {appeal_id[:20]} waits for a decision.")
    found.state = (AppealState.UPHELD if upheld else AppealState.REFUSED).value
    found.decided_at, found.decided_by, found.decision = clock.now(), actor.label, reason
    found.save(update_fields=["state", "decided_at", "decided_by", "decision"])
    entry = BlockEntry.objects.select_for_update(no_key=True).get(id=found.entry_id)
    if upheld and entry.withdrawn_at is None:
        _take_back(actor, entry, Removal.APPEAL_UPHELD, reason)
    record(actor, Tag.BLOCK_APPEAL_DECIDED, found.id, {"entry": entry.reference, "upheld": upheld, "reason": reason})
    return appeal_view(found)


def signing_key(secrets: Path) -> Ed25519PrivateKey:
    """Return the key that signs the feed, from the secrets folder.

    Raises:
        Unavailable: there is none yet, or the file cannot be read as one.
    """
    return private_key(secrets / KEY_FILE)


@transaction.atomic
def publish(actor: Actor, key: Ed25519PrivateKey, *, appeals: str, now: datetime) -> int | None:
    """Publish a new version of the feed where an entry came, went or changed, or the last one grows old.

    Returns the version, None where the last one still stands. Two that publish at once publish one.
    """
    last = FeedVersion.objects.select_for_update(no_key=True).order_by("-version").first()
    before = _entries(last)
    rows = list(block_list.in_force(now).exclude(valid_to__lt=now + timedelta(seconds=1)))
    after = [block_list.entry_of(row) for row in rows]
    added, gone = feed.changed(before, after)
    if last is not None and not added and not gone and now < last.published_at + feed.REFRESH:
        return None
    edition = feed.Edition(
        version=last.version + 1 if last else 1, published_at=now.replace(microsecond=0), appeals=appeals
    )
    files = {
        feed.SNAPSHOT: feed.snapshot(edition, after),
        feed.TABLE: feed.table(after),
        feed.DELTA: feed.delta(edition, added, _removed(gone)),
    }
    previous = sha256(last.head.encode()).hexdigest() if last else ""
    FeedVersion.objects.filter(version__lt=edition.version).update(snapshot=b"", table=b"")
    FeedVersion.objects.filter(version__lte=edition.version - feed.DELTAS_KEPT).delete()
    FeedVersion.objects.create(
        version=edition.version,
        published_at=edition.published_at,
        expires_at=edition.expires_at,
        entries=len(after),
        head=_signed_head(key, feed.head(edition, files, entries=len(after), previous=previous)),
        public_key=keys.raw(key.public_key()).hex(),
        **{
            name: value
            for column, file in (("snapshot", feed.SNAPSHOT), ("table", feed.TABLE), ("delta", feed.DELTA))
            for name, value in ((column, files[file]), (f"{column}_signature", _detached(key, files[file])))
        },
    )
    detail = {"entries": len(after), "added": len(added), "removed": len(gone), "previous": previous}
    record(actor, Tag.BLOCK_FEED_PUBLISHED, str(edition.version), detail)
    return edition.version


def _entries(last: FeedVersion | None) -> list[feed.FeedEntry]:
    if last is None:
        return []
    _, rows = feed.read_lines(bytes(last.snapshot))
    return [feed.entry_of(row) for row in rows]


def _removed(gone: Sequence[feed.FeedEntry]) -> list[feed.Removed]:
    """Return why each entry left; one whose row still stands ended by itself."""
    whys = dict(BlockEntry.objects.filter(reference__in=[one.id for one in gone]).values_list("reference", "removal"))
    return [feed.Removed(id=one.id, number=one.number, why=Removal(whys.get(one.id) or Removal.ENDED)) for one in gone]


def _signed_head(key: Ed25519PrivateKey, payload: dict[str, object]) -> str:
    signed = feed.signing_input(payload, keys.key_id(key.public_key()))
    return b".".join((signed, feed.encoded(key.sign(signed)))).decode()


def _detached(key: Ed25519PrivateKey, octets: bytes) -> str:
    return base64.b64encode(key.sign(octets)).decode()


def _take_back(actor: Actor, row: BlockEntry, removal: Removal, reason: str) -> None:
    row.withdrawn_at, row.withdrawn_by, row.removal = clock.now(), actor.label, removal.value
    row.save(update_fields=["withdrawn_at", "withdrawn_by", "removal"])
    detail = {"number": row.number, "reason": reason, "entry": row.reference}
    record(actor, Tag.BLOCK_WITHDRAWN, row.campaign_id or "do-not-originate", detail)


def _chosen(numbers: Sequence[E164], days: int, longest: timedelta) -> list[E164]:
    chosen = sorted(set(numbers) - {E164("")})
    if not 0 < len(chosen) <= MOST_NUMBERS or not 0 < days <= longest.days:
        message = f"Choose 1 to {MOST_NUMBERS} numbers, for 1 to {longest.days} days."
        raise Invalid(message)
    return chosen


def _said(text: str, missing: str) -> str:
    text = text.strip()
    if not text:
        raise Invalid(missing)
    check_length(text)
    return text

"""What may be read of block and do-not-originate entries, appeals against them, and the published feed."""

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet

from headwater import clock
from headwater.accounts.actors import Actor
from headwater.accounts.permissions import OrganisationKind, Permission
from headwater.audit.actions import record
from headwater.audit.tags import Tag
from headwater.campaigns.merged import united
from headwater.errors import NotFound
from headwater.numbering.numbers import E164
from headwater.relief.feed import FeedEntry
from headwater.relief.models import BlockAppeal, BlockEntry, FeedVersion
from headwater.relief.states import AppealState, BlockReason, ListKind

#: Entries and appeals that one page lists.
LONGEST_LIST = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockView:
    """One entry."""

    id: int
    reference: str
    number: E164
    listed: ListKind
    reason_class: BlockReason
    campaign_id: str
    reason: str
    evidence: str
    calls: int
    valid_from: datetime
    valid_to: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AppealView:
    """One appeal against an entry."""

    id: str
    entry: BlockView
    appellant: str
    contact: str
    text: str
    received_at: datetime
    state: AppealState
    decided_at: datetime | None
    decision: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """One version of the feed as it is served."""

    version: int
    published_at: datetime
    expires_at: datetime
    entries: int
    head: bytes
    snapshot: bytes
    snapshot_signature: bytes
    table: bytes
    table_signature: bytes
    delta: bytes
    delta_signature: bytes
    public_key: bytes


def in_force(now: datetime) -> QuerySet[BlockEntry]:
    """Return the entries that hold at ``now``. For Headwater itself: entries are published."""
    return BlockEntry.objects.filter(withdrawn_at=None, valid_from__lte=now, valid_to__gt=now)


def blocks(now: datetime | None = None) -> list[BlockView]:
    """Return every entry in force, by number: what the published feed holds."""
    return [block_view(row) for row in in_force(now or clock.now()).order_by("number", "id")]


def of_campaign(campaign_id: str, now: datetime) -> tuple[BlockView, ...]:
    """Return the entries in force of one campaign, those of the most calls first. For Headwater itself."""
    return tuple(
        block_view(row)
        for row in in_force(now).filter(campaign_id__in=united({campaign_id})).order_by("-calls", "number")
    )


def listed(actor: Actor, *, now: datetime) -> list[BlockView]:
    """Return the entries in force, the newest first, for the desk and for carriers: they are public.

    Raises:
        Forbidden: the actor may neither read relief nor appeal.
    """
    if not actor.may(Permission.BLOCK_APPEAL):
        actor.require(Permission.RELIEF_READ)
    return [block_view(row) for row in in_force(now).order_by("-valid_from", "number")[:LONGEST_LIST]]


def appeals(actor: Actor) -> list[AppealView]:
    """Return the appeals that ``actor`` may see, those that wait first: all at the desk, a provider's own.

    Raises:
        Forbidden: the actor may neither read relief nor appeal.
    """
    rows = BlockAppeal.objects.select_related("entry").order_by("decided_at", "received_at")
    if actor.organisation_kind is OrganisationKind.CONSORTIUM:
        actor.require(Permission.RELIEF_READ)
    else:
        actor.require(Permission.BLOCK_APPEAL)
        rows = rows.filter(provider_id=actor.provider_id or None).exclude(provider=None)
    with transaction.atomic():
        found = sorted(rows[:LONGEST_LIST], key=lambda row: (row.state != AppealState.OPEN, row.received_at))
        record(actor, Tag.BLOCK_APPEALS_LISTED, "block-feed", {"appeals": len(found)})
    return [appeal_view(row) for row in found]


def published(version: int | None = None) -> Published:
    """Return a version of the feed, the newest where none is named. Anybody may read it.

    Raises:
        NotFound: there is no such version, or it is no longer kept.
    """
    rows = FeedVersion.objects.order_by("-version")
    row = rows.first() if version is None else rows.filter(version=version).first()
    if row is None:
        message = (
            "The feed has no version yet."
            if version is None
            else f"Version {version} is not kept: take the newest snapshot."
        )
        raise NotFound(message)
    return Published(
        version=row.version,
        published_at=row.published_at,
        expires_at=row.expires_at,
        entries=row.entries,
        head=row.head.encode(),
        snapshot=bytes(row.snapshot),
        snapshot_signature=row.snapshot_signature.encode(),
        table=bytes(row.table),
        table_signature=row.table_signature.encode(),
        delta=bytes(row.delta),
        delta_signature=row.delta_signature.encode(),
        public_key=bytes.fromhex(row.public_key),
    )


def entry_of(row: BlockEntry) -> FeedEntry:
    """Return a row as the feed publishes it."""
    return FeedEntry(
        number=row.number,
        id=row.reference,
        list=ListKind(row.listed),
        reason=BlockReason(row.reason_class),
        evidence=row.evidence,
        calls=row.calls,
        since=row.valid_from.replace(microsecond=0),
        until=row.valid_to.replace(microsecond=0),
    )


def block_view(row: BlockEntry) -> BlockView:
    """Return a row as a value."""
    return BlockView(
        id=row.pk,
        reference=row.reference,
        number=E164(row.number),
        listed=ListKind(row.listed),
        reason_class=BlockReason(row.reason_class),
        campaign_id=row.campaign_id or "",
        reason=row.reason,
        evidence=row.evidence,
        calls=row.calls,
        valid_from=row.valid_from,
        valid_to=row.valid_to,
    )


def appeal_view(row: BlockAppeal) -> AppealView:
    """Return a row as a value."""
    return AppealView(
        id=row.id,
        entry=block_view(row.entry),
        appellant=row.appellant,
        contact=row.contact,
        text=row.text,
        received_at=row.received_at,
        state=AppealState(row.state),
        decided_at=row.decided_at,
        decision=row.decision,
    )

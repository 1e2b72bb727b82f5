"""An agency's collection of STIX objects, as its TAXII 2.1 client reads it: added to, paged, never changed.

Objects are added under a lock of the agency's, each at a moment of its own, so that what is committed later was also
added later: a client that asks from where it was misses nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID, uuid5

from django.db import connection, transaction
from django.db.models import Max, QuerySet

from headwater import clock
from headwater.accounts.actors import Actor
from headwater.accounts.permissions import OrganisationKind, Permission
from headwater.alerts.models import FeedObject
from headwater.alerts.stix import NAMESPACE, version_of
from headwater.audit.actions import record as audit
from headwater.audit.tags import Tag
from headwater.errors import Invalid, NotFound

#: Where the portal serves the feed, after its address.
TAXII: Final = "taxii2/"
#: Objects of one answer.
PAGE = 100
MOST_MATCHED = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One version of one object."""

    stix_id: str
    version: str
    added_at: datetime
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What of a collection is asked for (TAXII 2.1 section 3.4)."""

    added_after: datetime | None = None
    ids: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    versions: tuple[str, ...] = ("last",)
    """``last``, ``first``, ``all``, or versions."""
    after: int = 0
    """Number of the object after which the page begins: what ``next`` stands for."""
    limit: int = PAGE


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page of a collection, in the order in which objects were added."""

    entries: tuple[Entry, ...]
    following: str
    """Where the next page begins; "" where this is the last."""


def collection_id(organisation_id: str) -> UUID:
    """Return the identifier of an agency's collection: the same for ever."""
    return uuid5(NAMESPACE, f"collection {organisation_id}")


def add(organisation_id: str, objects: Sequence[Mapping[str, Any]]) -> int:
    """Add what is new of ``objects`` in the present transaction; return how many. A version that is there stays."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 7))", [f"feed {organisation_id}"])
    there = set(
        FeedObject.objects.filter(
            organisation_id=organisation_id, stix_id__in=[part["id"] for part in objects]
        ).values_list("stix_id", "version")
    )
    last = FeedObject.objects.filter(organisation_id=organisation_id).aggregate(last=Max("added_at"))["last"]
    moment = max(clock.now(), last + timedelta(microseconds=1)) if last else clock.now()
    rows = []
    for part in objects:
        if (part["id"], version_of(part)) in there:
            continue
        rows.append(
            FeedObject(
                organisation_id=organisation_id,
                stix_id=part["id"],
                kind=part["type"],
                version=version_of(part),
                added_at=moment,
                body=part,
            )
        )
        moment += timedelta(microseconds=1)
    FeedObject.objects.bulk_create(rows)
    return len(rows)


def visible_to(actor: Actor) -> QuerySet[FeedObject]:
    """Return the objects that ``actor`` may read: an agency's own."""
    actor.require(Permission.ALERT_READ)
    if actor.organisation_kind is not OrganisationKind.AGENCY:
        return FeedObject.objects.none()
    return FeedObject.objects.filter(organisation_id=actor.organisation_id)


def read(actor: Actor, collection: str, asked: Asked) -> Page:
    """Return one page of the actor's collection; the audit notes which objects went out.

    Raises:
        Forbidden: the actor reads no alerts.
        NotFound: the collection is not the actor's.
        Invalid: what is asked for is out of bounds.
    """
    rows = _asked(actor, collection, asked)
    with transaction.atomic():
        found = list(rows.order_by("added_at", "id")[: asked.limit + 1])
        page, more = found[: asked.limit], len(found) > asked.limit
        audit(actor, Tag.ALERT_FEED_READ, str(collection), {"objects": len(page), "from": page[0].id if page else 0})
    entries = tuple(
        Entry(stix_id=row.stix_id, version=row.version, added_at=row.added_at.astimezone(UTC), body=row.body)
        for row in page
    )
    return Page(entries=entries, following=str(page[-1].id) if more else "")


def versions(actor: Actor, collection: str, stix_id: str, asked: Asked) -> tuple[str, ...]:
    """Return the versions of one object, the oldest first.

    Raises: as ``read``; NotFound also where there is no such object.
    """
    rows = _asked(actor, collection, asked)
    found = tuple(rows.filter(stix_id=stix_id).order_by("version").values_list("version", flat=True))
    if not found and not visible_to(actor).filter(stix_id=stix_id).exists():
        raise NotFound(f"The collection holds no object {stix_id[:120]}.")
    return found


def has(actor: Actor, stix_id: str) -> bool:
    """Tell whether the actor's collection holds an object."""
    return visible_to(actor).filter(stix_id=stix_id).exists()


def _asked(actor: Actor, collection: str, asked: Asked) -> QuerySet[FeedObject]:
    own = visible_to(actor)
    if collection != str(collection_id(actor.organisation_id)):
        raise NotFound("There is no such collection, or it is another agency's.")
    if not 1 <= asked.limit <= PAGE:
        raise Invalid(f"limit is from 1 to {PAGE}, not {asked.limit}.")
    if max(len(asked.ids), len(asked.types), len(asked.versions)) > MOST_MATCHED:
        raise Invalid(f"At most {MOST_MATCHED} values of one match are taken.")
    rows = own
    if asked.added_after is not None:
        rows = rows.filter(added_at__gt=asked.added_after)
    if asked.after:
        before = own.filter(id=asked.after).values_list("added_at", flat=True).first()
        if before is None:
            raise Invalid("next is none that this server gave out.")
        rows = rows.filter(added_at__gt=before)
    if asked.ids:
        rows = rows.filter(stix_id__in=asked.ids)
    if asked.types:
        rows = rows.filter(kind__in=asked.types)
    return _of_versions(rows, own, asked.versions)


def _of_versions(
    rows: QuerySet[FeedObject], own: QuerySet[FeedObject], wanted: tuple[str, ...]
) -> QuerySet[FeedObject]:
    if "all" in wanted:
        return rows
    ids: set[int] = set()
    if "last" in wanted:
        ids.update(own.order_by("stix_id", "-version").distinct("stix_id").values_list("id", flat=True))
    if "first" in wanted:
        ids.update(own.order_by("stix_id", "version").distinct("stix_id").values_list("id", flat=True))
    exact = [version for version in wanted if version not in ("last", "first")]
    return rows.filter(id__in=ids) | rows.filter(version__in=exact)

"""What a package's campaigns did since it was sealed: looked at live, and signed on request as an addendum. Audited.

Signing needs the key that seals packages, which the worker alone holds: who asks gets the addendum seconds later.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from headwater import clock
from headwater.accounts.actors import Actor, system
from headwater.accounts.permissions import Permission
from headwater.audit.actions import record
from headwater.audit.tags import Tag
from headwater.campaigns.merged import standing
from headwater.campaigns.models import Campaign, CampaignMember
from headwater.campaigns.queries import liveness
from headwater.campaigns.rules import Liveness
from headwater.errors import Conflict, NotFound
from headwater.evidence import addendum, calls_in_scope, keys
from headwater.evidence import queries as packages
from headwater.evidence.found_campaigns import of_times
from headwater.evidence.gather import scope_of
from headwater.evidence.models import Package
from headwater.evidence.scope import Scope
from headwater.jobs import Job, defer
from headwater.relief.models import PackageAddendum
from headwater.relief.queries import Chart, chart

#: Addenda that one package may have: one a quarter of an hour over a day, and more by far than a court wants.
MOST = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """One addendum, or one that is being signed."""

    id: str
    number: int
    asked_at: datetime
    asked_by: str
    made_at: datetime | None
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignSince:
    """What the calls of one campaign did since, as far as the acceptance opened them."""

    id: str
    name: str
    at_sealing: Mapping[str, Any]
    """What the package states of it itself: a row of ``campaigns`` in its facts."""
    calls_since: int
    alive: Liveness
    chart: Chart | None
    """Its calls over its life; None where the acceptance opened single calls of it alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Since:
    """What the campaigns of a sealed package did since."""

    package_id: str
    process_id: str
    sealed_at: datetime
    as_of: datetime
    calls_since: int
    by_source: Mapping[str, int]
    campaigns: tuple[CampaignSince, ...]
    signed: tuple[Signed, ...]


def since(actor: Actor, package_id: str, *, now: datetime) -> Since:
    """Return what the campaigns did since the package was sealed; the look is audited.

    Raises:
        Forbidden: the actor may not read process, or what this one opened is closed to them.
        NotFound: there is no sealed package that the actor may see.
    """
    with transaction.atomic():
        row = packages.find(actor, package_id, now=now)
        scope = _scope(row, now)
        kinds = _after(row, scope).values_list("source_kind", flat=True)
        by_source = Counter(kind or "report" for kind in kinds)
        record(actor, Tag.ADDENDUM_VIEWED, row.id)
        return Since(
            package_id=row.id,
            process_id=row.process_id,
            sealed_at=row.sealed_at or now,
            as_of=now,
            calls_since=by_source.total(),
            by_source=dict(by_source),
            campaigns=_campaigns(row, scope, now),
            signed=tuple(_signed(one) for one in row.addenda.order_by("-number")),
        )


def _scope(row: Package, now: datetime) -> Scope:
    """Return what of the scope can go on: campaigns and numbers up to ``now``, beyond the process's times too."""
    scope = scope_of(row.process, now)
    # A traceback's one call was placed before; the portal may not read which it was.
    return replace(scope, end=now, opened=replace(scope.opened, tracebacks=frozenset()))


def _after(row: Package, scope: Scope) -> QuerySet[CampaignMember]:
    return calls_in_scope.members(scope).filter(call_at__gt=row.sealed_at)


def _campaigns(row: Package, scope: Scope, now: datetime) -> tuple[CampaignSince, ...]:
    """Return the campaigns of the package, as they stand now, that hold calls which can go on."""
    found: dict[str, CampaignSince] = {}
    for told in row.facts["campaigns"]:
        campaign = standing(Campaign.objects.get(id=told["campaign"]))
        whole = campaign.id in scope.opened.campaigns
        if whole:
            alive: Liveness | None = liveness(campaign.id, now)
        else:
            times = calls_in_scope.members(scope).filter(campaign=campaign).order_by("-call_at")
            alive = of_times(list(times.values_list("call_at", flat=True)), now)
        if alive is not None and campaign.id not in found:
            found[campaign.id] = CampaignSince(
                id=campaign.id,
                name=campaign.name,
                at_sealing=told,
                calls_since=_after(row, scope).filter(campaign=campaign).count(),
                alive=alive,
                chart=chart(campaign, now) if whole else None,
            )
    return tuple(found.values())


@transaction.atomic
def ask(actor: Actor, package_id: str) -> str:
    """Ask for a signed addendum as of the moment at which it is signed; return its number.

    Raises:
        Forbidden: the actor may not download packages; or as for ``since``.
        NotFound: as for ``since``.
        Conflict: one is being signed, there are too many, or the scope holds no call to tell of.
    """
    actor.require(Permission.PACKAGE_DOWNLOAD)
    now = clock.now()
    row = packages.find(actor, package_id, now=now)
    if not _campaigns(row, _scope(row, now), now):
        raise Conflict(f"The scope of process {row.process_id} holds no call: there is nothing to tell of.")
    there = row.addenda.order_by("-number")
    last = there.first()
    if last is not None and last.made_at is None:
        raise Conflict("An addendum is being signed. It is here within seconds.")
    if last is not None and last.number >= MOST:
        raise Conflict(f"A package has {MOST} addenda at most. Ask for a new package.")
    number = last.number + 1 if last else 1
    try:
        with transaction.atomic():
            new = PackageAddendum.objects.create(package=row, number=number, asked_at=clock.now(), asked_by=actor.label)
    except IntegrityError as error:
        # Of two who ask at once the number is the first one's: the portal may lock no package.
        raise Conflict("An addendum is being signed. It is here within seconds.") from error
    record(actor, Tag.ADDENDUM_ASKED, new.id, {"package": row.id, "number": new.number})
    defer(Job.SIGN_ADDENDUM, addendum_id=new.id)
    return new.id


@transaction.atomic
def sign(addendum_id: str, key: Ed25519PrivateKey, *, now: datetime) -> None:
    """Sign one addendum that was asked for. For the worker; a second time changes nothing."""
    row = PackageAddendum.objects.select_for_update(no_key=True, of=("self",)).select_related("package__process")
    found = row.filter(id=addendum_id, made_at=None).first()
    if found is None:
        return
    before = PackageAddendum.objects.filter(package=found.package, number=found.number - 1).first()
    statement = _statement(found, previous=before.sha256 if before else "", now=now)
    found.octets = addendum.octets(statement, keys.raw(key.public_key()), key.sign)
    found.made_at, found.sha256 = now, sha256(found.octets).hexdigest()
    found.save(update_fields=["octets", "made_at", "sha256"])
    detail = {"package": found.package_id, "number": found.number, "sha256": found.sha256}
    record(system("sealing"), Tag.ADDENDUM_SIGNED, found.id, detail)


def document(actor: Actor, package_id: str, addendum_id: str) -> tuple[str, bytes]:
    """Return name and octets of a signed addendum; the download is audited.

    Raises:
        Forbidden: the actor may not download packages; or as for ``since``.
        NotFound: there is none of a package that the actor may see, or it is not signed yet.
    """
    actor.require(Permission.PACKAGE_DOWNLOAD)
    with transaction.atomic():
        package = packages.find(actor, package_id, now=clock.now())
        row = package.addenda.filter(id=addendum_id).exclude(made_at=None).first()
        if row is None:
            raise NotFound(f"Package {package.id} has no signed addendum {addendum_id[:20]}.")
        record(actor, Tag.ADDENDUM_DOWNLOADED, row.id, {"package": package.id, "sha256": row.sha256})
    return f"{package.id}-addendum-{row.number}.json", bytes(row.octets)


def _statement(row: PackageAddendum, *, previous: str, now: datetime) -> dict[str, Any]:
    """Return what is signed: the package's main campaign first, the others beside it."""
    package = row.package
    told = [_told(campaign) for campaign in _campaigns(package, _scope(package, now), now)]
    return {
        **told[0],
        "also": told[1:],
        "as_of": _instant(now),
        "counted": "reports to Headwater, not all calls",
        "interval": "95%, exact Poisson (Garwood 1936)",
        "number": row.number,
        "package": package.id,
        "package_manifest_sha256": package.manifest_sha256,
        "package_sha256": package.sha256,
        "previous": previous,
        "process": package.process_id,
        "sealed_at": _instant(package.sealed_at),
    }


def _told(campaign: CampaignSince) -> dict[str, Any]:
    alive = campaign.alive
    return {
        "calls_in_window": alive.calls_in_window,
        "calls_last_minute": alive.calls_last_minute,
        "calls_since_sealing": campaign.calls_since,
        "campaign": campaign.id,
        "campaign_name": campaign.name,
        "last_call_at": _instant(alive.last_call_at),
        "next_call_expected_at": _instant(alive.next_call_expected_at),
        "rate_high": f"{alive.rate_high:.2f}",
        "rate_low": f"{alive.rate_low:.2f}",
        "rate_per_minute": f"{alive.rate_per_minute:.2f}",
        "silence_allowed_s": alive.silence_allowed_s,
        "still_ringing": alive.still_ringing,
        "window_s": alive.window_s,
    }


def _signed(row: PackageAddendum) -> Signed:
    return Signed(
        id=row.id,
        number=row.number,
        asked_at=row.asked_at,
        asked_by=row.asked_by,
        made_at=row.made_at,
        sha256=row.sha256,
    )


def _instant(at: datetime | None) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if at else ""

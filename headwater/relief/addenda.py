"""What a campaign did since a package was sealed: looked at live, and signed on request as an addendum. All audited.

Signing needs the key that seals packages, which the worker alone holds: who asks gets the addendum seconds later.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.db import IntegrityError, transaction

from headwater import clock
from headwater.accounts.actors import Actor, system
from headwater.accounts.permissions import OrganisationKind, Permission
from headwater.audit.actions import record
from headwater.audit.tags import Tag
from headwater.campaigns.models import Campaign, CampaignMember
from headwater.campaigns.queries import liveness
from headwater.campaigns.rules import Liveness
from headwater.errors import Conflict, NotFound
from headwater.evidence import addendum, keys
from headwater.evidence.models import Package
from headwater.evidence.queries import visible_to
from headwater.evidence.states import PackageState
from headwater.jobs import Job, defer
from headwater.legal.rules import ACCEPTED
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
class Since:
    """What the campaign of a sealed package did since."""

    package_id: str
    process_id: str
    campaign_id: str
    campaign_name: str
    sealed_at: datetime
    at_sealing: Mapping[str, Any]
    """``facts`` of the package: what it states itself."""
    as_of: datetime
    calls_since: int
    by_source: Mapping[str, int]
    alive: Liveness
    chart: Chart
    signed: tuple[Signed, ...]


def since(actor: Actor, package_id: str, *, now: datetime) -> Since:
    """Return what the campaign did since the package was sealed; the look is audited.

    Raises:
        Forbidden: the actor may not read process.
        NotFound: there is no sealed package that the actor may see, or the access of its process has ended.
    """
    with transaction.atomic():
        row = _sealed(actor, package_id, now)
        campaign = Campaign.objects.get(id=row.process.campaign_id)
        after = CampaignMember.objects.filter(campaign=campaign, call_at__gt=row.sealed_at, call_at__lte=now)
        by_source: dict[str, int] = {}
        for kind in after.values_list("source_kind", flat=True):
            by_source[kind or "report"] = by_source.get(kind or "report", 0) + 1
        record(actor, Tag.ADDENDUM_VIEWED, row.id)
        return Since(
            package_id=row.id,
            process_id=row.process_id,
            campaign_id=campaign.id,
            campaign_name=campaign.name,
            sealed_at=row.sealed_at or now,
            at_sealing=row.facts,
            as_of=now,
            calls_since=sum(by_source.values()),
            by_source=by_source,
            alive=liveness(campaign.id, now),
            chart=chart(campaign, now),
            signed=tuple(_signed(one) for one in row.addenda.order_by("-number")),
        )


@transaction.atomic
def ask(actor: Actor, package_id: str) -> str:
    """Ask for a signed addendum as of the moment at which it is signed; return its number.

    Raises:
        Forbidden: the actor may not download packages.
        NotFound: as for ``since``.
        Conflict: one is being signed, or there are too many.
    """
    actor.require(Permission.PACKAGE_DOWNLOAD)
    row = _sealed(actor, package_id, clock.now())
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
        Forbidden: the actor may not download packages.
        NotFound: there is none of a package that the actor may see, or it is not signed yet.
    """
    actor.require(Permission.PACKAGE_DOWNLOAD)
    with transaction.atomic():
        package = _sealed(actor, package_id, clock.now())
        row = package.addenda.filter(id=addendum_id).exclude(made_at=None).first()
        if row is None:
            raise NotFound(f"Package {package.id} has no signed addendum {addendum_id[:20]}.")
        record(actor, Tag.ADDENDUM_DOWNLOADED, row.id, {"package": package.id, "sha256": row.sha256})
    return f"{package.id}-addendum-{row.number}.json", bytes(row.octets)


def _statement(row: PackageAddendum, *, previous: str, now: datetime) -> dict[str, Any]:
    package = row.package
    campaign = Campaign.objects.get(id=package.process.campaign_id)
    alive = liveness(campaign.id, now)
    calls = CampaignMember.objects.filter(campaign=campaign, call_at__gt=package.sealed_at, call_at__lte=now).count()
    return {
        "as_of": _instant(now),
        "calls_in_window": alive.calls_in_window,
        "calls_last_minute": alive.calls_last_minute,
        "calls_since_sealing": calls,
        "campaign": campaign.id,
        "campaign_name": campaign.name,
        "counted": "reports to Headwater, not all calls",
        "interval": "95%, exact Poisson (Garwood 1936)",
        "last_call_at": _instant(alive.last_call_at),
        "next_call_expected_at": _instant(alive.next_call_expected_at),
        "number": row.number,
        "package": package.id,
        "package_manifest_sha256": package.manifest_sha256,
        "package_sha256": package.sha256,
        "previous": previous,
        "process": package.process_id,
        "rate_high": f"{alive.rate_high:.2f}",
        "rate_low": f"{alive.rate_low:.2f}",
        "rate_per_minute": f"{alive.rate_per_minute:.2f}",
        "sealed_at": _instant(package.sealed_at),
        "silence_allowed_s": alive.silence_allowed_s,
        "still_ringing": alive.still_ringing,
        "window_s": alive.window_s,
    }


def _sealed(actor: Actor, package_id: str, now: datetime) -> Package:
    """Return a sealed package that the actor may see, for an agency while the access of its process lasts."""
    row = visible_to(actor).filter(id=package_id, state=PackageState.SEALED).select_related("process").first()
    if row is None:
        raise NotFound(f"There is no sealed package {package_id[:20]} that you may open. Check the number.")
    process = row.process
    over = process.access_until is not None and process.access_until <= now
    if actor.organisation_kind is OrganisationKind.AGENCY and (process.state not in ACCEPTED or over):
        raise NotFound(f"The access under process {process.id} has ended: what was sealed stays, and nothing is added.")
    return row


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

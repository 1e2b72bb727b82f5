"""What may be read of packages, and by whom: an agency its own, the consortium's people all."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet

from headwater import clock
from headwater.accounts.actors import Actor
from headwater.accounts.permissions import OrganisationKind, Permission
from headwater.audit.actions import record
from headwater.audit.tags import Tag
from headwater.errors import Forbidden, NotFound, Unavailable
from headwater.evidence.models import Package, PublicVersion
from headwater.evidence.states import PackageState
from headwater.legal import queries as processes


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageView:
    """One package."""

    id: str
    process_id: str
    state: PackageState
    filename: str
    size: int
    sha256: str
    manifest_sha256: str
    key_id: str
    requested_at: datetime
    sealed_at: datetime | None
    facts: Mapping[str, Any]
    failure: str
    public: tuple["PublicView", ...] = ()
    closed: str = ""
    """Why its reader may not open it now; "" where they may (``legal.queries.closed``)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicView:
    """One public version of a package."""

    id: str
    asked_at: datetime
    asked_by: str
    made_at: datetime | None
    sha256: str
    size: int
    kept: int
    redacted: int
    left_out: int
    failure: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageFile:
    """A sealed package on disk, for a download."""

    package_id: str
    process_id: str
    path: Path
    filename: str
    sha256: str
    size: int


def visible_to(actor: Actor) -> QuerySet[Package]:
    """Return the packages that ``actor`` may know of."""
    actor.require(Permission.PROCESS_READ)
    if actor.organisation_kind is OrganisationKind.CONSORTIUM:
        return Package.objects.all()
    if actor.organisation_kind is OrganisationKind.AGENCY and actor.organisation_id:
        # Of a sealed process a package is known to those alone who may know of the process.
        return Package.objects.filter(process_id__in=processes.visible_to(actor).values("id"))
    return Package.objects.none()


def hidden_from(actor: Actor) -> frozenset[str]:
    """Return what hangs on process that the actor may not know of: the processes and their packages."""
    sealed = processes.hidden_from(actor)
    return sealed | frozenset(Package.objects.filter(process_id__in=sealed).values_list("id", flat=True))


def packages(actor: Actor, process_id: str) -> list[PackageView]:
    """Return the packages of one process, the newest first; the look is audited.

    Of one that is closed to the actor the digest still stands there: a copy that was received can be held against it.
    """
    now = clock.now()
    with transaction.atomic():
        rows = list(
            visible_to(actor).filter(process_id=process_id).select_related("process").order_by("-requested_at", "-id")
        )
        for row in rows:
            record(actor, Tag.PACKAGE_VIEWED, row.id, {"process": row.process_id, "state": row.state})
        return [
            replace(view(row), closed=processes.closed(actor, row.process, now=now), public=_public(row))
            for row in rows
        ]


def open_package(actor: Actor, package_id: str) -> PackageFile:
    """Return the file of a sealed package; the download is audited.

    Raises:
        Forbidden: the actor may not download packages, or what the process opened is closed to them.
        NotFound: there is none, it is another agency's, or it is not sealed.
        Unavailable: the file is not where it was put.
    """
    actor.require(Permission.PACKAGE_DOWNLOAD)
    with transaction.atomic():
        file = sealed_file(actor, package_id)
        record(actor, Tag.PACKAGE_DOWNLOADED, file.package_id, {"process": file.process_id, "sha256": file.sha256})
    return file


def _public(row: Package) -> tuple[PublicView, ...]:
    """Return the public versions of a package, the newest first."""
    columns = ("id", "asked_at", "asked_by", "made_at", "sha256", "size", "kept", "redacted", "left_out", "failure")
    return tuple(PublicView(**one) for one in row.public_versions.order_by("-asked_at", "-id").values(*columns))


def open_public(actor: Actor, version_id: str) -> PackageFile:
    """Return the file of a public version; the download is audited.

    It holds nothing that is withheld from the public: whoever may know of the process may have it, after its end too.

    Raises:
        Forbidden: the actor may not download packages.
        NotFound: there is none, it is of another agency's package, or it is not made.
        Unavailable: the file is not where it was put.
    """
    actor.require(Permission.PACKAGE_DOWNLOAD)
    with transaction.atomic():
        made = PublicVersion.objects.select_related("package").exclude(made_at=None)
        row = made.filter(id=version_id, package_id__in=visible_to(actor).values("id")).first()
        if row is None:
            raise NotFound(f"There is no public version {version_id[:20]} that you may open. Check the number.")
        record(actor, Tag.PACKAGE_PUBLIC_DOWNLOADED, row.package_id, {"version": row.id, "sha256": row.sha256})
    return _on_disk(row.package, row.filename, row.sha256, row.size)


def sealed_file(actor: Actor, package_id: str) -> PackageFile:
    """Return the file of a sealed package that is open to ``actor``; whoever asks audits why.

    Raises:
        Forbidden: what the process opened is closed to the actor.
        NotFound: there is none, it is another agency's, or it is not sealed.
        Unavailable: the file is not where it was put.
    """
    row = find(actor, package_id, now=clock.now())
    return _on_disk(row, row.filename, row.sha256, row.size)


def _on_disk(row: Package, filename: str, sha256: str, size: int) -> PackageFile:
    path = settings.HEADWATER.packages / filename
    if not path.is_file() or path.stat().st_size != size:
        message = f"The file of package {row.id} is missing or incomplete. Tell the custodian; the audit has its hash."
        raise Unavailable(message)
    return PackageFile(
        package_id=row.id, process_id=row.process_id, path=path, filename=filename, sha256=sha256, size=size
    )


def find(actor: Actor, package_id: str, *, now: datetime) -> Package:
    """Return the row of a sealed package that is open to ``actor`` at ``now``.

    Raises:
        Forbidden: what its process opened is closed to the actor.
        NotFound: there is none, it is another agency's, or it is not sealed.
    """
    row = visible_to(actor).filter(id=package_id, state=PackageState.SEALED).select_related("process").first()
    if row is None:
        message = f"There is no sealed package {package_id[:20]} that you may open. Check the number."
        raise NotFound(message)
    if why := processes.closed(actor, row.process, now=now):
        raise Forbidden(why)
    return row


def view(row: Package) -> PackageView:
    """Return a row as a value."""
    return PackageView(
        id=row.id,
        process_id=row.process_id,
        state=PackageState(row.state),
        filename=row.filename,
        size=row.size,
        sha256=row.sha256,
        manifest_sha256=row.manifest_sha256,
        key_id=row.key_id,
        requested_at=row.requested_at,
        sealed_at=row.sealed_at,
        facts=row.facts,
        failure=row.failure,
    )

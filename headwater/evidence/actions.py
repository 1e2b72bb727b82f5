"""What is done to packages: asked for on acceptance, asked for again where a sealing failed. All audited."""

from datetime import timedelta
from typing import BinaryIO

from django.conf import settings
from django.db import transaction

from headwater import clock, jobs
from headwater.accounts.actors import Actor
from headwater.accounts.permissions import Permission
from headwater.audit.actions import record
from headwater.audit.tags import Tag
from headwater.errors import Conflict
from headwater.evidence import keys, public, queries
from headwater.evidence.models import Package, PublicVersion
from headwater.evidence.queries import PackageView, sealed_file, view
from headwater.evidence.states import PackageState
from headwater.legal import actions as legal
from headwater.legal.models import LegalProcess
from headwater.legal.queries import find
from headwater.legal.rules import Decision, Grant, IdentityMethod

#: A sealing that has not ended by then was lost with its worker; another may be asked for.
LONGEST_SEALING = timedelta(minutes=15)


@transaction.atomic
def accept_and_produce(  # noqa: PLR0913 - a decision is told in full
    actor: Actor,
    process_id: str,
    *,
    reason: str,
    identity_check: str = "",
    grant: Grant | None = None,
    decision: Decision = Decision.ACCEPT,
    identity_method: IdentityMethod = IdentityMethod.OTHER,
) -> PackageView:
    """Accept a process, in whole, in part or narrowed, and ask for its package, both or neither.

    Raises:
        Forbidden: the actor may not review or have packages sealed.
        BadRequest, WrongStep: as for ``legal.actions.decide``.
    """
    legal.decide(
        actor,
        process_id,
        decision=decision,
        reason=reason,
        identity_check=identity_check,
        identity_method=identity_method,
        grant=grant,
    )
    return request_package(actor, process_id)


@transaction.atomic
def make_public(actor: Actor, package_id: str, out: BinaryIO) -> public.Made:
    """Write the public version of a sealed package to ``out``; it is audited.

    Raises:
        Forbidden: the actor may not have packages sealed.
        NotFound: there is no such sealed package.
        Conflict: its process is under seal, or must not be disclosed yet.
        Unavailable: the file or the custodian's key is not there.
    """
    actor.require(Permission.PACKAGE_SEAL)
    file = sealed_file(actor, package_id)
    now = clock.now()
    made = public.redact(file.path, out, keys.load(settings.HEADWATER.secrets), now=now, today=now.date())
    detail = {"kept": made.kept, "left_out": made.left_out, "redacted": made.redacted, "sha256": file.sha256}
    record(actor, Tag.PACKAGE_PUBLIC_MADE, package_id, detail)
    return made


@transaction.atomic
def ask_public(actor: Actor, package_id: str) -> str:
    """Ask for the public version of a sealed package; the job that makes it is asked for in the same transaction.

    Raises:
        Forbidden: the actor may not have packages sealed.
        NotFound: there is no such sealed package.
        Conflict: its process is under seal or must not be disclosed yet, or one is being made now.
    """
    actor.require(Permission.PACKAGE_SEAL)
    now = clock.now()
    package = queries.find(actor, package_id, now=now)
    public.check_disclosure(package.process, today=now.date())
    waiting = package.public_versions.filter(made_at=None, failure="", asked_at__gt=now - LONGEST_SEALING)
    if waiting.exists():
        raise Conflict(f"A public version of package {package.id} is being made. It is here within seconds.")
    row = PublicVersion.objects.create(package=package, asked_at=now, asked_by=actor.label)
    jobs.defer(jobs.Job.MAKE_PUBLIC, version_id=row.id)
    record(actor, Tag.PACKAGE_PUBLIC_ASKED, package.id, {"version": row.id})
    return row.id


@transaction.atomic
def request_package(actor: Actor, process_id: str) -> PackageView:
    """Ask for a package under an accepted process; the job that seals it is asked for in the same transaction.

    Raises:
        Forbidden: the actor may not have packages sealed.
        NotFound: there is no such process.
        WrongStep: the process is not accepted.
        Conflict: a package of it is being sealed now.
    """
    actor.require(Permission.PACKAGE_SEAL)
    find(actor, process_id)
    # Of two people who ask at once, the second waits here and then sees the first one's package.
    LegalProcess.objects.select_for_update(no_key=True).get(id=process_id)
    now = clock.now()
    waiting = Package.objects.filter(process_id=process_id, state=PackageState.SEALING)
    if waiting.filter(requested_at__gt=now - LONGEST_SEALING).exists():
        message = f"A package of process {process_id} is being sealed. Wait until it is done."
        raise Conflict(message)
    for lost in waiting:
        lost.state, lost.failure = PackageState.FAILED, "The sealing did not end; another package was asked for."
        lost.save(update_fields=["state", "failure"])
        record(actor, Tag.PACKAGE_SEALING_FAILED, lost.id, {"process": process_id, "why": "not ended"})
    legal.begin_production(actor, process_id)
    row = Package.objects.create(process_id=process_id, requested_at=now)
    jobs.defer(jobs.Job.SEAL_PACKAGE, package_id=row.id)
    record(actor, Tag.PACKAGE_REQUESTED, row.id, {"process": process_id})
    return view(row)

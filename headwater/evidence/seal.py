"""Seals a package: the body of the job. It may run twice and may be killed at any moment.

A file appears under its name only when it is whole, durable and checked by the verifier that its reader will use; the
row says *sealed* only after that. A worker that dies leaves a draft, which the next run clears away, never half a
package. A file lock, which the kernel frees when its holder dies, keeps two workers from one package.
"""

import os
import secrets
from collections.abc import Callable
from functools import partial
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings
from django.db import transaction

from headwater import clock
from headwater.accounts.actors import Actor, system
from headwater.audit.actions import checkpoint, record
from headwater.audit.tags import Tag
from headwater.calls.queries import CallQueries, connect
from headwater.errors import HeadwaterError, Unavailable
from headwater.evidence import build, durable, gather, keys, paper_seal, stamping
from headwater.evidence.material import Material, facts
from headwater.evidence.models import Package
from headwater.evidence.scope import BATCH
from headwater.evidence.states import PackageState
from headwater.evidence.verify import verify
from headwater.intake.recordings import Recordings
from headwater.legal import actions as legal


class SealingFailed(HeadwaterError):
    """The package that was written does not pass its own verification."""


def seal(package_id: str) -> None:
    """Seal one package; does nothing where it is sealed already.

    Raises:
        Unavailable: the call store or the key does not answer; the job is to be run again.
    """
    config = settings.HEADWATER
    seal_with(package_id, connect(config.calls_url), keys.load(config.secrets), config.packages)


def seal_with(package_id: str, store: CallQueries, key: Ed25519PrivateKey, folder: Path) -> None:
    """Seal one package from ``store`` with ``key`` into ``folder``.

    Raises:
        Unavailable: the call store does not answer; the job is to be run again.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with durable.alone(folder, package_id):
        package = Package.objects.filter(id=package_id, state=PackageState.SEALING).first()
        if package is None:
            return
        for left in folder.glob(f"{package_id}.*{durable.DRAFT}"):
            left.unlink()
        try:
            _seal(package, store, key, folder)
        except Unavailable:
            raise
        except HeadwaterError as error:
            _fail(system("sealing"), package_id, error)


def _seal(package: Package, store: CallQueries, key: Ed25519PrivateKey, folder: Path) -> None:
    actor = system("sealing")
    gathering = gather.begin(package, clock.now())
    _audit_openings(actor, gathering)
    # Signed now, so that the custody log reaches up to this sealing and each entry of it can be proven.
    checkpoint()
    material = gather.finish(gathering, store, Recordings(settings.HEADWATER.home))
    draft = folder / f"{package.id}.{secrets.token_hex(8)}{durable.DRAFT}"
    try:
        written = _write(draft, material, key)
        _publish(actor, material, draft, written)
    finally:
        draft.unlink(missing_ok=True)


def _audit_openings(actor: Actor, gathering: gather.Gathering) -> None:
    """Note, before it happens, that each call's raw octets are opened for this process."""
    if not gathering.scope.called_numbers:
        return
    examples = gathering.calls.examples
    detail = {"package": gathering.package.id, "process": gathering.process.id}
    for start in range(0, len(examples), BATCH):
        # In portions: the head of the audit's chain is locked until each transaction ends.
        with transaction.atomic():
            for record_id in examples[start : start + BATCH]:
                record(actor, Tag.CALL_RAW_OPENED, str(record_id), detail)


def _write(draft: Path, material: Material, key: Ed25519PrivateKey) -> build.Written:
    """Write the package durably and verify it as its reader will."""
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        written = build.write(file, material, key, papers=_papers(material), stamped=_stamped())
        file.flush()
        os.fsync(file.fileno())
    report = verify(draft, key=keys.pem(key.public_key()))
    if not report.ok:
        found = "; ".join(check.finding for check in report.failures[:5])
        message = f"the package does not pass its own verification: {found}"
        raise SealingFailed(message)
    return written


def _papers(material: Material) -> paper_seal.PaperSeal:
    """Return what signs the papers, with the time stamps of the authority that the operator chose, if any."""
    config = settings.HEADWATER
    ask = partial(stamping.ask, url=config.tsa_url, root=config.tsa_root) if config.tsa_url else None
    return paper_seal.PaperSeal(key=paper_seal.load(config.secrets), at=material.sealed_at, ask=ask)


def _stamped() -> Callable[[bytes], bytes] | None:
    """Return what gives a time stamp over a seal, None where the operator chose no authority."""
    config = settings.HEADWATER
    if not config.tsa_url:
        return None
    return partial(stamping.stamped, url=config.tsa_url, root=config.tsa_root)


def _publish(actor: Actor, material: Material, draft: Path, written: build.Written) -> None:
    """Give the file its name and the row its state, in one transaction."""
    package_id = material.matter.package_id
    final = draft.with_name(f"{package_id}.zip")
    digest, size = durable.digest(draft)
    with transaction.atomic():
        row = Package.objects.select_for_update(no_key=True).get(id=package_id)
        if row.state != PackageState.SEALING:
            return
        row.state, row.sealed_at = PackageState.SEALED, material.sealed_at
        row.filename, row.sha256, row.size = final.name, digest, size
        row.manifest_sha256, row.key_id, row.facts = written.manifest_sha256, written.key_id, facts(material)
        row.failure = ""
        row.save()
        legal.finish_production(actor, row.process_id)
        detail = {"process": row.process_id, "sha256": digest, "manifest_sha256": written.manifest_sha256}
        record(actor, Tag.PACKAGE_SEALED, row.id, {**detail, "key": written.key_id, "size": size})
        # Last before the commit: a file without a committed row is replaced by the next run.
        draft.replace(final)
        durable.sync_folder(final.parent)


def give_up(package_id: str, error: Exception) -> None:
    """Say on a package that its last attempt failed too, so that another can be asked for.

    What Headwater itself refused is told in its words; of any other error only the kind is, since the desk shows it.
    """
    told = (
        error if isinstance(error, HeadwaterError) else SealingFailed(f"unexpected {type(error).__name__}; see the log")
    )
    _fail(system("sealing"), package_id, told)


def _fail(actor: Actor, package_id: str, error: HeadwaterError) -> None:
    """Say on the row why there is no package; the desk shows it and can ask again."""
    with transaction.atomic():
        row = Package.objects.select_for_update(no_key=True).get(id=package_id)
        if row.state == PackageState.SEALING:
            row.state, row.failure = PackageState.FAILED, str(error)
            row.save(update_fields=["state", "failure"])
            record(actor, Tag.PACKAGE_SEALING_FAILED, row.id, {"process": row.process_id, "why": str(error)[:1_000]})

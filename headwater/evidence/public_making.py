"""Makes the public version that somebody asked for: the body of the job. It may run twice and die at any moment.

As with a sealing, a file comes to its name only whole, durable and checked by the verifier; the row says so after that.
"""

import os
import secrets
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings
from django.db import transaction

from headwater import clock
from headwater.accounts.actors import system
from headwater.audit.actions import record
from headwater.audit.tags import Tag
from headwater.errors import HeadwaterError, Unavailable
from headwater.evidence import durable, keys, public
from headwater.evidence.models import PublicVersion
from headwater.evidence.verify import verify

ACTOR = system("sealing")


def make(version_id: str) -> None:
    """Make one public version; does nothing where it is made.

    Raises:
        Unavailable: the key or the package's file is not there; the job is to be run again.
    """
    config = settings.HEADWATER
    make_with(version_id, keys.load(config.secrets), config.packages)


def make_with(version_id: str, key: Ed25519PrivateKey, folder: Path) -> None:
    """Make one public version with ``key`` in ``folder``.

    Raises:
        Unavailable: the package's file is not there, or another worker makes it.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with durable.alone(folder, version_id):
        waiting = PublicVersion.objects.select_related("package__process").filter(
            id=version_id, made_at=None, failure=""
        )
        row = waiting.first()
        if row is None:
            return
        for left in folder.glob(f"{version_id}.*{durable.DRAFT}"):
            left.unlink()
        full = folder / row.package.filename
        if not full.is_file():
            raise Unavailable(f"the file of package {row.package_id} is missing")
        draft = folder / f"{version_id}.{secrets.token_hex(8)}{durable.DRAFT}"
        try:
            public.check_disclosure(row.package.process, today=clock.now().date())
            _publish(row, draft, _write(draft, full, key))
        except HeadwaterError as error:
            _fail(version_id, error)
        finally:
            draft.unlink(missing_ok=True)


def _write(draft: Path, full: Path, key: Ed25519PrivateKey) -> public.Made:
    now = clock.now()
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        made = public.redact(full, file, key, now=now, today=now.date())
        file.flush()
        os.fsync(file.fileno())
    report = verify(draft, keys.pem(key.public_key()), full=full)
    if not report.ok:
        raise HeadwaterError(f"the public version does not pass its verification: {report.failures[0].finding}")
    return made


def _publish(row: PublicVersion, draft: Path, made: public.Made) -> None:
    final = draft.with_name(f"{row.package_id}-public-{row.id}.zip")
    digest, size = durable.digest(draft)
    with transaction.atomic():
        found = PublicVersion.objects.select_for_update(no_key=True).filter(id=row.id, made_at=None).first()
        if found is None:
            return
        found.made_at, found.filename, found.sha256, found.size = clock.now(), final.name, digest, size
        found.kept, found.redacted, found.left_out = made.kept, made.redacted, made.left_out
        found.save()
        detail = {"kept": made.kept, "left_out": made.left_out, "redacted": made.redacted, "sha256": digest}
        record(ACTOR, Tag.PACKAGE_PUBLIC_MADE, row.package_id, {**detail, "version": row.id})
        # Last before the commit: a file without a committed row is replaced by the next run.
        draft.replace(final)
        durable.sync_folder(final.parent)


def _fail(version_id: str, error: HeadwaterError) -> None:
    with transaction.atomic():
        row = PublicVersion.objects.select_for_update(no_key=True).get(id=version_id)
        row.failure = str(error)[:1_000]
        row.save(update_fields=["failure"])
        record(ACTOR, Tag.PACKAGE_PUBLIC_FAILED, row.package_id, {"version": row.id, "why": row.failure})

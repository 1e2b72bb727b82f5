"""Load a registry: all of it or nothing, with the moment at which it said so; who was listed before stays on record."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO, Final

import msgspec
from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper

from headwater import clock
from headwater.accounts.actors import Actor
from headwater.accounts.permissions import Permission
from headwater.audit import actions as audit
from headwater.audit.tags import Tag
from headwater.errors import Conflict, Invalid
from headwater.providers.models import Provider, RegistryEntry, RegistryLoad
from headwater.providers.registries import authorities, filers, queries, tables
from headwater.providers.registries.entries import MOST_ENTRIES, Entry, Fault, Reader, Registry
from headwater.providers.registries.queries import LoadView

#: A load with fewer entries than this part of the last one is taken for a file that was cut off.
LEAST_OF_BEFORE: Final = 0.8
#: Of rows that cannot be read: more than this part of all, and the file is not what it should be.
MOST_FAULTS: Final = 0.05
READERS: Final[dict[Registry, Reader]] = {
    Registry.RMD: tables.rmd,
    Registry.FILERS: filers.filers,
    Registry.BLOCKS: tables.blocks,
    Registry.OCN: tables.ocn,
    Registry.DNO: tables.dno,
}


class LoadRefused(Conflict):
    """A load changed nothing; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewLoad:
    """What is to be loaded."""

    registry: Registry
    as_of: datetime
    part: str = ""
    """For do-not-originate lists: whose list it is."""
    accept_fewer: bool = False
    """Take it though it has far fewer entries than before: a person looked."""
    signer: bytes = b""
    """For the list of authorities: the STI-PA's certificate, PEM."""

    @property
    def name(self) -> str:
        """As the rows name it."""
        return f"{self.registry}/{self.part}" if self.part else self.registry.value


def load(actor: Actor, new: NewLoad, path: Path) -> LoadView:
    """Load a registry from a file. The same file as of the same moment again changes nothing.

    Raises:
        Invalid: the moment lies ahead, or the file is no such registry; nothing is changed, and the attempt is noted.
        LoadRefused: the file looks cut off, or is older than what is loaded; nothing is changed, likewise.
    """
    actor.require(Permission.REGISTRY_WRITE)
    now = clock.now()
    if new.as_of > now:
        raise Invalid(f"The as-of moment {new.as_of:%Y-%m-%d %H:%MZ} lies ahead.")
    if new.part and (not new.part.isalnum() or not new.part.isascii() or len(new.part) > 20):
        raise Invalid(f"{new.part!r} cannot name a list: use up to 20 letters and digits.")
    with path.open("rb") as file:
        digest = _digest(file)
        try:
            with transaction.atomic():
                return _load(actor, new, file, digest=digest, name=path.name)
        except (Invalid, Conflict) as error:
            _note_refusal(actor, new, error, digest=digest, name=path.name)
            raise


def _load(actor: Actor, new: NewLoad, file: BinaryIO, *, digest: str, name: str) -> LoadView:
    with connection.cursor() as cursor:
        # One load of a registry at a time; others wait here and then see what this one did.
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [f"registry {new.name}"])
        last = RegistryLoad.objects.filter(registry=new.name, taken=True).order_by("-as_of").first()
        if last is not None and last.as_of >= new.as_of:
            if last.as_of == new.as_of and last.sha256 == digest:
                return queries.load_view(last)
            raise LoadRefused(
                f"{new.name} is loaded as of {last.as_of:%Y-%m-%d %H:%MZ} already; a load must be of a later moment. "
                "Give --as-of with a time of day if the registry changed on the same day."
            )
        staged = _stage(cursor, _entries(new, file))
        _judge(new, staged, last.entries if last else 0)
        added, changed, removed = _apply(cursor, new)
    row = RegistryLoad.objects.create(
        registry=new.name,
        as_of=new.as_of,
        loaded_at=clock.now(),
        file_name=name[:200],
        sha256=digest,
        taken=True,
        entries=staged.entries,
        added=added,
        changed=changed,
        removed=removed,
        faults=staged.faults,
    )
    counts = {"added": added, "changed": changed, "entries": staged.entries, "removed": removed}
    audit.record(actor, Tag.REGISTRY_LOADED, row.id, {"registry": new.name, "sha256": digest, **counts})
    if new.registry is Registry.RMD:
        _join_providers(actor)
    return queries.load_view(row, first_fault=staged.first_fault)


def _entries(new: NewLoad, file: BinaryIO) -> Iterator[Entry | Fault]:
    file.seek(0)
    if new.registry is not Registry.CA_LIST:
        return READERS[new.registry](file)
    if not new.signer:
        raise Invalid("The list of authorities is a signed token: give the STI-PA's certificate with --signer.")
    octets = file.read(authorities.LONGEST + 1)
    return authorities.authorities(octets, signer=new.signer, now=clock.now())


@dataclass(slots=True)
class _Staged:
    entries: int = 0
    faults: int = 0
    first_fault: str = ""

    def fault(self, position: int, reason: str) -> None:
        self.faults += 1
        self.first_fault = self.first_fault or f"{position}: {reason}"


def _stage(cursor: CursorWrapper, found: Iterable[Entry | Fault]) -> _Staged:
    """Copy what was read into a table of this transaction alone."""
    cursor.execute("DROP TABLE IF EXISTS pg_temp.staged")  # of a load before this one in the same transaction
    cursor.execute(
        "CREATE TEMP TABLE staged (key text, name text, frn text, ocn text, first bigint, last bigint, detail jsonb, "
        "digest uuid) ON COMMIT DROP"
    )
    staged, seen = _Staged(), set[str]()
    with cursor.copy("COPY staged FROM STDIN") as copy:
        for number, entry in enumerate(found, start=1):
            if isinstance(entry, Fault):
                staged.fault(entry.position, entry.reason)
            elif entry.key in seen:
                staged.fault(number, f"{entry.key} stands twice; the first one counts")
            else:
                seen.add(entry.key)
                if len(seen) > MOST_ENTRIES:
                    raise Invalid(f"The file has more than {MOST_ENTRIES:,} entries.")
                detail = msgspec.json.encode(entry.detail).decode()
                copy.write_row(
                    (entry.key, entry.name, entry.frn, entry.ocn, entry.first, entry.last, detail, str(entry.digest))
                )
    staged.entries = len(seen)
    cursor.execute("CREATE UNIQUE INDEX ON staged (key)")
    cursor.execute("ANALYZE staged")
    return staged


def _judge(new: NewLoad, staged: _Staged, before: int) -> None:
    """Refuse what is no whole registry."""
    if not staged.entries:
        raise LoadRefused(f"The file holds no entry of {new.name}. {staged.first_fault}".strip())
    if staged.faults > MOST_FAULTS * (staged.entries + staged.faults):
        raise LoadRefused(
            f"{staged.faults:,} of {staged.entries + staged.faults:,} rows of {new.name} cannot be read; "
            f"the first is row {staged.first_fault}. Is this the right file?"
        )
    if staged.entries < LEAST_OF_BEFORE * before and not new.accept_fewer:
        raise LoadRefused(
            f"The file has {staged.entries:,} entries; {new.name} had {before:,}. It may have been cut off. "
            "Fetch it again; if it is right, load it with --accept-fewer."
        )


def _apply(cursor: CursorWrapper, new: NewLoad) -> tuple[int, int, int]:
    """Close what is no longer said, open what is new; return how many were added, changed, removed."""
    cursor.execute(
        # Every standing entry that the new file lacks, or of which it says something else, ends here.
        """
        WITH ended AS (
            UPDATE providers_registryentry e SET valid_to = %s
            WHERE e.registry = %s AND e.valid_to IS NULL
              AND NOT EXISTS (SELECT 1 FROM staged s WHERE s.key = e.key AND s.digest = e.digest)
            RETURNING e.key
        )
        SELECT count(*), count(s.key) FROM ended LEFT JOIN staged s USING (key)
        """,
        [new.as_of, new.name],
    )
    ended, changed = cursor.fetchone()
    cursor.execute(
        # What stands still is left alone: its history is one row, however often it was loaded.
        """
        INSERT INTO providers_registryentry
            (registry, key, name, frn, ocn, first, last, detail, digest, valid_from, valid_to)
        SELECT %s, s.key, s.name, s.frn, s.ocn, s.first, s.last, s.detail, s.digest, %s, NULL
        FROM staged s
        WHERE NOT EXISTS (
            SELECT 1 FROM providers_registryentry e
            WHERE e.registry = %s AND e.key = s.key AND e.valid_to IS NULL
        )
        """,
        [new.name, new.as_of, new.name],
    )
    return cursor.rowcount - changed, changed, ended - changed


def _join_providers(actor: Actor) -> None:
    """Give providers that are known by their FRN the RMD number that the database lists for it."""
    lacking = Provider.objects.filter(rmd_number="").exclude(frn="")
    for row in lacking.select_for_update(no_key=True).order_by("id"):
        listed = RegistryEntry.objects.filter(registry=Registry.RMD, frn=row.frn, valid_to=None).order_by("key").first()
        if listed is not None:
            row.rmd_number = listed.key
            row.save(update_fields=["rmd_number"])
            audit.record(actor, Tag.PROVIDER_JOINED, row.id, {"frn": row.frn, "rmd": listed.key})


def _note_refusal(actor: Actor, new: NewLoad, error: Exception, *, digest: str, name: str) -> None:
    with transaction.atomic():
        row = RegistryLoad.objects.create(
            registry=new.name,
            as_of=new.as_of,
            loaded_at=clock.now(),
            file_name=name[:200],
            sha256=digest,
            taken=False,
            reason=str(error)[:2_000],
        )
        audit.record(actor, Tag.REGISTRY_LOAD_REFUSED, row.id, {"registry": new.name, "reason": str(error)[:2_000]})


def _digest(file: BinaryIO) -> str:
    whole = sha256()
    while piece := file.read(1 << 20):
        whole.update(piece)
    return whole.hexdigest()


def moment(text: str) -> datetime:
    """Return an as-of moment: a day (its beginning in UTC), or RFC 3339 with a zone.

    Raises:
        Invalid: it is neither.
    """
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise Invalid(f"{text!r} is neither a day such as 2026-11-24 nor a moment with a zone.") from None
    if len(text) == 10:
        return found.replace(tzinfo=UTC)
    if found.tzinfo is None:
        raise Invalid(f"{text!r} has no zone: write 2026-11-24T15:00:00Z.")
    return found.astimezone(UTC)

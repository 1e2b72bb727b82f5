"""Reading the audit: by person, subject, tag and time for those who may; whole, for checking and export."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.conf import settings
from django.db import connection, transaction
from django.db.models import Case, Count, F, Max, Min, Q, QuerySet, TextField, When
from django.db.models.fields.json import KeyTextTransform

from headwater.audit import checkpoints, verify
from headwater.audit.models import AuditEntry, AuditHead
from headwater.audit.proof import Proof
from headwater.audit.statement import Checkpoint
from headwater.audit.tree import FOLDER, Tree
from headwater.audit.verify import Place, Report, Row
from headwater.errors import Forbidden, NotFound, Unavailable

#: ``accounts.permissions.Permission.AUDIT_READ``; accounts lies above this room.
READ = "audit:read"
#: ``Permission.AUDIT_READ_OWN``.
READ_OWN = "audit:read-own"
MAX_PAGE = 500
#: Lines that a table to be saved holds.
MOST_SUMS = 10_000


class Reader(Protocol):
    """What must be known of whoever reads: ``accounts.actors.Actor`` has it."""

    @property
    def label(self) -> str:
        """Who, as the audit names them."""

    @property
    def organisation_id(self) -> str:
        """For which organisation; empty where for none."""

    def may(self, permission: Any) -> bool:
        """Tell whether they hold the permission."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """Which entries are wanted; empty members restrict nothing."""

    who: str = ""
    """Part of the actor's label, such as an e-mail address."""
    subject: str = ""
    """The whole identifier."""
    tag: str = ""
    """The tag, or its beginning up to a colon: ``hop:``."""
    process: str = ""
    """Legal process: entries about it, and those that name it in their detail."""
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Proofs:
    """Proofs that entries are in the log that one checkpoint signed."""

    checkpoint: Checkpoint
    public_key: bytes
    """The 32 octets of the key that signed it."""
    paths: Mapping[int, tuple[str, ...]]
    """Entry's number -> path (hex) to the checkpoint's root, see ``merkle.inclusion``."""


@dataclass(frozen=True, slots=True)
class Page:
    """Entries, newest first, and the number to go on from."""

    entries: tuple[Row, ...]
    before: int | None
    """Ask for entries before this one; None at the end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """What somebody of one's own organisation did or saw, without what they looked for."""

    seq: int
    at: datetime
    who: str
    tag: str
    subject: str


def visible_to(reader: Reader) -> QuerySet[AuditEntry]:
    """Return the entries that ``reader`` may see: all of them, or none but an error."""
    if not reader.may(READ):
        message = f"{reader.label} may not read the audit: it needs the permission {READ}. Ask your administrator."
        raise Forbidden(message)
    return AuditEntry.objects.all()


def entries(reader: Reader, search: Search, *, before: int | None = None, limit: int = 100) -> Page:
    """Return one page of entries, newest first."""
    rows = _searched(reader, search)
    if before is not None:
        rows = rows.filter(seq__lt=before)
    limit = min(max(limit, 1), MAX_PAGE)
    found = [row_of(entry) for entry in rows.order_by("-seq")[: limit + 1]]
    return Page(tuple(found[:limit]), found[limit - 1].seq if len(found) > limit else None)


def _searched(reader: Reader, search: Search) -> QuerySet[AuditEntry]:
    rows = visible_to(reader)
    if search.process:
        rows = rows.filter(Q(subject=search.process) | Q(detail__process=search.process))
    if search.who:
        rows = rows.filter(actor__icontains=search.who)
    if search.subject:
        rows = rows.filter(subject=search.subject)
    if search.tag:
        rows = rows.filter(tag__startswith=search.tag)
    if search.since is not None:
        rows = rows.filter(at__gte=search.since)
    if search.until is not None:
        rows = rows.filter(at__lt=search.until)
    return rows


class By(StrEnum):
    """By what the audit is added up."""

    PERSON = "person"
    OBJECT = "object"
    PROCESS = "process"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sum:
    """What one person did, what was done to one object, or what was done under one process."""

    key: str
    entries: int
    people: int
    subjects: int
    first_at: datetime
    last_at: datetime


def sums(reader: Reader, search: Search, by: By, *, limit: int = MAX_PAGE) -> list[Sum]:
    """Return the entries that ``search`` finds added up, the most recently met first.

    Raises:
        Forbidden: the reader may not read the audit.
    """
    rows = _searched(reader, search)
    if by is By.PROCESS:
        process = KeyTextTransform("process", "detail")
        named = Case(When(subject__startswith="LP-", then=F("subject")), default=process, output_field=TextField())
        rows = rows.annotate(key=named).exclude(key=None)
    else:
        rows = rows.annotate(key=F("actor" if by is By.PERSON else "subject")).exclude(key="")
    found = rows.values("key").annotate(
        entries=Count("seq"),
        people=Count("actor", distinct=True),
        subjects=Count("subject", distinct=True),
        first_at=Min("at"),
        last_at=Max("at"),
    )
    return [Sum(**line) for line in found.order_by("-last_at", "key")[: min(max(limit, 1), MOST_SUMS)]]


def of_own_organisation(
    reader: Reader, *, before: int | None = None, limit: int = 100, hidden: Collection[str] = ()
) -> tuple[list[Deed], int | None]:
    """Return what the reader's own people did, newest first, and the number to go on from; None at the end.

    ``hidden``: subjects of which the reader may not know, such as sealed process of colleagues: they are left out.

    Raises:
        Forbidden: the reader may not, or belongs to no organisation.
    """
    if not reader.may(READ_OWN) or not reader.organisation_id:
        message = (
            f"{reader.label} may not read this record: it needs the permission {READ_OWN}. Ask your administrator."
        )
        raise Forbidden(message)
    rows = AuditEntry.objects.filter(organisation=reader.organisation_id).exclude(subject__in=list(hidden))
    if before is not None:
        rows = rows.filter(seq__lt=before)
    columns = ("seq", "at", "actor", "tag", "subject")
    limit = min(max(limit, 1), MAX_PAGE)
    found = [
        Deed(seq=seq, at=at, who=actor.removeprefix("user:"), tag=tag, subject=subject)
        for seq, at, actor, tag, subject in rows.order_by("-seq").values_list(*columns)[: limit + 1]
    ]
    return found[:limit], found[limit - 1].seq if len(found) > limit else None


def about(reader: Reader, subjects: Iterable[str]) -> list[Row]:
    """Return every entry about any of ``subjects``, oldest first, each with its own and its neighbour's hash.

    This is the custody log of a package: each entry's hash can be recomputed from what stands in it.
    """
    rows = visible_to(reader).filter(subject__in=list(subjects)).order_by("seq")
    return [row_of(entry) for entry in rows]


def head(reader: Reader) -> Place:
    """Return the number and hash of the last entry."""
    visible_to(reader)
    return _head()


def last_checkpoint() -> Checkpoint | None:
    """Return the newest signed checkpoint on this machine, or None."""
    return checkpoints.last(settings.HEADWATER.home / "audit")


def proofs(numbers: Iterable[int]) -> Proofs:
    """Return proofs that these entries are in the log as it was signed last; later ones are left out.

    A part of Headwater asks for them, to put them beside the entries themselves: a path tells nothing of other entries.

    Raises:
        Unavailable: nothing was signed yet, or the tree on disk is not the one that was signed.
    """
    folder = settings.HEADWATER.home / "audit"
    signed = checkpoints.last(folder)
    if signed is None:
        message = "The audit was never signed, so no entry of it can be proven. The worker signs it each minute."
        raise Unavailable(message)
    tree = Tree(folder / FOLDER)
    try:
        if tree.root(signed.seq).hex() != signed.root:
            message = (
                f"The audit's tree in {folder / FOLDER} is not the one that was signed; the next checkpoint mends it."
            )
            raise Unavailable(message)
        paths = {n: tuple(h.hex() for h in tree.inclusion(n - 1, signed.seq)) for n in numbers if 0 < n <= signed.seq}
    except (ValueError, OSError) as error:
        message = f"The audit's tree cannot be read ({error}); the next checkpoint mends it."
        raise Unavailable(message) from error
    key = checkpoints.private_key(settings.HEADWATER.secrets / "audit-key.pem").public_key()
    return Proofs(checkpoint=signed, public_key=key.public_bytes(Encoding.Raw, PublicFormat.Raw), paths=paths)


def proof_of(reader: Reader, number: int) -> Proof:
    """Return the proof that one entry is in the log as it was signed last.

    Raises:
        Forbidden: the reader may not read the audit.
        NotFound: there is no such entry, or it is newer than the last checkpoint.
        Unavailable: as for ``proofs``.
    """
    row = visible_to(reader).filter(seq=number).first()
    found = proofs([number])
    if row is None or number not in found.paths:
        message = f"Entry {number} is not in the log that was signed; its last entry is {found.checkpoint.seq}."
        raise NotFound(message)
    return Proof(
        checkpoint=found.checkpoint,
        path=found.paths[number],
        sequence=row.seq,
        entry=row.entry,
        previous_hash=row.prev_hash,
    )


def proof_since(reader: Reader, earlier: Checkpoint) -> Proof:
    """Return the proof that the log as signed last begins with the one that ``earlier`` signed.

    Raises:
        Forbidden: the reader may not read the audit.
        NotFound: ``earlier`` is newer than the last checkpoint.
        Unavailable: as for ``proofs``.
    """
    visible_to(reader)
    found = proofs([])
    if not 0 < earlier.seq <= found.checkpoint.seq:
        message = f"That checkpoint signs {earlier.seq} entries; the last one here signs {found.checkpoint.seq}."
        raise NotFound(message)
    tree = Tree(settings.HEADWATER.home / "audit" / FOLDER)
    path = tuple(step.hex() for step in tree.consistency(earlier.seq, found.checkpoint.seq))
    return Proof(checkpoint=found.checkpoint, path=path, earlier=earlier)


def check(reader: Reader, *, newest: int | None = None) -> Report:
    """Verify the chain as it stands: all of it, or its ``newest`` entries, against head and checkpoints.

    Runs over one snapshot, so entries that arrive meanwhile do not disturb it.
    """
    visible_to(reader)
    reading = _checkpoints()
    with snapshot() as (end, rows_after):
        start = verify.BEGINNING if newest is None or newest >= end.seq else _place(end.seq - newest)
        return verify.verify(
            rows_after(start.seq),
            head=end,
            checkpoints=reading.checkpoints if reading else None,
            checkpoint_faults=reading.faults if reading else (),
            start=start,
        )


@contextmanager
def snapshot() -> Iterator[tuple[Place, Callable[[int], Iterator[Row]]]]:
    """Give one view of the log that nothing changes: its head, and a function that reads the rows after a number."""
    outermost = not connection.in_atomic_block
    with transaction.atomic():
        if outermost:
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        yield _head(), _rows_after


def row_of(entry: AuditEntry) -> Row:
    """Return an entry's row as a value."""
    return Row(
        seq=entry.seq,
        at=entry.at,
        actor=entry.actor,
        organisation=entry.organisation,
        tag=entry.tag,
        subject=entry.subject,
        detail=entry.detail,
        entry=entry.entry,
        prev_hash=entry.prev_hash,
        hash=entry.hash,
    )


def _rows_after(seq: int) -> Iterator[Row]:
    rows = AuditEntry.objects.filter(seq__gt=seq).order_by("seq")
    return (row_of(entry) for entry in rows.iterator(chunk_size=2_000))


def _head() -> Place:
    row = AuditHead.objects.get(id=1)
    return Place(row.seq, row.hash)


def _place(seq: int) -> Place:
    row = AuditEntry.objects.filter(seq=seq).first()
    # A missing entry is what is being looked for: the check then says so of the next one.
    return Place(seq, row.hash if row else "")


def _checkpoints() -> checkpoints.Reading | None:
    folder = settings.HEADWATER.home / "audit"
    if not (folder / checkpoints.FILE).exists():
        return None
    # The key that signs is asked for its public half: the copy beside the checkpoints could have been exchanged.
    key = checkpoints.private_key(settings.HEADWATER.secrets / "audit-key.pem").public_key()
    return checkpoints.read_file(folder / checkpoints.FILE, key)

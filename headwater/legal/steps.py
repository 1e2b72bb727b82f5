"""One step of a process as every action takes it: the row locked, moved, noted, a letter kept, the others told."""

from datetime import datetime
from hashlib import sha256

from headwater.accounts.actors import Actor
from headwater.errors import Conflict
from headwater.jobs import Job, defer
from headwater.legal import paper
from headwater.legal.documents import Document
from headwater.legal.letters import Letter
from headwater.legal.models import LegalProcess, ProcessDocument, ProcessLetter, ProcessStateChange
from headwater.legal.notices import Event
from headwater.legal.queries import find
from headwater.legal.rules import ProcessState

#: Documents that one process may have: the process itself, and what was asked for later.
MOST_DOCUMENTS = 20


def locked(actor: Actor, process_id: str) -> LegalProcess:
    """Return the row that ``actor`` may know of, locked: of two who decide at once the second sees the first.

    Raises:
        NotFound: as for ``queries.find``.
    """
    find(actor, process_id)
    rows = LegalProcess.objects.select_related("agency", "submitted_by", "campaign")
    return rows.select_for_update(of=("self",), no_key=True).get(id=process_id)


def move(actor: Actor, row: LegalProcess, after: ProcessState, *, now: datetime, reason: str = "") -> None:
    """Save ``row`` in the state that ``rules`` gave, and the step beside it."""
    before, row.state = row.state, after.value
    row.save()
    note(actor, row, before=before, now=now, reason=reason)


def note(actor: Actor, row: LegalProcess, *, before: str, now: datetime, reason: str = "") -> None:
    """Keep one step beside the row."""
    ProcessStateChange.objects.create(
        process=row, from_state=before, to_state=row.state, at=now, by=actor.label, reason=reason
    )


def keep_document(row: LegalProcess, document: Document, now: datetime) -> None:
    """Keep a document as it was received.

    Raises:
        Conflict: the process has as many as it may have.
    """
    if row.documents.count() >= MOST_DOCUMENTS:
        message = f"Process {row.id} has {MOST_DOCUMENTS} documents already; serve a new process for more."
        raise Conflict(message)
    ProcessDocument.objects.create(
        process=row,
        filename=document.filename,
        content_type="application/pdf",
        octets=document.octets,
        size=len(document.octets),
        sha256=document.sha256,
        notes=list(document.notes),
        received_at=now,
    )


def keep_letter(row: LegalProcess, letter: Letter, now: datetime) -> str:
    """Keep a letter as it is sent, as text and as PDF; return the SHA-256 of the PDF."""
    octets = paper.pdf(letter, process=row.id)
    digest = sha256(octets).hexdigest()
    ProcessLetter.objects.create(
        process=row, kind=letter.kind, title=letter.title, text=letter.text, octets=octets, sha256=digest, at=now
    )
    return digest


def tell(row: LegalProcess, event: Event, now: datetime, *, only: str = "") -> None:
    """Have the worker tell the other side by mail and webhook; the request for it stands or falls with this step.

    ``only`` is the e-mail address of the one person whom it concerns, where it does not concern all.
    """
    defer(Job.TELL_OF_PROCESS, process_id=row.id, event=event.value, at=now.isoformat(), only=only)

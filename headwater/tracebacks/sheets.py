"""Many questions in one file, and many answers back: CSV that a spreadsheet opens and saves.

Each row is answered by itself: a wrong one is refused with its reason and goes into the file of refused rows, the
others are taken. The same file again changes nothing and gives the same receipts.
"""

import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from hashlib import sha256
from typing import Final

import msgspec
from django.db import transaction
from django.db.models import QuerySet

from headwater import clock
from headwater.accounts.actors import Actor
from headwater.accounts.permissions import Permission
from headwater.audit import actions as audit
from headwater.audit.tags import Tag
from headwater.errors import HeadwaterError, Invalid, NotFound, TooLarge
from headwater.tracebacks import answering, by_hand, questions
from headwater.tracebacks.by_hand import Said
from headwater.tracebacks.models import AnswerSheet
from headwater.wire.agents import Action, AnswerCode, Question

MOST_OCTETS: Final = 2 * 1024 * 1024
MOST_ROWS: Final = 2_000
#: What was asked: filled in by the export, not read back but for the question's identifier.
ASKED: Final = (
    "question_id", "traceback_id", "asked_at_utc", "call_at_utc", "search_seconds_each_way", "calling", "called",
    "sip_call_id", "named_by", "campaign", "legal_due_utc",
)  # fmt: skip
#: What is to be filled in.
ANSWER: Final = ("code", "upstream_spc", "upstream_name", "upstream_country", "action", "note")
REASON: Final = "refused_because"
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


class BadSheet(Invalid):
    """The file is no table of answers; nothing of it was taken."""


class SheetNotFound(NotFound):
    """There is no such file of the actor's provider."""


class RowOutcome(StrEnum):
    """What became of one row."""

    TAKEN = "taken"
    REPEATED = "repeated"
    REFUSED = "refused"
    LEFT_OUT = "left_out"


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One row and what became of it."""

    line: int
    question_id: str
    code: str
    outcome: str
    receipt_id: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetView:
    """One file that was brought."""

    id: str
    name: str
    octets_sha256: str
    brought_at: datetime
    brought_by: str
    rows: tuple[Row, ...]
    taken: int
    repeated: int
    rejected: int
    refused: bytes
    """The refused rows with their reasons, as CSV."""


def safe(text: str) -> str:
    """Return ``text`` so that no spreadsheet takes it for a formula: an apostrophe stands before such a one."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def plain(text: str) -> str:
    """Return what ``safe`` was given."""
    return text[1:] if text.startswith("'") and text[1:].startswith(_FORMULA) else text


def export(actor: Actor, *, now: datetime | None = None) -> bytes:
    """Return the waiting questions as CSV with empty columns for the answers.

    The called numbers stand in it in clear: each question counts as seen, and the export is audited.
    """
    actor.require(Permission.QUESTION_ANSWER)
    now = now or clock.now()
    waiting = questions.waiting_questions(actor, limit=MOST_ROWS)
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow((*ASKED, *ANSWER))
    for one in waiting:
        writer.writerow([*(safe(value) for value in _cells(one)), *([""] * len(ANSWER))])
    with transaction.atomic():
        ids = [one.question_id for one in waiting]
        answering.mark_viewed(actor, ids, now=now)
        audit.record(actor, Tag.HOP_QUESTIONS_EXPORTED, actor.provider_id, {"questions": ids[:400], "count": len(ids)})
    # A byte order mark: without it the commonest spreadsheet reads names in another code.
    return b"\xef\xbb\xbf" + out.getvalue().encode()


def _cells(one: Question) -> tuple[str, ...]:
    named_by = (one.downstream.name or one.downstream.spc) if one.downstream else ""
    return (
        one.question_id,
        one.traceback_id,
        _utc(one.asked_at),
        _utc(one.call_at),
        str(one.window_s),
        one.calling,
        one.called,
        one.call_id,
        named_by,
        one.campaign,
        _utc(one.legal_due_at),
    )


def _utc(text: str) -> str:
    return datetime.fromisoformat(text).astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")


def bring(actor: Actor, *, name: str, octets: bytes, now: datetime | None = None) -> SheetView:
    """Take in a file of answers, a row at a time, and keep what became of each.

    Raises:
        BadSheet: it is no such table.
        TooLarge: more than 2 MiB or 2,000 rows.
        Forbidden: the actor may not answer.
    """
    actor.require(Permission.QUESTION_ANSWER)
    now = now or clock.now()
    names, rows = _read(octets)
    outcomes, refused = [], []
    for line, cells in rows:
        outcome = _take(actor, line, dict(zip(names, cells, strict=False)), now)
        outcomes.append(outcome)
        if outcome.outcome == RowOutcome.REFUSED:
            refused.append((cells, outcome.reason))
    counts = {kind: sum(one.outcome == kind for one in outcomes) for kind in RowOutcome}
    with transaction.atomic():
        row = AnswerSheet.objects.create(
            provider_id=actor.provider_id,
            name=name[:200] or "answers.csv",
            octets_sha256=sha256(octets).hexdigest(),
            brought_at=now,
            brought_by=actor.label,
            outcomes=msgspec.to_builtins(outcomes),
            refused=_refused(names, refused) if refused else b"",
            taken=counts[RowOutcome.TAKEN],
            repeated=counts[RowOutcome.REPEATED],
            rejected=counts[RowOutcome.REFUSED],
        )
        detail = {kind.value: number for kind, number in counts.items()} | {"sha256": row.octets_sha256}
        audit.record(actor, Tag.HOP_ANSWERS_BROUGHT, row.id, detail)
    return _view(row)


def _read(octets: bytes) -> tuple[list[str], list[tuple[int, list[str]]]]:
    if len(octets) > MOST_OCTETS:
        raise TooLarge(f"A file of answers may have {MOST_OCTETS} octets; this one has {len(octets)}.")
    try:
        text = octets.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = octets.decode("cp1252", "replace")  # spreadsheets on office machines save so
    head = text.partition("\n")[0]
    delimiter = max((",", ";", "\t"), key=head.count)
    reader = csv.reader(io.StringIO(text.replace("\x00", "\ufffd")), delimiter=delimiter)
    try:
        names = [cell.strip().lower() for cell in next(reader, [])]
        for wanted in ("question_id", "code"):
            if wanted not in names:
                raise BadSheet(f"The file has no column {wanted}. Export the questions, fill in, and bring that file.")
        if len(set(names)) != len(names):
            raise BadSheet("Two columns of the file have the same name.")
        rows = [(reader.line_num, cells) for cells in _rows(reader)]
    except csv.Error as error:
        raise BadSheet(f"The file is no CSV: line {reader.line_num}: {error}.") from error
    return names, rows


def _rows(reader: Iterator[list[str]]) -> Iterator[list[str]]:
    count = 0
    for cells in reader:
        if any(cell.strip() for cell in cells):
            count += 1
            if count > MOST_ROWS:
                raise TooLarge(f"A file may have {MOST_ROWS} rows; bring the rest in another one.")
            yield cells


def _take(actor: Actor, line: int, cells: Mapping[str, str], now: datetime) -> Row:
    said = {name: plain(str(cells.get(name) or "").strip()) for name in ("question_id", *ANSWER)}
    asked, code = said["question_id"][:32], said["code"].upper().replace(" ", "_")
    if not code:
        return Row(line=line, question_id=asked, code="", outcome=RowOutcome.LEFT_OUT, reason="no code")
    try:
        if code not in AnswerCode.__members__:
            raise Invalid(f"{code[:40]!r} is no answer; write one of {', '.join(AnswerCode)}.")
        view = questions.question(actor, asked)
        words = Said(
            code=AnswerCode(code),
            upstream_spc=said["upstream_spc"],
            upstream_name=said["upstream_name"],
            upstream_country=said["upstream_country"],
            note=said["note"],
            action=_action(said["action"]),
        )
        receipt, fresh = answering.record_answer(actor, by_hand.submission(view, words, now=now), now=now)
    except HeadwaterError as error:
        return Row(line=line, question_id=asked, code=code[:40], outcome=RowOutcome.REFUSED, reason=str(error))
    outcome = RowOutcome.TAKEN if fresh else RowOutcome.REPEATED
    return Row(line=line, question_id=asked, code=code, outcome=outcome, receipt_id=receipt.receipt_id)


def _action(text: str) -> Action | None:
    if text and text.lower() not in {one.value for one in Action}:
        raise Invalid(f"{text[:40]!r} is no action; write one of {', '.join(Action)}, or nothing.")
    return Action(text.lower()) if text else None


def _refused(names: list[str], rows: list[tuple[list[str], str]]) -> bytes:
    out = io.StringIO()
    writer = csv.writer(out)
    kept = [place for place, name in enumerate(names) if name != REASON]
    writer.writerow([*(safe(names[place]) for place in kept), REASON])
    for cells, reason in rows:
        own = [cells[place] if place < len(cells) else "" for place in kept]
        writer.writerow([*(safe(cell) for cell in own), safe(reason)])
    return b"\xef\xbb\xbf" + out.getvalue().encode()


def visible_to(actor: Actor) -> QuerySet[AnswerSheet]:
    """Return the files that the actor's provider brought."""
    if not actor.may(Permission.QUESTION_ANSWER) or not actor.provider_id:
        return AnswerSheet.objects.none()
    return AnswerSheet.objects.filter(provider_id=actor.provider_id)


def sheets(actor: Actor, *, limit: int = 50) -> list[SheetView]:
    """Return the files that were brought, the newest first."""
    return [_view(row) for row in visible_to(actor).order_by("-brought_at")[:limit]]


def sheet(actor: Actor, sheet_id: str) -> SheetView:
    """Return one file.

    Raises:
        SheetNotFound: there is none of the actor's provider.
    """
    row = visible_to(actor).filter(id=sheet_id).first()
    if row is None:
        raise SheetNotFound(f"There is no file of answers {sheet_id[:32]} of yours.")
    return _view(row)


def _view(row: AnswerSheet) -> SheetView:
    return SheetView(
        id=row.id,
        name=row.name,
        octets_sha256=row.octets_sha256,
        brought_at=row.brought_at,
        brought_by=row.brought_by,
        rows=tuple(msgspec.convert(row.outcomes, type=list[Row])),
        taken=row.taken,
        repeated=row.repeated,
        rejected=row.rejected,
        refused=bytes(row.refused),
    )

"""The feed reader: NDJSON lines of blocking apps and honeypots in, call records out. Pure.

A line is the short form (``wire.events``) or a neutral event in its envelope (``wire.neutral``, CloudEvents 1.0).
A line is judged for itself: a bad one never costs its neighbours. What is refused is said with the line's number
and a plain reason, and its first octets are kept. The contract is docs/reference/feed-events.md.
"""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from typing import Annotated, Any, Final, NamedTuple

import msgspec

from headwater.calls.records import REJECT_OCTETS, Body, CallRecord, RecordKind, Reject
from headwater.errors import Invalid, TooLarge
from headwater.identifiers import record_id
from headwater.intake import discretion
from headwater.intake.events.records import AHEAD, EARLIEST, event_record
from headwater.intake.sip import identity_hints
from headwater.intake.sources import Source
from headwater.numbering.numbers import UNKNOWN, CalledNumbers, canonical
from headwater.wire.events import FeedEvent
from headwater.wire.neutral import CloudEvent

#: Octets that one line may have.
LINE_OCTETS: Final = 262_144
#: Lines that one body may have.
BODY_LINES: Final = 100_000
#: Octets of rejected lines that are kept of one body; what is beyond is reported and counted, not kept.
KEPT_OCTETS: Final = 1_048_576
DOOR: Final = "feed"


class _Line(FeedEvent, frozen=True, kw_only=True, forbid_unknown_fields=True, gc=False):
    """The public contract with its time read at once: RFC 3339, and a zone is required."""

    call_at: Annotated[datetime, msgspec.Meta(tz=True)]  # type: ignore[assignment]  # narrower than the public text


_lines = msgspec.json.Decoder(_Line)
_envelopes = msgspec.json.Decoder(CloudEvent)
_batches = msgspec.json.Decoder(list[msgspec.Raw])
#: What the headers of a record say of ``is_recorded_message``.
_RECORDED: Final[dict[bool | None, dict[str, str]]] = {
    None: {},
    True: {"recorded_message": "yes"},
    False: {"recorded_message": "no"},
}
_anything = msgspec.json.Decoder()
# Every member name of a line: an unescaped quote cannot stand inside a JSON string, so nothing else matches.
_MEMBER = re.compile(rb'"((?:[^"\\]|\\.)*)"\s*:')
_EVENT_ID = re.compile(rb'"(?:event_id|id)"\s*:\s*"([^"\\]{1,256})"')


class BadLine(Invalid):
    """A line is no feed event; the message says why."""


class TooManyLines(TooLarge):
    """A body has more lines than one request may carry; nothing of it was read."""


class Rejection(NamedTuple):
    """One line that was refused."""

    line: int
    """From 1, empty lines counted."""
    reason: str
    event_id: str = ""
    """As far as it could be read."""


@dataclass(slots=True, kw_only=True)
class FeedBatch:
    """What one body came to."""

    records: list[CallRecord]
    lines: list[int]
    """The line number of each record."""
    rejects: list[Rejection]
    kept: list[Reject]
    """The octets of rejected lines, as many as are kept."""
    table: Any = None
    """In place of ``records``: a ``pyarrow.Table`` of the store's columns, where a body was read by columns."""
    bodies: list[Body] = field(default_factory=list)
    """The body itself, where its rows' octets are kept in it and not with each."""

    def event_id(self, place: int) -> str:
        """Return the event id of the record at ``place``, from 0."""
        if self.table is not None:
            return str(self.table.column("event_id")[place].as_py())
        return self.records[place].event_id

    def keep_only(self, rule: CalledNumbers) -> None:
        """Take out of the batch what its source does not want kept of called numbers."""
        if rule is not CalledNumbers.KEPT:
            self.records = discretion.records(self.records, rule)
            self.kept = discretion.rejects(self.kept, rule)
            self.bodies = []
            if self.table is not None:
                self.table = discretion.table(self.table, rule)

    def add(self, part: "FeedBatch") -> None:
        """Append a later part of the same body."""
        self.records.extend(part.records)
        self.lines.extend(part.lines)
        self.rejects.extend(part.rejects)
        self.kept.extend(part.kept)


def read_lines(body: bytes, source: Source, received_at: datetime) -> FeedBatch:
    """Return the records of ``body`` and what was refused in it.

    Empty lines are passed over; the last line needs no line feed; a carriage return before it is allowed.

    Raises:
        TooManyLines: more than ``BODY_LINES``.
    """
    batch = FeedBatch(records=[], lines=[], rejects=[], kept=[])
    for part in read_in_parts(body, source, received_at, lines_a_part=BODY_LINES):
        batch.add(part)
    return batch


def read_in_parts(
    body: bytes, source: Source, received_at: datetime, *, lines_a_part: int = 500
) -> Iterator[FeedBatch]:
    """Yield ``body`` as ``read_lines`` returns it, in parts, for a caller who must serve others in between."""
    if body.count(b"\n") >= BODY_LINES:
        raise TooManyLines(f"the body has more than {BODY_LINES} lines; send fewer at a time")
    yield from _judge(body.split(b"\n"), source, received_at, lines_a_part=lines_a_part)


def read_cloud_events(body: bytes, source: Source, received_at: datetime, *, batched: bool) -> Iterator[FeedBatch]:
    """Yield the records of a CloudEvents body in parts: one event, or a JSON array of events (batched mode).

    What would be a line's number is the event's place in the array, from 1.

    Raises:
        BadLine: the array cannot be told into its events; nothing of it was read.
        TooManyLines: more than ``BODY_LINES`` events.
    """
    events = [body]
    if batched:
        try:
            events = [bytes(event) for event in _batches.decode(body)]
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise BadLine(f"the body is no JSON array of events: {error}") from error
        if len(events) > BODY_LINES:
            raise TooManyLines(f"the body has more than {BODY_LINES} events; send fewer at a time")
    yield from _judge(events, source, received_at, lines_a_part=500, read=_neutral)


def _judge(
    lines: list[bytes],
    source: Source,
    received_at: datetime,
    *,
    lines_a_part: int,
    read: Callable[[bytes, Source, datetime], CallRecord] | None = None,
) -> Iterator[FeedBatch]:
    read = read or read_line
    room = KEPT_OCTETS
    for start in range(0, len(lines), lines_a_part):
        batch = FeedBatch(records=[], lines=[], rejects=[], kept=[])
        for number, octets in enumerate(lines[start : start + lines_a_part], start=start + 1):
            line = octets.strip(b" \t\r\n")
            if not line:
                continue
            try:
                batch.records.append(read(line, source, received_at))
                batch.lines.append(number)
            except BadLine as error:
                batch.rejects.append(Rejection(number, str(error), _event_id(line)))
                if room > 0:
                    batch.kept.append(kept(line, number, str(error), source=source, received_at=received_at))
                    room -= len(batch.kept[-1].raw)
        yield batch


def read_line(line: bytes, source: Source, received_at: datetime) -> CallRecord:
    """Return the record of one line.

    Raises:
        BadLine: the line is no feed event.
    """
    if len(line) > LINE_OCTETS:
        raise BadLine(f"the line has {len(line)} octets; at most {LINE_OCTETS} are taken")
    if b'"specversion"' in line:
        return _neutral(line, source, received_at)
    try:
        event = _lines.decode(line)
        call_at = event.call_at.astimezone(UTC)
    except msgspec.ValidationError as error:
        raise BadLine(_plain(error, line)) from error
    except UnicodeDecodeError as error:
        raise BadLine("the line is not UTF-8") from error
    except (msgspec.DecodeError, OverflowError, RecursionError) as error:
        raise BadLine(f"the line is not JSON: {error}") from error
    if not EARLIEST <= call_at <= received_at + AHEAD:
        raise BadLine(f"call_at {call_at.isoformat()} is before 2000 or more than a day ahead of our clock")
    _refuse_ambiguous(line)
    called = canonical(event.called)
    if called == UNKNOWN:
        raise BadLine("called is not a telephone number")
    hints = identity_hints((event.identity.encode(),)) if event.identity else None
    return CallRecord(
        record_id=record_id(source.source_id, event.event_id),
        record_kind=RecordKind.REPORT,
        source_kind=source.source_kind,
        source_id=source.source_id,
        event_id=event.event_id,
        call_at=call_at,
        received_at=received_at,
        calling=canonical(event.calling),
        called=called,
        calling_raw=event.calling,
        called_raw=event.called,
        duration_ms=-1 if event.duration_s is None else round(event.duration_s * 1_000),
        ring_ms=-1 if event.ring_s is None else round(event.ring_s * 1_000),
        disposition=event.disposition.value,
        call_id=event.call_id,
        identity_digest=hints.digest if hints else "",
        attest=hints.attest if hints else "",
        origid=hints.origid if hints else "",
        terminating_spc=event.terminating_spc,
        transcript=event.transcript,
        language=event.language,
        labels=event.labels,
        headers=_RECORDED[event.is_recorded_message],
        raw=line,
        raw_sha256=sha256(line).digest(),
        credential=source.credential,
    )


def _neutral(line: bytes, source: Source, received_at: datetime) -> CallRecord:
    """Return the record of a line that is a neutral event in its envelope."""
    if len(line) > LINE_OCTETS:
        raise BadLine(f"the event has {len(line)} octets; at most {LINE_OCTETS} are taken")
    try:
        event = _envelopes.decode(line)
    except msgspec.ValidationError as error:
        raise BadLine(_plain(error, line)) from error
    except UnicodeDecodeError as error:
        raise BadLine("the line is not UTF-8") from error
    except (msgspec.DecodeError, OverflowError, RecursionError) as error:
        raise BadLine(f"the line is not JSON: {error}") from error
    _refuse_repeated(line)
    try:
        return event_record(event, source, received_at, line)
    except Invalid as error:
        raise BadLine(str(error)) from error


def _refuse_repeated(line: bytes) -> None:
    """Refuse, at any depth, a member that stands twice in one object, and a text that holds NUL."""
    try:
        value = json.loads(line, object_pairs_hook=_once)
    except (RecursionError, ValueError) as error:  # nested too deeply, or a number of thousands of digits
        raise BadLine(f"the line is not JSON that everybody reads alike: {error}") from error
    if b"\\u0000" in line and "\x00" in "".join(_texts(value)):
        raise BadLine("a text holds the character NUL")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise BadLine(f"the member {twice} stands twice in one object")
    return members


def _refuse_ambiguous(line: bytes) -> None:
    """Refuse what two readers may read differently, or what another store cannot hold."""
    distinct = len(_anything.decode(line))
    # Cheap first: there are at least as many colons after a quote as members, unless a space stands between.
    if line.count(b'":') != distinct or b" :" in line or b"\t:" in line:
        names = _MEMBER.findall(line)
        if len(names) != distinct:
            twice = next((name for name in names if names.count(name) > 1), b"(written with escapes)")
            raise BadLine(f"the member {twice.decode()} stands twice in one object")
    # Databases that keep C strings end a text at NUL.
    if b"\\u0000" in line and "\x00" in "".join(_texts(_anything.decode(line))):
        raise BadLine("a text holds the character NUL")


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for member in value:
            yield from _texts(member)
    elif isinstance(value, dict):
        for member in value.values():
            yield from _texts(member)


def _plain(error: msgspec.ValidationError, line: bytes) -> str:
    reason = str(error)
    if reason.endswith("`$.call_at`"):
        return "call_at is not RFC 3339 with a zone, such as 2026-11-24T15:04:05.123456Z"
    if line[:1] != b"{":
        return "the line is not one JSON object"
    return reason.replace("`$.", "`").replace("`", "")


def _event_id(line: bytes) -> str:
    found = _EVENT_ID.search(line[:LINE_OCTETS])
    return found[1].decode(errors="replace") if found else ""


def kept(line: bytes, number: int, reason: str, *, source: Source, received_at: datetime) -> Reject:
    """Return what is kept of a refused line: its first octets, with the reason."""
    return Reject(
        received_at=received_at,
        source_id=source.source_id,
        door=DOOR,
        position=number,
        reason=reason,
        raw=line[:REJECT_OCTETS],
        raw_length=len(line),
        raw_sha256=sha256(line).digest(),
    )

"""From a report to the call store: its calls become the events that anybody sends, through the door that all use.

Run by the worker. What the door acknowledged is on disk; sending the same report again changes nothing, because each
call has its identifier from the report.
"""

import base64
import io
import uuid
from collections.abc import Iterator
from datetime import datetime
from hashlib import sha256
from typing import Any, Final, Protocol

import msgspec
from django.db import transaction

from headwater import clock
from headwater.accounts.actors import Actor
from headwater.audit.actions import record
from headwater.audit.tags import Tag
from headwater.calls.records import CallRecord, SourceKind
from headwater.errors import Conflict, Invalid
from headwater.intake import feed
from headwater.intake.events import items, mapping
from headwater.intake.events.apply import Mapper
from headwater.intake.events.conversations import SOURCE as VCON_SOURCE
from headwater.intake.events.deliver import Answer, Tally
from headwater.intake.sources import Source
from headwater.reports import rules
from headwater.reports.models import AgencyReport, ReportedCall
from headwater.reports.rules import ExampleCall
from headwater.reports.states import ReportKind, ReportState

LINES_A_BATCH: Final = 500
_HEAD: Final = 65_536


class Door(Protocol):
    """The feed door on an agency's behalf."""

    def send(self, lines: list[bytes], /) -> Answer:
        """Return what became of the lines, once all is settled."""

    def send_vcon(self, octets: bytes, /) -> Answer:
        """Return what became of a vCon."""


def send(report_id: str, door: Door) -> None:
    """Send one report; does nothing where it is settled.

    Raises:
        Unavailable, Forbidden: the door does not answer or refuses us; the job is run again.
    """
    row = AgencyReport.objects.filter(id=report_id, state=ReportState.RECEIVED).first()
    if row is None:
        return
    tally, records, now = Tally(), list[CallRecord](), clock.now()
    try:
        if row.kind == ReportKind.RECORDING:
            _send_recording(row, door, tally, records, now)
        else:
            _send_lines(row, door, tally, records, now)
    except Invalid as error:
        _settle(row, ReportState.REFUSED, tally, records, problem=str(error))
        return
    _settle(row, ReportState.TAKEN if records else ReportState.REFUSED, tally, records)


def _send_lines(row: AgencyReport, door: Door, tally: Tally, records: list[CallRecord], now: datetime) -> None:
    waiting: list[bytes] = []
    for line in _lines(row, tally, now):
        waiting.append(line)
        if len(waiting) == LINES_A_BATCH:
            _take(waiting, door.send(waiting), source_of(row), tally=tally, records=records, now=now)
            waiting = []
    if waiting:
        _take(waiting, door.send(waiting), source_of(row), tally=tally, records=records, now=now)


def _take(  # noqa: PLR0913 - what was sent and what came of it
    lines: list[bytes], answer: Answer, source: Source, *, tally: Tally, records: list[CallRecord], now: datetime
) -> None:
    """Count an answer and note the records of the lines that were taken."""
    refused = {fault.line for fault in answer.errors}
    tally.stored += answer.accepted
    tally.duplicates += answer.duplicates
    for fault in answer.errors:
        tally.refuse(fault.reason)
    tally.refused += answer.rejected - len(answer.errors)
    records += [feed.read_line(line, source, now) for n, line in enumerate(lines, start=1) if n not in refused]


def _lines(row: AgencyReport, tally: Tally, now: datetime) -> Iterator[bytes]:
    """Yield the events of a report of calls or a file; a row that is none is counted with its reason.

    Raises:
        Invalid: the file shows no form that is known.
    """
    octets = bytes(row.octets)
    if row.kind == ReportKind.CALLS:
        for place, call in enumerate(msgspec.json.decode(octets, type=list[ExampleCall])):
            yield rules.event_of(row.id, place, call)
        return
    found = items.recognise(octets[:_HEAD], mapping.presets())
    if found is None:
        raise Invalid(
            "The file shows no form that is known here. Bring a complaint export of the FTC or FCC, or a CSV whose "
            "first line is: call_at,calling,called,callback,transcript,duration_s,terminating_spc"
        )
    mapper = Mapper(found, {"observed_at": now.isoformat()})
    for item in items.items(io.BytesIO(octets), found.input):
        tally.read += 1
        try:
            if item.fault:
                raise Invalid(item.fault)
            line = msgspec.json.encode(mapper.event(item.value, item.original))
            feed.read_line(line, source_of(row), now)
        except Invalid as error:
            tally.refuse(str(error))
            continue
        yield line


def _send_recording(row: AgencyReport, door: Door, tally: Tally, records: list[CallRecord], now: datetime) -> None:
    call = msgspec.convert(row.facts, ExampleCall)
    name = str(uuid.UUID(bytes=sha256(row.id.encode()).digest()[:16], version=5))
    answer = door.send_vcon(vcon_of(call, name, bytes(row.octets), row.mediatype, row.reported_at))
    # The record is the one that the door makes of the vCon's first dialog.
    line = msgspec.json.encode(
        {
            "specversion": "1.0",
            "id": f"{name}/0",
            "source": VCON_SOURCE,
            "type": "call.recorded",
            "data": {"call_at": call.call_at.isoformat(), "called": {"e164": call.called}},
        }
    )
    _take([line], answer, source_of(row), tally=tally, records=records, now=now)


def vcon_of(call: ExampleCall, name: str, octets: bytes, mediatype: str, made: datetime) -> bytes:
    """Return one call with its recording as a vCon of draft -04."""
    dialog: dict[str, Any] = {
        "type": "recording",
        "start": call.call_at.isoformat(),
        "parties": [0, 1],
        "mediatype": mediatype,
        "encoding": "base64url",
        "body": base64.urlsafe_b64encode(octets).rstrip(b"=").decode(),
    }
    if call.duration_s is not None:
        dialog["duration"] = call.duration_s
    document: dict[str, Any] = {
        "uuid": name,
        "created_at": made.isoformat(),
        "parties": [{"tel": call.calling or "anonymous"}, {"tel": call.called}],
        "dialog": [dialog],
    }
    if call.transcript:
        document["analysis"] = [
            {"type": "transcript", "dialog": 0, "vendor": "agency", "encoding": "none", "body": call.transcript}
        ]
    return msgspec.json.encode(document)


def source_of(row: AgencyReport) -> Source:
    """Return the sender under which a report's calls are kept: the agency, as one who complains."""
    return Source(source_id=row.agency_id, source_kind=SourceKind.COMPLAINT)


def _settle(
    row: AgencyReport, state: ReportState, tally: Tally, records: list[CallRecord], *, problem: str = ""
) -> None:
    actor = Actor(label="system:reports", organisation_id=row.agency_id)
    with transaction.atomic():
        locked = AgencyReport.objects.select_for_update(no_key=True).get(id=row.id)
        if locked.state != ReportState.RECEIVED:
            raise Conflict(f"report {row.id} was settled by another worker")
        ReportedCall.objects.bulk_create(
            [
                ReportedCall(report=locked, record_id=one.record_id, call_at=one.call_at)
                for one in {one.record_id: one for one in records}.values()
            ],
            ignore_conflicts=True,
        )
        locked.state, locked.settled_at, locked.problem = state.value, clock.now(), problem[:2_000]
        locked.stored, locked.duplicates, locked.refused = tally.stored, tally.duplicates, tally.refused
        locked.reasons = tally.reasons
        locked.save()
        detail = {"state": state.value, "stored": tally.stored, "refused": tally.refused, "problem": problem[:500]}
        record(actor, Tag.REPORT_SETTLED, row.id, detail)

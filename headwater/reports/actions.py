"""What is done with reports: brought by an agency, asked to be traced, opened or declined by the desk. All audited.

The worker sends what was brought to the feed door: ``reports.sending``.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID

import msgspec
from django.db import IntegrityError, transaction

from headwater import clock
from headwater.accounts.actors import Actor, system
from headwater.accounts.permissions import OrganisationKind, Permission
from headwater.audit.actions import record
from headwater.audit.tags import Tag
from headwater.errors import Conflict, Forbidden, HeadwaterError, Unavailable
from headwater.intake.provenance import file_name
from headwater.jobs import Job, defer
from headwater.reports import queries, rules
from headwater.reports.models import AgencyReport
from headwater.reports.queries import ReportView
from headwater.reports.rules import BadReport, ExampleCall, Known
from headwater.reports.states import TRACE_MOVES, ReportKind, ReportState, TraceRequest
from headwater.tracebacks import actions as tracebacks
from headwater.tracebacks.models import Traceback
from headwater.uploads import scanning

OPENER = system("report-tracer")
LONGEST_REASON = 2_000


def report_calls(actor: Actor, calls: Sequence[ExampleCall], *, note: str = "", key: str = "") -> ReportView:
    """Bring example calls.

    Raises:
        Forbidden: the actor may not report.
        BadReport, TooLarge: the calls are none that can be stored.
    """
    rules.check_calls(calls, clock.now())
    octets = msgspec.json.encode(list(calls))
    return _keep(actor, ReportKind.CALLS, octets, note=note, key=key)


def report_file(actor: Actor, name: str, octets: bytes, *, note: str = "", key: str = "") -> ReportView:
    """Bring a complaint export or a list of calls; which form it has is seen when it is read.

    Raises:
        Forbidden: the actor may not report.
        BadReport, TooLarge: it is empty or too large.
    """
    rules.check_file(octets)
    return _keep(actor, ReportKind.FILE, octets, filename=name, note=note, key=key)


def report_recording(  # noqa: PLR0913 - what is brought, each by name
    actor: Actor, call: ExampleCall, name: str, octets: bytes, *, note: str = "", key: str = ""
) -> ReportView:
    """Bring the recording of one call.

    Raises:
        Forbidden: the actor may not report.
        BadReport, TooLarge: it is no recording, too large, or its call cannot be stored.
    """
    rules.check_file(octets)
    kind = rules.media_type(octets)
    rules.check_calls([call], clock.now())
    facts = msgspec.to_builtins(call)
    return _keep(actor, ReportKind.RECORDING, octets, filename=name, mediatype=kind, facts=facts, note=note, key=key)


def _keep(actor: Actor, kind: ReportKind, octets: bytes, *, note: str, key: str, **more: Any) -> ReportView:
    """Keep what was brought and ask for its sending, both or neither; the same key again gives the same report."""
    actor.require(Permission.REPORT_SUBMIT)
    if actor.organisation_kind is not OrganisationKind.AGENCY or not actor.organisation_id:
        raise Forbidden("Only an agency reports calls here; other senders use the feed door.")
    if len(key) > 128 or not key.isprintable():
        raise BadReport({"key": "A key has at most 128 printable characters"})
    digest = sha256(octets + msgspec.json.encode(more.get("facts", {}))).hexdigest()
    if key and (before := _before(actor, key, digest)):
        return queries.view(before)
    if more.get("filename"):
        scanning.check(actor, octets, file_name(more["filename"]))
    try:
        with transaction.atomic():
            row = AgencyReport.objects.create(
                agency_id=actor.organisation_id,
                reported_by=actor.label,
                reported_at=clock.now(),
                kind=kind.value,
                octets=octets,
                size=len(octets),
                sha256=digest,
                note=rules.check_note(note),
                idempotency_key=key,
                **{**more, "filename": file_name(more["filename"]) if more.get("filename") else ""},
            )
            record(actor, Tag.REPORT_RECEIVED, row.id, {"kind": kind.value, "size": row.size, "sha256": digest})
            defer(Job.SEND_REPORT, once=f"report {row.id}", report_id=row.id)
    except IntegrityError:
        # Of two that come at once with one key the second finds what the first brought.
        if not key or (found := _before(actor, key, digest)) is None:
            raise
        row = found
    return queries.view(queries.find(actor, row.id))


def _before(actor: Actor, key: str, digest: str) -> AgencyReport | None:
    row = AgencyReport.objects.filter(agency_id=actor.organisation_id, idempotency_key=key).first()
    if row is not None and row.sha256 != digest:
        raise Conflict(f"The key {key!r} was used for another content: report {row.id}. Give a new key.")
    return row


@transaction.atomic
def ask_tracebacks(actor: Actor, report_id: str, *, reason: str) -> ReportView:
    """Ask for the reported calls to be traced: fresh ones are opened at once, within bounds; the desk decides the rest.

    Raises:
        Forbidden: the actor may not report.
        NotFound: it is not one of the actor's agency.
        BadReport: no reason.
        Conflict: it was asked for already, or nothing of it is stored yet.
    """
    actor.require(Permission.REPORT_SUBMIT)
    row, now = _locked(actor, report_id), clock.now()
    if row.state != ReportState.TAKEN:
        raise Conflict(f"Nothing of report {row.id} is in the call store yet; wait until it is taken in.")
    chosen = rules.automatic(_known(row), traced_today=_traced_today(row.agency_id, now), now=now)
    _move(row, TraceRequest.OPENING if chosen else TraceRequest.ASKED)
    row.trace_asked_by, row.trace_asked_at, row.trace_reason = actor.label, now, _reason(reason)
    if chosen:
        row.trace_decided_by, row.trace_decided_at = OPENER.label, now
        row.trace_answer = "Fresh calls of a report are traced at once."
        row.trace_records = [one.record_id for one in chosen]
        defer(Job.OPEN_REPORTED, once=f"open report {row.id}", report_id=row.id)
    row.save()
    record(actor, Tag.REPORT_TRACE_ASKED, row.id, {"automatic": len(chosen), "state": row.trace})
    return queries.view(row)


@transaction.atomic
def decide_tracebacks(actor: Actor, report_id: str, *, opens: bool, answer: str) -> ReportView:
    """Open tracebacks of a report that waits, or decline with the reason that the agency reads.

    Raises:
        Forbidden: the actor may not open tracebacks.
        NotFound: there is none such.
        Conflict: it does not wait.
    """
    actor.require(Permission.TRACEBACK_OPEN)
    row, now = _locked(actor, report_id), clock.now()
    if row.trace != TraceRequest.ASKED:
        raise Conflict(f"Report {row.id} does not wait for a decision.")
    _move(row, TraceRequest.OPENING if opens else TraceRequest.DECLINED)
    row.trace_decided_by, row.trace_decided_at, row.trace_answer = actor.label, now, _reason(answer)
    if opens:
        newest = sorted(_known(row), key=lambda one: one.call_at, reverse=True)[: rules.MOST_AUTOMATIC]
        row.trace_records = [one.record_id for one in newest]
        defer(Job.OPEN_REPORTED, once=f"open report {row.id}", report_id=row.id)
    row.save()
    record(actor, Tag.REPORT_TRACE_DECIDED, row.id, {"state": row.trace})
    return queries.view(row)


def open_tracebacks(report_id: str) -> int:
    """Open the tracebacks that a report waits for; return how many there are. For the worker, any number of times.

    Raises:
        Unavailable: the call store does not answer; the job is run again.
    """
    row = AgencyReport.objects.filter(id=report_id, trace=TraceRequest.OPENING).first()
    if row is None:
        return 0
    problems = []
    for record_id in row.trace_records:
        # One that was opened by an earlier run, or by the campaign itself, is this one.
        if Traceback.objects.filter(record_id=record_id).exists():
            continue
        try:
            tracebacks.open_for_call(OPENER, UUID(record_id))
        except Conflict:
            continue
        except Unavailable:
            raise
        except HeadwaterError as error:
            problems.append(str(error))
    with transaction.atomic():
        row = AgencyReport.objects.select_for_update(no_key=True).get(id=report_id)
        if row.trace != TraceRequest.OPENING:
            return len(row.tracebacks)
        found = Traceback.objects.filter(record_id__in=row.trace_records).order_by("id")
        row.tracebacks = list(found.values_list("id", flat=True))
        _move(row, TraceRequest.OPENED if row.tracebacks else TraceRequest.ASKED)
        if problems:
            row.trace_answer = f"{row.trace_answer} Not every call could be traced: {problems[0]}"[:LONGEST_REASON]
        row.save()
        record(OPENER, Tag.REPORT_TRACED, row.id, {"tracebacks": row.tracebacks, "problems": len(problems)})
    return len(row.tracebacks)


def _locked(actor: Actor, report_id: str) -> AgencyReport:
    queries.find(actor, report_id)
    rows = AgencyReport.objects.select_related("agency").defer("octets")
    return rows.select_for_update(of=("self",), no_key=True).get(id=report_id)


def _move(row: AgencyReport, to: TraceRequest) -> None:
    if to not in TRACE_MOVES[TraceRequest(row.trace)]:
        raise Conflict(f"The tracebacks of report {row.id} were asked for already.")
    row.trace = to.value


def _known(row: AgencyReport) -> list[Known]:
    return [Known(record_id=str(one.record_id), call_at=one.call_at) for one in row.calls.order_by("id")]


def _traced_today(agency: str, now: datetime) -> int:
    rows = AgencyReport.objects.filter(
        agency_id=agency, trace_decided_by=OPENER.label, trace_decided_at__gt=now - timedelta(days=1)
    )
    return sum(len(records) for records in rows.values_list("trace_records", flat=True))


def _reason(text: str) -> str:
    if not text.strip() or len(text) > LONGEST_REASON:
        raise BadReport({"reason": f"Say why, in 1 to {LONGEST_REASON} characters"})
    return text.strip()

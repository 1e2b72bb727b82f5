"""What is kept of agencies' reports: as they came, which records they became, what was asked for."""

from functools import partial

from django.db import models

from headwater.accounts.models import Organisation
from headwater.identifiers import new_id
from headwater.reports.states import ReportKind, ReportState, TraceRequest


class AgencyReport(models.Model):
    """One report of one agency."""

    id = models.CharField(primary_key=True, max_length=16, default=partial(new_id, "AR"), editable=False)
    agency = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="reports")
    reported_by = models.CharField(max_length=200)
    reported_at = models.DateTimeField(db_index=True)
    kind = models.CharField(max_length=12, choices=ReportKind.choices())
    state = models.CharField(max_length=12, choices=ReportState.choices(), default=ReportState.RECEIVED.value)
    filename = models.CharField(max_length=200, blank=True)
    mediatype = models.CharField(max_length=64, blank=True)
    octets = models.BinaryField()
    """As received: a file or recording, or the calls of the form as JSON."""
    size = models.PositiveIntegerField()
    sha256 = models.CharField(max_length=64)
    facts = models.JSONField(default=dict)
    """Of a recording: the call that it is of."""
    note = models.TextField(blank=True)
    idempotency_key = models.CharField(max_length=128, blank=True)
    stored = models.PositiveIntegerField(default=0)
    duplicates = models.PositiveIntegerField(default=0)
    refused = models.PositiveIntegerField(default=0)
    reasons = models.JSONField(default=dict)
    """Why rows were refused -> how many."""
    problem = models.TextField(blank=True)
    settled_at = models.DateTimeField(null=True)
    trace = models.CharField(max_length=12, choices=TraceRequest.choices(), default=TraceRequest.NONE.value, blank=True)
    trace_asked_by = models.CharField(max_length=200, blank=True)
    trace_asked_at = models.DateTimeField(null=True)
    trace_reason = models.TextField(blank=True)
    trace_decided_by = models.CharField(max_length=200, blank=True)
    trace_decided_at = models.DateTimeField(null=True)
    trace_answer = models.TextField(blank=True)
    trace_records = models.JSONField(default=list)
    """Records that are being opened."""
    tracebacks = models.JSONField(default=list)
    """Tracebacks that came of it."""

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["agency", "idempotency_key"], condition=~models.Q(idempotency_key=""), name="one_report_a_key"
            )
        ]


class ReportedCall(models.Model):
    """One call of a report as the call store knows it."""

    report = models.ForeignKey(AgencyReport, on_delete=models.PROTECT, related_name="calls")
    record_id = models.UUIDField(db_index=True)
    call_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["report", "record_id"], name="a_call_once_a_report")]

"""What is kept of tracebacks: events are the truth, traceback and hop rows are their projection."""

from functools import partial

from django.db import models

from headwater.campaigns.models import Campaign
from headwater.identifiers import new_id
from headwater.providers.models import Provider
from headwater.wire.agents import AnswerCode


class TracebackState(models.TextChoices):
    """Where a traceback stands (domain reference, section 9)."""

    SUBMITTED = "submitted", "Submitted"
    IN_PROGRESS = "in_progress", "In progress"
    COMPLETED_ORIGINATING = "completed_originating", "Completed: originating provider found"
    ENDED_FOREIGN = "ended_foreign", "Ended at a foreign provider"
    ENDED_NON_RESPONSIVE = "ended_non_responsive", "Ended: no response"
    ENDED_RECORD_NOT_FOUND = "ended_record_not_found", "Ended: no record found"
    ENDED_DISPUTED = "ended_disputed", "Ended: disputed"
    CANCELLED = "cancelled", "Cancelled"


class Grade(models.TextChoices):
    """What the outcome says; the wording on screen and in evidence follows it."""

    NONE = "", "No outcome yet"
    ORIGIN_CONFIRMED = "origin_confirmed", "Origin confirmed"
    ENTRY_CONFIRMED = "entry_confirmed", "Point of entry confirmed"
    FRONTIER = "frontier", "Frontier"


class HopState(models.TextChoices):
    """Where one hop stands."""

    NOTIFIED = "notified", "Notified"
    VIEWED = "viewed", "Viewed"
    ANSWERED = "answered", "Answered"
    NEEDS_INFO = "needs_info", "Needs information"
    DISPUTED = "disputed", "Disputed"
    OVERDUE = "overdue", "Overdue"
    ANSWERED_LATE = "answered_late", "Answered late"
    NON_RESPONSIVE = "non_responsive", "Non-responsive"


class HopRole(models.TextChoices):
    """A provider's part in THIS call."""

    UNKNOWN = "", "Not known yet"
    TERMINATING = "terminating", "Terminating"
    INTERMEDIATE = "intermediate", "Intermediate"
    GATEWAY = "gateway", "Gateway (U.S. point of entry)"
    ORIGINATING = "originating", "Originating"


class Traceback(models.Model):
    """One call being traced from the terminating provider upstream."""

    id = models.CharField(primary_key=True, max_length=16, default=partial(new_id, "TB"), editable=False)
    campaign = models.ForeignKey(Campaign, on_delete=models.PROTECT, null=True, related_name="tracebacks")
    record_id = models.UUIDField(db_index=True)
    calling = models.CharField(max_length=18)
    called = models.CharField(max_length=18)
    """Masked at every door; opened to ask a carrier, and under an accepted process."""
    call_at = models.DateTimeField()
    terminating_provider = models.ForeignKey(Provider, on_delete=models.PROTECT, related_name="+")
    state = models.CharField(max_length=24, choices=TracebackState, default=TracebackState.SUBMITTED)
    grade = models.CharField(max_length=20, choices=Grade, default=Grade.NONE, blank=True)
    origin = models.ForeignKey(Provider, on_delete=models.PROTECT, null=True, related_name="+")
    """Set only with the grade *origin confirmed*."""
    outcome = models.TextField(blank=True)
    """The sentence that the grade allows."""
    opened_by = models.CharField(max_length=200)
    opened_at = models.DateTimeField(db_index=True)
    closed_at = models.DateTimeField(null=True)
    engine_version = models.CharField(max_length=32)


class TracebackEvent(models.Model):
    """One event that the engine took, in order; folding them gives the traceback again."""

    traceback = models.ForeignKey(Traceback, on_delete=models.PROTECT, related_name="events")
    sequence = models.PositiveIntegerField()
    at = models.DateTimeField()
    event = models.JSONField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["traceback", "sequence"], name="one_event_a_step")]


class Hop(models.Model):
    """One provider asked about the call. The identifier is that of its question."""

    id = models.CharField(primary_key=True, max_length=16, default=partial(new_id, "Q"), editable=False)
    traceback = models.ForeignKey(Traceback, on_delete=models.PROTECT, related_name="hops")
    index = models.PositiveSmallIntegerField()
    """1 at the terminating provider, growing upstream."""
    provider = models.ForeignKey(Provider, on_delete=models.PROTECT, related_name="hops")
    role = models.CharField(max_length=12, choices=HopRole, default=HopRole.UNKNOWN, blank=True)
    state = models.CharField(max_length=16, choices=HopState, default=HopState.NOTIFIED)
    question = models.JSONField()
    """The wire Question as it was asked."""
    asked_at = models.DateTimeField()
    viewed_at = models.DateTimeField(null=True)
    answered_at = models.DateTimeField(null=True)
    legal_due_at = models.DateTimeField()
    platform_due_at = models.DateTimeField()
    answer_code = models.CharField(max_length=24, blank=True, choices=[(c.value, c.value) for c in AnswerCode])
    upstream = models.ForeignKey(Provider, on_delete=models.PROTECT, null=True, related_name="+")
    upstream_named = models.JSONField(default=dict)
    """The upstream as the answer named it, also where it is in no register."""
    basis = models.JSONField(default=list)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["traceback", "index", "provider"], name="one_question_a_hop")]


class Answer(models.Model):
    """One answer as it came in: never overwritten, a correction is a new version."""

    id = models.CharField(primary_key=True, max_length=16, default=partial(new_id, "RC"), editable=False)
    """Also the receipt's number."""
    hop = models.ForeignKey(Hop, on_delete=models.PROTECT, related_name="answers")
    version = models.PositiveSmallIntegerField()
    code = models.CharField(max_length=24, choices=[(c.value, c.value) for c in AnswerCode])
    payload = models.JSONField()
    octets = models.BinaryField()
    """As received: a JWS from an agent, a form from a person."""
    octets_sha256 = models.CharField(max_length=64)
    key_id = models.CharField(max_length=64, blank=True)
    """Which registered key signed it; "" where a person answered."""
    answered_by = models.CharField(max_length=200)
    received_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["hop", "version"], name="one_answer_a_version"),
            models.UniqueConstraint(fields=["hop", "octets_sha256"], name="a_retry_is_the_same_answer"),
        ]

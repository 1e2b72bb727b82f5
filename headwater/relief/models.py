"""What is kept of relief: notices with what providers reported, measures against a campaign, block entries."""

from functools import partial

from django.db import models

from headwater.campaigns.models import Campaign
from headwater.identifiers import new_id
from headwater.providers.models import Provider
from headwater.relief.states import MeasureKind, NoticeKind, NoticeState, ReportedAction


class Notice(models.Model):
    """One letter to one provider about one campaign, as it was sent: never changed."""

    id = models.CharField(primary_key=True, max_length=16, default=partial(new_id, "RN"), editable=False)
    campaign = models.ForeignKey(Campaign, on_delete=models.PROTECT, related_name="notices")
    provider = models.ForeignKey(Provider, on_delete=models.PROTECT, related_name="notices")
    kind = models.CharField(max_length=20, choices=NoticeKind.choices())
    state = models.CharField(max_length=14, choices=NoticeState.choices(), default=NoticeState.SENT.value)
    letter = models.TextField()
    letter_sha256 = models.CharField(max_length=64)
    traceback_ids = models.JSONField(default=list)
    """Tracebacks of this campaign in which the provider is a hop: what the letter rests on."""
    sent_at = models.DateTimeField()
    sent_by = models.CharField(max_length=200)
    mitigation_due_at = models.DateTimeField()
    report_due_at = models.DateTimeField()
    seen_at = models.DateTimeField(null=True)
    """When somebody of the provider opened it, signed in: the proof of delivery."""
    seen_by = models.CharField(max_length=200, blank=True)
    acknowledged_at = models.DateTimeField(null=True)
    acknowledged_by = models.CharField(max_length=200, blank=True)

    class Meta:
        indexes = [models.Index(fields=["provider", "-sent_at"], name="notice_by_provider")]


class NoticeReport(models.Model):
    """What a provider says that it did on a notice; a correction is a new version."""

    notice = models.ForeignKey(Notice, on_delete=models.PROTECT, related_name="reports")
    version = models.PositiveSmallIntegerField()
    action = models.CharField(max_length=20, choices=ReportedAction.choices())
    acted_at = models.DateTimeField()
    note = models.TextField(blank=True)
    reported_at = models.DateTimeField()
    reported_by = models.CharField(max_length=200)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["notice", "version"], name="one_report_a_version")]


class Measure(models.Model):
    """Something that may stop a campaign's calls, from a time on: what before and after are compared at."""

    campaign = models.ForeignKey(Campaign, on_delete=models.PROTECT, related_name="measures")
    kind = models.CharField(max_length=16, choices=MeasureKind.choices())
    at = models.DateTimeField()
    what = models.CharField(max_length=400)
    notice = models.ForeignKey(Notice, on_delete=models.PROTECT, null=True, related_name="measures")
    entered_at = models.DateTimeField()
    entered_by = models.CharField(max_length=200)

    class Meta:
        indexes = [models.Index(fields=["campaign", "at"], name="measure_by_time")]


class BlockEntry(models.Model):
    """One calling number that carriers and apps are advised to block, until a day."""

    number = models.CharField(max_length=18)
    campaign = models.ForeignKey(Campaign, on_delete=models.PROTECT, related_name="block_entries")
    reason = models.CharField(max_length=400)
    calls = models.PositiveIntegerField()
    """Reported calls of the campaign from this number when it was entered."""
    valid_from = models.DateTimeField()
    valid_to = models.DateTimeField()
    entered_by = models.CharField(max_length=200)
    withdrawn_at = models.DateTimeField(null=True)
    withdrawn_by = models.CharField(max_length=200, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["number", "campaign"],
                condition=models.Q(withdrawn_at__isnull=True),
                name="one_block_a_number_and_campaign",
            )
        ]

"""What is kept of relief: notices with what providers reported, measures against a campaign, block entries."""

from functools import partial

from django.db import models

from headwater.campaigns.models import Campaign
from headwater.evidence.models import Package
from headwater.identifiers import new_id
from headwater.providers.models import Provider
from headwater.relief.states import (
    AppealState,
    BlockReason,
    DeliveryWay,
    ListKind,
    MeasureKind,
    NoticeKind,
    NoticeState,
    Removal,
    ReportedAction,
)


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


class NoticeDelivery(models.Model):
    """One delivery of a notice outside Headwater, with what proves it, as a person typed it in."""

    notice = models.ForeignKey(Notice, on_delete=models.PROTECT, related_name="deliveries")
    way = models.CharField(max_length=20, choices=DeliveryWay.choices())
    at = models.DateTimeField()
    proof = models.CharField(max_length=400)
    """Number of the registered letter, name of the process server, what else proves it."""
    entered_at = models.DateTimeField()
    entered_by = models.CharField(max_length=200)


class NoticeDocument(models.Model):
    """A document that is served with a notice, as received: a court's order."""

    notice = models.ForeignKey(Notice, on_delete=models.PROTECT, related_name="documents")
    filename = models.CharField(max_length=200)
    octets = models.BinaryField()
    size = models.PositiveIntegerField()
    sha256 = models.CharField(max_length=64)


class BlockEntry(models.Model):
    """One number on a list that carriers and apps are advised to follow, until a day."""

    reference = models.CharField(max_length=16, unique=True, default=partial(new_id, "BE"), editable=False)
    """How the published feed, an appeal and a letter name it."""
    number = models.CharField(max_length=18)
    listed = models.CharField(max_length=20, choices=ListKind.choices(), default=ListKind.BLOCK.value)
    reason_class = models.CharField(
        max_length=20, choices=BlockReason.choices(), default=BlockReason.CAMPAIGN_CALLS.value
    )
    campaign = models.ForeignKey(Campaign, on_delete=models.PROTECT, null=True, related_name="block_entries")
    """The campaign whose calls showed the number; none of a do-not-originate entry."""
    reason = models.CharField(max_length=400)
    evidence = models.CharField(max_length=200, blank=True)
    """What the entry rests on, as the feed says it: the campaign's number, an order, a holder's letter."""
    calls = models.PositiveIntegerField(default=0)
    """Reported calls of the campaign from this number when it was entered."""
    valid_from = models.DateTimeField()
    valid_to = models.DateTimeField()
    entered_by = models.CharField(max_length=200)
    withdrawn_at = models.DateTimeField(null=True)
    withdrawn_by = models.CharField(max_length=200, blank=True)
    removal = models.CharField(max_length=16, choices=Removal.choices(), blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["number", "campaign"],
                condition=models.Q(withdrawn_at__isnull=True),
                name="one_block_a_number_and_campaign",
            ),
            models.UniqueConstraint(
                fields=["number", "reason_class"],
                condition=models.Q(withdrawn_at__isnull=True, campaign__isnull=True),
                name="one_entry_a_number_and_reason",
            ),
        ]


class BlockAppeal(models.Model):
    """What somebody says against an entry, and what was decided."""

    id = models.CharField(primary_key=True, max_length=16, default=partial(new_id, "BA"), editable=False)
    entry = models.ForeignKey(BlockEntry, on_delete=models.PROTECT, related_name="appeals")
    provider = models.ForeignKey(Provider, on_delete=models.PROTECT, null=True, related_name="appeals")
    """The provider whose people appeal in the carrier pages; none where the desk typed it in for somebody."""
    appellant = models.CharField(max_length=200)
    contact = models.CharField(max_length=200)
    text = models.TextField()
    received_at = models.DateTimeField()
    entered_by = models.CharField(max_length=200)
    state = models.CharField(max_length=8, choices=AppealState.choices(), default=AppealState.OPEN.value)
    decided_at = models.DateTimeField(null=True)
    decided_by = models.CharField(max_length=200, blank=True)
    decision = models.TextField(blank=True)


class FeedVersion(models.Model):
    """One version of the published feed, as signed: what is served is what stands here, octet by octet."""

    version = models.PositiveIntegerField(primary_key=True)
    published_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    entries = models.PositiveIntegerField()
    head = models.TextField()
    """Compact JWS over the version, its times and the hashes of its files."""
    snapshot = models.BinaryField()
    """JSON lines; empty once a newer version is out: a client then has the newer one, or the deltas."""
    snapshot_signature = models.CharField(max_length=88)
    table = models.BinaryField()
    """The same entries as CSV; empty once a newer version is out."""
    table_signature = models.CharField(max_length=88)
    delta = models.BinaryField()
    """JSON lines: what changed since the version before."""
    delta_signature = models.CharField(max_length=88)
    public_key = models.CharField(max_length=64)
    """The 32 octets of the Ed25519 key that signed it, in hexadecimal."""


class PackageAddendum(models.Model):
    """A signed statement on a sealed package's campaign, made after the sealing; empty until the worker signed it."""

    id = models.CharField(primary_key=True, max_length=16, default=partial(new_id, "AD"), editable=False)
    package = models.ForeignKey(Package, on_delete=models.PROTECT, related_name="addenda")
    number = models.PositiveSmallIntegerField()
    asked_at = models.DateTimeField()
    asked_by = models.CharField(max_length=200)
    made_at = models.DateTimeField(null=True)
    octets = models.BinaryField(default=b"")
    sha256 = models.CharField(max_length=64, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["package", "number"], name="one_addendum_a_number")]

"""What is kept of campaigns: the campaign, its members with their reasons, its exemplars, its states."""

from functools import partial

from django.db import models

from headwater.accounts.models import choices
from headwater.campaigns.states import CampaignState, NameStatus
from headwater.identifiers import new_id


class Campaign(models.Model):
    """Calls that belong together. The identifier never changes, whatever the name becomes."""

    id = models.CharField(primary_key=True, max_length=16, default=partial(new_id, "C"), editable=False)
    name = models.CharField(max_length=120)
    name_status = models.CharField(max_length=8, choices=choices(NameStatus), default=NameStatus.PROPOSED)
    name_is_new = models.BooleanField(default=True)
    """True where no campaign of the reference is near enough: an explicit "new"."""
    name_basis = models.JSONField(default=dict)
    """Nearest reference exemplar, cosine, rule version: why this name."""
    family = models.CharField(max_length=48, blank=True)
    state = models.CharField(max_length=10, choices=choices(CampaignState), default=CampaignState.SUSPECTED)
    first_call_at = models.DateTimeField()
    last_call_at = models.DateTimeField(db_index=True)
    detected_at = models.DateTimeField()
    confirmed_at = models.DateTimeField(null=True)
    calls = models.PositiveBigIntegerField(default=0)
    states_hit = models.JSONField(default=dict)
    """Two-letter state of the called number's area -> calls; "" counts calls to an unknown area."""
    rule_version = models.CharField(max_length=32)

    class Meta:
        constraints = [
            # A script seen once or twice may be called as another; a campaign's name is its own.
            models.UniqueConstraint(
                fields=["name"],
                condition=models.Q(confirmed_at__isnull=False) | models.Q(name_status=NameStatus.ACCEPTED),
                name="one_name_a_campaign",
            )
        ]
        indexes = [models.Index(fields=["state", "last_call_at"], name="campaign_by_state")]

    def __str__(self) -> str:
        return self.name


class CampaignMember(models.Model):
    """One call's membership, with what made it: replayable to the same answer."""

    record_id = models.UUIDField(primary_key=True)
    """The call record in the call store."""
    campaign = models.ForeignKey(Campaign, on_delete=models.PROTECT, related_name="members")
    call_at = models.DateTimeField()
    joined_at = models.DateTimeField()
    source_id = models.CharField(max_length=64)
    calling = models.CharField(max_length=18)
    called_masked = models.CharField(max_length=24)
    """The called number with its area alone readable; the number itself is only in the call store."""
    called_state = models.CharField(max_length=2, blank=True)
    terminating_spc = models.CharField(max_length=16, blank=True)
    score = models.FloatField()
    """Cosine to the nearest exemplar; 1.0 for the call that founded the campaign."""
    nearest_record_id = models.UUIDField(null=True)
    rule_version = models.CharField(max_length=32)
    reasons = models.JSONField(default=dict)

    class Meta:
        indexes = [models.Index(fields=["campaign", "-call_at"], name="member_by_time")]


class CampaignExemplar(models.Model):
    """A member's text that new calls are compared with (at most K a campaign)."""

    record_id = models.UUIDField(primary_key=True)
    campaign = models.ForeignKey(Campaign, on_delete=models.PROTECT, related_name="exemplars")
    text = models.TextField()
    added_at = models.DateTimeField()
    added = models.PositiveBigIntegerField(unique=True)
    """The detector's clock (calls placed) when it was taken; the order in which it is compared."""
    used = models.PositiveBigIntegerField()
    """The clock when it was last the nearest of a call."""
    retired = models.PositiveBigIntegerField(null=True)
    """The clock when it gave way to another; ``None`` while calls are compared with it."""


class CampaignStateChange(models.Model):
    """One change of state, with when and why."""

    campaign = models.ForeignKey(Campaign, on_delete=models.PROTECT, related_name="state_changes")
    from_state = models.CharField(max_length=10, blank=True)
    to_state = models.CharField(max_length=10, choices=choices(CampaignState))
    at = models.DateTimeField()
    evidence = models.JSONField(default=dict)


class DetectorCheckpoint(models.Model):
    """How far the detector has read the call store, and its clock: one row, ``id`` 1."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    received_at = models.DateTimeField()
    """When the newest record that was taken had been received."""
    clock = models.PositiveBigIntegerField(default=0)
    """Steps taken so far: one for each call placed and each campaign given up."""
    epoch = models.PositiveBigIntegerField(default=0)
    """The clock when the word weights were last renewed."""
    placed = models.PositiveBigIntegerField(default=0)
    """Calls that joined or founded a campaign."""
    without_text = models.PositiveBigIntegerField(default=0)
    """Reports without a transcript: not grouped by text."""
    too_short = models.PositiveBigIntegerField(default=0)
    """Reports with fewer words than can be compared."""


class SetAsideCall(models.Model):
    """A report that could not be placed by an error of Headwater's: passed over, so that it stops no other."""

    record_id = models.UUIDField(primary_key=True)
    at = models.DateTimeField()
    error = models.CharField(max_length=500)

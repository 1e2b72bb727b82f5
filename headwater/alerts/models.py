"""What agencies were told, about which campaign, and when; what they asked to be told, and what was sent for it."""

from functools import partial

from django.db import models

from headwater.accounts.models import Organisation
from headwater.alerts.values import Cadence, Why
from headwater.campaigns.models import Campaign
from headwater.identifiers import new_id


class Alert(models.Model):
    """One campaign told to one agency because it rings in its state."""

    id = models.CharField(primary_key=True, max_length=16, default=partial(new_id, "AL"), editable=False)
    campaign = models.ForeignKey(Campaign, on_delete=models.PROTECT, related_name="alerts")
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="alerts")
    state = models.CharField(max_length=2, blank=True)
    created_at = models.DateTimeField(db_index=True)
    first_read_at = models.DateTimeField(null=True)
    facts = models.JSONField(default=dict)
    """What was known when the alert went out: calls, states hit, sample calls, likely origin, reasons."""

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["campaign", "organisation"], name="one_alert_a_campaign_and_agency")
        ]


class AlertVersion(models.Model):
    """What was known at one moment that mattered; never changed. Number 1 is the alert as it went out."""

    alert = models.ForeignKey(Alert, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    why = models.CharField(max_length=12, choices=Why.choices())
    made_at = models.DateTimeField()
    facts = models.JSONField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["alert", "number"], name="one_version_of_an_alert")]


class Subscription(models.Model):
    """What one agency wants to be written about, and how often. Alerts reach the portal without any."""

    id = models.CharField(primary_key=True, max_length=16, default=partial(new_id, "SU"), editable=False)
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="alert_subscriptions")
    name = models.CharField(max_length=80)
    states = models.JSONField(default=list)
    """Two-letter states; empty for each that the agency may be told of."""
    families = models.JSONField(default=list)
    """Families of campaigns; empty for all."""
    calls_an_hour = models.PositiveIntegerField(default=0)
    """Told from this many calls in the last hour on, at the vantage point that sees most; 0 for any."""
    cadence = models.CharField(max_length=10, choices=Cadence.choices(), default=Cadence.AT_ONCE.value)
    email = models.EmailField(blank=True)
    """Where mails go; empty for none."""
    webhook = models.BooleanField(default=True)
    """Whether the agency's endpoints are told too."""
    created_at = models.DateTimeField()
    created_by = models.CharField(max_length=200)
    paused_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    """Unsubscribed: by a person of the agency, or by the link of a mail."""
    ended_by = models.CharField(max_length=200, blank=True)
    gathered_at = models.DateTimeField()
    """Until when its digests have gathered."""


class Sending(models.Model):
    """One version of an alert sent for one subscription: what makes that nothing goes out twice."""

    subscription = models.ForeignKey(Subscription, on_delete=models.PROTECT, related_name="sendings")
    version = models.ForeignKey(AlertVersion, on_delete=models.PROTECT, related_name="sendings")
    at = models.DateTimeField()
    message_id = models.CharField(max_length=64, blank=True)
    """The mail in the outbox, alone or a digest with others; empty where no mail was asked for."""
    digest = models.BooleanField(default=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["subscription", "version"], name="sent_once")]
        indexes = [models.Index(fields=["subscription", "at"], name="sending_by_time")]


class FeedObject(models.Model):
    """One version of one STIX object in an agency's TAXII collection, in the order in which it was added."""

    id = models.BigAutoField(primary_key=True)
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="+")
    stix_id = models.CharField(max_length=120)
    kind = models.CharField(max_length=40)
    version = models.CharField(max_length=32)
    """``modified`` (or ``created``) as STIX writes it."""
    added_at = models.DateTimeField()
    """Later than that of every object added to the collection before: a client that asks from there misses none."""
    body = models.JSONField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organisation", "stix_id", "version"], name="one_version_of_an_object"),
            models.UniqueConstraint(fields=["organisation", "added_at"], name="one_object_a_moment"),
        ]

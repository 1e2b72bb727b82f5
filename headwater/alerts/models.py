"""What agencies were told, about which campaign, and when."""

from functools import partial

from django.db import models

from headwater.accounts.models import Organisation
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
    """What was known when the alert went out: calls, states hit, sample transcript, reasons."""

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["campaign", "organisation"], name="one_alert_a_campaign_and_agency")
        ]

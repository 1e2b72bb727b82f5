"""What is kept of what was published: one row a week."""

from django.db import models


class PublishedWeek(models.Model):
    """The totals of one week as the public reads them. Counted again until the week is closed, then never changed."""

    monday = models.DateField(primary_key=True)
    """First day of the week, UTC."""
    totals = models.JSONField()
    """``rules.totals``."""
    made_at = models.DateTimeField()
    closed = models.BooleanField(default=False)
    rule_version = models.CharField(max_length=32)

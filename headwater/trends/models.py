"""What is kept of trends: the roll-up of campaigns' calls, which the database itself keeps, and forecasts as made."""

from django.db import models

from headwater.labels import Labelled


class Cut(Labelled):
    """What a series is of."""

    ALL = "all", "Every campaign"
    FAMILY = "family", "Family"
    STATE = "state", "State of the called number's area"
    CAMPAIGN = "campaign", "Campaign"
    CAMPAIGN_STATE = "campaign_state", "Campaign in one state"


class TrendHour(models.Model):
    """Calls of one thing within one hour at one vantage point.

    A trigger on the members of campaigns (migration 0002) keeps it as they are written, moved by a merge or a split,
    or deleted: whoever writes members cannot forget it, and no page ever counts members. Families are sums over their
    campaigns, since a campaign's family may change.
    """

    cut = models.CharField(max_length=16, choices=Cut.choices())
    campaign_id = models.CharField(max_length=16, blank=True)
    """Empty where the cut is of no one campaign."""
    state = models.CharField(max_length=2, blank=True)
    hour = models.DateTimeField()
    vantage = models.CharField(max_length=16)
    calls = models.BigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["cut", "campaign_id", "state", "hour", "vantage"], name="one_count_of_a_trend"
            )
        ]


class Forecast(models.Model):
    """What was expected of one day, as it was said before the day began; scored when the day is over."""

    cut = models.CharField(max_length=16, choices=Cut.choices())
    key = models.CharField(max_length=48, blank=True)
    """Campaign, family or state; "" for every campaign."""
    vantage = models.CharField(max_length=16)
    day = models.DateField()
    horizon = models.PositiveSmallIntegerField()
    """Days after the last whole day that was known."""
    made_at = models.DateTimeField()
    expected = models.FloatField()
    low = models.BigIntegerField()
    high = models.BigIntegerField()
    naive = models.BigIntegerField()
    days = models.PositiveSmallIntegerField()
    """Whole days it was made from."""
    model = models.CharField(max_length=16)
    came = models.BigIntegerField(null=True)
    """Calls that were counted of the day; late reports after ``scored_at`` change it no more."""
    scored_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["cut", "key", "vantage", "day", "horizon"], name="one_forecast_of_a_day")
        ]
        indexes = [models.Index(fields=["day"], condition=models.Q(came__isnull=True), name="forecast_to_score")]

"""Where Headwater is with each source that it asks, and what each pull came to."""

from functools import partial

from django.db import models

from headwater.identifiers import new_id


class Connector(models.Model):
    """How one source stands. What is to be asked and how is the operator's file, not here."""

    name = models.CharField(primary_key=True, max_length=48, editable=False)
    cursor = models.JSONField(default=dict)
    """Where the next pull goes on. Moved in the transaction after the page before it was acknowledged by the door."""
    next_at = models.DateTimeField(null=True)
    """When it is asked again; null where it never was."""
    failures = models.IntegerField(default=0)
    """Pulls that failed one after the other, up to now."""
    last_success_at = models.DateTimeField(null=True)
    last_error = models.TextField(blank=True)
    stored = models.BigIntegerField(default=0)
    duplicates = models.BigIntegerField(default=0)
    refused = models.BigIntegerField(default=0)


class Pull(models.Model):
    """One pull: what was asked for and what became of it."""

    id = models.CharField(primary_key=True, max_length=16, default=partial(new_id, "PL"), editable=False)
    connector = models.ForeignKey(Connector, on_delete=models.PROTECT, related_name="pulls")
    started_at = models.DateTimeField(db_index=True)
    ended_at = models.DateTimeField()
    outcome = models.CharField(max_length=16)
    """``done``, ``unchanged``, ``later`` (the source asked us to wait) or ``failed``."""
    pages = models.IntegerField(default=0)
    read = models.IntegerField(default=0)
    stored = models.IntegerField(default=0)
    duplicates = models.IntegerField(default=0)
    refused = models.IntegerField(default=0)
    error = models.TextField(blank=True)

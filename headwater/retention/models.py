"""Legal holds: what must not be deleted, for whom and until when."""

from functools import partial

from django.db import models

from headwater.identifiers import new_id


class LegalHold(models.Model):
    """One hold. It is never deleted; a release closes it."""

    id = models.CharField(primary_key=True, max_length=16, default=partial(new_id, "LH"), editable=False)
    kind = models.CharField(max_length=16)
    """``campaign``, ``case``, ``process``, ``records`` or ``source``."""
    subject = models.CharField(max_length=64)
    """Campaign, case, process or source that is held; "" for records by name."""
    start = models.DateTimeField(null=True)
    end = models.DateTimeField(null=True)
    """Of a source or process: the times of call from ``start`` up to and without ``end``; open of some."""
    reach = models.JSONField(default=dict)
    """Of a process: its ``campaigns``, ``tracebacks`` and calling ``numbers``."""
    record_ids = models.JSONField(default=list)
    """The records, as text. Of a campaign or process the worker brings them up to date."""
    refreshed_at = models.DateTimeField()
    """When ``record_ids`` was last made complete."""
    reason = models.TextField()
    set_by = models.CharField(max_length=200)
    set_at = models.DateTimeField()
    released_by = models.CharField(max_length=200, blank=True)
    released_at = models.DateTimeField(null=True)
    release_reason = models.TextField(blank=True)

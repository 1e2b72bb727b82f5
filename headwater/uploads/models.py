"""What is kept of each upload: whose it is, how it is read, and what became of its rows. The file lies on disk."""

from functools import partial

from django.db import models

from headwater.accounts.models import Organisation
from headwater.identifiers import new_id
from headwater.uploads.states import UploadState


class Upload(models.Model):
    """One file that a carrier's person brought."""

    id = models.CharField(primary_key=True, max_length=16, default=partial(new_id, "UP"), editable=False)
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="+", editable=False)
    uploaded_by = models.CharField(max_length=200, editable=False)
    uploaded_at = models.DateTimeField(db_index=True, editable=False)
    name = models.CharField(max_length=120, editable=False)
    """The file's own, cleaned; the file on disk is never called by it."""
    size = models.BigIntegerField(editable=False)
    sha256 = models.CharField(max_length=64, editable=False)
    state = models.CharField(max_length=16, default=UploadState.UPLOADED, db_index=True)
    mapping = models.JSONField(null=True)
    """The mapping that the rows are read by, once it is confirmed; null for a packet capture."""
    format = models.CharField(max_length=48, blank=True)
    zone = models.CharField(max_length=64, blank=True)
    explained = models.TextField(blank=True)
    octets_read = models.BigIntegerField(default=0)
    rows = models.BigIntegerField(default=0)
    stored = models.BigIntegerField(default=0)
    duplicates = models.BigIntegerField(default=0)
    passed = models.BigIntegerField(default=0)
    refused = models.BigIntegerField(default=0)
    reasons = models.JSONField(default=dict)
    problem = models.TextField(blank=True)
    settled_at = models.DateTimeField(null=True)

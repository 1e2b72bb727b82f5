"""What is kept of the audit: its entries, each chained to the one before, and the head of the chain.

Rows come in only through the SQL function ``audit_append`` (migration 0002). Triggers refuse any change.
"""

from django.db import models

from headwater.audit.verify import GENESIS


class AuditEntry(models.Model):
    """One thing that somebody did or saw. The columns repeat ``entry`` so that it can be searched."""

    seq = models.BigIntegerField(primary_key=True)
    at = models.DateTimeField(db_index=True)
    actor = models.CharField(max_length=200, db_index=True)
    organisation = models.CharField(max_length=16, blank=True)
    tag = models.CharField(max_length=64, db_index=True)
    subject = models.CharField(max_length=200, blank=True, db_index=True)
    detail = models.JSONField(default=dict)
    entry = models.TextField()
    """Canonical JSON, exactly the octets that the hash covers."""
    prev_hash = models.CharField(max_length=64)
    hash = models.CharField(max_length=64)
    """SHA-256 (hex) of the previous hash's octets, the sequence number (int8, big-endian) and ``entry``."""

    class Meta:
        db_table = "audit_entry"
        indexes = [models.Index(fields=["organisation", "seq"], name="audit_by_organisation")]


class AuditHead(models.Model):
    """The last entry's number and hash: one row, ``id`` 1, locked by whoever appends."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    seq = models.BigIntegerField(default=0)
    hash = models.CharField(max_length=64, default=GENESIS)

    class Meta:
        db_table = "audit_head"

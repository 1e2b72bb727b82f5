"""What is kept of conduct: flags as they were raised, with their evidence; disputes; what was published."""

from functools import partial

from django.db import models

from headwater.conduct.states import ConductFlagKind, DisputeState
from headwater.identifiers import new_id
from headwater.providers.models import Provider
from headwater.tracebacks.models import Hop


class ConductFlag(models.Model):
    """One flag from one assessment until a later one said otherwise; never changed but for its end."""

    id = models.CharField(primary_key=True, max_length=16, default=partial(new_id, "CF"), editable=False)
    provider = models.ForeignKey(Provider, on_delete=models.PROTECT, related_name="conduct_flags")
    kind = models.CharField(max_length=24, choices=ConductFlagKind.choices())
    statement = models.TextField()
    part = models.PositiveIntegerField()
    whole = models.PositiveIntegerField()
    whole_words = models.CharField(max_length=80)
    disputed = models.PositiveIntegerField(default=0)
    evidence = models.JSONField()
    """Every passage that was assessed, as it was then: from them alone the flag is replayed."""
    evidence_ids = models.JSONField(default=list)
    """Questions of the passages that raise it."""
    disputed_ids = models.JSONField(default=list)
    rule_version = models.CharField(max_length=32)
    raised_at = models.DateTimeField()
    """The moment of the assessment: the ``now`` of a replay."""
    ended_at = models.DateTimeField(null=True)
    ended_because = models.CharField(max_length=200, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["provider", "kind"], condition=models.Q(ended_at=None), name="one_standing_flag_a_kind"
            )
        ]
        indexes = [models.Index(fields=["provider", "-raised_at"], name="conduct_flag_by_provider")]


class RecordDispute(models.Model):
    """A provider's dispute of one traced call on its record, and what the desk decided."""

    id = models.CharField(primary_key=True, max_length=16, default=partial(new_id, "CD"), editable=False)
    provider = models.ForeignKey(Provider, on_delete=models.PROTECT, related_name="record_disputes")
    hop = models.ForeignKey(Hop, on_delete=models.PROTECT, related_name="record_disputes")
    """The question that the passage rests on."""
    state = models.CharField(max_length=20, choices=DisputeState.choices(), default=DisputeState.OPEN.value)
    statement = models.TextField()
    opened_at = models.DateTimeField()
    opened_by = models.CharField(max_length=200)
    decision = models.TextField(blank=True)
    decided_at = models.DateTimeField(null=True)
    decided_by = models.CharField(max_length=200, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["hop"], condition=models.Q(state=DisputeState.OPEN.value), name="one_open_dispute_a_question"
            )
        ]


class Publication(models.Model):
    """One issue of the public list, as it was published: signed octets, never changed."""

    id = models.CharField(primary_key=True, max_length=16, default=partial(new_id, "PL"), editable=False)
    week = models.CharField(max_length=8, unique=True)
    """ISO week such as ``2026-W47``."""
    made_at = models.DateTimeField()
    made_by = models.CharField(max_length=200)
    document = models.BinaryField()
    """Canonical JSON (RFC 8785)."""
    document_sha256 = models.CharField(max_length=64)
    table = models.BinaryField()
    """The same traced calls as CSV."""
    signature = models.TextField()
    """Compact JWS (RFC 7515, Ed25519) whose payload is the document."""
    key_id = models.CharField(max_length=64)
    public_jwk = models.JSONField()
    """The key that checks the signature, as it was then."""
    tracebacks = models.PositiveIntegerField()
    providers = models.PositiveIntegerField()

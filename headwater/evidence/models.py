"""Sealed packages: where the file is, its hash, who signed it, and the facts it states."""

from functools import partial

from django.db import models

from headwater.evidence.states import STATE_WORDS, PackageState
from headwater.identifiers import new_id
from headwater.legal.models import LegalProcess

_STATES = [(state.value, words) for state, words in STATE_WORDS.items()]


class Package(models.Model):
    """One evidence package produced under one process."""

    id = models.CharField(primary_key=True, max_length=16, default=partial(new_id, "EP"), editable=False)
    process = models.ForeignKey(LegalProcess, on_delete=models.PROTECT, related_name="packages")
    state = models.CharField(max_length=8, choices=_STATES, default=PackageState.SEALING.value)
    filename = models.CharField(max_length=120, blank=True)
    """Name under the packages folder of the data directory."""
    sha256 = models.CharField(max_length=64, blank=True)
    size = models.PositiveBigIntegerField(default=0)
    manifest_sha256 = models.CharField(max_length=64, blank=True)
    key_id = models.CharField(max_length=64, blank=True)
    requested_at = models.DateTimeField()
    sealed_at = models.DateTimeField(null=True)
    facts = models.JSONField(default=dict)
    failure = models.TextField(blank=True)


class PublicVersion(models.Model):
    """One public version of a sealed package, with a digest of its own; empty until the worker made it."""

    id = models.CharField(primary_key=True, max_length=16, default=partial(new_id, "PV"), editable=False)
    package = models.ForeignKey(Package, on_delete=models.PROTECT, related_name="public_versions")
    asked_at = models.DateTimeField()
    asked_by = models.CharField(max_length=200)
    made_at = models.DateTimeField(null=True)
    filename = models.CharField(max_length=120, blank=True)
    sha256 = models.CharField(max_length=64, blank=True)
    size = models.PositiveBigIntegerField(default=0)
    kept = models.PositiveIntegerField(default=0)
    redacted = models.PositiveIntegerField(default=0)
    left_out = models.PositiveIntegerField(default=0)
    failure = models.TextField(blank=True)

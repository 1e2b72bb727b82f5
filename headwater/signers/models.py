"""What is kept of signers: one verdict a token and version, certificates, addresses, hosts, counts an hour."""

from functools import partial

from django.db import models

from headwater.identifiers import new_id
from headwater.signers.values import HostState


class Certificate(models.Model):
    """One certificate that was ever seen, with its octets: it is never deleted."""

    sha256 = models.CharField(primary_key=True, max_length=64, editable=False)
    octets = models.BinaryField()
    """DER."""
    subject = models.CharField(max_length=400)
    issuer = models.CharField(max_length=400)
    serial = models.CharField(max_length=80)
    spc = models.CharField(max_length=16, blank=True, db_index=True)
    """Service Provider Code of a leaf, "" of an authority."""
    authority = models.BooleanField()
    not_before = models.DateTimeField()
    not_after = models.DateTimeField()
    first_seen_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)
    """When the STI-PA's list says that it was revoked; what was signed before stays signed."""


class Address(models.Model):
    """What an x5u address held from a moment on: a new row only where it held something else."""

    x5u = models.CharField(max_length=2_048)
    chain = models.JSONField()
    """SHA-256 of each certificate, leaf first."""
    octets_sha256 = models.CharField(max_length=64)
    came_by = models.CharField(max_length=200)
    """``fetched``, or who brought it."""
    first_had_at = models.DateTimeField()
    last_had_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["x5u", "-last_had_at"], name="address_by_url")]


class Host(models.Model):
    """One host that x5u addresses name: whether it may be asked, who decided, and what waits for it."""

    host = models.CharField(primary_key=True, max_length=253)
    state = models.CharField(max_length=8, choices=HostState.choices(), default=HostState.WAITING.value)
    reason = models.CharField(max_length=400, blank=True)
    decided_by = models.CharField(max_length=200, blank=True)
    decided_at = models.DateTimeField(null=True)
    first_seen_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()
    asked_for = models.PositiveBigIntegerField(default=0)
    """Signed calls whose certificate lies there, as far as they were judged while it waited or was refused."""
    sample = models.CharField(max_length=2_048, blank=True)
    """One address on it."""


class Signature(models.Model):
    """One verdict on the Identity headers of one call; another judging is another version."""

    id = models.CharField(primary_key=True, max_length=16, default=partial(new_id, "SG"), editable=False)
    digest = models.CharField(max_length=64)
    """SHA-256 of the first token: the ``identity_digest`` of every record that carried it."""
    version = models.PositiveSmallIntegerField(default=1)
    current = models.BooleanField(default=True)
    record_id = models.UUIDField(db_index=True)
    """The record that the call was first seen in. A token that comes with another call has another row."""
    seen_at = models.DateTimeField()
    """When that record was received: the time at which a live call is judged."""
    judged_at = models.DateTimeField()
    spc = models.CharField(max_length=16, blank=True)
    signers = models.JSONField(default=list)
    """Codes of the valid signers, first to last diversion: each is a hop."""
    attest = models.CharField(max_length=1, blank=True)
    origid = models.CharField(max_length=200, blank=True)
    orig = models.CharField(max_length=18, blank=True)
    """The calling number that the token claims."""
    calling = models.CharField(max_length=18, blank=True)
    """The calling number of the call."""
    holder = models.CharField(max_length=16, blank=True)
    """Company code that the block of ``orig`` is assigned to, "" where no registry says."""
    iat = models.DateTimeField(null=True)
    ppt = models.CharField(max_length=60, blank=True)
    x5u = models.CharField(max_length=2_048, blank=True)
    host = models.CharField(max_length=253, blank=True)
    result = models.CharField(max_length=12)
    reason = models.CharField(max_length=40, blank=True)
    verstat = models.CharField(max_length=24)
    sip_status = models.PositiveSmallIntegerField()
    checks = models.JSONField()
    """Every check of every token with its outcome, as ``stir.verdict`` gives them, without claims."""
    chain = models.JSONField(default=list)
    """SHA-256 of each certificate of the path, leaf first."""
    flags = models.JSONField(default=list)
    """What is odd about it: kind and evidence, see ``rules``."""
    software = models.CharField(max_length=40)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["digest", "record_id", "version"], name="one_verdict_a_version"),
            models.UniqueConstraint(
                fields=["digest", "record_id"], condition=models.Q(current=True), name="one_current_verdict"
            ),
        ]
        indexes = [
            models.Index(fields=["spc", "-seen_at"], name="signature_by_signer"),
            models.Index(fields=["host", "reason"], condition=models.Q(current=True), name="signature_by_host"),
            models.Index(fields=["spc", "origid", "-seen_at"], name="signature_by_origid"),
        ]


class SignerHour(models.Model):
    """How many tokens of one signer came in one hour, by attestation and result."""

    hour = models.DateTimeField()
    spc = models.CharField(max_length=16, blank=True)
    attest = models.CharField(max_length=1, blank=True)
    result = models.CharField(max_length=12)
    tokens = models.PositiveBigIntegerField(default=0)
    flagged = models.PositiveBigIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["hour", "spc", "attest", "result"], name="one_count_an_hour")]
        indexes = [models.Index(fields=["spc", "hour"], name="count_by_signer")]


class VerifierCheckpoint(models.Model):
    """How far the verifier has read the call store: one row, ``id`` 1."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    received_at = models.DateTimeField()
    judged = models.PositiveBigIntegerField(default=0)

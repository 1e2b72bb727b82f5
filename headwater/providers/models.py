"""Voice service providers: who they are, how they are asked, which key they sign with."""

from functools import partial

from django.db import models

from headwater.accounts.models import Organisation
from headwater.identifiers import new_id


class AnswerChannel(models.TextChoices):
    """How a provider is asked and answers."""

    AGENT = "agent", "By its agent, in seconds"
    PAGES = "pages", "By a person in the carrier pages"


class ContactTier(models.TextChoices):
    """When a contact is written to."""

    FIRST = "first", "Asked, and reminded before the due time"
    ESCALATION = "escalation", "Written to when the legal due time has passed"


class Provider(models.Model):
    """One voice service provider. Its role belongs to each call, not to the company."""

    id = models.CharField(primary_key=True, max_length=16, default=partial(new_id, "PR"), editable=False)
    organisation = models.OneToOneField(
        Organisation, on_delete=models.PROTECT, null=True, blank=True, related_name="provider"
    )
    name = models.CharField(max_length=200)
    spc = models.CharField(max_length=16, unique=True)
    """Service Provider Code, usually the OCN; upper case."""
    country = models.CharField(max_length=2, default="US")
    frn = models.CharField(max_length=10, blank=True)
    rmd_number = models.CharField(max_length=10, blank=True)
    channel = models.CharField(max_length=8, choices=AnswerChannel, default=AnswerChannel.PAGES)
    office_time_zone = models.CharField(max_length=64, default="America/New_York")
    """Zone of the responding office: the 24-hour clock runs in it (47 CFR 64.1200(n)(1))."""
    contact_email = models.EmailField(blank=True)
    agent_seen_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.name} ({self.spc})"


class ProviderKey(models.Model):
    """A public key with which a provider's agent signs requests and answers (ES256)."""

    id = models.CharField(primary_key=True, max_length=64, editable=False)
    """RFC 7638 thumbprint of the key: the ``kid`` of its signatures."""
    provider = models.ForeignKey(Provider, on_delete=models.PROTECT, related_name="keys")
    public_jwk = models.JSONField()
    valid_from = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)


class Contact(models.Model):
    """Somebody at a provider who is asked, reminded or escalated to by mail."""

    id = models.CharField(primary_key=True, max_length=16, default=partial(new_id, "CT"), editable=False)
    provider = models.ForeignKey(Provider, on_delete=models.PROTECT, related_name="contacts")
    name = models.CharField(max_length=200)
    email = models.EmailField()
    tier = models.CharField(max_length=10, choices=ContactTier)
    created_at = models.DateTimeField()
    created_by = models.CharField(max_length=200)
    removed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["provider", "tier", "email"], condition=models.Q(removed_at=None), name="one_contact_a_tier"
            )
        ]


class RegistryLoad(models.Model):
    """One attempt to load a registry: what came of it, or why nothing did."""

    id = models.CharField(primary_key=True, max_length=16, default=partial(new_id, "RL"), editable=False)
    registry = models.CharField(max_length=40)
    """Name of the registry; for do-not-originate lists also whose: ``dno/itg``."""
    as_of = models.DateTimeField()
    """The moment at which the registry said so."""
    loaded_at = models.DateTimeField()
    file_name = models.CharField(max_length=200)
    sha256 = models.CharField(max_length=64)
    """Of the file's octets."""
    taken = models.BooleanField()
    """False: the load was refused and changed nothing; ``reason`` says why."""
    reason = models.TextField(blank=True)
    entries = models.IntegerField(default=0)
    added = models.IntegerField(default=0)
    changed = models.IntegerField(default=0)
    removed = models.IntegerField(default=0)
    faults = models.IntegerField(default=0)
    """Rows that could not be read."""

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["registry", "as_of"], condition=models.Q(taken=True), name="one_load_a_registry_and_moment"
            )
        ]


class RegistryEntry(models.Model):
    """One thing that a registry listed, from one load until the load that no longer said so."""

    id = models.BigAutoField(primary_key=True)
    registry = models.CharField(max_length=40)
    key = models.CharField(max_length=80)
    name = models.TextField(blank=True)
    frn = models.CharField(max_length=10, blank=True)
    ocn = models.CharField(max_length=4, blank=True)
    first = models.BigIntegerField(null=True)
    """First number of a range, country code and digits; ``last`` belongs to it."""
    last = models.BigIntegerField(null=True)
    detail = models.JSONField()
    digest = models.UUIDField()
    """Names what the entry says."""
    valid_from = models.DateTimeField()
    """As-of moment of the first load that said it."""
    valid_to = models.DateTimeField(null=True)
    """As-of moment of the first later load that did not; null while the registry says it."""

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["registry", "key"], condition=models.Q(valid_to=None), name="one_standing_entry_a_key"
            )
        ]
        indexes = [
            models.Index(fields=["registry", "key", "valid_from"], name="entry_by_key"),
            models.Index(fields=["frn"], condition=~models.Q(frn=""), name="entry_by_frn"),
            models.Index(fields=["ocn", "registry"], condition=~models.Q(ocn=""), name="entry_by_ocn"),
            models.Index(fields=["first"], condition=models.Q(first__isnull=False), name="entry_by_first"),
        ]


class UsedToken(models.Model):
    """A request token that was shown once and is therefore used up, until it expires."""

    id = models.CharField(primary_key=True, max_length=64, editable=False)
    """SHA-256 of key and token identifier."""
    expires_at = models.DateTimeField(db_index=True)

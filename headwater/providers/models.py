"""Voice service providers: who they are, how they are asked, which key they sign with."""

from functools import partial

from django.db import models

from headwater.accounts.models import Organisation
from headwater.identifiers import new_id


class AnswerChannel(models.TextChoices):
    """How a provider is asked and answers."""

    AGENT = "agent", "By its agent, in seconds"
    PAGES = "pages", "By a person in the carrier pages"


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


class UsedToken(models.Model):
    """A request token that was shown once and is therefore used up, until it expires."""

    id = models.CharField(primary_key=True, max_length=64, editable=False)
    """SHA-256 of key and token identifier."""
    expires_at = models.DateTimeField(db_index=True)

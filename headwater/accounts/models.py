"""People, their organisations and machine credentials."""

from functools import partial
from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.sessions.backends.base import SessionBase
from django.contrib.sessions.base_session import AbstractBaseSession
from django.db import models

from headwater.accounts.permissions import OrganisationKind, Role
from headwater.identifiers import new_id


def choices(enum: Any) -> list[tuple[str, str]]:
    """Return ``enum`` as Django choices, the value read as words."""
    return [(member.value, member.value.replace("_", " ").capitalize()) for member in enum]


class Organisation(models.Model):
    """An agency, a provider, a feed partner or the consortium."""

    id = models.CharField(primary_key=True, max_length=16, default=partial(new_id, "ORG"), editable=False)
    kind = models.CharField(max_length=16, choices=choices(OrganisationKind))
    name = models.CharField(max_length=200)
    state = models.CharField(max_length=2, blank=True)
    """Two-letter jurisdiction of a state agency; "" for a federal one and for others."""
    address = models.TextField(blank=True)
    time_zone = models.CharField(max_length=64, default="America/New_York")
    created_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.name


class UserManager(BaseUserManager["User"]):
    """Creates people; there are no superusers in Headwater."""

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """Save a person whose e-mail address is stored in lower case."""
        user = self.model(email=self.normalize_email(email).lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user


class User(AbstractBaseUser):
    """One person at one organisation. The e-mail address is the sign-in name."""

    id = models.CharField(primary_key=True, max_length=16, default=partial(new_id, "U"), editable=False)
    email = models.EmailField(unique=True)
    name = models.CharField(max_length=200)
    title = models.CharField(max_length=200, blank=True)
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="people")
    role = models.CharField(max_length=24, choices=choices(Role))
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField()

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["name"]
    objects: ClassVar[UserManager] = UserManager()

    def __str__(self) -> str:
        return self.email


class CredentialKind(models.TextChoices):
    """What a machine credential opens."""

    FEED = "feed", "Feed API (bearer token)"
    HEP = "hep", "HEP (authentication key or source address)"


class MachineCredential(models.Model):
    """A secret that a feed partner's or carrier's machine shows. Only its SHA-256 is kept."""

    id = models.CharField(primary_key=True, max_length=16, default=partial(new_id, "FP"), editable=False)
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="credentials")
    kind = models.CharField(max_length=8, choices=CredentialKind)
    name = models.CharField(max_length=200)
    source_kind = models.CharField(max_length=16)
    """``calls.records.SourceKind`` that its records get."""
    secret_sha256 = models.CharField(max_length=64, blank=True, db_index=True)
    source_addresses = models.JSONField(default=list)
    """CIDR blocks that a HEP sender without a key may send from."""
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.name} ({self.id})"


class WebhookEndpoint(models.Model):
    """Where an organisation wants to be told of what. Removed ones stay without their secrets: messages name them."""

    id = models.CharField(primary_key=True, max_length=16, default=partial(new_id, "WH"), editable=False)
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="webhooks")
    url = models.CharField(max_length=2_048)
    kinds = models.JSONField(default=list)
    """Values of ``webhook_kinds.EventKind``."""
    secret = models.CharField(max_length=400, blank=True)
    """Sealed (``sealing.box``); it signs what is sent, so it must be read again."""
    previous_secret = models.CharField(max_length=400, blank=True)
    rotated_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField()
    created_by = models.CharField(max_length=200)
    paused_at = models.DateTimeField(null=True)
    pause_reason = models.CharField(max_length=300, blank=True)
    removed_at = models.DateTimeField(null=True)


class ApplicationSession(AbstractBaseSession):
    """A signed-in browser. One table an application: no application's database role can read another's sessions."""

    class Meta(AbstractBaseSession.Meta):
        abstract = True

    @classmethod
    def get_session_store_class(cls) -> type[SessionBase]:
        """Return the store that reads and writes these rows."""
        # Imported here: the store imports these models.
        from headwater.accounts.sessions import SessionStore

        return SessionStore


class DeskSession(ApplicationSession):
    """A browser signed in to the desk."""


class PortalSession(ApplicationSession):
    """A browser signed in to the agency portal."""


class CarrierSession(ApplicationSession):
    """A browser signed in to the carrier pages."""

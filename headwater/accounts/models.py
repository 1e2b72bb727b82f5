"""People, their organisations, how they come in and go, and machine credentials."""

import secrets
from functools import partial
from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.sessions.backends.base import SessionBase
from django.contrib.sessions.base_session import AbstractBaseSession
from django.db import models
from django.utils.crypto import salted_hmac

from headwater.accounts.permissions import OrganisationKind, Role
from headwater.accounts.rules import ContactWay, InvitationPurpose, Protocol, SecondFactorRule
from headwater.identifiers import new_id
from headwater.numbering.numbers import CalledNumbers


def choices(enum: Any) -> list[tuple[str, str]]:
    """Return ``enum`` as Django choices, the value read as words."""
    return [(member.value, member.value.replace("_", " ").capitalize()) for member in enum]


def new_salt() -> str:
    """Return 128 random bits."""
    return secrets.token_hex(16)


class Organisation(models.Model):
    """An agency, a provider, a feed partner or the consortium."""

    id = models.CharField(primary_key=True, max_length=16, default=partial(new_id, "ORG"), editable=False)
    kind = models.CharField(max_length=16, choices=choices(OrganisationKind))
    name = models.CharField(max_length=200)
    state = models.CharField(max_length=2, blank=True)
    """Two-letter jurisdiction of a state agency; "" for a federal one and for others."""
    address = models.TextField(blank=True)
    time_zone = models.CharField(max_length=64, default="America/New_York")
    called_numbers = models.CharField(max_length=10, choices=choices(CalledNumbers), default=CalledNumbers.KEPT.value)
    """What is kept of the called numbers in what it sends from now on."""
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
    confirmed_at = models.DateTimeField(null=True)
    """When a second way of contact was checked. Before that nothing is open to the person."""
    session_salt = models.CharField(max_length=32, default=new_salt, editable=False)
    """A new one ends every session of the person, in every application."""

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["name"]
    objects: ClassVar[UserManager] = UserManager()

    def __str__(self) -> str:
        return self.email

    def get_session_auth_hash(self) -> str:
        """Return what each session of the person carries and is held against at every request."""
        own = salted_hmac("headwater.accounts.session", self.session_salt + self.password, algorithm="sha256")
        return str(own.hexdigest())


class VerifiedDomain(models.Model):
    """A mail domain that was found to be an organisation's own, by whom and how. Withdrawn, never deleted."""

    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="domains")
    domain = models.CharField(max_length=253)
    how = models.TextField()
    """How it was verified, in the words of the person who did."""
    checked_by = models.CharField(max_length=200)
    checked_at = models.DateTimeField()
    withdrawn_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organisation", "domain"], condition=models.Q(withdrawn_at=None), name="one_standing_domain"
            )
        ]


class Invitation(models.Model):
    """A one-time link to a person: to join, or to set a new password. Only the SHA-256 of its token is kept."""

    id = models.CharField(primary_key=True, max_length=16, default=partial(new_id, "INV"), editable=False)
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="invitations")
    purpose = models.CharField(max_length=8, choices=choices(InvitationPurpose))
    email = models.EmailField(db_index=True)
    name = models.CharField(max_length=200)
    title = models.CharField(max_length=200, blank=True)
    role = models.CharField(max_length=24, choices=choices(Role))
    token_sha256 = models.CharField(max_length=64, unique=True)
    person = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="invitations")
    """Whose password it sets; after a joining, who joined."""
    created_by = models.CharField(max_length=200)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)


class ContactCheck(models.Model):
    """One attempt to make sure, by a second way, that a new person is who was invited: who checked what and how."""

    id = models.CharField(primary_key=True, max_length=16, default=partial(new_id, "CC"), editable=False)
    person = models.ForeignKey(User, on_delete=models.PROTECT, related_name="contact_checks")
    way = models.CharField(max_length=12, choices=choices(ContactWay))
    checked_by = models.CharField(max_length=200)
    number = models.CharField(max_length=20, blank=True)
    """E.164 number that was called."""
    number_source = models.TextField(blank=True)
    """Where the number was looked up, independently of the invited person."""
    note = models.TextField(blank=True)
    code_sha256 = models.CharField(max_length=64, blank=True)
    """Of the code that was read out over the telephone."""
    wrong_codes = models.PositiveSmallIntegerField(default=0)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True)
    passed_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    """When it was given up: another was begun, or too many wrong codes came."""


class Deputy(models.Model):
    """A person who acts for a colleague until a date."""

    id = models.CharField(primary_key=True, max_length=16, default=partial(new_id, "DP"), editable=False)
    person = models.ForeignKey(User, on_delete=models.PROTECT, related_name="deputies")
    """For whom."""
    deputy = models.ForeignKey(User, on_delete=models.PROTECT, related_name="acts_for")
    """Who acts."""
    reason = models.TextField()
    appointed_by = models.CharField(max_length=200)
    begins_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)


class Handover(models.Model):
    """A leaver's matters, handed to a colleague. The record keeps who did what; this says who answers for it now."""

    leaver = models.ForeignKey(User, on_delete=models.PROTECT, related_name="handed_over")
    successor = models.ForeignKey(User, on_delete=models.PROTECT, related_name="taken_over")
    reason = models.TextField()
    by = models.CharField(max_length=200)
    at = models.DateTimeField()


class MachineCredential(models.Model):
    """A secret that an organisation's machine shows. Only its SHA-256 is kept."""

    id = models.CharField(primary_key=True, max_length=16, default=partial(new_id, "FP"), editable=False)
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="credentials")
    scopes = models.JSONField(default=list)
    """``permissions.Scope``: what it opens."""
    name = models.CharField(max_length=200)
    source_kind = models.CharField(max_length=16, blank=True)
    """``calls.records.SourceKind`` that its records get; "" where it sends none."""
    secret_sha256 = models.CharField(max_length=64, blank=True, db_index=True)
    previous_sha256 = models.CharField(max_length=64, blank=True)
    """Of the secret before the last rotation."""
    previous_until = models.DateTimeField(null=True)
    """Until when the secret before the last rotation is taken too."""
    source_addresses = models.JSONField(default=list)
    """CIDR blocks that a HEP sender without a key may send from."""
    issued_by = models.CharField(max_length=200, blank=True)
    """Label of who has seen its present secret."""
    created_at = models.DateTimeField()
    rotated_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)
    last_used_at = models.DateTimeField(null=True)
    """To a minute."""

    def __str__(self) -> str:
        return f"{self.name} ({self.id})"


class IdentityProvider(models.Model):
    """Where an organisation's people sign in with their organisation's own account."""

    id = models.CharField(primary_key=True, max_length=16, default=partial(new_id, "IDP"), editable=False)
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="identity_providers")
    protocol = models.CharField(max_length=8, choices=choices(Protocol))
    name = models.CharField(max_length=200)
    second_factor = models.CharField(max_length=12, choices=choices(SecondFactorRule))
    issuer = models.CharField(max_length=500)
    """OpenID Connect: the issuer; SAML: the entity ID."""
    client_id = models.CharField(max_length=200, blank=True)
    client_secret = models.TextField(blank=True)
    """Encrypted (``accounts.sealing``)."""
    client_key = models.TextField(blank=True)
    """RSA private key, PEM, encrypted: what the client proves itself with where it has no secret."""
    sign_in_url = models.CharField(max_length=500, blank=True)
    """SAML: the address of the provider's HTTP-Redirect single sign-on."""
    certificates = models.TextField(blank=True)
    """SAML: the provider's signing certificates, PEM."""
    domains = models.JSONField(default=list)
    """Mail domains whose people are led here from the sign-in page."""
    strong_contexts = models.JSONField(default=list)
    """Values of acr, amr or AuthnContextClassRef that say that a second factor was shown."""
    enabled = models.BooleanField(default=True)
    created_by = models.CharField(max_length=200)
    created_at = models.DateTimeField()
    changed_at = models.DateTimeField()


class ExternalIdentity(models.Model):
    """Which person a provider's lasting name stands for: an address that is given to somebody else opens nothing."""

    provider = models.ForeignKey(IdentityProvider, on_delete=models.PROTECT, related_name="identities")
    person = models.ForeignKey(User, on_delete=models.PROTECT, related_name="external_identities")
    subject_sha256 = models.CharField(max_length=64)
    bound_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["provider", "subject_sha256"], name="one_person_a_subject"),
            models.UniqueConstraint(fields=["provider", "person"], name="one_subject_a_person"),
        ]


class UsedAssertion(models.Model):
    """An answer of an identity provider that was taken: it is never taken again."""

    digest = models.CharField(primary_key=True, max_length=64)
    """SHA-256 of the provider's identifier and the assertion's (or the token's nonce)."""
    expires_at = models.DateTimeField(db_index=True)
    """After this instant the answer would be refused as too old anyway."""


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
    """A browser's session. One table an application: no application's database role can read another's sessions."""

    user_id = models.CharField(max_length=16, blank=True, db_index=True)
    created_at = models.DateTimeField()
    seen_at = models.DateTimeField(null=True)
    """When it was last used, to five minutes."""
    address = models.CharField(max_length=45, blank=True)
    agent = models.CharField(max_length=200, blank=True)
    """What the browser calls itself."""

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

"""The one permission table: who may do what. Deny by default; nothing is decided elsewhere.

A permission reads ``subject:action``. Roles belong to one kind of organisation; a role holds the
permissions listed here and no other. Which ROWS a person may see is decided by each room's
``visible_to(actor)``.
"""

from enum import StrEnum


class OrganisationKind(StrEnum):
    """What kind of organisation a person or credential acts for."""

    CONSORTIUM = "consortium"
    AGENCY = "agency"
    PROVIDER = "provider"
    FEED_PARTNER = "feed_partner"


class Permission(StrEnum):
    """Everything that can be permitted, in alphabetical order."""

    ACCOUNT_CONFIRM = "account:confirm"
    """To confirm a new colleague of one's own organisation: the second check before any data is open to them."""
    ACCOUNT_MANAGE = "account:manage"
    """Organisations, invitations, people, machine credentials and identity providers, of everybody."""
    ACCOUNT_MANAGE_OWN = "account:manage-own"
    """The people and the machine credentials of one's own organisation."""
    ALERT_READ = "alert:read"
    AUDIT_READ = "audit:read"
    AUDIT_READ_OWN = "audit:read-own"
    """What the people of one's own organisation did."""
    BLOCK_APPEAL = "block:appeal"
    """To say that an entry of the block feed is wrong."""
    CALL_READ = "call:read"
    CAMPAIGN_ALERT = "campaign:alert"
    CAMPAIGN_EDIT = "campaign:edit"
    """Merge, split, undo, and mark as a lawful sender's."""
    CAMPAIGN_NAME = "campaign:name"
    CAMPAIGN_READ = "campaign:read"
    CASE_READ = "case:read"
    """Cases of one's own organisation."""
    CASE_WRITE = "case:write"
    """To open cases and add to them, where a member may."""
    CONDUCT_ASSESS = "conduct:assess"
    """To assess providers anew: the worker and the operator's command line, no role."""
    CONDUCT_DECIDE = "conduct:decide"
    """To decide a provider's dispute of its record."""
    CONDUCT_DISPUTE = "conduct:dispute"
    CONDUCT_PUBLISH = "conduct:publish"
    CONDUCT_READ = "conduct:read"
    CONDUCT_READ_OWN = "conduct:read-own"
    """A provider's own record."""
    CONNECTOR_PULL = "connector:pull"
    """To ask a source now: the worker and the operator's command line, no role."""
    CONTACT_WRITE = "contact:write"
    """Whom a provider wants to be asked and reminded: of one's own provider, or by the operator."""
    DECONFLICTION_MANAGE = "deconfliction:manage"
    """To opt one's agency, or one of its matters, in or out."""
    EVENT_SEND = "event:send"
    FILE_UPLOAD = "file:upload"
    HOLD_WRITE = "hold:write"
    """To set and release legal holds on calls, and to list them."""
    NOTICE_ANSWER = "notice:answer"
    NOTICE_SEND = "notice:send"
    OUTBOX_READ = "outbox:read"
    """What mails and webhooks left, and what came of them; no texts."""
    PACKAGE_DOWNLOAD = "package:download"
    PACKAGE_SEAL = "package:seal"
    PROCESS_REVIEW = "process:review"
    PROCESS_READ = "process:read"
    PROCESS_SUBMIT = "process:submit"
    PROVIDER_READ = "provider:read"
    PROVIDER_WRITE = "provider:write"
    """The register of providers and their keys: the operator's command line alone, no role."""
    QUESTION_ANSWER = "question:answer"
    QUESTION_READ = "question:read"
    REGISTRY_WRITE = "registry:write"
    """To load a public registry: the operator's command line alone, no role."""
    RELIEF_READ = "relief:read"
    RELIEF_WRITE = "relief:write"
    """Measures and block entries."""
    REPORT_READ = "report:read"
    """An agency its own reports of calls, the desk all."""
    REPORT_SUBMIT = "report:submit"
    """To report calls that one's agency knows of, and to ask for their tracebacks."""
    SIGNER_READ = "signer:read"
    SIGNER_REVIEW = "signer:review"
    """Which hosts certificates are fetched from, and certificates that are brought."""
    TRACEBACK_OPEN = "traceback:open"
    TRACEBACK_READ = "traceback:read"
    WEBHOOK_MANAGE = "webhook:manage"
    """The webhook endpoints of one's own organisation."""


class Role(StrEnum):
    """What a person is at their organisation."""

    ANALYST = "analyst"
    REVIEWER = "reviewer"
    CUSTODIAN = "custodian"
    AGENCY_OFFICER = "agency_officer"
    PROVIDER_STAFF = "provider_staff"
    ADMINISTRATOR = "administrator"
    """Of the consortium: invites, confirms and closes; opens no call, no process and no package."""
    AGENCY_ADMINISTRATOR = "agency_administrator"
    """An officer who also looks after the agency's people and keys."""
    PROVIDER_ADMINISTRATOR = "provider_administrator"
    """One of the staff who also looks after the provider's people and keys."""


class Scope(StrEnum):
    """What a machine credential opens. A credential holds one or more, of those that fit its organisation."""

    ALERTS = "alerts"
    """An agency's threat-intelligence platform: to read its alerts by TAXII."""
    CASE = "case"
    """An agency's case system: to read its cases and to write in them for an officer."""
    FEED = "feed"
    """The feed door and the file door: to send events."""
    HEP = "hep"
    """The HEP door: by authentication key or source address."""
    PROCESS = "process"
    """An agency's own system: to serve process, follow it and fetch its packages."""


P = Permission

#: Which kind of organisation a role belongs to.
ROLE_ORGANISATION: dict[Role, OrganisationKind] = {
    Role.ANALYST: OrganisationKind.CONSORTIUM,
    Role.REVIEWER: OrganisationKind.CONSORTIUM,
    Role.CUSTODIAN: OrganisationKind.CONSORTIUM,
    Role.AGENCY_OFFICER: OrganisationKind.AGENCY,
    Role.PROVIDER_STAFF: OrganisationKind.PROVIDER,
    Role.ADMINISTRATOR: OrganisationKind.CONSORTIUM,
    Role.AGENCY_ADMINISTRATOR: OrganisationKind.AGENCY,
    Role.PROVIDER_ADMINISTRATOR: OrganisationKind.PROVIDER,
}

_OFFICER = frozenset(
    {
        P.ACCOUNT_CONFIRM,
        P.ALERT_READ,
        P.AUDIT_READ_OWN,
        P.CASE_READ,
        P.CASE_WRITE,
        P.DECONFLICTION_MANAGE,
        P.PACKAGE_DOWNLOAD,
        P.PROCESS_READ,
        P.PROCESS_SUBMIT,
        P.REPORT_READ,
        P.REPORT_SUBMIT,
        P.WEBHOOK_MANAGE,
    }
)
_STAFF = frozenset(
    {
        P.ACCOUNT_CONFIRM,
        P.BLOCK_APPEAL,
        P.CONDUCT_DISPUTE,
        P.CONDUCT_READ_OWN,
        P.CONTACT_WRITE,
        P.FILE_UPLOAD,
        P.NOTICE_ANSWER,
        P.QUESTION_ANSWER,
        P.QUESTION_READ,
        P.WEBHOOK_MANAGE,
    }
)

#: What a role may do.
ROLE_PERMISSIONS: dict[Role, frozenset[Permission]] = {
    Role.ANALYST: frozenset(
        {
            P.CALL_READ,
            P.CAMPAIGN_ALERT,
            P.CAMPAIGN_EDIT,
            P.CAMPAIGN_NAME,
            P.CAMPAIGN_READ,
            P.CASE_READ,
            P.CASE_WRITE,
            P.CONDUCT_READ,
            P.NOTICE_SEND,
            P.OUTBOX_READ,
            P.PROVIDER_READ,
            P.RELIEF_READ,
            P.RELIEF_WRITE,
            P.REPORT_READ,
            P.SIGNER_READ,
            P.SIGNER_REVIEW,
            P.TRACEBACK_OPEN,
            P.TRACEBACK_READ,
        }
    ),
    Role.REVIEWER: frozenset(
        {
            P.CALL_READ,
            P.CAMPAIGN_ALERT,
            P.CAMPAIGN_EDIT,
            P.CAMPAIGN_NAME,
            P.CAMPAIGN_READ,
            P.CASE_READ,
            P.CASE_WRITE,
            P.CONDUCT_DECIDE,
            P.CONDUCT_PUBLISH,
            P.CONDUCT_READ,
            P.HOLD_WRITE,
            P.NOTICE_SEND,
            P.OUTBOX_READ,
            P.PACKAGE_SEAL,
            P.PROCESS_READ,
            P.PROCESS_REVIEW,
            P.PROVIDER_READ,
            P.RELIEF_READ,
            P.RELIEF_WRITE,
            P.REPORT_READ,
            P.SIGNER_READ,
            P.SIGNER_REVIEW,
            P.TRACEBACK_OPEN,
            P.TRACEBACK_READ,
        }
    ),
    Role.CUSTODIAN: frozenset(
        {
            P.AUDIT_READ,
            P.CAMPAIGN_READ,
            P.CASE_READ,
            P.CASE_WRITE,
            P.CONDUCT_PUBLISH,
            P.CONDUCT_READ,
            P.HOLD_WRITE,
            P.OUTBOX_READ,
            P.PACKAGE_DOWNLOAD,
            P.PACKAGE_SEAL,
            P.PROCESS_READ,
            P.RELIEF_READ,
            P.SIGNER_READ,
            P.TRACEBACK_READ,
        }
    ),
    Role.ADMINISTRATOR: frozenset({P.ACCOUNT_MANAGE, P.OUTBOX_READ}),
    Role.AGENCY_OFFICER: _OFFICER,
    Role.AGENCY_ADMINISTRATOR: _OFFICER | {P.ACCOUNT_MANAGE_OWN},
    Role.PROVIDER_STAFF: _STAFF,
    Role.PROVIDER_ADMINISTRATOR: _STAFF | {P.ACCOUNT_MANAGE_OWN},
}

#: What a machine may do with a scope.
SCOPE_PERMISSIONS: dict[Scope, frozenset[Permission]] = {
    Scope.ALERTS: frozenset({P.ALERT_READ}),
    Scope.CASE: frozenset({P.ALERT_READ, P.CASE_READ, P.CASE_WRITE}),
    Scope.FEED: frozenset({P.EVENT_SEND}),
    Scope.HEP: frozenset({P.EVENT_SEND}),
    Scope.PROCESS: frozenset(
        {P.ALERT_READ, P.PACKAGE_DOWNLOAD, P.PROCESS_READ, P.PROCESS_SUBMIT, P.REPORT_READ, P.REPORT_SUBMIT}
    ),
}

#: Which organisations may hold a scope.
SCOPE_ORGANISATIONS: dict[Scope, frozenset[OrganisationKind]] = {
    Scope.ALERTS: frozenset({OrganisationKind.AGENCY}),
    Scope.CASE: frozenset({OrganisationKind.AGENCY}),
    Scope.FEED: frozenset({OrganisationKind.FEED_PARTNER, OrganisationKind.PROVIDER, OrganisationKind.CONSORTIUM}),
    Scope.HEP: frozenset({OrganisationKind.FEED_PARTNER, OrganisationKind.PROVIDER, OrganisationKind.CONSORTIUM}),
    Scope.PROCESS: frozenset({OrganisationKind.AGENCY}),
}

#: Permissions whose acts (anything but looking) need that the person has just shown who they are.
FRESH_TO_ACT: frozenset[Permission] = frozenset(
    {P.ACCOUNT_CONFIRM, P.ACCOUNT_MANAGE, P.ACCOUNT_MANAGE_OWN, P.PACKAGE_SEAL, P.PROCESS_REVIEW}
)
#: Permissions whose pages already need it: what they hand out leaves Headwater.
FRESH_TO_OPEN: frozenset[Permission] = frozenset({P.PACKAGE_DOWNLOAD})

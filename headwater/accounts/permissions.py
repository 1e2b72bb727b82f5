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

    ACCOUNT_MANAGE = "account:manage"
    """Organisations, people and credentials: the operator's command line alone, no role."""
    ALERT_READ = "alert:read"
    AUDIT_READ = "audit:read"
    AUDIT_READ_OWN = "audit:read-own"
    """What the people of one's own organisation did."""
    CALL_READ = "call:read"
    CAMPAIGN_ALERT = "campaign:alert"
    CAMPAIGN_EDIT = "campaign:edit"
    """Merge, split, undo, and mark as a lawful sender's."""
    CAMPAIGN_NAME = "campaign:name"
    CAMPAIGN_READ = "campaign:read"
    CONNECTOR_PULL = "connector:pull"
    """To ask a source now: the worker and the operator's command line, no role."""
    EVENT_SEND = "event:send"
    FILE_UPLOAD = "file:upload"
    CONDUCT_ASSESS = "conduct:assess"
    """To assess providers anew: the worker and the operator's command line, no role."""
    CONDUCT_DECIDE = "conduct:decide"
    """To decide a provider's dispute of its record."""
    CONDUCT_DISPUTE = "conduct:dispute"
    CONDUCT_PUBLISH = "conduct:publish"
    CONDUCT_READ = "conduct:read"
    CONDUCT_READ_OWN = "conduct:read-own"
    """A provider's own record."""
    HOLD_WRITE = "hold:write"
    """To set and release legal holds on calls, and to list them."""
    CONTACT_WRITE = "contact:write"
    """Whom a provider wants to be asked and reminded: of one's own provider, or by the operator."""
    NOTICE_ANSWER = "notice:answer"
    NOTICE_SEND = "notice:send"
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
    SIGNER_READ = "signer:read"
    SIGNER_REVIEW = "signer:review"
    """Which hosts certificates are fetched from, and certificates that are brought."""
    TRACEBACK_OPEN = "traceback:open"
    TRACEBACK_READ = "traceback:read"


class Role(StrEnum):
    """What a person is at their organisation."""

    ANALYST = "analyst"
    REVIEWER = "reviewer"
    CUSTODIAN = "custodian"
    AGENCY_OFFICER = "agency_officer"
    PROVIDER_STAFF = "provider_staff"


P = Permission

#: Which kind of organisation a role belongs to.
ROLE_ORGANISATION: dict[Role, OrganisationKind] = {
    Role.ANALYST: OrganisationKind.CONSORTIUM,
    Role.REVIEWER: OrganisationKind.CONSORTIUM,
    Role.CUSTODIAN: OrganisationKind.CONSORTIUM,
    Role.AGENCY_OFFICER: OrganisationKind.AGENCY,
    Role.PROVIDER_STAFF: OrganisationKind.PROVIDER,
}

#: What a role may do.
ROLE_PERMISSIONS: dict[Role, frozenset[Permission]] = {
    Role.ANALYST: frozenset(
        {
            P.CALL_READ,
            P.CAMPAIGN_ALERT,
            P.CAMPAIGN_EDIT,
            P.CAMPAIGN_NAME,
            P.CAMPAIGN_READ,
            P.NOTICE_SEND,
            P.PROVIDER_READ,
            P.RELIEF_READ,
            P.RELIEF_WRITE,
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
            P.HOLD_WRITE,
            P.NOTICE_SEND,
_OFFICER = frozenset(
    {
        P.ACCOUNT_CONFIRM,
        P.ALERT_READ,
        P.AUDIT_READ_OWN,
        P.PACKAGE_DOWNLOAD,
        P.PROCESS_READ,
        P.PROCESS_SUBMIT,
        P.WEBHOOK_MANAGE,
    }
)
_STAFF = frozenset(
    {
        P.ACCOUNT_CONFIRM,
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

            P.PACKAGE_SEAL,
            P.PROCESS_READ,
            P.PROCESS_REVIEW,
            P.PROVIDER_READ,
            P.RELIEF_READ,
            P.RELIEF_WRITE,
            P.SIGNER_READ,
            P.SIGNER_REVIEW,
            P.TRACEBACK_OPEN,
            P.CONDUCT_READ,
            P.TRACEBACK_READ,
        }
    ),
    Role.CUSTODIAN: frozenset(
        {
            P.AUDIT_READ,
            P.CAMPAIGN_READ,
            P.HOLD_WRITE,
            P.PACKAGE_DOWNLOAD,
            P.PACKAGE_SEAL,
            P.PROCESS_READ,
            P.RELIEF_READ,
            P.SIGNER_READ,
            P.TRACEBACK_READ,
        }
    ),
    Role.AGENCY_OFFICER: frozenset(
        {P.ALERT_READ, P.AUDIT_READ_OWN, P.PACKAGE_DOWNLOAD, P.PROCESS_READ, P.PROCESS_SUBMIT}
            P.CONDUCT_DECIDE,
            P.CONDUCT_PUBLISH,
            P.CONDUCT_READ,
    ),
    Role.PROVIDER_STAFF: frozenset({P.FILE_UPLOAD, P.NOTICE_ANSWER, P.QUESTION_ANSWER, P.QUESTION_READ}),
}
            P.CONDUCT_PUBLISH,
            P.CONDUCT_READ,

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
    CONNECTOR_PULL = "connector:pull"
    """To ask a source now: the worker and the operator's command line, no role."""
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
            P.CASE_READ,
            P.CASE_WRITE,
            P.NOTICE_SEND,
            P.OUTBOX_READ,
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
            P.CASE_READ,
            P.CASE_WRITE,
            P.HOLD_WRITE,
            P.NOTICE_SEND,
            P.OUTBOX_READ,
            P.PACKAGE_SEAL,
            P.PROCESS_READ,
            P.PROCESS_REVIEW,
            P.PROVIDER_READ,
            P.RELIEF_READ,
            P.RELIEF_WRITE,
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
    Role.AGENCY_OFFICER: frozenset(
        {
            P.ALERT_READ,
            P.AUDIT_READ_OWN,
            P.CASE_READ,
            P.CASE_WRITE,
            P.DECONFLICTION_MANAGE,
            P.PACKAGE_DOWNLOAD,
            P.PROCESS_READ,
            P.PROCESS_SUBMIT,
            P.WEBHOOK_MANAGE,
        }
    ),
    Role.PROVIDER_STAFF: frozenset(
        {
            P.BLOCK_APPEAL,
            P.FILE_UPLOAD,
            P.NOTICE_ANSWER,
            P.QUESTION_ANSWER,
            P.QUESTION_READ,
            P.WEBHOOK_MANAGE,
        }
    ),
}

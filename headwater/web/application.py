"""The web applications: who they are for, how they look, what their navigation holds."""

from dataclasses import dataclass

from django.conf import settings

from headwater.accounts.permissions import OrganisationKind, Permission


@dataclass(frozen=True, slots=True)
class Item:
    """One entry of the navigation, shown to people who hold the permission; to everybody where it needs none."""

    label: str
    path: str
    permission: Permission | None
    group: str = ""
    """Menu that it stands in; "" for the bar itself, which holds what people come for each day."""


@dataclass(frozen=True, slots=True)
class Application:
    """One web application, for one kind of organisation; for everybody where it has no audience."""

    key: str
    name: str
    audience: OrganisationKind | None
    dense: bool
    navigation: tuple[Item, ...]


DESK = Application(
    key="desk",
    name="Desk",
    audience=OrganisationKind.CONSORTIUM,
    dense=True,
    navigation=(
        Item("Live", "/", Permission.CAMPAIGN_READ),
        Item("Campaigns", "/campaigns/", Permission.CAMPAIGN_READ),
        Item("Trends", "/trends/", Permission.CAMPAIGN_READ, "Look up"),
        Item("Tracebacks", "/tracebacks/", Permission.TRACEBACK_READ),
        Item("Providers", "/providers/", Permission.CONDUCT_READ),
        Item("Calls", "/calls/", Permission.CALL_READ, "Look up"),
        Item("Cases", "/cases/", Permission.CASE_READ),
        Item("Process", "/process/", Permission.PROCESS_READ),
        Item("Reports", "/reports/", Permission.REPORT_READ),
        Item("Signers", "/signers/", Permission.SIGNER_READ, "Look up"),
        Item("Identity", "/stir/", Permission.CALL_READ, "Look up"),
        Item("Registries", "/registries/", Permission.PROVIDER_READ, "Look up"),
        Item("Sources", "/sources/", Permission.CALL_READ, "Run"),
        Item("Organisations", "/organisations/", Permission.ACCOUNT_MANAGE, "Run"),
        Item("Block feed", "/block-feed/", Permission.RELIEF_READ, "Run"),
        Item("Outbox", "/outbox/", Permission.OUTBOX_READ, "Run"),
        Item("Holds", "/holds/", Permission.HOLD_WRITE, "Run"),
        Item("Audit", "/audit/", Permission.AUDIT_READ, "Run"),
    ),
)

PORTAL = Application(
    key="portal",
    name="Agency portal",
    audience=OrganisationKind.AGENCY,
    dense=False,
    navigation=(
        Item("Alerts", "/", Permission.ALERT_READ),
        Item("Subscriptions", "/subscriptions/", Permission.ALERT_READ, "Agency"),
        Item("Trends", "/trends/", Permission.ALERT_READ),
        Item("Requests", "/requests/", Permission.PROCESS_READ),
        Item("Cases", "/cases/", Permission.CASE_READ),
        Item("Deconfliction", "/deconfliction/", Permission.DECONFLICTION_MANAGE, "Agency"),
        Item("Webhooks", "/webhooks/", Permission.WEBHOOK_MANAGE, "Agency"),
        Item("Reports", "/reports/", Permission.REPORT_READ),
        Item("Record", "/record/", Permission.AUDIT_READ_OWN, "Agency"),
        Item("Organisation", "/organisation/", Permission.ACCOUNT_CONFIRM, "Agency"),
    ),
)

CARRIER = Application(
    key="carrier",
    name="Carrier pages",
    audience=OrganisationKind.PROVIDER,
    dense=False,
    navigation=(
        Item("Questions", "/", Permission.QUESTION_READ),
        Item("Answered", "/answered/", Permission.QUESTION_READ),
        Item("Record", "/record/", Permission.CONDUCT_READ_OWN),
        Item("Agent", "/agent/", Permission.QUESTION_READ, "Company"),
        Item("Contacts", "/contacts/", Permission.CONTACT_WRITE, "Company"),
        Item("Notices", "/notices/", Permission.NOTICE_ANSWER),
        Item("Block feed", "/block-feed/", Permission.BLOCK_APPEAL, "Company"),
        Item("Uploads", "/uploads/", Permission.FILE_UPLOAD),
        Item("Organisation", "/organisation/", Permission.ACCOUNT_CONFIRM, "Company"),
        Item("Webhooks", "/webhooks/", Permission.WEBHOOK_MANAGE, "Company"),
    ),
)

PUBLIC = Application(
    key="public",
    name="Public pages",
    audience=None,
    dense=False,
    navigation=(
        Item("Totals", "/", None),
        Item("Traced calls", "/traced-calls/", None),
        Item("Block feed", "/block-feed/", None),
    ),
)

#: Where people sign in. The public pages are not among them: they know nobody.
APPLICATIONS = {application.key: application for application in (DESK, PORTAL, CARRIER)}


def current() -> Application:
    """Return the application that this process serves."""
    return PUBLIC if PUBLIC.key == settings.WEB_APPLICATION else APPLICATIONS[settings.WEB_APPLICATION]

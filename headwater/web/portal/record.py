"""The agency's own part of the audit: what its people saw and did here, for whoever answers for them."""

from typing import Final

from django.db import transaction
from django.http import HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_safe

from headwater.accounts.permissions import Permission
from headwater.audit import actions, queries
from headwater.audit.tags import Tag
from headwater.cases import queries as cases
from headwater.evidence import queries as evidence
from headwater.web.access import ActorRequest, page

PAGE: Final = 100
#: Tag -> what a person reads; a tag that is not here is shown as it is.
WORDS: Final[dict[str, str]] = {
    Tag.ACCOUNT_PASSWORD_CHANGED: "Changed the password",
    Tag.ACCOUNT_PASSWORD_SET: "Set the password",
    Tag.ACCOUNT_RECOVERY_CODES_MADE: "Made new recovery codes",
    Tag.ACCOUNT_SECOND_FACTOR_ENROLLED: "Enrolled a second factor",
    Tag.ACCOUNT_SECOND_FACTOR_FAILED: "Gave a wrong code",
    Tag.ACCOUNT_SIGN_IN_FAILED: "Could not sign in",
    Tag.ACCOUNT_SIGN_IN_SUCCEEDED: "Signed in",
    Tag.ACCOUNT_SIGN_OUT: "Signed out",
    Tag.ALERT_READ: "Read an alert",
    Tag.AUDIT_VIEWED: "Read this record",
    Tag.PACKAGE_DOWNLOADED: "Downloaded a package",
    Tag.PACKAGE_PUBLIC_DOWNLOADED: "Downloaded the public version of a package",
    Tag.PACKAGE_VIEWED: "Looked at a package",
    Tag.PROCESS_EXTENSION_ANSWERED: "Answered a request for time",
    Tag.PROCESS_EXTENSION_ASKED: "Asked for more time",
    Tag.PROCESS_PERSON_NAMED: "Named somebody on a request",
    Tag.PROCESS_PERSON_REMOVED: "Took somebody off a request",
    Tag.PROCESS_SCOPE_VIEWED: "Looked at what a request opens",
    Tag.REPORT_RECEIVED: "Reported calls",
    Tag.REPORT_TRACE_ASKED: "Asked for tracebacks of a report",
    Tag.REPORT_VIEWED: "Looked at reports",
    Tag.PROCESS_DOCUMENT_VIEWED: "Opened a document",
    Tag.PROCESS_DRAFTED: "Drafted a request",
    Tag.PROCESS_LISTED: "Listed the requests",
    Tag.PROCESS_REVISED: "Changed a draft",
    Tag.PROCESS_SERVED: "Served a request",
    Tag.PROCESS_STATE_CHANGED: "Moved a request",
    Tag.PROCESS_VIEWED: "Looked at a request",
}


@page(Permission.AUDIT_READ_OWN)
@require_safe
def record(request: ActorRequest) -> HttpResponseBase:
    """Show what the agency's people did, newest first. Where to go on from is in the address."""
    asked = request.GET.get("before", "")
    before = int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 19 else None
    hidden = evidence.hidden_from(request.actor) | cases.hidden_from(request.actor)
    deeds, older = queries.of_own_organisation(request.actor, before=before, limit=PAGE, hidden=hidden)
    with transaction.atomic():
        actions.record(request.actor, Tag.AUDIT_VIEWED, "own", {"before": before} if before else {})
    rows = [(deed, WORDS.get(deed.tag, deed.tag)) for deed in deeds]
    return render(request, "portal/record.html", {"rows": rows, "older": older, "newest": before is not None})

"""The audit screen: who did and saw what, and whether the record of it is whole."""

from collections.abc import Mapping
from datetime import UTC, datetime, time
from urllib.parse import urlencode

from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from headwater.accounts.permissions import Permission
from headwater.audit import actions, queries
from headwater.audit.queries import Search
from headwater.audit.tags import Tag
from headwater.errors import Invalid
from headwater.web.access import ActorRequest, page

PAGE = 100
#: How far back a check from the page goes; the whole chain is checked by ``headwater audit verify``.
CHECKED = 20_000


@page(Permission.AUDIT_READ)
@require_safe
def log(request: ActorRequest) -> HttpResponse:
    """Show entries, newest first. Search, place and check are in the address."""
    given = {name: request.GET.get(name, "").strip()[:200] for name in ("who", "subject", "tag", "from", "to")}
    search = Search(
        who=given["who"],
        subject=given["subject"],
        tag=given["tag"],
        since=_day(given["from"], time.min),
        until=_day(given["to"], time.max),
    )
    before = request.GET.get("before", "")
    found = queries.entries(
        request.actor, search, before=int(before) if before.isascii() and before.isdigit() else None, limit=PAGE
    )
    report = queries.check(request.actor, newest=CHECKED) if request.GET.get("check") == "1" else None
    with transaction.atomic():
        # Who reads the audit is in it too, with what they looked for.
        actions.record(request.actor, Tag.AUDIT_VIEWED, "audit", {name: text for name, text in given.items() if text})
    filters = {name: text for name, text in given.items() if text}
    context = {
        "found": found,
        "given": given,
        "searched": bool(filters),
        "tags": sorted(Tag),
        "head": queries.head(request.actor),
        "checkpoint": queries.last_checkpoint(),
        "report": report,
        "checked": CHECKED,
        "older": _address(filters | {"before": found.before}) if found.before is not None else "",
        "newest": _address(filters) if before else "",
        "check": _address(filters | {"check": 1}),
    }
    return render(request, "desk/audit.html", context)


def _day(text: str, at: time) -> datetime | None:
    if not text:
        return None
    try:
        return datetime.combine(datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC).date(), at, tzinfo=UTC)
    except ValueError as error:
        message = f"{text!r} is no day. Write it as 2026-07-30."
        raise Invalid(message) from error


def _address(parameters: Mapping[str, object]) -> str:
    return f"{reverse('audit')}?{urlencode(parameters)}" if parameters else reverse("audit")

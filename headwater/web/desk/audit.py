"""The audit screen: who did and saw what, and whether the record of it is whole."""

import io
import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime, time
from urllib.parse import urlencode

from django.db import transaction
from django.http import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from headwater.accounts.permissions import Permission
from headwater.audit import actions, queries
from headwater.audit.queries import By, Search
from headwater.audit.tags import Tag
from headwater.errors import Invalid
from headwater.evidence import tables
from headwater.web.access import ActorRequest, page
from headwater.web.downloads import attachment

PAGE = 100
_FILTERS = ("who", "subject", "process", "tag", "from", "to")
#: What a line of a sum narrows the entries by.
_NARROW = {By.PERSON: "who", By.OBJECT: "subject", By.PROCESS: "process"}
_VIEWS: tuple[tuple[str, By | None], ...] = (
    ("Entries", None), ("By person", By.PERSON), ("By object", By.OBJECT), ("By legal process", By.PROCESS),
)  # fmt: skip
#: How far back a check from the page goes; the whole chain is checked by ``headwater audit verify``.
CHECKED = 20_000


@page(Permission.AUDIT_READ)
@require_safe
def log(request: ActorRequest) -> HttpResponseBase:
    """Show entries, newest first, or added up. Search, place and check are in the address."""
    given = {name: request.GET.get(name, "").strip()[:200] for name in _FILTERS}
    search = Search(
        who=given["who"],
        subject=given["subject"],
        tag=given["tag"],
        process=given["process"],
        since=_day(given["from"], time.min),
        until=_day(given["to"], time.max),
    )
    by = next((one for one in By if one == request.GET.get("by")), None)
    if request.GET.get("form") == "csv":
        return _table(request, search, given, by)
    before = request.GET.get("before", "")
    found = queries.entries(
        request.actor, search, before=int(before) if before.isascii() and before.isdigit() else None, limit=PAGE
    )
    sums = queries.sums(request.actor, search, by) if by else []
    report = queries.check(request.actor, newest=CHECKED) if request.GET.get("check") == "1" else None
    with transaction.atomic():
        # Who reads the audit is in it too, with what they looked for.
        actions.record(request.actor, Tag.AUDIT_VIEWED, "audit", _looked_for(given, by))
    filters = {name: text for name, text in given.items() if text}
    context = {
        "found": found,
        "by": by.value if by else "",
        "sums": [(line, _address(filters | {_NARROW[by]: line.key})) for line in sums] if by else [],
        "views": [(label, _address(filters | ({"by": one.value} if one else {})), one is by) for label, one in _VIEWS],
        "save": _address(filters | ({"by": by.value} if by else {}) | {"form": "csv"}),
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


def _looked_for(given: Mapping[str, str], by: By | None) -> dict[str, str]:
    return {name: text for name, text in given.items() if text} | ({"by": by.value} if by else {})


def _table(request: ActorRequest, search: Search, given: Mapping[str, str], by: By | None) -> HttpResponseBase:
    """Return what is shown, as a table to be saved: lines of a sum, or the newest entries."""
    if by:
        lines = [asdict(line) for line in queries.sums(request.actor, search, by, limit=queries.MOST_SUMS)]
        octets = tables.csv_octets(("key", "entries", "people", "subjects", "first_at", "last_at"), lines)
    else:
        page = queries.entries(request.actor, search, limit=queries.MAX_PAGE)
        rows = [{**asdict(row), "detail": json.dumps(row.detail, sort_keys=True)} for row in page.entries]
        octets = tables.csv_octets(("seq", "at", "actor", "organisation", "tag", "subject", "detail", "hash"), rows)
    with transaction.atomic():
        actions.record(request.actor, Tag.AUDIT_EXPORTED, "audit", _looked_for(given, by))
    return attachment(io.BytesIO(octets), f"audit-by-{by.value}.csv" if by else "audit.csv", "text/csv")


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

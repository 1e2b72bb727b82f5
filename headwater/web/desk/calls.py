"""Look calls up: by numbers and time, tolerant of clocks and zones, or by an identifier. Called numbers are masked.

The form is posted, not asked for by an address, so that no telephone number comes to stand in a log or a history. For
programs the same address answers JSON. Each look-up is audited with what it was by and how many records it showed.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.conf import settings
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_http_methods

from headwater.accounts.permissions import Permission
from headwater.audit import actions as audit
from headwater.audit.tags import Tag
from headwater.calls.lookups import Key, Wanted
from headwater.calls.queries import CallQueries, connect
from headwater.calls.records import CallRecord
from headwater.errors import Invalid, Unavailable
from headwater.numbering.numbers import display, masked, state
from headwater.web.access import ActorRequest, page
from headwater.web.answers import json_answer, wants_json

LONGEST: Final = 256
WINDOWS: Final = ((60, "a minute"), (600, "10 minutes"), (3_600, "an hour"), (86_400, "a day"))
WORDS: Final = (
    ("numbers", "Numbers and time"),
    (Key.CALLING.value, "Calling number"),
    (Key.CALL_ID.value, "Call-ID"),
    (Key.IDENTITY.value, "Identity token (SHA-256)"),
    (Key.ORIGID.value, "origid"),
    (Key.SPC.value, "Delivering provider (SPC or OCN)"),
    (Key.TRUNK.value, "Trunk"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One record that answers, as a page shows it."""

    record_id: str
    call_at: datetime
    calling: str
    called: str
    called_state: str
    kind: str
    source_id: str
    attest: str
    rule: str
    confidence: float | None


@page(Permission.CALL_READ)
@require_http_methods(["GET", "HEAD", "POST"])
def find(request: ActorRequest) -> HttpResponse:
    """Show the form; after a POST also what answers."""
    names = ("by", "at", "called", "calling", "value", "window", "zones")
    given = {name: request.POST.get(name, "").strip()[:LONGEST] for name in names}
    context: dict[str, Any] = {"given": given, "windows": WINDOWS, "words": WORDS}
    status = 200
    if request.method == "POST":
        try:
            rows = _answers(request, given)
        except (Invalid, Unavailable) as error:
            status = 422 if isinstance(error, Invalid) else 503
            context["fault"] = str(error)
            rows = None
        if wants_json(request):
            answer = {"detail": context["fault"]} if rows is None else {"records": rows}
            return json_answer(answer, status=status)
        context["rows"] = rows
    return render(request, "desk/calls.html", context, status=status)


def _answers(request: ActorRequest, given: dict[str, str]) -> list[Row]:
    store = connect(settings.HEADWATER.calls_url)
    by = given["by"] or "numbers"
    if by not in {word for word, _ in WORDS}:
        raise Invalid("Choose what to look up by.")
    at, window = _moment(given["at"]), _window(given["window"])
    rows = _by_numbers(store, given, at, window) if by == "numbers" else _by_key(store, Key(by), given, at, window)
    with transaction.atomic():
        audit.record(request.actor, Tag.CALL_VIEWED, "lookup", {"by": by, "asked": 1, "shown": len(rows)})
    return rows


def _by_numbers(store: CallQueries, given: dict[str, str], at: datetime, window: int) -> list[Row]:
    wanted = Wanted(called=given["called"], calling=given["calling"], call_at=at)
    (found,) = store.find_calls([wanted], window_s=window, zones=bool(given["zones"]))
    return [_row(one.record, rule=one.sentence, confidence=round(one.confidence, 4)) for one in found[:500]]


def _by_key(store: CallQueries, key: Key, given: dict[str, str], at: datetime, window: int) -> list[Row]:
    reach = timedelta(seconds=window)
    return [_row(one) for one in store.by_key(key, given["value"], start=at - reach, end=at + reach)]


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise Invalid("Give the time of the call as 2026-11-24T15:04:05Z, or with an offset such as -05:00.") from None
    if moment.tzinfo is None:
        raise Invalid("The time has no zone: add Z for UTC, or an offset such as -05:00.")
    return moment


def _window(text: str) -> int:
    if text and text not in {str(seconds) for seconds, _ in WINDOWS}:
        raise Invalid("Choose one of the windows.")
    return int(text or WINDOWS[0][0])


def _row(record: CallRecord, *, rule: str = "", confidence: float | None = None) -> Row:
    return Row(
        record_id=str(record.record_id),
        call_at=record.call_at,
        calling=display(record.calling),
        called=masked(record.called),
        called_state=state(record.called),
        kind=record.record_kind.value,
        source_id=record.source_id,
        attest=record.attest,
        rule=rule,
        confidence=confidence,
    )

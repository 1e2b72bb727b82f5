"""The desk's page of legal holds: what stands, what was released; put on and taken off with a reason."""

from collections.abc import Callable
from datetime import UTC, datetime
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from headwater import clock
from headwater.accounts.permissions import Permission
from headwater.cases import holds as of_cases
from headwater.errors import Conflict, Invalid, NotFound
from headwater.legal import holds as of_process
from headwater.retention import actions, queries
from headwater.retention.queries import HoldView
from headwater.retention.rules import HoldKind, Wish
from headwater.web.access import ActorRequest, page
from headwater.web.answers import json_answer, wants_json

_WORDS = {
    HoldKind.CAMPAIGN: "Campaign",
    HoldKind.CASE: "Case",
    HoldKind.PROCESS: "Legal process",
    HoldKind.RECORDS: "Call records",
    HoldKind.SOURCE: "Source and time",
}


@page(Permission.HOLD_WRITE)
@require_safe
def holds(request: ActorRequest) -> HttpResponseBase:
    """List every hold, the standing ones first, and offer to put one on."""
    found = queries.holds(request.actor)
    if wants_json(request):
        return json_answer({"holds": found})
    wanted = next((name for name in ("case", "campaign", "process") if request.GET.get(name)), "campaign")
    context = {
        "standing": [(hold, _WORDS[hold.kind]) for hold in found if hold.released_at is None],
        "released": [(hold, _WORDS[hold.kind]) for hold in found if hold.released_at is not None],
        "kinds": [(kind.value, words) for kind, words in _WORDS.items()],
        "wanted": wanted,
        "reference": request.GET.get(wanted, "")[:64],
    }
    return render(request, "desk/holds.html", context)


@page(Permission.HOLD_WRITE)
@require_POST
def put_on(request: ActorRequest) -> HttpResponseBase:
    """Put a hold on what the form names."""
    said = request.POST

    def do() -> str:
        hold = _set(request)
        return f"Hold {hold.id} stands: {hold.records:,} records now, and what follows of them."

    _try(request, do)
    back = reverse("case", args=[said["reference"]]) if said.get("kind") == HoldKind.CASE else reverse("holds")
    return HttpResponseRedirect(back)


@page(Permission.HOLD_WRITE)
@require_POST
def release(request: ActorRequest, hold_id: str) -> HttpResponseBase:
    """Release one hold."""

    def do() -> str:
        actions.release_hold(request.actor, hold_id, reason=request.POST.get("reason", ""), now=clock.now())
        return f"Hold {hold_id} is released."

    _try(request, do)
    return HttpResponseRedirect(reverse("holds"))


def _set(request: ActorRequest) -> HoldView:
    said = request.POST
    reason, reference = said.get("reason", ""), said.get("reference", "").strip()
    match said.get("kind", ""):
        case HoldKind.CASE:
            return of_cases.hold(request.actor, reference, reason=reason)
        case HoldKind.PROCESS:
            return of_process.hold(request.actor, reference, reason=reason)
        case HoldKind.CAMPAIGN:
            wish = Wish(campaign=reference)
        case HoldKind.RECORDS:
            wish = Wish(records=_records(reference))
        case HoldKind.SOURCE:
            wish = Wish(source=reference, start=_moment(said.get("start", "")), end=_moment(said.get("end", "")))
        case _:
            raise Invalid("Choose what to hold.")
    return actions.set_hold(request.actor, wish, reason=reason, now=clock.now())


def _records(text: str) -> tuple[UUID, ...]:
    try:
        return tuple(UUID(word) for word in text.replace(",", " ").split())
    except ValueError as error:
        raise Invalid("Name call records by their identifiers, separated by spaces.") from error


def _moment(text: str) -> datetime | None:
    if not text.strip():
        return None
    try:
        return datetime.fromisoformat(text.strip().removesuffix("Z")).replace(tzinfo=UTC)
    except ValueError as error:
        raise Invalid("Write times in UTC: 2026-11-24 15:30.") from error


def _try(request: ActorRequest, do: Callable[[], str]) -> None:
    try:
        messages.success(request, do())
    except (Invalid, Conflict, NotFound) as error:
        messages.error(request, f"{str(error)[:1].upper()}{str(error)[1:]}")

"""The desk's page of the block feed: what it holds, appeals that wait, do-not-originate numbers."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from headwater import clock
from headwater.accounts.permissions import Permission
from headwater.errors import Conflict, Invalid, NotFound
from headwater.numbering.numbers import canonical
from headwater.relief import block_list, blocking
from headwater.relief.states import DO_NOT_ORIGINATE_REASONS, AppealState, BlockReason
from headwater.web.access import ActorRequest, page
from headwater.web.answers import json_answer, wants_json


@page(Permission.RELIEF_READ)
@require_safe
def entries(request: ActorRequest) -> HttpResponseBase:
    """Show the entries in force, the appeals, and the version that is out."""
    found = block_list.listed(request.actor, now=clock.now())
    appeals = block_list.appeals(request.actor)
    if wants_json(request):
        return json_answer({"entries": found, "appeals": appeals})
    try:
        latest: block_list.Published | None = block_list.published()
    except NotFound:
        latest = None
    context: dict[str, Any] = {
        "entries": found,
        "waiting": [one for one in appeals if one.state is AppealState.OPEN],
        "decided": [one for one in appeals if one.state is not AppealState.OPEN],
        "latest": latest,
        "reasons": [(reason.value, reason.label) for reason in DO_NOT_ORIGINATE_REASONS],
        "longest": blocking.LONGEST_DO_NOT_ORIGINATE.days,
        "may_write": request.actor.may(Permission.RELIEF_WRITE),
    }
    return render(request, "desk/block_feed.html", context)


@page(Permission.RELIEF_WRITE)
@require_POST
def enter(request: ActorRequest) -> HttpResponseBase:
    """Enter do-not-originate numbers, one a line."""

    def do() -> str:
        said = request.POST
        raw = said.get("numbers", "").replace(",", "\n").split("\n")
        typed = [line.strip() for line in raw if line.strip()]
        numbers = [canonical(line) for line in typed]
        if bad := [line for line, number in zip(typed, numbers, strict=True) if not number]:
            raise Invalid(f"{bad[0][:40]} is no telephone number.")
        if said.get("reason") not in list(BlockReason):
            raise Invalid("Choose the reason.")
        days = said.get("days", "")
        new = blocking.enter_do_not_originate(
            request.actor,
            numbers,
            ground=blocking.Ground(reason=BlockReason(said["reason"]), evidence=said.get("evidence", "")),
            days=int(days) if days.isascii() and days.isdecimal() and len(days) < 5 else 0,
        )
        return f"Entered {new}; the next version of the feed has them."

    return _done(request, do)


@page(Permission.RELIEF_WRITE)
@require_POST
def appeal(request: ActorRequest) -> HttpResponseBase:
    """Keep an appeal that somebody wrote or telephoned."""
    said = request.POST

    def do() -> str:
        found = blocking.appeal(
            request.actor, said.get("entry", "").strip(), text=said.get("text", ""),
            appellant=said.get("appellant", ""), contact=said.get("contact", ""),
        )  # fmt: skip
        return f"Appeal {found.id} waits for a decision."

    return _done(request, do)


@page(Permission.RELIEF_WRITE)
@require_POST
def decide(request: ActorRequest, appeal_id: str) -> HttpResponseBase:
    """Decide an appeal."""

    def do() -> str:
        upheld = request.POST.get("decision") == "uphold"
        blocking.decide_appeal(request.actor, appeal_id, upheld=upheld, reason=request.POST.get("reason", ""))
        return "Upheld: the entry leaves the feed with its next version." if upheld else "Refused: the entry stays."

    return _done(request, do)


@page(Permission.RELIEF_WRITE)
@require_POST
def withdraw(request: ActorRequest, entry_id: int) -> HttpResponseBase:
    """Take one entry back."""

    def do() -> str:
        blocking.withdraw_block(request.actor, entry_id, reason=request.POST.get("reason", ""))
        return "The entry is taken back."

    return _done(request, do)


def _done(request: ActorRequest, do: Callable[[], str]) -> HttpResponseRedirect:
    try:
        messages.success(request, do())
    except (Invalid, Conflict, NotFound) as error:
        messages.error(request, str(error))
    return HttpResponseRedirect(reverse("desk-block-feed"))

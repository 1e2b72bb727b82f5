"""A carrier's pages: its own record of conduct, a dispute of any part of it, and how its agent stands."""

from collections.abc import Callable

from django.contrib import messages
from django.http import HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from headwater import clock
from headwater.accounts.permissions import Permission
from headwater.conduct import actions, queries
from headwater.conduct.queries import WINDOW, WINDOWS
from headwater.conduct.rules import THRESHOLDS, VERSION
from headwater.errors import Conflict, Invalid, NotFound
from headwater.relief import queries as relief
from headwater.tracebacks import health
from headwater.web.access import ActorRequest, page


@require_GET
@page(Permission.CONDUCT_READ_OWN)
def own(request: ActorRequest) -> HttpResponseBase:
    """The provider's own record, as the consortium sees it."""
    if not request.actor.provider_id:
        raise NotFound("Your organisation is no provider of the register: ask the consortium.")
    days = window(request)
    sent = relief.notices(request.actor)
    record = queries.record(
        request.actor,
        request.actor.provider_id,
        days=days,
        notices=(len(sent), sum(one.answered for one in sent)),
    )
    actions.note_viewed(request.actor, record.provider.id)
    context = {"record": record, "days": days, "windows": WINDOWS, "limits": THRESHOLDS[VERSION], "now": clock.now()}
    return render(request, "carrier/record.html", context)


def window(request: ActorRequest) -> int:
    """Return the window that was asked for, in days."""
    asked = request.GET.get("days", "")
    return int(asked) if asked in {str(days) for days in WINDOWS} else WINDOW


@require_POST
@page(Permission.CONDUCT_DISPUTE)
def dispute(request: ActorRequest, question_id: str) -> HttpResponseBase:
    """Dispute one traced call of the record."""
    statement = request.POST.get("statement", "")
    return _done(
        request,
        lambda: actions.open_dispute(request.actor, question_id, statement=statement),
        "Your dispute is on record. The desk decides it, and you read the reason here.",
    )


@require_POST
@page(Permission.CONDUCT_DISPUTE)
def withdraw(request: ActorRequest, dispute_id: str) -> HttpResponseBase:
    """Withdraw one dispute."""
    return _done(request, lambda: actions.withdraw_dispute(request.actor, dispute_id), "The dispute is withdrawn.")


def _done(request: ActorRequest, act: Callable[[], object], said: str) -> HttpResponseBase:
    try:
        act()
    except (Invalid, Conflict) as error:
        messages.error(request, str(error))
    else:
        messages.success(request, said)
    return redirect("own-record")


@require_GET
@page(Permission.QUESTION_READ)
def agent(request: ActorRequest) -> HttpResponseBase:
    """How the provider's agent stands, as the hub sees it."""
    return render(request, "carrier/agent.html", {"agent": health.agent(request.actor), "now": clock.now()})

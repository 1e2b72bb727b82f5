"""What left Headwater by mail and webhook, and the proof that it was taken."""

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from headwater.accounts.permissions import Permission
from headwater.accounts.queries import organisation_names
from headwater.outbox import queries
from headwater.outbox.rules import State
from headwater.web.access import ActorRequest, page


@page(Permission.OUTBOX_READ)
@require_safe
def outbox(request: ActorRequest) -> HttpResponse:
    """Show the newest messages, of one state where it is asked for."""
    asked = request.GET.get("state", "")
    state = State(asked) if asked in list(State) else None
    messages = queries.messages(state=state, limit=200)
    names = organisation_names({message.organisation_id for message in messages})
    context = {
        "rows": [(message, names.get(message.organisation_id, "")) for message in messages],
        "counts": [(each, count) for each, count in queries.counts().items()],
        "state": state,
        "no_server": queries.mails_wait_for_a_server(),
    }
    return render(request, "desk/outbox.html", context)

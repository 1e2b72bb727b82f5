"""The desk's tracebacks: the queue by clock, one traceback in full, and opening one by hand."""

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.safestring import mark_safe
from django.views.decorators.http import require_GET, require_POST

from headwater import clock
from headwater.accounts.permissions import Permission
from headwater.conduct import queries as conduct
from headwater.errors import HeadwaterError
from headwater.tracebacks import actions, escalating, queries, shown
from headwater.tracebacks.queries import TracebackView
from headwater.tracebacks.states import TracebackState
from headwater.web.access import ActorRequest, page
from headwater.web.components import hop_path

if TYPE_CHECKING:
    import uuid

_FILTERS = [("", "All"), ("open", "Open"), *((state.value, state.label) for state in TracebackState)]


class OpenForm(forms.Form):
    """One call to trace, by the identifier of its record."""

    record_id = forms.UUIDField(
        label="Call record",
        help_text="Identifier of the record in the call store.",
        widget=forms.TextInput(attrs={"class": "usa-input", "autocomplete": "off"}),
    )


@require_GET
@page(Permission.TRACEBACK_READ)
def listing(request: ActorRequest) -> HttpResponseBase:
    """The queue: open tracebacks by the clock that runs out first, then the ended ones."""
    state = request.GET.get("state", "")
    if state not in dict(_FILTERS):
        state = ""
    form = OpenForm(initial={"record_id": request.GET.get("record", "")})
    context = _queue(request, form, state)
    # The page asks for its table again every few seconds; the fragment is the same template's part.
    template = "desk/traceback_rows.html" if _is_fragment(request) else "desk/tracebacks.html"
    return render(request, template, context)


@require_GET
@page(Permission.TRACEBACK_READ)
def detail(request: ActorRequest, traceback_id: str) -> HttpResponseBase:
    """One traceback. Opening the page is audited; its own refreshing is not a further look."""
    view = queries.traceback(request.actor, traceback_id)
    if _is_fragment(request):
        return render(request, "desk/traceback_live.html", _shown(request, view))
    actions.note_viewed(request.actor, traceback_id)
    beside = {
        "answers": shown.answers(request.actor, traceback_id),
        "tellings": shown.tellings(request.actor, traceback_id),
        "disputes": conduct.disputes(request.actor, traceback_id=traceback_id),
    }
    return render(request, "desk/traceback.html", _shown(request, view) | beside)


@require_POST
@page(Permission.TRACEBACK_OPEN)
def open_by_hand(request: ActorRequest) -> HttpResponseBase:
    """Open a traceback of one call."""
    form = OpenForm(request.POST)
    if form.is_valid():
        record_id: uuid.UUID = form.cleaned_data["record_id"]
        try:
            return redirect("traceback", actions.open_for_call(request.actor, record_id))
        except HeadwaterError as error:
            form.add_error("record_id", str(error))
    return render(request, "desk/tracebacks.html", _queue(request, form, ""), status=422)


@require_POST
@page(Permission.TRACEBACK_OPEN)
def duty(request: ActorRequest) -> HttpResponse:
    """Be mailed of overdue questions, or no longer."""
    if request.POST.get("duty") == "take":
        escalating.take_duty(request.actor)
        messages.success(request, f"Overdue questions are mailed to {request.actor.email} from now on.")
    else:
        escalating.leave_duty(request.actor)
        messages.success(request, "You are not mailed of overdue questions any more.")
    return redirect(f"{reverse('tracebacks')}#overdue")


@require_POST
@page(Permission.TRACEBACK_OPEN)
def cancel(request: ActorRequest, traceback_id: str) -> HttpResponse:
    """Call a traceback off, with the reason."""
    actions.cancel(request.actor, traceback_id, reason=request.POST.get("reason", ""))
    messages.success(request, f"{traceback_id} is called off.")
    return redirect("traceback", traceback_id)


@require_POST
@page(Permission.TRACEBACK_OPEN)
def reopen(request: ActorRequest, traceback_id: str) -> HttpResponse:
    """Let an ended traceback go on, with the reason."""
    actions.reopen(request.actor, traceback_id, reason=request.POST.get("reason", ""))
    messages.success(request, f"{traceback_id} goes on: its last provider is asked again.")
    return redirect("traceback", traceback_id)


def _queue(request: ActorRequest, form: OpenForm, state: str) -> dict[str, Any]:
    return {
        "rows": queries.tracebacks(request.actor, state=state),
        "state": state,
        "filters": _FILTERS,
        "overdue": escalating.escalations(request.actor),
        "duty": escalating.duty(request.actor),
        "may_open": request.actor.may(Permission.TRACEBACK_OPEN),
        "form": form,
        "now": clock.now(),
    }


def _shown(request: ActorRequest, view: TracebackView) -> dict[str, Any]:
    drawing = hop_path.of(view)
    return {
        "traceback": view,
        "next_steps": shown.next_steps(view, clock.now()),
        "finding": drawing.finding,
        # The drawing escapes every text that it holds.
        "path": mark_safe(drawing.svg),  # noqa: S308 - see above
        "may_cancel": view.is_open and request.actor.may(Permission.TRACEBACK_OPEN),
        "may_reopen": not view.is_open and bool(view.path) and request.actor.may(Permission.TRACEBACK_OPEN),
        "now": clock.now(),
    }


def _is_fragment(request: ActorRequest) -> bool:
    return request.headers.get("HX-Request") == "true"

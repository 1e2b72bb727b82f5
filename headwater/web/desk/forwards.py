"""The desk's traces forward: who serves a call-back number. List, one in full, open, record an answer, call off."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from headwater import clock
from headwater.accounts.permissions import Permission
from headwater.errors import Conflict, HeadwaterError, Invalid
from headwater.providers import queries as providers
from headwater.tracebacks import forward_shown, forwarding
from headwater.tracebacks.forward import ForwardState
from headwater.tracebacks.forward_answering import CODES
from headwater.tracebacks.trace import Party
from headwater.web.access import ActorRequest, page
from headwater.web.answers import json_answer, wants_json
from headwater.wire.forward import ForwardCode


def _text(label: str, most: int, help_text: str = "", *, required: bool = False, **attributes: str) -> forms.CharField:
    widget = forms.TextInput(attrs={"class": "usa-input", "autocomplete": "off", **attributes})
    return forms.CharField(label=label, max_length=most, required=required, help_text=help_text, widget=widget)


class OpenForm(forms.Form):
    """One call-back number to trace forward."""

    number = _text("Call-back number", 40, "In any form, such as 1-800-555-0142.", required=True)
    campaign = _text("Campaign whose calls say it", 16, "Its identifier; empty for none.")
    spc = _text(
        "A further provider to ask (optional)",
        16,
        "The holder of the number's block is asked by itself.",
        list="register",
    )
    why = _text("What points at it", 200, "Such as: responsible organisation of the toll-free number.")

    def clean(self) -> dict[str, Any]:
        """Ask for the reason that a further provider is asked for."""
        said: dict[str, Any] = super().clean() or self.cleaned_data
        if said.get("spc") and not said.get("why"):
            self.add_error("why", "Say what points at the provider: it is told so, and the outcome rests on it.")
        return said


class AnswerForm(forms.Form):
    """What a provider said by letter, mail or telephone."""

    spc = forms.CharField(max_length=16, widget=forms.HiddenInput)
    code = forms.ChoiceField(
        label="What it said",
        choices=[
            (code.value, words.replace("our own", "its own").replace("We ", "It ")) for code, words in CODES.items()
        ],
        widget=forms.Select(attrs={"class": "usa-select"}),
    )
    names = _text("Code of the provider that it names", 16, list="register")
    called = _text("Name of that provider", 200)
    country = _text("Country of that provider", 2, "Two letters, such as US or CA.")
    document = _text("Letter or mail that says so", 200, required=True)
    note = _text("What else it said", 2_000, "Name no customer: who it is needs legal process.")


@page(Permission.TRACEBACK_READ)
@require_safe
def listing(request: ActorRequest) -> HttpResponseBase:
    """Traces forward, newest first, and the form that opens one."""
    rows = forwarding.forwards(request.actor)
    if wants_json(request):
        return json_answer({"forwards": rows})
    form = OpenForm(initial={"number": request.GET.get("number", ""), "campaign": request.GET.get("campaign", "")})
    return _listing(request, form)


def _listing(request: ActorRequest, form: OpenForm, status: int = 200) -> HttpResponse:
    context = {
        "rows": forwarding.forwards(request.actor),
        "form": form,
        "may_open": request.actor.may(Permission.TRACEBACK_OPEN),
        "register": providers.search(request.actor),
    }
    return render(request, "desk/forwards.html", context, status=status)


@page(Permission.TRACEBACK_OPEN)
@require_POST
def open_by_hand(request: ActorRequest) -> HttpResponseBase:
    """Begin to trace a number forward."""
    form = OpenForm(request.POST)
    if form.is_valid():
        given = form.cleaned_data
        pointers = {given["spc"].strip().upper(): given["why"]} if given["spc"].strip() else {}
        try:
            opened = forwarding.open_forward(
                request.actor, given["number"], campaign_id=given["campaign"].strip(), pointers=pointers
            )
            return redirect("forward", opened)
        except HeadwaterError as error:
            form.add_error(None, str(error))
    return _listing(request, form, status=422)


@page(Permission.TRACEBACK_READ)
@require_safe
def detail(request: ActorRequest, forward_id: str) -> HttpResponseBase:
    """One trace forward. Each look is audited."""
    found = forward_shown.page(request.actor, forward_id)
    if wants_json(request):
        return json_answer(found)
    return _detail(request, found, AnswerForm(auto_id="%s"))


def _detail(
    request: ActorRequest, found: forward_shown.ForwardPage, form: AnswerForm, status: int = 200
) -> HttpResponse:
    may = request.actor.may(Permission.TRACEBACK_OPEN)
    context = {
        "found": found,
        "view": found.view,
        "trace": found.view.trace,
        "form": form,
        "may_record": may and found.view.trace.state is not ForwardState.CANCELLED,
        "may_cancel": may and found.view.trace.state is ForwardState.IN_PROGRESS,
        "register": providers.search(request.actor) if may else [],
        "now": clock.now(),
    }
    return render(request, "desk/forward.html", context, status=status)


@page(Permission.TRACEBACK_OPEN)
@require_POST
def answer(request: ActorRequest, forward_id: str) -> HttpResponseBase:
    """Record what a provider said outside, by which document. A correction is a further answer."""
    form = AnswerForm(request.POST, auto_id="%s")
    if form.is_valid():
        try:
            _record(request, forward_id, form.cleaned_data)
        except (Invalid, Conflict) as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, "The answer is recorded.")
            return redirect("forward", forward_id)
    return _detail(request, forward_shown.page(request.actor, forward_id), form, status=422)


def _record(request: ActorRequest, forward_id: str, given: dict[str, str]) -> None:
    named = providers.by_spc(given["names"])
    spc, called = given["names"].strip().upper(), given["called"].strip()
    country = given["country"].strip().upper() or "US"
    party = Party(spc=spc, name=called, country=country) if spc or called else None
    if named is not None:
        party = Party(spc=named.spc, name=named.name, country=named.country)
    forwarding.record_forward_answer(
        request.actor,
        forward_id,
        spc=given["spc"],
        code=ForwardCode(given["code"]),
        names=party,
        note=given["note"],
        document=given["document"],
    )


@page(Permission.TRACEBACK_OPEN)
@require_POST
def cancel(request: ActorRequest, forward_id: str) -> HttpResponseBase:
    """Call a trace forward off, with the reason."""
    try:
        forwarding.cancel_forward(request.actor, forward_id, request.POST.get("reason", ""))
    except (Invalid, Conflict) as error:
        messages.error(request, str(error))
    else:
        messages.success(request, f"{forward_id} is called off.")
    return redirect("forward", forward_id)

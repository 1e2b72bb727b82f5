"""A carrier's pages: the notices it was sent, and what it reports on each."""

import io
from datetime import UTC, datetime

from django import forms
from django.contrib import messages
from django.http import HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from headwater import clock
from headwater.accounts.permissions import Permission
from headwater.errors import Conflict, Invalid
from headwater.relief import actions, delivery, queries
from headwater.relief.states import ReportedAction
from headwater.web import downloads
from headwater.web.access import ActorRequest, page


class ReportForm(forms.Form):
    """What the provider did."""

    action = forms.ChoiceField(
        label="What did you do?",
        choices=ReportedAction.choices(),
        widget=forms.RadioSelect(attrs={"class": "usa-radio__input usa-radio__input--tile"}),
    )
    acted_at = forms.DateTimeField(
        label="From when (UTC)",
        help_text="Such as 2026-11-24 15:30. Calls before and after this time are compared.",
        input_formats=["%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M"],
        widget=forms.DateTimeInput(attrs={"class": "usa-input"}),
    )
    note = forms.CharField(
        label="Note",
        max_length=actions.MAX_TEXT,
        required=False,
        help_text="Which steps keep the calls from coming back; where you dispute the notice, why. Name no customer.",
        widget=forms.Textarea(attrs={"class": "usa-textarea", "rows": 4}),
    )

    def clean_acted_at(self) -> datetime:
        """Return the time as typed, which is UTC."""
        at: datetime = self.cleaned_data["acted_at"]
        return at.replace(tzinfo=UTC)


@require_GET
@page(Permission.NOTICE_ANSWER)
def listing(request: ActorRequest) -> HttpResponseBase:
    """The notices of this provider, newest first."""
    return render(request, "carrier/notices.html", {"rows": queries.notices(request.actor), "now": clock.now()})


@require_http_methods(["GET", "POST"])
@page(Permission.NOTICE_ANSWER)
def notice(request: ActorRequest, notice_id: str) -> HttpResponseBase:
    """One notice with its form. Opening it is the proof of its delivery."""
    form = ReportForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        said = form.cleaned_data
        try:
            actions.report(
                request.actor,
                notice_id,
                action=ReportedAction(said["action"]),
                acted_at=said["acted_at"],
                note=said["note"],
            )
        except (Invalid, Conflict) as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, "Your report is recorded.")
            return redirect("notice", notice_id)
    found = actions.open_notice(request.actor, notice_id)
    context = {"notice": found, "form": form, "now": clock.now()}
    return render(request, "carrier/notice.html", context, status=422 if form.errors else 200)


@require_POST
@page(Permission.NOTICE_ANSWER)
def acknowledge(request: ActorRequest, notice_id: str) -> HttpResponseBase:
    """Acknowledge one notice."""
    try:
        actions.acknowledge(request.actor, notice_id)
    except Conflict as error:
        messages.error(request, str(error))
    else:
        messages.success(request, "The notice is acknowledged.")
    return redirect("notice", notice_id)


@require_GET
@page(Permission.NOTICE_ANSWER)
def document(request: ActorRequest, notice_id: str, document_id: int) -> HttpResponseBase:
    """Hand out a document that was served with a notice."""
    name, octets = delivery.document(request.actor, notice_id, document_id)
    return downloads.attachment(io.BytesIO(octets), name, "application/pdf")

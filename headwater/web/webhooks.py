"""An organisation's webhook endpoints: the same pages in the portal and for carriers."""

from typing import Any, Final

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from headwater.accounts import webhooks
from headwater.accounts.permissions import Permission
from headwater.accounts.webhook_kinds import OFFERED, EventKind
from headwater.errors import Conflict, Invalid
from headwater.outbox import queries as outbox
from headwater.web.access import ActorRequest, page

#: Kind -> what a person reads.
WORDS: Final[dict[EventKind, str]] = {
    EventKind.ALERT_SENT: "An alert for your agency",
    EventKind.NOTICE_SENT: "A notice to your company",
    EventKind.PROCESS_CHANGED: "A step of your agency's process",
    EventKind.QUESTION_ASKED: "A question about a call",
    EventKind.QUESTION_REMINDED: "A question's due time draws near or has passed",
    EventKind.TEST: "A test",
}


class KindsForm(forms.Form):
    """What an endpoint is told."""

    kinds = forms.MultipleChoiceField(
        label="Tell it of",
        widget=forms.CheckboxSelectMultiple(attrs={"class": "usa-checkbox__input"}),
    )

    def __init__(self, data: Any, actor: Any, **more: Any) -> None:
        super().__init__(data, **more)
        offered = OFFERED.get(actor.organisation_kind, ())
        field: Any = self.fields["kinds"]
        field.choices = [(kind.value, WORDS[kind]) for kind in offered]


class NewForm(KindsForm):
    """A new endpoint."""

    url = forms.CharField(
        label="Address",
        max_length=2_048,
        help_text="Begins with https:// and is reachable from the internet. No password in it: each event is signed.",
        widget=forms.URLInput(attrs={"class": "usa-input", "autocomplete": "off"}),
    )
    field_order = ("url", "kinds")


@page(Permission.WEBHOOK_MANAGE)
@never_cache
@require_http_methods(["GET", "POST"])
def listing(request: ActorRequest) -> HttpResponseBase:
    """Show the organisation's endpoints, and register one: its secret is shown in this answer and never again."""
    form = NewForm(request.POST if request.method == "POST" else None, request.actor)
    if request.method == "POST" and form.is_valid():
        try:
            added, secret = webhooks.add(request.actor, url=form.cleaned_data["url"], kinds=form.cleaned_data["kinds"])
        except (Invalid, Conflict) as error:
            form.add_error("url", str(error))
        else:
            return _secret(request, added.id, secret)
    rows = webhooks.endpoints(request.actor)
    context = {"rows": rows, "form": form, "words": {kind.value: words for kind, words in WORDS.items()}}
    return render(request, "webhooks/list.html", context, status=422 if form.errors else 200)


@page(Permission.WEBHOOK_MANAGE)
@never_cache
@require_http_methods(["GET", "POST"])
def endpoint(request: ActorRequest, endpoint_id: str) -> HttpResponseBase:
    """Show one endpoint with what was sent to it, and change what it is told."""
    found = webhooks.endpoint(request.actor, endpoint_id)
    initial = {"kinds": [kind.value for kind in found.kinds]}
    form = KindsForm(request.POST if request.method == "POST" else None, request.actor, initial=initial)
    if request.method == "POST" and form.is_valid():
        paused = "pause" in request.POST or (found.paused_at is not None and "resume" not in request.POST)
        webhooks.change(request.actor, endpoint_id, kinds=form.cleaned_data["kinds"], paused=paused)
        messages.success(request, "Saved.")
        return redirect("webhook", endpoint_id)
    sent = outbox.to_endpoint(found.id, limit=50)
    context = {"endpoint": found, "form": form, "sent": sent}
    return render(request, "webhooks/endpoint.html", context, status=422 if form.errors else 200)


@page(Permission.WEBHOOK_MANAGE)
@never_cache
@require_POST
def rotate(request: ActorRequest, endpoint_id: str) -> HttpResponseBase:
    """Make a new secret and show it this once."""
    return _secret(request, endpoint_id, webhooks.rotate(request.actor, endpoint_id))


@page(Permission.WEBHOOK_MANAGE)
@require_POST
def test(request: ActorRequest, endpoint_id: str) -> HttpResponseBase:
    """Send a test event."""
    webhooks.test(request.actor, endpoint_id)
    messages.success(request, "A test is on its way; its outcome appears below within seconds.")
    return redirect("webhook", endpoint_id)


@page(Permission.WEBHOOK_MANAGE)
@require_POST
def remove(request: ActorRequest, endpoint_id: str) -> HttpResponseBase:
    """Remove an endpoint."""
    webhooks.remove(request.actor, endpoint_id)
    messages.success(request, "The endpoint is removed; nothing is sent to it any more.")
    return redirect("webhooks")


def _secret(request: HttpRequest, endpoint_id: str, secret: str) -> HttpResponseBase:
    return render(request, "webhooks/secret.html", {"endpoint_id": endpoint_id, "secret": secret})

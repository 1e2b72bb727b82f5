"""The agency's subscriptions to alerts: what it is written about, where to, how often; and the link that ends one."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from headwater.accounts.permissions import Permission
from headwater.alerts import feed, subscriptions
from headwater.alerts.rules import Agency
from headwater.alerts.subscriptions import SubscriptionView, Wanted
from headwater.alerts.values import Cadence
from headwater.errors import Conflict, Forbidden, Invalid
from headwater.numbering.places import PLACES, name_of
from headwater.web.access import ActorRequest, page
from headwater.web.answers import json_answer, wants_json

_BOXES = {"class": "usa-checkbox__input"}


class SubscriptionForm(forms.Form):
    """What an officer asks to be written about."""

    name = forms.CharField(
        label="Name", max_length=80, widget=forms.TextInput(attrs={"class": "usa-input"}),
        help_text="For your colleagues, such as: Utility scams, at once",
        error_messages={"required": "Enter a name"},
    )  # fmt: skip
    states = forms.MultipleChoiceField(
        label="States", required=False, widget=forms.SelectMultiple(attrs={"class": "usa-select hw-many", "size": "7"}),
        help_text="None chosen: each that your agency is told of. Hold Ctrl to choose several.",
    )  # fmt: skip
    families = forms.MultipleChoiceField(
        label="Families of campaigns", required=False, widget=forms.CheckboxSelectMultiple(attrs=_BOXES),
        help_text="None chosen: all.",
    )  # fmt: skip
    calls_an_hour = forms.IntegerField(
        label="From how many calls an hour", min_value=0, max_value=1_000_000, initial=0,
        widget=forms.NumberInput(attrs={"class": "usa-input usa-input--md"}),
        help_text="In these states, at the vantage point that sees most. 0: any.",
    )  # fmt: skip
    cadence = forms.ChoiceField(
        label="How often", choices=Cadence.choices(), initial=Cadence.AT_ONCE.value,
        widget=forms.Select(attrs={"class": "usa-select"}),
        help_text="At once: beyond six mails an hour the rest comes in one.",
    )  # fmt: skip
    email = forms.EmailField(
        label="Mail address", required=False, widget=forms.EmailInput(attrs={"class": "usa-input"}),
        help_text="Empty: no mails. Each mail has a link that ends the subscription.",
    )  # fmt: skip
    webhook = forms.BooleanField(
        label="Tell our webhook endpoints too", required=False, initial=True, widget=forms.CheckboxInput(attrs=_BOXES)
    )

    def __init__(self, data: Any, agency: Agency, **more: Any) -> None:
        super().__init__(data, **more)
        if agency.state:
            # It is told of its own state alone: nothing to choose.
            del self.fields["states"]
        else:
            states: Any = self.fields["states"]
            states.choices = [(code, place.name) for code, place in PLACES.items()]
        families: Any = self.fields["families"]
        known = {*subscriptions.families(), *(self.initial.get("families") or ())}
        families.choices = [(family, family) for family in sorted(known)]

    def wanted(self) -> Wanted:
        """Return what a valid form asks for."""
        said = self.cleaned_data
        return Wanted(
            name=said["name"],
            states=tuple(said.get("states", ())),
            families=tuple(said["families"]),
            calls_an_hour=said["calls_an_hour"],
            cadence=Cadence(said["cadence"]),
            email=said["email"],
            webhook=said["webhook"],
        )


@page(Permission.ALERT_READ)
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def index(request: ActorRequest) -> HttpResponseBase:
    """List the agency's subscriptions, and make one."""
    agency = subscriptions.agency_of(request.actor)
    sent = request.POST if request.method == "POST" else None
    form = SubscriptionForm(sent, agency, initial={"email": request.user.email})
    if sent is not None and form.is_valid():
        try:
            made = subscriptions.subscribe(request.actor, form.wanted())
        except (Conflict, Forbidden, Invalid) as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, f"Subscribed: {made.name}. You are written to of what is new from now on.")
            return HttpResponseRedirect(reverse("subscriptions"))
    rows = subscriptions.subscriptions(request.actor)
    if wants_json(request):
        return json_answer({"subscriptions": rows})
    context = {
        "rows": rows,
        "form": form,
        "agency": agency,
        "place": name_of(agency.state) if agency.state else "",
        "taxii": request.build_absolute_uri(f"/{feed.TAXII}"),
        "collection": feed.collection_id(agency.organisation_id),
    }
    status = 422 if sent is not None else 200
    return render(request, "portal/subscriptions.html", context, status=status)


@page(Permission.ALERT_READ)
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def subscription(request: ActorRequest, subscription_id: str) -> HttpResponseBase:
    """Show one subscription, and change it."""
    agency = subscriptions.agency_of(request.actor)
    row = subscriptions.subscription(request.actor, subscription_id)
    sent = request.POST if request.method == "POST" else None
    form = SubscriptionForm(sent, agency, initial=_initial(row))
    if sent is not None and form.is_valid():
        try:
            subscriptions.change(request.actor, subscription_id, form.wanted())
        except (Forbidden, Invalid) as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, "Changed.")
            return HttpResponseRedirect(reverse("subscriptions"))
    context = {"row": row, "form": form, "agency": agency}
    return render(request, "portal/subscription.html", context, status=422 if sent is not None else 200)


def _initial(row: SubscriptionView) -> dict[str, Any]:
    return {
        "name": row.name,
        "states": list(row.states),
        "families": list(row.families),
        "calls_an_hour": row.calls_an_hour,
        "cadence": row.cadence.value,
        "email": row.email,
        "webhook": row.webhook,
    }


@page(Permission.ALERT_READ)
@require_POST
def act(request: ActorRequest, subscription_id: str) -> HttpResponseBase:
    """Pause, resume or end a subscription, as the button says."""
    said = request.POST.get("act", "")
    if said == "pause":
        subscriptions.pause(request.actor, subscription_id)
    elif said == "resume":
        subscriptions.resume(request.actor, subscription_id)
    elif said == "end":
        subscriptions.end(request.actor, subscription_id)
        messages.success(request, "Ended. Nothing more is sent for it.")
    else:
        raise Invalid("The form says neither pause, resume nor end; nothing was changed.")
    return HttpResponseRedirect(reverse("subscriptions"))


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def stop(request: HttpRequest, token: str) -> HttpResponseBase:
    """End a subscription by the link of a mail. Asked first: programs that look at mails open links, and must not."""
    if request.method == "POST":
        subscriptions.end_by_link(token)
        return render(request, "portal/subscription_stopped.html", {"done": True})
    return render(request, "portal/subscription_stopped.html", {"row": subscriptions.of_token(token)})

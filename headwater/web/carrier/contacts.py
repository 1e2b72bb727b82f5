"""A carrier's pages: whom questions, reminders and escalations are written to."""

from django import forms
from django.contrib import messages
from django.http import HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from headwater.accounts.permissions import Permission
from headwater.errors import Conflict, Invalid
from headwater.providers import contacts
from headwater.providers.models import ContactTier
from headwater.tracebacks.reminders import AUDIENCES, Audience, Step
from headwater.web.access import ActorRequest, page

_TIERS = {
    Audience.FIRST: "Contacts",
    Audience.ESCALATION: "Escalation contacts and contacts",
    Audience.DESK: "The desk",
}


class ContactForm(forms.Form):
    """One contact."""

    name = forms.CharField(label="Name or role", max_length=200, widget=forms.TextInput(attrs={"class": "usa-input"}))
    email = forms.EmailField(
        label="Mail address",
        help_text="A shared address that is read around the clock is best.",
        widget=forms.EmailInput(attrs={"class": "usa-input", "autocomplete": "off"}),
    )
    tier = forms.ChoiceField(
        label="When is it written to?",
        choices=[(tier.value, tier.label) for tier in ContactTier],
        widget=forms.Select(attrs={"class": "usa-select"}),
    )


@require_http_methods(["GET", "POST"])
@page(Permission.CONTACT_WRITE)
def listing(request: ActorRequest) -> HttpResponseBase:
    """Who is written to when, with the form that names one more."""
    form = ContactForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        said = form.cleaned_data
        try:
            contacts.add(request.actor, name=said["name"], email=said["email"], tier=ContactTier(said["tier"]))
        except (Invalid, Conflict) as error:
            form.add_error("email", str(error))
        else:
            messages.success(request, f"{said['email']} is written to from now on.")
            return redirect("contacts")
    context = {
        "form": form,
        "rows": contacts.own(request.actor),
        "steps": [(step.label, _TIERS[AUDIENCES[step]]) for step in Step],
    }
    return render(request, "carrier/contacts.html", context, status=422 if form.errors else 200)


@require_POST
@page(Permission.CONTACT_WRITE)
def remove(request: ActorRequest, contact_id: str) -> HttpResponseBase:
    """Write to one contact no more."""
    contacts.remove(request.actor, contact_id)
    messages.success(request, "That address is written to no more.")
    return redirect("contacts")

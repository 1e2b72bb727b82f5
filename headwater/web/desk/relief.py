"""The desk's page of one campaign's end: who can stop it, what was done, and what the calls did after."""

import io
from datetime import UTC, datetime
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from headwater import clock
from headwater.accounts.permissions import Permission
from headwater.errors import Conflict, Invalid, NotFound, TooLarge
from headwater.legal.documents import LARGEST_DOCUMENT, inspect
from headwater.numbering.numbers import E164
from headwater.relief import actions, blocking, delivery, queries, rules
from headwater.relief.states import ENTERED_BY_HAND, DeliveryWay, MeasureKind, NoticeKind
from headwater.web import downloads
from headwater.web.access import ActorRequest, page
from headwater.web.components.before_after import before_after


class NoticeForm(forms.Form):
    """Which notice, and for a court order which one."""

    provider = forms.CharField(max_length=16, widget=forms.HiddenInput)
    kind = forms.ChoiceField(choices=NoticeKind.choices())
    order = forms.CharField(max_length=actions.MAX_TEXT, required=False)
    document = forms.FileField(required=False)


class DeliveryForm(forms.Form):
    """How a notice was delivered outside Headwater."""

    way = forms.ChoiceField(choices=DeliveryWay.choices())
    at = forms.DateTimeField(input_formats=["%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M"])
    proof = forms.CharField(max_length=delivery.MAX_PROOF)


class MeasureForm(forms.Form):
    """A measure that was taken elsewhere."""

    kind = forms.ChoiceField(
        label="What was it?",
        choices=[(kind.value, kind.label) for kind in ENTERED_BY_HAND],
        widget=forms.Select(attrs={"class": "usa-select"}),
    )
    at = forms.DateTimeField(
        label="When (UTC)",
        help_text="Such as 2026-11-24 15:30.",
        input_formats=["%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M"],
        widget=forms.DateTimeInput(attrs={"class": "usa-input"}),
    )
    what = forms.CharField(
        label="What was done",
        max_length=actions.MAX_WHAT,
        help_text="For an order: court, case number, whom it binds.",
        widget=forms.TextInput(attrs={"class": "usa-input"}),
    )

    def clean_at(self) -> datetime:
        """Return the time as typed, which is UTC."""
        at: datetime = self.cleaned_data["at"]
        return at.replace(tzinfo=UTC)


@page(Permission.RELIEF_READ)
@require_safe
def relief(request: ActorRequest, campaign_id: str) -> HttpResponseBase:
    """Show who can stop the campaign, what was done, and what its calls did."""
    return _shown(request, campaign_id, MeasureForm())


def _shown(request: ActorRequest, campaign_id: str, form: MeasureForm) -> HttpResponseBase:
    now = clock.now()
    found = queries.relief(request.actor, campaign_id, now=now)
    may = request.actor.may
    context: dict[str, Any] = {
        "view": found,
        "drawing": before_after(found.chart),
        "caution": rules.CAUTION,
        "form": form,
        "kinds": NoticeKind.choices(),
        "ways": DeliveryWay.choices(),
        "may_send": may(Permission.NOTICE_SEND),
        "may_write": may(Permission.RELIEF_WRITE),
        "longest_block": blocking.LONGEST_BLOCK.days,
        "now": now,
    }
    return render(request, "desk/relief.html", context, status=422 if form.errors else 200)


@page(Permission.NOTICE_SEND)
@require_POST
def send(request: ActorRequest, campaign_id: str) -> HttpResponseBase:
    """Send one notice."""
    form = NoticeForm(request.POST, request.FILES)
    if not form.is_valid():
        messages.error(request, "Choose which notice to send.")
        return _back(campaign_id)
    said = form.cleaned_data
    try:
        file = said["document"]
        sent = actions.send_notice(
            request.actor,
            campaign_id,
            said["provider"],
            kind=NoticeKind(said["kind"]),
            order=said["order"],
            document=inspect(file.name, file.read(LARGEST_DOCUMENT + 1)) if file else None,
        )
    except (Conflict, Invalid, TooLarge) as error:
        messages.error(request, str(error))
    else:
        messages.success(request, f"Notice {sent.id} is in the pages of {sent.provider_name}.")
    return _back(campaign_id)


@page(Permission.NOTICE_SEND)
@require_POST
def delivered(request: ActorRequest, campaign_id: str, notice_id: str) -> HttpResponseBase:
    """Enter how a notice was delivered outside Headwater."""
    form = DeliveryForm(request.POST)
    if not form.is_valid():
        messages.error(request, "Say how it was delivered, when (UTC, such as 2026-11-24 15:30), and what proves it.")
        return _back(campaign_id)
    said = form.cleaned_data
    try:
        delivery.enter_delivery(
            request.actor,
            notice_id,
            way=DeliveryWay(said["way"]),
            at=said["at"].replace(tzinfo=UTC),
            proof=said["proof"],
        )
    except Invalid as error:
        messages.error(request, str(error))
    else:
        messages.success(request, f"The delivery of {notice_id} is entered.")
    return _back(campaign_id)


@page(Permission.RELIEF_READ)
@require_safe
def document(request: ActorRequest, campaign_id: str, notice_id: str, document_id: int) -> HttpResponseBase:  # noqa: ARG001 - its place in the address
    """Hand out a document that was served with a notice."""
    name, octets = delivery.document(request.actor, notice_id, document_id)
    return downloads.attachment(io.BytesIO(octets), name, "application/pdf")


@page(Permission.RELIEF_WRITE)
@require_POST
def measure(request: ActorRequest, campaign_id: str) -> HttpResponseBase:
    """Enter a measure."""
    form = MeasureForm(request.POST)
    if form.is_valid():
        said = form.cleaned_data
        try:
            actions.enter_measure(
                request.actor, campaign_id, kind=MeasureKind(said["kind"]), at=said["at"], what=said["what"]
            )
        except Invalid as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, "The measure is entered; before and after are compared at it from now on.")
            return _back(campaign_id)
    return _shown(request, campaign_id, form)


@page(Permission.RELIEF_WRITE)
@require_POST
def block(request: ActorRequest, campaign_id: str) -> HttpResponseBase:
    """Enter block entries for the chosen calling numbers."""
    days = request.POST.get("days", "")
    chosen = [E164(number) for number in request.POST.getlist("number")]
    try:
        new = blocking.block_numbers(
            request.actor, campaign_id, chosen, days=int(days) if days.isascii() and days.isdecimal() else 0
        )
    except Invalid as error:
        messages.error(request, str(error))
    else:
        there = f" {len(set(chosen)) - new} were in force already." if new < len(set(chosen)) else ""
        messages.success(request, f"Entered {new}.{there}")
    return _back(campaign_id)


@page(Permission.RELIEF_WRITE)
@require_POST
def unblock(request: ActorRequest, campaign_id: str, entry_id: int) -> HttpResponseBase:
    """Take one block entry back."""
    try:
        blocking.withdraw_block(request.actor, entry_id, reason=request.POST.get("reason", ""))
    except (Invalid, NotFound) as error:
        messages.error(request, str(error))
    else:
        messages.success(request, "The entry is taken back.")
    return _back(campaign_id)


def _back(campaign_id: str) -> HttpResponseRedirect:
    return HttpResponseRedirect(reverse("relief", args=[campaign_id]))

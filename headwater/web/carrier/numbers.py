"""A carrier's pages: the questions about call-back numbers, the form that answers one, its receipts."""

import io
from datetime import datetime

from django import forms
from django.http import HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods

from headwater.accounts.permissions import Permission
from headwater.errors import Conflict, Invalid
from headwater.providers import queries as providers
from headwater.tracebacks import forward_answering, receipts
from headwater.tracebacks.by_hand import Incomplete
from headwater.tracebacks.exchange import MAX_NOTE
from headwater.tracebacks.forward_answering import CODES, NumberSaid
from headwater.web.access import ActorRequest, page
from headwater.web.downloads import attachment
from headwater.wire.forward import ForwardCode


class NumberForm(forms.Form):
    """Who serves one number, on one screen."""

    code = forms.ChoiceField(
        label="Who has the number?",
        choices=[(code.value, words) for code, words in CODES.items()],
        widget=forms.RadioSelect(attrs={"class": "usa-radio__input usa-radio__input--tile"}),
    )
    spc = forms.CharField(
        label="Its code (SPC or OCN)",
        max_length=16,
        required=False,
        help_text="Choose from the register, or type the code that you know it by.",
        widget=forms.TextInput(attrs={"class": "usa-input", "autocomplete": "off", "list": "register"}),
    )
    name = forms.CharField(
        label="Its name", max_length=200, required=False, widget=forms.TextInput(attrs={"class": "usa-input"})
    )
    country = forms.RegexField(
        r"^[A-Za-z]{2}$",
        label="Its country",
        initial="US",
        required=False,
        help_text="Two letters, such as US or CA.",
        widget=forms.TextInput(attrs={"class": "usa-input"}),
    )
    note = forms.CharField(
        label="Note",
        max_length=MAX_NOTE,
        required=False,
        help_text="Where you decline: why. It is reportable. Name no customer: who it is needs legal process.",
        widget=forms.Textarea(attrs={"class": "usa-textarea", "rows": 3}),
    )

    def said(self) -> NumberSaid:
        """Return what the person said."""
        given = self.cleaned_data
        return NumberSaid(
            code=ForwardCode(given["code"]),
            spc=given["spc"],
            name=given["name"],
            country=given["country"],
            note=given["note"],
        )


@require_http_methods(["GET", "POST"])
@page(Permission.QUESTION_ANSWER)
def number(request: ActorRequest, question_id: str) -> HttpResponseBase:
    """One question about a number with its form."""
    form = NumberForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        view = forward_answering.question(request.actor, question_id)
        try:
            submission = forward_answering.by_hand(view, form.said())
            receipt_, _fresh = forward_answering.record_answer(request.actor, submission)
        except (Invalid, Conflict) as error:
            form.add_error(error.field if isinstance(error, Incomplete) else None, str(error))
        else:
            return redirect("number-receipt", receipt_.question_id, receipt_.receipt_id)
    context = {
        "question": forward_answering.open_question(request.actor, question_id),
        "form": form,
        "register": providers.search(request.actor),
    }
    return render(request, "carrier/number.html", context, status=422 if form.errors else 200)


@require_GET
@page(Permission.QUESTION_READ)
def receipt(request: ActorRequest, question_id: str, receipt_id: str) -> HttpResponseBase:
    """The proof that an answer was given, and when."""
    forward_answering.question(request.actor, question_id)
    found = receipts.number_receipt(request.actor, receipt_id)
    moments = {
        "received": datetime.fromisoformat(found.received_at),
        "asked": datetime.fromisoformat(found.asked_at),
        "due": datetime.fromisoformat(found.legal_due_at),
    }
    return render(request, "carrier/receipt.html", {"receipt": found, "moments": moments, "of_number": True})


@require_GET
@page(Permission.QUESTION_READ)
def signed_receipt(request: ActorRequest, question_id: str, receipt_id: str) -> HttpResponseBase:
    """The same as a signed statement, to keep."""
    forward_answering.question(request.actor, question_id)
    receipts.number_receipt(request.actor, receipt_id)
    statement = receipts.signed_by_number(request.actor, receipt_id)
    return attachment(io.BytesIO(statement.encode()), f"{receipt_id}.jws", "application/jose")

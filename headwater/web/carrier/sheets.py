"""A carrier's pages: many questions as one file, and many answers back."""

import io

from django import forms
from django.http import HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods

from headwater.accounts.permissions import Permission
from headwater.errors import Invalid, TooLarge
from headwater.tracebacks import questions, sheets
from headwater.tracebacks.by_hand import ACTIONS, CODES
from headwater.web.access import ActorRequest, page
from headwater.web.downloads import attachment


class SheetForm(forms.Form):
    """One file of answers."""

    file = forms.FileField(
        label="File of answers",
        help_text="The exported CSV with the columns code, upstream and note filled in; at most 2 MiB, 2,000 rows.",
        widget=forms.ClearableFileInput(attrs={"class": "usa-file-input", "accept": ".csv,text/csv"}),
    )


@require_http_methods(["GET", "POST"])
@page(Permission.QUESTION_ANSWER)
def bulk(request: ActorRequest) -> HttpResponseBase:
    """Export what waits, bring what was filled in, see what became of each file."""
    form = SheetForm(request.POST, request.FILES) if request.method == "POST" else SheetForm()
    if request.method == "POST" and form.is_valid():
        file = form.cleaned_data["file"]
        try:
            octets = file.read(sheets.MOST_OCTETS + 1)
            found = sheets.bring(request.actor, name=file.name, octets=octets)
        except (Invalid, TooLarge) as error:
            form.add_error("file", str(error))
        else:
            return redirect("answer-sheet", found.id)
    context = {
        "form": form,
        "waiting": len(questions.waiting_questions(request.actor, limit=sheets.MOST_ROWS)),
        "rows": sheets.sheets(request.actor),
        "codes": [(code.value, words) for code, words in CODES.items()],
        "actions": [(one.value, words) for one, words in ACTIONS.items()],
    }
    return render(request, "carrier/bulk.html", context, status=422 if form.errors else 200)


@require_GET
@page(Permission.QUESTION_ANSWER)
def export(request: ActorRequest) -> HttpResponseBase:
    """The waiting questions as CSV, the called numbers in clear; audited."""
    return attachment(io.BytesIO(sheets.export(request.actor)), "headwater-questions.csv", "text/csv")


@require_GET
@page(Permission.QUESTION_ANSWER)
def sheet(request: ActorRequest, sheet_id: str) -> HttpResponseBase:
    """What became of each row of one file."""
    return render(request, "carrier/sheet.html", {"sheet": sheets.sheet(request.actor, sheet_id)})


@require_GET
@page(Permission.QUESTION_ANSWER)
def refused(request: ActorRequest, sheet_id: str) -> HttpResponseBase:
    """The refused rows of one file with their reasons, to mend and bring again."""
    found = sheets.sheet(request.actor, sheet_id)
    return attachment(io.BytesIO(found.refused), f"{found.id}-refused.csv", "text/csv")

"""A carrier's pages: the questions that wait for it, the form that answers one, its receipts."""

from typing import Any

import msgspec
from django import forms
from django.http import HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods

from headwater import clock
from headwater.accounts.permissions import Permission
from headwater.errors import Conflict, Invalid
from headwater.providers import queries as providers
from headwater.tracebacks import answering, questions
from headwater.tracebacks.answering import Submission
from headwater.tracebacks.exchange import MAX_NOTE, instant
from headwater.tracebacks.outcomes import NAMES_UPSTREAM
from headwater.tracebacks.questions import QuestionView
from headwater.web.access import ActorRequest, page
from headwater.wire import agents as wire
from headwater.wire.agents import AnswerCode

#: Each answer in the words of the form.
CODES: dict[AnswerCode, str] = {
    AnswerCode.UPSTREAM_US: "We received the call from a U.S. provider",
    AnswerCode.UPSTREAM_FOREIGN: "We received the call from a foreign provider",
    AnswerCode.ORIGINATED: "Our own customer placed the call",
    AnswerCode.ORIGINATED_RESELLER: "Our customer, a reseller or another provider, placed the call",
    AnswerCode.RECORD_NOT_FOUND: "We searched and found no record of the call",
    AnswerCode.RECORD_EXPIRED: "We no longer keep records of that time",
    AnswerCode.NOT_OURS: "The call did not pass through us",
    AnswerCode.NEED_INFO: "Several calls fit: we need more to tell which",
    AnswerCode.DECLINED: "We decline to answer, for the reason below",
    AnswerCode.LEGIT_CLAIM: "Our caller claims that the calls are lawful",
}


class AnswerForm(forms.Form):
    """One answer, on one screen."""

    code = forms.ChoiceField(
        label="What do your records show?",
        choices=[(code.value, words) for code, words in CODES.items()],
        widget=forms.RadioSelect(attrs={"class": "usa-radio__input usa-radio__input--tile"}),
    )
    upstream_spc = forms.CharField(
        label="Its code (SPC or OCN)",
        max_length=16,
        required=False,
        help_text="Choose from the register, or type the code that you know it by.",
        widget=forms.TextInput(attrs={"class": "usa-input", "list": "register", "autocomplete": "off"}),
    )
    upstream_name = forms.CharField(
        label="Its name", max_length=200, required=False, widget=forms.TextInput(attrs={"class": "usa-input"})
    )
    upstream_country = forms.CharField(
        label="Its country",
        min_length=2,
        max_length=2,
        initial="US",
        required=False,
        help_text="Two letters, such as US or CA.",
        widget=forms.TextInput(attrs={"class": "usa-input"}),
    )
    note = forms.CharField(
        label="Note",
        max_length=MAX_NOTE,
        required=False,
        help_text="Where you decline, the reason: it is reportable. Do not name a customer here.",
        widget=forms.Textarea(attrs={"class": "usa-textarea", "rows": 4}),
    )

    def clean(self) -> dict[str, Any]:
        """Ask for the upstream where the answer needs one, and for the reason where one declines."""
        said: dict[str, Any] = super().clean() or self.cleaned_data
        code = said.get("code")
        if code in NAMES_UPSTREAM and not (said.get("upstream_spc") or said.get("upstream_name")):
            self.add_error("upstream_spc", "Name the provider that handed the call to you.")
        if code == AnswerCode.DECLINED and not said.get("note", "").strip():
            self.add_error("note", "Give the reason: refusals are reported with it.")
        return said


@require_GET
@page(Permission.QUESTION_READ)
def waiting(request: ActorRequest) -> HttpResponseBase:
    """The questions that wait, oldest first."""
    rows = questions.questions(request.actor, answered=False)
    return render(request, "carrier/questions.html", {"rows": rows, "now": clock.now()})


@require_GET
@page(Permission.QUESTION_READ)
def answered(request: ActorRequest) -> HttpResponseBase:
    """The questions that were answered, newest first."""
    return render(request, "carrier/answered.html", {"rows": questions.questions(request.actor, answered=True)})


@require_http_methods(["GET", "POST"])
@page(Permission.QUESTION_ANSWER)
def question(request: ActorRequest, question_id: str) -> HttpResponseBase:
    """One question with its form. Opening it shows the called number in clear, and is audited."""
    form = AnswerForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        view = questions.question(request.actor, question_id)
        try:
            receipt, _fresh = answering.record_answer(request.actor, _submission(view, form.cleaned_data))
        except (Invalid, Conflict) as error:
            form.add_error(None, str(error))
        else:
            return redirect("receipt", receipt.question_id, receipt.receipt_id)
    answering.open_question(request.actor, question_id)
    view = questions.question(request.actor, question_id)
    context = {"question": view, "form": form, "register": providers.search(request.actor), "now": clock.now()}
    return render(request, "carrier/question.html", context, status=422 if form.errors else 200)


@require_GET
@page(Permission.QUESTION_READ)
def receipt(request: ActorRequest, question_id: str, receipt_id: str) -> HttpResponseBase:
    """The proof that an answer was given, and when."""
    view = questions.question(request.actor, question_id)
    answer = next((one for one in view.answers if one.receipt_id == receipt_id), None)
    if answer is None:
        raise answering.QuestionNotFound(f"There is no receipt {receipt_id[:32]} for you.")
    return render(request, "carrier/receipt.html", {"question": view, "answer": answer})


def _submission(view: QuestionView, said: dict[str, Any]) -> Submission:
    """Return the form's words as an answer; its octets are the answer's own JSON."""
    code = AnswerCode(said["code"])
    asked = view.question
    answer = wire.Answer(
        question_id=asked.question_id,
        traceback_id=asked.traceback_id,
        provider=wire.Party(spc=view.provider_spc, name=view.provider_name),
        code=code,
        upstream=_upstream(said) if code in NAMES_UPSTREAM else None,
        note=said["note"].strip(),
        answered_at=instant(clock.now()),
    )
    return Submission(octets=msgspec.json.encode(answer), answer=answer)


def _upstream(said: dict[str, Any]) -> wire.Party:
    """Return the named upstream; one of the register goes by the register's name and country."""
    known = providers.by_spc(said["upstream_spc"])
    if known is not None:
        return wire.Party(spc=known.spc, name=known.name, country=known.country)
    country = said["upstream_country"].upper() or "US"
    return wire.Party(spc=said["upstream_spc"].strip().upper(), name=said["upstream_name"].strip(), country=country)

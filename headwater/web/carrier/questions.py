"""A carrier's pages: the questions that wait for it, the form that answers one, its receipts."""

import io
from datetime import datetime

from django.http import HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods

from headwater import clock
from headwater.accounts.permissions import Permission
from headwater.errors import Conflict, Invalid
from headwater.providers import queries as providers
from headwater.tracebacks import answering, by_hand, forward_answering, questions, receipts
from headwater.tracebacks.receipts import Receipt
from headwater.web.access import ActorRequest, page
from headwater.web.carrier.answer_form import AnswerForm
from headwater.web.downloads import attachment


@require_GET
@page(Permission.QUESTION_READ)
def waiting(request: ActorRequest) -> HttpResponseBase:
    """The questions that wait, oldest first."""
    context = {
        "rows": questions.questions(request.actor, answered=False),
        "numbers": forward_answering.questions(request.actor, answered=False),
        "now": clock.now(),
    }
    return render(request, "carrier/questions.html", context)


@require_GET
@page(Permission.QUESTION_READ)
def answered(request: ActorRequest) -> HttpResponseBase:
    """The questions that were answered, newest first."""
    context = {
        "rows": questions.questions(request.actor, answered=True),
        "numbers": forward_answering.questions(request.actor, answered=True),
    }
    return render(request, "carrier/answered.html", context)


@require_http_methods(["GET", "POST"])
@page(Permission.QUESTION_ANSWER)
def question(request: ActorRequest, question_id: str) -> HttpResponseBase:
    """One question with its form. Opening it shows the called number in clear, and is audited."""
    form = AnswerForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        view = questions.question(request.actor, question_id)
        try:
            receipt, _fresh = answering.record_answer(request.actor, by_hand.submission(view, form.said()))
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
    found = receipts.receipt(request.actor, question_id, receipt_id)
    return render(request, "carrier/receipt.html", {"receipt": found, "moments": _moments(found)})


@require_GET
@page(Permission.QUESTION_READ)
def signed_receipt(request: ActorRequest, question_id: str, receipt_id: str) -> HttpResponseBase:
    """The same as a signed statement, to keep."""
    statement = receipts.signed(request.actor, question_id, receipt_id)
    return attachment(io.BytesIO(statement.encode()), f"{receipt_id}.jws", "application/jose")


def _moments(found: Receipt) -> dict[str, datetime]:
    return {
        "received": datetime.fromisoformat(found.received_at),
        "asked": datetime.fromisoformat(found.asked_at),
        "due": datetime.fromisoformat(found.legal_due_at),
    }

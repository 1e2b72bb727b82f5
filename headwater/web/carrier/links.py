"""The page behind a one-time link: one question, answered without signing in. Nothing else is reached from it."""

import io
from typing import Any

from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import render
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_GET, require_http_methods

from headwater import clock
from headwater.errors import Conflict, Invalid
from headwater.numbering.numbers import E164, masked
from headwater.providers import queries as providers
from headwater.tracebacks import answer_links, by_hand, receipts
from headwater.tracebacks.answer_links import LinkView
from headwater.web.carrier.answer_form import AnswerForm
from headwater.web.downloads import attachment


@sensitive_variables("token")
@require_http_methods(["GET", "POST"])
def link(request: HttpRequest, token: str) -> HttpResponseBase:
    """Show what the link is for; on request the question with its form; take the answer."""
    found = answer_links.opened(token)
    if found.used_at is not None or request.method == "GET":
        return _page(request, "carrier/link.html", found, {"token": token, "masked": _masked(found)})
    if "code" not in request.POST and "show" in request.POST:
        found = answer_links.show(token)
        return _form(request, found, AnswerForm(), token)
    form = AnswerForm(request.POST)
    if form.is_valid():
        try:
            receipt = answer_links.answer(token, by_hand.submission(found.question, form.said()))
        except (Invalid, Conflict) as error:
            form.add_error(None, str(error))
        else:
            given = receipts.receipt(found.actor, receipt.question_id, receipt.receipt_id)
            return _page(request, "carrier/link_done.html", found, {"receipt": given, "token": token})
    return _form(request, found, form, token)


@sensitive_variables("token")
@require_GET
def signed_receipt(request: HttpRequest, token: str) -> HttpResponseBase:  # noqa: ARG001 - the link says it all
    """The signed receipt of the answer that the link took."""
    found = answer_links.opened(token)
    if not found.receipt_id:
        raise Conflict("No answer was given by this link yet, so there is no receipt.")
    question_id = found.question.question.question_id
    statement = receipts.signed(found.actor, question_id, found.receipt_id)
    return attachment(io.BytesIO(statement.encode()), f"{found.receipt_id}.jws", "application/jose")


def _masked(found: LinkView) -> str:
    return masked(E164(found.question.question.called))


def _form(request: HttpRequest, found: LinkView, form: AnswerForm, token: str) -> HttpResponseBase:
    context = {"form": form, "register": providers.search(found.actor), "token": token, "now": clock.now()}
    return _page(request, "carrier/link_question.html", found, context, status=422 if form.errors else 200)


def _page(
    request: HttpRequest, template: str, found: LinkView, context: dict[str, Any], *, status: int = 200
) -> HttpResponseBase:
    shown = {"link": found, "question": found.question, "asked": found.question.question, **context}
    response = render(request, template, shown, status=status)
    # The address of this page is the key: it must not travel with a click to anywhere.
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["X-Robots-Tag"] = "noindex, nofollow"
    return response

"""Between joining and the second check of contact: the page on which a new person types the code of the call."""

from django.contrib import messages
from django.http import HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.views.decorators.http import require_http_methods

from headwater.accounts import confirming
from headwater.errors import Invalid, NotFound
from headwater.web.access import ActorRequest, own_account
from headwater.web.failures import too_many_requests
from headwater.web.signin import limits


@own_account
@require_http_methods(["GET", "HEAD", "POST"])
def waiting(request: ActorRequest) -> HttpResponseBase:
    """Say what is waited for, and take the code."""
    if request.user.confirmed_at is not None:
        return HttpResponseRedirect("/")
    error = ""
    if request.method == "POST":
        if not limits.within(request, "contact_code", key=request.user.id):
            return too_many_requests(request)
        try:
            confirming.answer_by_code(request.user.id, request.POST.get("code", ""))
        except (Invalid, NotFound) as refused:
            error = str(refused)
        else:
            messages.success(request, "You are confirmed. Your account is open.")
            return HttpResponseRedirect("/")
    context = {"person": request.user, "called": confirming.call_awaited(request.user.id), "error": error}
    return render(request, "account/waiting.html", context, status=422 if error else 200)

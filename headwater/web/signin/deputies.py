"""Deputies: whom the person lets act for them, for whom they may act, and taking that up in this session."""

from datetime import UTC, datetime, time, timedelta

from django import forms
from django.contrib import messages
from django.http import HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from headwater import clock
from headwater.accounts import leaving
from headwater.accounts.queries import deputy_actor
from headwater.errors import Conflict, HeadwaterError, Invalid, NotFound
from headwater.web.access import ACTING, ActorRequest, is_fresh, own_account, second_factor_step, waiting_detour
from headwater.web.uswds import StyledForm


class DeputyForm(StyledForm):
    """Who acts, until when, and why."""

    deputy = forms.EmailField(label="Colleague's address", max_length=254)
    until = forms.DateField(
        label="Last day (UTC)",
        help_text="At most 90 days ahead.",
        widget=forms.DateInput(attrs={"type": "date"}),
    )
    reason = forms.CharField(label="Why", help_text="It stands in the audit beside each act.", max_length=400)


@own_account
@require_http_methods(["GET", "HEAD", "POST"])
def deputies(request: ActorRequest) -> HttpResponseBase:
    """List the person's deputies and deputyships; appoint one."""
    detour = waiting_detour(request)
    if detour is not None:
        return detour
    form = DeputyForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        if not is_fresh(request):
            messages.warning(request, "Nothing was done yet: confirm that it is you, then send the form again.")
            return HttpResponseRedirect(f"{second_factor_step(request)}?next={reverse('account_deputies')}")
        try:
            until = form.cleaned_data["until"]
            leaving.appoint(
                request.actor,
                person_email=request.user.email,
                deputy_email=form.cleaned_data["deputy"],
                ends_at=datetime.combine(until + timedelta(days=1), time(), UTC),
                reason=form.cleaned_data["reason"],
            )
        except (Invalid, NotFound, Conflict) as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, "Your deputy is appointed.")
            return HttpResponseRedirect(reverse("account_deputies"))
    own = [each for each in leaving.deputies(request.actor) if request.user.id in {each.person_id, each.deputy_id}]
    now = clock.now()
    context = {
        "form": form,
        "mine": [(each, each.holds(now)) for each in own if each.person_id == request.user.id],
        "acts_for": [(each, each.holds(now)) for each in own if each.deputy_id == request.user.id],
        "acting": request.session.get(ACTING, ""),
    }
    return render(request, "account/deputies.html", context, status=422 if form.errors else 200)


@own_account
@require_POST
def end(request: ActorRequest) -> HttpResponseBase:
    """End a deputy's right."""
    try:
        leaving.end_deputy(request.actor, deputy_id=request.POST.get("deputy", ""))
    except HeadwaterError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, "The deputy's right has ended.")
    return HttpResponseRedirect(reverse("account_deputies"))


@own_account
@require_POST
def act(request: ActorRequest) -> HttpResponseBase:
    """Take up acting for a colleague in this session, or leave it."""
    wanted = request.POST.get("deputy", "")
    if not wanted:
        request.session.pop(ACTING, None)
        messages.success(request, "You act for yourself again.")
        return HttpResponseRedirect("/")
    actor = deputy_actor(request.user, wanted)
    if actor is None:
        raise NotFound("You may not act for anybody under that number now.")
    leaving.began_acting(actor, deputy_id=wanted)
    request.session[ACTING] = wanted
    return HttpResponseRedirect("/")

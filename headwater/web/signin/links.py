"""One-time links from mails: joining and a new password; and asking for one."""

from allauth.account.adapter import get_adapter
from allauth.account.internal.flows.login import perform_login, record_authentication
from allauth.account.models import Login
from django import forms
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from headwater.accounts import invitations
from headwater.accounts.models import User
from headwater.accounts.permissions import OrganisationKind
from headwater.accounts.rules import InvitationPurpose
from headwater.errors import Invalid
from headwater.web import application
from headwater.web.failures import too_many_requests
from headwater.web.signin import limits
from headwater.web.uswds import StyledForm

#: Member of the session that holds the token between opening the link and sending the form.
TOKEN = "headwater_link_token"  # noqa: S105 - a name


class PasswordForm(StyledForm):
    """A new password, twice."""

    password = forms.CharField(
        label="Password",
        help_text="At least 12 characters; a sentence of your own is good.",
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        max_length=1024,
        strip=False,
    )
    again = forms.CharField(
        label="Password again",
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        max_length=1024,
        strip=False,
    )

    def clean(self) -> dict[str, object]:
        """Refuse two that differ."""
        values = super().clean() or {}
        if values.get("password") and values.get("again") and values["password"] != values["again"]:
            self.add_error("again", "This is not the same password.")
        return values


class AddressForm(StyledForm):
    """Whose password is lost."""

    email = forms.EmailField(
        label="Work e-mail address", max_length=254, widget=forms.EmailInput(attrs={"autocomplete": "email"})
    )


@require_safe
def opened(request: HttpRequest, token: str) -> HttpResponseBase:
    """Take the token out of the address, so that it stands in no history and no Referer, and go on to the form.

    Nothing is used up by opening: scanners of mail open every link.
    """
    if not limits.within(request, "link"):
        return too_many_requests(request)
    if request.user.is_authenticated:
        logout(request)
    request.session.cycle_key()
    request.session[TOKEN] = token[:100]
    return HttpResponseRedirect(reverse("account_link"))


@require_http_methods(["GET", "HEAD", "POST"])
def link(request: HttpRequest) -> HttpResponseBase:
    """Show the form behind a one-time link, and take the password."""
    if not limits.within(request, "link"):
        return too_many_requests(request)
    token = str(request.session.get(TOKEN, ""))
    found = invitations.open_link(token, here=_here())
    if found is None:
        return render(request, "account/link_ended.html", status=404)
    form = PasswordForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            person = invitations.accept(
                token, here=_here(), password=form.cleaned_data["password"], address=_address(request)
            )
        except Invalid as error:
            form.add_error("password", str(error))
        else:
            del request.session[TOKEN]
            return _sign_in(request, person.id)
    context = {"form": form, "invitation": found, "joining": found.purpose is InvitationPurpose.JOIN}
    return render(request, "account/link.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "HEAD", "POST"])
def forgotten(request: HttpRequest) -> HttpResponseBase:
    """Ask for a link to set a new password. The answer is the same whoever signs in here."""
    form = AddressForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        email = form.cleaned_data["email"].lower()
        if not limits.within(request, "forgotten", key=email):
            return too_many_requests(request)
        invitations.ask_for_password_link(email, application=application.current().key, address=_address(request))
        return render(request, "account/forgotten_sent.html", {"email": email})
    return render(request, "account/forgotten.html", {"form": form}, status=422 if form.errors else 200)


def _sign_in(request: HttpRequest, person_id: str) -> HttpResponseBase:
    """Go on as after a right password: to the second factor, which is enrolled or shown."""
    user = User.objects.get(id=person_id)
    record_authentication(request, user, method="password", email=user.email)
    answer: HttpResponseBase = perform_login(request, Login(user=user))
    return answer


def _here() -> OrganisationKind:
    audience = application.current().audience
    assert audience is not None  # noqa: S101 - the public pages have no sign-in
    return audience


def _address(request: HttpRequest) -> str:
    return str(get_adapter().get_client_ip(request))

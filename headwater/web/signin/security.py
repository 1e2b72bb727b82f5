"""The person's own account: who they are here, their second factor, their password."""

from allauth.mfa.models import Authenticator
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render

from headwater.web.access import admitted, second_factor_shown, second_factor_step


def security(request: HttpRequest) -> HttpResponseBase:
    """Show the signed-in person's own account. Every person may see their own: no permission is needed."""
    if not request.user.is_authenticated:
        return redirect_to_login(request.get_full_path())
    if not second_factor_shown(request):
        return HttpResponseRedirect(second_factor_step(request))
    actor = admitted(request.user)
    request.actor = actor  # type: ignore[attr-defined]
    codes = Authenticator.objects.filter(user=request.user, type=Authenticator.Type.RECOVERY_CODES).first()
    context = {
        "person": request.user,
        "permissions": sorted(actor.permissions),
        "codes_left": len(codes.wrap().get_unused_codes()) if codes else 0,
    }
    return render(request, "account/security.html", context)

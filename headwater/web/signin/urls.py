"""Routes of sign-in: those of allauth that Headwater uses, and no other. Included by each application."""

from allauth.account import views as account
from allauth.mfa.base import views as mfa
from allauth.mfa.recovery_codes import views as recovery
from allauth.mfa.totp import views as totp
from django.urls import URLPattern, path

from headwater.web.signin.security import security

urlpatterns: list[URLPattern] = [
    path("account/", security, name="account_security"),
    path("account/sign-in/", account.login, name="account_login"),
    path("account/sign-out/", account.logout, name="account_logout"),
    path("account/closed/", account.account_inactive, name="account_inactive"),
    path("account/confirm/", account.reauthenticate, name="account_reauthenticate"),
    path("account/password/", account.password_change, name="account_change_password"),
    path("account/code/", mfa.authenticate, name="mfa_authenticate"),
    path("account/confirm-code/", mfa.reauthenticate, name="mfa_reauthenticate"),
    path("account/enrol/", totp.activate_totp, name="mfa_activate_totp"),
    path("account/recovery-codes/", recovery.view_recovery_codes, name="mfa_view_recovery_codes"),
    path("account/recovery-codes/new/", recovery.generate_recovery_codes, name="mfa_generate_recovery_codes"),
    # allauth sends people to these two after its own steps; both are the account page here.
    path("account/second-factor/", security, name="mfa_index"),
    path("account/second-factor/kept/", security, name="mfa_deactivate_totp"),
]

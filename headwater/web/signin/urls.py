"""Routes of sign-in: those of allauth that Headwater uses, and no other. Included by each application."""

from allauth.account import views as account
from allauth.mfa.base import views as mfa
from allauth.mfa.recovery_codes import views as recovery
from allauth.mfa.totp import views as totp
from allauth.mfa.webauthn import views as webauthn
from django.urls import URLPattern, path
from django.views.generic import RedirectView

from headwater.web.signin import deputies, links, organisation, passkeys, security, waiting

urlpatterns: list[URLPattern] = [
    path("account/", security.security, name="account_security"),
    path("account/permissions/", security.permissions, name="account_permissions"),
    path("account/sign-in/", account.login, name="account_login"),
    path("account/sign-out/", account.logout, name="account_logout"),
    path("account/closed/", account.account_inactive, name="account_inactive"),
    path("account/confirm/", account.reauthenticate, name="account_reauthenticate"),
    path("account/password/", account.password_change, name="account_change_password"),
    # Who has no password (passkey, organisation's provider) gets one as who forgot theirs does: by a mailed link.
    path("account/password/none/", RedirectView.as_view(pattern_name="account_forgotten"), name="account_set_password"),
    path("account/password/forgotten/", links.forgotten, name="account_forgotten"),
    path("account/link/<str:token>/", links.opened, name="account_link_opened"),
    path("account/link/", links.link, name="account_link"),
    path("account/organisation/", organisation.choose, name="account_organisation"),
    path("account/organisation/<str:provider_id>/start/", organisation.start, name="account_organisation_start"),
    path("account/organisation/<str:provider_id>/oidc/", organisation.oidc_answer, name="account_oidc"),
    path("account/organisation/<str:provider_id>/saml/", organisation.saml_answer, name="account_saml"),
    path("account/organisation/<str:provider_id>/metadata/", organisation.metadata, name="account_saml_metadata"),
    path("account/waiting/", waiting.waiting, name="account_waiting"),
    path("account/sessions/", security.session_list, name="account_sessions"),
    path("account/sessions/end/", security.end_session, name="account_end_session"),
    path("account/deputies/", deputies.deputies, name="account_deputies"),
    path("account/deputies/end/", deputies.end, name="account_end_deputy"),
    path("account/deputies/act/", deputies.act, name="account_act"),
    path("account/code/", mfa.authenticate, name="mfa_authenticate"),
    path("account/confirm-code/", mfa.reauthenticate, name="mfa_reauthenticate"),
    path("account/enrol/", totp.activate_totp, name="mfa_activate_totp"),
    path("account/recovery-codes/", recovery.view_recovery_codes, name="mfa_view_recovery_codes"),
    path("account/recovery-codes/new/", recovery.generate_recovery_codes, name="mfa_generate_recovery_codes"),
    path("account/passkeys/sign-in/", webauthn.login_webauthn, name="mfa_login_webauthn"),
    path("account/passkeys/confirm/", webauthn.reauthenticate_webauthn, name="mfa_reauthenticate_webauthn"),
    path("account/passkeys/add/", passkeys.add, name="mfa_add_webauthn"),
    path("account/passkeys/<int:pk>/name/", passkeys.edit, name="mfa_edit_webauthn"),
    path("account/passkeys/<int:pk>/remove/", passkeys.remove, name="mfa_remove_webauthn"),
    # allauth sends people to these after its own steps; all are the account page here.
    path("account/passkeys/", security.security, name="mfa_list_webauthn"),
    path("account/second-factor/", security.security, name="mfa_index"),
    path("account/second-factor/kept/", security.security, name="mfa_deactivate_totp"),
]

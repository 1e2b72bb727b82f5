"""Sign-in as Headwater has it: nobody signs up, every success and failure is audited."""

import time
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.authentication import get_authentication_records
from allauth.account.internal.flows.login import record_authentication
from allauth.account.signals import password_changed, user_logged_in
from allauth.core import context
from allauth.mfa.models import Authenticator
from allauth.mfa.signals import authentication_failed, authenticator_added, authenticator_removed, authenticator_reset
from django.conf import settings
from django.contrib.auth.signals import user_logged_out
from django.db import transaction
from django.dispatch import receiver
from django.http import HttpRequest

from headwater.accounts.actors import Actor
from headwater.accounts.models import User
from headwater.accounts.queries import actor_of
from headwater.audit.actions import record
from headwater.audit.tags import Tag


class SignIn(DefaultAccountAdapter):  # type: ignore[misc] # allauth ships no types
    """Accounts are made by the operator; mail is not needed to sign in."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:  # noqa: ARG002 - allauth's signature
        """Nobody makes an account for themselves."""
        return False

    def authentication_failed(self, request: HttpRequest, **credentials: Any) -> None:
        """Audit a wrong password. The address is kept as typed: it may name nobody."""
        super().authentication_failed(request, **credentials)
        address = str(credentials.get("email") or credentials.get("username") or "")[:200]
        _record(Actor(label=f"visitor:{address}"), Tag.ACCOUNT_SIGN_IN_FAILED, address, _where(self, request))

    def is_reauthentication_required(self, *, app: str, **kwargs: Any) -> bool:
        """Ask again for password or code, unless one was shown in the last minutes: the sign-in itself counts."""
        request = context.request
        records = get_authentication_records(request, request.user)
        if records and time.time() - records[-1]["at"] < settings.ACCOUNT_REAUTHENTICATION_TIMEOUT:
            return False
        return bool(super().is_reauthentication_required(app=app, **kwargs))

    def get_login_stages(self) -> list[str]:
        """Ask for no second factor where the organisation's provider showed one and its rule says that it counts."""
        stages: list[str] = super().get_login_stages()
        if getattr(context.request, "second_factor_at_provider", False):
            return [stage for stage in stages if not stage.endswith("mfa.stages.AuthenticateStage")]
        return stages

    def send_notification_mail(self, *args: Any, **kwargs: Any) -> None:
        """Send nothing: the audit is the notice. Mail leaves Headwater through the outbox alone."""


@receiver(user_logged_in)
def signed_in(request: HttpRequest, user: User, **_: Any) -> None:
    """Audit a completed sign-in, with the methods that were shown."""
    records = request.session.get("account_authentication_methods", [])
    detail = {"methods": [str(r.get("method")) for r in records]} | _where(SignIn(request), request)
    _record(actor_of(user), Tag.ACCOUNT_SIGN_IN_SUCCEEDED, user.id, detail)


@receiver(user_logged_out)
def signed_out(request: HttpRequest, user: User | None, **_: Any) -> None:
    """Audit a sign-out, and whether the person left their session alone."""
    if user is not None:
        idle = {"because": "idle"} if getattr(request, "session_was_idle", False) else {}
        _record(actor_of(user), Tag.ACCOUNT_SIGN_OUT, user.id, _where(SignIn(request), request) | idle)


@receiver(authentication_failed)
def second_factor_refused(request: HttpRequest, user: User, **_: Any) -> None:
    """Audit a wrong code."""
    _record(actor_of(user), Tag.ACCOUNT_SECOND_FACTOR_FAILED, user.id, _where(SignIn(request), request))


@receiver(authenticator_added)
def second_factor_enrolled(request: HttpRequest, user: User, authenticator: Authenticator, **_: Any) -> None:
    """Audit an enrolment, and count its code as shown: the form has just checked it."""
    if authenticator.type in {Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN}:
        record_authentication(request, user, "mfa", id=authenticator.pk, type=authenticator.type)
        detail = {"email": user.email, "by": "person", "type": authenticator.type}
        _record(actor_of(user), Tag.ACCOUNT_SECOND_FACTOR_ENROLLED, user.id, detail)


@receiver(authenticator_removed)
def second_factor_removed(request: HttpRequest, user: User, authenticator: Authenticator, **_: Any) -> None:  # noqa: ARG001 - a signal's signature
    """Audit that a person took one of their second factors away."""
    detail = {"email": user.email, "type": authenticator.type}
    _record(actor_of(user), Tag.ACCOUNT_SECOND_FACTOR_REMOVED, user.id, detail)


@receiver(authenticator_reset)
def recovery_codes_made(request: HttpRequest, user: User, **_: Any) -> None:  # noqa: ARG001 - a signal's signature
    """Audit that a person made new recovery codes; the old ones no longer hold."""
    _record(actor_of(user), Tag.ACCOUNT_RECOVERY_CODES_MADE, user.id, {})


@receiver(password_changed)
def password_was_changed(request: HttpRequest, user: User, **_: Any) -> None:
    """Audit that a person changed their password."""
    _record(actor_of(user), Tag.ACCOUNT_PASSWORD_CHANGED, user.id, _where(SignIn(request), request))


def _record(actor: Actor, tag: Tag, subject: str, detail: dict[str, Any]) -> None:
    # allauth is not ours: its changes are committed by themselves, and the entry stands beside them.
    with transaction.atomic():
        record(actor, tag, subject, detail)


def _where(adapter: DefaultAccountAdapter, request: HttpRequest) -> dict[str, str]:
    return {"address": str(adapter.get_client_ip(request))}

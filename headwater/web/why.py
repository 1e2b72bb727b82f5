"""Why may I see this? For one record: which permission, role and process open it to the present person, in words.

The same queries answer as for the record itself, so that what this page says is what holds: a record that the person
may not see does not exist here either. Nothing of its content is shown.
"""

import uuid
from dataclasses import dataclass
from typing import Final

from django.core.exceptions import ValidationError
from django.http import HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_safe

from headwater import clock
from headwater.accounts.actors import Actor
from headwater.accounts.permission_words import words_of
from headwater.accounts.permissions import Permission
from headwater.alerts import queries as alerts
from headwater.campaigns import queries as campaigns
from headwater.errors import NotFound
from headwater.evidence import queries as evidence
from headwater.legal import queries as legal
from headwater.tracebacks import queries as tracebacks
from headwater.web.access import ActorRequest, own_account, present_actor, waiting_detour


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """One thing that opens a record."""

    permission: Permission
    words: str
    """What the permission lets the person do."""
    because: str
    """Why this record is among what it reaches."""


KINDS: Final = ("alert", "call", "campaign", "package", "process", "traceback")


@own_account
@require_safe
def why(request: ActorRequest, kind: str, record_id: str) -> HttpResponseBase:
    """Say why the person may see one record; 404 where they may not, or there is none."""
    detour = waiting_detour(request)
    if detour is not None:
        return detour
    actor = present_actor(request)
    request.actor = actor
    reasons = reasons_for(actor, kind, record_id)
    if not reasons:
        raise NotFound("There is no such record that you may see.")
    context = {
        "kind": kind,
        "record": record_id,
        "reasons": reasons,
        "person": request.user,
        "acting_for": actor.email if actor.person_id != request.user.id else "",
    }
    return render(request, "account/why.html", context)


def reasons_for(actor: Actor, kind: str, record_id: str) -> list[Reason]:
    """Return what opens the record to ``actor``; empty where nothing does, or there is no such record."""
    try:
        return _REASONS[kind](actor, record_id)
    except (KeyError, ValueError, ValidationError, NotFound):
        return []


def _campaign(actor: Actor, record_id: str) -> list[Reason]:
    own = Permission.CAMPAIGN_READ
    found = campaigns.visible_to(actor).filter(id=record_id).exists()
    reasons = [_reason(own, "the consortium's people with it see every campaign")] if found else []
    return reasons + [
        _reason(Permission.PROCESS_READ, f"process {scope.process} was accepted for this campaign and is open to you")
        for scope in legal.open_scopes(actor, now=clock.now())
        if record_id in scope.subjects.campaigns
    ]


def _traceback(actor: Actor, record_id: str) -> list[Reason]:
    found = tracebacks.visible_to(actor).filter(id=record_id).exists()
    own = [_reason(Permission.TRACEBACK_READ, "the consortium's people with it see every traceback")] if found else []
    return own + [
        _reason(Permission.PROCESS_READ, f"process {scope.process} was accepted for this traceback and is open to you")
        for scope in legal.open_scopes(actor, now=clock.now())
        if record_id in scope.subjects.tracebacks
    ]


def _process(actor: Actor, record_id: str) -> list[Reason]:
    row = legal.find(actor, record_id)
    own = row.agency_id == actor.organisation_id
    because = "your own agency served it" if own else "it was served on the consortium, which decides it"
    return [_reason(Permission.PROCESS_READ, because)]


def _package(actor: Actor, record_id: str) -> list[Reason]:
    row = evidence.visible_to(actor).select_related("process").filter(id=record_id).first()
    if row is None:
        return []
    own = row.process.agency_id == actor.organisation_id
    whose = "which your own agency served" if own else "which the consortium decided"
    return [_reason(Permission.PROCESS_READ, f"it was sealed for process {row.process_id}, {whose}")]


def _alert(actor: Actor, record_id: str) -> list[Reason]:
    if not alerts.visible_to(actor).filter(id=record_id).exists():
        return []
    return [_reason(Permission.ALERT_READ, "it was sent to your agency")]


def _call(actor: Actor, record_id: str) -> list[Reason]:
    uuid.UUID(record_id)
    if not actor.may(Permission.CALL_READ):
        return []
    return [_reason(Permission.CALL_READ, "the consortium's people with it look calls up; called numbers stay masked")]


def _reason(permission: Permission, because: str) -> Reason:
    return Reason(permission=permission, words=words_of(permission), because=because)


_REASONS: Final = {
    "alert": _alert,
    "call": _call,
    "campaign": _campaign,
    "package": _package,
    "process": _process,
    "traceback": _traceback,
}

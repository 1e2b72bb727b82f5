"""Webhook endpoints: an organisation says where it wants to be told of what, and rooms tell it through the outbox."""

import secrets as randomness
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.conf import settings
from django.db import transaction

from headwater import clock
from headwater.accounts.actors import Actor
from headwater.accounts.models import WebhookEndpoint
from headwater.accounts.permissions import Permission
from headwater.accounts.sealing import box
from headwater.accounts.webhook_kinds import OFFERED, EventKind
from headwater.audit.actions import record
from headwater.audit.tags import Tag
from headwater.errors import Conflict, Invalid, NotFound
from headwater.outbox import actions as outbox
from headwater.outbox.rules import post_fault

PURPOSE: Final = b"headwater webhook secret 1"
#: While a secret is rotated both sign, so that the receiver can change over without losing one.
OVERLAP: Final = timedelta(hours=24)
MOST_ENDPOINTS: Final = 20
_OCTETS: Final = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointView:
    """One endpoint, without its secret."""

    id: str
    url: str
    kinds: tuple[EventKind, ...]
    created_at: datetime
    created_by: str
    paused_at: datetime | None
    pause_reason: str
    rotated_at: datetime | None


def endpoints(actor: Actor) -> tuple[EndpointView, ...]:
    """Return the endpoints of the actor's own organisation.

    Raises:
        Forbidden: the actor may not manage them.
    """
    actor.require(Permission.WEBHOOK_MANAGE)
    return tuple(_view(row) for row in _own(actor).order_by("created_at", "id"))


def endpoint(actor: Actor, endpoint_id: str) -> EndpointView:
    """Return one endpoint of the actor's own organisation.

    Raises:
        Forbidden: the actor may not manage them.
        NotFound: it is not one of the organisation's.
    """
    actor.require(Permission.WEBHOOK_MANAGE)
    row = _own(actor).filter(id=endpoint_id).first()
    if row is None:
        raise NotFound(f"Your organisation has no webhook endpoint {endpoint_id}.")
    return _view(row)


@transaction.atomic
def add(actor: Actor, *, url: str, kinds: Sequence[str]) -> tuple[EndpointView, str]:
    """Register an endpoint; return it and its secret (``whsec_...``), which is shown this once.

    Raises:
        Forbidden: the actor may not.
        Invalid: no webhook may go to the address, or no kind, or one that is not offered, is chosen.
        Conflict: the organisation has that address already, or too many.
    """
    actor.require(Permission.WEBHOOK_MANAGE)
    url = _checked(url)
    chosen = _kinds(actor, kinds)
    standing = list(_own(actor).select_for_update(no_key=True))
    if any(row.url == url for row in standing):
        raise Conflict(f"{url} is among your endpoints already; change that one.")
    if len(standing) >= MOST_ENDPOINTS:
        raise Conflict(f"Your organisation has {MOST_ENDPOINTS} endpoints already; remove one first.")
    secret = randomness.token_bytes(_OCTETS)
    row = WebhookEndpoint.objects.create(
        organisation_id=actor.organisation_id,
        url=url,
        kinds=[kind.value for kind in chosen],
        secret=_seal(secret),
        created_at=clock.now(),
        created_by=actor.label,
    )
    record(actor, Tag.WEBHOOK_ADDED, row.id, {"url": url, "kinds": row.kinds})
    return _view(row), _shown(secret)


@transaction.atomic
def change(actor: Actor, endpoint_id: str, *, kinds: Sequence[str], paused: bool) -> EndpointView:
    """Change what an endpoint is told, and whether it is told anything now.

    Raises:
        Forbidden, NotFound, Invalid: as ``add``; it is not one of the organisation's.
    """
    actor.require(Permission.WEBHOOK_MANAGE)
    row = _locked(actor, endpoint_id)
    row.kinds = [kind.value for kind in _kinds(actor, kinds)]
    if paused != (row.paused_at is not None):
        row.paused_at, row.pause_reason = (clock.now(), f"Paused by {actor.label}.") if paused else (None, "")
    row.save()
    record(actor, Tag.WEBHOOK_CHANGED, row.id, {"kinds": row.kinds, "paused": paused})
    return _view(row)


@transaction.atomic
def rotate(actor: Actor, endpoint_id: str) -> str:
    """Give an endpoint a new secret and return it; for a day the old one signs too.

    Raises:
        Forbidden: the actor may not.
        NotFound: it is not one of the organisation's.
    """
    actor.require(Permission.WEBHOOK_MANAGE)
    row = _locked(actor, endpoint_id)
    secret = randomness.token_bytes(_OCTETS)
    row.previous_secret, row.secret, row.rotated_at = row.secret, _seal(secret), clock.now()
    row.save()
    record(actor, Tag.WEBHOOK_SECRET_ROTATED, row.id, {})
    return _shown(secret)


@transaction.atomic
def remove(actor: Actor, endpoint_id: str) -> None:
    """Remove an endpoint: nothing is told to it any more, and what waits for it is not sent.

    Raises:
        Forbidden: the actor may not.
        NotFound: it is not one of the organisation's.
    """
    actor.require(Permission.WEBHOOK_MANAGE)
    row = _locked(actor, endpoint_id)
    # The row stays: messages name it. Its secrets go.
    row.removed_at, row.secret, row.previous_secret = clock.now(), "", ""
    row.save()
    record(actor, Tag.WEBHOOK_REMOVED, row.id, {"url": row.url})


@transaction.atomic
def test(actor: Actor, endpoint_id: str) -> str:
    """Queue a test event to one endpoint, also a paused one; return the message's identifier.

    Raises:
        Forbidden: the actor may not.
        NotFound: it is not one of the organisation's.
    """
    actor.require(Permission.WEBHOOK_MANAGE)
    row = _locked(actor, endpoint_id)
    record(actor, Tag.WEBHOOK_TESTED, row.id, {})
    return _queue(row, key=f"test {row.id} {clock.now().isoformat()}", kind=EventKind.TEST, data={}, about=row.id)


def queue_event(*, key: str, organisation_id: str, kind: EventKind, data: Mapping[str, Any], about: str) -> int:
    """Tell an organisation of something, in the present transaction, at each endpoint that takes ``kind``.

    The same ``key`` again queues nothing. Returns how many endpoints are told.
    """
    rows = WebhookEndpoint.objects.filter(organisation_id=organisation_id, removed_at=None, paused_at=None)
    wanting = [row for row in rows.only("id", "url", "kinds", "organisation_id") if kind.value in row.kinds]
    for row in wanting:
        _queue(row, key=key, kind=kind, data=data, about=about)
    return len(wanting)


def secrets_of(endpoint_id: str, *, now: datetime) -> tuple[bytes, ...]:
    """Return the secrets that sign now, the newest first: for the worker that sends. None once it was removed."""
    row = WebhookEndpoint.objects.filter(id=endpoint_id, removed_at=None).first()
    if row is None:
        return ()
    overlapping = row.previous_secret and row.rotated_at is not None and now < row.rotated_at + OVERLAP
    return tuple(_open(sealed) for sealed in (row.secret, row.previous_secret if overlapping else "") if sealed)


@transaction.atomic
def gone(actor: Actor, endpoint_id: str) -> None:
    """Pause an endpoint that answered 410: it wants nothing any more (Standard Webhooks)."""
    row = WebhookEndpoint.objects.select_for_update(no_key=True).filter(id=endpoint_id).first()
    if row is None or row.paused_at is not None:
        return
    row.paused_at, row.pause_reason = clock.now(), "It answered 410 Gone."
    row.save(update_fields=["paused_at", "pause_reason"])
    record(actor, Tag.WEBHOOK_CHANGED, row.id, {"paused": True, "reason": row.pause_reason})


def _queue(row: WebhookEndpoint, *, key: str, kind: EventKind, data: Mapping[str, Any], about: str) -> str:
    return outbox.queue_post(
        key=f"{key} {row.id}",
        url=row.url,
        endpoint=row.id,
        kind=kind.value,
        data=data,
        about=about,
        organisation_id=row.organisation_id,
    )


def _own(actor: Actor) -> Any:
    return WebhookEndpoint.objects.filter(organisation_id=actor.organisation_id, removed_at=None)


def _locked(actor: Actor, endpoint_id: str) -> WebhookEndpoint:
    row: WebhookEndpoint | None = _own(actor).select_for_update(no_key=True).filter(id=endpoint_id).first()
    if row is None:
        raise NotFound(f"Your organisation has no webhook endpoint {endpoint_id}.")
    return row


def _checked(url: str) -> str:
    url = url.strip()
    if why := post_fault(url, internal_hosts=settings.HEADWATER.webhook_hosts):
        raise Invalid(f"No webhook can go to {url[:200]!r}: {why}.")
    return url


def _kinds(actor: Actor, kinds: Sequence[str]) -> tuple[EventKind, ...]:
    offered = OFFERED.get(actor.organisation_kind, ()) if actor.organisation_kind else ()
    unknown = sorted(set(kinds) - {kind.value for kind in offered})
    if unknown or not kinds:
        raise Invalid(f"Choose what to be told among {', '.join(offered)}; {', '.join(unknown) or 'nothing'} is not.")
    return tuple(kind for kind in offered if kind.value in kinds)


def _seal(secret: bytes) -> str:
    return box(PURPOSE).encrypt(secret).decode()


def _open(sealed: str) -> bytes:
    return box(PURPOSE).decrypt(sealed.encode())


def _shown(secret: bytes) -> str:
    return f"whsec_{b64encode(secret).decode()}"


def _view(row: WebhookEndpoint) -> EndpointView:
    return EndpointView(
        id=row.id,
        url=row.url,
        kinds=tuple(EventKind(kind) for kind in row.kinds),
        created_at=row.created_at,
        created_by=row.created_by,
        paused_at=row.paused_at,
        pause_reason=row.pause_reason,
        rotated_at=row.rotated_at,
    )

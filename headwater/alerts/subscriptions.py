"""What agencies ask to be written about: subscribing, changing, ending. What is written is in ``deliveries``."""

import hmac
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.db.models import QuerySet

from headwater import clock
from headwater.accounts.actors import Actor
from headwater.accounts.permissions import OrganisationKind, Permission
from headwater.accounts.queries import agencies
from headwater.alerts import rules
from headwater.alerts.models import Subscription
from headwater.alerts.rules import Agency
from headwater.alerts.values import Cadence
from headwater.audit.actions import record as audit
from headwater.audit.tags import Tag
from headwater.campaigns.models import Campaign
from headwater.errors import Conflict, Forbidden, Invalid, NotFound
from headwater.numbering.places import PLACES

MOST = 50
"""Subscriptions of one agency."""
_UNKNOWN = Actor(label="link:unsubscribe")


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionView:
    """One subscription."""

    id: str
    name: str
    states: tuple[str, ...]
    families: tuple[str, ...]
    calls_an_hour: int
    cadence: Cadence
    email: str
    webhook: bool
    created_at: datetime
    created_by: str
    paused_at: datetime | None
    sent: int
    """Versions of alerts that went out for it."""
    last_sent_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a form or a program asks for."""

    name: str
    states: tuple[str, ...] = ()
    families: tuple[str, ...] = ()
    calls_an_hour: int = 0
    cadence: Cadence = Cadence.AT_ONCE
    email: str = ""
    webhook: bool = True


def visible_to(actor: Actor) -> QuerySet[Subscription]:
    """Return the subscriptions that stand and that ``actor`` may see: an agency's own, all for the consortium's."""
    if actor.organisation_kind is OrganisationKind.AGENCY and actor.may(Permission.ALERT_READ):
        return Subscription.objects.filter(organisation_id=actor.organisation_id, ended_at=None)
    if actor.organisation_kind is OrganisationKind.CONSORTIUM and actor.may(Permission.CAMPAIGN_READ):
        return Subscription.objects.filter(ended_at=None)
    return Subscription.objects.none()


def subscriptions(actor: Actor) -> list[SubscriptionView]:
    """Return the subscriptions that ``actor`` may see, the newest first."""
    return [_view(row) for row in visible_to(actor).order_by("-created_at", "id")]


def subscription(actor: Actor, subscription_id: str) -> SubscriptionView:
    """Return one subscription.

    Raises:
        NotFound: there is none that the actor may see, or it has ended.
    """
    row = visible_to(actor).filter(id=subscription_id).first()
    if row is None:
        raise NotFound(f"There is no subscription {subscription_id[:20]} of your agency; it may have ended.")
    return _view(row)


def families() -> list[str]:
    """Return the families that can be subscribed to: those of confirmed campaigns. For forms."""
    known = Campaign.objects.filter(confirmed_at__isnull=False).exclude(family="")
    return sorted(known.order_by().values_list("family", flat=True).distinct())


def agency_of(actor: Actor) -> Agency:
    """Return the actor's agency.

    Raises:
        Forbidden: the actor is of no agency, or reads no alerts.
    """
    actor.require(Permission.ALERT_READ)
    found = next((one for one in agencies() if one.id == actor.organisation_id), None)
    if found is None:
        raise Forbidden("Agencies subscribe to alerts; your account belongs to none.")
    return Agency(organisation_id=found.id, state=found.state)


@transaction.atomic
def subscribe(actor: Actor, wanted: Wanted, *, now: datetime | None = None) -> SubscriptionView:
    """Make a subscription; only what is new from now on is written of.

    Raises:
        Forbidden: the actor is of no agency, or asks for another state than its own.
        Invalid: a member is none.
        Conflict: the agency has too many.
    """
    now = now or clock.now()
    agency = agency_of(actor)
    _check(agency, wanted)
    if Subscription.objects.filter(organisation_id=agency.organisation_id, ended_at=None).count() >= MOST:
        raise Conflict(f"Your agency has {MOST} subscriptions; end one first.")
    row = Subscription.objects.create(
        organisation_id=agency.organisation_id,
        created_at=now,
        created_by=actor.label,
        gathered_at=now,
        **_columns(wanted),
    )
    audit(actor, Tag.SUBSCRIPTION_MADE, row.id, _columns(wanted))
    return _view(row)


@transaction.atomic
def change(actor: Actor, subscription_id: str, wanted: Wanted) -> SubscriptionView:
    """Change what a subscription asks for.

    Raises:
        Forbidden, Invalid: as ``subscribe``.
        NotFound: it is not one of the agency's, or has ended.
    """
    agency = agency_of(actor)
    row = _own(actor, subscription_id)
    _check(agency, wanted)
    for name, value in _columns(wanted).items():
        setattr(row, name, value)
    row.save()
    audit(actor, Tag.SUBSCRIPTION_CHANGED, row.id, _columns(wanted))
    return _view(row)


@transaction.atomic
def pause(actor: Actor, subscription_id: str, *, now: datetime | None = None) -> None:
    """Write nothing for a subscription until it is resumed.

    Raises:
        NotFound: it is not one of the agency's, or has ended.
    """
    _paused(actor, subscription_id, now or clock.now())


@transaction.atomic
def resume(actor: Actor, subscription_id: str, *, now: datetime | None = None) -> None:
    """Write for a subscription again, from now on: what was missed is in the portal.

    Raises:
        NotFound: it is not one of the agency's, or has ended.
    """
    row = _paused(actor, subscription_id, None)
    row.gathered_at = now or clock.now()
    row.save(update_fields=["gathered_at"])


def _paused(actor: Actor, subscription_id: str, at: datetime | None) -> Subscription:
    agency_of(actor)
    row = _own(actor, subscription_id)
    row.paused_at = at
    row.save(update_fields=["paused_at"])
    audit(actor, Tag.SUBSCRIPTION_CHANGED, row.id, {"paused": at is not None})
    return row


@transaction.atomic
def end(actor: Actor, subscription_id: str, *, now: datetime | None = None) -> None:
    """End a subscription for good.

    Raises:
        NotFound: it is not one of the agency's, or has ended already.
    """
    agency_of(actor)
    _end(actor, _own(actor, subscription_id), now or clock.now())


def stop_token(subscription_id: str) -> str:
    """Return what the link in a mail ends a subscription with: nobody can make it who has not been written to."""
    key = sha256(b"unsubscribe " + settings.MASTER_KEY.encode()).digest()
    return f"{subscription_id}.{hmac.new(key, subscription_id.encode(), sha256).hexdigest()[:40]}"


def of_token(token: str) -> SubscriptionView:
    """Return the subscription that a mail's link ends.

    Raises:
        NotFound: the link is none of ours, or the subscription has ended.
    """
    return _view(_of_token(token))


@transaction.atomic
def end_by_link(token: str, *, now: datetime | None = None) -> None:
    """End a subscription by the link of a mail; whoever got the mail may, without signing in.

    Raises:
        NotFound: the link is none of ours, or the subscription has ended.
    """
    row = Subscription.objects.select_for_update(no_key=True).get(id=_of_token(token).id)
    if row.ended_at is None:
        _end(_UNKNOWN, row, now or clock.now())


def _of_token(token: str) -> Subscription:
    subscription_id = token.partition(".")[0]
    found = Subscription.objects.filter(id=subscription_id, ended_at=None).first()
    if not hmac.compare_digest(token.encode(), stop_token(subscription_id).encode()) or found is None:
        raise NotFound("This link ends no subscription: it has ended already, or the link is not whole.")
    return found


def _end(actor: Actor, row: Subscription, now: datetime) -> None:
    row.ended_at, row.ended_by = now, actor.label
    row.save(update_fields=["ended_at", "ended_by"])
    audit(actor, Tag.SUBSCRIPTION_ENDED, row.id, {})


def _own(actor: Actor, subscription_id: str) -> Subscription:
    row = (
        Subscription.objects.select_for_update(no_key=True)
        .filter(id=subscription_id, organisation_id=actor.organisation_id, ended_at=None)
        .first()
    )
    if row is None:
        raise NotFound(f"Your agency has no subscription {subscription_id[:20]}.")
    return row


def _check(agency: Agency, wanted: Wanted) -> None:
    if not 1 <= len(wanted.name.strip()) <= 80:
        raise Invalid("Name the subscription with 1 to 80 characters, so that people know what they end.")
    unknown = sorted(set(wanted.states) - set(PLACES))
    if unknown:
        raise Invalid(f"{', '.join(unknown)[:80]} is no state or territory; give two letters each.")
    if not rules.may_subscribe(wanted.states, agency):
        raise Forbidden(f"Your agency is told of {agency.state} alone; federal agencies are told of every state.")
    if not 0 <= wanted.calls_an_hour <= 1_000_000:
        raise Invalid("The number of calls an hour is from 0 to 1,000,000.")
    if max((len(family) for family in wanted.families), default=0) > 48 or len(wanted.families) > 50:
        raise Invalid("At most 50 families, of 48 characters each.")
    if wanted.email:
        try:
            validate_email(wanted.email)
        except ValidationError:
            raise Invalid(f"{wanted.email[:80]!r} is no mail address.") from None
    if not wanted.email and not wanted.webhook:
        raise Invalid("Choose a mail address, webhooks, or both: without either nothing would be sent.")


def _columns(wanted: Wanted) -> dict[str, Any]:
    return {
        "name": wanted.name.strip(),
        "states": sorted(set(wanted.states)),
        "families": sorted(set(wanted.families)),
        "calls_an_hour": wanted.calls_an_hour,
        "cadence": wanted.cadence.value,
        "email": wanted.email,
        "webhook": wanted.webhook,
    }


def _view(row: Subscription) -> SubscriptionView:
    return SubscriptionView(
        id=row.id,
        name=row.name,
        states=tuple(row.states),
        families=tuple(row.families),
        calls_an_hour=row.calls_an_hour,
        cadence=Cadence(row.cadence),
        email=row.email,
        webhook=row.webhook,
        created_at=row.created_at,
        created_by=row.created_by,
        paused_at=row.paused_at,
        sent=row.sendings.count(),
        last_sent_at=row.sendings.order_by("-at").values_list("at", flat=True).first(),
    )

"""Who the providers are, and which key belongs to whom. Frozen values; rows stay here."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Q, QuerySet

from headwater.accounts.actors import Actor
from headwater.accounts.permissions import Permission
from headwater.errors import NotFound
from headwater.providers.models import AnswerChannel, Provider, ProviderKey

#: An agent polls all the time: seen longer ago than this, it is away.
PRESENT = timedelta(minutes=2)


class ProviderNotFound(NotFound):
    """No provider of that code or identifier is in the register."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderView:
    """One voice service provider."""

    id: str
    name: str
    spc: str
    country: str
    frn: str
    rmd_number: str
    channel: AnswerChannel
    office_time_zone: str
    organisation_id: str
    agent_seen_at: datetime | None

    @property
    def by_agent(self) -> bool:
        """True where its agent answers, False where a person does."""
        return self.channel is AnswerChannel.AGENT


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyView:
    """One registered public key, with the provider that it speaks for."""

    key_id: str
    public_jwk: Mapping[str, str]
    provider: ProviderView
    valid_from: datetime
    revoked_at: datetime | None

    def valid_at(self, now: datetime) -> bool:
        """Tell whether a signature by this key counts at ``now``."""
        return self.valid_from <= now and (self.revoked_at is None or now < self.revoked_at)


def _view(row: Provider) -> ProviderView:
    return ProviderView(
        id=row.id,
        name=row.name,
        spc=row.spc,
        country=row.country,
        frn=row.frn,
        rmd_number=row.rmd_number,
        channel=AnswerChannel(row.channel),
        office_time_zone=row.office_time_zone,
        organisation_id=row.organisation_id or "",
        agent_seen_at=row.agent_seen_at,
    )


def visible_to(actor: Actor) -> QuerySet[Provider]:
    """Return the providers that ``actor`` may know of.

    The register of names and codes is open to the consortium and, because an answer names an upstream,
    to every provider.
    """
    if actor.may(Permission.PROVIDER_READ) or actor.may(Permission.QUESTION_ANSWER):
        return Provider.objects.all()
    return Provider.objects.none()


def provider(actor: Actor, provider_id: str) -> ProviderView:
    """Return one provider.

    Raises:
        ProviderNotFound: there is none that the actor may see.
    """
    row = visible_to(actor).filter(id=provider_id).first()
    if row is None:
        raise ProviderNotFound(f"There is no provider {provider_id}.")
    return _view(row)


def search(actor: Actor, text: str = "", *, limit: int = 2_000) -> list[ProviderView]:
    """Return providers whose name or code holds ``text``, by name."""
    rows = visible_to(actor)
    if text:
        rows = rows.filter(Q(name__icontains=text) | Q(spc__icontains=text))
    return [_view(row) for row in rows.order_by("name", "spc")[:limit]]


def by_spc(spc: str) -> ProviderView | None:
    """Return the provider of a Service Provider Code (or OCN), or None where no register has it."""
    row = Provider.objects.filter(spc=spc.strip().upper()).first() if spc.strip() else None
    return _view(row) if row else None


def by_id(provider_id: str) -> ProviderView | None:
    """Return one provider of the register for a decision, or None."""
    row = Provider.objects.filter(id=provider_id).first()
    return _view(row) if row else None


def is_present(view: ProviderView, now: datetime) -> bool:
    """Tell whether a provider's agent has polled lately."""
    return view.agent_seen_at is not None and now - view.agent_seen_at <= PRESENT


def agents_present(now: datetime) -> int:
    """Return how many providers' agents have polled lately."""
    return Provider.objects.filter(channel=AnswerChannel.AGENT, agent_seen_at__gte=now - PRESENT).count()


def key(key_id: str) -> KeyView | None:
    """Return a registered key and its provider, or None. Whether it still counts is for ``valid_at``."""
    row = ProviderKey.objects.select_related("provider").filter(id=key_id).first()
    if row is None:
        return None
    return KeyView(
        key_id=row.id,
        public_jwk=row.public_jwk,
        provider=_view(row.provider),
        valid_from=row.valid_from,
        revoked_at=row.revoked_at,
    )


def keys_of(provider_id: str) -> list[KeyView]:
    """Return every key that a provider ever registered, the newest first."""
    rows = ProviderKey.objects.filter(provider_id=provider_id).order_by("-valid_from").values_list("id", flat=True)
    return [view for key_id in rows if (view := key(key_id)) is not None]

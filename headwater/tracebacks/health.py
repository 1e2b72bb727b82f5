"""How a provider's agent stands, as the hub sees it: for the provider itself and for the desk."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from headwater import clock
from headwater.accounts.actors import Actor
from headwater.accounts.permissions import Permission
from headwater.providers import queries as providers
from headwater.providers.queries import KeyView, ProviderView
from headwater.tracebacks.answering import QuestionNotFound
from headwater.tracebacks.deposits import DepositsView, of_provider
from headwater.tracebacks.models import Answer, Hop, RefusedAnswer

#: An agent polls all the time: seen longer ago than this, it is away.
AWAY = timedelta(minutes=2)
#: The time over which answers are told.
LATELY = timedelta(days=7)


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusalView:
    """One answer that was refused."""

    at: datetime
    question_id: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentView:
    """How one provider's agent stands."""

    provider: ProviderView
    seen_at: datetime | None
    present: bool
    keys: tuple[KeyView, ...]
    """Of one's own provider alone."""
    signed: int
    """Signed answers lately."""
    by_hand: int
    """Answers by people lately."""
    quickest: timedelta | None
    median: timedelta | None
    waiting: int
    """Questions that wait now."""
    oldest_waiting_at: datetime | None
    software: str
    """As the last signed answer names it."""
    refusals: tuple[RefusalView, ...]
    deposits: DepositsView
    """What it deposited and is kept."""
    from_deposits: int
    """Questions that its deposits answered lately."""


def agent(actor: Actor, provider_id: str = "", *, now: datetime | None = None) -> AgentView:
    """Return how a provider's agent stands: one's own, or any for the desk.

    Raises:
        QuestionNotFound: the actor has no provider, and may not see others'.
    """
    now = now or clock.now()
    whose = provider_id if actor.may(Permission.TRACEBACK_READ) and provider_id else actor.provider_id
    view = providers.by_id(whose) if whose else None
    if view is None:
        raise QuestionNotFound("Your organisation is no provider of the register: ask the consortium.")
    since = now - LATELY
    given = Answer.objects.filter(hop__provider_id=view.id, received_at__gte=since, version=1, deposit="")
    from_deposits = Answer.objects.filter(hop__provider_id=view.id, received_at__gte=since).exclude(deposit="").count()
    rows = list(given.exclude(key_id="").values_list("received_at", "hop__asked_at"))
    took = sorted(at - asked for at, asked in rows)
    last = (
        Answer.objects.filter(hop__provider_id=view.id, deposit="").exclude(key_id="").order_by("-received_at").first()
    )
    waiting = Hop.objects.filter(provider_id=view.id, next_deadline_at__isnull=False, withdrawn_at=None)
    oldest = waiting.order_by("asked_at").values_list("asked_at", flat=True).first()
    refused = RefusedAnswer.objects.filter(provider_id=view.id, received_at__gte=since).order_by("-received_at")[:20]
    return AgentView(
        provider=view,
        seen_at=view.agent_seen_at,
        present=view.agent_seen_at is not None and now - view.agent_seen_at <= AWAY,
        # The desk's role does not read keys; a provider sees its own.
        keys=tuple(providers.keys_of(view.id)) if view.id == actor.provider_id else (),
        signed=len(rows),
        by_hand=given.filter(key_id="").count(),
        quickest=took[0] if took else None,
        median=took[len(took) // 2] if took else None,
        waiting=waiting.count(),
        oldest_waiting_at=oldest,
        deposits=of_provider(actor, view.id),
        from_deposits=from_deposits,
        software=str(last.payload.get("agent", "")) if last else "",
        refusals=tuple(
            RefusalView(at=row.received_at, question_id=row.hop_id or "", reason=row.reason) for row in refused
        ),
    )

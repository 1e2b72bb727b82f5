"""What a trace forward's page shows: its outcome, each provider's question and answers, what happened in words."""

from dataclasses import dataclass

from headwater.accounts.actors import Actor
from headwater.tracebacks import forward_answering, forwarding
from headwater.tracebacks.forward import (
    Asked,
    ForwardAnswered,
    ForwardCancelled,
    ForwardEvent,
    ForwardLapsed,
    ForwardOpened,
)
from headwater.tracebacks.forward_answering import NumberQuestionView
from headwater.tracebacks.forwarding import ForwardView
from headwater.tracebacks.models import ForwardQuestion
from headwater.tracebacks.views import EventView


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedLine:
    """One provider that was asked, with its question as it was put and all that it answered."""

    asked: Asked
    question: NumberQuestionView | None
    """None of a trace that was opened before questions had rows."""

    @property
    def state(self) -> str:
        """Return where its answer stands, in the words that questions of calls have."""
        if self.asked.said is not None:
            return "declined" if self.asked.said.code == "DECLINED" else "answered"
        if self.asked.lapsed:
            return "silent"
        return "viewed" if self.question is not None and self.question.seen_at else "notified"


@dataclass(frozen=True, slots=True, kw_only=True)
class ForwardPage:
    """One trace forward as its page shows it."""

    view: ForwardView
    lines: tuple[AskedLine, ...]
    activity: tuple[EventView, ...]

    @property
    def waiting(self) -> AskedLine | None:
        """Return the provider whose clock runs out first, or None."""
        waiting = [one for one in self.lines if one.asked.waiting]
        return min(waiting, key=lambda one: one.asked.due_at, default=None)


def page(actor: Actor, forward_id: str) -> ForwardPage:
    """Return one trace forward with its questions and answers; that it was read is audited.

    Raises:
        ForwardNotFound: there is none, or the actor may not see it.
    """
    view = forwarding.forward_of(actor, forward_id)
    rows = ForwardQuestion.objects.select_related("provider").prefetch_related("answers").filter(forward_id=view.id)
    asked = {row.provider_id: forward_answering.view(row) for row in rows}
    names = {one.respondent.provider_id: one.respondent.name for one in view.trace.asked}
    names |= {provider_id: one.provider_name for provider_id, one in asked.items()}
    return ForwardPage(
        view=view,
        lines=tuple(AskedLine(asked=one, question=asked.get(one.respondent.provider_id)) for one in view.trace.asked),
        activity=tuple(EventView(at=at, text=_words(event, names)) for event, at in view.events),
    )


def _words(event: ForwardEvent, names: dict[str, str]) -> str:
    match event:
        case ForwardOpened(pointers=pointers, by=by):
            asked = ", ".join(f"{one.to.name} (because of {one.source})" for one in pointers) or "nobody"
            return f"opened by {by}; asked: {asked}"
        case ForwardAnswered(provider_id=who, said=said):
            named = f", naming {said.party.title}" if said.party else ""
            return f"{names.get(who, who)} answered {said.code.value}{named}"
        case ForwardLapsed(provider_id=who):
            return f"{names.get(who, who)} has not answered by its due time"
        case ForwardCancelled(by=by, reason=reason):
            return f"called off by {by}: {reason}"

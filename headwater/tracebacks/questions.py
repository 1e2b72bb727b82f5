"""What a provider may read: the questions that were put to it, and its own answers. Frozen values."""

from dataclasses import dataclass
from datetime import datetime

import msgspec
from django.db.models import Q, QuerySet

from headwater.accounts.actors import Actor
from headwater.accounts.permissions import Permission
from headwater.tracebacks.answering import QuestionNotFound
from headwater.tracebacks.models import Hop
from headwater.tracebacks.queries import AnswerView, answer_view
from headwater.tracebacks.states import HopState, TracebackState
from headwater.wire import agents as wire

#: Overdue questions stay open: a late answer still moves upstream.
_OPEN = Q(answers=None, withdrawn_at=None) & ~Q(traceback__state=TracebackState.CANCELLED.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionView:
    """One question as the provider that was asked sees it: the called number in clear."""

    question: wire.Question
    provider_spc: str
    provider_name: str
    state: HopState
    asked_at: datetime
    call_at: datetime
    legal_due_at: datetime
    platform_due_at: datetime
    withdrawn: bool
    answers: tuple[AnswerView, ...]

    @property
    def open(self) -> bool:
        """Tell whether an answer is still awaited."""
        return not self.withdrawn and not self.answers


def own_questions(actor: Actor) -> QuerySet[Hop]:
    """Return the questions that were put to the actor's provider."""
    if not actor.may(Permission.QUESTION_READ) or not actor.provider_id:
        return Hop.objects.none()
    return Hop.objects.filter(provider_id=actor.provider_id)


def waiting_questions(actor: Actor, *, limit: int = 100) -> list[wire.Question]:
    """Return the questions that are open for the actor's provider, oldest first. Overdue ones stay open."""
    rows = own_questions(actor).filter(_OPEN).order_by("asked_at").values_list("question", flat=True)
    return [msgspec.convert(row, type=wire.Question) for row in rows[:limit]]


def questions(actor: Actor, *, answered: bool, limit: int = 200) -> list[QuestionView]:
    """Return the actor's provider's questions for its pages: open ones oldest first, or answered ones newest first."""
    rows = own_questions(actor).select_related("provider").prefetch_related("answers")
    if answered:
        rows = rows.exclude(answers=None).distinct().order_by("-asked_at")
    else:
        rows = rows.filter(_OPEN).order_by("asked_at")
    return [_question(row) for row in rows[:limit]]


def question(actor: Actor, question_id: str) -> QuestionView:
    """Return one of the actor's provider's questions.

    Raises:
        QuestionNotFound: it is not its own.
    """
    row = own_questions(actor).select_related("provider").prefetch_related("answers").filter(id=question_id).first()
    if row is None:
        raise QuestionNotFound(f"There is no question {question_id[:32]} for you.")
    return _question(row)


def _question(row: Hop) -> QuestionView:
    asked = msgspec.convert(row.question, type=wire.Question)
    return QuestionView(
        question=asked,
        provider_spc=row.provider.spc,
        provider_name=row.provider.name,
        state=HopState(row.state),
        asked_at=row.asked_at,
        call_at=datetime.fromisoformat(asked.call_at),
        legal_due_at=row.legal_due_at,
        platform_due_at=row.platform_due_at,
        withdrawn=row.withdrawn_at is not None,
        answers=tuple(answer_view(answer) for answer in sorted(row.answers.all(), key=lambda one: one.version)),
    )

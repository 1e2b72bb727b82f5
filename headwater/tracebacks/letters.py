"""The words of the mails about a question. Pure. No called number in clear: a mail is read on many machines."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from headwater.numbering.numbers import E164, display
from headwater.tracebacks.reminders import Step
from headwater.tracebacks.states import HopKind
from headwater.wire.forward import NumberQuestion


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a mail says of one question."""

    step: Step
    kind: HopKind
    question_id: str
    traceback_id: str
    provider: str
    calling: E164
    called_masked: str
    called_state: str
    call_at: datetime
    window_s: int
    downstream: str
    campaign: str
    legal_due_at: datetime
    platform_due_at: datetime
    final_due_at: datetime
    office: ZoneInfo
    """Zone of the responding office: due times are told in it and in UTC."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """One mail."""

    subject: str
    text: str


_SUBJECTS = {
    Step.ASKED: "Traceback question {question}: answer due {due}",
    Step.TARGET: "Reminder: traceback question {question}, answer due {due}",
    Step.BEFORE_DUE: "Due in two business hours: traceback question {question}",
    Step.OVERDUE: "Overdue: traceback question {question} was due {due}",
    Step.LAST: "Last reminder: traceback question {question} counts as unanswered from {final}",
}
_OPENINGS = {
    Step.ASKED: "A call that is being traced leads to {provider}. Who handed it to you?",
    Step.TARGET: "A call that is being traced leads to {provider}, and nobody has answered yet. Who handed it to you?",
    Step.BEFORE_DUE: "The legal due time of a question to {provider} is two business hours away.",
    Step.OVERDUE: (
        "The legal due time of a question to {provider} has passed without an answer. A late answer is still taken, "
        "and shown as late."
    ),
    Step.LAST: (
        "A question to {provider} is overdue. Without an answer by {final} it is recorded as not answered. A later "
        "answer is still taken, and shown as late."
    ),
}


#: Said beside the opening where no neighbour named the provider.
_BRIDGE = (
    "No neighbour has named {provider} for this call. It is asked because another provider does not lead on; where the "
    "call did not pass through {provider}, that is a full answer."
)


def moment(at: datetime, office: ZoneInfo) -> str:
    """Return a moment in the office's own time, such as ``Wed Nov 25, 3:00 p.m. EST``."""
    local = at.astimezone(office)
    hour = local.hour % 12 or 12
    half = "a.m." if local.hour < 12 else "p.m."
    return f"{local:%a %b} {local.day}, {hour}:{local:%M} {half} {local:%Z}"


def question(facts: Facts, *, name: str, link: str) -> Letter:
    """Return the mail of one step, with its one-time link.

    Raises:
        KeyError: the step is none that goes to a provider.
    """
    due, final = moment(facts.legal_due_at, facts.office), moment(facts.final_due_at, facts.office)
    called = f"{facts.called_masked}{f' ({facts.called_state})' if facts.called_state else ''}"
    lines = [
        f"To: {name}",
        "",
        _OPENINGS[facts.step].format(provider=facts.provider, final=final),
        *([_BRIDGE.format(provider=facts.provider)] if facts.kind is not HopKind.WALK else []),
        "",
        f"  Question    {facts.question_id} of traceback {facts.traceback_id}",
        f"  Calling     {display(facts.calling) if facts.calling else 'not given'}",
        f"  Called      {called}; shown in full when you open the link",
        f"  Call        {facts.call_at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC, give or take {facts.window_s} seconds",
        *([f"  Named by    {facts.downstream}, which says that it took the call from you"] if facts.downstream else []),
        *([f"  Campaign    {facts.campaign}"] if facts.campaign else []),
        f"  Due         {due} ({facts.legal_due_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC), 47 CFR 64.1200(n)(1)",
        "",
        "Answer here, on one screen, without signing in. The link opens this question alone and takes one answer;",
        "do not pass it on.",
        "",
        link,
        "",
        "You can also answer in the carrier pages, by the carrier API, by your agent, or with a file of many answers.",
        "You get a signed receipt for each answer.",
    ]
    subject = _SUBJECTS[facts.step].format(question=facts.question_id, due=due, final=final)
    return Letter(subject=subject, text="\n".join(lines) + "\n")


@dataclass(frozen=True, slots=True, kw_only=True)
class Overdue:
    """One overdue question as the mail to the desk lists it."""

    traceback_id: str
    question_id: str
    provider: str
    legal_due_at: datetime
    final_due_at: datetime


def escalation(listed: Sequence[Overdue], *, more: int, desk_url: str) -> Letter:
    """Return the mail to the desk. It names providers and questions, and no number of a call.

    Args:
        listed: The questions that it lists.
        more: How many there are in all.
        desk_url: The desk pages' address.
    """
    lines = [
        "These questions are two business hours beyond their legal due time, and nobody has answered. The providers'",
        "escalation contacts were written to.",
        "",
    ]
    for one in listed:
        lines += [
            f"  {one.provider}: question {one.question_id} of traceback {one.traceback_id}",
            (
                f"    due {one.legal_due_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC; counts as not answered from "
                f"{one.final_due_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
            ),
            f"    {desk_url}/tracebacks/{one.traceback_id}/",
        ]
    if more > len(listed):
        lines.append(f"  and {more - len(listed)} more")
    lines += ["", f"The whole list, and who is mailed: {desk_url}/tracebacks/#overdue"]
    subject = f"Overdue: {more} traceback question{'s' if more != 1 else ''} without an answer"
    return Letter(subject=subject, text="\n".join(lines) + "\n")


_NUMBER_SUBJECTS = {
    Step.ASKED: "Trace forward {question}: who serves {number}? Answer due {due}",
    Step.BEFORE_DUE: "Due in two business hours: trace forward {question}, who serves {number}?",
}


def number_question(  # noqa: PLR0913 - one argument a part of the mail, each by name
    *, step: Step, provider: str, asked: NumberQuestion, due_at: datetime, office: ZoneInfo, page: str
) -> Letter:
    """Return the mail about a call-back number. It asks who serves the number, and never who the customer is.

    Raises:
        KeyError: the step is none of those that are told about a number.
    """
    due, number = moment(due_at, office), display(E164(asked.number))
    lines = [
        f"Calls that are being traced ask to be called back on {number}.",
        f"{' and '.join(asked.sources)} points at {provider}.",
        "Does a customer of yours have the number, and if not, who serves it? Do not say who the customer is: that",
        "needs legal process.",
        "",
        f"  Question    {asked.question_id} of trace forward {asked.forward_id}",
        f"  Number      {number}",
        *([f"  Campaign    {asked.campaign}"] if asked.campaign else []),
        f"  Due         {due} ({due_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC), 47 CFR 64.1200(n)(1)",
        "",
        "Answer on one screen in the carrier pages:",
        "",
        page,
        "",
        "You can also answer by the carrier API or by your agent, and get a signed receipt for each answer.",
    ]
    subject = _NUMBER_SUBJECTS[step].format(question=asked.question_id, number=number, due=due)
    return Letter(subject=subject, text="\n".join(lines) + "\n")

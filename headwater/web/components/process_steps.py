"""The way of a process as a short list: what is done, what is on, what is to come."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from headwater.legal.kinds import discloses
from headwater.legal.queries import ProcessView
from headwater.legal.rules import ProcessState

_S = ProcessState
#: The steps that every process takes, each with the states that show it is reached.
_WAY: tuple[tuple[str, ProcessState], ...] = (
    ("Served", _S.SERVED),
    ("Identity checked", _S.IDENTITY_CHECKED),
    ("Under review", _S.UNDER_REVIEW),
    ("Accepted", _S.ACCEPTED),
)
#: The steps of those that disclose something.
_PRODUCTION: tuple[tuple[str, ProcessState], ...] = (
    ("Being produced", _S.PRODUCING),
    ("Produced", _S.PRODUCED),
    ("Certified", _S.CERTIFIED),
)
_ENDS = (_S.CERTIFIED, _S.OBJECTED, _S.CLOSED, _S.WITHDRAWN)
#: What takes less is done by machine on the heels of the step before; its length would only distract.
_SHORTEST = timedelta(seconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step as shown."""

    words: str
    at: datetime | None
    by: str
    reason: str
    after: timedelta | None
    """From the step before to this one."""
    done: bool
    current: bool


def steps(process: ProcessView) -> tuple[Step, ...]:
    """Return the steps that were taken, in their order, then those that are still to come."""
    taken: list[Step] = []
    before: datetime | None = None
    history = [step for step in process.steps if step.state is not ProcessState.DRAFT]
    for number, step in enumerate(history):
        taken.append(
            Step(
                words=step.words,
                at=step.at,
                by=step.by.removeprefix("user:").removeprefix("system:"),
                reason=step.reason,
                after=step.at - before if before and step.at - before >= _SHORTEST else None,
                done=True,
                current=number == len(history) - 1 and process.state not in _ENDS,
            )
        )
        before = step.at
    if process.state in (_S.OBJECTED, _S.CLOSED, _S.WITHDRAWN):
        return tuple(taken)
    reached = {step.state for step in history}
    way = (*_WAY, *_PRODUCTION) if discloses(process.request.process_type) else _WAY
    open_steps = [words for words, state in way if state not in reached]
    coming = [
        Step(words=words, at=None, by="", reason="", after=None, done=False, current=False) for words in open_steps
    ]
    return (*taken, *coming)

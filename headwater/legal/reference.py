"""Legal process described by its own tables: the page docs/reference/legal-process.md, which a test holds current."""

from collections.abc import Iterator

from headwater.legal.kinds import DISCLOSURE_WORDS, KINDS, MOST_RENEWALS, TYPE_WORDS, Disclosure
from headwater.legal.notices import TOLD, Event, Side
from headwater.legal.rules import (
    ACCESS_FOR,
    DECISION_STEP,
    IDENTITY_WORDS,
    LONGEST_ACCESS,
    MOST_SUBJECTS,
    REVIEW_TARGET,
    Decision,
)
from headwater.legal.states import ACCEPTED, STATE_WORDS, TRANSITIONS

_BEGIN = """# Legal process

What can be served, how far it reaches, where it can stand. The tables are `headwater/legal/kinds.py`, `states.py` and
`notices.py`; no other place decides. How to serve: [serve a process](../howto/serve-a-process.md). For an agency's own
system: [agency API](agency-api.md).

## Kinds
"""
_DECISIONS: dict[Decision, str] = {
    Decision.ACCEPT: "All that was asked for is opened.",
    Decision.ACCEPT_IN_PART: "Some classes or subjects are not; the letter names each.",
    Decision.NARROW: "Fewer subjects, or a shorter time; the letter names each limit.",
    Decision.OBJECT: "Refused with the reason. The agency may answer, and the review goes on.",
    Decision.ASK_FOR_MORE: "Something is missing. The agency supplies it, and the review goes on.",
}


def process_page() -> str:
    """Return the page in Markdown."""
    return "\n".join([_BEGIN, *_kinds(), *_states(), *_decisions(), *_scope(), *_notices()]).rstrip() + "\n"


def _kinds() -> Iterator[str]:
    yield "| kind | compels | reaches | document | statute | seals itself | keeps calls |"
    yield "|---|---|---|---|---|---|---|"
    for kind, rules in KINDS.items():
        reach = ", ".join(DISCLOSURE_WORDS[one] for one in Disclosure if one in rules.reach) or "nothing"
        hold = f"{rules.hold.days} days, {MOST_RENEWALS} renewal of as many" if rules.hold else "no"
        yield (
            f"| {TYPE_WORDS[kind]} (`{kind}`) | {_yes(rules.compels)} | {reach} | {_needed(rules.needs_document)} | "
            f"{_needed(rules.needs_statute)} | {_yes(rules.seals_itself)} | {hold} |"
        )
    yield "\nA preservation request is held from service on (18 U.S.C. 2703(f)): the worker places the hold at once, a"
    yield "reviewer confirms or refuses it. Where it is refused, withdrawn, closed or over, the hold is released."


def _states() -> Iterator[str]:
    yield "\n## States\n\n```mermaid\nstateDiagram-v2\n    [*] --> draft"
    for (state, step), after in TRANSITIONS.items():
        if after is not state:
            yield f"    {state} --> {after}: {step}"
    yield "```\n\n| state | step | becomes |\n|---|---|---|"
    for state, words in STATE_WORDS.items():
        moves = [(step, after) for (at, step), after in TRANSITIONS.items() if at is state]
        if not moves:
            yield f"| {words} | | nothing follows |"
        for step, after in moves:
            yield f"| {words} | {step} | {STATE_WORDS[after]} |"
    yield "\nEvery other pair is refused and changes nothing. Each step is kept with its time, who took it and why."


def _decisions() -> Iterator[str]:
    yield "\n## Decisions\n\n| decision | step | says |\n|---|---|---|"
    for decision, step in DECISION_STEP.items():
        yield f"| `{decision}` | {step} | {_DECISIONS[decision]} |"
    yield "\nEach needs a reason, which the agency reads in a letter (PDF, kept with its SHA-256). Before it the"
    ways = "; ".join(words.lower() for words in IDENTITY_WORDS.values())
    yield f"requester is checked: {ways}."
    hours = REVIEW_TARGET.seconds // 3600
    yield f"Our own target for a decision is {hours} hour from service; the return date counts in business days"
    yield "(47 CFR 64.1200(n)(1))."


def _scope() -> Iterator[str]:
    states = ", ".join(f"*{STATE_WORDS[state].lower()}*" for state in ACCEPTED)
    yield "\n## What an acceptance opens\n"
    yield f"The union of what it names (at most {MOST_SUBJECTS}): the calls of a campaign, a traceback, the calls that"
    yield "show a calling number; of these what lies in its window, in the classes that were opened. It is open to the"
    yield f"people named on it while it is {states}, until its last day: {ACCESS_FOR.days} days where the reviewer"
    yield f"names none, at most {LONGEST_ACCESS.days}. Withdrawn, closed, run out, or with the person taken off or"
    yield "their account closed, it opens nothing from that moment on. One rule decides (`legal/scope.py`); views"
    yield "`legal_scoped_*` say the same in SQL, and each row is held against the rule once more."
    yield "\nA sealed process is known to the people named on it, and to the consortium's reviewers and custodians."


def _notices() -> Iterator[str]:
    yield "\n## Notices\n\nBy mail, and to agencies by the webhook `process.changed`. A mail names the process and"
    yield "nothing of the matter.\n\n| event | agency | consortium |\n|---|---|---|"
    for event in Event:
        yield f"| `{event}` | {_yes(Side.AGENCY in TOLD[event])} | {_yes(Side.CONSORTIUM in TOLD[event])} |"


def _yes(holds: bool) -> str:  # noqa: FBT001 - a cell of a table
    return "yes" if holds else "no"


def _needed(holds: bool) -> str:  # noqa: FBT001 - a cell of a table
    return "needed" if holds else "may be left out"

"""The engine described by its own tables: the page docs/reference/traceback-engine.md, which a test holds current."""

from collections.abc import Iterator, Mapping
from typing import Any

from headwater.tracebacks import engine, forward
from headwater.tracebacks.checks import CLOCK_SKEW, DOMESTIC, WINDOW_SLACK
from headwater.tracebacks.engine import HOP_TRANSITIONS, TRACEBACK_TRANSITIONS, WINDOWS_TERMINATING, WINDOWS_UPSTREAM
from headwater.tracebacks.forward import FORWARD_TRANSITIONS, POINTS_ON, ForwardGrade
from headwater.tracebacks.outcomes import NAMES_UPSTREAM
from headwater.tracebacks.states import FlagKind, Grade
from headwater.tracebacks.trace import DOUBT_PPM, SURE_PPM, UNSTEADY
from headwater.wire.agents import AnswerCode
from headwater.wire.forward import ForwardCode

_BEGIN = """# The traceback engine

One event in; a new trace, and what is to be done, out (`headwater/tracebacks/engine.py`, `{version}`). It asks nobody,
reads no clock and writes nothing. A traceback's stored events are the truth; its rows are folded from them, and
`tracebacks.queries.replay` names every place where a row says something else. A pair that is not in the tables below
raises and changes nothing.

The walk begins at the terminating provider and goes upstream, each provider asked with the record of the one that
named it. It has at most {hops} hops. A question looks {terminating} s each way at the terminating provider and
{upstream} s further up: the first window, and the wider ones after NEED_INFO, which is asked again twice at most.

A record that is given is compared with the one of the downstream by the hub itself; below a probability of {doubt:.0%}
it is asked for again. Where a provider does not lead on, detours are tried in this order (`detours.py`): the search
once more; whoever named it once more; a *bridge*, which asks providers that may have handed the call to it whether they
did, joined to the path from a probability of {sure:.0%} on; a bridge over whoever named it; last, beyond the *gap*, who
carried the call at all. Of those the one that had the call last before the gap leads on, and nothing beyond a gap is
ever confirmed. A provider that names another upstream each time it is asked ({unsteady} changes) is where the proof
ends. A verified signer is asked beside the walk as an *attested* hop: it is on the path only where the walk meets it.

## Traceback
"""

_GRADES: dict[Grade, str] = {
    Grade.NONE: "The walk goes on.",
    Grade.ORIGIN_CONFIRMED: (
        "The last provider answers ORIGINATED, and the provider before it, itself named in the same way from hop 1 on, "
        "names it for the same call; no dispute is open. The only grade that names an origin."
    ),
    Grade.ENTRY_CONFIRMED: "The last provider says that it received the call from abroad. No origin is named.",
    Grade.ORIGIN_STATED: (
        "A provider answers ORIGINATED by its own record, and the provider that it handed the call to has not named "
        "it, or no unbroken path joins it to the called party. No finding."
    ),
    Grade.ORIGIN_NAMED: (
        "A proven neighbour names a provider that gives no record, nobody handed the call to it, and the call bears a "
        "token, attested A, that verifies under that provider's own certificate. No finding."
    ),
    Grade.ON_NET: "The terminating provider says that its own customer called its own subscriber. No origin is named.",
    Grade.FRONTIER: "Proven up to one provider, which names the next; more is not known, and the sentence says why.",
}

_ANSWERS: dict[AnswerCode, str] = {
    AnswerCode.UPSTREAM_US: "The named provider is asked; one in no register ends the walk with its name shown.",
    AnswerCode.UPSTREAM_FOREIGN: "The walk ends: the answerer is the gateway, unless a bridge shows a domestic one.",
    AnswerCode.ORIGINATED: "The walk ends: origin confirmed, or on-net at hop 1.",
    AnswerCode.ORIGINATED_RESELLER: "The reseller is asked; one that is in no register ends the walk.",
    AnswerCode.RECORD_NOT_FOUND: (
        "Asked again, of an agent twice; then the walk tries its detours, and else ends at the frontier."
    ),
    AnswerCode.RECORD_EXPIRED: "As RECORD_NOT_FOUND.",
    AnswerCode.NOT_OURS: (
        "Returns to the provider that named the answerer, which is asked again once, both being flagged; if both "
        "insist, the walk ends disputed. Taking the denial back resolves the dispute."
    ),
    AnswerCode.NEED_INFO: "Asked again with a wider window, twice at most; then the walk ends.",
    AnswerCode.DECLINED: "The walk ends at the frontier; the refusal is flagged with its reason.",
    AnswerCode.LEGIT_CLAIM: "The walk ends at the frontier, disputed: it does not say whose customer the caller is.",
}


def engine_page() -> str:
    """Return the page in Markdown."""
    begin = _BEGIN.format(
        version=engine.VERSION,
        hops=engine.MAX_HOPS,
        terminating=", ".join(map(str, WINDOWS_TERMINATING)),
        upstream=", ".join(map(str, WINDOWS_UPSTREAM)),
        doubt=DOUBT_PPM / 1_000_000,
        sure=SURE_PPM / 1_000_000,
        unsteady=UNSTEADY,
    )
    return (
        "\n".join(
            [
                begin,
                *_table(TRACEBACK_TRANSITIONS),
                "\n## Hop\n",
                *_table(HOP_TRANSITIONS),
                "\n## Answers\n\n| answer (our taxonomy) | names an upstream | what follows |\n|---|---|---|",
                *(
                    f"| {code} | {'yes' if code in NAMES_UPSTREAM else 'no'} | {text} |"
                    for code, text in _ANSWERS.items()
                ),
                "\n## Grades\n\n| grade | what it needs |\n|---|---|",
                *(f"| {grade.label} | {text} |" for grade, text in _GRADES.items()),
                "\n## Flags\n\nFacts with their question, not judgements.\n\n| flag | says |\n|---|---|",
                *(f"| `{kind.value}` | {kind.label} |" for kind in FlagKind),
                *_refusals(),
                *_forward(),
            ]
        ).rstrip()
        + "\n"
    )


def _refusals() -> Iterator[str]:
    yield "\n## Answers that are refused as impossible\n"
    yield "The octets are kept with the reason, and the question stays open.\n"
    yield "- An upstream is missing where the code needs one, or named where the code has none."
    yield "- A provider names itself, or names as domestic or foreign what its country is not"
    yield f"  (domestic: {', '.join(sorted(DOMESTIC))})."
    minutes = int(WINDOW_SLACK.total_seconds() // 60)
    yield f"- The matched record lies more than the window and {minutes} minutes from the call."
    yield f"- It was answered before the question, or more than {int(CLOCK_SKEW.total_seconds() // 60)} minutes ahead."
    yield "- A provider stands on the path a second time with the same record."


def _forward() -> Iterator[str]:
    yield "\n## Trace forward\n"
    yield f"`headwater/tracebacks/forward.py`, `{forward.VERSION}`: who serves a call-back number. It begins at what"
    yield "points at a provider: the registry of number blocks, a responsible organisation, a carrier's route. All are"
    yield "asked at once and followed to whoever says that its own customer has the number. That is confirmed only"
    yield "where another source points at the same provider.\n"
    yield from _table(FORWARD_TRANSITIONS)
    yield "\n| answer | names a provider |\n|---|---|"
    for code in ForwardCode:
        yield f"| {code} | {'yes' if code in POINTS_ON else 'no'} |"
    yield "\n| grade |\n|---|"
    for grade in ForwardGrade:
        yield f"| {grade.label} |"


def _table(table: Mapping[Any, Mapping[Any, Any]]) -> Iterator[str]:
    """Yield a diagram and a table of one transition table."""
    yield "```mermaid\nstateDiagram-v2"
    for state, moves in table.items():
        for by, after in moves.items():
            if after is not state:
                yield f"    {state.value} --> {after.value}: {by.value}"
    yield "```\n\n| state | event | becomes |\n|---|---|---|"
    for state, moves in table.items():
        if not moves:
            yield f"| {state.label} | | nothing follows |"
        for by, after in moves.items():
            yield f"| {state.label} | `{by.value}` | {after.label} |"

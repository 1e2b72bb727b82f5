"""What the record shows for each of the eight Anti-Robocall Principles (August 22, 2019; 51 AGs and 12 carriers). Pure.

The principles are voluntary and without deadline; failing one is by itself no basis of liability. Where tracebacks
can show nothing, that is what is said.
"""

from dataclasses import dataclass

from headwater.conduct.measures import Measures
from headwater.conduct.values import Share
from headwater.labels import Labelled
from headwater.tracebacks.states import HopRole


class Shown(Labelled):
    """How far the record bears on a principle."""

    FOR = "shown_for", "Record speaks for it"
    AGAINST = "shown_against", "Record speaks against it"
    MIXED = "shown_mixed", "Record shows both"
    NOTHING = "not_shown", "Record shows nothing"


#: The principles in their own order.
PRINCIPLES = (
    "Offer free call blocking and labelling",
    "Implement STIR/SHAKEN",
    "Analyse and monitor network traffic",
    "Investigate suspicious calls and calling patterns",
    "Confirm the identity of commercial customers",
    "Require traceback cooperation in contracts",
    "Cooperate in traceback investigations",
    "Communicate with state attorneys general",
)
#: Shares above and below which the record speaks for or against.
GOOD, BAD = 0.9, 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is known of one provider beside its measures."""

    implementation: str = ""
    """STIR/SHAKEN as its filing in the Robocall Mitigation Database says it."""
    tokens: int = 0
    """Tokens under its own certificate that were judged."""
    tokens_valid: int = 0
    has_agent: bool = False
    notices: int = 0
    """Notices of suspected illegal traffic that it was sent."""
    notices_reported: int = 0
    """Of these, on which it said what it did."""
    upstreams_asked: int = 0
    """Questions to providers that it named as its upstream, due or answered."""
    upstreams_answered: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What the record shows for one principle."""

    number: int
    principle: str
    shown: Shown
    text: str


def findings(measures: Measures, facts: Facts) -> list[Finding]:
    """Return, for each principle in order, what the record shows."""
    said = (
        (Shown.NOTHING, "Tracebacks do not show what its subscribers are offered."),
        _signing(facts),
        _monitoring(facts),
        _investigating(facts),
        _customers(measures),
        _contracts(facts),
        _cooperation(measures),
        (Shown.NOTHING, "What it tells state attorneys general does not pass through tracebacks."),
    )
    return [
        Finding(number=place, principle=principle, shown=shown, text=text)
        for place, (principle, (shown, text)) in enumerate(zip(PRINCIPLES, said, strict=True), start=1)
    ]


def _judged(share: Share) -> Shown:
    ratio = share.ratio
    if ratio is None:
        return Shown.NOTHING
    return Shown.FOR if ratio >= GOOD else Shown.AGAINST if ratio < BAD else Shown.MIXED


def _signing(facts: Facts) -> tuple[Shown, str]:
    filed = f"Its filing says: {facts.implementation}." if facts.implementation else "No filing of it is loaded."
    if not facts.tokens:
        return Shown.NOTHING, f"{filed} No call signed under its certificate was seen."
    share = Share(part=facts.tokens_valid, whole=facts.tokens)
    return _judged(share), f"{filed} {facts.tokens_valid} of {facts.tokens} signatures under its certificate hold."


def _monitoring(facts: Facts) -> tuple[Shown, str]:
    if facts.has_agent:
        return Shown.FOR, "An agent beside its switch answers for it; whether it also watches its traffic is not shown."
    return Shown.NOTHING, "It has no agent here; that does not show that it watches nothing."


def _investigating(facts: Facts) -> tuple[Shown, str]:
    if not facts.notices:
        return Shown.NOTHING, "It was sent no notice of suspected illegal traffic."
    share = Share(part=facts.notices_reported, whole=facts.notices)
    return _judged(share), f"On {facts.notices_reported} of {facts.notices} notices it said what it did."


def _customers(measures: Measures) -> tuple[Shown, str]:
    own = [split for split in measures.splits if split.role is HopRole.ORIGINATING]
    placed = sum(split.calls for split in own)
    if not placed:
        return Shown.NOTHING, "No traced call was placed by a customer of its own."
    campaigns = max(split.campaigns for split in own)
    return (
        Shown.AGAINST if placed >= 3 else Shown.MIXED,
        (
            f"It states that customers of its own placed {placed} traced calls, in {campaigns} campaigns or more. "
            "Who they are follows legal process; what it knew of them is not shown here."
        ),
    )


def _contracts(facts: Facts) -> tuple[Shown, str]:
    if not facts.upstreams_asked:
        return Shown.NOTHING, "No provider that it named as its upstream was asked."
    share = Share(part=facts.upstreams_answered, whole=facts.upstreams_asked)
    return _judged(share), (
        f"Of {facts.upstreams_asked} questions to the providers that hand it calls, {facts.upstreams_answered} were "
        "answered. What its contracts say is not shown."
    )


def _cooperation(measures: Measures) -> tuple[Shown, str]:
    share = measures.in_time
    if share.ratio is None:
        return Shown.NOTHING, "No question to it has been due yet."
    return _judged(share), (
        f"{share.part} of {share.whole} questions that were due or answered were answered by the legal due time; "
        f"{measures.unanswered.part} were not answered or declined."
    )

"""The papers of legal process: receipt of service, decision, answer to a request for time, end. Pure.

A letter is made once, in the transaction of what it tells, and kept as it was sent.
"""

from dataclasses import dataclass
from datetime import datetime

from headwater.legal.kinds import KINDS, TYPE_WORDS
from headwater.legal.rules import (
    IDENTITY_WORDS,
    Decision,
    Grant,
    IdentityMethod,
    granted_classes,
    left_out,
    window,
)
from headwater.legal.views import ProcessView, words_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """One paper: what it is, the facts in two columns, and its paragraphs."""

    kind: str
    title: str
    facts: tuple[tuple[str, str], ...]
    paragraphs: tuple[str, ...]

    @property
    def text(self) -> str:
        """The paper in plain text."""
        width = max((len(name) for name, _ in self.facts), default=0)
        lines = [self.title, "", *(f"{name:<{width}}  {value}" for name, value in self.facts), ""]
        return "\n".join([*lines, "\n\n".join(self.paragraphs)]) + "\n"


_RECEIPT = (
    "This receipt states that the above was received at the time given, and that each document is stored as it was "
    "received: its SHA-256 (FIPS 180-4) identifies its octets. It does not state that the process was accepted."
)


def receipt(process: ProcessView) -> Letter:
    """Return the receipt of service: what came, when, and its hashes."""
    asked = process.request
    facts = [
        *_heading(process),
        ("Received", _at(process.served_at)),
        ("Served by", _person(process)),
        *((("Sent by", process.submitted_via),) if process.submitted_via else ()),
        ("Calls from", _at(asked.covers_from)),
        ("Calls to", _at(asked.covers_to) if asked.covers_to else "as they come, until production"),
        ("Asks for", words_of(asked.classes)),
        ("Return date", asked.return_date.isoformat()),
    ]
    facts += [
        (f"Document {number}", _document(one.filename, one.size, one.sha256))
        for number, one in enumerate(process.documents, start=1)
    ]
    said = [_RECEIPT]
    if not process.documents:
        said.append("No document was served with it.")
    if KINDS[asked.process_type].hold is not None:
        said.append(
            "The calls that it names are kept from deletion from now on; a reviewer confirms or refuses that. "
            "Nothing is disclosed under it."
        )
    return Letter(kind="receipt", title="Receipt of service", facts=tuple(facts), paragraphs=tuple(said))


def decision(process: ProcessView, taken: Decision, grant: Grant | None) -> Letter:
    """Return the letter that tells an agency what was decided, with the reason as the reviewer wrote it."""
    facts = [*_heading(process), ("Decided", _at(process.decided_at)), ("By", _who(process.decided_by))]
    if process.identity_method:
        facts.append(("Identity", IDENTITY_WORDS[IdentityMethod(process.identity_method)]))
    said = [_opening(process, taken, grant), process.decision_reason]
    if grant is not None:
        said += _opened(process, grant)
    elif taken is Decision.ASK_FOR_MORE:
        said.append("Answer in the portal or by the API; the review goes on with your answer.")
    else:
        said.append("You may answer the objection in the portal or by the API, for example with a narrower request.")
    return Letter(kind="decision", title=_TITLES[taken], facts=tuple(facts), paragraphs=tuple(said))


_TITLES = {
    Decision.ACCEPT: "Acceptance of process",
    Decision.ACCEPT_IN_PART: "Acceptance of process in part",
    Decision.NARROW: "Acceptance of process, narrowed",
    Decision.OBJECT: "Objection to process",
    Decision.ASK_FOR_MORE: "Request for more",
}


def _opening(process: ProcessView, taken: Decision, grant: Grant | None) -> str:
    what = process.type_words.lower()
    if grant is not None:
        part = {Decision.ACCEPT_IN_PART: " in part", Decision.NARROW: " as narrowed below"}.get(taken, "")
        return f"Your {what} is accepted{part}."
    return (
        f"Your {what} cannot be decided yet: more is needed."
        if taken is Decision.ASK_FOR_MORE
        else f"The consortium objects to your {what}."
    )


_ACCESS = (
    "Access ends on {until}, and at once where the process is withdrawn or closed. It is open to the people named on "
    "it; every look is recorded."
)


def _opened(process: ProcessView, grant: Grant) -> list[str]:
    asked = process.request
    if KINDS[asked.process_type].hold is not None:
        return [f"The calls are kept from deletion until {_at(process.hold_until)}. Nothing is disclosed."]
    start, end = window(asked, grant)
    until = f"to {_at(end)}" if end else "on, as they come"
    opened = [
        f"Opened: {words_of(granted_classes(asked.process_type, grant))}, of calls from {_at(start)} {until}.",
        _ACCESS.format(until=_at(process.access_until)),
    ]
    missing = left_out(asked, grant)
    if missing:
        opened.append("Not opened: " + " ".join(missing))
    return opened


def extension(  # noqa: PLR0913 - what the letter tells, each by name
    process: ProcessView, *, what: str, until: datetime, granted: bool, answer: str, by: str
) -> Letter:
    """Return the answer to a request for more time."""
    facts = [*_heading(process), ("Asked for", f"{what}, until {_at(until)}"), ("Answered by", _who(by))]
    said = ["The extension is granted." if granted else "The extension is refused.", answer]
    return Letter(kind="extension", title="Answer to a request for time", facts=tuple(facts), paragraphs=tuple(said))


def end(process: ProcessView, *, by: str) -> Letter:
    """Return the letter that says that a process is closed or withdrawn, and that its access is."""
    facts = [*_heading(process), ("Ended", _at(process.ended_at)), ("By", _who(by))]
    said = [f"The process is {process.state_words.lower()}.", process.end_reason, "What it had opened is closed now."]
    if process.hold_id:
        said.append(f"The hold {process.hold_id} that it had placed is released.")
    return Letter(kind="end", title="End of process", facts=tuple(facts), paragraphs=tuple(said))


def _heading(process: ProcessView) -> list[tuple[str, str]]:
    facts = [
        ("Process", f"{process.id}, {TYPE_WORDS[process.request.process_type].lower()}"),
        ("Agency", process.requester.agency),
        ("Case", process.request.case_number),
        ("Authority", process.request.authority),
    ]
    if process.request.statute:
        facts.append(("Statute", process.request.statute))
    if process.request.sealed:
        facts.append(("Sealed", f"yes; {process.request.order_reference or 'by its own terms'}"))
    if process.request.nondisclosure_until:
        facts.append(("Not to be disclosed", f"until {process.request.nondisclosure_until.isoformat()}"))
    return facts


def _person(process: ProcessView) -> str:
    person = process.requester
    return ", ".join(part for part in (person.name, person.title, person.email) if part)


def _document(name: str, size: int, digest: str) -> str:
    return f"{name}, {size:,} octets, SHA-256 {digest}"


def _who(label: str) -> str:
    return label.partition(":")[2] or label


def _at(at: datetime | None) -> str:
    return at.strftime("%Y-%m-%d %H:%M:%S UTC") if at else "not stated"

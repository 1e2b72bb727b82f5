"""An answer in a person's words, whichever way it comes: carrier page, one-time link, file of many."""

from dataclasses import dataclass
from datetime import datetime

import msgspec

from headwater import clock
from headwater.errors import Invalid
from headwater.providers import queries as providers
from headwater.tracebacks.answering import Submission
from headwater.tracebacks.exchange import MAX_NOTE, instant
from headwater.tracebacks.outcomes import NAMES_UPSTREAM
from headwater.tracebacks.questions import QuestionView
from headwater.wire import agents as wire
from headwater.wire.agents import Action, AnswerCode

#: Codes with which a person may say what the record of the leg in shows.
NAMES_LEG = NAMES_UPSTREAM | {AnswerCode.ORIGINATED}
#: Each answer in the words of forms and files (our taxonomy, domain reference, section 8).
CODES: dict[AnswerCode, str] = {
    AnswerCode.UPSTREAM_US: "We received the call from a U.S. provider",
    AnswerCode.UPSTREAM_FOREIGN: "We received the call from a foreign provider",
    AnswerCode.ORIGINATED: "Our own customer placed the call",
    AnswerCode.ORIGINATED_RESELLER: "Our customer, a reseller or another provider, placed the call",
    AnswerCode.RECORD_NOT_FOUND: "We searched and found no record of the call",
    AnswerCode.RECORD_EXPIRED: "We no longer keep records of that time",
    AnswerCode.NOT_OURS: "The call did not pass through us",
    AnswerCode.NEED_INFO: "Several calls fit: we need more to tell which",
    AnswerCode.DECLINED: "We decline to answer, for the reason below",
    AnswerCode.LEGIT_CLAIM: "Our caller claims that the calls are lawful",
}


#: What was done about the customer, in the words of forms and files.
ACTIONS: dict[Action, str] = {
    Action.WARNED: "Warned the customer",
    Action.TERMINATED: "Ended the customer's service",
    Action.LEGITIMATE: "Looked into it: the calls are lawful",
    Action.NONE: "Nothing yet",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a person said."""

    code: AnswerCode
    upstream_spc: str = ""
    upstream_name: str = ""
    upstream_country: str = ""
    note: str = ""
    action: Action | None = None
    """With ORIGINATED: what was done about the customer."""
    record_call_at: datetime | None = None
    """Start of the leg that came in, as the provider's own record has it."""
    record_call_id: str = ""
    record_trunk: str = ""


class Incomplete(Invalid):
    """Something that the answer needs is missing; ``field`` says where it belongs."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


def check(said: Said) -> None:
    """Refuse an answer that lacks what its code needs.

    Raises:
        Incomplete: with the field and what to put there.
    """
    if said.code in NAMES_UPSTREAM and not (said.upstream_spc.strip() or said.upstream_name.strip()):
        raise Incomplete("upstream_spc", "Name the provider that handed the call to you.")
    if said.code is AnswerCode.DECLINED and not said.note.strip():
        raise Incomplete("note", "Give the reason: refusals are reported with it.")
    if said.code is AnswerCode.LEGIT_CLAIM and not said.note.strip():
        raise Incomplete("note", "Say what the caller's claim rests on: consent, kind of calls, and where proof lies.")
    country = said.upstream_country.strip()
    if country and (len(country) != 2 or not (country.isascii() and country.isalpha())):
        raise Incomplete("upstream_country", f"{country[:20]!r} is no two-letter country code, such as US or CA.")
    if len(said.note) > MAX_NOTE:
        raise Incomplete("note", f"A note may have {MAX_NOTE} characters; this has {len(said.note)}.")


def submission(view: QuestionView, said: Said, *, now: datetime | None = None) -> Submission:
    """Return a person's words as an answer; its octets are the answer's own JSON.

    Raises:
        Incomplete: something that the answer needs is missing.
    """
    check(said)
    asked = view.question
    answer = wire.Answer(
        question_id=asked.question_id,
        traceback_id=asked.traceback_id,
        provider=wire.Party(spc=view.provider_spc, name=view.provider_name),
        code=said.code,
        upstream=_upstream(said) if said.code in NAMES_UPSTREAM else None,
        ingress=_ingress(said, asked) if said.code in NAMES_LEG else None,
        note=said.note.strip(),
        action=said.action if said.code is AnswerCode.ORIGINATED else None,
        answered_at=instant(now or clock.now()),
    )
    return Submission(octets=msgspec.json.encode(answer), answer=answer)


def _ingress(said: Said, asked: wire.Question) -> wire.Leg | None:
    """Return the leg that came in, where the person gave anything of it: it narrows the next question."""
    if said.record_call_at is None and not said.record_call_id.strip() and not said.record_trunk.strip():
        return None
    return wire.Leg(
        call_at=instant(said.record_call_at) if said.record_call_at else asked.call_at,
        calling=asked.calling,
        called=asked.called,
        call_id=said.record_call_id.strip(),
        trunk=said.record_trunk.strip(),
    )


def _upstream(said: Said) -> wire.Party:
    """Return the named upstream; one of the register goes by the register's name and country."""
    known = providers.by_spc(said.upstream_spc)
    if known is not None:
        return wire.Party(spc=known.spc, name=known.name, country=known.country)
    country = said.upstream_country.strip().upper() or "US"
    return wire.Party(spc=said.upstream_spc.strip().upper(), name=said.upstream_name.strip(), country=country)

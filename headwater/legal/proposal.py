"""The form of a new process, filled in from an alert as far as the record goes; the officer decides. Pure."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

#: What a state attorney general enforces the Telephone Consumer Protection Act under; the officer may enter another.
STATE_STATUTE = "47 U.S.C. § 227(g)(1)"
#: Offered while typing, in the order in which they are asked for most.
STATUTES = (
    STATE_STATUTE,
    "47 U.S.C. § 227(e)(6)",
    "15 U.S.C. § 6103",
    "15 U.S.C. § 57b-1",
    "18 U.S.C. § 1345",
)
RETURN_IN = timedelta(days=14)


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What a process is drafted from, as far as the agency was told of it; all empty: from nothing."""

    campaign_id: str = ""
    campaign_name: str = ""
    tracebacks: tuple[str, ...] = ()
    first_call: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """What the form is filled with."""

    authority: str
    statute: str
    signer: str
    scope: str
    covers_from: date
    return_date: date


def propose(*, agency: str, agency_state: str, officer: str, about: About, now: datetime) -> Proposal:
    """Return the proposal; ``now`` is in the agency's own zone, whose days it proposes."""
    first = about.first_call.astimezone(now.tzinfo) if about.first_call else now
    return Proposal(
        authority=agency,
        statute=STATE_STATUTE if agency_state else "",
        signer=officer,
        scope=_scope(about),
        covers_from=first.date(),
        return_date=now.date() + RETURN_IN,
    )


def _scope(about: About) -> str:
    if about.tracebacks:
        many = len(about.tracebacks) > 1
        return (
            f"Records of the traceback{'s' if many else ''} {', '.join(about.tracebacks)}: the path of providers with "
            "their questions, answers and times; the call with its transcript and the record as received; the log of "
            "custody."
        )
    if not about.campaign_id:
        return ""
    return (
        f"Records of the campaign {about.campaign_name} ({about.campaign_id}): for each traced call the path of "
        "providers with their questions, answers and times; examples of the calls with transcripts and the records as "
        "received; the timeline; the log of custody."
    )

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
class Proposal:
    """What the form is filled with."""

    authority: str
    statute: str
    signer: str
    scope: str
    covers_from: date
    return_date: date


def propose(  # noqa: PLR0913 - each a fact of the record, by name
    *,
    agency: str,
    agency_state: str,
    officer: str,
    campaign_id: str,
    campaign_name: str,
    first_call: date,
    now: datetime,
) -> Proposal:
    """Return the proposal; days are those of the agency's own zone."""
    scope = (
        f"Records of the campaign {campaign_name} ({campaign_id}): for each traced call the path of providers with "
        "their questions, answers and times; examples of the calls with transcripts and the records as received; "
        "the timeline; the log of custody."
    )
    return Proposal(
        authority=agency,
        statute=STATE_STATUTE if agency_state else "",
        signer=officer,
        scope=scope,
        covers_from=first_call,
        return_date=now.date() + RETURN_IN,
    )

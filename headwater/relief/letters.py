"""The letters of notices: what a provider is told, from the record alone. Pure.

The form follows the practice of the FCC's notices (47 CFR 64.1200(n)(2), (n)(5)): which calls, why they are suspected,
what is asked and until when. No called number and no customer stands in one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from headwater.relief.states import NoticeKind

#: How long a provider has to say what it did, and to report in full (practice of the FCC's notices of 2025).
MITIGATION_TIME = timedelta(hours=48)
REPORT_TIME = timedelta(days=14)
#: Traced calls that one letter lists.
MOST_CALLS = 25


@dataclass(frozen=True, slots=True, kw_only=True)
class TracedCall:
    """One traced call in which the provider is a hop."""

    traceback_id: str
    call_at: datetime
    calling: str
    called_area: str
    """Masked called number: its area alone readable."""
    hop: int
    role: str
    answered: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a letter is made of."""

    notice_id: str
    kind: NoticeKind
    provider: str
    spc: str
    campaign: str
    campaign_id: str
    reports: int
    first_call_at: datetime
    last_call_at: datetime
    sample: str
    """Words of one call of the campaign, "" where none is kept."""
    calls: Sequence[TracedCall]
    order: str
    """For the service of a court order: which court, which case, which day."""
    sent_at: datetime

    @property
    def mitigation_due_at(self) -> datetime:
        """Until when the provider says what it did."""
        return self.sent_at + MITIGATION_TIME

    @property
    def report_due_at(self) -> datetime:
        """Until when it reports in full."""
        return self.sent_at + REPORT_TIME


_LETTER = """\
{kind}
Notice {notice}, {sent}
To: {provider} (SPC {spc}), traceback contact
Campaign: {campaign} ({campaign_id})

{reports:,} calls of this campaign were reported from {first} to {last}.{sample}

{traced:,} traced calls went through your network, as your own answer or your neighbour's names it:
{calls}

{asked}

Acknowledge and report in your carrier pages under Notices. Opening this notice there is recorded as its delivery.
An answer names a neighbour: being named shows that traffic passed, not that you knew what it was. You may dispute
this notice in the same place, giving its number {notice}.
"""

_ASKED: dict[NoticeKind, str] = {
    NoticeKind.SUSPECTED_TRAFFIC: """\
Please investigate this traffic. If you originated it or let it into the United States, block it and substantially
similar traffic. If you passed it on, name your upstream and see to it that it does not come through you again.
Say what you did by {mitigation}, and report in full by {report}.""",
    NoticeKind.CEASE_AND_DESIST: """\
Stop carrying the calls of this campaign.
Say by {mitigation} that you did, and report by {report} the steps that keep them from coming back. Providers that
take traffic from you may be told of this notice.""",
    NoticeKind.COURT_ORDER: """\
A court order is served on you with this notice: {order}
Acknowledge it by {mitigation}.""",
}


def letter(facts: Facts) -> str:
    """Return the text of one notice."""
    due = {"mitigation": _at(facts.mitigation_due_at), "report": _at(facts.report_due_at), "order": facts.order}
    return _LETTER.format(
        kind=facts.kind.label.upper(),
        notice=facts.notice_id,
        sent=_at(facts.sent_at),
        provider=facts.provider,
        spc=facts.spc,
        campaign=facts.campaign,
        campaign_id=facts.campaign_id,
        reports=facts.reports,
        first=_at(facts.first_call_at),
        last=_at(facts.last_call_at),
        sample=f'\nOne of them says:\n  "{facts.sample}"' if facts.sample else "",
        traced=len(facts.calls),
        calls=_listed(facts.calls),
        asked=_ASKED[facts.kind].format(**due),
    )


def _at(at: datetime) -> str:
    return at.strftime("%Y-%m-%d %H:%M:%S UTC")


def _listed(calls: Sequence[TracedCall]) -> str:
    lines = []
    for call in calls[:MOST_CALLS]:
        answered = f"you answered {call.answered}" if call.answered else "you have not answered"
        lines.append(
            f"  {call.traceback_id}  {_at(call.call_at)}  from {call.calling} to {call.called_area}\n"
            f"      hop {call.hop}, {call.role.lower() or 'role not known'}; {answered}"
        )
    if len(calls) > MOST_CALLS:
        lines.append(f"  and {len(calls) - MOST_CALLS:,} more")
    return "\n".join(lines)

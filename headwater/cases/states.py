"""The words of cases. Pure."""

from headwater.labels import Labelled


class CaseState(Labelled):
    """Whether a case is worked on."""

    OPEN = "open", "Open"
    CLOSED = "closed", "Closed"


#: What may follow what; a case is reopened with a reason.
NEXT_STATES: dict[CaseState, frozenset[CaseState]] = {
    CaseState.OPEN: frozenset({CaseState.CLOSED}),
    CaseState.CLOSED: frozenset({CaseState.OPEN}),
}


class MemberRole(Labelled):
    """What a person may do in a case."""

    LEAD = "lead", "Leads"
    CONTRIBUTOR = "contributor", "Contributes"
    READER = "reader", "Reads"


#: What each role may do, beside the permission that the person holds.
MAY_ADD = frozenset({MemberRole.LEAD, MemberRole.CONTRIBUTOR})
MAY_LEAD = frozenset({MemberRole.LEAD})


class SubjectKind(Labelled):
    """What can belong to a case."""

    CAMPAIGN = "campaign", "Campaign"
    TRACEBACK = "traceback", "Traceback"
    PROVIDER = "provider", "Provider"
    PROCESS = "process", "Legal process"
    PACKAGE = "package", "Evidence package"


class Lane(Labelled):
    """The lanes of a timeline, from the top."""

    CALLS = "calls", "Calls"
    TRACEBACKS = "tracebacks", "Tracebacks"
    PROCESS = "process", "Legal process"
    PROVIDER = "provider", "Providers"
    NOTICES = "notices", "Notices"
    COURT = "court", "Court"
    NOTES = "notes", "Notes"


#: Lanes in which a person may enter a moment; the others are filled from the record alone.
ENTERED_BY_HAND = (Lane.NOTES, Lane.COURT, Lane.PROVIDER)


class Precision(Labelled):
    """How exactly a moment is known."""

    EXACT = "exact", "to the second"
    MINUTE = "minute", "to the minute"
    DAY = "day", "to the day"


class MatterKind(Labelled):
    """What an agency can have checked against the open matters of others."""

    CASE = "case", "Case"
    PROCESS = "process", "Legal process"


class PartyState(Labelled):
    """Where an agency stands in a joint case."""

    INVITED = "invited", "Invited"
    JOINED = "joined", "Joined"
    DECLINED = "declined", "Declined"
    LEFT = "left", "Left"


NEXT_PARTY_STATES: dict[PartyState, frozenset[PartyState]] = {
    PartyState.INVITED: frozenset({PartyState.JOINED, PartyState.DECLINED}),
    PartyState.JOINED: frozenset({PartyState.LEFT}),
    PartyState.DECLINED: frozenset({PartyState.INVITED}),
    PartyState.LEFT: frozenset({PartyState.INVITED}),
}

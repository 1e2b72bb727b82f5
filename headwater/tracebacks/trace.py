"""The values that the engine works on: a trace, its hops, what was asked and what was said. Frozen; no decisions."""

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from itertools import pairwise

from headwater.identifiers import ALPHABET, LENGTH
from headwater.tracebacks.clocks import DEFAULT_READINGS, Readings
from headwater.tracebacks.states import (
    WAITING_STATES,
    Deadline,
    Grade,
    HopKind,
    HopState,
    Reason,
    TracebackState,
)
from headwater.wire.agents import AnswerCode

#: Below this probability (in millionths) a record that was given cannot be taken for the call that was asked about.
DOUBT_PPM = 500_000
#: At this probability a link that only one side states joins the path.
SURE_PPM = 990_000
#: Changes of the named upstream after which a provider's word leads nowhere.
UNSTEADY = 2
#: Codes that say that the provider carried the call.
CARRIED = frozenset(
    {
        AnswerCode.UPSTREAM_US,
        AnswerCode.UPSTREAM_FOREIGN,
        AnswerCode.ORIGINATED,
        AnswerCode.ORIGINATED_RESELLER,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    """A provider as an answer names it."""

    spc: str
    name: str = ""
    country: str = "US"

    @property
    def title(self) -> str:
        """Its name where there is one, else its code."""
        return self.name or self.spc


@dataclass(frozen=True, slots=True, kw_only=True)
class Respondent:
    """A provider that can be asked: it is in the register."""

    provider_id: str
    spc: str
    name: str
    country: str
    office_zone: str
    by_agent: bool
    """True where its agent answers, False where a person does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """The call as one witness saw it: what the next provider is asked about."""

    calling: str
    called: str
    call_at: datetime
    call_id: str = ""
    identity_digest: str = ""
    trunk: str = ""
    duration_ms: int = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """Who signed the call by a token that verified: a hypothesis, until its own record meets the walk."""

    respondent: Respondent
    attest: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """The rules that one traceback runs by, kept with it so that it can be replayed."""

    agent_target_s: int = 60
    """Platform's target for an answer by an agent, seconds."""
    pages_target_minutes: int = 240
    """Platform's target for an answer by a person, minutes of business hours."""
    readings: Readings = DEFAULT_READINGS
    second_look: bool = False
    """Whether "no record" is asked once more, and a name that its bearer does not confirm is checked with the namer."""
    bridges: bool = False
    """Whether it is asked who handed the call to a provider that does not lead on."""
    gaps: bool = False
    """Whether, where no bridge holds, it is asked who carried the call at all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One version of one answer, reduced to what the walk depends on."""

    answer_id: str
    code: AnswerCode
    upstream: Party | None = None
    respondent: Respondent | None = None
    """The upstream where it is in the register, else None."""
    ingress: Call | None = None
    """The call as it came in at the answering provider."""
    matched_at: datetime | None = None
    """Start of the leg that was matched with the question."""
    record: str = ""
    """Digest or identifier of the record that it rests on; "" where none was given."""
    by_person: bool = False
    deposited: bool = False
    """Whether it rests on a record that the provider deposited, and nobody there answered."""
    note: str = ""
    link_ppm: int = -1
    """Probability, in millionths, that the record given is the call that was asked about, by our own comparison with
    the downstream's record; -1 where nothing could be compared."""
    handed_to: Party | None = None
    """Whom the record says that the call was handed to, where the question named no downstream."""
    others: tuple[Respondent, ...] = ()
    """With NEED_INFO: neighbours of which one, and the provider cannot tell which, handed the call over."""
    answered_at: datetime
    """By the provider's clock."""
    received_at: datetime
    """By ours."""

    @property
    def doubtful(self) -> bool:
        """Tell whether the record given is probably that of another call."""
        return self.code in CARRIED and 0 <= self.link_ppm < DOUBT_PPM


@dataclass(frozen=True, slots=True, kw_only=True)
class Hop:
    """One provider asked once about the call."""

    question_id: str
    index: int
    """1 at the terminating provider, growing upstream."""
    attempt: int
    """How often this provider has been asked at this place, this time included."""
    widened: int
    """How many steps the window has been widened."""
    window_s: int
    respondent: Respondent
    downstream: str
    """Question whose answer named this provider; "" at the terminating provider."""
    call: Call
    asked_at: datetime
    legal_due_at: datetime
    platform_due_at: datetime
    final_due_at: datetime
    state: HopState = HopState.NOTIFIED
    viewed_at: datetime | None = None
    statements: tuple[Statement, ...] = ()
    answered_at: datetime | None = None
    lapsed: tuple[Deadline, ...] = ()
    withdrawn_at: datetime | None = None
    """When the question was asked again or the path left it; such a question takes no answer any more."""
    replaced_by: str = ""
    kind: HopKind = HopKind.WALK
    about: str = ""
    """Of a check: the question whose answer is checked."""
    checked: int = 0
    """How often its name of an upstream was asked for once more."""
    bridged: bool = False
    """Whether others were asked who handed the call to this provider."""
    bridge_asked: int = 0
    """How many were asked that."""
    searched: bool = False
    """Whether it was asked who carried the call at all, beyond this provider."""
    sought: bool = False
    """Whether such a search is under way: its ``Candidates`` have not come yet."""
    meets: bool = False
    """Of a gap's question: its provider is the one nearest to the called party that carried the call; the path goes
    on from it."""

    @property
    def carried(self) -> bool:
        """Tell whether the provider's answer in force says, with a record that fits, that it carried the call."""
        said = self.statement
        return said is not None and said.code in CARRIED and not said.doubtful

    @property
    def statement(self) -> Statement | None:
        """The version in force: the last."""
        return self.statements[-1] if self.statements else None

    @property
    def unsteady(self) -> bool:
        """Tell whether the provider names another upstream each time it is asked: its word leads nowhere."""
        named = [one.upstream for one in self.statements if one.upstream is not None]
        return sum(one != other for one, other in pairwise(named)) >= UNSTEADY

    @property
    def live(self) -> bool:
        """Tell whether the question still stands."""
        return self.withdrawn_at is None

    @property
    def waiting(self) -> bool:
        """Tell whether the walk waits for this provider."""
        return self.live and self.state in WAITING_STATES

    @property
    def next_deadline(self) -> tuple[Deadline, datetime] | None:
        """What runs out next on this question, and when."""
        if not self.waiting:
            return None
        if self.state is HopState.OVERDUE:
            return Deadline.FINAL, self.final_due_at
        if Deadline.PLATFORM not in self.lapsed and self.platform_due_at < self.legal_due_at:
            return Deadline.PLATFORM, self.platform_due_at
        return Deadline.LEGAL, self.legal_due_at


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """One traceback as the events so far have made it."""

    traceback_id: str
    state: TracebackState = TracebackState.SUBMITTED
    grade: Grade = Grade.NONE
    origin: Respondent | None = None
    """Set with the grade *origin confirmed* and with no other."""
    outcome: str = ""
    hops: tuple[Hop, ...] = ()
    terms: Terms = Terms()
    closed_at: datetime | None = None
    signer: Signer | None = None

    @property
    def path(self) -> tuple[Hop, ...]:
        """The questions that stand, from the terminating provider upstream, each joined to the one before.

        Where several lie above one, the surest leads on: one that carried the call, by its link; then the one named.
        """
        above: dict[str, list[Hop]] = {}
        for hop in self.hops:
            if hop.live and (hop.kind is HopKind.WALK or hop.meets or (hop.kind is HopKind.BRIDGE and hop.carried)):
                above.setdefault(hop.downstream, []).append(hop)
        found: list[Hop] = []
        nearest = above.pop("", None)
        while nearest:
            found.append(max(nearest, key=_strength))
            nearest = above.pop(found[-1].question_id, None)
            if found[-1].unsteady:
                nearest = [hop for hop in nearest or () if hop.carried or hop.waiting]
        return tuple(found)

    @property
    def branches(self) -> tuple[Hop, ...]:
        """Providers that say they carried the call beside the path: two cannot both have handed it over."""
        on_path = {hop.question_id: hop for hop in self.path}
        shown = {_record_of(hop) for hop in on_path.values()}  # a call that looped meets the same record twice
        return tuple(
            hop
            for hop in self.hops
            if hop.live
            and hop.carried
            and hop.kind in {HopKind.WALK, HopKind.BRIDGE}
            and hop.question_id not in on_path
            and hop.downstream in on_path
            and _record_of(hop) not in shown
        )

    @property
    def attested(self) -> Hop | None:
        """The question to the verified signer, asked beside the walk."""
        return next((hop for hop in self.hops if hop.kind is HopKind.ATTESTED), None)

    @property
    def waits(self) -> bool:
        """Tell whether the walk waits for somebody: its tip, a check or a bridge, or a search for one."""
        path = self.path
        asked = {HopKind.CHECK, HopKind.BRIDGE, HopKind.GAP}
        return bool(path and path[-1].waiting) or any(
            (hop.waiting and hop.kind in asked) or (hop.sought and hop.live) for hop in self.hops
        )

    def hop(self, question_id: str) -> Hop | None:
        """Return the hop of one question, or None."""
        return next((hop for hop in self.hops if hop.question_id == question_id), None)


def _record_of(hop: Hop) -> tuple[str, str]:
    return hop.respondent.provider_id, hop.statement.record if hop.statement else ""


def _strength(hop: Hop) -> tuple[bool, int, bool, str]:
    said = hop.statement
    link = said.link_ppm if said and hop.carried else -1
    return hop.carried, link, hop.kind is HopKind.WALK, hop.question_id


def question_id(traceback_id: str, serial: int) -> str:
    """Return the identifier of a traceback's ``serial``-th question: the same on every replay."""
    digest = int.from_bytes(sha256(f"{traceback_id}/question/{serial}".encode()).digest())
    return "Q-" + "".join(ALPHABET[(digest >> 5 * place) % 32] for place in range(LENGTH))


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """The traceback begins at the terminating provider."""

    call: Call
    terminating: Respondent
    terms: Terms = Terms()
    reason: Reason = Reason.CAMPAIGN
    by: str = ""
    signer: Signer | None = None
    """Asked at once, beside the walk."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Viewed:
    """The provider has seen its question."""

    question_id: str
    seen_at: datetime
    by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """The provider has answered: for the first time, late, or with a correction."""

    question_id: str
    statement: Statement


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadlinePassed:
    """A clock ran out on a question."""

    question_id: str
    deadline: Deadline


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancelled:
    """A person called the traceback off."""

    by: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """An answer had been taken and then proved impossible: it stays on record and moves nothing."""

    question_id: str
    answer_id: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidates:
    """Who may have handed the call to the provider of a question: the reply to ``Bridge``; nobody is a reply too."""

    question_id: str
    respondents: tuple[Respondent, ...] = ()
    far: bool = False
    """The reply to a search beyond several: these may have carried the call at all."""
    asked: int = 0
    """How many were reached, also by an index that only a holder of a matching record answers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reopened:
    """A person wants the walk to go on from its tip, and says why."""

    by: str
    reason: str


Event = Opened | Viewed | Answered | DeadlinePassed | Cancelled | Refused | Candidates | Reopened

"""What may be done with tracebacks: open, take them forward, call off, look at one. Each in ONE transaction.

What a provider may do (see and answer its questions) is in ``tracebacks.answering``.
"""

import uuid
from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection, transaction

from headwater import clock, jobs
from headwater.accounts.actors import Actor, system
from headwater.accounts.permissions import Permission
from headwater.audit import actions as audit
from headwater.audit.tags import Tag
from headwater.calls import blind
from headwater.calls import queries as calls
from headwater.calls.records import CallRecord
from headwater.campaigns.models import Campaign, CampaignMember
from headwater.errors import Conflict, Invalid, NotFound
from headwater.providers import queries as providers
from headwater.tracebacks import (
    backlog,
    deposited,
    engine,
    exchange,
    flagging,
    inbox,
    neighbours,
    projection,
    rules,
    searching,
)
from headwater.tracebacks.commands import Ask, Bridge, Close, Command, Escalate, Remind, Reopen
from headwater.tracebacks.commands import Flag as FlagCommand
from headwater.tracebacks.models import Hop, Traceback
from headwater.tracebacks.projection import Walk
from headwater.tracebacks.states import OPEN_STATES, Deadline, Reason
from headwater.tracebacks.terms import present_terms
from headwater.tracebacks.trace import (
    Answered,
    Call,
    Cancelled,
    Candidates,
    DeadlinePassed,
    Opened,
    Refused,
    Reopened,
    Trace,
)

#: Channel on which waiting polls of a provider are woken; the payload is the provider's identifier.
QUESTIONS_CHANNEL = "headwater_questions"
#: A deadline is taken this long after it passed: an answer in flight at the very moment comes first.
DEADLINE_GRACE = timedelta(seconds=2)
_ENGINE = system("traceback-engine")


class TracebackNotFound(NotFound):
    """There is no such traceback, or the actor may not see it."""


class CannotBeTraced(Invalid):
    """The call does not say enough, or nobody who can be asked delivered it."""


def open_for_campaign(
    actor: Actor,
    campaign_id: str,
    *,
    limit: int = rules.PER_CAMPAIGN,
    budget: rules.Budget = rules.DEFAULT_BUDGET,
    now: datetime | None = None,
) -> list[str]:
    """Open tracebacks of up to ``limit`` fresh calls of a campaign, spread over terminating carriers.

    Doing it again opens only what is missing up to ``limit``. A carrier at which too many questions wait gets none.
    Returns the identifiers that were opened.

    Raises:
        NotFound: there is no such campaign.
    """
    actor.require(Permission.TRACEBACK_OPEN)
    now = now or clock.now()
    with transaction.atomic():
        _lock(f"campaign {campaign_id}")
        campaign = Campaign.objects.filter(id=campaign_id).first()
        if campaign is None:
            raise NotFound(f"There is no campaign {campaign_id}.")
        opened: list[str] = []
        traced = dict(campaign.tracebacks.values_list("record_id", "terminating_provider__spc"))
        candidates = _candidates(campaign_id, traced, budget, now)
        while len(traced) < limit:
            chosen = rules.choose(candidates, traced=traced.values(), now=now, limit=1)
            if not chosen:
                break
            candidates.remove(chosen[0])
            record = _record(chosen[0].record_id)
            if record is None or not record.called:
                continue
            walk = _open(actor, record, campaign=campaign, reason=Reason.CAMPAIGN, now=now)
            traced[record.record_id] = walk.row.terminating_provider.spc
            opened.append(walk.row.id)
    return opened


def open_for_call(actor: Actor, record_id: uuid.UUID, *, campaign_id: str = "", now: datetime | None = None) -> str:
    """Open a traceback of one call by hand and return its identifier.

    Raises:
        NotFound: the call store has no such record.
        CannotBeTraced: its called number or terminating carrier is not known.
        Conflict: the call is being traced already.
    """
    actor.require(Permission.TRACEBACK_OPEN)
    record = _record(record_id)
    if record is None:
        raise NotFound(f"There is no call record {record_id}.")
    with transaction.atomic():
        _lock(f"record {record_id}")
        running = Traceback.objects.filter(record_id=record_id, state__in=list(OPEN_STATES)).first()
        if running:
            raise Conflict(f"The call is being traced already: {running.id}.")
        member = CampaignMember.objects.select_related("campaign").filter(record_id=record_id).first()
        campaign = member.campaign if member else Campaign.objects.filter(id=campaign_id).first()
        walk = _open(actor, record, campaign=campaign, reason=Reason.REQUEST, now=now or clock.now())
    return walk.row.id


def advance(traceback_id: str, *, now: datetime | None = None) -> Trace:
    """Take in what has come for a traceback (answers, viewings, deadlines) and carry out what follows.

    Safe to run at any time and any number of times: the traceback is locked, and what was taken in stays taken.

    Raises:
        TracebackNotFound: there is none.
    """
    now = now or clock.now()
    with transaction.atomic():
        walk, before = _locked(traceback_id)
        deposited.answer_waiting(walk, now)
        for arrival in inbox.waiting(walk):
            _pass_deadlines(walk, until=arrival.at, now=now)
            _take_in(walk, arrival, now)
            _bridge(walk, now)
        _pass_deadlines(walk, until=now - DEADLINE_GRACE, now=now)
        _end_searches(walk, now)
        if walk.taken:
            _commit(_ENGINE, walk, before, now)
    return walk.trace


def cancel(actor: Actor, traceback_id: str, *, reason: str, now: datetime | None = None) -> None:
    """Call a traceback off: nothing is asked any more.

    Raises:
        TracebackNotFound: there is none.
        Invalid: no reason is given.
        TracebackError: it has ended already.
    """
    actor.require(Permission.TRACEBACK_OPEN)
    if not reason.strip():
        raise Invalid("Say why the traceback is called off: the reason is kept.")
    now = now or clock.now()
    with transaction.atomic():
        walk, before = _locked(traceback_id)
        walk.take(Cancelled(by=actor.label, reason=reason.strip()[:2_000]), now)
        _commit(actor, walk, before, now)
        audit.record(actor, Tag.TRACEBACK_CANCELLED, traceback_id, {"reason": reason.strip()[:2_000]})


def reopen(actor: Actor, traceback_id: str, *, reason: str, now: datetime | None = None) -> None:
    """Let an ended traceback go on from its tip, which is asked again.

    Raises:
        TracebackNotFound: there is none.
        Invalid: no reason is given.
        TracebackError: it is under way.
    """
    actor.require(Permission.TRACEBACK_OPEN)
    if not reason.strip():
        raise Invalid("Say why the traceback is opened again: the reason is kept.")
    now = now or clock.now()
    with transaction.atomic():
        walk, before = _locked(traceback_id)
        walk.take(Reopened(by=actor.label, reason=reason.strip()[:2_000]), now)
        _commit(actor, walk, before, now)


def note_viewed(actor: Actor, traceback_id: str) -> None:
    """Record that somebody looked at a traceback.

    Raises:
        TracebackNotFound: there is none.
    """
    actor.require(Permission.TRACEBACK_READ)
    with transaction.atomic():
        if not Traceback.objects.filter(id=traceback_id).exists():
            raise TracebackNotFound(f"There is no traceback {traceback_id}.")
        audit.record(actor, Tag.TRACEBACK_VIEWED, traceback_id)


def due(now: datetime, *, limit: int = 500) -> list[str]:
    """Return the tracebacks that have something to be taken in: a passed deadline, or what no job has taken yet."""
    late = Hop.objects.filter(next_deadline_at__lte=now - DEADLINE_GRACE).values_list("traceback_id", flat=True)
    return sorted({*late[:limit], *inbox.left_over(now, limit=limit), *searching.due(now, limit=limit)})


# -- inside


def _lock(what: str) -> None:
    """Let one transaction at a time work on ``what``; released at its end. Needs no right to write a row."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [what])


def _locked(traceback_id: str) -> tuple[Walk, Trace]:
    row = Traceback.objects.select_for_update(no_key=True).filter(id=traceback_id).first()
    if row is None:
        raise TracebackNotFound(f"There is no traceback {traceback_id}.")
    walk = projection.load(row)
    return walk, walk.trace


def _record(record_id: uuid.UUID) -> CallRecord | None:
    return next(iter(calls.connect(settings.HEADWATER.calls_url).records([record_id])), None)


def _candidates(
    campaign_id: str, traced: dict[uuid.UUID, str], budget: rules.Budget, now: datetime
) -> list[rules.Candidate]:
    members = (
        CampaignMember.objects.filter(campaign_id=campaign_id, call_at__gte=now - rules.FRESH)
        .exclude(terminating_spc="")
        .exclude(record_id__in=list(traced))
        .order_by("-call_at")
        .values_list("record_id", "call_at", "terminating_spc")[:500]
    )
    known = backlog.with_room(filter(None, map(providers.by_spc, {spc for _, _, spc in members})), budget)
    return [
        rules.Candidate(record_id=record_id, call_at=call_at, terminating_spc=spc)
        for record_id, call_at, spc in members
        if spc in known
    ]


def _open(actor: Actor, record: CallRecord, *, campaign: Campaign | None, reason: Reason, now: datetime) -> Walk:
    terminating = providers.by_spc(record.terminating_spc)
    if terminating is None:
        named = record.terminating_spc or "no carrier"
        raise CannotBeTraced(f"The call names {named} as its terminating carrier, which is in no register of ours.")
    if not record.called:
        raise CannotBeTraced("The call's called number is not known: no carrier can look it up.")
    row = Traceback.objects.create(
        campaign=campaign,
        record_id=record.record_id,
        calling=record.calling,
        called=record.called,
        call_at=record.call_at,
        terminating_provider_id=terminating.id,
        opened_by=actor.label,
        opened_at=now,
        engine_version=engine.VERSION,
    )
    walk = projection.load(row)
    before = walk.trace
    call = Call(
        calling=record.calling,
        called=record.called,
        call_at=record.call_at,
        call_id=record.call_id,
        identity_digest=record.identity_digest,
    )
    walk.take(
        Opened(
            call=call,
            terminating=exchange.respondent(terminating),
            terms=present_terms(),
            reason=reason,
            by=actor.label,
            signer=neighbours.signer_of(record),
        ),
        now,
    )
    _commit(actor, walk, before, now)
    audit.record(
        actor,
        Tag.TRACEBACK_OPENED,
        row.id,
        {
            "record": record.record_id,
            "campaign": campaign.id if campaign else "",
            "terminating": terminating.spc,
            "rule": rules.CHOICE_RULE if reason is Reason.CAMPAIGN else "by hand",
        },
    )
    return walk


def _take_in(walk: Walk, arrival: inbox.Arrival, now: datetime) -> None:
    try:
        walk.take(arrival.event, now, answer_id=arrival.answer_id)
    except (engine.ProviderError, engine.TracebackError) as error:
        if not isinstance(arrival.event, Answered):
            raise
        # It was possible when it came and no longer is: another event was taken first. It stays on record.
        refused = Refused(question_id=arrival.event.question_id, answer_id=arrival.answer_id, reason=str(error))
        walk.take(refused, now, answer_id=arrival.answer_id)


def _bridge(walk: Walk, now: datetime) -> None:
    """Tell the engine at once who may have handed the call over, where nobody has to be searched."""
    while (command := next((one for one in walk.commands if isinstance(one, Bridge)), None)) is not None:
        hop = walk.trace.hop(command.question_id)
        found = searching.at_once(walk, hop, far=command.far, now=now) if hop else None
        if found is None:
            return  # the search is opened when the walk is saved
        walk.commands.remove(command)
        walk.take(found, now)


def _end_searches(walk: Walk, now: datetime) -> None:
    """Tell the engine whom each search found whose time is over."""
    for found in searching.ended(walk, now):
        walk.take(found, now)
        _bridge(walk, now)


def _pass_deadlines(walk: Walk, *, until: datetime, now: datetime) -> None:
    if walk.trace.state not in OPEN_STATES:
        return
    for hop in walk.trace.hops:
        while (due := _next_due(walk, hop.question_id)) is not None and due[1] <= until:
            walk.take(DeadlinePassed(question_id=hop.question_id, deadline=due[0]), now)
            _bridge(walk, now)


def _next_due(walk: Walk, question_id: str) -> tuple[Deadline, datetime] | None:
    hop = walk.trace.hop(question_id)
    return hop.next_deadline if hop else None


def _commit(actor: Actor, walk: Walk, before: Trace, now: datetime) -> None:
    """Save the walk, wake whom it asks, and write the audit last: its chain is locked until the transaction ends."""
    projection.save(walk, before)
    ended = [event for event, _at, _answer in walk.taken if isinstance(event, Candidates)]
    commands, walk.commands, walk.taken = list(walk.commands), [], []
    asked = {command.question_id for command in commands if isinstance(command, Ask)}
    respondents = {hop.respondent.provider_id for hop in walk.trace.hops if hop.question_id in asked}
    if deposited.any_of(respondents):  # looked up by the next job: the question must stand first
        jobs.defer(jobs.Job.ADVANCE_TRACEBACK, once=f"advance {walk.row.id}", traceback_id=walk.row.id)
    with connection.cursor() as cursor:
        for provider_id in respondents:
            # Delivered when the transaction commits, so a woken poll finds its question.
            cursor.execute("SELECT pg_notify(%s, %s)", [QUESTIONS_CHANNEL, provider_id])
    for command in commands:
        if isinstance(command, FlagCommand):
            flagging.flag(walk, command, now)
        elif isinstance(command, Close):
            flagging.flag_contradictions(walk, now)
        elif isinstance(command, Bridge) and (hop := walk.trace.hop(command.question_id)) is not None:
            searching.begin(walk, hop, far=command.far, channel=QUESTIONS_CHANNEL, now=now)
    for found in ended:
        detail = {"traceback": walk.row.id, "far": found.far, "found": [one.spc for one in found.respondents]}
        audit.record(actor, Tag.HOP_SEARCH_CLOSED, found.question_id, detail)
    for command in commands:
        _audit(actor, walk, command)


def _audit(actor: Actor, walk: Walk, command: Command) -> None:
    traceback_id = walk.row.id
    match command:
        case Ask(question_id=asked):
            hop = walk.trace.hop(asked)
            to = hop.respondent.spc if hop else ""
            audit.record(actor, Tag.HOP_QUESTION_ASKED, asked, {"traceback": traceback_id, "provider": to})
        case Bridge(question_id=about):
            detail = {"traceback": traceback_id, "far": command.far, "rule": blind.VERSION}
            audit.record(actor, Tag.HOP_SEARCH_OPENED, about, detail)
        case Remind(question_id=asked):
            audit.record(actor, Tag.HOP_DEADLINE_PASSED, asked, {"traceback": traceback_id, "deadline": "platform"})
        case Escalate(question_id=asked):
            audit.record(actor, Tag.HOP_DEADLINE_PASSED, asked, {"traceback": traceback_id, "deadline": "legal"})
        case FlagCommand():
            detail = {"traceback": traceback_id, "kind": command.kind.value, "detail": command.detail}
            audit.record(actor, Tag.PROVIDER_FLAGGED, command.question_id, detail)
        case Close():
            detail = {"state": command.state.value, "grade": command.grade.value}
            audit.record(actor, Tag.TRACEBACK_CLOSED, traceback_id, detail)
        case Reopen(question_id=cause):
            audit.record(actor, Tag.TRACEBACK_REOPENED, traceback_id, {"cause": cause})

"""Gathers everything of one package from the rooms below, inside the accepted scope and nothing beyond."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from typing import Any

from headwater.audit import queries as audit
from headwater.calls.queries import CallQueries
from headwater.campaigns.models import CampaignStateChange
from headwater.evidence import calls_in_scope, custody_log, found_campaigns, path, signed_calls, told_to_stop
from headwater.evidence.calls_in_scope import CallsInScope
from headwater.evidence.disclosure import DisclosureClass, Rule
from headwater.evidence.material import AuditProofs, CampaignFacts, Material, Matter, Withheld, instant
from headwater.evidence.models import Package
from headwater.evidence.scope import NPA_CAVEAT, SIGNALLED_CALLER, Scope
from headwater.intake.recordings import Recordings
from headwater.legal.models import LegalProcess
from headwater.legal.queries import ProcessView, request_of, view
from headwater.legal.queries import scope_of as legal_scope_of
from headwater.legal.rules import TYPE_WORDS
from headwater.legal.views import subjects_of


def scope_of(process: LegalProcess, now: datetime) -> Scope:
    """Return the accepted scope of ``process`` at ``now``."""
    accepted = legal_scope_of(process)
    return Scope(
        campaign_id=process.campaign_id,
        agency_id=process.agency_id,
        start=accepted.start,
        end=min(accepted.end or now, now),
        called_numbers=process.granted_called_numbers,
        customer_identity=process.granted_customer_identity,
        opened=accepted.subjects,
        left_out=subjects_of(process) - subjects_of(process, granted=True),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathering:
    """One gathering: under which package, in which scope, which calls it opens."""

    package: Package
    process: LegalProcess
    scope: Scope
    calls: CallsInScope
    now: datetime


def begin(package: Package, now: datetime) -> Gathering:
    """Return what the package will hold of calls, before any of it is opened: the caller audits the opening first."""
    process = LegalProcess.objects.select_related("agency", "submitted_by", "campaign").get(id=package.process_id)
    scope = scope_of(process, now)
    return Gathering(package=package, process=process, scope=scope, calls=calls_in_scope.survey(scope), now=now)


def finish(gathering: Gathering, store: CallQueries, kept: Recordings) -> Material:
    """Return the whole material of the package.

    Raises:
        Unavailable: the call store does not answer.
    """
    scope, process = gathering.scope, gathering.process
    calls, closed = calls_in_scope.fetch(store, kept, scope, gathering.calls.examples)
    traced = path.gather(scope, gathering.now)
    signed = signed_calls.gather(calls)
    matter = _matter(gathering)
    told = told_to_stop.gather(
        [trace["traceback_id"] for trace in traced.tracebacks], [one["sha256"] for one in matter.documents]
    )
    subjects = [
        *sorted(scope.opened.campaigns),
        process.id,
        gathering.package.id,
        process.alert_id or process.id,
        *(trace["traceback_id"] for trace in traced.tracebacks),
        *traced.question_ids,
        *(notice.row["notice_id"] for notice in told),
        *(call.record_id for call in calls),
    ]
    checkpoint = audit.last_checkpoint()
    custody = custody_log.gather(process, subjects, checkpoint.seq if checkpoint else 0)
    proven = audit.proofs(entry.sequence for entry in custody)
    campaigns = found_campaigns.gather(process, scope, gathering.calls, gathering.now)
    return Material(
        software=version("headwater"),
        sealed_at=gathering.now,
        matter=matter,
        campaigns=campaigns,
        in_scope=gathering.calls.counted,
        members=gathering.calls.rows,
        calls=calls,
        tracebacks=traced.tracebacks,
        path=traced.rows,
        answers=traced.answers,
        provider_keys=traced.provider_keys,
        notices=traced.notices,
        told_to_stop=told,
        dossiers=traced.dossiers,
        signatures=signed.signatures,
        certificates=signed.certificates,
        timeline=_timeline(gathering, campaigns, traced),
        custody=custody,
        proofs=AuditProofs(checkpoint=proven.checkpoint.line(), public_key=proven.public_key, paths=dict(proven.paths)),
        withheld=(*gathering.calls.withheld, *closed, *traced.withheld, *_letters(told), *not_opened(scope)),
        limits=_limits(campaigns, traced, signed),
    )


def _matter(gathering: Gathering) -> Matter:
    process: ProcessView = view(gathering.process)
    row = gathering.process
    if row.served_at is None or row.decided_at is None:  # a package is asked for on acceptance alone
        message = f"process {row.id} was never served and accepted"
        raise ValueError(message)
    columns = ("filename", "size", "sha256", "received_at")
    documents = row.documents.order_by("id").values(*columns)
    who = process.requester
    return Matter(
        package_id=gathering.package.id,
        process_id=row.id,
        process_type=TYPE_WORDS[process.request.process_type],
        agency=who.agency,
        requester=f"{who.name}, {who.title}" if who.title else who.name,
        request=request_of(row),
        grant=process.grant,
        served_at=row.served_at,
        decided_at=row.decided_at,
        decided_by=row.decided_by,
        decision_reason=row.decision_reason,
        documents=tuple({**document, "received_at": instant(document["received_at"])} for document in documents),
    )


def _letters(told: Sequence[told_to_stop.ToldToStop]) -> list[Withheld]:
    closed = sum(notice.letter is None for notice in told)
    if not closed:
        return []
    why = "They tell of traced calls beyond the scope, too. Their hash is stated."
    return [Withheld(what="letters of notices", count=closed, why=why, rule=Rule.TIME)]


def not_opened(scope: Scope) -> tuple[Withheld, ...]:
    """Return what the scope itself keeps closed: what is said of every package, and what the acceptance left out."""
    if not scope.customer_identity:
        why = "The acceptance opens path data only. The originating provider holds the customer's identity."
    else:
        why = "Headwater holds no customer identity. Serve the originating provider that the path names."
    found = [
        Withheld(
            what="customer identity",
            count=0,
            why=why,
            of=DisclosureClass.CUSTOMER_IDENTITY,
            rule=Rule.CUSTOMER_IDENTITY,
        ),
        # Said always and never counted: a count would tell that another agency works on the same calls.
        Withheld(
            what="entries of the custody log that name another matter or another agency, if there are any",
            count=0,
            why="What others do is not told, nor whether they do anything. The audit keeps every entry.",
            of=DisclosureClass.OTHER_MATTER,
            rule=Rule.OTHER_AGENCIES,
        ),
    ]
    for what, left in (
        ("campaigns", scope.left_out.campaigns),
        ("tracebacks", scope.left_out.tracebacks),
        ("calling numbers", scope.left_out.numbers),
    ):
        if left:
            named = ", ".join(sorted(left))
            why = f"They were asked for, and the acceptance does not open them: {named}."
            found.append(Withheld(what=what, count=len(left), why=why, rule=Rule.NARROWED))
    return tuple(found)


def _limits(campaigns: Sequence[CampaignFacts], traced: path.Path, signed: signed_calls.SignedCalls) -> tuple[str, ...]:
    """Return what a reader must know, facts that cut against the case included."""
    found = [
        "The calls are those that blocking apps, honeypots and carriers reported. They are a sample, not every call.",
        "Membership in a campaign is decided by likeness of the words spoken; each row says how like, and to which.",
        SIGNALLED_CALLER,
        NPA_CAVEAT,
        "A provider's answer is that provider's own statement. A signature shows who stated it, not that it is true.",
    ]
    open_still = sum(trace["open"] for trace in traced.tracebacks)
    unconfirmed = sum(trace["grade"] != "origin_confirmed" for trace in traced.tracebacks)
    if not traced.tracebacks:
        found.append("No call in the scope had been traced when the package was sealed.")
    if open_still:
        found.append(
            f"{open_still} of {len(traced.tracebacks)} tracebacks were still open when the package was sealed."
        )
    if unconfirmed:
        found.append(f"{unconfirmed} of {len(traced.tracebacks)} tracebacks did not end with a confirmed origin.")
    silent = sum(row["answer"] == "" for row in traced.rows)
    if silent:
        found.append(f"{silent} of {len(traced.rows)} questions had no answer. Silence shows nothing about the silent.")
    unsigned = sum(not answer.signed and not answer.deposited for answer in traced.answers)
    deposited = sum(answer.deposited for answer in traced.answers)
    if deposited:
        found.append(
            f"{deposited} of {len(traced.answers)} answers rest on records that providers had deposited: nobody there "
            "answered."
        )
    if unsigned:
        found.append(f"{unsigned} of {len(traced.answers)} answers were typed by a person and carry no signature.")
    if not signed.signatures:
        found.append("No call in the package reached Headwater with a signature (STIR/SHAKEN).")
    else:
        found.append("A signature names who vouches for a call. Who placed it, the answers of the providers say.")
    disputed = sum(len(trace["flags"]) for trace in traced.tracebacks)
    if disputed:
        found.append(f"{disputed} remarks on providers' conduct are in tracebacks.json, contradictions among them.")
    return (*found, *found_campaigns.limits(campaigns))


def _timeline(
    gathering: Gathering, campaigns: Sequence[CampaignFacts], traced: path.Path
) -> tuple[dict[str, Any], ...]:
    """Return what happened when, in the order of time."""
    process = gathering.process
    events = []
    for campaign in campaigns:
        calls = "the campaign" if campaign.whole else "the campaign in the scope"
        events.append((instant(campaign.first_call_at), campaign.id, f"First call of {calls}"))
        events.append((instant(campaign.detected_at), campaign.id, "Campaign detected"))
    whole = {one for campaign in campaigns if campaign.whole for one in (campaign.id, *campaign.went_into_it)}
    changes = CampaignStateChange.objects.filter(campaign_id__in=whole).order_by("at", "id")
    events += [(instant(change.at), change.campaign_id, f"Campaign is {change.to_state}") for change in changes]
    if process.alert is not None:
        events.append((instant(process.alert.created_at), process.alert.id, "Agency alerted"))
    for trace in traced.tracebacks:
        events.append((trace["opened_at"], trace["traceback_id"], "Traceback opened"))
    for row in traced.rows:
        hop, who = f"hop {row['hop']}", f"{row['provider']} ({row['provider_spc']})"
        events.append((row["asked_at"], row["traceback_id"], f"Asked {who}, {hop}"))
        events.append((row["answered_at"], row["traceback_id"], f"{who}, {hop}, answered {row['answer']}"))
    for trace in traced.tracebacks:
        events.append((trace["closed_at"], trace["traceback_id"], f"Traceback closed. {trace['outcome']}".strip()))
    events += [
        (instant(process.served_at), process.id, "Process served"),
        (instant(process.decided_at), process.id, "Process accepted"),
        *(
            (instant(campaign.last_call_at), campaign.id, "Last call known when the package was sealed")
            for campaign in campaigns
        ),
        (instant(gathering.now), gathering.package.id, "Package sealed"),
    ]
    # Of what happened at one instant, cause stands before effect: the order above.
    known = sorted((event for event in events if event[0]), key=lambda event: event[0])
    return tuple({"at": at, "subject": subject, "what": what} for at, subject, what in known)

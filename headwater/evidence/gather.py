"""Gathers everything of one package from the rooms below, inside the accepted scope and nothing beyond."""

from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from typing import Any

from django.db.models import Q

from headwater.accounts.models import Organisation
from headwater.accounts.permissions import OrganisationKind
from headwater.audit import queries as audit
from headwater.audit.models import AuditEntry
from headwater.calls.queries import CallQueries
from headwater.campaigns.models import Campaign, CampaignStateChange
from headwater.campaigns.queries import liveness
from headwater.evidence import calls_in_scope, path, signed_calls
from headwater.evidence.calls_in_scope import CallsInScope
from headwater.evidence.custody import Entry
from headwater.evidence.disclosure import DisclosureClass, Rule
from headwater.evidence.material import AuditProofs, CampaignFacts, Material, Matter, Ringing, Withheld, instant
from headwater.evidence.models import Package
from headwater.evidence.scope import NPA_CAVEAT, SIGNALLED_CALLER, Scope
from headwater.intake.recordings import Recordings
from headwater.legal.models import LegalProcess
from headwater.legal.queries import ProcessView, request_of, view
from headwater.legal.queries import scope_of as legal_scope_of
from headwater.legal.rules import TYPE_WORDS


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
    subjects = [
        scope.campaign_id,
        process.id,
        gathering.package.id,
        process.alert_id or process.id,
        *(trace["traceback_id"] for trace in traced.tracebacks),
        *traced.question_ids,
        *(call.record_id for call in calls),
    ]
    checkpoint = audit.last_checkpoint()
    custody, others = _custody(scope, subjects, checkpoint.seq if checkpoint else 0)
    proven = audit.proofs(entry.sequence for entry in custody)
    alive = liveness(scope.campaign_id, gathering.now)
    return Material(
        software=version("headwater"),
        sealed_at=gathering.now,
        matter=_matter(gathering),
        campaign=_campaign(gathering),
        ringing=Ringing(
            at=gathering.now,
            last_call_at=alive.last_call_at,
            calls_last_minute=alive.calls_last_minute,
            rate_per_minute=round(alive.rate_per_minute, 3),
            rate_low=round(alive.rate_low, 3),
            rate_high=round(alive.rate_high, 3),
            window_s=alive.window_s,
            next_call_expected_at=alive.next_call_expected_at,
            still_ringing=alive.still_ringing,
        ),
        members=gathering.calls.rows,
        calls=calls,
        tracebacks=traced.tracebacks,
        path=traced.rows,
        answers=traced.answers,
        provider_keys=traced.provider_keys,
        notices=traced.notices,
        dossiers=traced.dossiers,
        signatures=signed.signatures,
        certificates=signed.certificates,
        timeline=_timeline(gathering, traced),
        custody=custody,
        proofs=AuditProofs(checkpoint=proven.checkpoint.line(), public_key=proven.public_key, paths=dict(proven.paths)),
        withheld=(*gathering.calls.withheld, *closed, *traced.withheld, *_always_withheld(scope), *others),
        limits=_limits(gathering, traced, signed),
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


def _campaign(gathering: Gathering) -> CampaignFacts:
    row: Campaign = gathering.process.campaign
    return CampaignFacts(
        id=row.id,
        name=row.name,
        name_is_new=row.name_is_new,
        state=row.state,
        first_call_at=row.first_call_at,
        last_call_at=row.last_call_at,
        detected_at=row.detected_at,
        confirmed_at=row.confirmed_at,
        rule_version=row.rule_version,
        name_basis=row.name_basis,
        calls_known=row.calls,
        calls_in_scope=gathering.calls.total,
        states=gathering.calls.states,
        callers=gathering.calls.callers,
        sources=gathering.calls.sources,
        kinds=gathering.calls.kinds,
    )


def _custody(scope: Scope, subjects: list[str], last: int) -> tuple[tuple[Entry, ...], list[Withheld]]:
    """Return the audit's entries about ``subjects`` up to the ``last`` that is signed.

    What other agencies did is theirs and is only counted.
    """
    others = Organisation.objects.filter(kind=OrganisationKind.AGENCY).exclude(id=scope.agency_id)
    theirs = Q(organisation__in=list(others.values_list("id", flat=True)))
    entries = AuditEntry.objects.filter(subject__in=subjects, seq__lte=last)
    shown = entries.exclude(theirs).order_by("seq").values_list("seq", "entry", "prev_hash", "hash")
    found = tuple(Entry(sequence=s, entry=text, previous_hash=p, hash=h) for s, text, p, h in shown)
    hidden = entries.filter(theirs).count()
    if not hidden:
        return found, []
    why = "They are about other agencies' own work on this campaign."
    return found, [
        Withheld(
            what="entries of the custody log",
            count=hidden,
            why=why,
            of=DisclosureClass.OTHER_MATTER,
            rule=Rule.OTHER_AGENCIES,
        )
    ]


def _always_withheld(scope: Scope) -> tuple[Withheld, ...]:
    if not scope.customer_identity:
        why = "The acceptance opens path data only. The originating provider holds the customer's identity."
    else:
        why = "Headwater holds no customer identity. Serve the originating provider that the path names."
    return (
        Withheld(
            what="customer identity",
            count=0,
            why=why,
            of=DisclosureClass.CUSTOMER_IDENTITY,
            rule=Rule.CUSTOMER_IDENTITY,
        ),
    )


def _limits(gathering: Gathering, traced: path.Path, signed: signed_calls.SignedCalls) -> tuple[str, ...]:
    """Return what a reader must know, facts that cut against the case included."""
    found = [
        "The calls are those that blocking apps, honeypots and carriers reported. They are a sample, not every call.",
        "Membership in the campaign is decided by likeness of the words spoken; each row says how like, and to which.",
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
    if gathering.process.campaign.name_is_new:
        found.append("The campaign's name was made by Headwater: no campaign of the reference is near enough.")
    return tuple(found)


def _timeline(gathering: Gathering, traced: path.Path) -> tuple[dict[str, Any], ...]:
    """Return what happened when, in the order of time."""
    process, campaign = gathering.process, gathering.process.campaign
    events = [
        (instant(campaign.first_call_at), campaign.id, "First call of the campaign"),
        (instant(campaign.detected_at), campaign.id, "Campaign detected"),
    ]
    changes = CampaignStateChange.objects.filter(campaign=campaign).order_by("at", "id")
    events += [(instant(change.at), campaign.id, f"Campaign is {change.to_state}") for change in changes]
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
        (instant(campaign.last_call_at), campaign.id, "Last call known when the package was sealed"),
        (instant(gathering.now), gathering.package.id, "Package sealed"),
    ]
    # Of what happened at one instant, cause stands before effect: the order above.
    known = sorted((event for event in events if event[0]), key=lambda event: event[0])
    return tuple({"at": at, "subject": subject, "what": what} for at, subject, what in known)

"""What cases are told of legal process, packages, notices and measures: the rooms above ``cases``, as it asks for them.

What an agency sees of a campaign beyond its alert follows an accepted process of its own, as everywhere.
"""

from collections.abc import Iterable
from datetime import datetime

from headwater import clock
from headwater.accounts.actors import Actor
from headwater.accounts.permissions import OrganisationKind, Permission
from headwater.campaigns.merged import united
from headwater.campaigns.models import Campaign
from headwater.cases import matters, subjects
from headwater.cases.states import Lane, MatterKind, SubjectKind
from headwater.cases.subjects import Subject
from headwater.cases.timeline import Moment
from headwater.errors import NotFound
from headwater.evidence.models import Package
from headwater.evidence.queries import visible_to as visible_packages
from headwater.evidence.states import STATE_WORDS as PACKAGE_WORDS
from headwater.evidence.states import PackageState
from headwater.legal import access
from headwater.legal.models import LegalProcess
from headwater.legal.queries import open_scopes
from headwater.legal.queries import visible_to as visible_processes
from headwater.legal.rules import ACCEPTED, STATE_WORDS, TYPE_WORDS, ProcessState, ProcessType
from headwater.legal.scope import Scope
from headwater.legal.views import scope_of
from headwater.relief.models import Measure, Notice
from headwater.relief.states import MeasureKind, NoticeKind, ReportedAction
from headwater.tracebacks.models import Traceback

#: Measures of a court.
_COURT = {MeasureKind.ORDER_ISSUED, MeasureKind.ORDER_SERVED}


def register() -> None:
    """Register all of it, once."""
    subjects.register(SubjectKind.PROCESS, Processes())
    subjects.register(SubjectKind.PACKAGE, Packages())
    subjects.register(SubjectKind.CAMPAIGN, CampaignsOfProcess())
    subjects.register(SubjectKind.TRACEBACK, TracebacksOfProcess())
    matters.register(MatterKind.PROCESS, ProcessGround())


class Processes:
    """Legal process: an agency's own, and what was served on the consortium."""

    def find(self, actor: Actor, reference: str) -> Subject | None:
        """Return the process."""
        if not actor.may(Permission.PROCESS_READ):
            return None
        row = visible_processes(actor).filter(id=reference).first()
        if row is None:
            return None
        name = f"{TYPE_WORDS[ProcessType(row.process_type)]}, {row.case_number}"
        return Subject(kind=SubjectKind.PROCESS, reference=row.id, name=name)

    def moments(self, actor: Actor, reference: str) -> Iterable[Moment]:
        """Return each step that it took."""
        row = visible_processes(actor).get(id=reference)
        kind = TYPE_WORDS[ProcessType(row.process_type)]
        for step in row.state_changes.order_by("id"):
            words = STATE_WORDS[ProcessState(step.to_state)].lower()
            yield Moment(
                at=step.at, lane=Lane.PROCESS, what=f"{kind} {row.id}: {words}", who=step.by, kind=SubjectKind.PROCESS,
                reference=row.id,
            )  # fmt: skip


class Packages:
    """Evidence packages: an agency's own, all for the consortium."""

    def find(self, actor: Actor, reference: str) -> Subject | None:
        """Return the package."""
        if not actor.may(Permission.PROCESS_READ):
            return None
        row = visible_packages(actor).filter(id=reference).first()
        if row is None:
            return None
        name = f"Package of {row.process_id}, {PACKAGE_WORDS[PackageState(row.state)].lower()}"
        return Subject(kind=SubjectKind.PACKAGE, reference=row.id, name=name)

    def moments(self, actor: Actor, reference: str) -> Iterable[Moment]:  # noqa: ARG002 - ``find`` has let them in
        """Return when it was asked for and sealed."""
        row = Package.objects.get(id=reference)
        for at, what in ((row.requested_at, "asked for"), (row.sealed_at, f"sealed, SHA-256 {row.sha256[:12]}…")):
            if at is not None:
                yield Moment(
                    at=at, lane=Lane.PROCESS, what=f"Package {row.id} {what}", kind=SubjectKind.PACKAGE,
                    reference=row.id,
                )  # fmt: skip


class CampaignsOfProcess:
    """Campaigns again: what an accepted process adds to them, and notices and measures for those who may know."""

    def find(self, actor: Actor, reference: str) -> Subject | None:
        """Return the campaign of an accepted process of the actor's agency."""
        if not _reached(actor, reference):
            return None
        row = Campaign.objects.filter(id=reference).first()
        return Subject(kind=SubjectKind.CAMPAIGN, reference=row.id, name=row.name) if row else None

    def moments(self, actor: Actor, reference: str) -> Iterable[Moment]:
        """Return measures against the campaign; for the consortium also what each notice came to."""
        consortium = actor.organisation_kind is OrganisationKind.CONSORTIUM and actor.may(Permission.RELIEF_READ)
        if not consortium and not _reached(actor, reference):
            return
        for measure in Measure.objects.filter(campaign_id__in=united({reference})).order_by("at", "id"):
            kind = MeasureKind(measure.kind)
            lane = Lane.COURT if kind in _COURT else Lane.NOTICES
            yield _moment(reference, measure.at, lane, f"{kind.label}: {measure.what}", who=measure.entered_by)
        if consortium:
            yield from _notices(reference)


def _notices(campaign_id: str) -> Iterable[Moment]:
    rows = (
        Notice.objects.filter(campaign_id__in=united({campaign_id}))
        .select_related("provider")
        .prefetch_related("reports")
    )
    for row in rows.order_by("sent_at", "id"):
        name = f"{NoticeKind(row.kind).label} {row.id}"
        for at, word, who in (
            (row.seen_at, "opened by the provider", row.seen_by),
            (row.acknowledged_at, "acknowledged", row.acknowledged_by),
        ):
            if at is not None:
                yield _moment(campaign_id, at, Lane.NOTICES, f"{name} {word}", who=who)
        for said in row.reports.all():
            what = f"{row.provider.name} on {row.id}: {ReportedAction(said.action).label}"
            yield _moment(campaign_id, said.reported_at, Lane.PROVIDER, what, who=said.reported_by)


def _moment(campaign_id: str, at: datetime, lane: Lane, what: str, *, who: str = "") -> Moment:
    return Moment(at=at, lane=lane, what=what, who=who, kind=SubjectKind.CAMPAIGN, reference=campaign_id)


class TracebacksOfProcess:
    """Tracebacks in the scope of an accepted process that is open to the person."""

    def find(self, actor: Actor, reference: str) -> Subject | None:
        """Return the traceback."""
        campaign = Traceback.objects.filter(id=reference).values_list("campaign_id", flat=True).first()
        for scope in _scopes(actor):
            if reference in scope.subjects.tracebacks or (campaign and campaign in scope.subjects.campaigns):
                return Subject(kind=SubjectKind.TRACEBACK, reference=reference, name=reference)
        return None

    def moments(self, actor: Actor, reference: str) -> Iterable[Moment]:
        """Return when its call was placed and how it ended, as the scope of each such process lets it be told."""
        now = clock.now()
        for scope in _scopes(actor):
            try:
                found = access.traceback(actor, scope.process, reference, now=now)
            except NotFound:
                # Another process of the agency, or a call outside the times of this one.
                continue
            return [
                Moment(at=at, lane=lane, what=what, kind=SubjectKind.TRACEBACK, reference=reference)
                for at, lane, what in (
                    (found.call_at, Lane.CALLS, "Traced call placed"),
                    (found.opened_at, Lane.TRACEBACKS, "Traceback opened"),
                    (found.closed_at, Lane.TRACEBACKS, f"Traceback closed: {found.outcome or 'no outcome'}"),
                )
                if at is not None
            ]
        return []


def _scopes(actor: Actor) -> tuple[Scope, ...]:
    """Return what the accepted processes of the actor's agency open to this very person now."""
    return open_scopes(actor, now=clock.now()) if actor.organisation_kind is OrganisationKind.AGENCY else ()


def _reached(actor: Actor, campaign_id: str) -> bool:
    return any(campaign_id in scope.subjects.campaigns for scope in _scopes(actor))


class ProcessGround:
    """Accepted process as a matter of deconfliction: the strongest ground there is."""

    def name(self, actor: Actor, reference: str) -> str | None:
        """Return what the process is called, None where it is not the actor's own and opens something."""
        found = Processes().find(actor, reference)
        return found.name if found and self.campaigns(actor.organisation_id, reference) else None

    def campaigns(self, organisation_id: str, reference: str) -> frozenset[str]:
        """Return the campaigns that the process opens, while its access lasts; none of one under seal.

        A match tells another agency that there is a matter, which a seal forbids.
        """
        accepted = LegalProcess.objects.filter(state__in=ACCEPTED, sealed=False)
        row = accepted.filter(id=reference, agency_id=organisation_id).first()
        if row is None:
            return frozenset()
        scope = scope_of(row)
        return scope.subjects.campaigns if scope.stands(clock.now()) else frozenset()

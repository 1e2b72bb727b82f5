"""One object of every kind for an agency and a carrier, made by the rooms' own actions, for the matrix of access."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from django.core.files.uploadedfile import SimpleUploadedFile

from headwater import clock
from headwater.accounts import credentials, webhooks
from headwater.accounts.actors import Actor, system
from headwater.accounts.models import Organisation, User
from headwater.accounts.permissions import OrganisationKind, Role, Scope
from headwater.accounts.queries import actor_of
from headwater.accounts.webhook_kinds import EventKind
from headwater.alerts import feed, subscriptions
from headwater.alerts import queries as alerts
from headwater.alerts.models import Alert
from headwater.alerts.subscriptions import Wanted
from headwater.cases import actions as cases
from headwater.cases.models import Case, JointCase, JointParty
from headwater.cases.states import PartyState
from headwater.conduct import actions as conduct
from headwater.evidence import keys, public_making
from headwater.evidence.actions import ask_public
from headwater.evidence.models import Package
from headwater.evidence.seal import seal
from headwater.legal import actions as legal
from headwater.legal.documents import inspect
from headwater.legal.models import LegalProcess
from headwater.providers import contacts
from headwater.providers.models import ContactTier, Provider
from headwater.providers.queries import ProviderView
from headwater.relief import actions as relief
from headwater.relief import addenda
from headwater.relief.states import NoticeKind
from headwater.reports import actions as reports
from headwater.reports.rules import ExampleCall
from headwater.tracebacks import forwarding, sheets
from headwater.tracebacks.models import Answer, ForwardQuestion, Hop
from tests.conftest import Browser
from tests.evidence.conftest import accept, asked, serve
from tests.evidence.scenery import PDF, Scene

Ids = dict[str, str]


def people_of(organisation: Organisation) -> dict[Role, User]:
    """Return one person of each role of an agency or a carrier, made where there is none yet."""
    wanted = {
        OrganisationKind.AGENCY: (Role.AGENCY_OFFICER, Role.AGENCY_ADMINISTRATOR),
        OrganisationKind.PROVIDER: (Role.PROVIDER_STAFF, Role.PROVIDER_ADMINISTRATOR),
    }[OrganisationKind(organisation.kind)]
    return {role: _person(organisation, role) for role in wanted}


def agency(organisation: Organisation, scene: Scene, reviewer: Actor, home: Path) -> Ids:
    """Make what an agency can have; return the identifier of each by the name that routes give it."""
    officer = actor_of(_person(organisation, Role.AGENCY_OFFICER))
    browser = Browser("portal").sign_in(_person(organisation, Role.AGENCY_OFFICER))
    own = replace(scene, alert_id=Alert.objects.get(organisation_id=organisation.id).id)
    process, draft = serve(own, officer), _draft(own, officer)
    package = accept(reviewer, process)
    seal(package)
    assert Package.objects.get(id=package).state == "sealed"
    addendum = addenda.ask(officer, package)
    addenda.sign(addendum, keys.load(home / "secrets"), now=clock.now())
    until = (clock.now() + timedelta(days=200)).date().isoformat()
    browser.post(f"/requests/{process}/time/", {"what": "access", "until": until, "reason": "Trial is in May."})
    version = ask_public(reviewer, package)
    public_making.make(version)
    row = LegalProcess.objects.get(id=process)
    case = cases.open_case(officer, title="Ours", restricted=True)
    cases.keep_document(officer, case, "note.pdf", PDF)
    cases.add_task(officer, case, "Ask the bank")
    call = ExampleCall(call_at=clock.now() - timedelta(days=1), calling="+12025550123", called="+13135550101")
    joint = JointCase.objects.create(title="Joint", opened_at=clock.now(), opened_by=officer.label)
    JointParty.objects.create(
        joint=joint, organisation=organisation, case=Case.objects.get(id=case), state=PartyState.JOINED,
        since=clock.now(), by=officer.label,
    )  # fmt: skip
    return {
        "alert_id": own.alert_id,
        "process_id": process,
        "draft": draft,
        "document_id": str(row.documents.values_list("id", flat=True)[0]),
        "letter_id": str(row.letters.values_list("id", flat=True)[0]),
        "extension_id": str(row.extensions.values_list("id", flat=True)[0]),
        "package_id": package,
        "addendum_id": addendum,
        "version_id": version,
        "case_id": case,
        "task_id": str(Case.objects.get(id=case).tasks.values_list("id", flat=True)[0]),
        "case_document": str(Case.objects.get(id=case).documents.values_list("id", flat=True)[0]),
        "joint_id": joint.id,
        "report_id": reports.report_calls(officer, [call]).id,
        "subscription_id": subscriptions.subscribe(officer, Wanted(name="Ours")).id,
        "endpoint_id": webhooks.add(officer, url="https://hooks.example/a", kinds=[EventKind.PROCESS_CHANGED])[0].id,
        "traceback_id": scene.traceback_ids[0],
        # The sample calls of a campaign stand in the alerts of all whom it was told to.
        "record_id": alerts.alert(officer, own.alert_id).facts["samples"][0]["record_id"],
        "collection_id": str(feed.collection_id(organisation.id)),
    }


def carrier(provider: ProviderView, scene: Scene, desk: Actor) -> tuple[Organisation, Ids]:
    """Make what a carrier can have; return it and the identifier of each by the name that routes give it."""
    organisation = Organisation.objects.create(
        kind=OrganisationKind.PROVIDER, name=provider.name, created_at=clock.now()
    )
    Provider.objects.filter(id=provider.id).update(organisation=organisation)
    staff = actor_of(_person(organisation, Role.PROVIDER_STAFF))
    browser = Browser("carrier").sign_in(_person(organisation, Role.PROVIDER_STAFF))
    hop = Hop.objects.filter(traceback_id__in=scene.traceback_ids, provider_id=provider.id)[0]
    notice = relief.send_notice(
        desk, scene.campaign.id, provider.id, kind=NoticeKind.COURT_ORDER, order="E.D. Mich. 26-cv-1, of today",
        document=inspect("order.pdf", PDF),
    )  # fmt: skip
    rows = b"start,calling,called\n2026-11-24T10:00:00Z,2025550123,3135550101\n"
    upload = browser.post("/uploads/new", {"file": SimpleUploadedFile("x.csv", rows)}).headers["Location"]
    forwarding.open_forward(system("operator"), "18005550142", pointers={provider.spc: "the register"})
    return organisation, {
        "number": ForwardQuestion.objects.get(provider_id=provider.id).id,
        "question_id": hop.id,
        "receipt_id": Answer.objects.filter(hop=hop)[0].id,
        "dispute_id": conduct.open_dispute(staff, hop.id, statement="It was not ours.").id,
        "sheet_id": sheets.bring(staff, name="answers.csv", octets=sheets.export(staff)).id,
        "contact_id": contacts.add(staff, name="Pat", email="pat@x.example", tier=ContactTier.FIRST).id,
        "notice_id": notice.id,
        "document_id": str(notice.documents[0].id),
        "upload_id": upload.strip("/").split("/")[1],
        "endpoint_id": webhooks.add(staff, url="https://hooks.example/c", kinds=[EventKind.QUESTION_ASKED])[0].id,
    }


def token_of(organisation: Organisation) -> str:
    """Return a credential of an agency's system that opens all that one can."""
    _, token = credentials.issue(
        system("operator"),
        organisation_id=organisation.id,
        scopes=[Scope.ALERTS, Scope.CASE, Scope.PROCESS],
        name="system",
    )
    return token


def _person(organisation: Organisation, role: Role) -> User:
    found = User.objects.filter(organisation=organisation, role=role).first()
    return found or User.objects.create(
        email=f"{role.value}@{organisation.id.lower()}.example", name=f"{role.value} of {organisation.name}",
        organisation=organisation, role=role, created_at=clock.now(), confirmed_at=clock.now(), password="!",
    )  # fmt: skip


def _draft(scene: Scene, officer: Actor) -> str:
    return legal.draft(officer, scene.alert_id, asked(), inspect("subpoena.pdf", PDF)).id

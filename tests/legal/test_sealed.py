"""A sealed subpoena from service to package: the people named on it know of it, and nobody else learns anything."""

import json

import pytest

from headwater import clock
from headwater.accounts.actors import Actor
from headwater.accounts.models import User
from headwater.accounts.queries import actor_of
from headwater.audit import queries as audit
from headwater.audit.models import AuditEntry
from headwater.cases import actions as cases
from headwater.cases import matters
from headwater.cases import queries as case_queries
from headwater.cases.matters import GROUNDS
from headwater.cases.states import MatterKind, SubjectKind
from headwater.errors import NotFound
from headwater.evidence import custody_log, gather
from headwater.evidence import queries as packages
from headwater.evidence.models import Package
from headwater.evidence.seal import seal
from headwater.legal import access, queries, telling
from headwater.legal.notices import Event
from headwater.outbox.models import Message
from tests.conftest import Browser
from tests.evidence.conftest import accept, serve
from tests.evidence.scenery import Scene
from tests.evidence.test_queries import colleague

pytestmark = pytest.mark.django_db
SEAL = {"sealed": True, "order_reference": "W.D. Mich. 26-mc-1, Nov. 2, 2026", "case_number": "26-SECRET-1"}


@pytest.fixture
def sealed(scene: Scene, agency: Actor, reviewer: Actor) -> str:
    process = serve(scene, agency, **SEAL)
    package = accept(reviewer, process)
    seal(package)
    for event in (Event.SERVED, Event.PRODUCED):
        telling.tell(process, event, clock.now())
    return process


def test_nothing_of_a_sealed_process_reaches_anybody_who_is_not_named(
    scene: Scene, sealed: str, agency: Actor, agency_user: User, other_agency_user: User
):
    other_agency = actor_of(other_agency_user)
    casey = colleague(agency_user)
    package = Package.objects.get().id
    secrets = (sealed, package, "26-SECRET-1")
    for stranger in (casey, other_agency):
        assert queries.processes(stranger) == []
        assert queries.open_scopes(stranger, now=clock.now()) == ()
        for look in (
            lambda who: queries.process(who, sealed),
            lambda who: access.live(who, sealed, now=clock.now()),
            lambda who: packages.open_package(who, package),
        ):
            with pytest.raises(NotFound):
                look(stranger)
        deeds, _ = audit.of_own_organisation(stranger, hidden=packages.hidden_from(stranger))
        assert not {deed.subject for deed in deeds} & set(secrets)
    own, _ = audit.of_own_organisation(agency, hidden=packages.hidden_from(agency))
    assert sealed in {deed.subject for deed in own}
    # Mails go to the named and to the reviewers, without what it is about; no endpoint of the agency is told.
    for message in Message.objects.all():
        assert message.way == "mail"
        assert message.address in {agency.email, "rae@consortium.example"}
        assert not any(word in message.subject + message.text for word in (package, "26-SECRET-1", scene.campaign.name))
    # Pages of a colleague and of another agency hold no trace of it.
    for user in (User.objects.get(email=casey.email), other_agency_user):
        browser = Browser("portal").sign_in(user)
        for page in ("/", "/requests/", "/record/", "/cases/", "/webhooks/"):
            answer = browser.get(page, follow=True)
            assert not any(secret in answer.content.decode() for secret in secrets), page


def test_a_sealed_process_is_no_ground_of_deconfliction_and_no_name_in_a_shared_case(
    scene: Scene, sealed: str, agency: Actor, agency_user: User
):
    assert GROUNDS[MatterKind.PROCESS].campaigns(agency.organisation_id, sealed) == frozenset()
    assert matters.GROUNDS[MatterKind.PROCESS].name(agency, sealed) is None
    case_id = cases.open_case(agency, title="The calls")
    cases.add_item(agency, case_id, SubjectKind.PROCESS, sealed, why="26-SECRET-1")
    seen = case_queries.case(colleague(agency_user), case_id)
    assert [(item.reference, item.name, item.why, item.open) for item in seen.items] == [
        ("", "not open to you", "", False)
    ]
    assert sealed not in str(seen.moments)
    assert case_queries.case(agency, case_id).items[0].reference == sealed


def test_another_agencys_package_tells_nothing_of_it_and_the_seal_is_in_its_own(
    scene: Scene, sealed: str, agency: Actor, reviewer: Actor
):
    # The same agency's open process over the same calls, whose package a colleague may read.
    package = accept(reviewer, serve(scene, agency))
    seal(package)
    row = Package.objects.get(id=package)
    subjects = [scene.campaign.id, row.process_id, *(str(one) for one in gather.begin(row, clock.now()).calls.examples)]
    last = AuditEntry.objects.order_by("-seq")[0].seq
    shown = json.dumps([entry.entry for entry in custody_log.gather(row.process, subjects, last)])
    assert row.process_id in shown
    others = [sealed, *Package.objects.filter(process_id=sealed).values_list("id", flat=True)]
    # What was opened for the sealed one is in the audit of the same calls, and not in this custody log.
    assert AuditEntry.objects.filter(subject__in=subjects, entry__contains=sealed).exists()
    assert not any(other in shown for other in others)

"""Whose packages are whose: a sealed process's package is no more known than the process."""

from dataclasses import replace

import pytest

from headwater import clock
from headwater.accounts.actors import Actor
from headwater.accounts.models import User
from headwater.accounts.queries import actor_of
from headwater.errors import Forbidden, NotFound
from headwater.evidence import queries
from headwater.evidence.seal import seal
from headwater.legal import ending, parties
from headwater.legal.models import LegalProcess
from tests.evidence.conftest import accept

pytestmark = pytest.mark.django_db


def colleague(of: User) -> Actor:
    """Return somebody of the same agency whom no process names."""
    return actor_of(
        User.objects.create(
            email="casey@ag-mi.example",
            name="Casey Example",
            organisation=of.organisation,
            role=of.role,
            created_at=clock.now(),
            confirmed_at=clock.now(),
            password="!",
        )
    )


def test_a_package_is_open_to_named_people_alone_and_a_sealed_one_known_to_no_other(
    served: str, reviewer: Actor, agency: Actor, other_agency: Actor, agency_user: User
) -> None:
    package_id = accept(reviewer, served)
    seal(package_id)
    casey = colleague(agency_user)
    (seen,) = queries.packages(casey, served)
    assert "does not name you" in seen.closed
    assert seen.sha256 == queries.open_package(agency, package_id).sha256
    with pytest.raises(Forbidden, match="does not name you"):
        queries.open_package(casey, package_id)
    parties.name_person(agency, served, email=casey.email)
    assert queries.open_package(casey, package_id).package_id == package_id
    parties.remove_person(agency, served, email=casey.email)

    LegalProcess.objects.filter(id=served).update(sealed=True)
    assert queries.open_package(agency, package_id).package_id == package_id
    for stranger in (casey, other_agency):
        assert queries.packages(stranger, served) == []
        with pytest.raises(NotFound):
            queries.open_package(stranger, package_id)


@pytest.mark.parametrize("end", ["withdrawn", "closed", "run out"])
def test_with_the_end_of_its_process_a_package_is_closed_to_the_agency_and_kept_by_the_custodian(
    served: str, reviewer: Actor, agency: Actor, custodian: Actor, end: str
) -> None:
    package_id = accept(reviewer, served)
    seal(package_id)
    assert queries.packages(agency, served)[0].closed == ""
    if end == "withdrawn":
        ending.withdraw(agency, served, reason="Settled.")
    elif end == "closed":
        ending.close(reviewer, served, reason="Produced.")
    else:
        LegalProcess.objects.filter(id=served).update(access_until=clock.now())
    why = {"withdrawn": "was withdrawn on", "closed": "was closed on", "run out": "was open until"}[end]
    with pytest.raises(Forbidden, match=why):
        queries.open_package(agency, package_id)
    (row,) = queries.packages(agency, served)
    assert "stays yours to keep" in row.closed
    assert row.sha256 == queries.open_package(custodian, package_id).sha256


def test_the_credential_that_served_a_process_fetches_its_package_and_another_does_not(
    served: str, reviewer: Actor, agency: Actor
) -> None:
    package_id = accept(reviewer, served)
    seal(package_id)
    machine = replace(agency, label="credential:MC-1", person_id="", answers_for=frozenset())
    with pytest.raises(Forbidden):
        queries.open_package(machine, package_id)
    LegalProcess.objects.filter(id=served).update(submitted_via=machine.label)
    assert queries.open_package(machine, package_id).package_id == package_id


def test_a_leaver_s_packages_are_closed_at_once_and_open_to_whom_they_were_handed_over(
    served: str, reviewer: Actor, agency: Actor, agency_user: User
) -> None:
    package_id = accept(reviewer, served)
    seal(package_id)
    casey = colleague(agency_user)
    agency_user.is_active = False
    agency_user.save()
    with pytest.raises(Forbidden):
        queries.open_package(agency, package_id)
    with pytest.raises(Forbidden):
        queries.open_package(casey, package_id)
    successor = replace(casey, answers_for=frozenset({casey.person_id, agency.person_id}))
    assert queries.open_package(successor, package_id).package_id == package_id

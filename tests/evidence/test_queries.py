"""Whose packages are whose: a sealed process's package is no more known than the process."""

import pytest

from headwater import clock
from headwater.accounts.actors import Actor
from headwater.accounts.models import User
from headwater.accounts.queries import actor_of
from headwater.errors import NotFound
from headwater.evidence import queries
from headwater.evidence.seal import seal
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


def test_a_package_is_its_agencys_and_of_a_sealed_process_its_named_peoples_alone(
    served: str, reviewer: Actor, agency: Actor, other_agency: Actor, agency_user: User
) -> None:
    package_id = accept(reviewer, served)
    seal(package_id)
    casey = colleague(agency_user)
    assert queries.open_package(casey, package_id).package_id == package_id
    LegalProcess.objects.filter(id=served).update(sealed=True)
    assert queries.open_package(agency, package_id).package_id == package_id
    for stranger in (casey, other_agency):
        assert queries.packages(stranger, served) == []
        with pytest.raises(NotFound):
            queries.open_package(stranger, package_id)

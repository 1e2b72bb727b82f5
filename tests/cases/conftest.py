"""Cases of three agencies and the consortium, over a campaign whose calls were traced."""

from dataclasses import replace
from typing import Any

import pytest

from headwater import clock
from headwater.accounts.actors import Actor
from headwater.accounts.models import Organisation, User
from headwater.accounts.permissions import Role
from headwater.accounts.queries import actor_of
from headwater.calls.store import CallStore
from headwater.cases import matters
from headwater.cases.matters import Contact
from tests.evidence.scenery import Scene, build

KEY = b"a key of the tests alone"


@pytest.fixture
def scene(call_store: tuple[str, CallStore], agency: Actor, settings: Any) -> Scene:
    """A campaign whose calls were traced over Alder (709A) and Birch (709B) to Cedar VoIP (709C)."""
    settings.HEADWATER = replace(settings.HEADWATER, calls_url=call_store[0])
    return build(call_store[1], agency)


def colleague(user: User, email: str, role: Role) -> User:
    """Save another person of the same organisation."""
    return User.objects.create(
        email=email,
        name=email.split("@", 1)[0].capitalize(),
        organisation=user.organisation,
        role=role,
        created_at=clock.now(),
        confirmed_at=clock.now(),
        password="!",
    )


@pytest.fixture
def partner_user(agency_user: User) -> User:
    """A second officer of the Michigan agency."""
    return colleague(agency_user, "ada@ag-mi.example", Role.AGENCY_OFFICER)


@pytest.fixture
def partner(partner_user: User) -> Actor:
    return actor_of(partner_user)


def contact(name: str) -> Contact:
    return Contact(name=name, telephone="+1 202 555 0100", email=f"{name.lower()}@agency.example")


def take_part(actor: Actor) -> None:
    """Let the actor's agency take part in deconfliction."""
    name = Organisation.objects.get(id=actor.organisation_id).name.split()[0]
    matters.set_consent(actor, given=True, contact=contact(name))

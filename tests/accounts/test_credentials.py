"""Machine credentials: what they open, rotated with an overlap, ended; and known passwords refused offline."""

import dataclasses
from datetime import timedelta
from hashlib import sha1
from pathlib import Path

import pytest
from django.conf import LazySettings
from django.core.exceptions import ValidationError

from headwater import clock
from headwater.accounts import actions, breaches, credentials, password_words
from headwater.accounts.actors import Actor
from headwater.accounts.models import MachineCredential, User
from headwater.accounts.permissions import OrganisationKind, Permission, Role, Scope
from headwater.accounts.queries import actor_of
from headwater.errors import Forbidden, Invalid, NotFound

pytestmark = pytest.mark.django_db


@pytest.fixture
def issued(operator: Actor, agency_user: User) -> tuple[str, str]:
    """An agency's credential: its identifier and its token."""
    view, token = credentials.issue(
        operator, organisation_id=agency_user.organisation_id, scopes=[Scope.PROCESS], name="Case system"
    )
    return view.id, token


def test_a_token_opens_what_its_scopes_say_and_notes_its_use(issued: tuple[str, str]) -> None:
    found = credentials.shown(issued[1])
    assert found is not None
    assert found.actor.may(Permission.PROCESS_SUBMIT)
    assert not found.actor.may(Permission.EVENT_SEND)
    assert found.last_used_at is not None
    assert credentials.shown(issued[1] + "x") is None


def test_the_old_token_is_taken_for_the_overlap_and_no_longer(operator: Actor, issued: tuple[str, str]) -> None:
    credential, old = issued
    _view, new = credentials.rotate(operator, credential_id=credential, overlap=timedelta(hours=1))
    assert credentials.shown(old)
    assert credentials.shown(new)
    MachineCredential.objects.update(previous_until=clock.now() - timedelta(seconds=1))
    assert credentials.shown(old) is None
    assert credentials.shown(new)
    with pytest.raises(Invalid):
        credentials.rotate(operator, credential_id=credential, overlap=timedelta(days=31))


def test_an_ended_credential_opens_nothing(operator: Actor, issued: tuple[str, str]) -> None:
    MachineCredential.objects.update(expires_at=clock.now())
    assert credentials.shown(issued[1]) is None
    MachineCredential.objects.update(expires_at=None)
    assert credentials.shown(issued[1])
    credentials.revoke(operator, credential_id=issued[0])
    assert credentials.shown(issued[1]) is None


def test_a_scope_is_only_for_organisations_that_it_fits(operator: Actor, agency_user: User) -> None:
    for scopes, said in (([Scope.FEED], "not for"), ([], "opens something"), (["nonsense"], "There are")):
        with pytest.raises(Invalid, match=said):
            credentials.issue(
                operator, organisation_id=agency_user.organisation_id, scopes=scopes, name="x", source_kind="app"
            )


def test_an_organisation_s_administrator_changes_its_own_keys_alone(
    issued: tuple[str, str], agency_user: User, other_agency_user: User
) -> None:
    with pytest.raises(Forbidden):
        credentials.revoke(actor_of(agency_user), credential_id=issued[0])
    for user in (agency_user, other_agency_user):
        User.objects.filter(id=user.id).update(role=Role.AGENCY_ADMINISTRATOR)
        user.refresh_from_db()
    with pytest.raises(NotFound):
        credentials.revoke(actor_of(other_agency_user), credential_id=issued[0])
    with pytest.raises(NotFound):
        credentials.issue(
            actor_of(other_agency_user), organisation_id=agency_user.organisation_id, scopes=[Scope.PROCESS], name="x"
        )
    assert credentials.revoke(actor_of(agency_user), credential_id=issued[0]).revoked_at


@pytest.mark.parametrize(
    "weak", ["password12345", "P@ssw0rd2026!", "qwertyuiopasdf", "headwater2026", "aaaaaaaaaaaa", "Dana-Consortium1"]
)
def test_what_is_tried_first_is_refused(weak: str, desk_user: User) -> None:
    with pytest.raises(ValidationError):
        breaches.BreachedPassword().validate(weak, desk_user)


@pytest.mark.parametrize(
    "weak",
    ["Headwater-Portal", "TracebackConsortium", "H3adwaterSubpoena", "custodian@desk", "dana@consortium.example"],
)
def test_the_documented_words_of_site_person_and_organisation_weigh_nothing(weak: str, desk_user: User) -> None:
    with pytest.raises(ValidationError, match="guessed too easily"):
        breaches.BreachedPassword().validate(weak, desk_user)


def test_the_list_holds_product_roles_and_organisation_in_their_forms() -> None:
    assert {"headwater", "custodian", "reviewer", "agency", "traceback"} <= set(password_words.standing())
    found = password_words.of_person(
        email="a.b@ag.michigan.gov", name="Ann Bell", organisations=["Attorney General of Michigan"]
    )
    assert {"agom", "attorneygeneralofmichigan", "michigan", "annbell", "ag.michigan.gov", "a.b"} <= set(found)


def test_a_sentence_of_one_s_own_is_taken(desk_user: User) -> None:
    breaches.BreachedPassword().validate("seven green herons over Lansing", desk_user)


def test_the_operator_s_list_is_searched_to_its_ends(tmp_path: Path, settings: LazySettings) -> None:
    known = [f"a password of the list {number}" for number in range(500)]
    lines = sorted(
        f"{sha1(text.encode(), usedforsecurity=False).hexdigest().upper()}:{number + 1}"
        for number, text in enumerate(known)
    )
    for ending in ("\n", "\r\n"):
        path = tmp_path / "list"
        path.write_bytes((ending.join(lines) + ending).encode())
        settings.HEADWATER = dataclasses.replace(settings.HEADWATER, breached_passwords=path)
        assert [breaches.breached(text) for text in known] == list(range(1, 501))
        assert breaches.breached("not among them") == 0


def test_a_provider_organisation_takes_feed_and_hep(operator: Actor) -> None:
    home = actions.create_organisation(operator, kind=OrganisationKind.PROVIDER, name="Carrier")
    view, _token = credentials.issue(
        operator, organisation_id=home.id, scopes=["feed", "hep"], name="switch", source_kind="carrier"
    )
    assert view.scopes == {Scope.FEED, Scope.HEP}

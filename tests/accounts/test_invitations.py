"""Invitations: whose address, one link, one use, and nothing open before the second check of contact."""

import re
from datetime import timedelta

import pytest
from django.test import override_settings

from headwater import clock
from headwater.accounts import actions, confirming, invitations
from headwater.accounts.actors import Actor
from headwater.accounts.models import Invitation, User
from headwater.accounts.permissions import OrganisationKind, Role
from headwater.accounts.queries import OrganisationView, actor_of
from headwater.audit.models import AuditEntry
from headwater.errors import Conflict, Forbidden, Invalid, NotFound
from headwater.outbox.models import Message

pytestmark = pytest.mark.django_db
PASSWORD = "seven green herons over Lansing"
AGENCY, HERE = OrganisationKind.AGENCY, OrganisationKind.AGENCY


@pytest.fixture
def agency_home(operator: Actor) -> OrganisationView:
    return actions.create_organisation(operator, kind=AGENCY, name="Michigan AG", state="MI")


def invited(operator: Actor, home: OrganisationView, email: str = "new@michigan.gov") -> str:
    """Invite somebody and return the token that the mail holds."""
    invitations.invite(operator, organisation_id=home.id, email=email, name="New Person", role=Role.AGENCY_OFFICER)
    return token_of(email)


def token_of(email: str) -> str:
    text = Message.objects.filter(address=email).order_by("-created_at").values_list("text", flat=True)[0]
    found = re.search(r"/account/link/([\w-]+)/", text)
    assert found is not None
    return found[1]


def tags() -> list[str]:
    return list(AuditEntry.objects.order_by("seq").values_list("tag", flat=True))


def test_the_mail_holds_a_link_to_the_portal_and_the_database_only_its_hash(
    operator: Actor, agency_home: OrganisationView
) -> None:
    with override_settings(SITE_URLS={"portal": "https://portal.example", "desk": "x", "carrier": "x"}):
        token = invited(operator, agency_home)
    message = Message.objects.get()
    assert f"https://portal.example/account/link/{token}/" in message.text
    assert token in message.secret_part
    row = Invitation.objects.get()
    assert token not in str(vars(row))
    assert row.expires_at - row.created_at == timedelta(hours=72)


def test_whoever_joins_opens_nothing_before_the_second_check(operator: Actor, agency_home: OrganisationView) -> None:
    joined = invitations.accept(invited(operator, agency_home), here=HERE, password=PASSWORD)
    user = User.objects.get(id=joined.id)
    assert user.check_password(PASSWORD)
    assert actor_of(user).permissions == frozenset()
    _check, code = confirming.begin_by_telephone(
        operator, person_id=user.id, number="517-335-7622", number_source="michigan.gov/ag, page Contact"
    )
    confirming.answer_by_code(user.id, code)
    user.refresh_from_db()
    assert actor_of(user).permissions
    assert tags()[-3:] == ["account:invitation:accepted", "account:contact_check:begun", "account:person:confirmed"]


def test_a_link_is_taken_once(operator: Actor, agency_home: OrganisationView) -> None:
    token = invited(operator, agency_home)
    invitations.accept(token, here=HERE, password=PASSWORD)
    assert invitations.open_link(token, here=HERE) is None
    with pytest.raises(NotFound, match="holds no longer"):
        invitations.accept(token, here=HERE, password="another one of seven herons")
    assert User.objects.get(email="new@michigan.gov").check_password(PASSWORD)


def test_opening_a_link_uses_nothing_up(operator: Actor, agency_home: OrganisationView) -> None:
    token = invited(operator, agency_home)
    for _ in range(3):
        assert invitations.open_link(token, here=HERE) is not None


def test_a_second_invitation_ends_the_first(operator: Actor, agency_home: OrganisationView) -> None:
    first, second = invited(operator, agency_home), invited(operator, agency_home)
    assert invitations.open_link(first, here=HERE) is None
    assert invitations.open_link(second, here=HERE) is not None


def test_a_link_that_is_taken_back_or_too_old_holds_no_longer(operator: Actor, agency_home: OrganisationView) -> None:
    token = invited(operator, agency_home)
    Invitation.objects.update(expires_at=clock.now() - timedelta(seconds=1))
    assert invitations.open_link(token, here=HERE) is None
    token = invited(operator, agency_home)
    invitations.revoke(operator, invitation_id=Invitation.objects.get(revoked_at=None).id)
    assert invitations.open_link(token, here=HERE) is None
    with pytest.raises(NotFound):
        invitations.accept(token, here=HERE, password=PASSWORD)


def test_a_link_of_the_portal_opens_nothing_at_the_desk(operator: Actor, agency_home: OrganisationView) -> None:
    token = invited(operator, agency_home)
    assert invitations.open_link(token, here=OrganisationKind.CONSORTIUM) is None


@pytest.mark.parametrize("token", ["", "x", "x" * 101, "é", "../../etc", "' OR 1=1"])
def test_what_is_no_link_opens_nothing(token: str) -> None:
    assert invitations.open_link(token, here=HERE) is None


def test_a_weak_password_uses_the_link_not_up(operator: Actor, agency_home: OrganisationView) -> None:
    token = invited(operator, agency_home)
    for weak in ("short", "password1234", "MichiganMichigan", "new@michigan.gov"):
        with pytest.raises(Invalid):
            invitations.accept(token, here=HERE, password=weak)
    assert invitations.accept(token, here=HERE, password=PASSWORD).email == "new@michigan.gov"


def test_an_address_elsewhere_is_not_invited(operator: Actor, agency_home: OrganisationView) -> None:
    for email in ("new@michigan.com", "new@gmail.com", "new@michigan.gov.evil.example", "new@localhost"):
        with pytest.raises(Invalid):
            invited(operator, agency_home, email)
    assert not Message.objects.exists()


def test_a_list_of_domains_decides_alone(operator: Actor, agency_home: OrganisationView) -> None:
    actions.verify_domain(operator, organisation_id=agency_home.id, domain="Michigan.gov", how="the state's own page")
    invited(operator, agency_home, "one@ag.michigan.gov")
    with pytest.raises(Invalid, match="not at a verified domain"):
        invited(operator, agency_home, "two@ohio.gov")
    actions.withdraw_domain(operator, organisation_id=agency_home.id, domain="michigan.gov")
    invited(operator, agency_home, "two@ohio.gov")


def test_a_provider_s_people_need_a_verified_domain(operator: Actor) -> None:
    home = actions.create_organisation(operator, kind=OrganisationKind.PROVIDER, name="Carrier")
    wanted = {"organisation_id": home.id, "email": "a@carrier.example", "name": "A", "role": Role.PROVIDER_STAFF}
    with pytest.raises(Invalid, match="Verify the domain"):
        invitations.invite(operator, **wanted)
    actions.verify_domain(operator, organisation_id=home.id, domain="carrier.example", how="RMD filing")
    assert invitations.invite(operator, **wanted).email == "a@carrier.example"


def test_nobody_is_invited_who_signs_in_already(operator: Actor, agency_home: OrganisationView) -> None:
    invitations.accept(invited(operator, agency_home), here=HERE, password=PASSWORD)
    with pytest.raises(Conflict, match="signs in already"):
        invited(operator, agency_home)


@pytest.mark.parametrize("who", ["desk", "reviewer", "custodian", "agency", "provider"])
def test_only_who_manages_accounts_invites(
    who: str, request: pytest.FixtureRequest, agency_home: OrganisationView
) -> None:
    with pytest.raises(Forbidden):
        invited(request.getfixturevalue(who), agency_home)


def test_a_role_of_another_kind_of_organisation_is_refused(operator: Actor, agency_home: OrganisationView) -> None:
    with pytest.raises(Invalid, match="not one of"):
        invitations.invite(
            operator, organisation_id=agency_home.id, email="a@michigan.gov", name="A", role=Role.REVIEWER
        )


def test_a_lost_password_is_helped_by_a_link_and_the_sessions_end(
    operator: Actor, agency_home: OrganisationView
) -> None:
    joined = invitations.accept(invited(operator, agency_home), here=HERE, password=PASSWORD)
    salt = User.objects.get(id=joined.id).session_salt
    invitations.send_password_link("new@michigan.gov", application="portal")
    invitations.accept(token_of("new@michigan.gov"), here=HERE, password="nine grey herons over Detroit")
    user = User.objects.get(id=joined.id)
    assert user.check_password("nine grey herons over Detroit")
    assert user.session_salt != salt


def test_no_password_link_leaves_for_strangers_other_applications_or_too_often(
    operator: Actor, agency_home: OrganisationView
) -> None:
    invitations.accept(invited(operator, agency_home), here=HERE, password=PASSWORD)
    before = Message.objects.count()
    invitations.send_password_link("nobody@michigan.gov", application="portal")
    invitations.send_password_link("new@michigan.gov", application="desk")
    assert Message.objects.count() == before
    for _ in range(invitations.MOST_LINKS_AN_HOUR + 2):
        invitations.send_password_link("new@michigan.gov", application="portal")
    assert Message.objects.count() == before + invitations.MOST_LINKS_AN_HOUR

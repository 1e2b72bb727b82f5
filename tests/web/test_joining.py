"""Joining, leaving and acting for others through the real pages, and attacks on the doors of sign-in."""

import re
import time
from datetime import timedelta

import pytest
from django.conf import LazySettings

from headwater import clock
from headwater.accounts import actions, confirming, invitations, leaving
from headwater.accounts.actors import Actor
from headwater.accounts.models import User
from headwater.accounts.permissions import Role
from headwater.accounts.queries import deputy_actor
from headwater.audit.models import AuditEntry
from headwater.outbox.models import Message
from tests.conftest import Browser

pytestmark = pytest.mark.django_db
PASSWORD = "seven green herons over Lansing"


@pytest.fixture(autouse=True)
def quick_hashes(settings: LazySettings) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


def invited(operator: Actor, agency_user: User) -> str:
    """Invite a colleague of the agency and return the path of the link in the mail."""
    actions.verify_domain(operator, organisation_id=agency_user.organisation_id, domain="ag-mi.example", how="known")
    invitations.invite(
        operator,
        organisation_id=agency_user.organisation_id,
        email="nia@ag-mi.example",
        name="Nia",
        role=Role.AGENCY_OFFICER,
    )
    found = re.search(r"(/account/link/[\w-]+/)", Message.objects.get(address="nia@ag-mi.example").text)
    assert found is not None
    return found[1]


def joined(operator: Actor, agency_user: User) -> tuple[Browser, User]:
    browser = Browser("portal")
    assert browser.get(invited(operator, agency_user)).url == "/account/link/"
    done = browser.post("/account/link/", {"password": PASSWORD, "again": PASSWORD})
    assert done.status_code == 302
    return browser, User.objects.get(email="nia@ag-mi.example")


def test_an_invited_person_joins_and_waits_until_they_are_confirmed(operator: Actor, agency_user: User) -> None:
    browser, nia = joined(operator, agency_user)
    assert browser.get("/requests/").url.startswith("/account/enrol/")
    browser.sign_in(nia)
    assert browser.get("/requests/").url == "/account/waiting/"
    assert browser.get("/packages/PK-0000000000/").url == "/account/waiting/"
    _check, code = confirming.begin_by_telephone(
        operator, person_id=nia.id, number="517-335-7622", number_source="the state's directory"
    )
    assert browser.post("/account/waiting/", {"code": "00000000"}).status_code == 422
    assert browser.post("/account/waiting/", {"code": f"{code[:4]} {code[4:]}"}).status_code == 302
    assert browser.get("/requests/").status_code == 200


def test_five_wrong_codes_end_the_call(operator: Actor, agency_user: User) -> None:
    browser, nia = joined(operator, agency_user)
    browser.sign_in(nia)
    _check, code = confirming.begin_by_telephone(
        operator, person_id=nia.id, number="517-335-7622", number_source="the state's directory"
    )
    for _ in range(confirming.MOST_WRONG):
        browser.post("/account/waiting/", {"code": "00000000" if code != "00000000" else "1"})
    assert browser.post("/account/waiting/", {"code": code}).status_code == 422
    nia.refresh_from_db()
    assert nia.confirmed_at is None


def test_a_colleague_confirms_and_nobody_confirms_themselves_or_others_people(
    operator: Actor, agency_user: User, agency_client: Browser, other_agency_client: Browser
) -> None:
    _browser, nia = joined(operator, agency_user)
    said = {"person": nia.id, "note": "spoke to her at her desk"}
    other_agency_client.post("/organisation/confirm/", said)
    nia.refresh_from_db()
    assert nia.confirmed_at is None
    assert "Nia" in agency_client.get("/organisation/").content.decode()
    agency_client.post("/organisation/confirm/", said)
    nia.refresh_from_db()
    assert nia.confirmed_at is not None


def test_a_link_that_was_used_shows_its_end_and_sets_nothing(operator: Actor, agency_user: User) -> None:
    _browser, nia = joined(operator, agency_user)
    link = re.search(r"(/account/link/[\w-]+/)", Message.objects.get(address=nia.email).text)
    assert link is not None
    thief = Browser("portal")
    thief.get(link[1])
    assert thief.get("/account/link/").status_code == 404
    assert thief.post("/account/link/", {"password": "x" * 20, "again": "x" * 20}).status_code == 404


def test_the_answer_to_a_lost_password_tells_nothing_and_asks_the_same_work(agency_user: User) -> None:
    def told(email: str) -> str:
        page = Browser("portal").post("/account/password/forgotten/", {"email": email}).content.decode()
        return re.sub(r'value="\w+"|X-CSRFToken": "\w+"', "", page).replace(email, "")

    assert told(agency_user.email) == told("nobody@ag-mi.example")
    assert not Message.objects.exists()


def test_a_forged_host_leads_no_link_astray(agency_user: User, settings: LazySettings) -> None:
    settings.SITE_URLS = {"portal": "https://portal.example", "desk": "x", "carrier": "x"}
    forged = Browser("portal").post(
        "/account/password/forgotten/", {"email": agency_user.email}, headers={"Host": "evil.example"}
    )
    assert forged.status_code == 400
    invitations.send_password_link(agency_user.email, application="portal")
    text = Message.objects.get().text
    assert "https://portal.example/account/link/" in text
    assert "evil" not in text


def test_a_planted_session_is_not_the_one_that_is_signed_in(operator: Actor, agency_user: User) -> None:
    planted = Browser("portal")
    planted.get(invited(operator, agency_user))
    before = planted.cookies["hw_portal"].value
    planted.post("/account/link/", {"password": PASSWORD, "again": PASSWORD})
    assert planted.cookies["hw_portal"].value != before


@pytest.mark.parametrize("role", ["administrator", "analyst", "reviewer"])
def test_nobody_raises_themselves_or_others_by_a_form(role: str, desk_user: User, desk_client: Browser) -> None:
    assert desk_client.post(f"/people/{desk_user.id}/role/", {"role": role}).status_code == 403
    desk_user.refresh_from_db()
    assert desk_user.role == Role.ANALYST


def test_an_administrator_s_own_role_stays_as_it_is(desk_user: User) -> None:
    User.objects.filter(id=desk_user.id).update(role=Role.ADMINISTRATOR)
    browser = Browser("desk").sign_in(User.objects.get(id=desk_user.id))
    assert browser.post(f"/people/{desk_user.id}/role/", {"role": "reviewer"}).status_code == 403
    assert browser.get("/campaigns/").status_code == 403
    assert browser.get("/organisations/").status_code == 200


def test_an_act_that_weighs_asks_again_who_one_is_and_a_look_does_not(desk_user: User, settings: LazySettings) -> None:
    User.objects.filter(id=desk_user.id).update(role=Role.ADMINISTRATOR)
    browser = Browser("desk").sign_in(User.objects.get(id=desk_user.id))
    with browser.settings():
        session = browser.session
        session["account_authentication_methods"] = [
            {"method": "password", "at": time.time() - 1_000, "email": desk_user.email},
            {"method": "mfa", "at": time.time() - 1_000, "type": "totp", "id": 1},
        ]
        session.save()
    asked = browser.post("/organisations/new/", {"kind": "agency", "name": "Late", "time_zone": "UTC"})
    assert asked.status_code == 302
    assert asked.url.startswith("/account/")
    assert browser.get("/organisations/").status_code == 200


def test_sessions_are_listed_and_ended_by_their_own_person_alone(desk_user: User, reviewer_client: Browser) -> None:
    here, there = Browser("desk").sign_in(desk_user), Browser("desk").sign_in(desk_user)
    there.get("/account/", headers={"User-Agent": "A browser elsewhere"})
    page = here.get("/account/sessions/").content.decode()
    assert "A browser elsewhere" in page
    assert there.cookies["hw_desk"].value not in page
    handle = re.search(r'name="session" value="(\w+)"', page)
    assert handle is not None
    assert reviewer_client.post("/account/sessions/end/", {"session": handle[1]}).status_code == 404
    assert there.get("/campaigns/").status_code == 200
    here.post("/account/sessions/end/", {"session": handle[1]})
    assert there.get("/campaigns/").status_code == 302
    other = Browser("desk").sign_in(desk_user)
    here.post("/account/sessions/end/", {})
    assert other.get("/campaigns/").status_code == 302
    assert here.get("/campaigns/").status_code == 200


def test_a_deputy_acts_under_both_names_until_it_ends(
    desk: Actor, desk_user: User, reviewer: Actor, reviewer_user: User, desk_client: Browser
) -> None:
    view = leaving.appoint(
        reviewer,
        person_email=reviewer_user.email,
        deputy_email=desk_user.email,
        ends_at=clock.now() + timedelta(days=3),
        reason="leave",
    )
    assert desk_client.get("/process/").status_code == 403
    desk_client.post("/account/deputies/act/", {"deputy": view.id})
    assert f"You act for {reviewer_user.email}" in desk_client.get("/process/").content.decode()
    entry = AuditEntry.objects.filter(tag="process:list:viewed").latest("seq")
    assert entry.actor == f"user:{desk_user.email} for {reviewer_user.email}"
    leaving.end_deputy(desk, deputy_id=view.id)
    assert desk_client.get("/process/").status_code == 403
    assert deputy_actor(desk_user, view.id) is None


def test_a_leaver_s_sessions_and_keys_end_and_their_matters_are_a_colleague_s(
    operator: Actor, desk_user: User, reviewer_user: User
) -> None:
    browser = Browser("desk").sign_in(reviewer_user)
    assert browser.get("/process/").status_code == 200
    leaving.close(operator, email=reviewer_user.email, reason="left", successor_email=desk_user.email)
    assert browser.get("/process/").status_code == 302
    assert leaving.responsible_now(reviewer_user.id).id == desk_user.id  # type: ignore[union-attr] # it is there
    assert User.objects.filter(id=reviewer_user.id).exists()

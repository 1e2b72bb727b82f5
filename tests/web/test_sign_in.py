"""Sign-in through its real pages: password, second factor, enrolment, limits, and what does not exist."""

import re
import time

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from django.conf import LazySettings
from django.http import HttpResponse

from headwater.accounts import actions, leaving
from headwater.accounts.actors import Actor
from headwater.accounts.models import User
from headwater.audit.models import AuditEntry
from tests.conftest import Browser

pytestmark = pytest.mark.django_db

PASSWORD = "a long password of the tests"
DANA = "dana@consortium.example"


@pytest.fixture(autouse=True)
def quick_hashes(settings: LazySettings) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def dana(operator: Actor, desk_user: User, quick_hashes: None) -> User:
    """An analyst with a password and no second factor yet."""
    actions.set_password(operator, email=desk_user.email, password=PASSWORD)
    desk_user.refresh_from_db()
    return desk_user


@pytest.fixture
def secret(operator: Actor, dana: User) -> str:
    """Her second factor."""
    return actions.enrol_totp(operator, email=dana.email)


def code(secret: str, step: int = 0) -> str:
    return format_hotp_value(hotp_value(secret, int(time.time()) // 30 + step))


def password(browser: Browser, email: str = DANA, text: str = PASSWORD, **more: str) -> HttpResponse:
    return browser.post("/account/sign-in/", {"login": email, "password": text, **more})


def tags() -> list[str]:
    return list(AuditEntry.objects.order_by("seq").values_list("tag", flat=True))


def test_a_password_alone_opens_nothing(secret: str) -> None:
    browser = Browser("desk")
    answer = password(browser)
    assert answer.headers["Location"] == "/account/code/"
    assert browser.get("/campaigns/").headers["Location"] == "/account/sign-in/?next=/campaigns/"
    assert browser.get("/account/").status_code == 302
    assert "account:sign_in:succeeded" not in tags()


def test_password_and_code_open_the_pages_and_both_are_recorded(secret: str, dana: User) -> None:
    browser = Browser("desk")
    password(browser)
    answer = browser.post("/account/code/", {"code": code(secret)})
    assert answer.headers["Location"] == "/"
    assert browser.get("/campaigns/").status_code == 200
    entry = AuditEntry.objects.get(tag="account:sign_in:succeeded")
    assert entry.actor == f"user:{DANA}"
    assert entry.detail["methods"] == ["password", "mfa"]


def test_a_code_is_taken_once(secret: str) -> None:
    used = code(secret)
    first, second = Browser("desk"), Browser("desk")
    password(first)
    assert first.post("/account/code/", {"code": used}).status_code == 302
    password(second)
    again = second.post("/account/code/", {"code": used})
    assert again.status_code == 200
    assert "Incorrect code" in again.content.decode()
    assert "account:second_factor:failed" in tags()


def test_a_recovery_code_opens_once(secret: str, dana: User) -> None:
    codes = Authenticator.objects.get(user=dana, type="recovery_codes").wrap().get_unused_codes()
    first, second = Browser("desk"), Browser("desk")
    password(first)
    assert first.post("/account/code/", {"code": codes[0]}).status_code == 302
    password(second)
    assert second.post("/account/code/", {"code": codes[0]}).status_code == 200


def test_without_a_second_factor_every_page_leads_to_enrolment(dana: User) -> None:
    browser = Browser("desk")
    password(browser)
    for path in ("/", "/campaigns/", "/tracebacks/"):
        assert browser.get(path).headers["Location"].startswith("/account/enrol/?next=")
    assert browser.get("/account/").headers["Location"] == "/account/enrol/?next=%2Faccount%2F"


@pytest.mark.django_db(transaction=True)
def test_enrolment_shows_a_key_takes_its_code_and_opens_the_pages(dana: User) -> None:
    browser = Browser("desk")
    password(browser)
    page = browser.get("/account/enrol/").content.decode()
    found = re.search(r"<code>([A-Z2-7]{32})</code>", page)
    assert found
    assert 'src="data:image/svg+xml;base64,' in page
    refused = browser.post("/account/enrol/", {"code": "000000"})
    assert refused.status_code == 200
    done = browser.post("/account/enrol/", {"code": code(found[1])})
    assert done.headers["Location"] == "/account/recovery-codes/"
    assert browser.get("/campaigns/").status_code == 200
    assert AuditEntry.objects.get(tag="account:second_factor:enrolled").detail["by"] == "person"
    codes = browser.get("/account/recovery-codes/").content.decode()
    assert "10 of 10 are left" in codes


def test_the_key_of_a_second_factor_is_not_readable_in_the_database(secret: str, dana: User) -> None:
    held = Authenticator.objects.get(user=dana, type="totp").data["secret"]
    assert secret not in held
    assert Authenticator.objects.get(user=dana, type="totp").wrap().validate_code(code(secret))


def test_nobody_removes_their_second_factor_by_themselves(secret: str, dana: User) -> None:
    browser = Browser("desk").sign_in(dana)
    for path in ("/account/second-factor/kept/", "/account/second-factor/", "/account/enrol/"):
        browser.post(path, {})
    assert Authenticator.objects.filter(user=dana, type="totp").exists()


def test_a_wrong_password_and_an_unknown_address_get_the_same_answer(secret: str) -> None:
    def told(browser: Browser, email: str) -> str:
        page = password(browser, email, "wrong wrong wrong").content.decode()
        return re.sub(r'name="csrfmiddlewaretoken" value="\w+"|X-CSRFToken": "\w+"', "", page).replace(email, "")

    assert told(Browser("desk"), DANA) == told(Browser("desk"), "nobody@consortium.example")
    failures = AuditEntry.objects.filter(tag="account:sign_in:failed").order_by("seq")
    assert [entry.subject for entry in failures] == [DANA, "nobody@consortium.example"]


def test_after_five_wrong_passwords_the_right_one_is_not_taken_either(secret: str) -> None:
    for _ in range(5):
        password(Browser("desk"), text="wrong wrong wrong")
    answer = password(Browser("desk"))
    assert answer.status_code == 200
    assert "Too many failed login attempts" in answer.content.decode()


def test_after_five_wrong_codes_the_right_one_is_not_taken_either(secret: str) -> None:
    browser = Browser("desk")
    password(browser)
    for number in range(5):
        browser.post("/account/code/", {"code": f"99999{number}"})
    assert browser.post("/account/code/", {"code": code(secret)}).status_code == 200
    assert browser.get("/campaigns/").status_code == 302


def test_a_closed_account_does_not_open_and_an_open_session_of_it_ends(
    operator: Actor, secret: str, dana: User
) -> None:
    signed_in = Browser("desk").sign_in(dana)
    assert signed_in.get("/campaigns/").status_code == 200
    leaving.close(operator, email=DANA, reason="left")
    assert signed_in.get("/campaigns/").status_code == 302
    browser = Browser("desk")
    password(browser)
    browser.post("/account/code/", {"code": code(secret)})
    assert browser.get("/campaigns/").status_code == 302


def test_a_new_password_ends_the_sessions_of_the_old_one(operator: Actor, dana: User) -> None:
    signed_in = Browser("desk").sign_in(dana)
    actions.set_password(operator, email=DANA, password="another long password of the tests")
    assert signed_in.get("/campaigns/").status_code == 302


def test_a_weak_password_is_refused_when_it_is_changed(secret: str, dana: User) -> None:
    browser = Browser("desk").sign_in(dana)
    for weak in ("short", "password1234", "dana@consortium.example"):
        answer = browser.post("/account/password/", {"oldpassword": PASSWORD, "password1": weak, "password2": weak})
        assert answer.status_code == 200, weak
    strong = "the river bends twice here"
    fields = {"oldpassword": PASSWORD, "password1": strong, "password2": strong}
    assert browser.post("/account/password/", fields).status_code == 302
    assert "account:password:changed" in tags()


@pytest.mark.parametrize("application", ["portal", "carrier"])
def test_people_of_another_audience_are_refused(application: str, desk_user: User) -> None:
    answer = Browser(application).sign_in(desk_user).get("/")
    assert answer.status_code == 403
    assert "belongs to another application" in answer.content.decode()


def test_a_session_of_one_application_is_none_in_another(agency_client: Browser) -> None:
    stolen = agency_client.cookies["hw_portal"].value
    browser = Browser("desk")
    browser.cookies["hw_desk"] = stolen
    assert browser.get("/").headers["Location"].startswith("/account/sign-in/")


def test_the_session_cookie_is_kept_from_scripts_and_other_sites(secret: str) -> None:
    browser = Browser("desk")
    password(browser)
    cookie = browser.cookies["hw_desk"]
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"
    assert not cookie["max-age"]


def test_signing_in_makes_a_new_session_key(secret: str) -> None:
    browser = Browser("desk")
    password(browser)
    before = browser.cookies["hw_desk"].value
    browser.post("/account/code/", {"code": code(secret)})
    assert browser.cookies["hw_desk"].value != before


def test_sign_out_needs_a_form_and_ends_the_session(desk_client: Browser) -> None:
    assert desk_client.get("/account/sign-out/").status_code == 200
    assert desk_client.get("/campaigns/").status_code == 200
    desk_client.post("/account/sign-out/")
    assert desk_client.get("/campaigns/").status_code == 302
    assert "account:sign_out:done" in tags()


@pytest.mark.parametrize("elsewhere", ["https://evil.example/", "//evil.example", "javascript:alert(1)"])
def test_sign_in_leads_nowhere_else(secret: str, elsewhere: str) -> None:
    browser = Browser("desk")
    password(browser, next=elsewhere)
    assert browser.post("/account/code/", {"code": code(secret)}).headers["Location"] == "/"


def test_sign_in_leads_back_to_where_it_was_asked(secret: str) -> None:
    browser = Browser("desk")
    password(browser, next="/campaigns/?show=all")
    assert browser.post("/account/code/", {"code": code(secret)}).headers["Location"] == "/campaigns/?show=all"


def test_a_fragment_without_a_session_sends_the_whole_page_to_sign_in(db: None) -> None:
    answer = Browser("desk").get("/live/", headers={"HX-Request": "true"})
    assert answer.status_code == 401
    assert answer.headers["HX-Redirect"].startswith("/account/sign-in/")


def test_a_form_without_a_token_of_the_session_is_refused_in_words(secret: str) -> None:
    browser = Browser("desk", enforce_csrf_checks=True)
    answer = password(browser)
    assert answer.status_code == 403
    assert "did not come from these pages" in answer.content.decode()


@pytest.mark.parametrize("application", ["desk", "portal", "carrier"])
@pytest.mark.parametrize(
    "path", ["/account/signup/", "/account/email/", "/account/password/reset/", "/accounts/login/", "/admin/"]
)
def test_what_headwater_does_not_use_does_not_exist(application: str, path: str, db: None) -> None:
    assert Browser(application).get(path).status_code == 404


@pytest.mark.django_db
def test_who_has_no_password_is_led_to_a_mailed_link_and_not_into_an_error(desk_user: User) -> None:
    desk_user.set_unusable_password()
    desk_user.save()
    answer = Browser("desk").sign_in(desk_user).get("/account/password/", follow=True)
    assert answer.status_code == 200
    assert answer.redirect_chain[-1][0] == "/account/password/forgotten/"

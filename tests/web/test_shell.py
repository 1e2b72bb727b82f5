import pytest

from tests.conftest import Browser

pytestmark = pytest.mark.django_db


def test_the_account_page_shows_who_is_signed_in(
    desk_client: Browser, agency_client: Browser, provider_client: Browser
) -> None:
    for client, name in ((desk_client, "Dana"), (agency_client, "Alex"), (provider_client, "Pat")):
        answer = client.get("/account/")
        assert answer.status_code == 200
        assert f"{name} Example" in answer.content.decode()


@pytest.mark.parametrize("application", ["desk", "portal", "carrier"])
def test_the_sign_in_page_is_open_to_all(application: str, db: None) -> None:
    answer = Browser(application).get("/account/sign-in/")
    assert answer.status_code == 200
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


def test_the_bar_holds_the_days_work_and_menus_the_rest_of_what_a_person_may_open(
    desk_client: Browser, custodian_client: Browser
) -> None:
    analyst, custodian = (client.get("/account/").content.decode() for client in (desk_client, custodian_client))
    assert 'href="/calls/"' in analyst
    assert 'href="/audit/"' not in analyst
    assert 'href="/audit/"' in custodian
    assert analyst.index('href="/campaigns/"') < analyst.index("<summary") < analyst.index('href="/signers/"')
    assert analyst.count("<summary") == 2


def test_the_menu_of_the_present_page_is_marked(desk_client: Browser) -> None:
    assert '<summary class="hw-menu--current">Look up</summary>' in desk_client.get("/calls/").content.decode()
    assert "hw-menu--current" not in desk_client.get("/campaigns/").content.decode()

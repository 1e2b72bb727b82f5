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

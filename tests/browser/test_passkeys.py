"""Passkeys with chromium's virtual authenticator (CDP): enrolled, signing in alone, and as second factor."""

import os
import shutil
import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, sync_playwright

from headwater.simulator.person import PERIOD_S, code
from tests.browser.conftest import NAMES
from tests.product import Product

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

PASSWORD = "seven green herons over Lansing"
EMAIL = "ana@consortium.example"
PREPARE = """
from headwater.accounts import actions
from headwater.accounts.actors import system
from headwater.accounts.permissions import OrganisationKind, Role
operator = system("operator")
home = actions.create_organisation(operator, kind=OrganisationKind.CONSORTIUM, name="Consortium")
actions.create_person(
    operator, organisation_id=home.id, email=arguments["email"], name="Ana", role=Role.ANALYST,
    password=arguments["password"],
)
result = actions.enrol_totp(operator, email=arguments["email"])
"""
AUTHENTICATOR = {
    "protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True,
    "isUserVerified": True, "automaticPresenceSimulation": True,
}  # fmt: skip


@pytest.fixture
def page() -> Iterator[Page]:
    """A window of a browser of its own: passkeys need the name localhost, not an address."""
    path = next((found for name in NAMES if (found := shutil.which(name))), None)
    if path is None:
        pytest.skip("no chromium on this machine: on Debian, apt-get install chromium")
    root = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, headless=True, args=["--disable-gpu", *root])
        page = browser.new_context().new_page()
        page.set_default_timeout(30_000)
        yield page
        browser.close()


def gives_password(page: Page) -> None:
    page.fill("input[name=login]", EMAIL)
    page.fill("input[name=password]", PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_load_state("load")


def gives_code(page: Page, secret: str) -> None:
    for _try in range(3):
        page.fill("input[name=code]", code(secret, time.time()))
        page.locator("main form button[type=submit]").first.click()
        page.wait_for_load_state("load")
        if page.locator("input[name=code]").count() == 0:
            return
        time.sleep(PERIOD_S - time.time() % PERIOD_S + 0.5)
    raise AssertionError(page.inner_text("main"))


def signs_out(page: Page, base: str) -> None:
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_load_state("load")
    page.goto(f"{base}/account/")
    assert "/account/sign-in/" in page.url


def test_a_passkey_is_enrolled_and_signs_in_alone_and_as_second_factor(page: Page) -> None:
    with Product() as product:
        secret = product.act(PREPARE, email=EMAIL, password=PASSWORD)
        base = f"http://localhost:{product.ports['DESK']}"
        devices = page.context.new_cdp_session(page)
        devices.send("WebAuthn.enable")
        authenticator = devices.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})["authenticatorId"]
        page.goto(f"{base}/account/sign-in/")
        gives_password(page)
        gives_code(page, secret)
        page.goto(f"{base}/account/passkeys/add/")
        page.fill("#id_name", "work laptop")
        page.get_by_role("button", name="Add", exact=True).click()
        page.get_by_text("work laptop").wait_for()

        signs_out(page, base)
        page.get_by_role("button", name="Sign in with a passkey").click()
        page.get_by_role("button", name="Sign out").wait_for()

        signs_out(page, base)
        gives_password(page)
        assert "/account/code/" in page.url
        page.get_by_role("button", name="Use a passkey").click()
        page.get_by_role("button", name="Sign out").wait_for()

        signs_out(page, base)
        devices.send("WebAuthn.removeVirtualAuthenticator", {"authenticatorId": authenticator})
        devices.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})
        page.get_by_role("button", name="Sign in with a passkey").click()
        page.get_by_text("no fitting passkey").wait_for()
        assert "/account/sign-in/" in page.url

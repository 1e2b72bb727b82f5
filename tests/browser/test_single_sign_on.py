"""Sign-in by an organisation's own provider in a real browser: OpenID Connect and SAML, from registration on."""

import time
from collections.abc import Callable, Iterator
from html import escape
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import httpx
import pytest
from playwright.sync_api import Page

from headwater.simulator.person import code
from tests.accounts.oidc_provider import running
from tests.accounts.saml_provider import Provider
from tests.browser.visitor import Visitor
from tests.demo import Demo

pytestmark = [pytest.mark.browser, pytest.mark.timeout(480)]


@pytest.fixture
def administrator(demo: Demo, visit: Callable[[str], Visitor]) -> Visitor:
    """Who looks after accounts, just signed in: acts of weight ask for that."""
    window = visit("desk")
    window.signs_in(demo.logins()["administrator"])
    return window


def registering(administrator: Visitor, name: str, protocol: str) -> Page:
    """Open the form for a provider of the agency, and fill in what both kinds need."""
    administrator.go("/organisations/")
    administrator.page.get_by_role("link", name="Michigan Department").click()
    administrator.page.get_by_role("link", name="Register an identity provider").click()
    page = administrator.page
    page.locator(f"input[name=protocol][value={protocol}] + label").click()
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_label("Mail domains").fill(f"{protocol}.ag-mi.example")
    page.locator("input[name=second_factor][value=headwater] + label").click()
    return page


def leaves_for_their_provider(window: Visitor, domain: str) -> None:
    """Go from the portal's sign-in page to the provider of a domain."""
    window.go_as_stranger("/")
    window.page.get_by_role("link", name="Sign in with your organisation").click()
    window.look("sign-in-organisation")
    window.page.get_by_label("Work e-mail address").fill(f"officer@{domain}")
    window.page.get_by_role("button", name="Find it").click()
    window.look("sign-in-organisation-found")
    # What comes next is the provider's: its pages are not ours to judge.
    window.page.get_by_role("link", name="Go on to").click()


def comes_in_with_a_code(window: Visitor, login: dict[str, str]) -> None:
    """Show Headwater's own second factor, which this provider's rule asks for, and be in."""
    for _try in range(3):
        window.page.locator("input[name=code]").fill(code(login["totp_secret"], time.time()))
        window.page.locator("main form button[type=submit]").first.click()
        window.page.wait_for_load_state("load")
        if window.page.locator("input[name=code]").count() == 0:
            break
        time.sleep(30 - time.time() % 30 + 0.5)
    window.troubles.clear()
    window.go("/account/")
    assert login["email"] in window.page.inner_text("main")
    window.look("account-after-single-sign-on")


def test_an_officer_comes_in_by_openid_connect(
    demo: Demo, administrator: Visitor, visit: Callable[[str], Visitor]
) -> None:
    login = demo.logins()["officer-MI"]
    with running({"sub": "mara", "email": login["email"], "email_verified": True}) as issuer:
        page = registering(administrator, "Michigan by OpenID Connect", "oidc")
        page.get_by_label("Issuer").fill(issuer)
        page.get_by_label("Client ID").fill("headwater")
        page.get_by_label("Client secret").fill("a shared secret")
        administrator.look("desk-identity-provider-new")
        page.get_by_role("button", name="Register").click()
        page.get_by_role("heading", name="Michigan by OpenID Connect").wait_for()
        administrator.look("desk-identity-provider")
        window = visit("portal")
        leaves_for_their_provider(window, "oidc.ag-mi.example")
        window.page.locator("input[name=sub]").fill("mara")
        window.page.locator("button[type=submit]").first.click()
        window.page.locator("input[name=code]").wait_for()
        comes_in_with_a_code(window, login)


@pytest.fixture
def saml(tmp_path: Path) -> Iterator["SamlSite"]:
    """A SAML provider with a page of its own on loopback."""
    site = SamlSite(tmp_path)
    yield site
    site.close()


class SamlSite:
    """Takes our request and posts the signed response back by a page of its own, as every SAML provider does."""

    def __init__(self, folder: Path) -> None:
        site = self

        class Page(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                response = site.provider.answer(self.path, site.ours, email=site.email)
                acs = site.ours.partition('AssertionConsumerService Binding="')[2].partition('Location="')[2]
                self.send_response(200)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.end_headers()
                self.wfile.write(
                    f'<form method="post" action="{acs.partition(chr(34))[0]}"><input type="hidden" '
                    f'name="SAMLResponse" value="{escape(response)}"><button>Sign in</button></form>'.encode()
                )

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = HTTPServer(("127.0.0.1", 0), Page)
        self.provider = Provider(folder / "idp", sign_in=f"http://127.0.0.1:{self._server.server_port}/sso")
        self.email, self.ours = "", ""
        self._thread = Thread(target=self._server.serve_forever)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def test_an_officer_comes_in_by_saml(
    demo: Demo, administrator: Visitor, visit: Callable[[str], Visitor], saml: SamlSite
) -> None:
    login = demo.logins()["officer-MI"]
    page = registering(administrator, "Michigan by SAML", "saml")
    page.get_by_label("Metadata document").fill(saml.provider.metadata)
    page.get_by_role("button", name="Register").click()
    page.get_by_role("heading", name="Michigan by SAML").wait_for()
    administrator.look("desk-identity-provider-saml")
    provider_id = page.url.strip("/").split("/")[-1]
    ours = httpx.get(demo.url("portal", f"/account/organisation/{provider_id}/metadata/"), trust_env=False)
    saml.email, saml.ours = login["email"], ours.text
    window = visit("portal")
    leaves_for_their_provider(window, "saml.ag-mi.example")
    # Our own page sends the response on by itself, so that the session which asked for it is there.
    window.page.get_by_role("button", name="Sign in").click()
    window.page.locator("input[name=code]").wait_for()
    comes_in_with_a_code(window, login)

"""The end of sessions: left alone, signed out; and the names under which a browser keeps them."""

import json
import os
import subprocess
import sys
from datetime import timedelta
from typing import Any

import pytest

from headwater import clock
from headwater.accounts.models import DeskSession
from headwater.audit.models import AuditEntry
from tests.conftest import Browser
from tests.product import ROOT


def left_alone(minutes: float) -> None:
    DeskSession.objects.update(seen_at=clock.now() - timedelta(minutes=minutes))


@pytest.mark.django_db
def test_a_session_that_was_left_alone_ends_and_the_page_says_so(desk_client: Browser) -> None:
    assert desk_client.get("/campaigns/").status_code == 200
    left_alone(59)
    assert desk_client.get("/campaigns/").status_code == 200
    left_alone(60)
    answer = desk_client.get("/campaigns/")
    assert answer.headers["Location"].startswith("/account/sign-in/?next=/campaigns/")
    assert answer.headers["Clear-Site-Data"] == '"cache", "storage"'
    assert "nothing was done here for 60 minutes" in desk_client.get(answer.headers["Location"]).content.decode()
    entry = AuditEntry.objects.get(tag="account:sign_out:done")
    assert json.loads(entry.entry)["detail"]["because"] == "idle"


@pytest.mark.django_db
def test_what_a_page_asks_for_by_itself_keeps_no_session_open(desk_client: Browser) -> None:
    polled = {"HX-Request": "true", "HX-Poll": "1"}
    assert desk_client.get("/campaigns/").status_code == 200
    left_alone(40)
    before = DeskSession.objects.get().seen_at
    assert desk_client.get("/tracebacks/", headers=polled).status_code == 200
    assert DeskSession.objects.get().seen_at == before
    left_alone(61)
    answer = desk_client.get("/tracebacks/", headers=polled)
    assert answer.status_code == 401
    assert answer.headers["HX-Redirect"].startswith("/account/sign-in/")


@pytest.mark.django_db
def test_signing_out_empties_the_browser_of_this_site_alone(desk_client: Browser) -> None:
    assert "Clear-Site-Data" not in desk_client.get("/campaigns/").headers
    answer = desk_client.post("/account/sign-out/")
    assert answer.headers["Clear-Site-Data"] == '"cache", "storage"'
    assert "Clear-Site-Data" not in Browser("desk").get("/account/sign-in/").headers


def cookies(public_url: str) -> dict[str, Any]:
    """Return what a process at ``public_url`` sets about its cookies."""
    asked = (
        "import json; from headwater.site import settings as s; print(json.dumps({n: getattr(s, n, None) for n in "
        "dir(s) if n.startswith(('SESSION_COOKIE', 'CSRF_COOKIE', 'SECURE_HSTS'))}))"
    )
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("HEADWATER_", "DJANGO_"))}
    environment = clean | {"HEADWATER_PROCESS": "portal", "HEADWATER_PUBLIC_URL": public_url}
    ran = subprocess.run([sys.executable, "-c", asked], cwd=ROOT, env=environment, capture_output=True, check=True)
    found: dict[str, Any] = json.loads(ran.stdout)
    return found


def test_over_https_a_browser_takes_our_cookies_from_this_very_host_alone() -> None:
    found = cookies("https://portal.example")
    for kind, name in (("SESSION", "__Host-hw_portal"), ("CSRF", "__Host-hw_portal_csrf")):
        assert found[f"{kind}_COOKIE_NAME"] == name
        assert found[f"{kind}_COOKIE_SECURE"]
        # RFC 6265bis section 4.1.3.2: no Domain, and the whole of the host.
        assert f"{kind}_COOKIE_DOMAIN" not in found
        assert f"{kind}_COOKIE_PATH" not in found
    assert found["SECURE_HSTS_SECONDS"] == 31_536_000


def test_on_plain_loopback_they_have_names_that_a_browser_takes() -> None:
    found = cookies("")
    assert (found["SESSION_COOKIE_NAME"], found["SESSION_COOKIE_SECURE"]) == ("hw_portal", False)

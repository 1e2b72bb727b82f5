"""A person joins, in a real browser: invited at the desk, a link in the mail, two factors, a call, and in."""

import json
import re
import time
from collections.abc import Callable

import psycopg
import pytest

from headwater.simulator.person import code
from tests.browser.visitor import Visitor
from tests.demo import Demo

pytestmark = [pytest.mark.browser, pytest.mark.timeout(480)]
EMAIL, PASSWORD = "nia.osei@ag-mi.example", "seven green herons over Lansing"


def link_in_the_mail(demo: Demo) -> str:
    """Return the path of the mailed link; the demo has no mail server, so that the mail waits in the outbox."""
    url = json.loads((demo.home / "secrets" / "database.json").read_text())["admin"]
    with psycopg.connect(url) as connection:
        newest = "SELECT text FROM outbox_message WHERE address = %s ORDER BY created_at DESC"
        row = connection.execute(newest, [EMAIL]).fetchone()
    assert row is not None
    found = re.search(r"/account/link/[\w-]+/", row[0])
    assert found is not None
    return found.group()


def test_an_invited_person_joins_and_is_confirmed_by_a_call(demo: Demo, visit: Callable[[str], Visitor]) -> None:
    desk, portal = visit("desk"), visit("portal")
    desk.signs_in(demo.logins()["administrator"])
    desk.go("/organisations/")
    desk.look("desk-organisations")
    page = desk.page
    page.get_by_role("link", name="Michigan Department").click()
    if page.get_by_role("rowheader", name="ag-mi.example").count() == 0:
        page.get_by_text("Enter a verified domain").click()
        page.get_by_label("Domain", exact=True).fill("ag-mi.example")
        page.get_by_label("How it was verified").fill("The state's directory names it.")
        page.get_by_role("button", name="Enter", exact=True).click()
    page.get_by_text("Invite a person").click()
    page.get_by_label("Work e-mail address").fill(EMAIL)
    page.locator("form[action$='/invite/'] input[name=name]").fill("Nia Osei")
    page.get_by_role("button", name="Send the invitation").click()
    page.get_by_text(EMAIL).first.wait_for()
    desk.look("desk-organisation-invited")

    joining = portal.page
    joining.goto(link_in_the_mail(demo))
    portal.look("account-link")
    joining.locator("input[name=password]").fill(PASSWORD)
    joining.locator("input[name=again]").fill(PASSWORD)
    joining.get_by_role("button", name="Join").click()
    joining.locator("input[name=code]").wait_for()
    portal.look("account-enrol")
    found = re.search(r"\b[A-Z2-7]{32}\b", joining.inner_text("main").replace(" ", ""))
    assert found is not None
    joining.locator("input[name=code]").fill(code(found.group(), time.time()))
    joining.locator("main form button[type=submit]").first.click()
    joining.wait_for_load_state("load")
    joining.goto("/requests/")
    joining.get_by_role("heading", name="One more check").wait_for()
    portal.look("account-waiting")

    page.reload()
    page.get_by_role("row", name=EMAIL).get_by_role("link").click()
    page.get_by_label("Number that you call").fill("517-335-7622")
    page.get_by_label("Where you looked it up").fill("The state's directory")
    page.get_by_role("button", name="Show me the code").click()
    read_out = re.search(r"Read this code out: ([\d ]+)", page.inner_text("main"))
    assert read_out is not None
    desk.look("desk-person-call")
    joining.get_by_label("Code that was read out").fill(read_out[1])
    joining.get_by_role("button", name="Open my account").click()
    joining.wait_for_url(lambda address: "/waiting/" not in address)
    joining.wait_for_load_state("load")
    portal.go("/requests/")
    portal.look("portal-requests-joined")
    joining.goto("/account/link/")
    assert "ended" in joining.inner_text("main") or "no longer" in joining.inner_text("main")

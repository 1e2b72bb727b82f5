"""Every page of every application, looked at in a real browser: no refused script, no error, no barrier."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.browser.visitor import Visitor
from tests.demo import Demo

pytestmark = [pytest.mark.browser, pytest.mark.timeout(480)]

PAGES = {
    "desk-live": ("analyst", "/"),
    "desk-campaigns": ("analyst", "/campaigns/"),
    "desk-campaign": ("analyst", "/campaigns/{campaign_id}/"),
    "desk-campaign-review": ("analyst", "/campaigns/review/"),
    "desk-campaign-signals": ("analyst", "/campaigns/signals/"),
    "desk-trends": ("analyst", "/trends/"),
    "desk-campaign-trend": ("analyst", "/trends/?what=campaign&key={campaign_id}"),
    "portal-trends": ("officer-MI", "/trends/"),
    "portal-subscriptions": ("officer-MI", "/subscriptions/"),
    "desk-relief": ("analyst", "/campaigns/{campaign_id}/relief/"),
    "desk-tracebacks": ("analyst", "/tracebacks/"),
    "desk-traceback": ("analyst", "/tracebacks/{traceback_id}/"),
    "desk-leads": ("analyst", "/campaigns/{campaign_id}/leads/"),
    "desk-forwards": ("analyst", "/forwards/"),
    "desk-signers": ("analyst", "/signers/"),
    "desk-signer-hosts": ("analyst", "/signers/hosts/"),
    "desk-processes": ("reviewer", "/process/"),
    "desk-process": ("reviewer", "/process/{process_id}/"),
    "desk-process-figures": ("reviewer", "/process/figures/"),
    "desk-agency-reports": ("reviewer", "/reports/"),
    "desk-registries": ("analyst", "/registries/?q=2155550100"),
    "desk-calls": ("analyst", "/calls/"),
    "desk-sources": ("analyst", "/sources/"),
    "desk-cases": ("analyst", "/cases/"),
    "desk-block-feed": ("analyst", "/block-feed/"),
    "desk-holds": ("reviewer", "/holds/"),
    "desk-account": ("analyst", "/account/"),
    "desk-outbox": ("analyst", "/outbox/"),
    "desk-organisations": ("administrator", "/organisations/"),
    "desk-organisation-new": ("administrator", "/organisations/new/"),
    "desk-administrator-outbox": ("administrator", "/outbox/"),
    "desk-why": ("analyst", "/why/campaign/{campaign_id}/"),
    "desk-permissions": ("administrator", "/account/permissions/"),
    "desk-sessions": ("administrator", "/account/sessions/"),
    "desk-deputies": ("administrator", "/account/deputies/"),
    "portal-organisation": ("officer-MI", "/organisation/"),
    "why-process": ("officer-MI", "/why/process/{process_id}/"),
    "carrier-organisation": ("staff", "/organisation/"),
    "portal-webhooks": ("officer-MI", "/webhooks/"),
    "portal-alerts": ("officer-MI", "/"),
    "portal-requests": ("officer-MI", "/requests/"),
    "portal-request-new": ("officer-MI", "/requests/new/"),
    "portal-scope": ("officer-MI", "/requests/{process_id}/open/"),
    "portal-scope-calls": ("officer-MI", "/requests/{process_id}/open/calls/"),
    "portal-reports": ("officer-MI", "/reports/"),
    "portal-report-calls": ("officer-MI", "/reports/calls/"),
    "portal-report-file": ("officer-MI", "/reports/file/"),
    "portal-report-recording": ("officer-MI", "/reports/recording/"),
    "portal-cases": ("officer-MI", "/cases/"),
    "portal-deconfliction": ("officer-MI", "/deconfliction/"),
    "portal-record": ("officer-MI", "/record/"),
    "portal-request": ("officer-MI", "/requests/{process_id}/"),
    "portal-account": ("officer-MI", "/account/"),
    "carrier-questions": ("staff", "/"),
    "carrier-answered": ("staff", "/answered/"),
    "carrier-notices": ("staff", "/notices/"),
    "carrier-block-feed": ("staff", "/block-feed/"),
    "carrier-uploads": ("staff", "/uploads/"),
    "carrier-webhooks": ("staff", "/webhooks/"),
    "desk-providers": ("analyst", "/providers/"),
    "desk-provider-graph": ("analyst", "/providers/graph/"),
    "desk-disputes": ("reviewer", "/providers/disputes/"),
    "desk-reports": ("reviewer", "/providers/reports/"),
    "carrier-bulk": ("staff", "/bulk/"),
    "carrier-record": ("staff", "/record/"),
    "carrier-contacts": ("staff", "/contacts/"),
    "carrier-agent": ("staff", "/agent/"),
    "carrier-account": ("staff", "/account/"),
}


def seat(demo: Demo, name: str) -> str:
    """Return the seat of the demo that ``name`` is short for: the person at the carrier has one with its SPC."""
    return next(seat for seat in demo.logins() if seat == name or (name == "staff" and seat.startswith("staff-")))


@pytest.mark.parametrize("name", PAGES)
def test_the_page_works_without_a_complaint(demo: Demo, signed_in: Callable[[str], Visitor], name: str) -> None:
    who, path = PAGES[name]
    window = signed_in(seat(demo, who))
    window.go(path.format(**demo.report["found"]))
    assert window.page.locator("h1").count() == 1
    window.look(name)


@pytest.mark.parametrize("name", [name for name in PAGES if name.startswith("portal")])
def test_the_portals_pages_fit_a_telephone(demo: Demo, signed_in: Callable[[str], Visitor], name: str) -> None:
    who, path = PAGES[name]
    window = signed_in(seat(demo, who))
    window.page.set_viewport_size({"width": 390, "height": 844})
    try:
        window.go(path.format(**demo.report["found"]))
        window.look(f"{name}-narrow")
    finally:
        window.page.set_viewport_size({"width": 1280, "height": 900})


def test_the_public_page_needs_nobody_and_fits_a_telephone(visit: Callable[[str], Visitor]) -> None:
    window = visit("public")
    window.go("/")
    assert window.page.locator("h1").count() == 1
    window.look("public-totals")
    window.page.set_viewport_size({"width": 390, "height": 844})
    window.look("public-totals-narrow")
    assert window.page.context.cookies() == []


def test_the_live_view_moves_by_itself(demo: Demo, signed_in: Callable[[str], Visitor]) -> None:
    window = signed_in("analyst")
    window.go("/")
    before = window.page.locator("main").inner_text()
    window.page.wait_for_function("before => document.querySelector('main').innerText !== before", arg=before)
    window.expect_no_trouble()


def test_an_injected_script_is_refused_and_noticed(demo: Demo, signed_in: Callable[[str], Visitor]) -> None:
    """The policy holds, and the test would notice if a page broke it."""
    window = signed_in("analyst")
    window.go("/campaigns/")
    window.page.evaluate(
        "() => { const s = document.createElement('script'); s.textContent = 'window.ran = true';"
        " document.body.append(s); }"
    )
    assert window.page.evaluate("window.ran === true") is False
    window.page.wait_for_timeout(100)
    assert any("script-src" in trouble for trouble in window.troubles)
    window.troubles.clear()


def test_the_addendum_of_a_sealed_package_works_without_a_complaint(
    demo: Demo, signed_in: Callable[[str], Visitor]
) -> None:
    window = signed_in(seat(demo, "officer-MI"))
    package_id = Path(demo.report["found"]["package"]).stem
    window.go(f"/packages/{package_id}/addendum/")
    window.look("portal-addendum")
    window.page.get_by_role("button", name="Sign a snapshot now").click()
    # The worker signs it, and the page shows it by itself.
    window.page.get_by_role("link", name="Snapshot 1").wait_for(timeout=120_000)
    window.expect_no_trouble()

"""What people do at the pages, one sentence a function."""

import re
from datetime import date, timedelta
from pathlib import Path

from headwater.cli.demo.paper import subpoena
from tests.browser.visitor import Visitor


def agency_opens_its_alert(officer: Visitor) -> str:
    """Open the newest alert of the agency; return the campaign's name."""
    officer.go("/")
    officer.page.locator("main a[href*='/alerts/']").first.click()
    return officer.page.locator("h1").inner_text().strip()


def agency_serves_subpoena(officer: Visitor, *, campaign: str, case_number: str, folder: Path) -> str:
    """Serve a subpoena from the alert that is open; return the receipt number."""
    page = officer.page
    page.get_by_role("link", name="Serve process").first.click()
    paper = folder / "subpoena.pdf"
    paper.write_bytes(
        subpoena(agency="An agency", campaign=campaign, case_number=case_number, signed=date(2026, 11, 24))
    )
    page.get_by_label("Case or matter number").fill(case_number)
    page.get_by_label("Signed by").fill("Owen Castellano, Assistant Attorney General")
    page.get_by_label("Return date").fill((date.today() + timedelta(days=20)).isoformat())  # noqa: DTZ011 - a day on paper
    page.locator("input[name=document]").set_input_files(paper)
    page.get_by_role("button", name="Continue to review").click()
    page.get_by_role("button", name="Serve this process").click()
    page.wait_for_url(re.compile(r"/requests/LP-"))
    found = re.search(r"LP-[0-9A-Z]{10}", page.url)
    assert found is not None
    return found.group()


def reviewer_accepts(reviewer: Visitor, process_id: str) -> None:
    """Accept a served process in the scope that was asked for."""
    page = reviewer.go(f"/process/{process_id}/")
    page.locator("input[name=decision][value=accept] + label").click()
    page.get_by_label("Reason").fill("Within the agency's authority, limited to one campaign.")
    page.get_by_label("How you made sure who served it").select_option(index=1)
    page.get_by_label("What you did to make sure").fill("Called the office at its published number.")
    page.get_by_role("button", name="Record the decision").click()
    page.wait_for_load_state("load")


def agency_downloads_package(officer: Visitor, process_id: str, folder: Path) -> Path:
    """Wait for the sealed package of a process and download it."""
    page = officer.go(f"/requests/{process_id}/")
    link = page.locator("a[href*='/packages/']").first
    for _look in range(60):
        if link.count():
            break
        page.wait_for_timeout(500)
        page.reload()
    with page.expect_download() as download:
        link.click()
    path = folder / download.value.suggested_filename
    download.value.save_as(path)
    return path

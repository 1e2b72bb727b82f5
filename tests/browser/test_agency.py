"""From the alert to the verified package, as an officer and a reviewer do it in a browser."""

import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.browser import people
from tests.browser.visitor import Visitor
from tests.demo import Demo

pytestmark = [pytest.mark.browser, pytest.mark.timeout(480)]


@pytest.fixture
def agency(signed_in: Callable[[str], Visitor]) -> Visitor:
    return signed_in("officer-MI")


def test_an_alert_becomes_a_package_that_verifies_offline(
    demo: Demo, agency: Visitor, signed_in: Callable[[str], Visitor], tmp_path: Path
) -> None:
    reviewer = signed_in("reviewer")
    agency.acts.clear()
    reviewer.acts.clear()
    campaign = people.agency_opens_its_alert(agency)
    agency.look("portal-alert")
    process = people.agency_serves_subpoena(agency, campaign=campaign, case_number="MI-2026-77", folder=tmp_path)
    assert process in agency.page.locator(".usa-alert--success").inner_text()
    agency.look("portal-served")

    reviewer.go("/process/")
    assert reviewer.page.locator(f"a[href*='{process}']").count() >= 1
    reviewer.go(f"/process/{process}/")
    reviewer.look("desk-process-served")
    people.reviewer_accepts(reviewer, process)
    reviewer.look("desk-process-accepted")

    package = people.agency_downloads_package(agency, process, tmp_path)
    agency.look("portal-produced")
    assert process in agency.page.content()
    # Three minutes of human action at most, by a model of what people take, not by the clock of this machine.
    acts = len(agency.acts) + len(reviewer.acts)
    assert 10 <= acts <= 40, (agency.acts, reviewer.acts)
    assert agency.effort_s() + reviewer.effort_s() <= 180, (agency.acts, reviewer.acts)

    alone = tmp_path / "alone"
    alone.mkdir()
    shutil.move(package, alone / package.name)
    verified = demo.headwater("evidence", "verify", str(alone / package.name))
    assert verified.returncode == 0, verified.stdout + verified.stderr

    tampered = alone / "tampered.zip"
    with zipfile.ZipFile(alone / package.name) as whole, zipfile.ZipFile(tampered, "w") as changed:
        for entry in whole.infolist():
            octets = whole.read(entry)
            changed.writestr(
                entry, octets[:-1] + bytes([octets[-1] ^ 1]) if entry.filename == "timeline.csv" else octets
            )
    refused = demo.headwater("evidence", "verify", str(tampered))
    assert refused.returncode != 0
    assert "timeline.csv" in refused.stdout + refused.stderr


def test_another_agency_finds_neither_the_process_nor_its_package(
    demo: Demo, signed_in: Callable[[str], Visitor]
) -> None:
    report = demo.report["found"]
    package = Path(report["package"]).stem
    stranger = signed_in("officer-OH")
    for path in (f"/requests/{report['process_id']}/", f"/packages/{package}/"):
        answer = stranger.page.goto(path)
        assert answer is not None
        assert answer.status == 404, path
        assert report["campaign_name"] not in stranger.page.content()
    stranger.troubles.clear()


@pytest.mark.parametrize(
    ("application", "path"),
    [("portal", "/"), ("portal", "/requests/"), ("desk", "/"), ("desk", "/audit/"), ("desk", "/tracebacks/"),
     ("carrier", "/")],
)  # fmt: skip
def test_a_stranger_is_asked_to_sign_in(visit: Callable[[str], Visitor], application: str, path: str) -> None:
    window = visit(application)
    window.go_as_stranger(path)
    window.look(f"{application}-sign-in")


def test_a_wrong_password_says_nothing_of_who_exists(visit: Callable[[str], Visitor], demo: Demo) -> None:
    said = []
    for email in (demo.logins()["officer-OH"]["email"], "nobody@nowhere.example"):
        window = visit("portal")
        window.go_as_stranger("/")
        window.gives_password(email, "not the password")
        said.append(window.page.locator("main").inner_text().replace(email, ""))
    assert said[0] == said[1]


def test_a_desk_person_cannot_sign_in_at_the_portal(visit: Callable[[str], Visitor], demo: Demo) -> None:
    login = demo.logins()["analyst"]
    window = visit("portal")
    window.go_as_stranger("/")
    window.gives_password(login["email"], login["password"])
    assert window.page.locator("input[name=password]").count() == 1

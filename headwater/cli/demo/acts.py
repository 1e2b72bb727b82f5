"""What the people of a demo do, each at the real pages: serve, review, accept, download."""

from datetime import date
from pathlib import Path

from headwater.cli.demo.folder import Folder, Login, Remembered
from headwater.cli.demo.paper import subpoena
from headwater.simulator.person import Page, Person


class Acts:
    """The people, each with a browser that is opened when it is first needed."""

    def __init__(self, folder: Folder, facts: Remembered) -> None:
        """Nobody has signed in yet."""
        self._folder = folder
        self._facts = facts
        self._people: dict[str, Person] = {}

    def officer(self, state: str) -> Login | None:
        """Return the officer of the agency of ``state``, if there is one."""
        return self._facts.logins.get(f"officer-{state}")

    def serve(self, state: str, *, alert_id: str, agency: str, campaign: str) -> str:
        """Serve a subpoena from an alert as its officer; return the number of the process.

        Raises:
            HeadwaterError: a page is not as expected, or refuses what was entered.
        """
        officer = self._person(f"officer-{state}")
        alert = officer.open(officer.open("/").link(f"/alerts/{alert_id}").address)
        page = officer.open(alert.link("/serve/").address)
        case = f"{state}-{date.today():%Y}-SIM-1"  # noqa: DTZ011 - a day in words on a document, in no zone
        paper = subpoena(agency=agency, campaign=campaign, case_number=case, signed=date.today())  # noqa: DTZ011
        review = officer.submit(
            page.form("statute", "document"),
            {"case_number": case, "called_numbers": "on"},
            {"document": ("subpoena.pdf", paper, "application/pdf")},
        )
        process = officer.submit(review.form_to("/review/"), {})
        return _number_in(process)

    def accept(self, process_id: str) -> None:
        """Accept a served process as the desk's reviewer, in the scope that was asked for.

        Raises:
            HeadwaterError: a page is not as expected, or refuses the decision.
        """
        reviewer = self._person("reviewer")
        page = reviewer.open(reviewer.open("/process/").link(f"/process/{process_id}/").address)
        said = {
            "decision": "accept",
            "reason": "Within the agency's authority and limited to one campaign. (Decided in a demonstration.)",
            "identity_check": "Called the office at its published number. (Said in a demonstration.)",
        }
        reviewer.submit(page.form("decision", "reason"), said)

    def download(self, state: str, process_id: str, folder: Path) -> tuple[Path, str]:
        """Download the sealed package of a process as its officer; return where it is and its SHA-256 as shown.

        Raises:
            NotFound: there is no package yet.
        """
        officer = self._person(f"officer-{state}")
        page = officer.open(f"/requests/{process_id}/")
        name, octets = officer.download(page.link("/packages/").address)
        path = folder / name
        path.write_bytes(octets)
        return path, page.text

    def close(self) -> None:
        """Close every browser."""
        for person in self._people.values():
            person.close()

    def _person(self, key: str) -> Person:
        if key not in self._people:
            login = self._facts.logins[key]
            self._people[key] = Person(
                self._folder.url(login.application),
                email=login.email,
                password=login.password,
                totp_secret=login.totp_secret,
            )
        return self._people[key]


def _number_in(page: Page) -> str:
    return page.address.partition("/requests/")[2].split("/")[0]

"""What the people of a demo do, each at the real pages: serve, review, accept, download, send and answer a notice."""

import re
from datetime import UTC, date, datetime
from pathlib import Path

from headwater.cli.demo.folder import Folder, Login, Remembered
from headwater.cli.demo.paper import subpoena
from headwater.errors import Conflict, NotFound
from headwater.relief.states import NoticeKind, ReportedAction, Verdict
from headwater.simulator.accounts import Named
from headwater.simulator.person import Page, Person

#: What the desk says of a notice that it has just sent, or that the provider has and has not reported on yet.
_SENT = re.compile(r"Notice (RN-\w+) is in the pages of|has this notice already \((RN-\w+)\)")
#: A traced call in a letter: its time, and the number that it showed.
_TRACED = re.compile(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) UTC from (\+[\d ]+) to ")
_STOPPED = re.compile(r"No call was reported since .+? before \([^)]*\)\.")
_LABELS = "|".join(re.escape(verdict.label) for verdict in sorted(Verdict, key=lambda one: -len(one.label)))
#: The page says first what came of the newest measure.
_VERDICT = re.compile(rf"Before and after ({_LABELS}) ")


class Acts:
    """The people, each with a browser that is opened when it is first needed."""

    def __init__(self, folder: Folder, facts: Remembered, *, people: dict[str, Person] | None = None) -> None:
        """``people`` have a browser already, by their seat; nobody else has signed in yet."""
        self._folder = folder
        self.facts = facts
        self._people = people or {}

    def officer(self, state: str) -> Login | None:
        """Return the officer of the agency of ``state``, if there is one."""
        return self.facts.logins.get(f"officer-{state}")

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

    def send_notice(self, campaign_id: str, provider_id: str) -> str:
        """Send a provider a notice of suspected illegal traffic as the desk's analyst; return the notice's number.

        Raises:
            NotFound: the page does not offer to send this provider a notice.
            Conflict: it was not sent; the message is the page's.
        """
        analyst = self._person("analyst")
        page = analyst.open(_relief(campaign_id))
        form = next((one for one in page.forms if one.values.get("provider") == provider_id), None)
        if form is None:
            raise NotFound(f"The page {page.address} offers no notice to {provider_id}.")
        answer = analyst.submit(form, {"kind": NoticeKind.SUSPECTED_TRAFFIC.value})
        said = _SENT.search(answer.text)
        if said is None:
            raise Conflict(f"No notice was sent: {answer.text[:300]}")
        return said[1] or said[2]

    def acknowledge(self, seat: str, notice_id: str) -> list[Named]:
        """Open a notice as the person of ``seat`` and acknowledge it; return the calls that its letter names.

        Raises:
            NotFound: the carrier's pages do not hold it.
        """
        person = self._person(seat)
        page = person.open(person.open("/notices/").link(f"/notices/{notice_id}/").address)
        if any(form.action.endswith("/acknowledge/") for form in page.forms):
            page = person.submit(page.form_to("/acknowledge/"), {})
        return [
            Named(calling=re.sub(r"\D", "", calling), at=datetime.fromisoformat(at).replace(tzinfo=UTC))
            for at, calling in _TRACED.findall(page.text)
        ]

    def report(self, seat: str, notice_id: str, *, acted_at: datetime) -> None:
        """Report as the person of ``seat`` that the customer was ended at ``acted_at``.

        Raises:
            HeadwaterError: a page is not as expected, or refuses what was entered.
        """
        person = self._person(seat)
        form = person.open(f"/notices/{notice_id}/").form("action", "acted_at")
        said = {
            "action": ReportedAction.CUSTOMER_ENDED.value,
            "acted_at": f"{acted_at.astimezone(UTC):%Y-%m-%d %H:%M:%S}",
            "note": "Traffic of new customers is watched from now on. (Said in a demonstration.)",
        }
        answer = person.submit(form, said)
        if "Your report is recorded." not in answer.text:
            raise Conflict(f"The report on {notice_id} was not taken: {answer.text[:300]}")

    def verdict(self, campaign_id: str) -> tuple[Verdict, str]:
        """Return what the desk's page says that the calls did at the newest measure: verdict and, if stopped, sentence.

        Raises:
            NotFound: the page says nothing of a measure.
        """
        page = self._person("analyst").open(_relief(campaign_id))
        said, sentence = _VERDICT.search(page.text), _STOPPED.search(page.text)
        if said is None:
            raise NotFound(f"The page {page.address} does not say what the calls did.")
        verdict = next(one for one in Verdict if one.label == said[1])
        return verdict, sentence[0] if sentence and verdict is Verdict.STOPPED else ""

    def close(self) -> None:
        """Close every browser."""
        for person in self._people.values():
            person.close()

    def _person(self, key: str) -> Person:
        if key not in self._people:
            login = self.facts.logins[key]
            self._people[key] = Person(
                self._folder.url(login.application),
                email=login.email,
                password=login.password,
                totp_secret=login.totp_secret,
            )
        return self._people[key]


def _relief(campaign_id: str) -> str:
    return f"/campaigns/{campaign_id}/relief/"


def _number_in(page: Page) -> str:
    return page.address.partition("/requests/")[2].split("/")[0]

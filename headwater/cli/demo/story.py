"""The story of a demo: waits for what Headwater finds, and acts as its people at the real pages.

What is told is read from the product's own queries and pages. The ground truth is not known here.
"""

import time
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from headwater import clock
from headwater.alerts import queries as alerts
from headwater.alerts.queries import AlertRow
from headwater.campaigns import queries as campaigns
from headwater.campaigns.rules import Liveness
from headwater.campaigns.values import CampaignRow
from headwater.cli.demo.acts import Acts
from headwater.cli.demo.folder import Folder, Remembered
from headwater.cli.demo.report import Ending, Found
from headwater.cli.demo.screen import Screen
from headwater.cli.demo.seeding import ACTOR
from headwater.cli.demo.stopping import Stopping
from headwater.errors import Conflict, NotFound, Unavailable
from headwater.evidence import keys
from headwater.evidence.verify import verify
from headwater.tracebacks import queries as tracebacks
from headwater.tracebacks.queries import TracebackView
from headwater.tracebacks.states import Grade

if TYPE_CHECKING:
    from datetime import datetime

T = TypeVar("T")

LOOK_EVERY_S = 0.5
STANDS_EVERY_S = 30.0
PATIENCE_S = 150.0
"""How long any one step may take before the story gives up."""


class Story:
    """Tells one run, step by step, in a thread of its own."""

    def __init__(
        self,
        folder: Folder,
        facts: Remembered,
        found: Found,
        screen: Screen,
        *,
        began: float,
        stopped: Callable[[], bool],
    ) -> None:
        """``began`` is the monotonic time of the command's start; ``stopped`` tells that a signal came."""
        self._folder = folder
        self._acts = Acts(folder, facts)
        self._found = found
        self._screen = screen
        self._began = began
        self._stopped = stopped
        self._since = clock.now()
        self._known: set[str] = set()
        self._told: set[str] = set()
        self._said: set[str] = set()
        self._silent_from: datetime | None = None

    def tell(self) -> None:
        """Tell it to the end.

        Raises:
            HeadwaterError: a step did not happen; the message says which.
        """
        screen = self._screen
        screen.begin("Calls ring; waiting for Headwater to find a campaign in what apps and honeypots report")
        self._wait("No campaign was confirmed", self._confirmed)
        screen.begin("Agents are asked, hop by hop, who handed the call over")
        traced = self._wait("No traceback reached a confirmed origin", self._traced)
        self._note_traced(traced)
        self._serve(traced.campaign_id)
        self._note_ringing(traced.campaign_id)
        self._note_everything()

    def stop_the_calls(self) -> Ending:
        """Tell how the confirmed origin is told and acts, and what the calls do; return what came of it."""
        stopping = Stopping(
            self._folder, self._acts, self._found, self._screen, stopped=self._stopped, meanwhile=self._traced
        )
        ending = stopping.tell()
        self._silent_from = clock.now() if ending.shown_after_s else None
        return ending

    def stay(self) -> None:
        """Go on telling what comes, until the demo is stopped."""
        last = 0.0
        while not self._stopped():
            self._traced()
            if time.monotonic() - last > STANDS_EVERY_S:
                last = time.monotonic()
                self._screen.stands(self._ringing(self._found.campaign_id) if self._found.campaign_id else "")
            time.sleep(LOOK_EVERY_S)

    def _elapsed(self) -> float:
        return round(time.monotonic() - self._began, 1)

    def _wait(self, failure: str, look: Callable[[], T | None]) -> T:
        until = time.monotonic() + PATIENCE_S
        while time.monotonic() < until:
            if self._stopped():
                raise Conflict("The demo was stopped.")
            seen = look()
            if seen is not None:
                return seen
            time.sleep(LOOK_EVERY_S)
        raise Unavailable(f"{failure} within {PATIENCE_S:.0f} s.")

    # -- what Headwater finds ------------------------------------------------------------------------------------

    def _rows(self) -> list[CampaignRow]:
        """Return the confirmed campaigns in the order of their confirmation; tell of those that are new here."""
        page = campaigns.campaigns(ACTOR, now=clock.now())
        confirmed = sorted((row for row in page.rows if row.confirmed_at), key=lambda row: str(row.confirmed_at))
        for row in confirmed:
            if row.id not in self._known:
                self._known.add(row.id)
                self._tell_of(row)
        return confirmed

    def _tell_of(self, row: CampaignRow) -> None:
        view = campaigns.campaign(ACTOR, row.id, now=clock.now())
        count = next((change.evidence["calls"] for change in view.history if change.at == row.confirmed_at), 0)
        text = f"Campaign {row.name} ({row.name_status.value}) found at its {_ordinal(count)} call"
        if row.confirmed_at and row.confirmed_at < self._since:
            text += ", in an earlier run"
        if len(self._known) == 1:
            self._screen.found(text)
        else:
            self._screen.note(text)

    def _confirmed(self) -> bool | None:
        return bool(self._rows()) or None

    def _traced(self) -> TracebackView | None:
        """Return the first traceback that named an origin; tell of the others as they end."""
        for campaign in self._rows():
            for row in tracebacks.for_campaign(ACTOR, campaign.id):
                if row.closed_at is None or row.id in self._told:
                    continue
                view = tracebacks.traceback(ACTOR, row.id)
                self._told.add(row.id)
                if view.grade is Grade.ORIGIN_CONFIRMED and not self._found.traceback_id:
                    return view
                # A campaign's calls mostly end alike: what was said of one need not be said of the next.
                if (said := f"{campaign.name}: {view.outcome}") not in self._said:
                    self._said.add(said)
                    self._screen.note(said)
        return None

    def _note_traced(self, view: TracebackView) -> None:
        found, campaign = self._found, campaigns.campaign(ACTOR, view.campaign_id, now=clock.now())
        confirmed = next(change for change in campaign.history if change.at == campaign.row.confirmed_at)
        found.campaign_id, found.campaign_name = view.campaign_id, campaign.row.name
        found.campaign_name_status = campaign.row.name_status.value
        found.found_at_call = int(confirmed.evidence["calls"])
        # 0.0 where an earlier run on this folder had found it already.
        found.campaign_s = round(max(0.0, (confirmed.at - self._since).total_seconds()), 1)
        found.traceback_id, found.traced_record = view.id, view.record_id
        found.hops = [hop.provider.spc for hop in view.path]
        found.grade = view.grade.value
        found.origin = view.origin.spc if view.origin else ""
        found.traceback_seconds = round(view.took.total_seconds(), 3) if view.took else 0.0
        named = view.origin.name if view.origin else "nobody"
        self._said.add(f"{campaign.row.name}: {view.outcome}")
        self._screen.found(
            f"{campaign.row.name} traced in {found.traceback_seconds:.1f} s over {len(view.path)} hops: "
            f"{named} ({found.origin}), {view.grade.label.lower()}"
        )

    # -- what people do at the pages -----------------------------------------------------------------------------

    def _serve(self, campaign_id: str) -> None:
        screen, found, acts = self._screen, self._found, self._acts
        screen.begin("Waiting for the alert to an agency in whose state it rings")
        alert = self._wait("No agency of this demo was alerted", lambda: self._alert(campaign_id))
        screen.found(f"{alert.organisation_name} is alerted ({alert.id})")
        screen.begin("Its officer signs in with a second factor and serves a subpoena from the alert")
        found.process_id = acts.serve(
            alert.state, alert_id=alert.id, agency=alert.organisation_name, campaign=alert.campaign_name
        )
        screen.found(f"The subpoena is served: receipt {found.process_id}")
        screen.begin("The desk's reviewer signs in and accepts it")
        acts.accept(found.process_id)
        screen.found("The reviewer accepted it in the scope that was asked for")
        screen.begin("The package is sealed; the officer downloads it and verifies it offline")
        path, shown = self._wait("No package was sealed", lambda: self._downloaded(alert.state))
        self._verify(path, shown)

    def _downloaded(self, state: str) -> tuple[Path, str] | None:
        try:
            return self._acts.download(state, self._found.process_id, self._folder.own)
        except NotFound:
            return None

    def _verify(self, path: Path, shown: str) -> None:
        """Verify the downloaded file as an agency does: with the custodian's key, and the hash on the page."""
        found = self._found
        found.sealed_s = self._elapsed()
        found.package, found.package_sha256 = str(path), sha256(path.read_bytes()).hexdigest()
        verdict = verify(path, keys.pem(keys.load(self._folder.home / "secrets").public_key()))
        found.package_checks = [f"{check.outcome}: {check.group}: {check.finding}" for check in verdict.checks]
        found.package_ok = verdict.ok and found.package_sha256 in shown
        if not found.package_ok:
            bad = "; ".join(check.finding for check in verdict.failures) or "its SHA-256 is not the one on the page"
            raise Conflict(f"The package {path} does not verify: {bad}.")
        self._screen.found(f"Package verified offline, {len(verdict.checks)} checks: {path}")

    def _alert(self, campaign_id: str) -> AlertRow | None:
        rows = alerts.alerts(ACTOR, campaign_id=campaign_id)
        return next((row for row in rows if self._acts.officer(row.state)), None)

    # -- how it stands -------------------------------------------------------------------------------------------

    def _note_ringing(self, campaign_id: str) -> None:
        now = clock.now()
        lives = campaigns.liveness(campaign_id, now)
        found = self._found
        found.liveness_at, found.liveness_window_s = now, lives.window_s
        found.liveness_per_minute = round(lives.rate_per_minute, 2)
        found.liveness_low, found.liveness_high = round(lives.rate_low, 2), round(lives.rate_high, 2)
        found.still_ringing = lives.still_ringing
        self._screen.stands(_ringing(found.campaign_name, lives))

    def _ringing(self, campaign_id: str) -> str:
        lives = campaigns.liveness(campaign_id, clock.now())
        if self._silent_from and lives.last_call_at <= self._silent_from:
            # The measure's own rule has shown it; the rate of the last minutes would still tell of the calls before.
            return _silent(self._found.campaign_name, lives)
        return _ringing(self._found.campaign_name, lives)

    def _note_everything(self) -> None:
        """Keep every campaign and how its tracebacks stand, and which calls the main one holds."""
        page, pages = 1, 1
        while page <= pages:
            shown = campaigns.members(ACTOR, self._found.campaign_id, page=page)
            self._found.members += [member.record_id for member in shown.rows]
            page, pages = page + 1, shown.pages
        for row in self._rows():
            traces = [tracebacks.traceback(ACTOR, one.id) for one in tracebacks.for_campaign(ACTOR, row.id)]
            self._found.campaigns.append(
                {
                    "id": row.id,
                    "name": row.name,
                    "calls": row.calls,
                    "tracebacks": [
                        {
                            "id": one.id,
                            "record_id": str(one.record_id),
                            "state": one.state.value,
                            "grade": one.grade.value,
                            "outcome": one.outcome,
                            "hops": [hop.provider.spc for hop in one.path],
                        }
                        for one in traces
                    ],
                }
            )


def _ringing(name: str, lives: Liveness) -> str:
    if not lives.still_ringing:
        return _silent(name, lives)
    return (
        f"{name} still rings: {lives.rate_per_minute:.1f} reported calls a minute "
        f"({lives.rate_low:.1f} to {lives.rate_high:.1f})"
    )


def _silent(name: str, lives: Liveness) -> str:
    return f"{name} has stopped ringing: no call was reported since {lives.last_call_at:%H:%M:%S} UTC"


def _ordinal(count: int) -> str:
    last = 0 if 10 < count % 100 < 14 else count % 10
    return f"{count}{ {1: 'st', 2: 'nd', 3: 'rd'}.get(last, 'th') }"

"""The last leg of a demo: the confirmed origin is told, acts, and the calls are shown to have stopped.

The desk's analyst and the origin's person act at the real pages. The simulator is told, past Headwater, which calls the
letter names; whose they were is in the carrier's own records. What the calls did is read from the desk's page.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from headwater import clock
from headwater.cli.demo import seeding
from headwater.cli.demo.acts import Acts
from headwater.cli.demo.folder import Folder
from headwater.cli.demo.report import Ending, Found
from headwater.cli.demo.screen import Screen
from headwater.errors import Conflict, HeadwaterError, NotFound, Unavailable
from headwater.providers import queries as providers
from headwater.relief.states import Verdict
from headwater.simulator import accounts
from headwater.simulator.accounts import Named, Order

T = TypeVar("T")

#: Each look at the desk's page is in the audit.
LOOK_EVERY_S = 5.0
PATIENCE_S = 360.0
"""How long the page may take to say that the calls stopped; a slow campaign needs a long silence."""
SWITCH_S = 15.0
"""How long the carrier's switch may take to end an account."""


@dataclass(slots=True)
class Stopping:
    """Tells one ending."""

    folder: Folder
    acts: Acts
    found: Found
    screen: Screen
    stopped: Callable[[], bool]
    meanwhile: Callable[[], object]
    """Tells what comes of the other campaigns while this one is waited for."""

    def tell(self) -> Ending:
        """Tell it to the end; where a step does not happen, say so on the screen and in what is returned."""
        ending = Ending(provider=self.found.origin)
        try:
            self._tell(ending)
        except (HeadwaterError, OSError) as error:
            ending.not_done = str(error)
            self.screen.failed(f"It is not shown that the calls stopped: {error}")
        return ending

    def _tell(self, ending: Ending) -> None:
        screen, acts, name = self.screen, self.acts, self.found.campaign_name
        screen.begin(f"The analyst signs in and sends the origin a notice of suspected illegal traffic: {name}")
        provider = providers.by_spc(ending.provider)
        if provider is None:
            raise NotFound(f"No register has the origin {ending.provider}.")
        acts.facts, seat = seeding.with_contact(self.folder, acts.facts, ending.provider)
        screen.show_login(acts.facts.logins[seat])
        ending.notice_id = acts.send_notice(self.found.campaign_id, provider.id)
        screen.found(f"Notice {ending.notice_id} is in the carrier pages of {provider.name}")
        screen.begin(f"{provider.name} opens it, acknowledges it, ends the customer that placed the calls, reports")
        ending.accounts_ended = self._end(ending, acts.acknowledge(seat, ending.notice_id))
        ending.acted_at = self._report(seat, ending)
        screen.found(f"{provider.name} reports that it ended the customer, as of {ending.acted_at:%H:%M:%S} UTC")
        screen.begin("Waiting until the silence is longer than chance leaves; the other campaigns go on")
        self._show(ending)

    def _end(self, ending: Ending, calls: list[Named]) -> int:
        """Let the carrier end whoever placed ``calls``; return how many accounts that were."""
        order = Order(number=ending.notice_id, spc=ending.provider, calls=calls)
        accounts.order(self.folder.own, order)
        done = self._wait(SWITCH_S, 0.2, lambda: accounts.done(self.folder.own, order.number))
        if done is None:
            raise Unavailable(f"The simulator has not ended the account within {SWITCH_S:.0f} s.")
        if not done.accounts:
            raise NotFound(f"{ending.provider} has no record of the {len(calls)} calls that the notice names.")
        return done.accounts

    def _report(self, seat: str, ending: Ending) -> datetime:
        # The page takes whole seconds: the next one is the first from which no call was placed.
        time.sleep(1.0)
        at = clock.now().replace(microsecond=0)
        self.acts.report(seat, ending.notice_id, acted_at=at)
        return at

    def _show(self, ending: Ending) -> None:
        began = time.monotonic()
        sentence = self._wait(PATIENCE_S, LOOK_EVERY_S, lambda: self._look(ending))
        if sentence is None:
            self.screen.failed(
                f"After {PATIENCE_S / 60:.0f} minutes the desk's page says: {ending.verdict}. "
                "It goes on counting; look at it again later."
            )
            return
        ending.shown_after_s = round(time.monotonic() - began, 1)
        self.screen.found(f"{self.found.campaign_name}: {ending.verdict}. {sentence}")

    def _look(self, ending: Ending) -> str | None:
        self.meanwhile()
        verdict, ending.sentence = self.acts.verdict(self.found.campaign_id)
        ending.verdict = verdict.label
        return ending.sentence if verdict is Verdict.STOPPED else None

    def _wait(self, patience_s: float, every_s: float, look: Callable[[], T | None]) -> T | None:
        """Return what ``look`` saw, None where it saw nothing in time."""
        until = time.monotonic() + patience_s
        while True:
            if (seen := look()) is not None:
                return seen
            waited = min(until, time.monotonic() + every_s)
            while time.monotonic() < waited:
                if self.stopped():
                    raise Conflict("The demo was stopped.")
                time.sleep(0.1)
            if time.monotonic() >= until:
                return None

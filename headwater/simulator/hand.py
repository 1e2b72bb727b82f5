"""The person at a carrier without an agent: reads the carrier pages and answers late, through the real form.

She knows what her own switch knows: who handed the call over. The pages tell her which call is meant.
"""

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from headwater import clock
from headwater.errors import HeadwaterError, NotFound
from headwater.simulator.doors import Counters
from headwater.simulator.network import Carrier, Network
from headwater.simulator.octets import Call
from headwater.simulator.person import Form, Page, Person
from headwater.simulator.setup import Setup, Staff

LOOK_EVERY_S = 5.0
_NOT_A_DIGIT = re.compile(r"\D")


@dataclass(slots=True)
class Desk:
    """One carrier's traceback desk, staffed by one person."""

    network: Network
    setup: Setup
    staff: Staff
    recent: Sequence[Call]
    """The calls of the whole network; only those over this carrier are looked at."""
    counters: Counters
    _seen: dict[str, datetime] = field(default_factory=dict)
    _done: set[str] = field(default_factory=set)

    async def run(self) -> None:
        """Look in every few seconds until cancelled."""
        staff = self.staff
        person = Person(
            self.setup.carrier_url, email=staff.email, password=staff.password, totp_secret=staff.totp_secret
        )
        with person:
            while True:
                try:
                    # In a thread: the pages are read as a browser does, one after the other.
                    await asyncio.to_thread(self._look, person)
                except HeadwaterError as error:
                    self.counters.note(f"{staff.email}: {error}")
                await asyncio.sleep(LOOK_EVERY_S)

    def _look(self, person: Person) -> None:
        now = clock.now()
        for link in person.open("/").links:
            if "/questions/" not in link.address or link.address in self._done:
                continue
            if now - self._seen.setdefault(link.address, now) >= timedelta(seconds=self.setup.by_hand_after_s):
                self._answer(person, link.address)
                self._done.add(link.address)
                self.counters.answers_by_hand += 1

    def _answer(self, person: Person, address: str) -> None:
        page = person.open(address)
        call = self._call(page)
        place = call.path.index(self.staff.spc)
        upstream = self.network.carriers[call.path[place - 1]] if place else None
        form = page.form("code")
        person.submit(form, _values(form, upstream))

    def _call(self, page: Page) -> Call:
        """Return the call that the page asks about, from the carrier's own records."""
        digits = _NOT_A_DIGIT.sub("", page.text)
        for call in reversed(self.recent):
            if self.staff.spc in call.path and call.calling in digits and call.called in digits:
                return call
        raise NotFound(f"The question {page.address} names no call that {self.staff.spc} has a record of.")


def _values(form: Form, upstream: Carrier | None) -> dict[str, str]:
    if upstream is None:
        return {"code": "ORIGINATED"}
    said = {"upstream_spc": upstream.spc, "upstream_name": upstream.name, "upstream_country": upstream.country}
    return {"code": "UPSTREAM_US", **{name: value for name, value in said.items() if name in form.members}}

"""Accounts that a carrier ends while it rings.

Who ends an account names calls, as a notice does; the carrier's own records say whose they were. The order comes by a
file in the folder of the run, and the answer says that it is done. No process of Headwater reads either.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated

import msgspec

from headwater import clock
from headwater.simulator.octets import Call

ORDER = "end-account.json"
DONE = "ended-accounts.json"
#: A notice states a call's time to the second and by the clock of whoever reported it.
CLOCKS_DIFFER = timedelta(seconds=10)


class Named(msgspec.Struct, frozen=True, kw_only=True):
    """One call as a notice names it."""

    calling: str
    """Digits with the country code, no sign before them."""
    at: Annotated[datetime, msgspec.Meta(tz=True)]


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """End the accounts at one carrier that placed these calls."""

    number: str
    """The notice that it follows; the answer repeats it."""
    spc: str
    calls: list[Named]


class Done(msgspec.Struct, frozen=True, kw_only=True):
    """What became of an order."""

    number: str
    accounts: int
    """How many customers' accounts were ended by it; 0 where the carrier has no record of the calls."""
    at: datetime
    """From when they place no call."""


class Accounts:
    """Whose calls are still taken."""

    def __init__(self, folder: Path, recent: Sequence[Call]) -> None:
        """``recent`` are the calls of the network, the newest last. What an earlier run was told ends nothing here."""
        self._folder = folder
        self._recent = recent
        self._ended: set[str] = set()
        self._done = ""
        withdraw(folder)

    def takes(self, call: Call) -> bool:
        """Tell whether the customer of ``call`` may still place it."""
        return call.customer.address not in self._ended

    def look(self) -> str:
        """Carry out an order that has come; return what is wrong with it, "" where nothing is."""
        try:
            order = msgspec.json.decode((self._folder / ORDER).read_bytes(), type=Order)
        except FileNotFoundError:
            return ""
        except (OSError, msgspec.DecodeError) as error:
            return f"{self._folder / ORDER} is not an order: {error}"
        if order.number != self._done:
            self._done = order.number
            found = {call.customer.address for call in self._recent if _named(call, order)}
            self._ended |= found
            done = Done(number=order.number, accounts=len(found), at=clock.now())
            _replace(self._folder / DONE, done)
        return ""


def order(folder: Path, order: Order) -> None:
    """Give an order to the simulator that runs in ``folder``."""
    _replace(folder / ORDER, order)


def done(folder: Path, number: str) -> Done | None:
    """Return what became of the order ``number``, None until it is carried out."""
    try:
        told = msgspec.json.decode((folder / DONE).read_bytes(), type=Done)
    except FileNotFoundError:
        return None
    return told if told.number == number else None


def withdraw(folder: Path) -> None:
    """Take away what an earlier run was told, and its answer."""
    for name in (ORDER, DONE):
        (folder / name).unlink(missing_ok=True)


def _replace(path: Path, told: Order | Done) -> None:
    # In one step: it is read while it is written. Only the operator may read the folder.
    draft = path.with_name(path.name + ".new")
    draft.write_bytes(msgspec.json.encode(told) + b"\n")
    draft.replace(path)


def _named(call: Call, order: Order) -> bool:
    # A carrier ends its own customers alone: those whose calls enter the network there.
    if call.path[0] != order.spc:
        return False
    return any(named.calling == call.calling and abs(named.at - call.at) <= CLOCKS_DIFFER for named in order.calls)

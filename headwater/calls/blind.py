"""The blind search: every agent is asked who carried one call, and only who did learns which call is meant. Pure.

A search has a key of its own. The label of a call is SHA-256(key || "label" || last ten digits of the called number);
the hub shows the key, the label's first 24 bits and a time. An agent compares its own records of that time. Who finds
one proves it by HMACs over the whole number, one of having carried the call and one of each carrier that it was handed
to; the hub compares them with those of the number that it looks for.

Who can learn what. An outsider, and whoever steals what is stored later: nothing without the key. A member that holds
no such record: that some call of that time is traced; by trying all numbers it learns 24 bits of the called one, which
some 400 of the 6.4 thousand million assignable numbers share. A proof must be of the right one of them, and a search
takes few. The hub: proofs of the call that it asks about, and, once in 16.7 million records compared, a proof of
another call whose label begins alike. Nothing is kept at rest but the search itself: no index of calls exists.

The receiver is not named: the proof of the hand-over covers it.
"""

import hmac
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final

from headwater.calls.legs import Direction, Passage
from headwater.errors import Invalid
from headwater.wire.searches import Hit, Search

VERSION: Final = "blind/1"
#: Octets of a label that are shown. Fewer would tell a member more; more would make an agent's chance hits rarer.
PREFIX: Final = 3
KEY: Final = 32
PROOF: Final = 16
#: How long a search stays open, seconds: an agent hears of it at once and looks through half an hour of its records.
OPEN_S: Final = 5.0
#: How far each way from the call's time is looked: clocks of carriers that never meet, and slow set-ups.
REACH: Final = timedelta(seconds=900)
#: Longest time that an agent looks through for one search.
LONGEST: Final = 3 * REACH
#: Most proofs of each kind in one hit: a member cannot try out the numbers that share a label's beginning.
MOST_PROOFS: Final = 8


class BadSearch(Invalid):
    """A search that an agent does not answer: it would tell more than one call."""


def ten(number: str) -> str:
    """Return what of a number is compared: its last ten digits."""
    return number[-10:]


def label(key: bytes, called: str) -> bytes:
    """Return the label of a called number; its first ``PREFIX`` octets are shown.

    ``calls.queries.CallQueries.labelled`` computes the same inside the store.
    """
    return sha256(key + b"label" + ten(called).encode()).digest()


def carried(key: bytes, called: str) -> bytes:
    """Return the proof that a call to ``called`` was carried."""
    return hmac.digest(key, b"carried|" + ten(called).encode(), "sha256")[:PROOF]


def handed(key: bytes, called: str, receiver: str) -> bytes:
    """Return the proof that it was handed to the carrier of code ``receiver``."""
    return hmac.digest(key, f"handed|{ten(called)}|{receiver.upper()}".encode(), "sha256")[:PROOF]


def new_search(search_id: str, key: bytes, *, called: str, call_at: datetime, closes_at: datetime) -> Search:
    """Return the search for a call to ``called`` at about ``call_at``."""
    return Search(
        search_id=search_id,
        key=key,
        prefix=label(key, called)[:PREFIX],
        begin=(call_at - REACH).isoformat(),
        end=(call_at + REACH).isoformat(),
        closes_at=closes_at.isoformat(),
    )


def span(search: Search) -> tuple[datetime, datetime]:
    """Return the time that a search is about.

    Raises:
        BadSearch: key or label have another length than agreed, or the time is longer than ``LONGEST``.
    """
    try:
        begin, end = datetime.fromisoformat(search.begin), datetime.fromisoformat(search.end)
    except ValueError:
        raise BadSearch(f"search {search.search_id[:16]}: its times cannot be read") from None
    if len(search.key) != KEY or len(search.prefix) != PREFIX:
        raise BadSearch(f"search {search.search_id[:16]}: a key has {KEY} octets, a label's beginning {PREFIX}")
    if begin.tzinfo is None or end.tzinfo is None or not timedelta() < end - begin <= LONGEST:
        raise BadSearch(f"search {search.search_id[:16]}: a time has a zone, and is up to {LONGEST} long")
    return begin, end


def hit(search: Search, legs: Iterable[tuple[str, str, datetime]]) -> Hit | None:
    """Return what a carrier's legs say to a search; None where they say nothing.

    Args:
        search: The search.
        legs: Called number, code of the carrier that it was handed to ("" for none that is known), and start.

    Raises:
        BadSearch: as ``span``.
    """
    begin, end = span(search)
    found = [
        (called, receiver)
        for called, receiver, at in legs
        if begin <= at <= end and label(search.key, called).startswith(search.prefix)
    ]
    if not found:
        return None
    return Hit(
        search_id=search.search_id,
        carried=sorted({carried(search.key, called) for called, _ in found})[:MOST_PROOFS],
        handed=sorted({handed(search.key, called, to) for called, to in found if to})[:MOST_PROOFS],
    )


def legs_of(passages: Sequence[Passage]) -> list[tuple[str, str, datetime]]:
    """Return the legs of passages as ``hit`` takes them: the legs out; of a call that stayed, the leg in."""
    found = []
    for passage in passages:
        for leg in passage.egress or ((passage.ingress,) if passage.ingress else ()):
            out = leg.direction is Direction.EGRESS and leg.peer is not None
            found.append((str(leg.called), leg.peer.spc if out and leg.peer else "", leg.started))
    return found


def shows(found: Hit, search: Search, *, called: str, receiver: str = "") -> bool:
    """Tell whether a hit proves that its carrier handed the call to ``receiver``; "": that it carried it at all."""
    wanted = handed(search.key, called, receiver) if receiver else carried(search.key, called)
    proofs = found.handed if receiver else found.carried
    return any(hmac.compare_digest(wanted, one) for one in proofs[:MOST_PROOFS])

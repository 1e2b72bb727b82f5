"""Is the leg that one carrier sent the leg that its neighbour received? Learned pair by pair, calibrated. Pure.

Two records of one hand-over are compared, never call with call: what a carrier rewrites inside itself stays joined in
its own record. Fellegi-Sunter: per field and level of agreement the weight is ln(m/u), m being how often the same call
agrees so far and u how often another call does. The sum is normalised over all candidates and "there is no record".

What is learned of a pair (by trunk, since one carrier has several clocks): how far the sender's clock stands from the
receiver's, how widely that scatters, and how often both agree in each field. It takes ordinary calls that an equal
Call-ID, Session-ID, ICID or Identity token joins without doubt; see ``headwater.calls.learning``.
"""

from collections.abc import Sequence
from math import exp, isfinite, log, pi, sqrt
from typing import Final

import msgspec

VERSION: Final = "match/2"
#: A candidate is accepted at this probability and this many nats above the next.
ACCEPT: Final = 0.99
MARGIN_NATS: Final = 4.6
#: Prior that the carrier has no record of the call: missing records, and questions to the wrong carrier.
NO_RECORD: Final = 0.05
#: How often a number gets an unrelated call through one carrier: one in two hours.
RANDOM_CALLS_PER_S: Final = 1 / 7_200
#: The same of a number that a campaign calls: it redials, mostly soon (fitted on simulated worlds 21 to 30).
TARGET_CALLS_PER_S: Final = 1 / 2_500
#: How often another call to the same number shows the same caller.
CALLING_COINCIDES: Final = 0.02
#: Spread of the clocks of a pair of which nothing is learned, seconds: narrow core and wide shoulder, with shares.
UNLEARNED: Final = ((0.80, 0.8), (0.15, 6.0))
#: Shares of core, shoulder (that many times wider) and uniform rest once a pair is learned.
CORE, SHOULDER, WIDER = 0.955, 0.035, 8.0
#: Least spread that is believed, seconds: the time from one carrier's record to the next one's.
LEAST_SPREAD_S: Final = 0.25


class Side(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One leg as one carrier's record has it. Numbers are canonical; text is "" where the record has none."""

    start: float
    """Seconds since 1970 as the carrier's own clock and zone have it."""
    calling: str = ""
    called: str = ""
    resolution_s: float = 0.0
    """Step of the record's clock: 1 where it writes whole seconds."""
    duration_s: float = -1.0
    """Answered time; -1 where unknown."""
    rounding_s: float = 1.0
    """Step to which durations are rounded up."""
    peer: str = ""
    """Code of the carrier at the other end."""
    trunk: str = ""
    call_id: str = ""
    session_id: str = ""
    icid: str = ""
    identity: str = ""
    answered: bool | None = None


class Edge(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What was learned of one trunk between a sender and a receiver."""

    offset_s: float = 0.0
    """How far the sender's start stands after the receiver's for the same call."""
    spread_s: float = 0.0
    """Robust standard deviation of that; 0 where nothing is learned."""
    pairs: int = 0
    """Matched calls that it was learned from."""
    prefix: str = ""
    """Digits that the receiver's record has before the called number and the sender's has not."""
    drifts: bool = False
    """The latest pairs do not fit the earlier ones: the offset is not to be relied on."""


class Weights(msgspec.Struct, frozen=True, kw_only=True):
    """Nats of each field at each level of agreement. The defaults are assumptions; ``learning`` measures them."""

    called_equal: float = log(0.95)
    """Of m alone: u is the crowd on the number."""
    called_seven: float = log(0.01 / 0.05)
    called_differs: float = log(0.005 / 0.90)
    calling_equal: float = log(0.93)
    """Of m alone: u is the crowd as well."""
    calling_seven: float = log(0.01 / 0.004)
    calling_differs: float = log(0.004 / 0.98)
    duration_equal: float = log(0.76 / 0.10)
    duration_near: float = log(0.21 / 0.18)
    duration_differs: float = log(0.02 / 0.72)
    answered_equal: float = log(0.98 / 0.80)
    answered_differs: float = log(0.02 / 0.20)
    peer_equal: float = log(0.90 / 0.30)
    peer_unknown: float = log(0.08 / 0.15)
    peer_differs: float = log(0.002 / 0.70)
    trunk_equal: float = log(0.97 / 0.60)
    trunk_differs: float = log(0.03 / 0.40)
    identifier_equal: float = log(0.97 / 1e-6)
    session_differs: float = log(0.02 / 0.98)
    identity_differs: float = log(0.05 / 0.97)
    call_id_differs: float = log(0.13 / 0.97)
    """Weak: a back-to-back user agent replaces it."""


DEFAULT_WEIGHTS: Final = Weights()
UNKNOWN_EDGE: Final = Edge()


class Calibration(msgspec.Struct, frozen=True, kw_only=True):
    """Turns a raw log-odds into the probability that links with that score turned out true (Platt's form)."""

    slope: float = 1.0
    shift: float = 0.0

    def probability(self, log_odds: float) -> float:
        """Return the calibrated probability."""
        return sigmoid(self.slope * log_odds + self.shift)


class Ground(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One field's part in a score."""

    field: str
    nats: float
    sentence: str


class Ranked(msgspec.Struct, frozen=True, kw_only=True):
    """Candidates of one question by probability, best first, with the positions that they were given at."""

    order: tuple[int, ...] = ()
    nats: tuple[float, ...] = ()
    probabilities: tuple[float, ...] = ()
    no_record: float = 1.0

    @property
    def margin(self) -> float:
        """Nats between the best two; infinite where there are not two."""
        return self.nats[0] - self.nats[1] if len(self.nats) > 1 else float("inf")

    @property
    def accepted(self) -> bool:
        """Tell whether the best is sure enough to be named."""
        return bool(self.order) and self.probabilities[0] >= ACCEPT and self.margin >= MARGIN_NATS


def sigmoid(log_odds: float) -> float:
    """Return the probability of log-odds without overflow."""
    if log_odds >= 0:
        return 1.0 / (1.0 + exp(-log_odds))
    grown = exp(log_odds)
    return grown / (1.0 + grown)


def rank(  # noqa: PLR0913 - one argument a part of the question, each by name
    asked: Side,
    candidates: Sequence[Side],
    *,
    window_s: float,
    edges: Sequence[Edge] | Edge = UNKNOWN_EDGE,
    asker: str = "",
    weights: Weights = DEFAULT_WEIGHTS,
    calibration: Calibration = Calibration(),  # noqa: B008 - frozen
) -> Ranked:
    """Rank the legs that a carrier sent by how likely each is the one that ``asked`` describes.

    Args:
        asked: The leg as the receiver has it.
        candidates: Legs that the sender's records show near it.
        window_s: How far each way was looked.
        edges: What is learned of the pair: one for all, or one a candidate.
        asker: Code of the receiver.
        weights: Nats a field and level.
        calibration: Learned on other traffic.
    """
    if not candidates:
        return Ranked()
    edge_of = [edges] * len(candidates) if isinstance(edges, Edge) else edges
    crowds = [_crowd(one, candidates) for one in candidates]
    nats = [
        sum(
            ground.nats
            for ground in grounds(asked, one, window_s=window_s, edge=edge, asker=asker, weights=weights, crowd=crowd)
        )
        for one, edge, crowd in zip(candidates, edge_of, crowds, strict=True)
    ]
    return normalised(nats, calibration)


def normalised(nats: Sequence[float], calibration: Calibration = Calibration()) -> Ranked:  # noqa: B008 - frozen
    """Return candidates with these scores as probabilities, "there is no record" being one possibility more."""
    prior = log((1 - NO_RECORD) / NO_RECORD)
    logits = [prior + one for one in nats]
    top = max(0.0, *logits)
    parts = [exp(one - top) for one in logits]
    total = exp(-top) + sum(parts)
    order = sorted(range(len(nats)), key=lambda index: (-nats[index], index))
    return Ranked(
        order=tuple(order),
        nats=tuple(nats[index] for index in order),
        probabilities=tuple(_calibrated(parts[index], total - parts[index], calibration) for index in order),
        no_record=exp(-top) / total,
    )


def _crowd(one: Side, candidates: Sequence[Side]) -> tuple[int, int]:
    """Count the other calls that could be taken for ``one``: same number, same way; and of these, same caller.

    A leg to another carrier is no rival: it is often the same call, looped or on another route.
    """
    alike = [other for other in candidates if other is not one and _ten(other.called) == _ten(one.called)]
    alike = [other for other in alike if other.peer == one.peer or not other.peer]
    return len(alike), sum(1 for other in alike if _ten(other.calling) == _ten(one.calling))


def _calibrated(part: float, rest: float, calibration: Calibration) -> float:
    if part <= 0.0:
        return 0.0
    log_odds = log(part / rest) if rest > 0.0 else float("inf")
    return calibration.probability(log_odds) if isfinite(log_odds) else 1.0


def grounds(  # noqa: PLR0913 - one argument a part of the question, each by name
    asked: Side,
    sent: Side,
    *,
    window_s: float,
    edge: Edge = UNKNOWN_EDGE,
    asker: str = "",
    weights: Weights = DEFAULT_WEIGHTS,
    crowd: tuple[int, int] = (0, 0),
) -> list[Ground]:
    """Return each field's part in the score of one pair of legs. Sentences name no digits.

    ``crowd``: how many other candidates have the same called number, and how many of these the same caller too.
    """
    found = [_start(asked, sent, edge, window_s)]
    _add(found, _called(asked, sent, edge, weights, window_s, crowd[0]))
    _add(found, _calling(asked, sent, weights, crowd))
    _add(found, _identifier(asked, sent, weights))
    _add(found, _duration(asked, sent, weights))
    _add(found, _answered(asked, sent, weights))
    _add(found, _peer(asked, sent, asker, weights))
    return found


def _add(found: list[Ground], ground: Ground | None) -> None:
    if ground is not None:
        found.append(ground)


def _ten(number: str) -> str:
    return number[-10:]


def _ground(field: str, nats: float, sentence: str) -> Ground:
    return Ground(field=field, nats=nats, sentence=sentence)


def residual(asked: Side, sent: Side, edge: Edge) -> float:
    """Return by how many seconds the starts differ after the learned offset."""
    return sent.start - asked.start - edge.offset_s


def deviation(asked: Side, sent: Side, edge: Edge) -> float:
    """Return the standard deviation that the starts of one call may have, after both sides' clock steps."""
    steps = (asked.resolution_s**2 + sent.resolution_s**2) / 12
    return sqrt(max(edge.spread_s, LEAST_SPREAD_S) ** 2 + steps)


def contradicts(asked: Side, sent: Side, edge: Edge) -> bool:
    """Tell whether two starts cannot be of one call: further apart than the learned clocks can be.

    Such a record can still be the right one by all else; its time is not to be relied on.
    """
    if not edge.spread_s or edge.drifts:
        return False
    return abs(residual(asked, sent, edge)) > max(10 * deviation(asked, sent, edge), 15.0)


def _start(asked: Side, sent: Side, edge: Edge, window_s: float) -> Ground:
    off = residual(asked, sent, edge)
    width = 2 * max(window_s, 1.0)
    steps = (asked.resolution_s**2 + sent.resolution_s**2) / 12
    if edge.spread_s and not edge.drifts:
        core = deviation(asked, sent, edge)
        shares: tuple[tuple[float, float], ...] = ((CORE, core), (SHOULDER, core * WIDER))
    else:
        shares = tuple((share, sqrt(spread**2 + steps)) for share, spread in UNLEARNED)
    density = (1 - sum(share for share, _ in shares)) / width
    for share, spread in shares:
        density += share * exp(-((off / spread) ** 2) / 2) / (spread * sqrt(2 * pi))
    learned = f" after the pair's offset of {edge.offset_s:+.2f} s ({edge.pairs} calls)" if edge.spread_s else ""
    return _ground("start", log(density * width), f"start differs by {off:+.3f} s{learned}")


def _called(  # noqa: PLR0913, PLR0917 - all of one field
    asked: Side, sent: Side, edge: Edge, weights: Weights, window_s: float, others: int
) -> Ground | None:
    wanted = asked.called.removeprefix(edge.prefix) if edge.prefix else asked.called
    if not wanted or not sent.called:
        return None
    if _ten(sent.called) == _ten(wanted):
        # A crowded number proves little: the more calls it gets, the likelier is agreement by chance.
        chance = TARGET_CALLS_PER_S * 2 * max(window_s, 1.0) + others
        crowd = f", as {others} other calls in the window have it" if others else ""
        return _ground("called", weights.called_equal - log(chance), f"called number agrees{crowd}")
    if sent.called[-7:] == wanted[-7:]:
        return _ground("called", weights.called_seven, "called number agrees in its last seven digits only")
    return _ground("called", weights.called_differs, "called number differs")


def _calling(asked: Side, sent: Side, weights: Weights, crowd: tuple[int, int]) -> Ground | None:
    if not asked.calling or not sent.calling:
        return None  # anonymous or absent on one side says nothing
    if _ten(sent.calling) == _ten(asked.calling):
        others, same = crowd
        chance = min(max(CALLING_COINCIDES, same / others if others else 0.0), 0.93)
        return _ground("calling", weights.calling_equal - log(chance), "calling number agrees")
    if sent.calling[-7:] == asked.calling[-7:]:
        return _ground("calling", weights.calling_seven, "calling number agrees in its last seven digits only")
    return _ground("calling", weights.calling_differs, "calling number differs")


def _identifier(asked: Side, sent: Side, weights: Weights) -> Ground | None:
    """Weigh all identifiers as one group, the strongest alone: they depend on each other."""
    pairs = (
        ("Call-ID", asked.call_id, sent.call_id, weights.call_id_differs),
        ("Session-ID", asked.session_id, sent.session_id, weights.session_differs),
        ("ICID", asked.icid, sent.icid, weights.session_differs),
        ("Identity token", asked.identity, sent.identity, weights.identity_differs),
    )
    lowest: Ground | None = None
    for name, wanted, had, differs in pairs:
        if not wanted or not had:
            continue
        if wanted == had:
            return _ground("identifier", weights.identifier_equal, f"{name} agrees")
        if lowest is None or differs < lowest.nats:
            lowest = _ground("identifier", differs, f"{name} differs")
    return lowest


def _duration(asked: Side, sent: Side, weights: Weights) -> Ground | None:
    if asked.duration_s < 0 or sent.duration_s < 0 or not (asked.duration_s or sent.duration_s):
        return None
    step = max(asked.rounding_s, sent.rounding_s, 1.0)
    if step >= 30:
        return None  # calls rounded up to a minute mostly agree by chance
    apart = abs(_rounded(asked.duration_s, step) - _rounded(sent.duration_s, step)) / step
    share = 1.0 if step <= 1 else 0.5
    if apart < 0.5:
        return _ground("duration", share * weights.duration_equal, "duration agrees")
    if apart <= 2.0:
        return _ground("duration", share * weights.duration_near, "duration differs by 1 to 2 steps of the records")
    return _ground("duration", share * weights.duration_differs, "duration differs")


def _rounded(seconds: float, step: float) -> float:
    return -(-seconds // step) * step


def _answered(asked: Side, sent: Side, weights: Weights) -> Ground | None:
    if asked.answered is None or sent.answered is None:
        return None
    if asked.answered == sent.answered:
        return _ground("answered", weights.answered_equal, "both answered or both not")
    return _ground("answered", weights.answered_differs, "answered on one side only")


def _peer(asked: Side, sent: Side, asker: str, weights: Weights) -> Ground | None:
    if not asker:
        return None
    if not sent.peer:
        return _ground("peer", weights.peer_unknown, "the leg went to an address that no list names")
    if sent.peer != asker:
        return _ground("peer", weights.peer_differs, "the leg went to another carrier than the one that names us")
    if asked.trunk and sent.trunk:
        alike = asked.trunk == sent.trunk
        nats = weights.peer_equal + (weights.trunk_equal if alike else weights.trunk_differs)
        return _ground("peer", nats, "same trunk" if alike else "another trunk to the same carrier")
    return _ground("peer", weights.peer_equal, "the leg went to the carrier that received the call")

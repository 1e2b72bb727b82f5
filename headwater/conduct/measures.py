"""A provider's record in figures: every count split by role, distance and completion, with its denominator. Pure.

A bare number of tracebacks says little: a provider in the middle of many paths has many. No figure here stands alone.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from headwater.conduct.states import Response
from headwater.conduct.values import Passage, Share
from headwater.tracebacks.states import HopRole

#: Distances from the end that are told apart; further ones are told together.
NEAR = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """Traced calls in one role at one distance."""

    role: HopRole
    completed: bool
    distance: int | None
    """0 to 2, or ``NEAR`` for that and further; None where the end is not known."""
    calls: int
    campaigns: int
    of_all: Share
    """Of all traced calls in the same role, whoever carried them."""

    @property
    def distance_words(self) -> str:
        """The distance as people read it."""
        if self.distance is None:
            return "end not reached"
        words = {0: "at the end itself", 1: "took it directly from there", 2: "two hops from the end"}
        return words.get(self.distance, "three hops or more from the end")


@dataclass(frozen=True, slots=True, kw_only=True)
class Speed:
    """How long answers took, of one way of answering."""

    by_agent: bool
    answers: int
    median: timedelta
    p90: timedelta
    in_time: Share


@dataclass(frozen=True, slots=True, kw_only=True)
class Measures:
    """The figures of one provider over one window."""

    since: datetime
    until: datetime
    asked: int
    """Traced calls about which it was asked, due or not."""
    responses: tuple[tuple[Response, int], ...]
    in_time: Share
    """Of the questions that were due or answered."""
    unanswered: Share
    """Silent or declined, of the same."""
    not_found: Share
    """Of the questions that it answered: no record, or none that tells which call it was."""
    contradicted: Share
    """Of the questions that it answered."""
    speeds: tuple[Speed, ...]
    splits: tuple[Split, ...]


def measure(
    own: Iterable[Passage], everybody: Sequence[Passage], *, since: datetime, until: datetime, now: datetime
) -> Measures:
    """Return the figures of one provider's passages asked in a window.

    Args:
        own: The provider's passages.
        everybody: Those of every provider in the same window: what shares are taken of.
        since: Begin of the window.
        until: Its end.
        now: At which the clocks are read.
    """
    seen = [one for one in own if since <= one.asked_at <= until]
    counted = [one for one in seen if one.counts(now)]
    answered = [one for one in counted if one.response(now) in {Response.IN_TIME, Response.LATE}]
    given = {kind: sum(one.response(now) is kind for one in seen) for kind in Response}
    return Measures(
        since=since,
        until=until,
        asked=len(seen),
        responses=tuple((kind, number) for kind, number in given.items() if number),
        in_time=Share(part=given[Response.IN_TIME], whole=len(counted)),
        unanswered=Share(part=given[Response.SILENT] + given[Response.DECLINED], whole=len(counted)),
        not_found=Share(part=sum(one.without_record for one in answered), whole=len(answered)),
        contradicted=Share(part=sum(one.contradicted for one in answered), whole=len(answered)),
        speeds=tuple(_speeds(answered, now)),
        splits=tuple(_splits(seen, [one for one in everybody if since <= one.asked_at <= until])),
    )


def quantile(times: Sequence[timedelta], share: float) -> timedelta:
    """Return the smallest of ``times`` that at least ``share`` of them do not exceed (nearest rank)."""
    ranked = sorted(times)
    place = max(0, -(-int(len(ranked) * share * 1_000) // 1_000) - 1)
    return ranked[min(place, len(ranked) - 1)]


def _speeds(answered: Sequence[Passage], now: datetime) -> list[Speed]:
    found = []
    for by_agent in (True, False):
        group = [one for one in answered if one.by_agent is by_agent]
        times = [one.took for one in group if one.took is not None]
        if times:
            in_time = sum(one.response(now) is Response.IN_TIME for one in group)
            found.append(
                Speed(
                    by_agent=by_agent,
                    answers=len(times),
                    median=quantile(times, 0.5),
                    p90=quantile(times, 0.9),
                    in_time=Share(part=in_time, whole=len(group)),
                )
            )
    return found


def _near(one: Passage) -> int | None:
    return None if one.distance is None else min(one.distance, NEAR)


def _splits(seen: Sequence[Passage], everybody: Sequence[Passage]) -> list[Split]:
    groups: dict[tuple[HopRole, bool, int | None], list[Passage]] = {}
    for one in seen:
        groups.setdefault((one.role, one.completed, _near(one)), []).append(one)
    whole = {role: sum(one.role is role for one in everybody) for role in HopRole}
    order = {role: place for place, role in enumerate(reversed(HopRole))}
    ranked = sorted(groups.items(), key=lambda item: (order[item[0][0]], not item[0][1], item[0][2] or 0))
    return [
        Split(
            role=role,
            completed=completed,
            distance=distance,
            calls=len(group),
            campaigns=len({one.campaign_id for one in group if one.campaign_id}),
            of_all=Share(part=len(group), whole=max(whole[role], len(group))),
        )
        for (role, completed, distance), group in ranked
    ]

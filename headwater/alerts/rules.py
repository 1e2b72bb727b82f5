"""Which agency is told of a campaign, when it is told again, and which subscriptions are written to. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from headwater.alerts.values import PERIOD, Cadence, News, Why, Wish

RULE_VERSION = "alerts/2"

#: Mails that one subscription gets at once within an hour; what is more goes into the next digest.
AT_ONCE_AN_HOUR = 6
#: What is worth a mail; the rest is in the portal and the feed.
MAILED = frozenset({Why.FIRST, Why.ORIGIN, Why.RETURNED, Why.QUIET})
#: A daily digest goes out after this hour, UTC: morning in the western states, before noon in the eastern.
DAILY_AT = 12
#: A campaign's calls have doubled, and by no handful.
GREW_CALLS = 10
#: Versions that say only that calls doubled come no closer than this.
GREW_APART = timedelta(hours=1)

RINGING = frozenset({"confirmed", "active"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Agency:
    """An agency as far as alerts need it. ``state`` is "" for a federal one."""

    organisation_id: str
    state: str


def to_tell(agencies: Iterable[Agency], states_hit: Iterable[str], told: Iterable[str]) -> list[Agency]:
    """Return the agencies still to be told: those of a state that was hit, and every federal one."""
    hit, before = set(states_hit), set(told)
    return [
        agency
        for agency in agencies
        if agency.organisation_id not in before and (not agency.state or agency.state in hit)
    ]


def may_subscribe(states: Iterable[str], agency: Agency) -> bool:
    """Tell whether an agency may ask to be told of these states: a state's agency of its own, a federal one of all."""
    return not agency.state or set(states) <= {agency.state}


def what_changed(before: Mapping[str, Any], now: Mapping[str, Any], *, since: timedelta) -> Why | None:
    """Return why an alert must say more than its last version did, ``since`` that long ago; ``None`` where it need not.

    Of several reasons the weightiest.
    """
    old, new = before.get("origin", {}), now["origin"]
    if (new["grade"], new["name"]) != (old.get("grade", ""), old.get("name", "")) and new["grade"]:
        return Why.ORIGIN
    rang, rings = before["state"] in RINGING, now["state"] in RINGING
    if rings and not rang:
        return Why.RETURNED
    if rang and not rings:
        return Why.QUIET
    if now["name"] != before["name"] and now["name_status"] == "accepted":
        return Why.RENAMED
    doubled = now["calls"] >= 2 * before["calls"] and now["calls"] - before["calls"] >= GREW_CALLS
    return Why.GREW if doubled and since >= GREW_APART else None


def wants(wish: Wish, news: News) -> bool:
    """Tell whether a subscription asks for this version."""
    if wish.families and news.facts["family"] not in wish.families:
        return False
    hit = {state for state in news.facts["states_hit"] if state}
    watched = wish.states or ({news.state} if news.state else hit)
    if not watched & hit:
        return False
    return wish.calls_an_hour <= sum(news.hour_by_state.get(state, 0) for state in watched)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to send for one subscription now."""

    alone: tuple[News, ...] = ()
    """Each in a mail of its own."""
    digest: tuple[News, ...] = ()
    """Together in one mail."""
    quietly: tuple[News, ...] = ()
    """Without a mail: webhooks alone, or nothing asked for."""
    gathered: bool = False
    """Whether the digest's time has come, so that a new one begins."""


def plan(wish: Wish, waiting: Sequence[News], *, now: datetime) -> Plan:
    """Return what goes out for one subscription, of the news that wait for it, the oldest first."""
    wanted = [news for news in waiting if wants(wish, news)]
    mailed = [news for news in wanted if wish.email and news.why in MAILED]
    quietly = tuple(news for news in wanted if news not in mailed)
    due = _is_due(wish, now)
    if wish.cadence is not Cadence.AT_ONCE:
        return Plan(digest=tuple(mailed) if due else (), quietly=quietly, gathered=due)
    room = max(0, AT_ONCE_AN_HOUR - wish.sent_lately)
    rest = tuple(mailed[room:])
    return Plan(alone=tuple(mailed[:room]), digest=rest if due else (), quietly=quietly, gathered=due and bool(rest))


def _is_due(wish: Wish, now: datetime) -> bool:
    if wish.cadence is Cadence.DAILY:
        moment = now.astimezone(UTC).replace(hour=DAILY_AT, minute=0, second=0, microsecond=0)
        last = moment if now >= moment else moment - timedelta(days=1)
        return wish.gathered_at < last
    return now - wish.gathered_at >= PERIOD[wish.cadence]

"""What agencies are written: one alert, or several in a digest. Plain text; called numbers are masked. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from headwater.alerts.values import News, Why

#: Alerts that a digest tells in words; the rest is counted, and stands in the portal.
IN_A_DIGEST = 25
_TRANSCRIPT = 700


def subject(news: News) -> str:
    """Return the subject of a mail of its own."""
    facts, where = news.facts, f" in {news.state}" if news.state else ""
    match news.why:
        case Why.ORIGIN:
            return f"{facts['name']}: {facts['origin']['grade_words'].lower()}"
        case Why.RETURNED:
            return f"{facts['name']} rings again{where}"
        case Why.QUIET:
            return f"{facts['name']} fell silent"
        case _:
            return f"{facts['name']} rings{where}: {facts['calls_in_state']} calls"


def alone(news: News, *, portal: str, stop: str) -> str:
    """Return the text of one alert's mail. ``portal`` is the portal's address, ``stop`` ends the subscription."""
    return "\n".join([*_told(news, portal=portal), "", *_foot(stop)])


def digest_subject(news: Sequence[News]) -> str:
    """Return the subject of a digest."""
    campaigns = {one.facts["campaign"] for one in news}
    return f"{_many(len(news), 'alert')} on {_many(len(campaigns), 'campaign')}"


def digest(news: Sequence[News], *, portal: str, stop: str) -> str:
    """Return the text of a digest, the campaigns with most calls in the agency's state first."""
    ordered = sorted(news, key=lambda one: (-one.facts["calls_in_state"], one.alert_id, one.number))
    lines: list[str] = []
    for one in ordered[:IN_A_DIGEST]:
        facts = one.facts
        lines += [
            f"{facts['name']} ({one.why.label.lower()})",
            f"  {_volume(facts, one.state)}",
            f"  {_origin(facts)}",
            f"  {portal}/alerts/{one.alert_id}/",
            "",
        ]
    if len(ordered) > IN_A_DIGEST:
        lines += [f"And {len(ordered) - IN_A_DIGEST} more, in the portal: {portal}/", ""]
    return "\n".join([*lines, *_foot(stop)])


def _told(news: News, *, portal: str) -> list[str]:
    facts = news.facts
    lines = [
        f"{news.why.label}: {facts['name']} ({facts['name_status']} name, family {facts['family'] or 'not known'}).",
        _volume(facts, news.state),
        _ringing(facts),
        _origin(facts),
        _confidence(facts),
        "",
    ]
    for sample in facts["samples"][:1]:
        words = sample["transcript"][:_TRANSCRIPT] + ("..." if len(sample["transcript"]) > _TRANSCRIPT else "")
        lines += [
            f"A call of {sample['call_at'][:19]}Z to {sample['called']}"
            + (f" ({sample['called_state']})" if sample["called_state"] else "")
            + (", with its recording in the portal:" if sample.get("recording") else ":"),
            f'  "{words}"',
            "",
        ]
    return [*lines, f"The alert in full, and to serve process on it: {portal}/alerts/{news.alert_id}/"]


def _volume(facts: Mapping[str, Any], state: str) -> str:
    seen = ", ".join(f"{calls} {_VANTAGE.get(vantage, vantage)}" for vantage, calls in facts["vantages"].items())
    hit = len([code for code in facts["states_hit"] if code])
    where = f", {facts['calls_in_state']} of them to {state}" if state else ""
    return f"{facts['calls']} calls known{where}; {hit} state{'s' if hit != 1 else ''} called" + (
        f" (told by {seen}; vantage points are never added up)." if seen else "."
    )


def _ringing(facts: Mapping[str, Any]) -> str:
    if not facts["still_ringing"]:
        return f"Last call {facts['last_call_at'][:19]}Z; silent for longer than its rate explains."
    return (
        f"Still ringing: last call {facts['last_call_at'][:19]}Z, {facts['rate_per_minute']} calls a minute seen here "
        f"(95% interval {facts['rate_low']} to {facts['rate_high']})."
    )


def _origin(facts: Mapping[str, Any]) -> str:
    origin = facts["origin"]
    if origin["name"]:
        return (
            f"Likely origin: {origin['name']}, confirmed in {origin['confirmed']} of "
            f"{_many(origin['tracebacks'], 'traceback')}."
        )
    if origin["grade_words"]:
        return f"Traced: {origin['grade_words'].lower()} in {origin['tracebacks']} tracebacks."
    if origin["running"]:
        return f"{_many(origin['running'], 'traceback')} under way; no origin is confirmed yet."
    return "Not traced yet."


def _confidence(facts: Mapping[str, Any]) -> str:
    held = facts["confidence"]
    support = f"mean probability {held['support']:.2f}" if held["support"] is not None else "support not stated"
    told_by = f"{_many(held['senders'], 'sender')}, {_many(held['vantages'], 'vantage point')}"
    return f"That these calls are one campaign rests on {support}, {told_by}."


def _many(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def _foot(stop: str) -> list[str]:
    return [
        "--",
        "You are written to because your agency subscribed. Change or end it in the portal under Subscriptions,",
        f"or end it with one click: {stop}",
        "A calling number may be spoofed: never block or accuse on a number alone.",
    ]


_VANTAGE = {
    "app": "by blocking apps",
    "honeypot": "by honeypots",
    "complaint": "by complaints",
    "carrier": "by carriers",
}

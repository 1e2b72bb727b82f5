"""Template tags of the components: ``{% load components %}``."""

from datetime import datetime, timedelta
from typing import Any

from django import template

from headwater import clock
from headwater.numbering.numbers import E164, display, masked, state
from headwater.web.components import moments
from headwater.web.components.status import status as status_of

register = template.Library()


@register.inclusion_tag("components/status.html")
def status(value: Any, word: str = "") -> dict[str, Any]:
    """Show a status as word, shape and colour: ``{% status campaign.state %}``."""
    return {"status": status_of(str(getattr(value, "value", value)), word)}


@register.inclusion_tag("components/moment.html")
def moment(at: datetime | None, absent: str = "not yet") -> dict[str, Any]:
    """Show an instant: absolute UTC first, relative words after it. ``absent`` stands for None."""
    if at is None:
        return {"absent": absent}
    return {"at": at, "absolute": moments.absolute(at), "relative": moments.relative(at, clock.now())}


@register.inclusion_tag("components/number.html")
def called(number: str) -> dict[str, Any]:
    """Show a subscriber's number masked, with its state: the only way a called number reaches a page."""
    return {"text": masked(E164(number)), "state": state(E164(number)), "masked": True}


@register.inclusion_tag("components/number.html")
def calling(number: str) -> dict[str, Any]:
    """Show a calling number in full, in a fixed-width face, with a button that copies it."""
    return {
        "text": display(E164(number)),
        "state": state(E164(number)),
        "copy": "+" + number if number else "",
        "masked": False,
    }


@register.inclusion_tag("components/empty.html")
def empty(title: str, fills: str) -> dict[str, str]:
    """Say that there is nothing, and what would fill it."""
    return {"title": title, "fills": fills}


@register.inclusion_tag("components/digest.html")
def digest(value: str) -> dict[str, str]:
    """Show a hash: its beginning, the whole of it on request and to copy."""
    return {"value": value, "short": value[:12]}


@register.inclusion_tag("components/field.html")
def field(bound: Any) -> dict[str, Any]:
    """Show one form field: label, hint, error and input, wired for screen readers."""
    return {"field": bound}


@register.inclusion_tag("conduct/share.html")
def share(value: Any, words: str = "") -> dict[str, Any]:
    """Show so many of so many (``words``) with the 95% interval: no figure of conduct stands alone."""
    return {"share": value, "words": words}


@register.simple_tag
def percent(ratio: float | None) -> str:
    """Return a share as a percentage: whole numbers, one decimal below ten."""
    if ratio is None:
        return "none"
    value = 100 * ratio
    return f"{value:.1f}%" if 0 < value < 9.95 else f"{value:.0f}%"


@register.filter
def took(length: timedelta | float | None) -> str:
    """Return a length of time (a timedelta, or seconds) in words."""
    if length is None:
        return ""
    return moments.span(length if isinstance(length, timedelta) else timedelta(seconds=length))


@register.filter
def words(value: Any) -> str:
    """Return an enum's value as words: ``not_yet`` becomes ``Not yet``."""
    return str(getattr(value, "value", value)).replace("_", " ").capitalize()


@register.filter
def figure(value: int) -> str:
    """Return a count with its thousands apart: ``12,345``."""
    return f"{value:,}"


@register.filter
def ago(at: datetime | None) -> str:
    """Return the relative words alone: ``3 min ago``, ``in 2 h``. For lists whose page says the instant elsewhere."""
    return moments.relative(at, clock.now()) if at else ""


@register.filter
def said(value: Any) -> str:
    """Return a JSON value in words: lists by commas, objects as ``name value``, nothing as ``none``."""
    if isinstance(value, dict):
        return ", ".join(f"{name} {said(member)}" for name, member in value.items()) or "none"
    if isinstance(value, list):
        return ", ".join(said(member) for member in value) or "none"
    return "none" if value in ("", None) else str(value)

"""The rules that new tracebacks run by, as the operator set them."""

from datetime import date

from django.conf import settings

from headwater.tracebacks.clocks import Readings
from headwater.tracebacks.trace import Terms


def present_terms() -> Terms:
    """Return the terms for a traceback that is opened now; it keeps them to its end."""
    config = settings.HEADWATER
    return Terms(
        agent_target_s=config.agent_target_s,
        pages_target_minutes=config.pages_target_minutes,
        second_look=True,
        bridges=True,
        gaps=True,
        readings=Readings(extra_holidays=frozenset(date.fromisoformat(day) for day in config.extra_holidays)),
    )

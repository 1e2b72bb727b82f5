"""Instants in words. Absolute UTC comes first, the relative words after it."""

from datetime import UTC, datetime, timedelta

MINUTE, HOUR, DAY = 60, 3600, 86_400


def absolute(at: datetime) -> str:
    """Return ``2026-07-30 06:34:05 UTC``."""
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def relative(at: datetime, now: datetime) -> str:
    """Return how long ago ``at`` was, or in how long it will be: ``3 min ago``, ``in 2 h 5 min``."""
    seconds = int((now - at).total_seconds())
    words = span(timedelta(seconds=abs(seconds)))
    if abs(seconds) < 1:
        return "just now"
    return f"{words} ago" if seconds > 0 else f"in {words}"


def span(length: timedelta) -> str:
    """Return a length of time in at most two units: ``850 ms``, ``4.2 s``, ``3 min 5 s``, ``3 d 4 h``."""
    total = length.total_seconds()
    if total < 1:
        return f"{round(total * 1000)} ms"
    if total < MINUTE:
        return f"{total:.1f}".removesuffix(".0") + " s"
    seconds = int(total)
    for size, word, small, small_word in ((DAY, "d", HOUR, "h"), (HOUR, "h", MINUTE, "min"), (MINUTE, "min", 1, "s")):
        if seconds >= size:
            count, rest = divmod(seconds, size)
            return f"{count} {word}" + (f" {rest // small} {small_word}" if rest // small else "")
    return f"{seconds} s"

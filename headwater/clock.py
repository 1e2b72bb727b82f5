"""The wall clock, in one place. Rules never call it: they take ``now`` as an argument."""

from datetime import UTC, datetime


def now() -> datetime:
    """Return the present instant as an aware UTC datetime."""
    return datetime.now(UTC)

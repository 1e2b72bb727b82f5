"""A page's process that receives one file and may be killed at any moment: run by test_uploads.py."""

import sys
import time
from collections.abc import Iterator
from pathlib import Path

from headwater.site.setup import django

PIECES, PIECE = 60, b"2026-11-24T10:00:00Z,2025550123,3135550101\n" * 200


def pieces() -> Iterator[bytes]:
    """Come slowly, as from a browser far away."""
    for _ in range(PIECES):
        time.sleep(0.01)
        yield PIECE


def main() -> None:
    """Say that everything is loaded, then receive."""
    django()
    from headwater.accounts.models import User
    from headwater.accounts.queries import actor_of
    from headwater.uploads import actions

    actor = actor_of(User.objects.select_related("organisation").get(email=sys.argv[1]))
    print("ready", flush=True)  # noqa: T201 - the test waits for it
    actions.receive(actor, "calls.csv", pieces(), Path(sys.argv[2]))


if __name__ == "__main__":
    main()

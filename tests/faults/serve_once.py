"""An agency's system that serves processes one after the other and may be killed at any moment: test_serving.py."""

import pickle
import sys
from pathlib import Path

from headwater.site.setup import django


def main() -> None:
    """Say that everything is loaded, then serve until killed."""
    django()
    from headwater.legal.machine import Submission, submit

    actor, alert_id, request, document = pickle.loads(Path(sys.argv[1]).read_bytes())  # noqa: S301 - the test's own
    print("ready", flush=True)  # noqa: T201 - the test waits for it
    for number in range(10_000):
        key = f"{sys.argv[2]}-{number}"
        sent = Submission(
            key=key,
            fingerprint=key,
            officer="alex@ag-mi.example",
            request=request,
            document=document,
            alert_id=alert_id,
        )
        submit(actor, sent)


if __name__ == "__main__":
    main()

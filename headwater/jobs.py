"""The names of the jobs, and how a room asks for one inside its own transaction.

The functions that run live in ``headwater.worker``. A job asked for in a transaction that rolls back
never existed; every job may run twice and must change nothing the second time.
"""

from enum import StrEnum
from typing import Any


class Job(StrEnum):
    """Every job, by the name it is stored under."""

    ADVANCE_FORWARD = "tracebacks.advance_forward"
    ADVANCE_TRACEBACK = "tracebacks.advance"
    DELIVER_MESSAGE = "outbox.deliver"
    MAKE_PUBLIC = "evidence.make_public"
    INDEX_MATTERS = "cases.index_matters"
    OPEN_TRACEBACKS = "tracebacks.open_for_campaign"
    SEND_PASSWORD_LINK = "accounts.send_password_link"  # noqa: S105 - a name
    PRESERVE = "legal.preserve"
    OPEN_REPORTED = "reports.open_tracebacks"
    SEND_REPORT = "reports.send"
    SEND_ALERTS = "alerts.send_for_campaign"
    SEAL_PACKAGE = "evidence.seal"
    SIGN_ADDENDUM = "relief.sign_addendum"
    STORE_UPLOAD = "uploads.store"
    TELL_OF_PROCESS = "legal.tell"


def defer(job: Job, *, once: str | None = None, **arguments: Any) -> None:
    """Ask for ``job`` in the present transaction. With ``once``, a waiting job of that key suffices."""
    # Imported here: the carrier's agent and the pure rooms must not pull Django in through this module.
    from django.db import transaction
    from procrastinate.contrib.django import app
    from procrastinate.exceptions import AlreadyEnqueued

    deferrer = app.configure_task(name=job.value, queueing_lock=once)
    try:
        with transaction.atomic():
            deferrer.defer(**arguments)
    except AlreadyEnqueued:
        return

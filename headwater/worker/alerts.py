"""What the worker does by the clock for alerts: says more when something changed, and writes to subscribers."""

import structlog
from procrastinate import Blueprint

from headwater.alerts import actions, deliveries

log = structlog.get_logger(__name__)
tasks = Blueprint()


@tasks.periodic(cron="* * * * *")
@tasks.task(name="worker.tell_more", queueing_lock="worker.tell_more")
def tell_more(timestamp: int) -> None:  # noqa: ARG001 - procrastinate's signature
    """Make a new version of each alert on whose campaign something changed that matters."""
    found = actions.tell_more()
    if found:
        log.info("alerts say more", alerts=len(found))


@tasks.periodic(cron="* * * * * */10")
@tasks.task(name="worker.write_to_subscribers", queueing_lock="worker.write_to_subscribers")
def write(timestamp: int) -> None:  # noqa: ARG001 - procrastinate's signature
    """Write what waits for subscribers."""
    written = deliveries.write()
    if written:
        log.info("subscribers written to", versions=written)

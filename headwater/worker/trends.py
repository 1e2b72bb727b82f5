"""What the worker does by the clock for trends and for the public: forecasts, their scores, the totals of the week."""

import structlog
from procrastinate import Blueprint

from headwater.publication import actions as publication
from headwater.trends import actions as trends

log = structlog.get_logger(__name__)
tasks = Blueprint()


@tasks.periodic(cron="*/10 * * * *")
@tasks.task(name="worker.forecast", queueing_lock="worker.forecast")
def forecast(timestamp: int) -> None:  # noqa: ARG001 - procrastinate's signature
    """Say what today and tomorrow should bring, once; score the days that are over."""
    scored, made = trends.score_forecasts(), trends.make_forecasts()
    if scored or made:
        log.info("forecasts", made=made, scored=scored)


@tasks.periodic(cron="*/2 * * * *")
@tasks.task(name="worker.publish", queueing_lock="worker.publish")
def publish(timestamp: int) -> None:  # noqa: ARG001 - procrastinate's signature
    """Count the week that runs, and close the one before it when its time has come."""
    for monday in publication.publish():
        log.info("totals published", week=monday.isoformat())

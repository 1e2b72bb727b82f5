"""The jobs: one function for each name in ``headwater.jobs.Job``, and what runs by the clock.

Each translates and calls an action. Every job may run twice, at the same time or after a crash, and must change
nothing the second time: the actions lock what they work on and look at what is done already.
"""

import json
from datetime import datetime

import structlog
from django.conf import settings
from procrastinate import Blueprint, JobContext, RetryStrategy
from procrastinate.exceptions import ConnectorException
from procrastinate.jobs import Status

from headwater import clock
from headwater.accounts import assertions, invitations
from headwater.accounts.actors import system
from headwater.alerts import actions as alerts
from headwater.alerts import deliveries
from headwater.cases import index as matter_index
from headwater.conduct import actions as conduct
from headwater.conduct import publishing
from headwater.evidence import keys, public_making, seal
from headwater.intake.cdr.deliver import FileDoor
from headwater.intake.events.deliver import FeedDoor
from headwater.jobs import Job
from headwater.legal import ending, holds, telling
from headwater.legal.notices import Event
from headwater.providers import actions as providers
from headwater.relief import addenda, blocking
from headwater.reports import actions as reports
from headwater.reports import queries as reported
from headwater.reports import sending
from headwater.retention import actions as retention
from headwater.tracebacks import actions as tracebacks
from headwater.tracebacks import automation, deposits, escalating, forward_asking, forwarding
from headwater.tracebacks import telling as asking
from headwater.uploads import actions as uploads
from headwater.worker import postman

log = structlog.get_logger(__name__)
tasks = Blueprint()

#: A worker whose last heartbeat is older is taken for dead, and its jobs are given to others.
STALLED_S = 6.0
HEARTBEAT_S = 1.0
#: Finished jobs that failed are kept this long for the operator to look at.
FAILED_KEPT_HOURS = 24 * 14
#: A job that fails is tried again after 1, 2, 4, ... seconds; the tick of the clock asks for it anew later.
ATTEMPTS = 8
RETRY = RetryStrategy(max_attempts=ATTEMPTS, exponential_wait=2)


@tasks.task(name=Job.ADVANCE_TRACEBACK.value, retry=RETRY)
def advance_traceback(traceback_id: str) -> None:
    """Take in what has come for a traceback and carry out what follows."""
    tracebacks.advance(traceback_id)


@tasks.task(name=Job.ADVANCE_FORWARD.value, retry=RETRY)
def advance_forward(forward_id: str) -> None:
    """Take in the answers that have come for a trace forward."""
    forwarding.advance(forward_id)


@tasks.task(name=Job.OPEN_TRACEBACKS.value, retry=RETRY)
def open_tracebacks(campaign_id: str) -> None:
    """Open the tracebacks that a confirmed campaign gets by itself."""
    opened = tracebacks.open_for_campaign(system("traceback-opener"), campaign_id)
    log.info("tracebacks opened", campaign=campaign_id, opened=len(opened))


@tasks.task(name=Job.SEND_ALERTS.value, retry=RETRY)
def send_alerts(campaign_id: str) -> None:
    """Tell the agencies concerned of a campaign."""
    alerts.send_for_campaign(campaign_id)
    deliveries.write()


@tasks.task(name=Job.SEND_PASSWORD_LINK.value, retry=RETRY)
def send_password_link(email: str, application: str, address: str) -> None:
    """Mail a link to set a new password, where somebody signs in with that address."""
    invitations.send_password_link(email, application=application, address=address)


@tasks.periodic(cron="17 3 * * *")
@tasks.task(name="worker.forget_assertions", queueing_lock="worker.forget_assertions")
def forget_assertions(timestamp: int) -> None:  # noqa: ARG001 - procrastinate's signature
    """Forget answers of identity providers that are refused as too old anyway."""
    forgotten = assertions.forget_old()
    log.info("assertions forgotten", count=forgotten)


@tasks.task(name=Job.DELIVER_MESSAGE.value, retry=RETRY)
def deliver_message(message_id: str) -> None:
    """Try to deliver one message of the outbox."""
    postman.deliver(message_id)


@tasks.task(name=Job.SEAL_PACKAGE.value, retry=RETRY, pass_context=True)
def seal_package(context: JobContext, package_id: str) -> None:
    """Gather, write and seal one package; where the last attempt fails too, say so on the package."""
    try:
        seal.seal(package_id)
    except Exception as error:
        # Whatever it was: nobody would try again, and the package would stand as "being sealed".
        if context.job.attempts >= ATTEMPTS:
            seal.give_up(package_id, error)
        raise


@tasks.task(name=Job.MAKE_PUBLIC.value, retry=RETRY)
def make_public(version_id: str) -> None:
    """Make the public version of a package."""
    public_making.make(version_id)


@tasks.task(name=Job.PRESERVE.value, retry=RETRY)
def preserve(process_id: str) -> None:
    """Place the hold of a served preservation request."""
    holds.preserve(process_id, now=clock.now())


@tasks.task(name=Job.TELL_OF_PROCESS.value, retry=RETRY)
def tell_of_process(process_id: str, event: str, at: str, only: str = "") -> None:
    """Queue the mails and webhooks of one step of a legal process."""
    telling.tell(process_id, Event(event), datetime.fromisoformat(at), only=only)


@tasks.periodic(cron="* * * * *")
@tasks.task(name="worker.legal_clock", queueing_lock="worker.legal_clock")
def legal_clock(timestamp: int) -> None:  # noqa: ARG001 - procrastinate's signature
    """Close the access of processes that ran out, release holds that are over, warn of ends that draw near."""
    done = ending.run_clock(now=clock.now())
    if any(done.values()):
        log.info("legal clock", **done)


@tasks.task(name=Job.STORE_UPLOAD.value, retry=RETRY)
def store_upload(upload_id: str) -> None:
    """Send the rows of a confirmed upload to the call store."""
    config = settings.HEADWATER
    doors: list[FileDoor] = []

    def door_for(organisation_id: str) -> FileDoor:
        secret = json.loads((config.secrets / "calls-readers.json").read_text()).get("work", "")
        headers = {"Authorization": f"Bearer {secret}", "Headwater-Organisation": organisation_id}
        doors.append(FileDoor(f"http://{config.host}:{config.calls_port}", "", headers=headers))
        return doors[-1]

    try:
        uploads.store(upload_id, config.home, door_for)
    finally:
        for door in doors:
            door.close()


@tasks.task(name=Job.SEND_REPORT.value, retry=RETRY)
def send_report(report_id: str) -> None:
    """Send the calls of an agency's report to the feed door."""
    config = settings.HEADWATER
    secret = json.loads((config.secrets / "calls-readers.json").read_text()).get("work", "")
    headers = {"Headwater-Organisation": reported.agency_of(report_id)}
    door = FeedDoor(f"http://{config.host}:{config.calls_port}", secret, headers=headers)
    try:
        sending.send(report_id, door)
    finally:
        door.close()


@tasks.task(name=Job.OPEN_REPORTED.value, retry=RETRY)
def open_reported(report_id: str) -> None:
    """Open the tracebacks that an agency's report waits for."""
    reports.open_tracebacks(report_id)


@tasks.periodic(cron="* * * * * */5")
@tasks.task(name="worker.rescue", queueing_lock="worker.rescue", pass_context=True)
async def rescue(context: JobContext, timestamp: int) -> None:  # noqa: ARG001 - procrastinate's signature
    """Give the jobs of dead workers to the living: without this they would stay ``doing`` for ever."""
    manager = context.app.job_manager
    for job in await manager.get_stalled_jobs(seconds_since_heartbeat=STALLED_S):
        if job.status != Status.DOING.value or job.id is None:
            continue
        try:
            await manager.retry_job(job)
        except ConnectorException as error:
            # Its worker, or another rescuer, was quicker: the job is no longer ``doing``.
            log.info("stalled job was settled by another", job=job.id, error=str(error))
            continue
        log.warning("stalled job rescued", job=job.id, task=job.task_name)


@tasks.periodic(cron="*/10 * * * *")
@tasks.task(name="worker.sweep", queueing_lock="worker.sweep", pass_context=True)
async def sweep(context: JobContext, timestamp: int) -> None:  # noqa: ARG001 - procrastinate's signature
    """Delete the records of failed jobs that are old."""
    await context.app.job_manager.delete_old_jobs(nb_hours=FAILED_KEPT_HOURS, include_failed=True)


@tasks.periodic(cron="47 3 * * *")
@tasks.task(name="worker.forget_deposits", queueing_lock="worker.forget_deposits")
def forget_deposits(timestamp: int) -> None:  # noqa: ARG001 - procrastinate's signature
    """Delete deposits of carriers that are older than they are kept."""
    if forgotten := deposits.forget(days=settings.HEADWATER.deposit_days, now=clock.now()):
        log.info("deposits forgotten", count=forgotten)


@tasks.periodic(cron="*/10 * * * *")
@tasks.task(name="worker.forget_tokens", queueing_lock="worker.forget_tokens")
def forget_tokens(timestamp: int) -> None:  # noqa: ARG001 - procrastinate's signature
    """Delete used request tokens that have expired."""
    providers.forget_used_tokens(clock.now())


@tasks.periodic(cron="* * * * * */5")
@tasks.task(name="worker.tell_providers", queueing_lock="worker.tell_providers")
def tell_providers(timestamp: int) -> None:  # noqa: ARG001 - procrastinate's signature
    """Put questions to people, remind them, and escalate what is overdue."""
    asking.turn(carrier_url=settings.HEADWATER.url("carrier"))
    forward_asking.tell_due(carrier_url=settings.HEADWATER.url("carrier"))
    escalating.mail_desk(desk_url=settings.HEADWATER.url("desk"))


@tasks.periodic(cron="*/5 * * * *")
@tasks.task(name="worker.trace_campaigns", queueing_lock="worker.trace_campaigns")
def trace_campaigns(timestamp: int) -> None:  # noqa: ARG001 - procrastinate's signature
    """Give confirmed campaigns the tracebacks that they lack, the most valuable first; let traces forward lapse."""
    if opened := automation.turn():
        log.info("tracebacks opened", opened=len(opened))
    forwarding.pass_due()
    for forward_id in forwarding.left_over(clock.now()):
        forwarding.advance(forward_id)


@tasks.periodic(cron="17 * * * *")
@tasks.task(name="worker.assess_conduct", queueing_lock="worker.assess_conduct")
def assess_conduct(timestamp: int) -> None:  # noqa: ARG001 - procrastinate's signature
    """Assess every provider's conduct, and publish the week's list where that is not done yet."""
    raised = conduct.assess(system("conduct-assessor"))
    issue = publishing.publish(system("publisher"))
    log.info("conduct assessed", raised=len(raised), issue=issue)


@tasks.periodic(cron="*/5 * * * *")
@tasks.task(name="worker.refresh_holds", queueing_lock="worker.refresh_holds")
def refresh_holds(timestamp: int) -> None:  # noqa: ARG001 - procrastinate's signature
    """Add to each legal hold the calls that its campaign has gained."""
    retention.refresh_holds(now=clock.now())


@tasks.periodic(cron="* * * * * */30")
@tasks.task(name="worker.publish_block_feed", queueing_lock="worker.publish_block_feed")
def publish_block_feed(timestamp: int) -> None:  # noqa: ARG001 - procrastinate's signature
    """Sign a version of the block feed where an entry came, went or ended, or the last version grows old."""
    config = settings.HEADWATER
    key = blocking.signing_key(config.secrets)
    if version := blocking.publish(system("block-feed"), key, appeals=config.appeals, now=clock.now()):
        log.info("block feed published", version=version)


@tasks.periodic(cron="* * * * *")
@tasks.task(name=Job.INDEX_MATTERS.value, queueing_lock="cases.index_matters", retry=RETRY)
def index_matters(timestamp: int = 0) -> None:  # noqa: ARG001 - procrastinate's signature
    """Bring the index of deconfliction up to date, and tell agencies of each other."""
    key = settings.HEADWATER.secret("deconfliction-key").encode()
    if found := matter_index.index(system("deconfliction"), key):
        log.info("matters matched", matches=found)


@tasks.task(name=Job.SIGN_ADDENDUM.value, retry=RETRY)
def sign_addendum(addendum_id: str) -> None:
    """Sign one addendum to a sealed package."""
    addenda.sign(addendum_id, keys.load(settings.HEADWATER.secrets), now=clock.now())

"""The part of the worker that delivers the outbox: it knows the mail server and the endpoints' secrets."""

from typing import Final

from django.conf import settings

from headwater import clock
from headwater.accounts import webhooks
from headwater.accounts.actors import system
from headwater.outbox import actions, mail
from headwater.outbox.post import Poster
from headwater.outbox.rules import Answer, Outcome, State, Way
from headwater.outbox.values import Sendable

ACTOR: Final = system("outbox")


def deliver(message_id: str) -> State:
    """Try to deliver one message."""
    return actions.deliver(ACTOR, message_id, send={Way.MAIL: _mail, Way.POST: _post})


def _mail(message: Sendable) -> Answer | None:
    config = settings.HEADWATER
    if not config.smtp_url:
        return None
    return mail.send(message, server=mail.MailServer.of(config.smtp_url), sender=config.mail_from)


def _post(message: Sendable) -> Answer:
    now = clock.now()
    secrets = webhooks.secrets_of(message.endpoint, now=now)
    if not secrets:
        return Answer(outcome=Outcome.REFUSED, text="Not sent: the endpoint was removed.")
    # Made here, not for each mail too: it reads every certificate authority of the system.
    answer = Poster(internal_hosts=settings.HEADWATER.webhook_hosts).post(message, secrets, now=now)
    if answer.outcome is Outcome.GONE:
        webhooks.gone(ACTOR, message.endpoint)
    return answer

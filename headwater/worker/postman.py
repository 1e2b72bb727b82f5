"""The part of the worker that delivers the outbox: it knows the mail server and the endpoints' secrets."""

from functools import partial
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
    config = settings.HEADWATER
    poster = Poster(internal_hosts=config.webhook_hosts)
    return actions.deliver(ACTOR, message_id, send={Way.MAIL: _mail, Way.POST: partial(_post, poster)})


def _mail(message: Sendable) -> Answer | None:
    config = settings.HEADWATER
    if not config.smtp_url:
        return None
    return mail.send(message, server=mail.MailServer.of(config.smtp_url), sender=config.mail_from)


def _post(poster: Poster, message: Sendable) -> Answer:
    now = clock.now()
    secrets = webhooks.secrets_of(message.endpoint, now=now)
    if not secrets:
        return Answer(outcome=Outcome.REFUSED, text="Not sent: the endpoint was removed.")
    answer = poster.post(message, secrets, now=now)
    if answer.outcome is Outcome.GONE:
        webhooks.gone(ACTOR, message.endpoint)
    return answer

"""One attempt to send a mail over SMTP (RFC 5321), with or without TLS."""

import smtplib
import ssl
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import SMTP
from typing import Final
from urllib.parse import unquote, urlsplit

from headwater.errors import Invalid
from headwater.outbox.rules import Answer, Outcome
from headwater.outbox.values import Sendable

TIMEOUT_S: Final = 30.0
_PORTS: Final = {"smtp": 25, "smtp+starttls": 587, "smtps": 465}
#: Replies of five hundred that another attempt may turn: the relay refuses us (login, rate), not the recipient.
_OURS: Final = frozenset({530, 534, 535, 538})


@dataclass(frozen=True, slots=True, kw_only=True)
class MailServer:
    """The server that takes our mail."""

    scheme: str
    host: str
    port: int
    user: str = ""
    password: str = field(default="", repr=False)

    @classmethod
    def of(cls, url: str) -> "MailServer":
        """Read ``smtp://``, ``smtp+starttls://`` or ``smtps://user:password@host:port``.

        Raises:
            Invalid: it is none of them.
        """
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            parts, port = urlsplit(""), None
        if parts.scheme not in _PORTS or not parts.hostname:
            raise Invalid(
                "HEADWATER_SMTP_URL must read smtp://host, smtp+starttls://user:password@host or smtps://user:password@host."
            )
        return cls(
            scheme=parts.scheme,
            host=parts.hostname,
            port=port or _PORTS[parts.scheme],
            user=unquote(parts.username or ""),
            password=unquote(parts.password or ""),
        )


def compose(message: Sendable, *, sender: str) -> EmailMessage:
    """Return the mail; the same message always gives the same Message-ID and Date."""
    mail = EmailMessage(policy=SMTP)
    mail["From"] = sender
    mail["To"] = message.address
    mail["Subject"] = message.subject
    mail["Date"] = message.created_at
    mail["Message-ID"] = f"<{message.id}@{sender.rpartition('@')[2].rstrip('>')}>"
    # RFC 3834: no out-of-office answers to a machine.
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(message.text)
    for file in message.files:
        main, _, sub = file.media_type.partition("/")
        mail.add_attachment(file.octets, maintype=main, subtype=sub, filename=file.name)
    return mail


def send(message: Sendable, *, server: MailServer, sender: str, context: ssl.SSLContext | None = None) -> Answer:
    """Hand one mail to ``server`` and return its reply: what it says when it takes the mail is the receipt."""
    mail = compose(message, sender=sender)
    try:
        with _session(server, context or ssl.create_default_context()) as session:
            session.mail(mail["From"].addresses[0].addr_spec, ["BODY=8BITMIME"] if session.has_extn("8bitmime") else [])
            code, text = session.rcpt(message.address)
            if code not in (250, 251):
                return _reply(code, text)
            return _reply(*session.data(mail.as_bytes()))
    except smtplib.SMTPResponseException as error:
        return _reply(error.smtp_code, error.smtp_error)
    except (smtplib.SMTPException, OSError) as error:
        return Answer(outcome=Outcome.LATER, text=f"{server.host} port {server.port}: {error or type(error).__name__}")


def _session(server: MailServer, context: ssl.SSLContext) -> smtplib.SMTP:
    """Open a session that is encrypted where the scheme says so, and signed in where a user is given."""
    if server.scheme == "smtps":
        session: smtplib.SMTP = smtplib.SMTP_SSL(server.host, server.port, timeout=TIMEOUT_S, context=context)
    else:
        session = smtplib.SMTP(server.host, server.port, timeout=TIMEOUT_S)
    try:
        if server.scheme == "smtp+starttls":
            # Raises where the server does not offer it: never in the clear by somebody's wish in between.
            session.starttls(context=context)
        if server.user:
            session.login(server.user, server.password)
        session.ehlo_or_helo_if_needed()
    except BaseException:
        session.close()
        raise
    return session


def _reply(code: int, text: bytes | str) -> Answer:
    said = f"{code} {text.decode('utf-8', 'replace') if isinstance(text, bytes) else text}"
    if 200 <= code < 300:
        return Answer(outcome=Outcome.TAKEN, text=said)
    refused = 500 <= code < 600 and code not in _OURS
    return Answer(outcome=Outcome.REFUSED if refused else Outcome.LATER, text=said)

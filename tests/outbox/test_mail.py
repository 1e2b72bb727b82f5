"""Mail over real SMTP."""

import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from headwater.errors import Invalid
from headwater.outbox.mail import MailServer as Server
from headwater.outbox.mail import send
from headwater.outbox.rules import Attachment, Outcome
from headwater.outbox.values import Sendable
from tests.outbox.servers import MailServer

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
FROM = "Headwater <notices@headwater.example>"


def message(**more: object) -> Sendable:
    fields = {
        "id": "MS-0000000001",
        "address": "ops@carrier.example",
        "subject": "Question · due today",
        "text": "Whose call is it?\n.\nA dot alone.\nMüller\n",
        "endpoint": "",
        "created_at": NOW,
    }
    return Sendable(**(fields | more))  # type: ignore[arg-type]


def test_a_mail_arrives_as_it_was_meant_with_its_files(mail_server: MailServer) -> None:
    file = Attachment(name="letter.pdf", media_type="application/pdf", octets=b"%PDF-1.7\n" + bytes(range(256)))
    answer = send(message(files=(file,)), server=Server.of(mail_server.url), sender=FROM)
    assert answer.outcome is Outcome.TAKEN
    assert answer.text == "250 2.0.0 queued as A1B2C3"
    (mail,) = mail_server.mails
    assert (mail["To"], mail["Subject"]) == ("ops@carrier.example", "Question · due today")
    assert mail["Message-ID"] == "<MS-0000000001@headwater.example>"
    assert mail["Auto-Submitted"] == "auto-generated"
    body = mail.get_body()
    assert body is not None
    assert body.get_content().splitlines() == ["Whose call is it?", ".", "A dot alone.", "Müller"]
    (attached,) = mail.iter_attachments()
    assert attached.get_content() == file.octets
    assert attached.get_filename() == "letter.pdf"


def test_a_recipient_that_is_refused_for_good_is_not_asked_again(mail_server: MailServer) -> None:
    mail_server.recipient_answer = "550 5.1.1 no such user"
    answer = send(message(), server=Server.of(mail_server.url), sender=FROM)
    assert (answer.outcome, answer.text) == (Outcome.REFUSED, "550 5.1.1 no such user")


@pytest.mark.parametrize("reply", ["450 4.2.1 mailbox busy", "451 4.7.1 greylisted"])
def test_a_busy_server_is_asked_again(mail_server: MailServer, reply: str) -> None:
    mail_server.recipient_answer = reply
    assert send(message(), server=Server.of(mail_server.url), sender=FROM).outcome is Outcome.LATER


def test_a_server_that_refuses_the_text_says_so(mail_server: MailServer) -> None:
    mail_server.data_answer = "554 5.7.1 content refused"
    assert send(message(), server=Server.of(mail_server.url), sender=FROM).outcome is Outcome.REFUSED


def test_a_server_that_is_not_there_is_tried_again_later(mail_server: MailServer) -> None:
    url = mail_server.url
    mail_server.stop()
    answer = send(message(), server=Server.of(url), sender=FROM)
    assert answer.outcome is Outcome.LATER
    assert "127.0.0.1" in answer.text


def test_nothing_goes_in_the_clear_where_tls_was_asked_for(mail_server: MailServer) -> None:
    server = Server.of(mail_server.url.replace("smtp://", "smtp+starttls://"))
    answer = send(message(), server=server, sender=FROM)
    assert answer.outcome is Outcome.LATER
    assert mail_server.mails == []


@pytest.fixture
def authority(tmp_path: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """The server's context and a client's that trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mail.example")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(datetime.now(UTC) - timedelta(days=1))
        .not_valid_after(datetime.now(UTC) + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    plain = serialization.NoEncryption()
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    (tmp_path / "server.pem").write_bytes(private + pem)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(tmp_path / "server.pem")
    client = ssl.create_default_context(cadata=pem.decode())
    return server, client


@pytest.fixture
def guarded(authority: tuple[ssl.SSLContext, ssl.SSLContext]) -> Iterator[MailServer]:
    """A server that wants TLS and a login."""
    server = MailServer(context=authority[0], login=("hub", "p@ss:word"))
    yield server
    server.stop()


def test_mail_goes_over_tls_with_a_login(guarded: MailServer, authority: tuple[ssl.SSLContext, ssl.SSLContext]) -> None:
    server = Server.of(f"smtp+starttls://hub:p%40ss%3Aword@localhost:{guarded.port}")
    answer = send(message(), server=server, sender=FROM, context=authority[1])
    assert answer.outcome is Outcome.TAKEN, answer.text
    assert "p@ss" not in repr(server)


def test_a_server_with_another_certificate_gets_neither_mail_nor_password(guarded: MailServer) -> None:
    server = Server.of(f"smtp+starttls://hub:p%40ss%3Aword@localhost:{guarded.port}")
    answer = send(message(), server=server, sender=FROM)
    assert answer.outcome is Outcome.LATER
    assert "certificate" in answer.text.lower()
    assert guarded.mails == []


def test_a_wrong_login_is_our_fault_and_tried_again(
    guarded: MailServer, authority: tuple[ssl.SSLContext, ssl.SSLContext]
) -> None:
    server = Server.of(f"smtp+starttls://hub:wrong@localhost:{guarded.port}")
    assert send(message(), server=server, sender=FROM, context=authority[1]).outcome is Outcome.LATER


@pytest.mark.parametrize("url", ["mail.example", "http://mail.example", "smtp://", "smtp://mail.example:port"])
def test_a_setting_that_names_no_server_is_refused(url: str) -> None:
    with pytest.raises(Invalid, match="HEADWATER_SMTP_URL"):
        Server.of(url)

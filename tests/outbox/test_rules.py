"""When a message is tried again, and where a webhook may go."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.errors import Invalid, TooLarge
from headwater.outbox.rules import PAUSES, Answer, Attachment, Outcome, State, after, check_mail, post_fault

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
LATER = Answer(outcome=Outcome.LATER, text="no")


def test_a_message_that_is_never_taken_is_tried_for_three_days_and_then_has_failed() -> None:
    moment, tries = NOW, 0
    while True:
        tries += 1
        state, moment = after(LATER, attempts=tries, now=moment)
        if state is not State.WAITING:
            break
    assert state is State.FAILED
    assert tries == len(PAUSES) + 1
    assert timedelta(days=3) < moment - NOW < timedelta(days=4)


@pytest.mark.parametrize("outcome", [Outcome.REFUSED, Outcome.GONE])
def test_what_is_refused_for_good_is_not_tried_again(outcome: Outcome) -> None:
    assert after(Answer(outcome=outcome, text="550"), attempts=1, now=NOW)[0] is State.FAILED


@given(st.integers(1, len(PAUSES)), st.timedeltas(timedelta(0), timedelta(days=400)))
def test_a_server_that_asks_for_patience_gets_it_within_a_day(attempts: int, wait: timedelta) -> None:
    _, again = after(Answer(outcome=Outcome.LATER, text="", wait=wait), attempts=attempts, now=NOW)
    assert again - NOW >= min(wait, timedelta(days=1))
    assert again - NOW <= max(PAUSES[attempts - 1], timedelta(days=1))


@pytest.mark.parametrize("subject", ["", "  ", "a\nBcc: all@example.org", "x" * 201, "a\x00b"])
def test_a_subject_that_would_become_another_header_is_refused(subject: str) -> None:
    with pytest.raises(Invalid):
        check_mail(subject=subject, text="x", attachments=())


@pytest.mark.parametrize("name", ["../x.pdf", 'a".pdf', "a\r\nb", "", ".hidden"])
def test_a_file_name_that_leads_elsewhere_is_refused(name: str) -> None:
    with pytest.raises(Invalid):
        check_mail(subject="s", text="x", attachments=(Attachment(name=name, media_type="a/b", octets=b""),))


def test_a_mail_is_bounded() -> None:
    big = Attachment(name="a.pdf", media_type="application/pdf", octets=bytes(6 * 1024 * 1024))
    with pytest.raises(TooLarge):
        check_mail(subject="s", text="x", attachments=(big, big))
    with pytest.raises(TooLarge):
        check_mail(subject="s", text="x" * 300_000, attachments=())


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.example.com/",
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://10.0.0.1/x",
        "https://169.254.169.254/latest/meta-data",
        "https://0x7f000001/",
        "https://localhost/",
        "https://metadata.internal/",
        "https://user:secret@hooks.example.com/",
        "https://hooks.example.com/#x",
        "https://hooks.example.com/a b",
        "https://hooks.example.com\\@evil.example/",
        "https:///x",
        "https://hooks.example.com:0/",
        "https://hooks.example.com:99999/",
        "ftp://hooks.example.com/",
        "https://" + "a" * 2_100 + ".com/",
    ],
)
def test_no_webhook_goes_where_an_outsider_could_lead_us(url: str) -> None:
    assert post_fault(url, internal_hosts=frozenset())


def test_a_webhook_goes_to_a_public_https_address_with_port_and_query() -> None:
    assert post_fault("https://hooks.example.com:8443/in?tenant=7", internal_hosts=frozenset()) == ""


def test_a_host_that_the_operator_calls_their_own_may_be_private_and_plain() -> None:
    assert post_fault("http://127.0.0.1:9000/", internal_hosts=frozenset({"127.0.0.1"})) == ""
    assert post_fault("http://127.0.0.2:9000/", internal_hosts=frozenset({"127.0.0.1"}))

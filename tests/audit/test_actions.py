import threading
import uuid
from datetime import UTC, datetime

import pytest
from django.db import DatabaseError, connection, transaction

from headwater.accounts.actors import Actor, system
from headwater.audit import queries
from headwater.audit.actions import record
from headwater.audit.models import AuditEntry, AuditHead
from headwater.audit.tags import Tag
from headwater.errors import Invalid


@pytest.mark.django_db
def test_an_entry_names_who_did_what_to_what(desk: Actor) -> None:
    seq = record(desk, Tag.CAMPAIGN_VIEWED, "C-1", {"by": "page"})
    row = AuditEntry.objects.get(seq=seq)
    assert (row.actor, row.tag, row.subject) == (desk.label, "campaign:campaign:viewed", "C-1")
    assert row.detail == {"by": "page"}
    assert row.organisation == desk.organisation_id
    head = AuditHead.objects.get()
    assert (head.seq, head.hash) == (row.seq, row.hash)


@pytest.mark.django_db
def test_identifiers_and_instants_are_written_as_text(operator: Actor) -> None:
    at = datetime(2026, 7, 30, 6, 34, 5, tzinfo=UTC)
    seq = record(operator, Tag.CALL_VIEWED, "C-1", {"record": uuid.UUID(int=7), "at": at, "states": ("MI", "OH")})
    assert AuditEntry.objects.get(seq=seq).detail == {
        "record": "00000000-0000-0000-0000-000000000007",
        "at": "2026-07-30T06:34:05.000000Z",
        "states": ["MI", "OH"],
    }


@pytest.mark.django_db
@pytest.mark.parametrize("text", ["nul\x00", "lone \ud800 surrogate", "\u2028", "😀" * 3, '"}], "tag": "x'])
def test_text_from_strangers_breaks_no_entry(operator: Actor, text: str) -> None:
    record(Actor(label=f"visitor:{text}"), Tag.ACCOUNT_SIGN_IN_FAILED, text, {"text": [text, {"more": text}]})
    assert queries.check(operator).sound


@pytest.mark.django_db
def test_a_float_is_refused_because_its_text_differs_between_languages(operator: Actor) -> None:
    with pytest.raises(TypeError, match="floats"):
        record(operator, Tag.CALL_VIEWED, "C-1", {"score": 0.5})


@pytest.mark.django_db
def test_an_entry_longer_than_its_bound_is_refused_and_leaves_nothing(operator: Actor) -> None:
    with pytest.raises(Invalid, match="16384"):
        record(operator, Tag.CALL_VIEWED, "C-1", {"text": "x" * 16_384})
    assert not AuditEntry.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_recording_outside_a_transaction_is_refused() -> None:
    with pytest.raises(RuntimeError, match=r"transaction\.atomic"):
        record(system("test"), Tag.CALL_VIEWED, "C-1")


@pytest.mark.django_db(transaction=True)
def test_a_change_that_is_rolled_back_leaves_no_entry_and_no_gap() -> None:
    actor = system("test")
    with transaction.atomic():
        record(actor, Tag.CALL_VIEWED, "C-1")

    def fail_after_recording() -> None:
        with transaction.atomic():
            record(actor, Tag.CALL_VIEWED, "C-2")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_after_recording()
    with transaction.atomic():
        record(actor, Tag.CALL_VIEWED, "C-3")
    assert list(AuditEntry.objects.order_by("seq").values_list("seq", "subject")) == [(1, "C-1"), (2, "C-3")]


@pytest.mark.django_db(transaction=True)
def test_many_writers_at_once_make_one_chain() -> None:
    def write(name: str) -> None:
        try:
            for number in range(20):
                with transaction.atomic():
                    record(system(name), Tag.CALL_VIEWED, f"{name}-{number}")
        finally:
            connection.close()

    writers = [threading.Thread(target=write, args=(f"w{n}",)) for n in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    report = queries.check(system("test"))
    assert report.entries == 80
    assert report.sound


@pytest.mark.django_db
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_entry SET actor = 'somebody else'",
        "UPDATE audit_entry SET entry = replace(entry, 'C-1', 'C-2')",
        "DELETE FROM audit_entry",
        "TRUNCATE audit_entry",
        "TRUNCATE audit_head",
        "UPDATE audit_head SET seq = 0, hash = repeat('0', 64)",
        "DELETE FROM audit_head",
        "INSERT INTO audit_head (id, seq, hash) VALUES (2, 0, repeat('0', 64))",
    ],
)
def test_even_the_owner_of_the_tables_is_refused(operator: Actor, statement: str) -> None:
    record(operator, Tag.CALL_VIEWED, "C-1")
    with pytest.raises(DatabaseError, match="audit: "), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)
    assert queries.check(operator).sound


@pytest.mark.django_db
def test_a_row_inserted_past_the_function_is_chained_all_the_same(operator: Actor) -> None:
    record(operator, Tag.CALL_VIEWED, "C-1")
    entry = AuditEntry.objects.get().entry
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO audit_entry VALUES (99, now(), 'liar', '', 'x', '', '{}', %s, '', 'feed')", [entry])
    assert AuditEntry.objects.order_by("-seq").values_list("seq", "actor").first() == (2, operator.label)
    assert queries.check(operator).sound


@pytest.mark.django_db
def test_an_entry_cannot_claim_another_process(operator: Actor) -> None:
    record(operator, Tag.CALL_VIEWED, "C-1")
    forged = AuditEntry.objects.get().entry.replace(f'"process":"{connection.settings_dict["USER"]}"', '"process":"x"')
    with pytest.raises(DatabaseError, match="is signed in"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT audit_append(%s)", [forged])

import pytest

from headwater.accounts.actors import Actor
from headwater.audit.actions import record
from headwater.audit.models import AuditEntry, AuditHead
from headwater.audit.tags import Tag

pytestmark = pytest.mark.django_db


def test_an_entry_names_who_did_what_to_what(desk: Actor) -> None:
    seq = record(desk, Tag.CAMPAIGN_VIEWED, "C-1", {"by": "page"})
    row = AuditEntry.objects.get(seq=seq)
    assert (row.actor, row.tag, row.subject, row.detail) == (
        desk.label,
        "campaign:campaign:viewed",
        "C-1",
        {"by": "page"},
    )
    assert row.organisation == desk.organisation_id
    head = AuditHead.objects.get()
    assert (head.seq, head.hash) == (row.seq, row.hash)

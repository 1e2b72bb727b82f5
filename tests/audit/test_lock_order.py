"""No transaction that holds the audit's head waits for one that waits for the head."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest
from django.db import connection, transaction

import headwater
from headwater import clock
from headwater.accounts.actors import system
from headwater.audit.actions import record
from headwater.audit.models import AuditEntry
from headwater.audit.tags import Tag
from headwater.campaigns.models import Campaign, CampaignStateChange


def test_rows_are_locked_so_that_a_foreign_key_to_them_never_waits():
    """Foreign keys are checked at the commit, when the audit's head is held already.

    That check takes FOR KEY SHARE on the row that is referred to. Against FOR UPDATE, held by a transaction that still
    has to write its audit entry, both would wait for each other; FOR NO KEY UPDATE (``no_key=True``) lets it pass.
    """
    found = []
    for file in Path(headwater.__file__).parent.rglob("*.py"):
        for number, line in enumerate(file.read_text().splitlines(), start=1):
            if "select_for_update(" in line:
                found.append((file.name, number, "no_key=True" in line))
    assert len(found) > 5
    assert [place for place in found if not place[2]] == []


@pytest.mark.django_db(transaction=True)
def test_one_who_changes_a_campaign_and_one_who_refers_to_it_both_commit():
    now = clock.now()
    campaign = Campaign.objects.create(
        id="C-LOCKORDER", name="Lock-Order", state="ringing", calls=3, first_call_at=now, last_call_at=now,
        detected_at=now, rule_version="1",
    )  # fmt: skip
    locked, referred = Barrier(2, timeout=20), Barrier(2, timeout=20)

    def change() -> None:
        with transaction.atomic():
            Campaign.objects.select_for_update(no_key=True).get(id=campaign.id)
            locked.wait()
            referred.wait()
            record(system("one"), Tag.CAMPAIGN_VIEWED, campaign.id)

    def refer() -> None:
        locked.wait()
        with transaction.atomic():
            CampaignStateChange.objects.create(campaign_id=campaign.id, from_state="", to_state="ringing", at=now)
            record(system("other"), Tag.CAMPAIGN_VIEWED, campaign.id)
            referred.wait()

    def alone(act: Callable[[], None]) -> None:
        try:
            act()
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as threads:
        for done in [threads.submit(alone, act) for act in (change, refer)]:
            done.result(timeout=30)
    assert AuditEntry.objects.filter(subject=campaign.id).count() == 2

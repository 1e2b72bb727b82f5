"""Legal holds on real stores: who sets them, what survives by them, and what the audit says of what was deleted."""

import json
import uuid
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import transaction

from headwater import clock
from headwater.accounts.actors import Actor, system
from headwater.audit.models import AuditEntry
from headwater.audit.tags import Tag
from headwater.calls.queries import CallQueries
from headwater.calls.store import CallStore
from headwater.calls.sweep import Sweeper
from headwater.campaigns.models import CampaignMember
from headwater.errors import Conflict, Forbidden, Invalid, NotFound, Unavailable
from headwater.evidence.verify import verify
from headwater.legal import holds as of_process
from headwater.retention import actions, queries
from headwater.retention.models import LegalHold
from headwater.retention.rules import HoldKind, Reach, Wish
from headwater.site.retention import FILE, Keeper
from tests.evidence.scenery import Scene

pytestmark = pytest.mark.django_db
Store = tuple[str, CallStore]
#: So long after the scene every call is past the time that ``short`` gives it.
LATER = timedelta(days=40)


def keeper(store: Store, home: Path) -> Keeper:
    (home / FILE).write_text("[default]\nrows_days = 30\n")
    return Keeper(Sweeper(store[1].engine, "headwater"), home)


def stored(store: Store) -> set[uuid.UUID]:
    return {row[0] for row in CallQueries(store[1].engine, "headwater").rows("SELECT record_id FROM calls")}


def members(scene: Scene) -> set[uuid.UUID]:
    return set(CampaignMember.objects.filter(campaign_id=scene.campaign.id).values_list("record_id", flat=True))


def details(tag: Tag) -> list[dict[str, object]]:
    rows = AuditEntry.objects.filter(tag=tag).order_by("seq").values_list("entry", flat=True)
    return [json.loads(row)["detail"] for row in rows]


def test_the_calls_of_a_held_campaign_survive_and_go_when_it_is_released(
    scene: Scene, home: Path, call_store: Store, reviewer: Actor
) -> None:
    now = clock.now()
    held = members(scene)
    hold = actions.set_hold(reviewer, Wish(campaign=scene.campaign.id), reason="Case 2026-CP-0815", now=now)
    assert hold.records == len(held) > 0
    actions.refresh_holds(now=now + LATER)
    runs = keeper(call_store, home)
    runs.run(now=now + LATER, dry=False)
    assert held <= stored(call_store)
    actions.release_hold(reviewer, hold.id, reason="The case is closed", now=now + LATER)
    before = len(stored(call_store))
    told = runs.run(now=now + LATER, dry=True)
    assert sum(one.count for one in told) == before == len(stored(call_store)), "a dry run deleted something"
    assert runs.run(now=now + LATER, dry=False) == told
    assert stored(call_store) == set()
    assert runs.run(now=now + LATER, dry=False) == []


def test_what_was_deleted_stands_in_the_audit_with_its_rule_count_and_range(
    scene: Scene, home: Path, call_store: Store
) -> None:
    there = len(stored(call_store))
    keeper(call_store, home).run(now=clock.now() + LATER, dry=False)
    (begun,), (done,) = details(Tag.CALL_DELETION_BEGUN), details(Tag.CALL_DELETION_DONE)
    assert begun == done
    assert (done["what"], done["count"]) == ("rows", there)
    assert str(done["rule"]).startswith("sha256:")
    assert str(done["first_received"]) <= str(done["last_received"])
    assert done["groups"]


def test_a_package_verifies_after_its_calls_are_gone(
    package: Path, home: Path, call_store: Store, custodian_key: bytes
) -> None:
    keeper(call_store, home).run(now=clock.now() + LATER, dry=False)
    assert stored(call_store) == set()
    assert verify(package, custodian_key).ok


def test_a_process_holds_the_calls_that_it_covers_and_those_its_campaign_gains(
    scene: Scene, served: str, reviewer: Actor
) -> None:
    now = clock.now()
    hold = of_process.hold(reviewer, served, reason="Served")
    held = queries.held(now=now).record_ids
    assert held == members(scene)
    newcomer = CampaignMember.objects.filter(campaign_id=scene.campaign.id).first()
    assert newcomer is not None
    joined = uuid.uuid4()
    newcomer.record_id, newcomer.call_at = joined, now
    newcomer.save(force_insert=True)
    assert actions.refresh_holds(now=now) == 1
    assert queries.held(now=now).record_ids == {*held, joined}
    newcomer.delete()
    actions.refresh_holds(now=now)
    assert joined in queries.held(now=now).record_ids, "a call once held was let go"
    assert queries.holds(reviewer)[0].id == hold.id


def test_while_a_growing_hold_is_not_refreshed_nothing_is_deleted(
    scene: Scene, home: Path, call_store: Store, reviewer: Actor
) -> None:
    now = clock.now()
    actions.set_hold(reviewer, Wish(campaign=scene.campaign.id), reason="Case", now=now)
    there = stored(call_store)
    with pytest.raises(Unavailable, match="worker"):
        keeper(call_store, home).run(now=now + LATER, dry=False)
    assert stored(call_store) == there


def test_a_bad_file_of_rules_deletes_nothing(scene: Scene, home: Path, call_store: Store) -> None:
    runs = keeper(call_store, home)
    (home / FILE).write_text("[default]\nrow_days = 1\n")
    there = stored(call_store)
    with pytest.raises(Invalid, match="row_days"):
        runs.run(now=clock.now() + LATER, dry=False)
    assert stored(call_store) == there


def test_records_and_sources_are_held_as_they_are_named(reviewer: Actor) -> None:
    now, one = clock.now(), uuid.uuid4()
    actions.set_hold(reviewer, Wish(records=(one, one)), reason="Asked for by letter", now=now)
    span = Wish(source="ORG-APP", start=now - LATER, end=now)
    actions.set_hold(reviewer, span, reason="Feed under inquiry", now=now)
    held = queries.held(now=now + LATER)
    assert held.record_ids == {one}
    assert [(each.source_id, each.start, each.end) for each in held.spans] == [("ORG-APP", now - LATER, now)]
    assert [entry["kind"] for entry in details(Tag.HOLD_SET)] == [HoldKind.RECORDS, HoldKind.SOURCE]


def test_who_may_not_hold_is_refused_and_nothing_is_noted(desk: Actor, agency: Actor, provider: Actor) -> None:
    for actor in (desk, agency, provider):
        for attempt in (
            lambda actor=actor: actions.set_hold(
                actor, Wish(records=(uuid.uuid4(),)), reason="I want to", now=clock.now()
            ),
            lambda actor=actor: actions.release_hold(actor, "LH-0", reason="I want to", now=clock.now()),
            lambda actor=actor: queries.holds(actor),
        ):
            with pytest.raises(Forbidden):
                attempt()
    assert not LegalHold.objects.exists()


def test_a_wish_that_is_none_is_refused(custodian: Actor) -> None:
    now = clock.now()
    for wish in (
        Wish(),
        Wish(campaign="C-1", process=Reach(process="LP-1", start=now)),
        Wish(source="ORG-APP"),
        Wish(source="ORG-APP", start=now, end=now),
        Wish(source="x' OR 1", start=now - LATER, end=now),
        Wish(records=(uuid.uuid4(),), start=now - LATER, end=now),
    ):
        with pytest.raises(Invalid):
            actions.set_hold(custodian, wish, reason="Because", now=now)
    with pytest.raises(Invalid):
        actions.set_hold(custodian, Wish(records=(uuid.uuid4(),)), reason="  ", now=now)
    with pytest.raises(NotFound):
        actions.set_hold(custodian, Wish(campaign="C-0000000000"), reason="Because", now=now)
    with pytest.raises(NotFound):
        of_process.hold(custodian, "LP-0000000000", reason="Because")


def test_a_hold_is_released_once_with_a_reason(custodian: Actor) -> None:
    now = clock.now()
    hold = actions.set_hold(custodian, Wish(records=(uuid.uuid4(),)), reason="Letter", now=now)
    with pytest.raises(Invalid):
        actions.release_hold(custodian, hold.id, reason="", now=now)
    assert actions.release_hold(custodian, hold.id, reason="Settled", now=now).released_at == now
    with pytest.raises(Conflict):
        actions.release_hold(custodian, hold.id, reason="Settled", now=now)
    with pytest.raises(NotFound):
        actions.release_hold(custodian, "LH-0000000000", reason="Settled", now=now)
    assert queries.held(now=now).record_ids == frozenset()


def test_a_deletion_of_nothing_is_not_noted() -> None:
    with transaction.atomic(), pytest.raises(Invalid):
        actions.note_deletion(system("retention"), "done", [], rule="none")

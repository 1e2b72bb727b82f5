import random
import uuid
from collections import defaultdict
from datetime import timedelta

import pytest
from django.db import connection

from headwater.accounts.actors import Actor, system
from headwater.audit.models import AuditEntry
from headwater.audit.tags import Tag
from headwater.calls.records import CallRecord
from headwater.campaigns import actions, memory, queries
from headwater.campaigns.memory import Memory
from headwater.campaigns.models import Campaign, CampaignExemplar, CampaignMember, CampaignStateChange
from headwater.campaigns.states import CampaignState, NameStatus
from headwater.errors import Conflict, Forbidden, Invalid, NotFound
from headwater.jobs import Job
from tests.campaigns.material import CALLED, NOW, held_out, report, reports, scripts_of

pytestmark = pytest.mark.django_db


def jobs(job: Job) -> list[str]:
    """Return the campaigns that the job was asked for, in order."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT args->>'campaign_id' FROM procrastinate_jobs WHERE task_name = %s ORDER BY id", [job.value]
        )
        return [row[0] for row in cursor.fetchall()]


def audited(tag: Tag) -> list[str]:
    """Return the subjects of the audit's entries with this tag, in order."""
    return list(AuditEntry.objects.filter(tag=tag.value).order_by("seq").values_list("subject", flat=True))


def grouping() -> dict[uuid.UUID, frozenset[uuid.UUID]]:
    """Return for each member the set of its fellow members: what a grouping is, whatever the campaigns' ids."""
    by_campaign = defaultdict(set)
    for record_id, campaign_id in CampaignMember.objects.values_list("record_id", "campaign_id"):
        by_campaign[campaign_id].add(record_id)
    return {record_id: frozenset(group) for group in by_campaign.values() for record_id in group}


def everything() -> dict[uuid.UUID, tuple[object, ...]]:
    """Return each membership with its score and reasons, the campaigns' ids aside."""
    return {
        m.record_id: (m.score, m.nearest_record_id, m.reasons["support"], m.reasons["exact_duplicate"])
        for m in CampaignMember.objects.all()
    }


def observe_all(records: list[CallRecord], *, batch: int, known: Memory | None = None) -> Memory:
    known = known or memory.load()
    for start in range(0, len(records), batch):
        actions.observe(known, records[start : start + batch], now=NOW)
    return known


def test_a_campaign_is_declared_at_its_third_call():
    known = memory.load()
    first, second, third = reports(scripts_of("Legal-Enforcement-Notice")[:3])

    assert not actions.observe(known, [first], now=NOW).confirmed
    assert not actions.observe(known, [second], now=NOW).confirmed
    observed = actions.observe(known, [third], now=NOW)

    campaign = Campaign.objects.get()
    assert observed.confirmed == (campaign.id,)
    assert (campaign.state, campaign.calls, campaign.confirmed_at) == (CampaignState.CONFIRMED, 3, NOW)
    assert jobs(Job.OPEN_TRACEBACKS) == [campaign.id]
    assert jobs(Job.SEND_ALERTS) == [campaign.id]


def test_the_third_call_is_the_third_even_when_all_come_at_once():
    known = memory.load()
    observed = actions.observe(known, reports(scripts_of("Legal-Enforcement-Notice")[:5]), now=NOW)

    campaign = Campaign.objects.get()
    assert observed.confirmed == (campaign.id,)
    changes = list(CampaignStateChange.objects.order_by("id").values_list("to_state", "evidence__calls"))
    assert changes == [("suspected", 1), ("confirmed", 3), ("active", 4)]
    assert jobs(Job.OPEN_TRACEBACKS) == [campaign.id]


def test_a_seen_campaign_takes_the_name_the_itg_gave_it():
    observe_all(reports(scripts_of("Legal-Enforcement-Notice")[:3]), batch=1)
    campaign = Campaign.objects.get()

    assert (campaign.name, campaign.name_is_new) == ("Legal-Enforcement-Notice", False)
    assert campaign.name_basis["score"] >= campaign.name_basis["seen_at"]
    assert campaign.name_status == NameStatus.PROPOSED


def test_taking_the_same_events_twice_changes_nothing():
    records = reports(row["transcript"] for row in held_out()[:60])
    known = observe_all(records, batch=7)
    before = (everything(), grouping(), list(Campaign.objects.order_by("id").values()), jobs(Job.SEND_ALERTS))

    again = actions.observe(known, records, now=NOW + timedelta(minutes=1))

    assert again.placed == 0
    assert again.known == CampaignMember.objects.count()
    after = (everything(), grouping(), list(Campaign.objects.order_by("id").values()), jobs(Job.SEND_ALERTS))
    assert after == before


@pytest.mark.parametrize("batch", [7, 31, 200])
def test_a_restart_and_other_batches_place_every_call_the_same(batch: int):
    records = reports(row["transcript"] for row in held_out()[:150])
    observe_all(records, batch=50)
    expected = everything(), grouping(), sorted(Campaign.objects.values_list("name", "calls", "state"))
    clear()

    for start in range(0, len(records), batch):
        # The memory is loaded from the database each time, as after a restart.
        actions.observe(memory.load(), records[start : start + batch], now=NOW)

    assert (everything(), grouping(), sorted(Campaign.objects.values_list("name", "calls", "state"))) == expected


def clear() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(
            "TRUNCATE campaigns_campaign, campaigns_campaignmember, campaigns_campaignexemplar, "
            "campaigns_campaignstatechange, campaigns_detectorcheckpoint, alerts_alert CASCADE"
        )


def test_another_order_of_the_calls_gives_nearly_the_same_campaigns():
    rows = [row for row in held_out() if row["label_kind"] == "itg-campaign"][:120]
    records = reports(row["transcript"] for row in rows)
    observe_all(records, batch=120)
    in_order = grouping()
    clear()
    random.Random(3).shuffle(records)
    observe_all(records, batch=120)
    shuffled = grouping()

    def pairs(groups):
        return {(a, b) for group in set(groups.values()) for a in group for b in group if a < b}

    one, other = pairs(in_order), pairs(shuffled)
    # One pass cannot be free of order; it must not hang on it.
    assert len(one & other) / len(one | other) > 0.8


def test_two_detectors_cannot_both_store():
    records = reports(scripts_of("Legal-Enforcement-Notice")[:4])
    one, other = memory.load(), memory.load()
    actions.observe(one, records[:2], now=NOW)

    with pytest.raises(Conflict, match="Another detector"):
        actions.observe(other, records[2:], now=NOW)
    assert CampaignMember.objects.count() == 2


def test_a_new_state_asks_for_alerts_again_and_an_old_one_does_not():
    known = memory.load()
    text = scripts_of("Legal-Enforcement-Notice")[0]
    actions.observe(known, [report(i, text, called=CALLED[0]) for i in range(3)], now=NOW)
    finish_jobs()
    actions.observe(known, [report(4, text, called=CALLED[0])], now=NOW)
    assert len(jobs(Job.SEND_ALERTS)) == 1

    actions.observe(known, [report(5, text, called=CALLED[1])], now=NOW)

    assert len(jobs(Job.SEND_ALERTS)) == 2
    assert len(jobs(Job.OPEN_TRACEBACKS)) == 1
    assert Campaign.objects.get().states_hit == {"MI": 4, "OH": 1}


def finish_jobs() -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE procrastinate_jobs SET status = 'doing'")
        cursor.execute("UPDATE procrastinate_jobs SET status = 'succeeded'")


def test_reports_without_words_join_nothing_and_are_counted():
    known = memory.load()
    observed = actions.observe(
        known, [report(1, ""), report(2, " \n "), report(3, "Hello? Hello?"), report(4, "嗯")], now=NOW
    )

    assert (observed.placed, observed.without_text, observed.too_short) == (0, 2, 2)
    assert Campaign.objects.count() == 0
    view = queries.detector()
    assert (view.without_text, view.too_short, view.placed) == (2, 2, 0)


def test_a_huge_transcript_and_rubbish_are_contained():
    known = memory.load()
    rubbish = [
        "word " * 20_000,
        "".join(chr(i) for i in range(1, 0x3000)) * 8,
        "x" * 100_000,
        "press\x00one\x00now\x00to\x00be\x00connected\x00\x00",
        "\ud800 broken surrogate in the middle of a text that goes on",
        "🦆 " * 50_000,
    ]
    observed = actions.observe(known, [report(i, text) for i, text in enumerate(rubbish)], now=NOW)

    assert observed.placed + observed.too_short + observed.without_text == len(rubbish)
    assert max(len(row.text) for row in CampaignExemplar.objects.all()) <= 20_000
    assert known.matcher.clock == memory.load().matcher.clock


def test_a_failed_round_stores_nothing(monkeypatch):
    known = memory.load()
    good = report(1, scripts_of("Legal-Enforcement-Notice")[0])
    # A bound that the intake holds and this room does not: the database refuses the row.
    bad = report(2, scripts_of("Legal-Enforcement-Notice")[1], calling="1" * 40)

    with pytest.raises(Exception, match="value too long"):
        actions.observe(known, [good, bad], now=NOW)

    assert CampaignMember.objects.count() == 0
    assert memory.load().matcher.clock == 0


def test_a_senders_fast_clock_does_not_keep_a_campaign_alive():
    text = scripts_of("Legal-Enforcement-Notice")[0]
    ahead = report(1, text, at=NOW)
    actions.observe(
        memory.load(), [report(1, text, call_at=NOW + timedelta(days=400), received_at=ahead.received_at)], now=NOW
    )

    assert Campaign.objects.get().last_call_at == ahead.received_at


def test_silence_makes_a_campaign_dormant_then_stopped_and_a_call_wakes_it():
    known = observe_all(reports(scripts_of("Legal-Enforcement-Notice")[:4]), batch=4)

    assert actions.review_states(known, now=NOW + timedelta(hours=1)) == 0
    assert actions.review_states(known, now=NOW + timedelta(hours=8)) == 1
    assert Campaign.objects.get().state == CampaignState.DORMANT
    assert actions.review_states(known, now=NOW + timedelta(days=31)) == 1
    assert Campaign.objects.get().state == CampaignState.STOPPED

    later = NOW + timedelta(days=32)
    actions.observe(known, [report(9, scripts_of("Legal-Enforcement-Notice")[0], at=later)], now=later)

    assert Campaign.objects.get().state == CampaignState.ACTIVE
    assert len(audited(Tag.CAMPAIGN_STATE_CHANGED)) == 6


def test_a_script_seen_once_is_given_up_and_compared_with_no_more():
    known = observe_all(reports(scripts_of("Legal-Enforcement-Notice")[:1]), batch=1)
    assert actions.review_states(known, now=NOW + timedelta(days=15)) == 1

    assert Campaign.objects.get().state == CampaignState.STOPPED
    assert len(known.matcher) == len(memory.load().matcher) == 0
    # And the memory still agrees with what is stored.
    observed = actions.observe(known, [report(2, scripts_of("Legal-Enforcement-Notice")[0])], now=NOW)
    assert len(observed.founded) == 1


def test_every_change_is_in_the_audit():
    observe_all(reports(scripts_of("Legal-Enforcement-Notice")[:4]), batch=2)
    campaign = Campaign.objects.get()

    assert audited(Tag.CAMPAIGN_CREATED) == [campaign.id]
    assert audited(Tag.CAMPAIGN_GREW) == [campaign.id] * 2
    assert audited(Tag.CAMPAIGN_STATE_CHANGED) == [campaign.id] * 3
    assert audited(Tag.CAMPAIGN_NAMED) == [campaign.id]


def test_a_person_names_a_campaign_and_the_name_stays(desk: Actor, agency: Actor):
    known = observe_all(reports(scripts_of("Legal-Enforcement-Notice")[:2]), batch=2)
    campaign = Campaign.objects.get()

    with pytest.raises(Forbidden):
        actions.rename(agency, campaign.id, "Legal-Other")
    with pytest.raises(Invalid, match="Amazon-AuthorizeOrder"):
        actions.rename(desk, campaign.id, "<script>")
    with pytest.raises(NotFound):
        actions.rename(desk, "C-0000000000", "Legal-Other")
    actions.rename(desk, campaign.id, "  Legal-Arrest   Warrant ")
    actions.observe(known, reports(scripts_of("Legal-Enforcement-Notice")[2:4], first=50), now=NOW)

    campaign.refresh_from_db()
    assert (campaign.name, campaign.name_status) == ("Legal-Arrest Warrant", NameStatus.ACCEPTED)
    assert campaign.confirmed_at is not None


def test_two_campaigns_never_bear_one_name(desk: Actor):
    observe_all(reports(scripts_of("Legal-Enforcement-Notice")[:3]), batch=3)
    first = Campaign.objects.get()
    observe_all(reports(scripts_of("Amazon-SuspiciousCharge")[:1], first=100), batch=1)
    other = Campaign.objects.exclude(id=first.id).get()

    with pytest.raises(Conflict, match=first.id):
        actions.rename(desk, other.id, first.name)
    other.name = first.name
    other.save()
    with pytest.raises(Conflict, match=first.id):
        actions.accept_name(desk, other.id)


def test_a_later_script_of_a_known_scheme_is_numbered():
    # One scheme of the ITG's spreads over scripts that share few words.
    observe_all(reports(row["transcript"] for row in held_out()), batch=500)

    confirmed = list(Campaign.objects.filter(confirmed_at__isnull=False).values_list("name", flat=True))
    assert len(confirmed) == len(set(confirmed))
    later = [name for name in confirmed if name.endswith("-P2")]
    assert later
    assert {name.removesuffix("-P2") for name in later} <= set(confirmed)


def test_a_system_actor_sees_what_the_detector_made():
    observe_all(reports(scripts_of("Legal-Enforcement-Notice")[:3]), batch=3)
    assert queries.campaigns(system("test"), now=NOW).total == 1

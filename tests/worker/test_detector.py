import threading
import time
from datetime import timedelta

import psycopg
import pytest
from django.db import connection

from headwater.audit.models import AuditEntry
from headwater.audit.tags import Tag
from headwater.calls.queries import connect, disconnect
from headwater.calls.records import CallRecord
from headwater.calls.store import CallStore
from headwater.campaigns import queries
from headwater.campaigns.models import Campaign, CampaignMember
from headwater.campaigns.states import CampaignState
from headwater.errors import Unavailable
from headwater.worker.detector import LOCK, LOOK_BACK_EVERY, Detector, run
from tests.campaigns.material import NOW, CallLog, held_out, report, reports, scripts_of

# The detector holds its lock by its connection and ends its transactions itself.
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _free_lock(transactional_db: None):
    yield
    connection.close()


def follow(log: CallLog) -> Detector:
    return Detector(lambda: log)


def test_it_places_what_was_reported_and_then_only_what_is_new():
    log = CallLog(reports(scripts_of("Legal-Enforcement-Notice")[:2]))
    detector = follow(log)
    assert detector.turn(NOW)
    assert Campaign.objects.get().calls == 2

    log.held += reports(scripts_of("Legal-Enforcement-Notice")[2:4], start=NOW + timedelta(minutes=1), first=20)
    detector.turn(NOW + timedelta(seconds=1))

    assert (Campaign.objects.get().calls, Campaign.objects.get().state) == (4, CampaignState.ACTIVE)


def test_more_calls_than_one_batch_are_all_placed():
    texts = scripts_of("Amazon-AuthorizeOrder")
    log = CallLog(reports(texts[i % len(texts)] for i in range(1_203)))
    follow(log).turn(NOW)
    assert CampaignMember.objects.count() == 1_203


def test_a_record_that_becomes_visible_late_is_not_missed():
    early, middle, late = reports(scripts_of("Legal-Enforcement-Notice")[:3])
    log = CallLog([early, late])
    detector = follow(log)
    detector.turn(NOW)
    # Written by another process before ``late``, committed after it.
    log.held.append(msg_at(middle, late.received_at - timedelta(seconds=3)))

    detector.turn(NOW + LOOK_BACK_EVERY)

    assert CampaignMember.objects.count() == 3
    assert Campaign.objects.get().state == CampaignState.CONFIRMED


def msg_at(record: CallRecord, received_at):
    return report(2, record.transcript, at=record.call_at, received_at=received_at)


def test_a_restart_goes_on_where_it_stopped_and_doubles_nothing():
    rows = reports(row["transcript"] for row in held_out()[:40])
    log = CallLog(rows[:25])
    follow(log).turn(NOW)
    connection.close()
    log.held = list(rows)

    follow(log).turn(NOW)

    assert sum(Campaign.objects.values_list("calls", flat=True)) == CampaignMember.objects.count()
    assert queries.detector().placed == CampaignMember.objects.count()
    assert queries.read_to() == rows[-1].received_at


def test_only_one_of_two_detectors_works():
    settings = connection.settings_dict
    with psycopg.connect(
        dbname=settings["NAME"],
        user=settings["USER"],
        password=settings["PASSWORD"],
        host=settings["HOST"],
        port=settings["PORT"] or None,
        autocommit=True,
    ) as other:
        other.execute("SELECT pg_advisory_lock(%s)", [LOCK])
        log = CallLog(reports(scripts_of("Legal-Enforcement-Notice")[:3]))
        detector = follow(log)

        assert not detector.turn(NOW)
        assert Campaign.objects.count() == 0
    # The other's connection is gone, and its lock with it as soon as the server has seen that.
    assert any(detector.turn(NOW) or time.sleep(0.1) for _ in range(600))
    assert Campaign.objects.count() == 1


def test_a_record_that_cannot_be_stored_is_set_aside_and_the_others_are_placed():
    good = reports(scripts_of("Legal-Enforcement-Notice")[:3])
    bad = report(99, scripts_of("Legal-Enforcement-Notice")[3], at=NOW, calling="1" * 40)
    log = CallLog([good[0], bad, *good[1:]])
    detector = follow(log)

    detector.turn(NOW)
    connection.close()
    follow(log).turn(NOW + LOOK_BACK_EVERY)

    assert Campaign.objects.get().calls == 3
    assert queries.detector().set_aside == 1
    entry = AuditEntry.objects.get(tag=Tag.CALL_SET_ASIDE)
    assert entry.subject == str(bad.record_id)


class Outage(CallLog):
    """A store that does not answer the first times it is asked."""

    failures = 2

    def received_since(self, at, *, limit):
        if self.failures:
            self.failures -= 1
            raise Unavailable("The call store does not answer.")
        return super().received_since(at, limit=limit)


def test_an_outage_of_the_store_is_waited_out():
    log = Outage(reports(scripts_of("Legal-Enforcement-Notice")[:3]))
    stop = threading.Event()
    follower = threading.Thread(target=run, args=(stop, lambda: log))
    follower.start()
    try:
        for _ in range(300):
            if Campaign.objects.filter(calls=3).exists():
                break
            stop.wait(0.1)
    finally:
        stop.set()
        follower.join()
    assert Campaign.objects.get().calls == 3
    assert log.failures == 0


def test_it_follows_a_real_call_store(tmp_path):
    url = f"chdb://{tmp_path / 'calls'}"
    store = CallStore.open(url)
    store.migrate()
    try:
        detector = Detector(lambda: connect(url))
        for record in reports(scripts_of("Legal-Enforcement-Notice")[:3]):
            store.insert([record])
            detector.turn(NOW)
        assert Campaign.objects.get().state == CampaignState.CONFIRMED
    finally:
        disconnect(url)
        store.close()

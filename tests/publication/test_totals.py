"""The public is told totals: nothing small, nobody's name, and a closed week stays as it was."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.calls.store import CallStore
from headwater.publication import actions, queries, rules
from headwater.publication.models import PublishedWeek
from tests.calls.samples import report
from tests.trends.scenery import campaign, ring

NOW = datetime(2026, 11, 19, 12, tzinfo=UTC)  # a Thursday
MONDAY = date(2026, 11, 16)


@pytest.fixture(autouse=True)
def stored(call_store: tuple[str, CallStore], settings: Any) -> CallStore:
    url, store = call_store
    settings.HEADWATER = replace(settings.HEADWATER, calls_url=url)
    return store


def test_a_week_begins_on_monday_utc_and_is_closed_a_day_after_its_end() -> None:
    assert rules.monday_of(NOW) == MONDAY
    assert rules.monday_of(datetime(2026, 11, 15, 23, 59, tzinfo=UTC)) == MONDAY - timedelta(days=7)
    assert not rules.is_closed(MONDAY, datetime(2026, 11, 23, 23, 59, tzinfo=UTC))
    assert rules.is_closed(MONDAY, datetime(2026, 11, 24, tzinfo=UTC))


@given(st.dictionaries(st.text(max_size=5), st.tuples(st.integers(1, 9), st.integers(0, 40)), max_size=8))
def test_no_count_below_five_is_ever_told(families: dict[str, tuple[int, int]]) -> None:
    told = rules.totals(
        rules.Counts(families=families, reports={k: c for k, (_, c) in families.items()}, states={"MI": 3, "TX": 0})
    )
    small = range(1, rules.SMALLEST)
    assert all(family["calls"] is None or family["calls"] not in small for family in told["families"])
    assert all(count is None or count not in small for count in told["reports"].values())
    assert told["states"] == {"MI": None, "TX": 0}
    assert json.dumps(told)


def test_the_median_of_a_few_tracebacks_is_not_told() -> None:
    few = rules.Counts(outcomes={"frontier": 4}, median_minutes=3.0)
    many = rules.Counts(outcomes={"frontier": 5}, median_minutes=3.04)
    assert rules.totals(few)["median_minutes"] is None
    assert rules.totals(many)["median_minutes"] == 3.0


@pytest.mark.django_db
def test_the_week_that_runs_is_counted_again_and_a_closed_one_never(stored: CallStore) -> None:
    one = campaign("Utility-30MinDisconnect", at=NOW)
    ring(one, [NOW] * 6)
    ring(one, [NOW] * 2, vantage="honeypot")
    stored.insert([report(n, call_at=NOW, received_at=NOW) for n in range(7)])
    assert actions.publish(now=NOW) == []
    (week,) = queries.weeks()
    assert (week.monday, week.closed) == (MONDAY, False)
    # Six at the vantage point that saw most, not eight.
    assert week.totals["families"] == [{"family": "Utility", "campaigns": 1, "calls": 6}]
    assert week.reports == [("Blocking apps", 7)]
    assert week.states == [("Michigan", 6)]
    assert [family["name"] for family in week.families] == ["Utility"]
    ring(one, [NOW] * 4)
    assert actions.publish(now=NOW + timedelta(days=6)) == [MONDAY]
    assert PublishedWeek.objects.get(monday=MONDAY).totals["families"][0]["calls"] == 10
    ring(one, [NOW] * 50)
    assert actions.publish(now=NOW + timedelta(days=6, minutes=5)) == []
    assert PublishedWeek.objects.get(monday=MONDAY).totals["families"][0]["calls"] == 10


@pytest.mark.django_db
def test_nothing_that_is_published_names_a_campaign_a_number_or_a_source() -> None:
    one = campaign("Utility-30MinDisconnect", at=NOW)
    ring(one, [NOW] * 9)
    actions.publish(now=NOW)
    said = json.dumps(PublishedWeek.objects.get().totals)
    assert not any(word in said for word in (one.id, one.name, "2155550100", "ORG-X", "+1"))


@pytest.mark.django_db
def test_a_week_in_which_nothing_happened_is_not_published() -> None:
    assert actions.publish(now=datetime(2026, 3, 4, tzinfo=UTC)) == []
    assert queries.weeks() == []

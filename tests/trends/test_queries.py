"""The roll-up follows the members whatever happens to them, and each reader sees their own part."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db.models import Count
from django.db.models.functions import TruncHour

from headwater.accounts.actors import Actor
from headwater.audit.models import AuditEntry
from headwater.calls import queries as calls
from headwater.calls.store import CallStore
from headwater.campaigns.models import CampaignMember
from headwater.errors import Forbidden, Invalid, NotFound
from headwater.trends import actions, queries
from headwater.trends.models import Cut, Forecast, TrendHour
from headwater.trends.providers import Part, trend
from headwater.trends.series import DAY, HOUR
from tests.trends.scenery import campaign, ring

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 20, 12, 30, tzinfo=UTC)
MIDNIGHT = NOW.replace(hour=0, minute=0)


def kept(cut: Cut) -> dict[tuple[str, str, datetime, str], int]:
    rows = TrendHour.objects.filter(cut=cut).exclude(calls=0)
    return {(row.campaign_id, row.state, row.hour, row.vantage): row.calls for row in rows}


def counted() -> dict[tuple[str, str, datetime, str], int]:
    """The same by counting every member."""
    rows = CampaignMember.objects.annotate(hour=TruncHour("call_at")).values_list(
        "campaign_id", "called_state", "hour", "source_kind"
    )
    return {tuple(key): number for *key, number in rows.annotate(n=Count("record_id"))}  # type: ignore[misc]


def test_the_roll_up_is_what_counting_the_members_gives_through_a_move_a_change_and_a_deletion() -> None:
    one, two = campaign("One", at=NOW), campaign("Two", at=NOW)
    members = ring(one, [NOW - HOUR * step for step in range(5)])
    ring(one, [NOW, NOW], vantage="honeypot", state="OH")
    ring(two, [NOW + timedelta(minutes=5)], state="")
    assert kept(Cut.CAMPAIGN_STATE) == counted()
    assert kept(Cut.ALL)["", "", MIDNIGHT + 12 * HOUR, "app"] == 2
    # A merge moves members in one UPDATE.
    CampaignMember.objects.filter(record_id__in=[m.record_id for m in members[:3]]).update(campaign=two)
    assert kept(Cut.CAMPAIGN_STATE) == counted()
    # What is no move changes nothing.
    before = kept(Cut.CAMPAIGN)
    CampaignMember.objects.update(score=0.5)
    assert kept(Cut.CAMPAIGN) == before
    CampaignMember.objects.filter(campaign=two, called_state="").delete()
    assert kept(Cut.CAMPAIGN_STATE) == counted()
    assert sum(kept(Cut.ALL).values()) == CampaignMember.objects.count()


def test_vantage_points_come_side_by_side(desk: Actor) -> None:
    one = campaign("One", at=NOW)
    ring(one, [NOW, NOW - HOUR])
    ring(one, [NOW], vantage="honeypot")
    found = queries.trend(desk, Cut.CAMPAIGN, one.id, now=NOW)
    assert [(each.vantage, each.series.calls) for each in found.vantages] == [("app", 2), ("honeypot", 1)]
    assert not hasattr(found, "calls")


def test_a_family_is_the_sum_of_its_confirmed_campaigns_at_one_vantage_point(desk: Actor) -> None:
    one, two, other = campaign("A", at=NOW), campaign("B", at=NOW), campaign("C", "Amazon", at=NOW)
    for each in (one, two, other):
        ring(each, [NOW])
    two.confirmed_at = None
    two.save()
    (found,) = queries.trend(desk, Cut.FAMILY, "Utility", now=NOW).vantages
    assert found.series.calls == 1
    assert {line.key: dict(line.now) for line in queries.by_family(desk, now=NOW)} == {
        "Utility": {"app": 1},
        "Amazon": {"app": 1},
    }


def test_a_states_agency_reads_its_state_and_the_country_and_no_other_state(agency: Actor) -> None:
    one = campaign("One", at=NOW)
    ring(one, [NOW])
    ring(one, [NOW, NOW], state="OH")
    assert queries.trend(agency, Cut.STATE, "MI", now=NOW).vantages[0].series.calls == 1
    assert queries.trend(agency, Cut.ALL, now=NOW).vantages[0].series.calls == 3
    assert [line.key for line in queries.by_state(agency, now=NOW)] == ["MI"]
    for cut, key in ((Cut.STATE, "OH"), (Cut.CAMPAIGN, one.id), (Cut.CAMPAIGN_STATE, f"{one.id}:MI")):
        with pytest.raises(NotFound):
            queries.trend(agency, cut, key, now=NOW)
    with pytest.raises(NotFound):
        trend(agency, Part.DELIVERED, "709J", now=NOW)


def test_a_provider_reads_no_trends(provider: Actor) -> None:
    for ask in (queries.by_state, queries.by_family, queries.scoreboard):
        with pytest.raises(Forbidden):
            ask(provider, now=NOW)


def test_a_span_that_is_not_shown_is_refused(desk: Actor) -> None:
    with pytest.raises(Invalid):
        queries.trend(desk, Cut.ALL, now=NOW, days=400)


def days_of_calls(number: int) -> None:
    one = campaign("One", at=NOW)
    ring(one, [MIDNIGHT - DAY * step + 15 * HOUR + timedelta(seconds=n) for step in range(1, number) for n in range(9)])


def test_forecasts_are_made_once_before_the_day_and_scored_once_after_it(desk: Actor) -> None:
    days_of_calls(20)
    assert actions.make_forecasts(now=NOW) == 8  # everything, Michigan, the family, the campaign; today and tomorrow
    said = {row.pk: (row.expected, row.low, row.high) for row in Forecast.objects.all()}
    ring(campaign("Two", at=NOW), [NOW - DAY])
    actions.make_forecasts(now=NOW + HOUR)
    kept_as_said = {row.pk: (row.expected, row.low, row.high) for row in Forecast.objects.filter(pk__in=said)}
    assert kept_as_said == said
    assert actions.score_forecasts(now=NOW + 12 * HOUR) == 0  # the day has just ended: reports come late
    ring(campaign("Three", at=NOW), [NOW + timedelta(seconds=n) for n in range(9)])
    assert actions.score_forecasts(now=NOW + 18 * HOUR) == 4
    assert actions.score_forecasts(now=NOW + 18 * HOUR) == 0
    (row,) = Forecast.objects.filter(cut=Cut.ALL, day=NOW.date())
    assert row.came == 9
    board = queries.scoreboard(desk, now=NOW + DAY)
    assert [(cut, vantage, horizon, one.forecasts) for cut, vantage, horizon, one in board] == [
        (cut, "app", 1, 1) for cut in ("all", "campaign", "family", "state")
    ]
    assert next(one for cut, _, _, one in board if cut == "all").covered == 1
    tags = list(AuditEntry.objects.filter(tag__startswith="trend:").values_list("tag", flat=True))
    assert tags.count("trend:forecast:made") >= 1
    assert tags.count("trend:forecast:scored") == 1


def test_the_page_tells_what_was_said_apart_from_what_would_have_been(desk: Actor) -> None:
    days_of_calls(20)
    actions.make_forecasts(now=NOW)
    (found,) = queries.trend(desk, Cut.ALL, now=NOW).vantages
    assert found.score.forecasts == 0
    assert found.tried.forecasts > 10
    assert [each.said.horizon for each in found.next_days] == [1, 2]
    assert found.next_days[0].said.day == NOW.date()


def test_a_provider_is_counted_by_its_part(desk: Actor, call_store: tuple[str, CallStore], settings: object) -> None:
    from dataclasses import replace

    from tests.calls.samples import report

    url, store = call_store
    settings.HEADWATER = replace(settings.HEADWATER, calls_url=url)  # type: ignore[attr-defined]
    store.insert([report(n, terminating_spc="709J", call_at=NOW - HOUR, received_at=NOW - HOUR) for n in range(4)])
    assert calls.connect(url).total() == 4
    (found,) = trend(desk, Part.DELIVERED, "709J", now=NOW).vantages
    assert found.series.calls == 4
    assert trend(desk, Part.SIGNED, "709J", now=NOW).vantages == ()
    assert trend(desk, Part.ORIGIN, "nobody", now=NOW).vantages == ()
    told = queries.reported(desk, now=NOW)
    assert [(each.vantage, each.series.calls) for each in told.vantages] == [("app", 4)]
    assert queries.reported(desk, now=NOW, state="AK").vantages == ()

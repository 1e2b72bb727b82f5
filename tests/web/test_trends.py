"""The trends page of the desk and of the portal, on real series."""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from headwater import clock
from headwater.calls.store import CallStore
from headwater.trends import actions
from headwater.trends.series import DAY
from headwater.web.components.tile_map import tile_map
from headwater.web.trends import change
from tests.conftest import Browser
from tests.trends.scenery import campaign, ring

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def stored(call_store: tuple[str, CallStore], settings: Any) -> Iterator[None]:
    settings.HEADWATER = replace(settings.HEADWATER, calls_url=call_store[0])
    return


@pytest.fixture
def six_weeks(db: None) -> str:
    """A campaign of six weeks in two states, seen at two vantage points."""
    now = clock.now()
    one = campaign("Utility-30MinDisconnect", at=now)
    noons = [now.replace(hour=12, minute=0) - DAY * step for step in range(1, 43)]
    ring(one, [noon + timedelta(minutes=m) for noon in noons for m in range(8)])
    ring(one, [noon + timedelta(minutes=m) for noon in noons[:10] for m in range(2)], state="OH", vantage="honeypot")
    actions.make_forecasts(now=now)
    return one.id


def test_the_desk_sees_the_country_the_map_and_the_families(desk_client: Browser, six_weeks: str) -> None:
    page = desk_client.get("/trends/").content.decode()
    assert "All campaigns, nationwide" in page
    assert "Blocking apps" in page
    assert "Honeypots" in page
    # Six or seven noons lie in the last seven days, as the hour is.
    assert re.search(r"MI (48 calls, Michigan: 4\.76|56 calls, Michigan: 5\.56) a million residents", page)
    assert 'href="/trends/?what=family&amp;key=Utility&amp;days=7"' in page
    assert "are usual" in page
    assert "Nothing is said yet" not in page.split("Honeypots")[0]


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("what=state&key=MI", "Campaigns&#x27; calls to MI"),
        ("what=family&key=Utility", "Family Utility"),
        ("what=reported&key=MI", "Calls to MI"),
        ("what=delivered&key=709J", "Delivered by 709J"),
        ("what=signed&key=709J", "Signed by 709J"),
        ("what=origin&key=PRV-X", "Last known origin PRV-X"),
        ("what=nonsense&days=9000", "All campaigns, nationwide"),
    ],
)
def test_everything_that_can_be_asked_has_a_page(desk_client: Browser, six_weeks: str, query: str, said: str) -> None:
    answer = desk_client.get(f"/trends/?{query}")
    assert answer.status_code == 200
    assert said in answer.content.decode()


def test_an_unknown_family_is_a_page_that_says_so(desk_client: Browser) -> None:
    assert desk_client.get("/trends/?what=family&key=Nobody").status_code == 404


def test_a_states_agency_sees_the_country_and_its_own_state_alone(agency_client: Browser, six_weeks: str) -> None:
    page = agency_client.get("/trends/").content.decode()
    assert "All campaigns, nationwide" in page
    assert "what=state&amp;key=MI" in page
    assert "what=state&amp;key=OH" not in page
    assert six_weeks not in page
    assert agency_client.get("/trends/?what=state&key=OH").status_code == 404
    assert agency_client.get(f"/trends/?what=campaign&key={six_weeks}").status_code == 404
    assert agency_client.get("/trends/?what=origin&key=X").status_code == 404


def test_programs_are_given_the_values(desk_client: Browser, six_weeks: str) -> None:
    told = desk_client.get(f"/trends/?what=campaign&key={six_weeks}", headers={"accept": "application/json"}).json()
    first, second = told["trend"]["vantages"]
    assert (first["vantage"], second["vantage"]) == ("app", "honeypot")
    assert sum(first["series"]["hours"].values()) == 42 * 8
    assert [one["said"]["horizon"] for one in first["next_days"]] == [1, 2]
    assert first["tried"]["forecasts"] == 28
    assert {state["key"] for state in told["states"]} == {"MI", "OH"}


def test_the_map_shades_by_residents_and_says_every_count() -> None:
    drawn = tile_map({"WY": 10, "CA": 10}, what="calls", link=lambda code: f"/{code}")
    tiles = {tile.code: tile for tile in drawn.tiles}
    assert tiles["WY"].step > tiles["CA"].step > 0
    assert tiles["TX"].step == 0
    assert len(drawn.tiles) == 56
    assert len({(tile.x, tile.y) for tile in drawn.tiles}) == 56
    assert "most for its residents in Wyoming" in drawn.sentence


def test_a_change_is_said_in_words() -> None:
    assert [change(*pair) for pair in ((5, 0), (0, 4), (10, 5), (5, 5), (0, 0))] == [
        "new",
        "none now",
        "+100%",
        "same",
        "",
    ]

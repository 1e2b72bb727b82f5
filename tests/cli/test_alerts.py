"""The operator's commands for trends, alerts and subscriptions print what the pages show."""

import json

import pytest
from typer.testing import CliRunner

from headwater import clock
from headwater.accounts.actors import Actor
from headwater.alerts import actions, subscriptions
from headwater.alerts.subscriptions import Wanted
from headwater.cli.main import build
from headwater.trends.series import DAY
from tests.alerts.test_actions import MICHIGAN, OHIO
from tests.alerts.test_actions import ring as ring_campaign
from tests.trends.scenery import campaign, ring

pytestmark = pytest.mark.django_db


def run(*words: str) -> str:
    answer = CliRunner().invoke(build([*words]), [*words], catch_exceptions=False)
    assert answer.exit_code == 0, answer.output
    return answer.output


def test_a_trend_is_printed_and_given_as_json() -> None:
    now = clock.now()
    one = campaign("Utility-30MinDisconnect", at=now)
    ring(one, [now.replace(hour=0, minute=0) - DAY * step for step in range(1, 20) for _ in range(7)])
    shown = run("campaigns", "trends", "campaign", one.id)
    assert "Blocking apps" in shown
    assert "Born" in shown
    told = json.loads(run("campaigns", "trends", "family", "Utility", "--json"))
    assert sum(told["vantages"][0]["series"]["hours"].values()) == 19 * 7
    assert "No call was seen in twelve weeks" in run("campaigns", "trends", "state", "AK")


def test_alerts_are_listed_sent_once_and_subscriptions_shown(agency: Actor) -> None:
    made = ring_campaign(MICHIGAN, OHIO, MICHIGAN)
    assert run("alerts", "send", made.id).startswith("Sent AL-")
    assert run("alerts", "send", made.id) == "Nobody was left to tell.\n"
    (alert,) = actions.queries.alerts(agency)
    listed = run("alerts", "list", "--campaign", made.id)
    assert alert.id in listed
    assert "not traced" in listed
    subscriptions.subscribe(agency, Wanted(name="Duty desk", email="duty@ag.example"))
    assert "duty@ag.example" in run("alerts", "subscriptions")

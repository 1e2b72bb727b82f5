"""What people of a demo do about a notice, at the real pages of desk and carrier."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from headwater import clock
from headwater.accounts.actors import Actor
from headwater.accounts.models import User
from headwater.calls.store import CallStore
from headwater.campaigns.models import CampaignMember
from headwater.cli.demo.acts import Acts
from headwater.cli.demo.folder import Folder, Login, Remembered
from headwater.cli.demo.report import Found
from headwater.cli.demo.screen import Screen
from headwater.cli.demo.stopping import Stopping
from headwater.errors import Invalid, NotFound
from headwater.providers.models import Provider
from headwater.relief.models import Measure, Notice
from headwater.relief.states import Verdict
from headwater.simulator import traffic
from headwater.simulator.accounts import Accounts
from headwater.simulator.network import build as network
from headwater.simulator.octets import Call
from headwater.simulator.person import Person
from headwater.tracebacks.models import Traceback
from tests.conftest import Browser
from tests.evidence.scenery import Scene, build

pytestmark = pytest.mark.django_db


@dataclass
class Through(httpx.BaseTransport):
    """Brings a person's requests to an application in this process, as its signed-in browser sends them."""

    browser: Browser

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        kind = request.headers.get("content-type", "")
        path = request.url.raw_path.decode()
        answer = self.browser.generic(request.method, path, request.read(), content_type=kind)
        return httpx.Response(answer.status_code, headers=list(answer.items()), content=answer.content)


@pytest.fixture
def scene(call_store: tuple[str, CallStore], agency: Actor, settings: Any) -> Scene:
    """A campaign traced to Cedar VoIP (709C)."""
    settings.HEADWATER = replace(settings.HEADWATER, calls_url=call_store[0])
    return build(call_store[1], agency)


@pytest.fixture
def acts(scene: Scene, desk_client: Browser, provider_user: User, provider_client: Browser, tmp_path: Path) -> Acts:
    """The analyst, and somebody at the origin, each with a browser."""
    Provider.objects.filter(organisation=provider_user.organisation).update(organisation=None)
    Provider.objects.filter(id=scene.origin.id).update(organisation=provider_user.organisation)
    at_cedar = Login(
        application="carrier",
        name="Pat",
        email="pat@cedar.example",
        password="",
        totp_secret="GE",
        role="reads notices",
    )
    logins = {"notices-709C": at_cedar}
    facts = Remembered(seed=1, carriers=12, port_base=8400, logins=logins, feed_tokens={}, feed_sources={}, hep_keys={})
    people = {
        seat: Person("http://testserver", email="", password="", totp_secret="", transport=Through(browser))
        for seat, browser in (("analyst", desk_client), ("notices-709C", provider_client))
    }
    return Acts(Folder(home=tmp_path, port_base=8400), facts, people=people)


def an_hour_ago(scene: Scene) -> None:
    """Let the campaign have rung once a minute until an hour ago, and every measure have been taken just then."""
    last = clock.now() - timedelta(hours=1)
    members = list(CampaignMember.objects.filter(campaign=scene.campaign).order_by("call_at"))
    for age, row in enumerate(reversed(members)):
        row.call_at = last - timedelta(minutes=age)
        # Reported as they ring: a silence is believed once reports of what is newer would be in.
        row.joined_at = row.call_at + timedelta(seconds=2)
        row.save(update_fields=["call_at", "joined_at"])
    scene.campaign.first_call_at, scene.campaign.last_call_at = last - timedelta(minutes=len(members)), last
    scene.campaign.save(update_fields=["first_call_at", "last_call_at"])
    Measure.objects.update(at=last + timedelta(seconds=20))


def placed(scene: Scene) -> list[Call]:
    """Return the traced calls as the origin's own records have them, a moment earlier than they were reported."""
    some = next(traffic.plan(network(1), clock.now())).call
    return [
        replace(some, calling=row.calling, at=row.call_at - timedelta(seconds=2), path=("709C", "709A"))
        for row in Traceback.objects.filter(id__in=scene.traceback_ids)
    ]


@contextmanager
def ringing(folder: Path, recent: list[Call]) -> Iterator[Accounts]:
    """Take orders as the simulator does."""
    switch, over = Accounts(folder, recent), threading.Event()

    def take() -> None:
        while not over.wait(0.1):
            switch.look()

    thread = threading.Thread(target=take)
    thread.start()
    try:
        yield switch
    finally:
        over.set()
        thread.join()


def leg(acts: Acts, scene: Scene, folder: Path, *, stopped: Callable[[], bool]) -> Stopping:
    found = Found(campaign_id=scene.campaign.id, campaign_name=scene.campaign.name, origin="709C")
    place = Folder(home=folder, port_base=8400)
    place.own.mkdir()
    return Stopping(place, acts, found, Screen(place), stopped=stopped, meanwhile=lambda: None)


def test_the_leg_ends_with_the_pages_own_words_once_the_calls_have_stopped(
    acts: Acts, scene: Scene, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    def time_passes() -> bool:
        if Measure.objects.filter(kind="provider_acted").exists():
            an_hour_ago(scene)
        return False

    calls = placed(scene)
    told = leg(acts, scene, tmp_path, stopped=time_passes)
    with ringing(tmp_path / "simulator", calls) as switch:
        ending = told.tell()
    assert not any(switch.takes(call) for call in calls)
    assert (ending.not_done, ending.verdict, ending.accounts_ended) == ("", "Stopped", 1)
    assert ending.shown_after_s > 0
    shown = capsys.readouterr().out
    assert "pat@cedar.example" in shown
    assert f"Stopped. {ending.sentence}" in shown.replace("\n", " ")


def test_where_the_carrier_has_no_record_of_the_calls_nothing_is_reported(acts: Acts, scene: Scene, tmp_path: Path):
    told = leg(acts, scene, tmp_path, stopped=lambda: False)
    with ringing(tmp_path / "simulator", []):
        ending = told.tell()
    assert "has no record" in ending.not_done
    assert ending.acted_at is None
    assert not Measure.objects.filter(kind="provider_acted").exists()


def test_a_demo_that_is_stopped_meanwhile_ends_the_leg_and_says_so(acts: Acts, scene: Scene, tmp_path: Path):
    ending = leg(acts, scene, tmp_path, stopped=lambda: True).tell()
    assert ending.not_done == "The demo was stopped."


def test_a_notice_is_sent_acknowledged_and_answered_and_the_page_says_what_the_calls_did(acts: Acts, scene: Scene):
    number = acts.send_notice(scene.campaign.id, scene.origin.id)
    notice = Notice.objects.get()
    assert (notice.id, notice.kind, notice.state) == (number, "suspected_traffic", "sent")

    named = acts.acknowledge("notices-709C", number)
    notice.refresh_from_db()
    assert notice.state == "acknowledged"
    traced = Traceback.objects.filter(id__in=scene.traceback_ids)
    assert sorted((one.calling, one.at) for one in named) == sorted(
        (one.calling, one.call_at.replace(microsecond=0)) for one in traced
    )

    acted_at = clock.now()
    acts.report("notices-709C", number, acted_at=acted_at)
    assert Measure.objects.get(kind="provider_acted").at == acted_at.replace(microsecond=0)
    assert Notice.objects.get().reports.get().action == "customer_ended"

    an_hour_ago(scene)
    verdict, sentence = acts.verdict(scene.campaign.id)
    assert verdict is Verdict.STOPPED
    assert sentence.startswith("No call was reported since ")
    assert "once in 1,000. Reports came at " in sentence
    assert sentence.endswith(").")


def test_while_it_is_too_early_the_page_gives_that_verdict_and_no_sentence_of_a_stop(acts: Acts, scene: Scene):
    acts.send_notice(scene.campaign.id, scene.origin.id)
    verdict, sentence = acts.verdict(scene.campaign.id)
    assert verdict in {Verdict.TOO_EARLY, Verdict.NOTHING_BEFORE}
    assert sentence == ""


def test_a_notice_that_waits_for_its_report_is_taken_up_again_and_not_sent_twice(acts: Acts, scene: Scene):
    number = acts.send_notice(scene.campaign.id, scene.origin.id)
    assert acts.send_notice(scene.campaign.id, scene.origin.id) == number
    acts.acknowledge("notices-709C", number)
    assert len(acts.acknowledge("notices-709C", number)) == len(scene.traceback_ids)
    assert Notice.objects.count() == 1


def test_a_provider_that_is_on_no_path_gets_no_notice(acts: Acts, scene: Scene):
    with pytest.raises(NotFound, match="offers no notice to VSP-nobody"):
        acts.send_notice(scene.campaign.id, "VSP-nobody")


def test_a_report_that_the_page_refuses_is_an_error_and_changes_nothing(acts: Acts, scene: Scene):
    number = acts.send_notice(scene.campaign.id, scene.origin.id)
    acts.acknowledge("notices-709C", number)
    with pytest.raises(Invalid, match="gave 422"):
        acts.report("notices-709C", number, acted_at=clock.now() + timedelta(days=1))
    assert Notice.objects.get().state == "acknowledged"

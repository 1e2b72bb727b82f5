"""Why may I see this? It says what holds, and nothing of what the person may not see."""

import pytest

from headwater.accounts.permission_words import PERMISSION_WORDS
from headwater.accounts.permissions import Permission
from tests.conftest import Browser
from tests.evidence.scenery import Scene

pytestmark = pytest.mark.django_db


def test_every_permission_has_its_words() -> None:
    assert set(PERMISSION_WORDS) == set(Permission)


def test_the_desk_sees_a_campaign_by_its_role(scene: Scene, desk_client: Browser) -> None:
    answer = desk_client.get(f"/why/campaign/{scene.campaign.id}/")
    assert answer.status_code == 200
    assert "campaign:read" in answer.content.decode()


def test_an_alert_is_its_own_agency_s(
    scene: Scene, agency_client: Browser, other_agency_client: Browser, provider_client: Browser
) -> None:
    address = f"/why/alert/{scene.alert_id}/"
    assert "it was sent to your agency" in agency_client.get(address).content.decode()
    assert other_agency_client.get(address).status_code == 404
    assert provider_client.get(address).status_code in (403, 404)


@pytest.mark.parametrize("kind", ["alert", "call", "campaign", "package", "process", "traceback", "nonsense"])
def test_what_does_not_exist_and_what_is_not_open_look_the_same(
    scene: Scene, kind: str, agency_client: Browser
) -> None:
    there = {"campaign": scene.campaign.id}.get(kind, "X-0000000000")
    for record in (there, "X-0000000000", "0" * 300):
        answer = agency_client.get(f"/why/{kind}/{record}/")
        assert answer.status_code == 404
        assert "no such record" in answer.content.decode()

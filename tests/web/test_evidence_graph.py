"""The drawing of the evidence graph opens on one campaign, shows what is shared first, and is capped."""

import pytest

from headwater.campaigns.fusion import Node
from headwater.campaigns.models import CampaignNode
from headwater.campaigns.shared import Sharing, sharing
from headwater.web.components.evidence_graph import NODES, draw
from tests.trends.scenery import campaign


def node(value: str, *, kind: str = "callback", calls: int = 3, campaigns: int = 1) -> Node:
    return Node(kind=kind, value=value, calls=calls, campaigns=campaigns)


def test_nothing_is_drawn_of_nothing() -> None:
    assert draw("A", (), ()) is None


def test_what_others_have_too_comes_first_and_is_joined_to_them() -> None:
    nodes = [node(f"1800555{n:04d}", calls=9) for n in range(30)] + [node("18885550100", calls=1, campaigns=2)]
    other = Sharing(campaign_id="C-OTHER", campaign_name="Other", nodes=(("callback", "18885550100"),))
    drawn = draw("Mine", nodes, [other])
    assert drawn is not None
    assert len(drawn.nodes) == NODES
    assert drawn.nodes[0].words == "18885550100"
    assert [box.path for box in drawn.others] == ["C-OTHER"]
    assert any("Other has 18885550100 too" in line.says for line in drawn.lines)
    assert len(drawn.lines) == NODES + 1
    assert "12 of 31 things" in drawn.sentence
    assert "1 other campaign shares some" in drawn.sentence


@pytest.mark.django_db
def test_neighbours_are_campaigns_that_the_actor_may_see(desk: object, agency: object) -> None:
    from headwater import clock

    now = clock.now()
    one, two = campaign("One", at=now), campaign("Two", at=now)
    for each in (one, two):
        CampaignNode.objects.create(campaign=each, kind="callback", value="188", calls=2, first_at=now, last_at=now)
    shared = [node("188", campaigns=2)]
    assert [found.campaign_id for found in sharing(desk, one.id, shared)] == [two.id]  # type: ignore[arg-type]
    assert sharing(agency, one.id, shared) == ()  # type: ignore[arg-type]
    assert sharing(desk, one.id, [node("188")]) == ()  # type: ignore[arg-type]

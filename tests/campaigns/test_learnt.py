"""What people decide becomes weights that a person adopts, and every call is replayed with its own."""

import pytest

from headwater.accounts.actors import Actor, system
from headwater.audit.models import AuditEntry
from headwater.campaigns import edits, learnt, links, memory
from headwater.errors import Conflict, Forbidden, NotFound
from tests.campaigns.test_edits import NOW, two_campaigns

pytestmark = pytest.mark.django_db
OPERATOR = system("operator")


def merge(desk: Actor) -> None:
    one, other = two_campaigns()
    edits.ask_merge(desk, one, other, why="one caller, two scripts")
    edits.carry_out(now=NOW)


def test_without_a_decision_there_is_nothing_to_learn_from() -> None:
    with pytest.raises(Conflict, match="nothing to learn"):
        learnt.learn(OPERATOR)


def test_a_merge_makes_weights_that_agree_with_it_and_are_used_once_adopted(desk: Actor) -> None:
    merge(desk)
    found = learnt.learn(OPERATOR)
    assert found.version == "links/own-1"
    assert found.decisions >= found.right >= found.right_before
    assert memory.load().matcher.weights_version == links.shipped().version
    learnt.adopt(OPERATOR, found.version)
    assert memory.load().matcher.weights_version == "links/own-1"
    assert [one.in_use for one in learnt.versions(OPERATOR)] == [True]
    learnt.adopt(OPERATOR, "shipped")
    assert learnt.version_in_use() == links.shipped().version
    tags = AuditEntry.objects.filter(tag__startswith="campaign:weights").order_by("seq").values_list("tag", flat=True)
    assert list(tags) == ["campaign:weights:learnt", *["campaign:weights:adopted"] * 2]


def test_a_version_that_is_kept_gives_the_same_weights_back(desk: Actor) -> None:
    merge(desk)
    found = learnt.learn(OPERATOR)
    assert learnt.weights(found.version).version == found.version
    assert learnt.weights(found.version) != links.shipped()
    assert learnt.weights(links.shipped().version) == links.shipped()
    with pytest.raises(NotFound):
        learnt.weights("links/own-9")
    with pytest.raises(NotFound):
        learnt.adopt(OPERATOR, "links/own-9")


def test_who_may_not_change_campaigns_neither_learns_nor_adopts(provider: Actor) -> None:
    with pytest.raises(Forbidden):
        learnt.learn(provider)
    with pytest.raises(Forbidden):
        learnt.adopt(provider, "shipped")

"""The simulated network has what a traceback can meet."""

from itertools import pairwise

import pytest

from headwater.errors import Invalid
from headwater.simulator.network import FOREIGN, LARGEST, LATE, LOST, MAIN, SMALLEST, Answers, Part, build


@pytest.mark.parametrize("seed", range(20))
def test_the_main_campaigns_route_has_five_carriers_and_each_runs_an_agent(seed):
    network = build(seed)
    for state in network.terminating:
        path = network.path(network.heads[MAIN], state)
        assert len(set(path)) == len(path) >= 5
        assert all(network.carriers[spc].answers is Answers.BY_AGENT for spc in path)


def test_the_other_routes_meet_the_border_the_late_person_and_the_lost_feed():
    network = build(1)

    def answers(head: str) -> set[Answers]:
        return {network.carriers[spc].answers for spc in network.heads[head].carriers}

    assert network.carriers[network.heads[FOREIGN].carriers[0]].part is Part.FOREIGN
    assert network.carriers[network.heads[FOREIGN].carriers[1]].part is Part.GATEWAY
    assert Answers.BY_HAND in answers(LATE)
    assert Answers.FEED_LOST in answers(LOST)


def test_the_seed_decides_which_company_takes_which_part():
    origins = {build(seed).carriers[build(seed).heads[MAIN].carriers[0]].name for seed in range(12)}
    assert len(origins) > 6


@pytest.mark.parametrize("size", [SMALLEST, 25, LARGEST])
def test_a_network_has_the_asked_number_of_carriers_and_one_operator_abroad(size):
    network = build(3, size)
    parts = [carrier.part for carrier in network.carriers.values()]
    assert len(parts) == size + 1
    assert parts.count(Part.FOREIGN) == 1
    assert len({carrier.proxy for carrier in network.carriers.values()}) == size + 1
    assert len({carrier.name for carrier in network.carriers.values()}) == size + 1


@pytest.mark.parametrize("size", [0, SMALLEST - 1, LARGEST + 1])
def test_a_network_that_cannot_be_built_is_refused(size):
    with pytest.raises(Invalid, match="--carriers"):
        build(1, size)


def test_everyone_on_a_route_knows_its_neighbours():
    network = build(4)
    for head in network.heads.values():
        for state in network.terminating:
            path = network.path(head, state)
            for upstream, downstream in pairwise(path):
                assert upstream in {peer.spc for peer in network.peers(downstream)}
                assert downstream in {peer.spc for peer in network.peers(upstream)}

"""The large world keeps to its specification: statistics, one seed one world, who answers and who lies."""

import random
from itertools import pairwise
from statistics import mean, pstdev

import msgspec
import pytest

from headwater.simulator import noise as noises
from headwater.simulator.graphs import Tier
from headwater.simulator.knobs import turned
from headwater.simulator.ledger import Ledger, place
from headwater.simulator.participation import By, by_hand, liars, participants
from headwater.simulator.world import ROLES, Role, Signing, World, build


@pytest.fixture(scope="module")
def world() -> World:
    return build(5, "M")


def ledger(world: World, noise: str, calls: int = 120) -> tuple[Ledger, list[tuple[int, ...]]]:
    kept = Ledger(world=world, noise=noises.profile(noise))
    chance = random.Random("calls")
    return kept, [place(kept, chance, number % 24).path for number in range(calls)]


def octets(kept: Ledger) -> bytes:
    return msgspec.json.encode([entry for entries in kept.by_called.values() for entry in entries])


def test_one_seed_gives_one_world_byte_for_byte() -> None:
    one, again = ledger(build(9, "S"), "all")[0], ledger(build(9, "S"), "all")[0]
    assert octets(one) == octets(again)
    assert octets(one) != octets(ledger(build(10, "S"), "all")[0])


def test_path_length_has_its_mean_and_spread() -> None:
    lengths = [len(path) for seed in range(1, 7) for path in ledger(build(seed, "M"), "none", 300)[1]]
    assert mean(lengths) == pytest.approx(5.6, rel=0.05)
    assert pstdev(lengths) == pytest.approx(1.3, rel=0.05)
    assert min(lengths) >= 2
    assert max(lengths) <= 10


def test_shares_of_signing_are_those_of_the_register(world: World) -> None:
    domestic = [member for member in world.members if member.tier is not Tier.FOREIGN]
    full = sum(member.signing is Signing.FULL for member in domestic) / len(domestic)
    none = sum(member.signing is Signing.NONE for member in domestic) / len(domestic)
    assert full == pytest.approx(0.56, abs=0.06)
    assert none == pytest.approx(0.24, abs=0.06)


def test_every_link_goes_both_ways_and_every_route_is_made_of_links(world: World) -> None:
    assert all(here in world.links[there] for here, near in enumerate(world.links) for there in near)
    for path in ledger(world, "none", 80)[1]:
        assert all(there in world.links[here] for here, there in pairwise(path))
        assert len(set(path)) == len(path)


def test_without_noise_a_record_says_what_happened(world: World) -> None:
    kept, paths = ledger(world, "none")
    entries = [entry for found in kept.by_called.values() for entry in found]
    assert kept.records == len(entries)
    assert all(entry.ingress.called == entry.egress.called for entry in entries)
    assert all(entry.ingress.calling == entry.egress.calling for entry in entries)
    assert all(entry.egress.resolution_s <= 0.001 for entry in entries)
    assert sum(map(len, paths)) <= kept.records


def test_each_block_of_noise_shows(world: World) -> None:
    clocks = [e for found in ledger(world, "clocks")[0].by_called.values() for e in found]
    assert any(e.egress.resolution_s >= 60 for e in clocks)
    rewritten = [e for found in ledger(world, "rewriting")[0].by_called.values() for e in found]
    assert any(e.ingress.called != e.egress.called for e in rewritten)
    valid = build(5, "M", knobs=turned(["invalid=0"]))
    plain = octets(ledger(valid, "none")[0])
    assert octets(ledger(valid, "formats")[0]) == plain, "every form of a valid number is read to the same digits"
    lost = ledger(world, "records", 300)[0]
    assert any(entry.call < 0 for found in lost.by_called.values() for entry in found), "failed routes leave records"


def test_who_answers_is_chosen_by_degree_size_or_chance(world: World) -> None:
    def degree(by: str) -> float:
        chosen = participants(world, 0.1, by, 5)
        return mean(world.degree(one) for one in chosen)

    assert degree("top") >= degree("degree") > degree("random")
    assert len(participants(world, 0.3, By.DEGREE, 5)) == round(0.3 * 630)


def test_liars_have_their_share(world: World) -> None:
    assert len(liars(world, 0.01, 5)) == 6
    assert not liars(world, 0.0, 5)


def test_who_does_not_respond_is_small_or_new_and_agents_are_large(world: World) -> None:
    def degree(of: frozenset[int]) -> float:
        return mean(world.degree(one) for one in of)

    domestic = participants(world, 1.0, By.MARKET, 5)
    answering = participants(world, 0.8, By.MARKET, 5)
    assert degree(domestic - answering) < degree(answering)
    hand = by_hand(world, answering, 0.4, 5)
    assert len(answering - hand) == round(0.4 * len(domestic))
    assert degree(answering - hand) > degree(hand)
    assert not by_hand(world, answering, 1.0, 5)


def test_roles_have_the_shares_of_the_register_and_gateways_lead_abroad(world: World) -> None:
    domestic = [member for member in world.members if member.tier is not Tier.FOREIGN]
    for role, share in ROLES.items():
        assert sum(one.role is role for one in domestic) / len(domestic) == pytest.approx(share, abs=0.01), role
    for member in world.members:
        if member.tier is Tier.FOREIGN:
            assert all(Role.GATEWAY in world.members[near].role for near in world.links[member.index])

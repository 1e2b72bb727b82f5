"""Every default is a knob; at zero its effect is gone; and the simulator is held against its own calibration."""

import random
from collections.abc import Callable
from dataclasses import replace

import msgspec
import pytest
from typer.testing import CliRunner

from headwater.calls.matching import Calibration
from headwater.cli.main import build as command_line
from headwater.errors import Invalid
from headwater.simulator import acceptance, trial
from headwater.simulator import noise as noises
from headwater.simulator.answering import Houses
from headwater.simulator.clockbook import Clockbook
from headwater.simulator.knobs import DEFAULT, Graph, Knobs, turned
from headwater.simulator.ledger import Happened, Ledger, ordinary, place
from headwater.simulator.participation import By, participants
from headwater.simulator.world import build


def happened(knobs: Knobs, *, profile: str = "S", noise: str = "all") -> tuple[Ledger, list[Happened]]:
    ledger = Ledger(world=build(2, profile, knobs=knobs), noise=noises.profile(noise))
    chance = random.Random("knobs")
    calls = [place(ledger, chance, number % 24) for number in range(150)]
    return ledger, [*calls, *(ordinary(ledger, chance) for _ in range(100))]


def toll_free(call: Happened) -> bool:
    return call.calling[1:4] in {"800", "833", "844", "855", "866", "877", "888"}


@pytest.mark.parametrize(
    ("knob", "at_most", "by_chance", "shows"),
    [
        ("sim_boxes", 1.0, 0, lambda call: call.boxed),
        ("toll_free", 0.6, 0, toll_free),
        ("invalid", 0.6, 0, lambda call: call.calling[1:2] in "01"),
        ("neighbour", 0.9, 3, lambda call: call.calling[:7] == call.called[:7]),
    ],
)
def test_a_knob_at_zero_removes_its_effect_and_turned_up_shows_it(
    knob: str, at_most: float, by_chance: int, shows: Callable[[Happened], bool]
) -> None:
    assert sum(shows(call) for call in happened(turned([f"{knob}=0"]), noise="none")[1]) <= by_chance
    assert sum(shows(call) for call in happened(turned([f"{knob}={at_most}"]), noise="none")[1]) > 10 * by_chance


def test_without_signers_nothing_is_signed_and_with_ip_links_alone_all_of_it_arrives() -> None:
    none = turned(["signs_full=0", "signs_partial=0"])
    assert not any(call.signed_at_end for call in happened(none)[1])
    whole = turned(["full=1", "partial=0", "signs_full=1", "not_ip=0", "ordinary_not_ip=0", "foreign_campaigns=0"])
    assert sum(call.signed_at_end for call in happened(whole)[1]) >= 220


def test_without_redials_and_crowds_a_number_is_called_once() -> None:
    ledger, calls = happened(turned(["redials=0", "crowded=0"]), noise="none")
    assert ledger.calls == len(calls)


@pytest.mark.parametrize("graph", [Graph.BA, Graph.JAGER])
def test_on_the_peers_graphs_routes_are_the_cheapest(graph: Graph) -> None:
    world = build(2, "S", knobs=turned([f"graph={graph.value}"]))
    for goal in world.terminating[:3]:
        for origin in range(0, 60, 7):
            path = world.route(origin, goal, 0)
            assert path[0] == origin
            assert path[-1] == goal
            if graph is Graph.BA:
                assert len(path) - 1 == world.far(goal)[origin]
    assert bool(world.costs) is (graph is Graph.JAGER)


@pytest.mark.parametrize("setting", ["loud=1", "foreign=-1", "foreign=much", "graph=ring", "foreign"])
def test_a_setting_that_is_none_is_refused(setting: str) -> None:
    with pytest.raises(Invalid):
        turned([setting])


def test_the_carriers_answer_alike_whatever_the_truth_says() -> None:
    """What answers reads records alone: with every record's truth struck out, the traces are the same."""

    def ended(*, struck: bool) -> list[trial.Ended]:
        ledger = Ledger(world=build(4, "S"), noise=noises.profile("all"))
        chance = random.Random("struck")
        truths = [place(ledger, chance, number % 24) for number in range(24)]
        if struck:
            for index in (ledger.by_called, ledger.by_identifier, ledger.by_digits):
                for key, entries in index.items():
                    index[key] = [msgspec.structs.replace(entry, call=0) for entry in entries]  # type: ignore[index]
        houses = Houses(
            ledger=ledger,
            clocks=Clockbook(4, ledger.noise),
            answering=participants(ledger.world, 0.6, By.DEGREE, 4),
            by_hand=frozenset(),
            liars={},
            seed=4,
            calibration=Calibration(),
        )
        traced = (trial._trace(houses, truth, f"TB-{truth.number}", ledger.world, []) for truth in truths)
        return [replace(one, compute_s=0.0) for one in traced]

    assert ended(struck=True) == ended(struck=False)


def test_exact_labels_name_as_many_origins_in_the_peers_graph_as_its_published_test_had_them() -> None:
    assert 50.0 <= acceptance.attached_only(1, goals=30, each=10) <= 64.0
    assert acceptance.attached_only(1, share=0.5, goals=10, each=10) >= 97.0


def test_the_check_prints_each_line_and_fails_where_one_does_not_hold() -> None:
    line = acceptance.Line(what="a", measured=1.0, least=2.0, most=3.0)
    assert not line.holds
    assert replace(line, measured=2.5).holds
    words = ["simulate", "knobs"]
    listed = CliRunner().invoke(command_line(words), words).output.splitlines()
    assert len(listed) == len(DEFAULT.__slots__)


def test_the_market_answers_by_agents_by_hand_and_not_at_all() -> None:
    plan = trial.Plan(profile="S", seed=6, traces=40, participation=0.8, by="market", agents=0.4, noise="none")
    run = trial.run(plan)
    asked = sum(one.answered for one in run.ended)
    assert 0 < sum(one.by_agent for one in run.ended) < asked, "some answers came from people"
    assert max(one.seconds for one in run.ended) > 4 * 3_600, "and people take hours"

"""What many traces of one campaign say together, and what a signature from beyond their ends adds."""

from dataclasses import replace

import pytest

from headwater.tracebacks.leads import Bearing, Traced, bearings, leads, seen_elsewhere, signed_beyond
from headwater.tracebacks.states import Grade

STOPPED = Traced(grade=Grade.FRONTIER, path=("T", "A", "X"))


def probabilities(*traced: Traced) -> dict[str, float]:
    return {lead.provider: lead.probability for lead in leads(traced)}


@pytest.mark.parametrize("attest", ["A", "B"])
def test_a_signer_beyond_a_silent_provider_is_the_lead_and_the_silent_one_is_not(attest: str) -> None:
    signed = replace(STOPPED, signer="O", attest=attest)
    [first, *others] = leads([*[STOPPED] * 9, signed])
    assert first.provider == "O"
    assert first.traces == 0, "no trace ends at it"
    assert first.probability > 0.9
    assert next(one for one in others if one.provider == "X").probability < 0.1


@pytest.mark.parametrize(
    "signed",
    [
        replace(STOPPED, signer="G", attest="C"),
        replace(STOPPED, signer="A", attest="A"),
        replace(STOPPED, signer="X", attest="B"),
        replace(STOPPED, grade=Grade.ORIGIN_CONFIRMED, signer="O", attest="A"),
    ],
    ids=["a gateway's", "one on the path", "the last one's own", "where the origin is confirmed"],
)
def test_a_signature_that_is_not_from_beyond_moves_the_lead_nowhere(signed: Traced) -> None:
    assert not signed_beyond([signed])
    assert leads([*[STOPPED] * 9, signed])[0].provider == "X"


def test_its_own_signature_makes_a_silent_provider_surer_and_a_b_does_not() -> None:
    alone = probabilities(*[STOPPED] * 10)["X"]
    named = replace(STOPPED, grade=Grade.ORIGIN_NAMED, signer="X")
    assert probabilities(*[STOPPED] * 9, replace(named, attest="A"))["X"] > 0.98
    assert probabilities(*[STOPPED] * 9, replace(named, attest="B"))["X"] == pytest.approx(alone, abs=0.02)


def test_a_silent_provider_grows_surer_with_each_call_that_nobody_beyond_it_signed_and_is_never_certain() -> None:
    few, more, many = (probabilities(*[STOPPED] * n)["X"] for n in (2, 8, 25))
    assert few < more < many < 0.99


def test_a_campaign_with_two_origins_has_two_leads() -> None:
    other = replace(STOPPED, path=("T", "B", "O"), grade=Grade.ORIGIN_CONFIRMED)
    found = probabilities(*[replace(STOPPED, grade=Grade.ORIGIN_CONFIRMED), other] * 3)
    assert found["X"] > 0.95
    assert found["O"] > 0.95


def test_each_trace_says_what_it_says_of_each_provider() -> None:
    beyond = {"X": frozenset({"O", "A"})}
    assert list(bearings(STOPPED, {"X": frozenset({"P", "O", "T"})}, beyond)) == [
        ("X", Bearing.ENDED),
        ("O", Bearing.SIGNED),
        ("P", Bearing.BEHIND),
        ("T", Bearing.PASSED),
        ("A", Bearing.PASSED),
    ]
    assert list(bearings(replace(STOPPED, grade=Grade.NONE), {}, beyond)) == []


def test_who_stands_in_other_campaigns_is_less_likely_the_origin_of_this_one() -> None:
    prior = seen_elsewhere({"X": frozenset({"C1", "C2", "C3"}), "O": frozenset({"C1"})}, "C1")
    assert prior["O"] == 1.0
    [known] = [one for one in leads([STOPPED] * 3, prior=prior) if one.provider == "X"]
    assert known.probability < probabilities(*[STOPPED] * 3)["X"]


def test_a_provider_that_signed_as_many_of_its_calls_itself_is_not_passed_over() -> None:
    own, other = replace(STOPPED, signer="X", attest="A"), replace(STOPPED, signer="O", attest="B")
    assert signed_beyond([own, other]) == {"X": frozenset()}
    assert signed_beyond([own, other, other]) == {"X": frozenset({"O"})}
    assert leads([*[STOPPED] * 5, own, own, other])[0].provider == "X"


def test_behind_a_silent_provider_of_many_campaigns_more_can_hide() -> None:
    hub = leads([STOPPED] * 25, prior={"X": 14.0**-3})[0]
    assert hub.provider == "X"
    assert hub.probability < 0.9 < probabilities(*[STOPPED] * 25)["X"]

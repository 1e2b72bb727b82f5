"""Each kind of contradiction is found, with both sides, and none in a trace that holds together."""

from dataclasses import replace
from datetime import timedelta

import pytest

from headwater.tracebacks.lies import Contradiction, LieKind, contradictions
from headwater.tracebacks.trace import Candidates, Opened, Terms
from headwater.wire.agents import AnswerCode
from tests.tracebacks.playbook import ALDER, BIRCH, CALL, CEDAR, DOGWOOD, Play

SURE = 999_000


def opened() -> Play:
    return Play().sees(Opened(call=CALL, terminating=ALDER, terms=Terms(bridges=True, second_look=True)))


def only(play: Play) -> Contradiction:
    [found] = contradictions(play.trace)
    return found


def test_a_trace_that_holds_together_contradicts_nothing() -> None:
    play = opened().names(ALDER, BIRCH, link_ppm=SURE).names(BIRCH, CEDAR, link_ppm=SURE).originated(CEDAR)
    assert contradictions(play.trace) == ()


def test_an_edge_that_one_side_alone_states_is_found() -> None:
    play = opened().names(ALDER, BIRCH)
    for _ in range(3):
        play.answers_with(BIRCH, AnswerCode.RECORD_NOT_FOUND)
    found = only(play)
    assert found.kind is LieKind.ONE_SIDED
    assert "has no record" in found.sentence
    assert {found.question_id, found.other_id} == {hop.question_id for hop in play.trace.path}


def test_a_denial_against_a_name_is_found() -> None:
    play = opened().names(ALDER, BIRCH).answers_with(BIRCH, AnswerCode.NOT_OURS)
    play.names(ALDER, BIRCH).answers_with(BIRCH, AnswerCode.NOT_OURS)
    assert LieKind.DENIED in {one.kind for one in contradictions(play.trace)}


def test_a_receiver_that_names_another_than_the_record_above_it_shows_is_found() -> None:
    play = opened().names(ALDER, BIRCH).names(BIRCH, DOGWOOD)
    for _ in range(3):
        play.answers_with(DOGWOOD, AnswerCode.RECORD_NOT_FOUND)
    play.names(BIRCH, DOGWOOD)
    for below, found in ((DOGWOOD, ()), (BIRCH, (CEDAR,))):
        hop = next(hop for hop in play.trace.hops if hop.respondent == below and hop.bridged)
        play.sees(Candidates(question_id=hop.question_id, respondents=found, asked=9))
    play.answers_with(CEDAR, AnswerCode.ORIGINATED, link_ppm=SURE)
    said = [one.sentence for one in contradictions(play.trace) if one.kind is LieKind.ONE_SIDED]
    assert any("which names another" in sentence for sentence in said)
    assert any("has no record" in sentence for sentence in said)


@pytest.mark.parametrize(
    ("later_s", "found"),
    [(0, False), (59, False), (100, True), (3_600, False), (3_620, False), (3_900, True), (-500, False)],
)
def test_a_call_that_left_after_it_arrived_is_found_and_a_wrong_zone_is_none(later_s: int, *, found: bool) -> None:
    play = opened().names(ALDER, BIRCH, link_ppm=SURE)
    at = play.hop(BIRCH).call.call_at
    hop = replace(play.hop(BIRCH), window_s=20_000)
    play.trace = replace(
        play.trace, hops=tuple(hop if one.question_id == hop.question_id else one for one in play.trace.hops)
    )
    play.names(BIRCH, CEDAR, link_ppm=SURE, matched_at=at + timedelta(seconds=later_s))
    kinds = [one.kind for one in contradictions(play.trace)]
    assert (LieKind.IMPOSSIBLE_TIME in kinds) is found


@pytest.mark.parametrize(
    ("here", "there", "found"), [(9_000, 60_000, False), (9_000, 90_000, True), (-1, 90_000, False)]
)
def test_durations_that_no_rounding_explains_are_found(here: int, there: int, *, found: bool) -> None:
    play = opened().names(ALDER, BIRCH, link_ppm=SURE, ingress=replace(CALL, duration_ms=here))
    play.names(BIRCH, CEDAR, link_ppm=SURE, ingress=replace(CALL, duration_ms=there))
    assert (LieKind.DURATIONS in [one.kind for one in contradictions(play.trace)]) is found


def test_a_provider_that_names_one_after_another_is_found() -> None:
    play = opened().names(ALDER, BIRCH)
    for named in (CEDAR, DOGWOOD):
        play.names(BIRCH, named)
        for _ in range(3):
            play.answers_with(named, AnswerCode.RECORD_NOT_FOUND)
    play.names(BIRCH, ALDER)
    assert LieKind.UNSTEADY in {one.kind for one in contradictions(play.trace)}

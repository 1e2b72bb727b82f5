"""The grade needs its proof, whatever path it is given: also one that the engine would never make."""

from dataclasses import replace

import pytest

from headwater.tracebacks.outcomes import conclude, names, proven
from headwater.tracebacks.states import Grade, HopState
from headwater.tracebacks.trace import Hop
from headwater.wire.agents import AnswerCode
from tests.tracebacks.playbook import ALDER, BIRCH, CEDAR, DOGWOOD, Play, party


@pytest.fixture
def path() -> tuple[Hop, ...]:
    return Play().opens().names(ALDER, BIRCH).names(BIRCH, CEDAR).originated(CEDAR).trace.path


def changed(path: tuple[Hop, ...], place: int, **fields: object) -> tuple[Hop, ...]:
    return tuple(replace(hop, **fields) if number == place else hop for number, hop in enumerate(path))


def restated(path: tuple[Hop, ...], place: int, **fields: object) -> tuple[Hop, ...]:
    hop = path[place]
    assert hop.statement
    return changed(path, place, statements=(replace(hop.statement, **fields),))


def test_the_whole_path_proves_the_origin(path: tuple[Hop, ...]) -> None:
    assert proven(path)
    assert conclude(path, exhausted=False).origin == CEDAR


def test_no_origin_without_its_proof(path: tuple[Hop, ...]) -> None:
    broken = {
        "no path at all is no proof": path[:0],
        "it begins at hop 1": path[1:],
        "a hop is missing": (path[0], path[2]),
        "the first hop is disputed": changed(path, 0, state=HopState.DISPUTED),
        "the neighbour is disputed": changed(path, 1, state=HopState.DISPUTED),
        "the origin is disputed": changed(path, 2, state=HopState.DISPUTED),
        "the neighbour has not answered": changed(path, 1, statements=()),
        "the neighbour names another": restated(path, 1, respondent=DOGWOOD, upstream=party(DOGWOOD)),
        "the neighbour names nobody of the register": restated(path, 1, respondent=None),
        "the neighbour found no record": restated(path, 1, code=AnswerCode.RECORD_NOT_FOUND),
        "another question led here": changed(path, 2, downstream=path[0].question_id),
    }
    for why, one in broken.items():
        assert not proven(one), why
        if one:
            outcome = conclude(one, exhausted=False)
            assert outcome.origin is None, why
            assert outcome.grade is Grade.FRONTIER, why


def test_a_hop_names_only_whom_its_answer_in_force_names(path: tuple[Hop, ...]) -> None:
    assert names(path[0], path[1])
    assert not names(path[0], path[2])
    assert not names(path[2], path[0])


def test_an_answer_by_hand_without_a_record_is_said_to_be_one() -> None:
    play = Play().opens().names(ALDER, BIRCH).answers_with(BIRCH, AnswerCode.ORIGINATED, record="", by_person=True)
    assert play.trace.outcome.endswith("A person gave this answer without a record.")

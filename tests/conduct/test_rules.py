"""The rules of the flags on bare passages."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from headwater.conduct.rules import assess
from headwater.conduct.states import ConductFlagKind, DisputeState, Response, move_dispute
from headwater.conduct.values import Neighbour, Passage, Share
from headwater.errors import Conflict
from headwater.tracebacks.states import Grade, HopRole, TracebackState

BEGIN = datetime(2026, 6, 9, 16, tzinfo=UTC)
DAY = timedelta(days=1)
ONE = Passage(
    traceback_id="TB-1", provider=Neighbour(id="PR-1", spc="222B"), question_id="Q-1", campaign_id="C-1",
    state=TracebackState.ENDED_DISPUTED, grade=Grade.FRONTIER, hop=2, asked_at=BEGIN,
    answered_at=BEGIN + timedelta(seconds=3), legal_due_at=BEGIN + DAY, final_due_at=BEGIN + 2 * DAY,
    answer="UPSTREAM_US",
)  # fmt: skip


def several(number: int, **more: object) -> list[Passage]:
    return [
        replace(ONE, traceback_id=f"TB-{n}", question_id=f"Q-{n}", asked_at=BEGIN + n * DAY, **more)  # type: ignore[arg-type]
        for n in range(number)
    ]


def kinds(passages: list[Passage]) -> set[ConductFlagKind]:
    return {flag.kind for flag in assess(passages, now=BEGIN + 30 * DAY)}


def test_contradictions_with_one_neighbour_alone_are_not_held_against_a_provider() -> None:
    denier = several(6, contradicted=True, upstream=Neighbour(spc="555E"))
    assert kinds(denier) == set()
    denier[0] = replace(denier[0], upstream=Neighbour(spc="666F"))
    assert kinds(denier) == {ConductFlagKind.INSUFFICIENT_RECORDS}


def test_what_is_not_due_was_taken_back_or_is_old_counts_nowhere() -> None:
    silent = several(4, answered_at=None, answer="")
    assert kinds(silent) == {ConductFlagKind.NOT_PARTICIPATING}
    assert assess(silent, now=BEGIN + timedelta(hours=1)) == []
    assert kinds([replace(one, withdrawn_at=one.asked_at + timedelta(hours=1)) for one in silent]) == set()
    assert assess(silent, now=BEGIN + 400 * DAY) == []


def test_calls_taken_from_three_different_origins_are_no_repetition_and_from_one_they_are() -> None:
    taken = [
        replace(
            one, grade=Grade.ORIGIN_CONFIRMED, role=HopRole.INTERMEDIATE, distance=1, confirmed_upstream=True,
            upstream=Neighbour(spc=f"{n}AAA"),
        )
        for n, one in enumerate(several(3))
    ]  # fmt: skip
    assert kinds(taken) == set()
    assert kinds([replace(one, upstream=Neighbour(spc="1AAA")) for one in taken]) == {
        ConductFlagKind.ORIGINATES_OR_ACCEPTS
    }
    unproven = [replace(one, upstream=Neighbour(spc="1AAA"), confirmed_upstream=False) for one in taken]
    assert kinds(unproven) == set()


@pytest.mark.parametrize(
    ("part", "whole", "low", "high"),
    [(0, 0, 0.0, 1.0), (0, 10, 0.0, 0.278), (10, 10, 0.722, 1.0), (5, 10, 0.237, 0.763)],
)
def test_the_interval_is_wilsons(part: int, whole: int, low: float, high: float) -> None:
    share = Share(part=part, whole=whole)
    assert share.low == pytest.approx(low, abs=0.001)
    assert share.high == pytest.approx(high, abs=0.001)


def test_a_decided_dispute_is_final() -> None:
    assert move_dispute(DisputeState.OPEN, DisputeState.UPHELD) is DisputeState.UPHELD
    for done in (DisputeState.UPHELD, DisputeState.REJECTED, DisputeState.WITHDRAWN):
        with pytest.raises(Conflict):
            move_dispute(done, DisputeState.OPEN)


def test_a_refusal_counts_as_declined_however_quick_it_was() -> None:
    assert replace(ONE, answer="DECLINED").response(BEGIN) is Response.DECLINED

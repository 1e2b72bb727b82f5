"""Trace forward: from what points at a number's provider to whoever serves it."""

from datetime import timedelta
from typing import Self

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.tracebacks import forward
from headwater.tracebacks.forward import (
    FORWARD_TRANSITIONS,
    POINTS_ON,
    ForwardAnswered,
    ForwardAnswerError,
    ForwardCancelled,
    ForwardError,
    ForwardEvent,
    ForwardGrade,
    ForwardLapsed,
    ForwardMove,
    ForwardOpened,
    ForwardState,
    ForwardTrace,
    Pointer,
    Said,
)
from headwater.tracebacks.trace import Party, Respondent
from headwater.wire.forward import ForwardCode
from tests.tracebacks.playbook import ALDER, BIRCH, CEDAR, DOGWOOD, party
from tests.tracebacks.support import NOON

NUMBER = "18005550142"
REGISTRY = "the number block registry"


class Forward:
    """A trace forward, a minute passing with every event."""

    def __init__(self, *pointed: tuple[Respondent, str]) -> None:
        self.now, self.trace = NOON, ForwardTrace(number=NUMBER)
        self.events: list[tuple[ForwardEvent, object]] = []
        pointers = tuple(Pointer(to=to, source=source) for to, source in pointed)
        self.sees(ForwardOpened(number=NUMBER, pointers=pointers))

    def sees(self, event: ForwardEvent) -> Self:
        self.now += timedelta(minutes=1)
        self.trace = forward.step(self.trace, event, self.now)
        self.events.append((event, self.now))
        return self

    def says(self, who: Respondent, code: ForwardCode, to: Respondent | Party | None = None) -> Self:
        named = party(to) if isinstance(to, Respondent) else to
        found = to if isinstance(to, Respondent) else None
        said = Said(code=code, party=named, respondent=found, at=self.now)
        return self.sees(ForwardAnswered(provider_id=who.provider_id, said=said))

    def silent(self, who: Respondent) -> Self:
        asked = self.trace.of(who.provider_id)
        assert asked
        self.now = max(self.now, asked.due_at)
        return self.sees(ForwardLapsed(provider_id=who.provider_id))

    def ends(self, state: ForwardState, grade: ForwardGrade, words: str = "") -> None:
        assert (self.trace.state, self.trace.grade) == (state, grade), self.trace.outcome
        assert words in self.trace.outcome


def held_by_alder() -> Forward:
    return Forward((ALDER, REGISTRY))


def test_the_holder_that_serves_the_number_is_confirmed_by_the_registry() -> None:
    play = held_by_alder().says(ALDER, ForwardCode.SERVES)
    play.ends(ForwardState.COMPLETED_SERVING, ForwardGrade.SERVER_CONFIRMED, REGISTRY)
    assert play.trace.server == ALDER


def test_a_ported_and_resold_number_is_followed_to_who_serves_it() -> None:
    play = held_by_alder().says(ALDER, ForwardCode.PORTED, BIRCH).says(BIRCH, ForwardCode.RESOLD, CEDAR)
    assert play.trace.state is ForwardState.IN_PROGRESS
    play.says(CEDAR, ForwardCode.SERVES)
    play.ends(ForwardState.COMPLETED_SERVING, ForwardGrade.SERVER_CONFIRMED, "Birch Voice independently points at it")
    assert play.trace.server == CEDAR


def test_the_registry_and_a_carriers_route_are_asked_at_once_and_must_meet() -> None:
    play = Forward((ALDER, REGISTRY), (BIRCH, "its route of our test call"))
    play.says(BIRCH, ForwardCode.ROUTED, CEDAR).says(ALDER, ForwardCode.PORTED, CEDAR)
    play.says(CEDAR, ForwardCode.SERVES)
    play.ends(ForwardState.COMPLETED_SERVING, ForwardGrade.SERVER_CONFIRMED)
    asked = play.trace.of(CEDAR.provider_id)
    assert asked
    assert asked.sources == ("Birch Voice", "Alder Voice")


def test_two_that_both_say_they_serve_it_are_a_dispute() -> None:
    play = Forward((ALDER, REGISTRY), (BIRCH, "a route")).says(ALDER, ForwardCode.SERVES)
    play.says(BIRCH, ForwardCode.SERVES).ends(ForwardState.ENDED_DISPUTED, ForwardGrade.UNKNOWN, "each state")
    assert play.trace.server is None


def test_a_holder_that_ported_it_elsewhere_contradicts_who_says_it_serves_it() -> None:
    play = Forward((ALDER, REGISTRY), (BIRCH, "a route")).says(ALDER, ForwardCode.PORTED, CEDAR)
    play.says(BIRCH, ForwardCode.SERVES).says(CEDAR, ForwardCode.NOT_SERVED)
    play.ends(ForwardState.ENDED_DISPUTED, ForwardGrade.UNKNOWN, "went to Cedar Voice")


def test_a_circle_of_names_ends_disputed() -> None:
    play = held_by_alder().says(ALDER, ForwardCode.PORTED, BIRCH).says(BIRCH, ForwardCode.PORTED, ALDER)
    play.ends(ForwardState.ENDED_DISPUTED, ForwardGrade.UNKNOWN, "lead to no provider")


@pytest.mark.parametrize(
    ("code", "named", "state", "words"),
    [
        (ForwardCode.NOT_SERVED, None, ForwardState.ENDED_NOT_SERVED, "Nobody"),
        (ForwardCode.NOT_IN_SERVICE, None, ForwardState.ENDED_NOT_SERVED, "assigned to nobody"),
        (ForwardCode.DECLINED, None, ForwardState.ENDED_NON_RESPONSIVE, "declined"),
        (ForwardCode.PORTED, Party(spc="ZZ", name="Nowhere"), ForwardState.ENDED_UNREACHABLE, "no register"),
        (ForwardCode.ROUTED, Party(spc="F", name="Far", country="PH"), ForwardState.ENDED_FOREIGN, "Far (PH)"),
    ],
)
def test_an_answer_that_ends_it(code: ForwardCode, named: Party | None, state: ForwardState, words: str) -> None:
    play = held_by_alder().says(ALDER, code, named)
    assert play.trace.state is state
    assert words in play.trace.outcome
    assert play.trace.server is None


def test_silence_ends_it_and_a_late_answer_still_counts() -> None:
    play = held_by_alder().says(ALDER, ForwardCode.PORTED, BIRCH).silent(BIRCH)
    play.ends(ForwardState.ENDED_NON_RESPONSIVE, ForwardGrade.SERVER_NAMED, "Birch Voice, which has not answered")
    play.says(BIRCH, ForwardCode.SERVES).ends(ForwardState.COMPLETED_SERVING, ForwardGrade.SERVER_CONFIRMED)


def test_a_correction_takes_its_pointer_back() -> None:
    play = held_by_alder().says(ALDER, ForwardCode.PORTED, BIRCH).says(ALDER, ForwardCode.PORTED, CEDAR)
    assert play.trace.of(BIRCH.provider_id) is None, "nothing points at it any more"
    play.says(CEDAR, ForwardCode.SERVES).ends(ForwardState.COMPLETED_SERVING, ForwardGrade.SERVER_CONFIRMED)
    other = held_by_alder().says(ALDER, ForwardCode.PORTED, BIRCH).says(BIRCH, ForwardCode.SERVES)
    other.says(ALDER, ForwardCode.NOT_SERVED).ends(ForwardState.COMPLETED_SERVING, ForwardGrade.SERVER_STATED)
    assert other.trace.server is None, "its own word alone confirms nothing"


@pytest.mark.parametrize(
    ("code", "named", "words"),
    [
        (ForwardCode.PORTED, None, "must name"),
        (ForwardCode.SERVES, BIRCH, "names no other"),
        (ForwardCode.RESOLD, ALDER, "names itself"),
    ],
)
def test_an_impossible_answer_is_refused_and_changes_nothing(code, named, words) -> None:
    play = held_by_alder()
    before = play.trace
    with pytest.raises(ForwardAnswerError, match=words):
        play.says(ALDER, code, named)
    assert play.trace is before


def test_an_answer_from_the_future_is_refused() -> None:
    play = held_by_alder()
    said = Said(code=ForwardCode.SERVES, at=play.now + timedelta(hours=1))
    with pytest.raises(ForwardAnswerError, match="future"):
        play.sees(ForwardAnswered(provider_id=ALDER.provider_id, said=said))


def test_what_does_not_fit_is_our_mistake() -> None:
    play = held_by_alder()
    with pytest.raises(ForwardError, match="never asked"):
        play.says(BIRCH, ForwardCode.SERVES)
    with pytest.raises(ForwardError, match="nothing has run out"):
        play.sees(ForwardLapsed(provider_id=ALDER.provider_id))
    with pytest.raises(ForwardError, match="open already"):
        play.sees(ForwardOpened(number=NUMBER, pointers=()))
    play.sees(ForwardCancelled(by="user:dana", reason="wrong number"))
    with pytest.raises(ForwardError, match="called off"):
        play.says(ALDER, ForwardCode.SERVES)


def test_a_number_that_nothing_points_at_ends_at_once() -> None:
    Forward().ends(ForwardState.ENDED_UNREACHABLE, ForwardGrade.UNKNOWN, "No registry")


def test_a_pair_outside_the_table_raises() -> None:
    for state, row in FORWARD_TRANSITIONS.items():
        for by in set(ForwardMove) - set(row):
            with pytest.raises(ForwardError, match="cannot"):
                forward.move(state, by)
    assert set(FORWARD_TRANSITIONS) == set(ForwardState)


EVERYBODY = (ALDER, BIRCH, CEDAR, DOGWOOD)


@given(
    st.lists(
        st.tuples(st.sampled_from(EVERYBODY), st.sampled_from([*ForwardCode, None]), st.sampled_from(EVERYBODY)),
        max_size=12,
    )
)
def test_any_answers_confirm_only_who_says_so_and_is_pointed_at_and_fold_the_same(deeds) -> None:
    play = Forward((ALDER, REGISTRY), (DOGWOOD, "a route"))
    for who, code, to in deeds:
        try:
            play.silent(who) if code is None else play.says(who, code, to if code in POINTS_ON else None)
        except (ForwardError, ForwardAnswerError, AssertionError):
            continue
    trace = play.trace
    assert forward.fold(NUMBER, play.events) == trace  # type: ignore[arg-type]  # instants, as recorded
    if trace.grade is ForwardGrade.SERVER_CONFIRMED:
        asked = trace.of(trace.server.provider_id) if trace.server else None
        assert asked
        assert asked.said
        assert asked.said.code is ForwardCode.SERVES
        assert asked.sources
    else:
        assert trace.server is None

"""What the walk tries when a provider does not lead on, and what may be said afterwards."""

from dataclasses import replace
from datetime import timedelta

import pytest

from headwater.tracebacks import engine
from headwater.tracebacks.commands import Ask, Bridge, Reopen
from headwater.tracebacks.leads import Traced, leads
from headwater.tracebacks.states import Deadline, FlagKind, Grade, HopKind, HopState, TracebackState
from headwater.tracebacks.tables import TracebackError
from headwater.tracebacks.trace import Candidates, Opened, Party, Reopened, Respondent, Signer, Terms
from headwater.wire.agents import AnswerCode
from tests.tracebacks.playbook import ALDER, BIRCH, CALL, CEDAR, DOGWOOD, PAPER, Play

DETOURS = Terms(second_look=True, bridges=True)
SURE, DOUBTFUL = 999_000, 20_000


def opened(signer: Respondent | None = None, attest: str = "A") -> Play:
    signed = Signer(respondent=signer, attest=attest) if signer else None
    return Play().sees(Opened(call=CALL, terminating=ALDER, terms=DETOURS, signer=signed))


def bridged(play: Play, below: Respondent, *found: Respondent) -> Play:
    """Say who may have handed the call to ``below``, whether or not the engine asked for it."""
    asked = [hop for hop in play.trace.hops if hop.respondent == below and hop.kind is HopKind.WALK and hop.live]
    return play.sees(Candidates(question_id=asked[-1].question_id, respondents=found, asked=9))


def lost(play: Play, who: Respondent) -> Play:
    """``who`` finds no record, thrice; the one that named it says the same again; a bridge is asked for."""
    for _ in range(3):
        play.answers_with(who, AnswerCode.RECORD_NOT_FOUND)
    check = next(hop for hop in play.trace.hops if hop.kind is HopKind.CHECK and hop.live)
    namer = play.trace.hop(check.about)
    assert namer
    return play.names(namer.respondent, who)


def test_no_record_is_asked_for_by_other_times_and_wider_but_of_people_only_twice() -> None:
    play = opened().names(ALDER, BIRCH)
    windows = []
    for _ in range(3):
        windows.append(play.hop(BIRCH).window_s)
        play.answers_with(BIRCH, AnswerCode.RECORD_NOT_FOUND)
    assert windows == [30, 120, 600]
    play.asks(ALDER)
    by_hand = opened().names(ALDER, PAPER)
    by_hand.answers_with(PAPER, AnswerCode.RECORD_NOT_FOUND).answers_with(PAPER, AnswerCode.RECORD_NOT_FOUND)
    by_hand.asks(ALDER)


def test_no_record_is_asked_for_once_more() -> None:
    play = opened().names(ALDER, BIRCH).answers_with(BIRCH, AnswerCode.RECORD_NOT_FOUND).asks(BIRCH)
    assert play.hop(BIRCH).window_s > 30
    assert play.names(BIRCH, CEDAR).originated(CEDAR).trace.grade is Grade.ORIGIN_CONFIRMED


def test_whoever_named_a_provider_without_record_is_asked_once_more_and_may_name_another() -> None:
    play = opened().names(ALDER, BIRCH)
    for _ in range(3):
        play.answers_with(BIRCH, AnswerCode.RECORD_NOT_FOUND)
    play.asks(ALDER)
    assert play.hop(ALDER).kind is HopKind.CHECK
    play.names(ALDER, CEDAR).flags(ALDER, FlagKind.CONTRADICTED)
    assert play.path() == ["ALDER", "CEDAR"]
    assert play.originated(CEDAR).trace.origin == CEDAR


def test_a_record_of_another_call_is_asked_for_again_and_never_followed() -> None:
    play = opened().names(ALDER, BIRCH).names(BIRCH, DOGWOOD, link_ppm=DOUBTFUL).asks(BIRCH)
    assert "DOGWOOD" not in play.path()
    play.names(BIRCH, CEDAR, link_ppm=SURE)
    assert play.path() == ["ALDER", "BIRCH", "CEDAR"]


def test_a_missing_record_is_bridged_and_the_bridge_is_said() -> None:
    play = lost(opened().names(ALDER, BIRCH), BIRCH).does(Bridge)
    bridged(play, BIRCH, CEDAR).names(CEDAR, DOGWOOD, link_ppm=SURE).originated(DOGWOOD)
    assert play.path() == ["ALDER", "BIRCH", "CEDAR", "DOGWOOD"]
    assert play.trace.grade is Grade.ORIGIN_CONFIRMED
    assert "bridged over Birch Voice" in play.trace.outcome


def test_an_origin_found_by_a_bridge_is_stated_and_not_confirmed() -> None:
    play = lost(opened().names(ALDER, BIRCH), BIRCH)
    bridged(play, BIRCH, CEDAR).answers_with(CEDAR, AnswerCode.ORIGINATED, link_ppm=SURE)
    play.ends(TracebackState.ENDED_RECORD_NOT_FOUND, Grade.ORIGIN_STATED)
    assert play.trace.origin is None
    assert "no neighbour confirms it" in play.trace.outcome


def test_a_bridge_needs_a_link_that_is_sure() -> None:
    play = lost(opened().names(ALDER, BIRCH), BIRCH)
    bridged(play, BIRCH, CEDAR).answers_with(CEDAR, AnswerCode.ORIGINATED, link_ppm=700_000)
    assert "CEDAR" not in play.path()


def test_two_that_both_show_the_hand_over_leave_the_fork_open() -> None:
    play = lost(opened().names(ALDER, BIRCH), BIRCH)
    bridged(play, BIRCH, CEDAR, DOGWOOD)
    play.answers_with(CEDAR, AnswerCode.ORIGINATED, link_ppm=SURE)
    play.answers_with(DOGWOOD, AnswerCode.ORIGINATED, link_ppm=SURE)
    assert play.trace.grade is Grade.FRONTIER
    assert len(play.trace.branches) == 1
    assert "Which is not known" in play.trace.outcome


def test_a_silent_provider_is_bridged_when_the_platforms_target_passes() -> None:
    play = opened().names(ALDER, BIRCH).lapses(BIRCH, Deadline.PLATFORM)
    assert any(isinstance(command, Bridge) for command in play.last)
    bridged(play, BIRCH, CEDAR).names(CEDAR, DOGWOOD, link_ppm=SURE)
    assert play.path()[-1] == "DOGWOOD"
    assert play.hop(BIRCH).state is HopState.NOTIFIED


def test_a_name_that_nobody_bears_out_is_tried_from_below() -> None:
    """A provider that blames another is found out by whoever handed the call to the blaming one."""
    play = lost(opened().names(ALDER, BIRCH).names(BIRCH, DOGWOOD), DOGWOOD)
    bridged(play, DOGWOOD).does(Bridge)
    bridged(play, BIRCH, CEDAR).answers_with(CEDAR, AnswerCode.ORIGINATED, link_ppm=SURE)
    assert play.path() == ["ALDER", "BIRCH", "CEDAR"]


def test_the_signer_is_asked_beside_the_walk_and_never_trusted_blindly() -> None:
    play = opened(signer=CEDAR)
    assert [type(command) for command in play.last] == [Ask, Ask]
    play.originated(CEDAR)
    assert play.trace.state is TracebackState.IN_PROGRESS
    assert play.path() == ["ALDER"]
    play.names(ALDER, BIRCH).originated(BIRCH)
    assert play.trace.origin == BIRCH
    assert "signed by Cedar Voice, which the walk has not met" in play.trace.outcome


def test_a_silent_provider_is_named_by_neighbour_only_with_its_own_signature_and_full_attestation() -> None:
    others = ((BIRCH, "B"), (BIRCH, "C"), (None, ""), (DOGWOOD, "A"))
    for signer, attest, grade in (*((*one, Grade.FRONTIER) for one in others), (BIRCH, "A", Grade.ORIGIN_NAMED)):
        play = lost(opened(signer=signer, attest=attest).names(ALDER, BIRCH), BIRCH)
        bridged(play, BIRCH)
        bridged(play, ALDER)
        assert play.trace.grade is grade, (signer, attest)
        assert play.trace.origin is None
        assert ("No finding" in play.trace.outcome) is (grade is Grade.ORIGIN_NAMED)


def test_an_ended_walk_is_opened_again_only_with_a_reason() -> None:
    play = Play().opens().names(ALDER, BIRCH).originated(BIRCH)
    with pytest.raises(TracebackError, match="why"):
        play.sees(Reopened(by="user:dana", reason=" "))
    play.sees(Reopened(by="user:dana", reason="the carrier found its archive")).does(Ask, Reopen)
    assert play.trace.state is TracebackState.IN_PROGRESS
    assert play.names(BIRCH, CEDAR).originated(CEDAR).trace.origin == CEDAR


def test_the_events_of_a_bridge_fold_to_the_same_trace() -> None:
    play = lost(opened(signer=DOGWOOD).names(ALDER, BIRCH), BIRCH)
    bridged(play, BIRCH, CEDAR).names(CEDAR, DOGWOOD, link_ppm=SURE)
    assert engine.fold("TB-PLAY", play.events) == play.trace


def test_candidates_come_only_where_a_bridge_was_asked_for() -> None:
    with pytest.raises(TracebackError, match="nobody asked"):
        bridged(opened().names(ALDER, BIRCH), BIRCH, CEDAR)


def test_a_late_answer_of_a_bridged_provider_takes_its_place() -> None:
    play = opened().names(ALDER, BIRCH).lapses(BIRCH, Deadline.PLATFORM)
    bridged(play, BIRCH, CEDAR).answers_with(CEDAR, AnswerCode.ORIGINATED, link_ppm=SURE)
    play.ends(TracebackState.ENDED_NON_RESPONSIVE, Grade.ORIGIN_STATED)
    play.now += timedelta(hours=1)
    play.names(BIRCH, CEDAR).originated(CEDAR)
    assert play.trace.grade is Grade.ORIGIN_CONFIRMED


# -- beyond several that do not lead on


def far(play: Play, above: Respondent, *found: Respondent) -> Play:
    """Say who may have carried the call at all, beyond ``above``."""
    hop = next(hop for hop in play.trace.hops if hop.respondent == above and hop.searched)
    return play.sees(Candidates(question_id=hop.question_id, respondents=found, far=True, asked=9))


def silent_then_searched() -> Play:
    """ALDER names BIRCH; BIRCH is silent, and nobody handed the call to either."""
    play = Play().sees(Opened(call=CALL, terminating=ALDER, terms=replace(DETOURS, gaps=True))).names(ALDER, BIRCH)
    play.lapses(BIRCH, Deadline.PLATFORM)
    bridged(bridged(play, BIRCH), ALDER)
    assert play.last == (Bridge(question_id=play.hop(BIRCH).question_id, far=True),)
    return play


def test_where_no_bridge_holds_it_is_asked_who_carried_the_call_at_all() -> None:
    play = far(silent_then_searched(), BIRCH, CEDAR).asks(CEDAR)
    assert play.hop(CEDAR).kind is HopKind.GAP
    assert "CEDAR" not in play.path(), "nothing is said before its record is there"
    play.names(CEDAR, DOGWOOD, link_ppm=SURE)
    assert play.path() == ["ALDER", "BIRCH", "CEDAR", "DOGWOOD"]


def test_an_origin_beyond_a_gap_is_stated_and_never_confirmed() -> None:
    play = far(silent_then_searched(), BIRCH, CEDAR).names(CEDAR, DOGWOOD, link_ppm=SURE).originated(DOGWOOD)
    assert play.trace.grade is Grade.ORIGIN_STATED
    assert play.trace.state is TracebackState.ENDED_NON_RESPONSIVE
    assert play.trace.origin is None
    assert "No unbroken path joins Dogwood Voice" in play.trace.outcome
    assert "between Cedar Voice and Birch Voice is not known" in play.trace.outcome


def test_a_point_of_entry_beyond_a_gap_is_no_finding() -> None:
    abroad = Party(spc="F1", name="Far Telecom", country="PH")
    play = far(silent_then_searched(), BIRCH, CEDAR)
    play.answers_with(CEDAR, AnswerCode.UPSTREAM_FOREIGN, abroad, link_ppm=SURE)
    assert play.trace.grade is Grade.FRONTIER or play.trace.state is TracebackState.IN_PROGRESS


def test_of_several_beyond_a_gap_the_one_that_had_the_call_last_leads_on() -> None:
    play = far(silent_then_searched(), BIRCH, CEDAR, DOGWOOD)
    at = play.hop(CEDAR).call.call_at
    play.names(DOGWOOD, PAPER, link_ppm=SURE, matched_at=at - timedelta(seconds=3))
    assert play.path() == ["ALDER", "BIRCH"], "the other has not been heard yet"
    play.names(CEDAR, PAPER, link_ppm=SURE, matched_at=at - timedelta(seconds=1))
    assert play.path()[:3] == ["ALDER", "BIRCH", "CEDAR"]


@pytest.mark.parametrize(
    ("link", "later"), [(700_000, timedelta()), (SURE, timedelta(seconds=5))], ids=["unsure", "after the one below"]
)
def test_a_record_beyond_a_gap_must_be_sure_and_earlier_than_the_one_below(link: int, later: timedelta) -> None:
    play = far(silent_then_searched(), BIRCH, CEDAR)
    play.names(CEDAR, DOGWOOD, link_ppm=link, matched_at=CALL.call_at + later)
    assert play.path() == ["ALDER", "BIRCH"]


def test_who_was_silent_takes_its_place_back_from_a_gap() -> None:
    play = far(silent_then_searched(), BIRCH, CEDAR).names(CEDAR, DOGWOOD, link_ppm=SURE)
    play.names(BIRCH, CEDAR)
    assert play.path() == ["ALDER", "BIRCH", "CEDAR"]
    assert play.originated(CEDAR).trace.grade is Grade.ORIGIN_CONFIRMED


def test_the_events_of_a_gap_fold_to_the_same_trace() -> None:
    play = far(silent_then_searched(), BIRCH, CEDAR, DOGWOOD)
    play.names(CEDAR, DOGWOOD, link_ppm=SURE)
    assert engine.fold("TB-PLAY", play.events) == play.trace


# -- who names one after another


def test_who_names_another_each_time_it_is_asked_is_where_the_proof_ends() -> None:
    play = opened().names(ALDER, BIRCH)
    for named in (CEDAR, DOGWOOD):
        play.names(BIRCH, named)
        for _ in range(3):
            play.answers_with(named, AnswerCode.RECORD_NOT_FOUND)
    play.names(BIRCH, PAPER)
    for _ in range(2):
        play.answers_with(PAPER, AnswerCode.RECORD_NOT_FOUND)
    while wanted := [one for one in play.last if isinstance(one, Bridge)]:
        play.sees(Candidates(question_id=wanted[0].question_id, asked=9))
    assert play.path() == ["ALDER", "BIRCH"]
    play.ends(TracebackState.ENDED_DISPUTED, Grade.FRONTIER)
    assert "names one provider after another" in play.trace.outcome


def test_a_bridge_that_names_a_provider_below_it_goes_in_a_circle_and_is_left() -> None:
    play = lost(opened().names(ALDER, BIRCH).names(BIRCH, CEDAR), CEDAR)
    bridged(play, CEDAR, DOGWOOD).names(DOGWOOD, ALDER, link_ppm=SURE)
    assert "DOGWOOD" not in play.path()


def test_a_proven_hand_over_outweighs_what_its_receiver_says_later() -> None:
    play = opened().names(ALDER, BIRCH).names(BIRCH, DOGWOOD).lapses(DOGWOOD, Deadline.PLATFORM)
    bridged(bridged(play, DOGWOOD), BIRCH, CEDAR).names(CEDAR, PAPER, link_ppm=SURE)
    assert play.path() == ["ALDER", "BIRCH", "CEDAR", "PAPER"]
    play.lapses(DOGWOOD, Deadline.LEGAL).lapses(DOGWOOD, Deadline.FINAL).asks(BIRCH)
    play.names(BIRCH, ALDER)
    assert play.path() == ["ALDER", "BIRCH", "CEDAR", "PAPER"]


def test_leads_rank_who_originates_and_stay_modest_about_the_silent() -> None:
    stopped = Traced(grade=Grade.FRONTIER, path=("T", "A", "O"))
    [first, *_others] = leads([stopped, replace(stopped, path=("T", "B", "O"))] * 5)
    assert first.provider == "O"
    assert first.probability < 0.95, "a silent one may hide another, however many traces end at it"
    proven = leads([replace(stopped, grade=Grade.ORIGIN_CONFIRMED), stopped])
    assert proven[0].probability > 0.99
    assert leads([]) == []

from datetime import timedelta

import pytest

from headwater.agent import answers
from headwater.agent.policy import Policy
from headwater.numbering.numbers import E164
from headwater.wire.agents import AnswerCode, Party
from tests.agent.scenes import question
from tests.calls.invites import CARRIER, DOWN, OTHER, OURS, RESELLER, SHOP, START, ask, invite, through

US = Party(spc="709J", name="Us")
ASKED = question("Q-1", at=START)


def said(records, **asked):
    return answers.answer(ASKED, ask(records, **asked), provider=US, policy=Policy(), now=START + timedelta(minutes=1))


def test_an_upstream_is_named_with_the_records_of_both_legs():
    answer = said(through())
    assert (answer.code, answer.upstream) == (AnswerCode.UPSTREAM_US, Party(spc="111A", name="Upper"))
    assert answer.ingress is not None
    assert answer.egress is not None
    assert (answer.ingress.source_ip, answer.egress.destination_ip) == (CARRIER, DOWN)
    assert answer.ingress.record_id != answer.egress.record_id
    assert answer.answered_at == "2026-11-24T15:01:00.000000Z"


def test_a_reseller_is_named_and_a_customer_is_not():
    assert said(through(RESELLER)).upstream == Party(spc="555E", name="Resold")
    answer = said(through(SHOP))
    assert (answer.code, answer.upstream) == (AnswerCode.ORIGINATED, None)


def test_a_number_of_the_customer_that_was_not_shown_later_stays_here():
    records = [
        invite(SHOP, OURS, calling=E164("14045550199"), identity_digest="d"),
        invite(OURS, DOWN, at=0.1, identity_digest="d"),
    ]
    answer = said(records)
    assert answer.code is AnswerCode.ORIGINATED
    assert "14045550199" not in repr(answer)
    assert said(through(SHOP)).ingress.calling == "13125550188"


def test_an_address_that_no_list_names_may_be_a_customers_and_stays_here():
    answer = said(through("203.0.113.5", call_id="1@203.0.113.5", out_id="x"))
    assert answer.code is AnswerCode.NEED_INFO
    assert "203.0.113.5" not in repr(answer)


def test_a_call_that_was_not_handed_to_the_asker_shows_no_record():
    answer = said(through(CARRIER, OTHER))
    assert (answer.code, answer.ingress, answer.egress) == (AnswerCode.NOT_OURS, None, None)


def test_of_candidates_that_were_not_accepted_nothing_leaves():
    answer = said([*through(at=0, call_id="a"), *through(OTHER, at=1.0, call_id="b")], at=0.6)
    assert answer.code is AnswerCode.NEED_INFO
    assert (answer.ingress, answer.egress, answer.upstream, answer.candidates) == (None, None, None, 2)
    assert CARRIER not in repr(answer)


@pytest.mark.parametrize(("days", "code"), [(549, AnswerCode.RECORD_NOT_FOUND), (551, AnswerCode.RECORD_EXPIRED)])
def test_an_old_call_without_a_record_has_expired(days, code):
    answer = answers.answer(ASKED, ask([]), provider=US, policy=Policy(), now=START + timedelta(days=days))
    assert answer.code is code


def test_the_window_is_cut_to_the_policys_and_the_digits_are_made_canonical():
    asked = question("Q-1", at=START, window_s=86_400, calling="+1 (312) 555-0188", identity_digest="ABCD")
    wanted = answers.wanted(asked, Policy())
    assert (wanted.window_s, wanted.calling, wanted.identity_digest) == (900, "13125550188", "abcd")
    assert wanted.downstream_spc == "999D"


@pytest.mark.parametrize("broken", ["", "yesterday", "2026-11-24T15:00:00", "9" * 400])
def test_a_question_without_an_instant_is_refused(broken):
    with pytest.raises(answers.BadQuestion):
        answers.wanted(question("Q", at=START, call_at=broken), Policy())


@pytest.mark.parametrize(
    ("reason", "held"), [("campaign", True), ("court order 7", True), ("", False), ("Campaign", False)]
)
def test_the_policys_patterns_decide_which_reasons_are_answered(reason, held):
    policy = Policy(reasons=("campaign", "court*"))
    assert (answers.excluded(question("Q", at=START, reason=reason), policy) == "") is held

"""The one decision of scoped access, without a database."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.legal.kinds import KINDS, Disclosure, ProcessType
from headwater.legal.rules import BadRequest, Grant, check_grant, check_request, granted_classes, left_out
from headwater.legal.scope import Matter, Scope, Subjects
from headwater.legal.states import ACCEPTED, ProcessState
from tests.legal.test_rules import NOW, request

START, END = datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 11, 20, tzinfo=UTC)
SCOPE = Scope(
    process="LP-1",
    agency="ORG-1",
    kind=ProcessType.SUBPOENA,
    state=ProcessState.ACCEPTED,
    subjects=Subjects(campaigns=frozenset({"C-1"}), tracebacks=frozenset({"TB-1"}), numbers=frozenset({"12155550100"})),
    start=START,
    end=END,
    classes=frozenset({Disclosure.PATH}),
    people=frozenset({"U-1"}),
    access_until=END + timedelta(days=90),
)
INSIDE = Matter(call_at=START + timedelta(days=1), campaign="C-1")


def test_each_kind_of_subject_opens_its_own_and_nothing_else():
    at = INSIDE.call_at
    for opened in (INSIDE, Matter(call_at=at, traceback="TB-1"), Matter(call_at=at, calling="12155550100")):
        assert SCOPE.allows(opened)
    for closed in (
        Matter(call_at=at),
        Matter(call_at=at, campaign="C-2", traceback="TB-2", calling="12155550101"),
        Matter(call_at=at, campaign="TB-1", traceback="C-1", calling="C-1"),
    ):
        assert not SCOPE.allows(closed)


def test_the_window_begins_with_its_start_and_ends_before_its_end():
    assert SCOPE.allows(replace(INSIDE, call_at=START))
    assert not SCOPE.allows(replace(INSIDE, call_at=START - timedelta(microseconds=1)))
    assert SCOPE.allows(replace(INSIDE, call_at=END - timedelta(microseconds=1)))
    assert not SCOPE.allows(replace(INSIDE, call_at=END))
    assert replace(SCOPE, end=None).allows(replace(INSIDE, call_at=END + timedelta(days=400)))


def test_a_class_that_was_not_opened_is_not_reached_by_any_matter():
    assert not SCOPE.allows(INSIDE, disclosure=Disclosure.CUSTOMER_IDENTITY)
    assert not SCOPE.allows(INSIDE, disclosure=Disclosure.CALLED_NUMBERS)
    wide = replace(SCOPE, classes=frozenset(Disclosure))
    assert all(wide.allows(INSIDE, disclosure=one) for one in Disclosure)


@pytest.mark.parametrize("state", list(ProcessState))
def test_access_stands_while_the_acceptance_does_and_in_no_other_state(state: ProcessState):
    assert replace(SCOPE, state=state).is_open_to("U-1", NOW) is (state in ACCEPTED)


def test_access_ends_at_its_moment_and_is_for_the_named_alone():
    until = SCOPE.access_until
    assert until is not None
    assert SCOPE.is_open_to("U-1", until - timedelta(microseconds=1))
    assert not SCOPE.is_open_to("U-1", until)
    assert not SCOPE.is_open_to("U-2", NOW)
    assert not SCOPE.is_open_to("", NOW)
    handed_over = replace(SCOPE, people=frozenset(), leavers=frozenset({"U-1"}))
    assert not handed_over.is_open_to("U-1", NOW)
    assert handed_over.is_open_to("U-2", NOW, answers_for=frozenset({"U-2", "U-1"}))
    assert not replace(SCOPE, access_until=None).is_open_to("U-1", NOW)


def test_a_preservation_request_opens_nothing_even_where_its_state_says_accepted():
    kept = replace(SCOPE, kind=ProcessType.PRESERVATION, classes=frozenset())
    assert not kept.is_open_to("U-1", NOW)
    assert not kept.allows(INSIDE)


@given(
    st.sampled_from(list(ProcessType)), st.tuples(st.booleans(), st.booleans()), st.tuples(st.booleans(), st.booleans())
)
def test_no_acceptance_opens_a_class_beyond_what_was_asked_and_what_the_kind_reaches(
    kind: ProcessType, asks: tuple[bool, bool], opens: tuple[bool, bool]
):
    asked = request(process_type=kind, called_numbers=asks[0], customer_identity=asks[1])
    grant = Grant(called_numbers=opens[0], customer_identity=opens[1])
    try:
        check_request(asked, NOW, documents=1)
        check_grant(asked, grant)
    except BadRequest:
        return
    opened = granted_classes(kind, grant)
    assert opened <= asked.classes <= KINDS[kind].reach
    assert (opened != asked.classes) is bool(left_out(asked, grant))


def test_a_voluntary_request_never_reaches_customer_identity():
    for name in ("customer_identity", "called_numbers"):
        values = {"called_numbers": False, "customer_identity": False, name: True}
        with pytest.raises(BadRequest) as refused:
            check_request(request(process_type=ProcessType.VOLUNTARY, **values), NOW)
        assert list(refused.value.problems) == [name]
    check_request(request(process_type=ProcessType.VOLUNTARY, called_numbers=False, statute=""), NOW, documents=0)


@pytest.mark.parametrize("kind", list(ProcessType))
def test_a_kind_is_served_with_its_document_where_it_needs_one(kind: ProcessType):
    asked = request(process_type=kind, called_numbers=False)
    if not KINDS[kind].needs_document:
        check_request(asked, NOW, documents=0)
        return
    with pytest.raises(BadRequest) as refused:
        check_request(asked, NOW, documents=0)
    assert list(refused.value.problems) == ["document"]


def test_sealing_needs_an_order_that_a_court_issued():
    assert list(_problems(sealed=True)) == ["order_reference"]
    check_request(request(sealed=True, order_reference="W.D. Mich. 26-mc-1, Nov. 2, 2026"), NOW)
    check_request(request(sealed=True, process_type=ProcessType.COURT_ORDER), NOW)
    voluntary = {"process_type": ProcessType.VOLUNTARY, "called_numbers": False}
    assert list(_problems(sealed=True, **voluntary)) == ["sealed"]


def _problems(**changes: object) -> dict[str, str]:
    with pytest.raises(BadRequest) as refused:
        check_request(request(**changes), NOW)
    return refused.value.problems


def test_a_grant_may_narrow_and_never_widen():
    asked = request(covers_to=NOW, subjects=Subjects(campaigns=frozenset({"C-1", "C-2"})))
    plain = Grant(called_numbers=False, customer_identity=False)
    check_grant(asked, replace(plain, left_out=Subjects(campaigns=frozenset({"C-1"}))))
    check_grant(asked, replace(plain, covers_from=asked.covers_from + timedelta(hours=1)))
    for wider in (
        replace(plain, covers_from=asked.covers_from - timedelta(seconds=1)),
        replace(plain, covers_to=NOW + timedelta(seconds=1)),
        replace(plain, left_out=Subjects(campaigns=frozenset({"C-3"}))),
        replace(plain, left_out=asked.subjects),
        replace(plain, covers_from=NOW),
    ):
        with pytest.raises(BadRequest):
            check_grant(asked, wider)

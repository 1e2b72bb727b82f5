"""A provider's record, from real tracebacks."""

from datetime import timedelta

import pytest

from headwater.accounts.actors import Actor
from headwater.audit.models import AuditEntry
from headwater.conduct import actions, queries
from headwater.conduct.models import ConductFlag
from headwater.conduct.states import ConductFlagKind, DisputeState, Response
from headwater.errors import Conflict, Forbidden, Invalid
from headwater.tracebacks.models import Hop
from headwater.tracebacks.states import Grade, HopRole
from headwater.wire.agents import AnswerCode
from tests.conduct.scenery import BEGIN, OPERATOR, campaign, lapse, three, traced
from tests.tracebacks.support import register

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
NOW = BEGIN + 20 * DAY


def kinds(provider_id: str) -> set[str]:
    return set(ConductFlag.objects.filter(provider_id=provider_id, ended_at=None).values_list("kind", flat=True))


def test_who_places_traced_calls_again_and_again_is_flagged_with_its_tracebacks_and_denominator(desk: Actor) -> None:
    alder, birch, cedar = three()
    traces = [traced([alder, birch, cedar], of=campaign(f"C{n}"), at=BEGIN + n * DAY) for n in range(3)]
    actions.assess(OPERATOR, now=NOW)
    assert kinds(cedar.id) == {ConductFlagKind.ORIGINATES_OR_ACCEPTS}
    assert kinds(birch.id) == {ConductFlagKind.ORIGINATES_OR_ACCEPTS}  # took all three directly from the same origin
    assert kinds(alder.id) == set()
    record = queries.record(desk, cedar.id, now=NOW)
    flag = record.flags[0]
    assert {one.traceback_id for one in flag.evidence} == set(traces)
    assert (flag.share.part, flag.share.whole) == (3, 3)
    assert "3 traced calls in 3 campaigns" in flag.statement
    assert queries.replay(desk, flag.id) == []


def test_twice_is_not_repeatedly_and_one_bad_day_is_one_event(desk: Actor) -> None:
    alder, birch, cedar = three()
    for n in range(2):
        traced([alder, birch, cedar], at=BEGIN + n * DAY)
    actions.assess(OPERATOR, now=NOW)
    assert kinds(cedar.id) == set()
    late = [traced([alder, birch, cedar], at=BEGIN + n * timedelta(minutes=20)) for n in range(3, 6)]
    del late
    ConductFlag.objects.all()
    actions.assess(OPERATOR, now=NOW)
    assert kinds(cedar.id) == {ConductFlagKind.ORIGINATES_OR_ACCEPTS}  # two days by now


def test_calls_of_a_lawful_sender_raise_no_flag() -> None:
    alder, birch, cedar = three()
    lawful = campaign("School closings")
    lawful.allowed_because = "the county's schools"
    lawful.save()
    for n in range(4):
        traced([alder, birch, cedar], of=lawful, at=BEGIN + n * DAY)
    actions.assess(OPERATOR, now=NOW)
    assert ConductFlag.objects.count() == 0


def test_the_point_of_entry_is_flagged_and_named_as_such_never_as_origin(desk: Actor) -> None:
    alder, birch, gate = register("111A"), register("222B"), register("444D", "Dover Gateway")
    for n in range(3):
        traced([alder, birch, gate], of=campaign(f"C{n}"), at=BEGIN + n * DAY, end=AnswerCode.UPSTREAM_FOREIGN)
    actions.assess(OPERATOR, now=NOW)
    assert kinds(gate.id) == {ConductFlagKind.POINT_OF_ENTRY}
    split = queries.record(desk, gate.id, now=NOW).measures.splits[0]
    assert (split.role, split.distance, split.completed, split.calls, split.campaigns) == (
        HopRole.GATEWAY, 0, True, 3, 3,
    )  # fmt: skip


def test_who_never_answers_is_flagged_only_when_the_final_due_time_has_passed(desk: Actor) -> None:
    alder, birch, cedar = three()
    traces = [traced([alder, birch, cedar], at=BEGIN + n * DAY, end=None) for n in range(3)]
    actions.assess(OPERATOR, now=BEGIN + 2 * DAY + timedelta(hours=1))
    assert kinds(cedar.id) == set()
    for one in traces:
        lapse(one)
    actions.assess(OPERATOR, now=NOW)
    assert kinds(cedar.id) == {ConductFlagKind.NOT_PARTICIPATING}
    record = queries.record(desk, cedar.id, now=NOW)
    assert record.measures.unanswered.part == record.measures.unanswered.whole == 3
    assert [row.response for row in record.rows] == [Response.SILENT] * 3
    assert [row.passage.distance for row in record.rows] == [None] * 3
    assert kinds(birch.id) == set()


def test_few_of_many_without_a_record_is_no_pattern_and_many_is() -> None:
    alder, birch, cedar = three()
    for n in range(3):
        lapse(traced([alder, birch], at=BEGIN + n * DAY, end=AnswerCode.RECORD_NOT_FOUND))
    for n in range(20):
        traced([alder, birch, cedar], at=BEGIN + timedelta(minutes=30 + n))
    actions.assess(OPERATOR, now=NOW)
    assert ConductFlagKind.INSUFFICIENT_RECORDS not in kinds(birch.id)
    for n in range(8):
        lapse(traced([alder, birch], at=BEGIN + 4 * DAY + timedelta(minutes=n), end=AnswerCode.RECORD_NOT_FOUND))
    actions.assess(OPERATOR, now=NOW)
    assert ConductFlagKind.INSUFFICIENT_RECORDS in kinds(birch.id)


def test_an_upheld_dispute_takes_the_call_out_of_every_figure_and_ends_the_flag(
    desk: Actor, reviewer: Actor, provider: Actor
) -> None:
    own = provider.provider_id
    from headwater.providers import queries as providers

    first, alder, birch = providers.by_id(own), register("111A"), register("222B")
    assert first is not None
    traces = [traced([alder, birch, first], of=campaign(f"C{n}"), at=BEGIN + n * DAY) for n in range(3)]
    actions.assess(OPERATOR, now=NOW)
    assert kinds(own) == {ConductFlagKind.ORIGINATES_OR_ACCEPTS}
    question = Hop.objects.get(traceback_id=traces[0], provider_id=own).id
    dispute = actions.open_dispute(
        provider, question, statement="That trunk was hijacked; our fraud desk has the logs."
    )
    with pytest.raises(Conflict):
        actions.open_dispute(provider, question, statement="again")
    actions.assess(OPERATOR, now=NOW)
    assert queries.record(desk, own, now=NOW).flags[0].disputed == 1
    with pytest.raises(Forbidden):
        actions.decide_dispute(provider, dispute.id, uphold=True, decision="we say so")
    with pytest.raises(Invalid):
        actions.decide_dispute(reviewer, dispute.id, uphold=True, decision="  ")
    decided = actions.decide_dispute(reviewer, dispute.id, uphold=True, decision="The logs show it.", now=NOW)
    assert decided.state is DisputeState.UPHELD
    assert kinds(own) == set()
    record = queries.record(provider, own, now=NOW)
    assert [row.set_aside for row in record.rows] == [False, False, True]
    assert record.measures.asked == 2
    assert "the record no longer bears it out" in {flag.ended_because for flag in record.ended_flags}
    tags = list(AuditEntry.objects.filter(tag__startswith="conduct:").order_by("seq").values_list("tag", flat=True))
    assert tags[-2:] == ["conduct:dispute:decided", "conduct:flag:ended"]
    with pytest.raises(Conflict):
        actions.withdraw_dispute(provider, dispute.id)


def test_a_provider_reads_its_own_record_and_no_other(provider: Actor, other_provider: Actor, agency: Actor) -> None:
    assert queries.record(provider, provider.provider_id).provider.id == provider.provider_id
    for actor in (other_provider, agency):
        with pytest.raises(queries.RecordNotFound):
            queries.record(actor, provider.provider_id)
    with pytest.raises(Forbidden):
        queries.standings(provider)
    with pytest.raises(Forbidden):
        queries.provider_graph(provider)


def test_assessing_again_changes_nothing_and_a_changed_row_is_noticed_by_the_replay(desk: Actor) -> None:
    alder, birch, cedar = three()
    for n in range(3):
        traced([alder, birch, cedar], at=BEGIN + n * DAY)
    first = actions.assess(OPERATOR, now=NOW)
    assert len(first) == 2
    assert actions.assess(OPERATOR, now=NOW + timedelta(hours=1)) == []
    row = ConductFlag.objects.get(provider_id=cedar.id)
    row.part = 7
    row.save()
    assert queries.replay(desk, row.id) == ["part is 7, the passages give 3"]


def test_an_honest_provider_is_not_flagged_for_one_neighbour_that_denies_everything(desk: Actor) -> None:
    alder, birch, denier = register("111A"), register("222B"), register("555E", "Elm Denies")
    for n in range(4):
        traced([alder, birch, denier], at=BEGIN + n * DAY, end=AnswerCode.NOT_OURS)
    actions.assess(OPERATOR, now=NOW)
    record = queries.record(desk, birch.id, now=NOW)
    assert ConductFlagKind.INSUFFICIENT_RECORDS not in {flag.kind for flag in record.flags}


def test_hand_overs_are_proven_where_both_records_show_them_and_stated_otherwise(desk: Actor) -> None:
    alder, birch, cedar = three()
    for n in range(3):
        traced([alder, birch, cedar], of=campaign(f"C{n}"), at=BEGIN + n * DAY)
    lapse(traced([alder, cedar], at=BEGIN + 4 * DAY, end=None))
    graph = queries.provider_graph(desk, now=NOW)
    edges = {(edge.upstream.spc, edge.downstream.spc): edge for edge in graph.edges}
    assert (edges["222B", "111A"].proven, edges["222B", "111A"].stated) == (3, 0)
    assert (edges["333C", "111A"].proven, edges["333C", "111A"].stated) == (0, 1)
    assert edges["222B", "111A"].repeats
    assert not edges["333C", "111A"].repeats
    around = graph.around(birch.id)
    assert {node.provider.spc for node in around.nodes} == {"111A", "222B", "333C"}
    assert {(edge.upstream.spc, edge.downstream.spc) for edge in around.edges} == {("222B", "111A"), ("333C", "222B")}
    near = queries.neighbours_of(desk, birch.id, now=NOW)
    assert [(one.proven, one.stated) for one in near.edges] == [(one.proven, one.stated) for one in around.edges]
    assert graph.hubs[0].provider.spc in {"111A", "333C", "222B"}
    assert sum(node.ends for node in graph.nodes) == 3


def test_the_grade_decides_whether_a_distance_is_told(desk: Actor) -> None:
    alder, birch, cedar = three()
    traced([alder, birch, cedar])
    rows = queries.record(desk, alder.id, now=NOW).rows
    assert rows[0].passage.grade is Grade.ORIGIN_CONFIRMED
    assert rows[0].passage.distance == 2

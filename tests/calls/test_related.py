"""From one record to its whole call, over the real store."""

from uuid import uuid4

import pytest

from headwater.calls.queries import CallQueries, NoSuchRecord
from headwater.calls.records import RecordKind
from headwater.calls.related import NoCall, call_of
from headwater.cli import calls_show
from tests.calls.invites import invite
from tests.calls.test_ladder import recorded, sip_call
from tests.intake import lab


@pytest.fixture
def filled(store):
    records = recorded()
    store.insert(records)
    return records, CallQueries(store.engine, store.database)


def test_any_record_of_a_call_leads_to_the_whole_call(filled):
    records, queries = filled
    true = next(one for one in lab.truth() if one["final_status"] == 603)
    mine = {true["call_id_customer_to_carrierA_and_A_to_B"], true["call_id_carrierB_to_C_to_called_party"]}
    of_call = [record for record in records if record.call_id in mine]
    kinds = {(record.sip_method, record.sip_status, record.source_id, record.source_ip): record for record in of_call}
    assert len(kinds) > 8
    for record in kinds.values():
        call = call_of(queries, record.record_id)
        assert {hop.call_id for hop in call.hops} == mine
        assert (len(call.hops), call.status) == (3, 603)


def test_headers_come_back_from_the_store_as_they_went_in(filled):
    records, queries = filled
    wanted = {record.record_id: record.headers for record in records[:200]}
    assert {one.record_id: one.headers for one in queries.records(list(wanted))} == wanted


def test_what_is_of_no_captured_call_is_said(store):
    report = invite("", "", record_kind=RecordKind.REPORT, sip_method="", call_id="", called="16165550123")
    store.insert([report])
    queries = CallQueries(store.engine, store.database)
    with pytest.raises(NoCall, match="no captured call"):
        call_of(queries, report.record_id)
    with pytest.raises(NoSuchRecord):
        call_of(queries, uuid4())


def test_a_call_is_shown_with_its_hops_its_block_and_its_reasons_and_no_called_number(filled):
    records, queries = filled
    true = next(one for one in lab.truth() if one["final_status"] == 603)
    first = next(one for one in records if one.call_id == true["call_id_customer_to_carrierA_and_A_to_B"])
    call = call_of(queries, first.record_id)
    shown = "\n".join(calls_show.lines(call))
    for word in ("10.77.0.11 -> 10.77.0.21", "BLOCKED: kind 603+", "redress@carrier-c.example", "identity, 0.990"):
        assert word in shown
    whole = shown + str(calls_show.as_object(call))
    assert true["called"][-7:] not in whole
    assert true["called"][-4:] not in shown.replace(true["calling"][-4:], "")


def test_what_was_not_joined_is_shown_as_possible(store):
    records = [*sip_call(name="a"), *sip_call(at=0.3, name="b")]
    store.insert(records)
    call = call_of(CallQueries(store.engine, store.database), records[0].record_id)
    assert "possible 10.0.2.1 -> 10.0.3.1" in "\n".join(calls_show.lines(call))

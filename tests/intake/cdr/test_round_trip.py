"""Rows that are written as each source writes them come back with the same numbers, moment and length."""

import io
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater.intake.cdr import mapping
from headwater.intake.cdr.reading import FileReader, batches
from headwater.intake.cdr.times import AMBIGUOUS
from headwater.intake.provenance import Provenance
from tests.intake.cdr.test_presets import CUCM, FREESWITCH, ribbon

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
ZONE = ZoneInfo("America/Chicago")
NUMBERS = st.from_regex(r"[2-9][0-9]{9}", fullmatch=True)
MOMENTS = st.integers(1_600_000_000, 1_795_000_000)


def _local(at: int, form: str = "%Y-%m-%d %H:%M:%S") -> str:
    return datetime.fromtimestamp(at, ZONE).strftime(form)


def _asterisk(calling: str, called: str, at: int, seconds: int) -> str:
    times = f'"{_local(at)}","{_local(at)}","{_local(at + seconds)}"'
    channels = '"P/a-00000001","P/b-00000002"'
    who = f'"","{calling}","{called}","in","""A, ""B"" <{calling}>"'
    return f'{who},{channels},"Dial","x",{times},{seconds},{seconds},"ANSWERED","D"'


def _kamailio(calling: str, called: str, at: int, seconds: int) -> str:
    julian = (at - 0.5) / 86_400 + 2_440_587.5
    header = "id,start_time,end_time,duration,callid,src_user,dst_user,src_ip"
    return f"{header}\n1,{julian!r},{julian!r},{seconds}.0,c1,+1{calling},+1{called},10.0.0.1"


def _freeswitch(calling: str, called: str, at: int, seconds: int) -> str:
    one = json.loads(json.dumps(FREESWITCH))
    one["variables"] |= {"start_uepoch": f"{at}000000", "mduration": f"{seconds}000"}
    one["callflow"] = [{"caller_profile": {"caller_id_number": calling, "destination_number": called}}]
    return json.dumps(one, indent=1)


def _cucm(calling: str, called: str, at: int, seconds: int) -> str:
    head = CUCM.split("\n")[:2]
    return "\n".join([*head, f'1,2,4711,{at},0,"{calling}","{called}","{called}",{at},{at},{seconds},0,"","",""'])


def _ribbon(calling: str, called: str, at: int, seconds: int) -> str:
    places = {6: _local(at, "%m/%d/%Y"), 7: _local(at, "%H:%M:%S.0"), 14: str(seconds * 100), 20: calling, 21: called}
    return ribbon("STOP", places)


def _bandwidth(calling: str, called: str, at: int, seconds: int) -> str:
    header = "CallStartDateTime,CallEndDateTime,CallSource,CallDestination,Duration,CallID"
    start = datetime.fromtimestamp(at, UTC).strftime("%m/%d/%Y %I:%M:%S %p")
    return f"{header}\n{start},{start},{calling},{called},{seconds},c1"


@pytest.mark.parametrize(("name", "write"), [
    ("asterisk-csv", _asterisk), ("kamailio-acc-cdrs", _kamailio), ("freeswitch-json", _freeswitch),
    ("cisco-cucm", _cucm), ("ribbon-act", _ribbon), ("bandwidth-bdr", _bandwidth),
])  # fmt: skip
@settings(max_examples=40)
@given(calling=NUMBERS, called=NUMBERS, at=MOMENTS, seconds=st.integers(0, 90_000))
def test_what_a_source_writes_is_what_is_read(  # noqa: PLR0917 - pytest and hypothesis pass all by name
    name: str, write: Callable[[str, str, int, int], str], calling: str, called: str, at: int, seconds: int
) -> None:
    found = mapping.preset(name)
    zone = None if found.zone else ZONE
    reader = FileReader(found, Provenance(source_id="709J"), zone=zone)
    (batch,) = batches(io.BytesIO(write(calling, called, at, seconds).encode()), reader, NOW)
    assert [one.reason for one in batch.refused] == []
    (record,) = batch.records
    moment = datetime.fromtimestamp(at, UTC)
    if record.headers.get("time-note") == AMBIGUOUS and record.call_at != moment:
        moment -= timedelta(hours=1)
    assert (record.calling, record.called, record.call_at) == (f"1{calling}", f"1{called}", moment)
    assert record.duration_ms == seconds * 1_000
    assert record.raw in write(calling, called, at, seconds).encode()

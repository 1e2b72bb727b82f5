"""Call detail records from octets to records ready for the store, in CPU time of one core.

Ours: a user's own CSV mapping, Kamailio acc, Asterisk, FreeSWITCH JSON. Beside it: the bare readers of the standard
library and msgspec on the same octets, which make lists of texts and no record; and the embedded engine's insert of the
same records as ready-made Arrow, which bounds what any reader could hand it.
"""

import csv
import io
import json
import random
import shutil
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import msgspec

from bench.report import Claim, Figure
from headwater.calls import columns
from headwater.calls.records import CallRecord
from headwater.calls.store import CallStore
from headwater.intake.cdr import mapping
from headwater.intake.cdr.mapping import Mapping
from headwater.intake.cdr.reading import FileReader, batches
from headwater.intake.provenance import Provenance

ROWS = 100_000
OWN = """
name = "own"
title = "eight columns, as many exports have"
zone = "America/New_York"
[input]
header = true
[[row]]
[row.times.start]
column = "start"
[row.fields]
calling = { column = "from" }
called = { column = "to" }
duration = { column = "secs", form = "seconds" }
trunk_in = { column = "in" }
trunk_out = { column = "out" }
call_id = { column = "callid" }
sip_status = { column = "code" }
"""


def _rows(line: Callable[[int, random.Random, datetime], str], rows: int = ROWS) -> bytes:
    chance, start = random.Random(7), datetime(2026, 11, 20, 14)  # noqa: DTZ001 - switches write local times
    return "".join(line(number, chance, start + timedelta(seconds=number // 50)) for number in range(rows)).encode()


def _number(chance: random.Random) -> str:
    return f"{chance.randrange(201, 990)}{chance.randrange(2_000_000, 9_999_999)}"


def _own(number: int, chance: random.Random, at: datetime) -> str:
    header = "start,from,to,secs,in,out,callid,code\n" if number == 0 else ""
    trunks = f"carrier{chance.randrange(20)},carrier{chance.randrange(20)}"
    return (
        f"{header}{at},1{_number(chance)},{_number(chance)},{chance.randrange(600)},{trunks},"
        f"{chance.getrandbits(64):x}@10.0.0.1,200\n"
    )


def _kamailio(number: int, chance: random.Random, at: datetime) -> str:
    header = (
        "id,method,from_tag,to_tag,callid,sip_code,sip_reason,time,src_user,src_ip,dst_user,ua\n" if number == 0 else ""
    )
    julian = at.replace(tzinfo=UTC).timestamp() / 86_400 + 2_440_587.5
    return (
        f"{header}{number},INVITE,{chance.getrandbits(64):x},{chance.getrandbits(64):x},{chance.getrandbits(64):x}@h,200,OK,"
        f"{julian!r},+1{_number(chance)},10.0.0.{chance.randrange(250)},+1{_number(chance)},Asterisk PBX\n"
    )


def _asterisk(number: int, chance: random.Random, at: datetime) -> str:
    calling, called = _number(chance), _number(chance)
    end = at + timedelta(seconds=20)
    channels = f'"PJSIP/b-{number:08x}","PJSIP/c-{number:08x}"'
    return (
        f'"wholesale","{calling}","{called}","from-trunk","""CARD"" <{calling}>",{channels},'
        f'"Dial","PJSIP/{called}@c,60","{at}","{at}","{end}",20,20,"ANSWERED","DOCUMENTATION","1795460100.{number}",""\n'
    )


def _freeswitch(number: int, chance: random.Random, at: datetime) -> str:
    variables = {f"variable_{name}": "some value of a real record" for name in range(60)}
    start = int(at.replace(tzinfo=UTC).timestamp()) * 1_000_000
    variables |= {"uuid": f"{chance.getrandbits(128):x}", "start_uepoch": str(start), "mduration": "20000",
                  "sip_call_id": f"{number}%40h", "sip_network_ip": "10.0.0.9", "direction": "inbound"}  # fmt: skip
    profile = {"caller_id_number": _number(chance), "destination_number": _number(chance)}
    return json.dumps({"core-uuid": "c", "variables": variables, "callflow": [{"caller_profile": profile}]}) + "\n"


def _ours(octets: bytes, found: Mapping, rows: int) -> tuple[float, list[CallRecord]]:
    """Return rows a second of CPU time, the best of three rounds, and the records."""
    provenance = Provenance(source_id="ORG-1", name="bench.csv", sha256="0" * 64, credential="CR-1")
    best = 0.0
    records: list[CallRecord] = []
    for _ in range(3):
        records = []
        began = time.process_time()
        reader = FileReader(found, provenance)
        for batch in batches(io.BytesIO(octets), reader, datetime.now(UTC)):
            records += batch.records
        best = max(best, rows / (time.process_time() - began))
        if len(records) != rows:
            raise AssertionError(f"{len(records)} of {rows} rows were read")
    return best, records


def _bare(read: Callable[[], int], rows: int) -> float:
    began = time.process_time()
    if read() < rows:
        raise AssertionError("the bare reader did not read every row")
    return rows / (time.process_time() - began)


def _insert(records: list[CallRecord]) -> float:
    """Return rows a second that the engine inserts, in parts of 20,000 as the writer's groups are (wall time)."""
    folder = tempfile.mkdtemp()
    try:
        store = CallStore.open(f"chdb://{folder}/calls")
        store.migrate()
        parts = [records[start : start + 20_000] for start in range(0, len(records), 20_000)]
        ready = [columns.of_records(part, [int(one.received_at.timestamp() * 1e6) for one in part]) for part in parts]
        began = time.perf_counter()
        for octets in ready:
            store._put("calls", columns.STORED, octets)  # noqa: SLF001 - the engine alone, without our checks
        took = time.perf_counter() - began
        store.close()
        return len(records) / took
    finally:
        shutil.rmtree(folder)


def run() -> Claim:
    own_rows, few = _rows(_own), ROWS // 10
    kamailio, asterisk, freeswitch = _rows(_kamailio), _rows(_asterisk), _rows(_freeswitch, few)
    ours, records = _ours(own_rows, mapping.read(OWN), ROWS)
    eastern = mapping.preset("asterisk-csv").with_zone("America/New_York")
    figures = [
        Figure(what="ours: own mapping, CSV", rate=ours, unit="rows/s/core"),
        Figure(
            what="ours: kamailio-acc", rate=_ours(kamailio, mapping.preset("kamailio-acc"), ROWS)[0], unit="rows/s/core"
        ),
        Figure(what="ours: asterisk-csv", rate=_ours(asterisk, eastern, ROWS)[0], unit="rows/s/core"),
        Figure(
            what="ours: freeswitch-json",
            rate=_ours(freeswitch, mapping.preset("freeswitch-json"), few)[0],
            unit="rows/s/core",
            note=f"{len(freeswitch) // few} octets each",
        ),
        Figure(
            what="peer: csv.reader bare (own mapping's rows)",
            rate=_bare(lambda: sum(1 for _ in csv.reader(io.StringIO(own_rows.decode()))), ROWS),
            unit="rows/s/core",
        ),
        Figure(
            what="peer: msgspec bare (freeswitch-json's rows)",
            rate=_bare(lambda: sum(1 for line in freeswitch.splitlines() if msgspec.json.decode(line)), few),
            unit="rows/s/core",
        ),
        Figure(what="bound: the engine's insert of the records", rate=_insert(records), unit="rows/s"),
    ]
    return Claim(title="Call detail records, octets to records", figures=figures)

"""A large world as files: carriers' call detail records in four vendors' formats, reports, and, apart, the truth.

The records are for the real readers (``headwater.intake.cdr``) and the reports for the real feed. The truth is written
where whoever reads those does not look.
"""

import os
import random
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec

from headwater.errors import Invalid
from headwater.simulator import noise as noises
from headwater.simulator.ledger import Entry, Happened, Ledger, ordinary, place
from headwater.simulator.noise import Noise
from headwater.simulator.world import World, build
from headwater.wire.events import Disposition, FeedEvent

#: Of the calls of a campaign, the share that an app or a honeypot reports.
REPORTED: Final = 0.75


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What was written."""

    files: int
    records: int
    reports: int
    calls: int


def write(  # noqa: PLR0913 - one argument a fact of the world
    folder: Path, truth: Path, *, seed: int, profile: str, calls: int, noise: Noise
) -> Written:
    """Let ``calls`` campaign calls and as many ordinary ones happen, and write what each party has of them.

    Raises:
        Invalid: ``folder`` or ``truth`` exists, or the truth would lie where the records are read.
    """
    folder, truth = folder.resolve(), truth.resolve()
    if truth.is_relative_to(folder):
        raise Invalid(f"The truth may not lie in {folder}, where records are read; choose another --truth.")
    if folder.exists() or truth.exists():
        raise Invalid(f"{folder if folder.exists() else truth} exists; choose a new one: nothing is overwritten.")
    world = build(seed, profile)
    ledger = Ledger(world=world, noise=noise)
    chance = random.Random(f"{seed}/calls")  # noqa: S311 - a world, not a secret
    happened = [place(ledger, chance, number % len(world.operations)) for number in range(calls)]
    everyday = [ordinary(ledger, chance) for _ in range(calls)]
    folder.mkdir(mode=0o700, parents=True)
    files, records = _records(folder, world, ledger)
    reports = _reports(folder, world, happened)
    _truth(truth, world, [*happened, *everyday])
    return Written(files=files, records=records, reports=reports, calls=len(happened) + len(everyday))


def _records(folder: Path, world: World, ledger: Ledger) -> tuple[int, int]:
    of: dict[int, list[Entry]] = defaultdict(list)
    for (carrier, _), entries in ledger.by_called.items():
        of[carrier] += entries
    formats = list(_FORMATS.items())
    written = 0
    for carrier, entries in sorted(of.items()):
        name, lines = formats[carrier % len(formats)]
        form = noises.number_form(world.seed, carrier, ledger.noise.formats)
        entries.sort(key=lambda one: (one.ingress.start, one.entry_id))
        path = folder / "cdr" / world.members[carrier].spc / f"{name}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(lines(entries, form)) + "\n", encoding="ascii")
        written += len(entries)
    return len(of), written


def _digits(form: str, entry: Entry) -> tuple[str, str]:
    """Write (calling, called) in the carrier's form, without a technical prefix, which its mapping would tell."""
    side, form = entry.ingress, form.rpartition("#")[2]
    return form.format(side.calling, side.calling[-10:]), form.format(side.called, side.called[-10:])


def _moment(at: float, form: str) -> str:
    return datetime.fromtimestamp(at, UTC).strftime(form)


def _asterisk(entries: Iterable[Entry], form: str) -> Iterable[str]:
    for entry in entries:
        calling, called = _digits(form, entry)
        length = round(entry.ingress.duration_s)
        began, ended = (_moment(at, "%Y-%m-%d %H:%M:%S") for at in (entry.ingress.start, entry.ingress.start + length))
        said = "ANSWERED" if length else "NO ANSWER"
        yield (
            f'"","{calling}","{called}","in","<{calling}>","PJSIP/{entry.ingress.peer}-1","PJSIP/{entry.egress.peer}-2",'
            f'"Dial","x","{began}","{began if length else ""}","{ended}",{length},{length},'
            f'"{said}","D","{entry.session}"'
        )


def _kamailio(entries: Iterable[Entry], form: str) -> Iterable[str]:
    yield "id,start_time,end_time,duration,callid,src_user,dst_user,src_ip"
    for place_, entry in enumerate(entries, start=1):
        calling, called = _digits(form, entry)
        julian = entry.ingress.start / 86_400 + 2_440_587.5
        length = max(0.0, entry.ingress.duration_s)
        known = entry.ingress.call_id or entry.session
        yield f"{place_},{julian!r},{julian + length / 86_400!r},{length},{known},{calling},{called},198.18.0.1"


def _cisco(entries: Iterable[Entry], form: str) -> Iterable[str]:
    yield (
        "cdrRecordType,globalCallID_callManagerId,globalCallID_callId,dateTimeOrigination,origIpAddr,callingPartyNumber,"
        "originalCalledPartyNumber,finalCalledPartyNumber,dateTimeConnect,dateTimeDisconnect,duration,destIpAddr,"
        "origDeviceName,destDeviceName,pkid"
    )
    yield (
        "INTEGER,INTEGER,INTEGER,INTEGER,INTEGER,VARCHAR(50),VARCHAR(50),VARCHAR(50),INTEGER,INTEGER,INTEGER,INTEGER,"
        "VARCHAR(129),VARCHAR(129),UNIQUEIDENTIFIER"
    )
    for place_, entry in enumerate(entries, start=1):
        calling, called = _digits(form, entry)
        at, length = int(entry.ingress.start), round(max(0.0, entry.ingress.duration_s))
        answered = at if length else 0
        ends = f'"{entry.ingress.peer}","{entry.egress.peer}",""'
        yield f'1,2,{place_},{at},0,"{calling}","{called}","{called}",{answered},{at + length},{length},0,{ends}'


def _bandwidth(entries: Iterable[Entry], form: str) -> Iterable[str]:
    yield "CallStartDateTime,CallEndDateTime,CallSource,CallDestination,Duration,CallID"
    for entry in entries:
        calling, called = _digits(form, entry)
        length = round(max(0.0, entry.ingress.duration_s))
        began, ended = (
            _moment(at, "%m/%d/%Y %I:%M:%S %p") for at in (entry.ingress.start, entry.ingress.start + length)
        )
        yield f"{began},{ended},{calling},{called},{length},{entry.session}"


#: Preset of the reader -> what writes it.
_FORMATS: Final[dict[str, Callable[[Iterable[Entry], str], Iterable[str]]]] = {
    "asterisk-csv": _asterisk,
    "kamailio-acc-cdrs": _kamailio,
    "cisco-cucm": _cisco,
    "bandwidth-bdr": _bandwidth,
}


def _reports(folder: Path, world: World, happened: list[Happened]) -> int:
    """Write what a blocking app and a honeypot report of the campaigns' calls, one event a line."""
    chance = random.Random(f"{world.seed}/reports")  # noqa: S311 - a world, not a secret
    lines: dict[str, list[bytes]] = {"app": [], "honeypot": []}
    for call in happened:
        if chance.random() >= REPORTED:
            continue
        sender = "honeypot" if chance.random() < 0.25 else "app"
        event = FeedEvent(
            event_id=f"{sender}-{world.seed}-{call.number}",
            call_at=datetime.fromtimestamp(call.at, UTC).isoformat(timespec="milliseconds"),
            calling="+" + call.calling,
            called="+" + call.called,
            disposition=Disposition.ANSWERED if sender == "honeypot" else Disposition.BLOCKED,
            terminating_spc=world.members[call.path[-1]].spc,
        )
        lines[sender].append(msgspec.json.encode(event))
    for sender, events in lines.items():
        (folder / f"{sender}.jsonl").write_bytes(b"".join(event + b"\n" for event in events))
    return sum(map(len, lines.values()))


def _truth(path: Path, world: World, happened: list[Happened]) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        for call in happened:
            plan = world.operations[call.operation] if call.operation >= 0 else None
            told = {
                "number": call.number,
                "at": call.at,
                "calling": call.calling,
                "called": call.called,
                "path": [world.members[one].spc for one in call.path],
                "customer": plan.name if plan else "",
                "foreign": bool(plan and plan.foreign),
                "sim_box": call.boxed,
                "signer": world.members[call.signer].spc if call.signer >= 0 else "",
            }
            file.write(msgspec.json.encode(told) + b"\n")

"""``headwater calls find`` and ``trends``: look-ups by numbers or by an identifier, and how many calls there were."""

import csv
import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from headwater.calls.lookups import Key
from headwater.calls.trends import Dimension
from headwater.errors import Invalid
from headwater.site.setup import django

if TYPE_CHECKING:
    from headwater.calls.lookups import Found
    from headwater.calls.queries import CallQueries
    from headwater.calls.records import CallRecord


def add_to(group: typer.Typer) -> None:
    """Add the commands to ``headwater calls``."""
    group.command("find")(find)
    group.command("trends")(trends)


def find(  # noqa: PLR0917 - each is an option of the command line
    at: Annotated[str, typer.Option(help="Time of the call, RFC 3339 with a zone.")] = "",
    called: Annotated[str, typer.Option(help="Called number, in any form.")] = "",
    calling: Annotated[str, typer.Option(help="Calling number, in any form; any where it is left out.")] = "",
    by: Annotated[Key | None, typer.Option(help="Look up an identifier instead of numbers.")] = None,
    value: Annotated[str, typer.Option(help="The identifier.")] = "",
    file: Annotated[
        Path | None, typer.Option(help="CSV with the columns called, calling, call_at: up to 10,000 calls at once.")
    ] = None,
    window: Annotated[int, typer.Option(min=1, max=86_400, help="Seconds each way.")] = 60,
    zones: Annotated[bool, typer.Option("--zones", help="Also find calls that are off by whole hours.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object a line.")] = False,
) -> None:
    """Find stored calls by numbers and time, or by Call-ID, Identity digest, origid, SPC, trunk or caller.

    Each answer says by which rule it was found and how sure that is. Called numbers are masked; the audit notes the
    look-up and how many records were shown.
    """
    django()
    from django.conf import settings

    from headwater.calls import queries
    from headwater.calls.lookups import Wanted

    store = queries.connect(settings.HEADWATER.calls_url)
    if by is not None:
        moment, reach = _moment(at), timedelta(seconds=window)
        records = store.by_key(by, value, start=moment - reach, end=moment + reach)
        _audit(by.value, len(records), asked=1)
        _show([_object(one) for one in records], as_json=as_json)
        return
    wanted = _wanted(file) if file else [Wanted(called=called, calling=calling, call_at=_moment(at))]
    answers = store.find_calls(wanted, window_s=window, zones=zones)
    _audit("numbers", sum(map(len, answers)), asked=len(wanted))
    rows = []
    for number, found in enumerate(answers, start=1):
        rows += [_answer(number, one) for one in found] or [{"asked": number, "found": False}]
    _show(rows, as_json=as_json)


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise Invalid(f"--at {text!r} is no time: write it as 2026-11-24T15:04:05-05:00") from None
    if moment.tzinfo is None:
        raise Invalid(f"--at {text!r} has no zone: add Z or an offset such as -05:00")
    return moment


def _wanted(file: Path) -> list[Any]:
    from headwater.calls.lookups import MOST, TooManyAsked, Wanted

    wanted: list[Any] = []
    try:
        with file.open(newline="", encoding="utf-8-sig") as lines:
            for row in csv.DictReader(lines):
                if len(wanted) >= MOST:
                    raise TooManyAsked(f"{file} names more than {MOST} calls; split it")
                wanted.append(
                    Wanted(
                        called=row.get("called") or "",
                        calling=row.get("calling") or "",
                        call_at=_moment(row.get("call_at") or ""),
                    )
                )
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise Invalid(f"{file} cannot be read as CSV: {error}") from error
    return wanted


def _audit(what: str, shown: int, *, asked: int) -> None:
    from django.db import transaction

    from headwater.accounts.actors import system
    from headwater.audit import actions as audit
    from headwater.audit.tags import Tag

    with transaction.atomic():
        audit.record(system("operator"), Tag.CALL_VIEWED, "lookup", {"by": what, "asked": asked, "shown": shown})


def _object(record: "CallRecord") -> dict[str, Any]:
    from headwater.numbering.numbers import masked

    return {
        "record_id": str(record.record_id),
        "call_at": record.call_at.isoformat().replace("+00:00", "Z"),
        "calling": record.calling,
        "called": masked(record.called),
        "kind": record.record_kind.value,
        "source_id": record.source_id,
        "credential": record.credential,
        "software": record.software,
        "call_id": record.call_id,
        "attest": record.attest,
        "terminating_spc": record.terminating_spc,
    }


def _answer(number: int, found: "Found") -> dict[str, Any]:
    said = {"asked": number, "found": True, "rule": found.sentence, "confidence": round(found.confidence, 4)}
    return said | _object(found.record)


def _show(rows: list[dict[str, Any]], *, as_json: bool) -> None:
    if as_json:
        for row in rows:
            print(json.dumps(row))
        return
    if not rows:
        print("No record answers. Widen --window, or add --zones.")
    for row in rows:
        if not row.get("found", True):
            print(f"{row['asked']:>5}  no record answers")
            continue
        where = f"{row['kind']} of {row['source_id']}"
        head = f"{row['asked']:>5}  " if "asked" in row else ""
        print(f"{head}{row['record_id']}  {row['call_at']}  {row['calling'] or 'unknown'} -> {row['called']}  {where}")
        if "rule" in row:
            print(f"       {row['rule']}")


def trends(
    by: Annotated[Dimension, typer.Argument(help="What to count by.")],
    hours: Annotated[int, typer.Option(min=1, max=2_208, help="How many hours back.")] = 24,
    key: Annotated[str, typer.Option(help="This one alone.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=1_000, help="How many of the most frequent.")] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object a line.")] = False,
) -> None:
    """Count calls by number, block, NPA-NXX, state, provider, attestation or source, hour by hour.

    Counts of calls are exact; counts of distinct called numbers are approximate (about 2 in 100).
    """
    django()
    from django.conf import settings

    from headwater import clock
    from headwater.calls import queries

    store: CallQueries = queries.connect(settings.HEADWATER.calls_url)
    now = clock.now()
    for one in store.trends(by, start=now - timedelta(hours=hours), end=now, limit=limit, key=key):
        if as_json:
            series = {hour.isoformat().replace("+00:00", "Z"): calls for hour, calls in sorted(one.hours.items())}
            print(json.dumps({"key": one.key, "calls": one.calls, "called_about": one.called_about, "hours": series}))
        else:
            about = f"about {one.called_about:,} called numbers, " if one.called_about else ""
            print(f"{one.key or '(none)':<20}{one.calls:>12,} calls, {about}in {len(one.hours)} hours")

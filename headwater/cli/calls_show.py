"""``headwater calls show``: one call as a ladder of hops, with who saw it and why the hops are one call."""

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from headwater.site.setup import django

if TYPE_CHECKING:
    from headwater.calls.hops import Hop
    from headwater.calls.ladder import Call, Join

#: Names in a record's ``headers`` that are shown with a hop, in this order. None of them holds a called number.
SHOWN = (
    "user-agent", "hops", "identity-ppt", "verstat", "oli", "cpc", "jip", "p-charge-info", "tgrp", "session-id", "icid",
    "sdp-origin", "sdp-connection",
)  # fmt: skip
BLOCK = ("block-kind", "block-version", "block-name", "block-url", "block-tel", "block-email", "block-location")


def add_to(group: typer.Typer) -> None:
    """Add the command to ``headwater calls``."""
    group.command("show")(show)


def show(
    record: Annotated[UUID, typer.Argument(help="Identifier of any record of the call.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of lines.")] = False,
) -> None:
    """Show the whole call that a record is of: its hops, who saw each, and why they are one call.

    Called numbers are masked. The audit notes that the call was seen.
    """
    django()
    from django.conf import settings
    from django.db import transaction

    from headwater.accounts.actors import system
    from headwater.audit import actions as audit
    from headwater.audit.tags import Tag
    from headwater.calls import queries
    from headwater.calls.related import call_of

    call = call_of(queries.connect(settings.HEADWATER.calls_url), record)
    with transaction.atomic():
        audit.record(system("operator"), Tag.CALL_VIEWED, str(record), {"hops": len(call.hops)})
    if as_json:
        print(json.dumps(as_object(call), indent=2))
    else:
        print("\n".join(lines(call)))


def lines(call: "Call") -> Iterator[str]:
    """Yield the call as lines for reading."""
    from headwater.numbering.numbers import display, masked

    first = call.hops[0]
    numbers = f"{display(first.calling)} -> {masked(first.called)}"
    yield f"{first.started:%Y-%m-%d %H:%M:%S.%f} UTC  {numbers}  {_outcome(call.status)}"
    call_ids = len({hop.call_id for hop in call.hops})
    yield f"{len(call.hops)} hops, {call_ids} Call-IDs, joined with {call.confidence:.3f}"
    for number, hop in enumerate(call.hops, 1):
        late = (hop.started - first.started).total_seconds()
        yield ""
        yield f"{number:>3}  {hop.source_ip} -> {hop.destination_ip}  +{late:.3f} s  {_outcome(hop.status)}"
        yield f"     Call-ID {hop.call_id}"
        if hop.identity_digest:
            says = f"says attestation {hop.attest or '-'}, origid {hop.origid or '-'}"
            yield f"     Identity {hop.identity_digest[:16]}  {says}"
        yield f"     came by {', '.join(f'{credential}, read by {software}' for credential, software in hop.came_by)}"
        yield f"     seen by {', '.join(f'{source} (agent {agent})' for source, agent in hop.witnesses)}"
        said = [f"{name} {hop.record.headers[name]}" for name in SHOWN if name in hop.record.headers]
        if said:
            yield f"     {'; '.join(said)}"
        block = [
            f"{name[6:]} {hop.answer.headers[name]}" for name in BLOCK if hop.answer and name in hop.answer.headers
        ]
        if block:
            yield f"     BLOCKED: {'; '.join(block)}"
    if call.joins or call.possible:
        yield ""
    for join in call.joins:
        yield f"joined   {_ends(join)}: {join.why} ({join.rule.value}, {join.confidence:.3f})"
    for join in call.possible:
        yield f"possible {_ends(join)}: {join.why} ({join.rule.value}, {join.confidence:.3f}), not joined"


def _ends(join: "Join") -> str:
    return f"{join.first.destination_ip} -> {join.second.destination_ip}"


def _outcome(status: int) -> str:
    return {0: "no final answer seen", 200: "answered"}.get(status, f"ended {status}")


def as_object(call: "Call") -> dict[str, Any]:
    """Return the call for machines; called numbers are masked here too."""
    return {
        "status": call.status,
        "confidence": call.confidence,
        "hops": [_hop(hop) for hop in call.hops],
        "joins": [_join(join) for join in call.joins],
        "possible": [_join(join) for join in call.possible],
    }


def _hop(hop: "Hop") -> dict[str, Any]:
    from headwater.numbering.numbers import masked

    headers = {name: hop.record.headers[name] for name in SHOWN if name in hop.record.headers}
    return {
        "started": hop.started.isoformat().replace("+00:00", "Z"),
        "source_ip": hop.source_ip,
        "destination_ip": hop.destination_ip,
        "calling": hop.calling,
        "called": masked(hop.called),
        "call_id": hop.call_id,
        "status": hop.status,
        "ended": hop.ended.isoformat().replace("+00:00", "Z") if hop.ended else None,
        "identity_digest": hop.identity_digest,
        "attest": hop.attest,
        "origid": hop.origid,
        "witnesses": [{"source_id": source, "capture_agent": agent} for source, agent in hop.witnesses],
        "records": [str(view.record_id) for view in hop.views],
        "came_by": [{"credential": credential, "software": software} for credential, software in hop.came_by],
        "headers": headers,
        "block": {name: value for name, value in hop.answer.headers.items() if name in BLOCK} if hop.answer else {},
    }


def _join(join: "Join") -> dict[str, Any]:
    return {
        "from": join.first.destination_ip,
        "to": join.second.destination_ip,
        "call_ids": [join.first.call_id, join.second.call_id],
        "rule": join.rule.value,
        "confidence": join.confidence,
        "why": join.why,
    }

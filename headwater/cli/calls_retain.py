"""``headwater calls retain``, ``hold``, ``release``, ``holds``: how long calls are kept, and what is held beyond it."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from headwater.errors import Invalid, Unavailable
from headwater.site.setup import django

if TYPE_CHECKING:
    from headwater.retention.queries import HoldView

#: Seconds that a run may take until the command stops waiting; the run itself goes on.
PATIENCE_S = 3_600.0
Reason = Annotated[str, typer.Option("--reason", help="Why; the audit keeps it.")]
Moment = Annotated[str, typer.Option(help="Time in UTC, such as 2026-11-24T12:00:00Z.")]


def add_to(group: typer.Typer) -> None:
    """Add the commands to ``headwater calls``."""
    group.command("retain")(retain)
    group.command("hold")(hold)
    group.command("release")(release)
    group.command("holds")(holds)


def retain(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Tell what would go, delete nothing.")] = False,
) -> None:
    """Delete now what is past its time by retention.toml and not held. The calls process does so every hour."""
    import httpx

    from headwater.site.config import Process, load
    from headwater.site.secret_files import CALLS_READERS, read_json

    config = load()
    secret = read_json(config.secrets / CALLS_READERS).get(Process.ADMIN.value, "")
    address = f"http://{config.host}:{config.calls_port}/retain{'?dry' if dry_run else ''}"
    try:
        answer = httpx.post(address, auth=(Process.ADMIN.value, secret), timeout=PATIENCE_S)
    except httpx.HTTPError as error:
        raise Unavailable(f"the calls process does not answer ({error}); start it with `headwater up`") from error
    if answer.status_code != httpx.codes.OK:
        raise Unavailable(f"nothing was deleted: {answer.json().get('detail', answer.text[:200])}")
    expired = answer.json()["expired"]
    if not expired:
        print("nothing is past its time")
    for one in expired:
        of = f"{one['source']} {one['class']}".strip()
        between = f"received {one['first_received'][:19]} to {one['last_received'][:19]} UTC"
        print(f"{'would go' if dry_run else 'deleted':<9}{one['what']:<8}{one['count']:>12,}  {of}, {between}")


def hold(
    *,
    reason: Reason,
    campaign: Annotated[str, typer.Option(help="Hold the calls of this campaign, those to come too.")] = "",
    process: Annotated[str, typer.Option(help="Hold the calls that this legal process covers.")] = "",
    records: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="Hold the records of this file, one id a line.")
    ] = None,
    source: Annotated[str, typer.Option(help="Hold what this source sent, with --start and --end.")] = "",
    start: Moment = "",
    end: Moment = "",
) -> None:
    """Set a legal hold: what it names is not deleted until it is released. Audited."""
    django()
    from headwater import clock
    from headwater.accounts.actors import system
    from headwater.legal import holds as holds_of_process
    from headwater.retention import actions
    from headwater.retention.rules import Wish

    if process:
        if campaign or records or source:
            raise Invalid("a hold names one thing: a campaign, a process, records, or a source")
        _print(holds_of_process.hold(system("operator"), process, reason=reason))
        return
    wish = Wish(
        campaign=campaign,
        records=_records(records) if records else (),
        source=source,
        start=_moment(start),
        end=_moment(end),
    )
    _print(actions.set_hold(system("operator"), wish, reason=reason, now=clock.now()))


def release(hold_id: Annotated[str, typer.Argument(metavar="HOLD")], reason: Reason) -> None:
    """Release a legal hold. Audited."""
    django()
    from headwater import clock
    from headwater.accounts.actors import system
    from headwater.retention import actions

    _print(actions.release_hold(system("operator"), hold_id, reason=reason, now=clock.now()))


def holds() -> None:
    """List the legal holds, standing ones first. Audited."""
    django()
    from headwater.accounts.actors import system
    from headwater.retention import queries

    for one in queries.holds(system("operator")):
        _print(one)


def _print(one: "HoldView") -> None:
    span = f" {one.start:%Y-%m-%dT%H:%MZ} to {one.end:%Y-%m-%dT%H:%MZ}" if one.start and one.end else ""
    what = f"{one.kind} {one.subject}".strip() + (span or f", {one.records:,} records")
    state = f"released {one.released_at:%Y-%m-%d} by {one.released_by}" if one.released_at else "standing"
    print(f"{one.id}  {what}  {state}  set {one.set_at:%Y-%m-%d} by {one.set_by}: {json.dumps(one.reason)}")


def _records(file: Path) -> tuple[UUID, ...]:
    found = []
    for number, line in enumerate(file.read_text().splitlines(), start=1):
        if line.strip():
            try:
                found.append(UUID(line.strip()))
            except ValueError:
                raise Invalid(f"{file} line {number} is no identifier of a record: {line[:60]!r}") from None
    return tuple(found)


def _moment(text: str) -> datetime | None:
    if not text:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise Invalid(f"{text!r} is no time; write 2026-11-24T12:00:00Z") from None
    if at.tzinfo is None:
        raise Invalid(f"{text!r} has no zone; write 2026-11-24T12:00:00Z")
    return at.astimezone(UTC)

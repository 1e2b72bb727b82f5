"""``headwater intake vcon``: conversations with their recordings and transcripts, through the feed door."""

from pathlib import Path
from typing import Annotated

import msgspec
import typer

from headwater.errors import Invalid


def add_to(group: typer.Typer) -> None:
    """Add the command to ``headwater intake``."""
    group.command("vcon")(vcon)


def vcon(
    files: Annotated[list[Path], typer.Argument(exists=True, dir_okay=False, help="vCons, plain or signed.")],
    token_file: Annotated[
        Path, typer.Option(exists=True, dir_okay=False, help="File with the token of the source's feed credential.")
    ],
    to: Annotated[str, typer.Option(help="Address of the feed door; empty: this machine's.")] = "",
) -> None:
    """Take in vCons: each dialog becomes a call, with transcript, and its recording is kept in the data directory.

    A signed one is taken if its signature holds. What a url names is not fetched; its digest is noted.
    """
    from headwater import clock  # these here: help must come without them
    from headwater.cli.intake_events import own_door
    from headwater.intake.events import deliver
    from headwater.intake.events.conversations import read_events
    from headwater.intake.recordings import Recordings
    from headwater.intake.vcon import LONGEST
    from headwater.site.config import load

    recordings = Recordings(load().home)
    door = deliver.FeedDoor(to or own_door(), token_file.read_text().strip())
    refused = 0
    try:
        for path in files:
            try:
                with path.open("rb") as file:
                    events = read_events(file.read(LONGEST + 1), recordings, now=clock.now())
            except Invalid as error:
                refused += 1
                print(f"{path.name}: refused: {error}")
                continue
            answer = door.send([msgspec.json.encode(event) for event in events])
            kept = sum(bool(event.data.content.sha256) for event in events)
            told = f"{answer.accepted} stored, {answer.duplicates} there already, {answer.rejected} refused"
            print(f"{path.name}: {len(events)} dialogs, {told}; {kept} recordings kept")
            for fault in answer.errors:
                print(f"  dialog {fault.line}: {fault.reason}")
            signed = events[0].data.provenance.method
            print(f"  {signed}")
    finally:
        door.close()
    if refused:
        raise typer.Exit(1)
